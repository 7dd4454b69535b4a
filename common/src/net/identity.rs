//! Reads a leaf certificate: whose it is, what it is for, how long it lasts, its fingerprint.
//!
//! It does not know CAs: what it returns is a claim until [`super::verify`] has checked the chain.
//! Any bytes may come in; none of them can make it panic.

use std::fmt;
use std::str::FromStr;

use ring::digest::{SHA256, digest};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::limits::LEAF_BYTES_MAX;
use crate::ids::{FleetName, IdError, Identity};
use crate::time::UnixMs;

/// Why bytes are not a certificate that Systole can use as a leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not X.509, not DER, an extension twice, or far too long.
    #[error("the certificate cannot be read; make it anew with `cargo xtask certs`")]
    Unreadable,
    /// It could sign other certificates.
    #[error("the certificate is a CA, not one of a program; use a leaf of `cargo xtask certs`")]
    IsCa,
    /// No URI in its subject alternative names.
    #[error(
        "the certificate has no URI name that says whose it is; make it with `cargo xtask certs`"
    )]
    NoUri,
    /// More than one URI.
    #[error(
        "the certificate has {count} URI names, exactly one is allowed; make it with `cargo xtask certs`"
    )]
    ManyUris {
        /// How many there are.
        count: usize,
    },
    /// The URI is not one of ours.
    #[error("the certificate's {0}")]
    Uri(#[from] IdError),
    /// No extended key usage.
    #[error(
        "the certificate does not say that it is for clients or for servers; make it with `cargo xtask certs`"
    )]
    NoPurpose,
    /// Both purposes, or another one.
    #[error(
        "the certificate must be for clients only or for servers only; make it with `cargo xtask certs`"
    )]
    MixedPurpose,
}

/// What the extended key usage allows: exactly one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// clientAuth: agents and operators.
    Client,
    /// serverAuth: daemons.
    Server,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "clients",
            Self::Server => "servers",
        })
    }
}

/// The three kinds of certificate holders, each with an issuing CA of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// systoled.
    Daemon,
    /// systole-agent.
    Agent,
    /// A person or script with the console.
    Operator,
}

impl Holder {
    /// All holders.
    pub const ALL: [Self; 3] = [Self::Daemon, Self::Agent, Self::Operator];

    /// The kind of `identity`'s holder.
    pub fn of(identity: &Identity) -> Self {
        match identity {
            Identity::Daemon(_) => Self::Daemon,
            Identity::Agent(_) => Self::Agent,
            Identity::Operator(..) => Self::Operator,
        }
    }

    /// Its name, which is also the folder of its leaves.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Agent => "agent",
            Self::Operator => "operator",
        }
    }

    /// The file of its issuing CA.
    pub fn ca_file(self) -> &'static str {
        match self {
            Self::Daemon => "daemon-ca.crt",
            Self::Agent => "agent-ca.crt",
            Self::Operator => "operator-ca.crt",
        }
    }

    /// What its certificates must be for.
    pub fn purpose(self) -> Purpose {
        match self {
            Self::Daemon => Purpose::Server,
            Self::Agent | Self::Operator => Purpose::Client,
        }
    }

    /// Whose certificates it accepts.
    pub fn trusts(self) -> &'static [Self] {
        match self {
            Self::Daemon => &[Self::Agent, Self::Operator],
            Self::Agent | Self::Operator => &[Self::Daemon],
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a leaf certificate says. A claim, until its chain is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The fleet in its URI.
    pub fleet: FleetName,
    /// Its holder, from its only URI.
    pub identity: Identity,
    /// What it is for.
    pub purpose: Purpose,
    /// Its DNS names; a daemon has its own name here.
    pub dns_names: Vec<String>,
    /// First instant of its validity.
    pub not_before: UnixMs,
    /// Last instant of its validity.
    pub not_after: UnixMs,
    /// SHA-256 of the whole certificate.
    pub fingerprint: Fingerprint,
}

/// SHA-256 of a certificate, as `openssl x509 -fingerprint -sha256` prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    pub fn of(der: &[u8]) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(digest(&SHA256, der).as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }
}

/// A text that is not a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is not a SHA-256 fingerprint: use 64 hexadecimal digits, with or without colons"
)]
pub struct FingerprintError {
    /// The text as given, shortened.
    given: String,
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let refused = || FingerprintError { given: text.chars().take(120).collect() };
        let value = text.rsplit_once('=').map_or(text, |(_, value)| value);
        let value = value.strip_prefix("sha256:").unwrap_or(value);
        let mut nibbles = value.chars().filter(|c| *c != ':').map(|c| c.to_digit(16));
        let mut bytes = [0_u8; 32];
        for byte in &mut bytes {
            let high = nibbles.next().flatten().ok_or_else(refused)?;
            let low = nibbles.next().flatten().ok_or_else(refused)?;
            *byte = u8::try_from(high * 16 + low).map_err(|_| refused())?;
        }
        if nibbles.next().is_some() { Err(refused()) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Reads a leaf certificate. Exactly one URI of ours, no CA, exactly one purpose, or an error.
pub fn parse_leaf(der: &[u8]) -> Result<Leaf, IdentityError> {
    if der.len() > LEAF_BYTES_MAX {
        return Err(IdentityError::Unreadable);
    }
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|_| IdentityError::Unreadable)?;
    if !rest.is_empty() {
        return Err(IdentityError::Unreadable);
    }
    refuse_signers(&certificate)?;
    let (uri, dns_names) = names(&certificate)?;
    let (fleet, identity) = Identity::parse_uri(&uri)?;
    Ok(Leaf {
        fleet,
        identity,
        purpose: purpose(&certificate)?,
        dns_names,
        not_before: unix_ms(certificate.validity().not_before.timestamp()),
        not_after: unix_ms(certificate.validity().not_after.timestamp()),
        fingerprint: Fingerprint::of(der),
    })
}

/// First and last instant of the validity of any certificate, a CA's for instance.
pub fn validity(der: &[u8]) -> Result<(UnixMs, UnixMs), IdentityError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| IdentityError::Unreadable)?;
    let validity = certificate.validity();
    Ok((unix_ms(validity.not_before.timestamp()), unix_ms(validity.not_after.timestamp())))
}

fn refuse_signers(certificate: &X509Certificate<'_>) -> Result<(), IdentityError> {
    let constraints = certificate.basic_constraints().map_err(|_| IdentityError::Unreadable)?;
    let usage = certificate.key_usage().map_err(|_| IdentityError::Unreadable)?;
    let is_ca = constraints.is_some_and(|found| found.value.ca);
    if is_ca || usage.is_some_and(|found| found.value.key_cert_sign()) {
        return Err(IdentityError::IsCa);
    }
    Ok(())
}

fn names(certificate: &X509Certificate<'_>) -> Result<(String, Vec<String>), IdentityError> {
    let found = certificate.subject_alternative_name().map_err(|_| IdentityError::Unreadable)?;
    let names = found.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    let mut uris = Vec::new();
    let mut dns_names = Vec::new();
    for name in names {
        match name {
            GeneralName::URI(uri) => uris.push(*uri),
            GeneralName::DNSName(name) => dns_names.push((*name).to_owned()),
            GeneralName::Invalid(..) => return Err(IdentityError::Unreadable),
            _ => {}
        }
    }
    match uris.as_slice() {
        [] => Err(IdentityError::NoUri),
        [uri] => Ok(((*uri).to_owned(), dns_names)),
        many => Err(IdentityError::ManyUris { count: many.len() }),
    }
}

fn purpose(certificate: &X509Certificate<'_>) -> Result<Purpose, IdentityError> {
    let usage = certificate
        .extended_key_usage()
        .map_err(|_| IdentityError::Unreadable)?
        .ok_or(IdentityError::NoPurpose)?
        .value;
    let others = usage.any
        || usage.code_signing
        || usage.email_protection
        || usage.time_stamping
        || usage.ocsp_signing
        || !usage.other.is_empty();
    match (others, usage.client_auth, usage.server_auth) {
        (false, true, false) => Ok(Purpose::Client),
        (false, false, true) => Ok(Purpose::Server),
        _ => Err(IdentityError::MixedPurpose),
    }
}

fn unix_ms(seconds: i64) -> UnixMs {
    UnixMs(seconds.saturating_mul(1_000))
}
