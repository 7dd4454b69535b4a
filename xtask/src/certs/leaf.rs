//! Leaves: what a good one contains, whether an existing one still serves, and making one.

use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData, SanType,
};
use systole_common::ids::{FleetName, Identity};
use systole_common::net::identity::{Holder, Leaf, Purpose, parse_leaf};
use systole_common::time::UnixMs;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::authority::{
    Authorities, Authority, DAY, EARLY, first_der, nth_der, set_validity, subject,
};
use super::files::{Folder, is_loose, read, write_pair};
use super::{Action, Entry, RENEW_DAYS, leaf_files};

/// Keeps the leaf of `identity` if it serves, else makes it anew with a new key.
pub(super) fn ensure(
    folder: &Folder,
    authorities: &Authorities,
    identity: &Identity,
    days: u32,
    now: UnixMs,
) -> Result<Entry> {
    let (path, key_path) = leaf_files(folder.path(), identity);
    let authority = authorities.of(Holder::of(identity));
    let wanted = Wanted { identity, fleet: &authorities.fleet, authority, now };
    let (action, note) = match (read(&path)?, read(&key_path)?) {
        (Some(_), Some(_)) if is_loose(&key_path) => {
            (Action::Renewed, "others could read its key".to_owned())
        }
        (Some(pem), Some(key)) => match wanted.judge(&pem, &key) {
            Ok(leaf) => {
                let note = String::new();
                return Ok(Entry { path, action: Action::Kept, not_after: leaf.not_after, note });
            }
            Err(fault) => (Action::Renewed, fault.to_owned()),
        },
        (Some(_), None) => (Action::Renewed, "its key was not there".to_owned()),
        (None, _) => (Action::Made, String::new()),
    };
    let not_after = now.plus(DAY * days).min(authority.not_after());
    let params = params(&authorities.fleet, identity, now.minus(EARLY), not_after)?;
    let issuer = authority.issuer(now)?;
    write(&params, issuer, authority, (&path, &key_path))?;
    Ok(Entry { path, action, not_after, note })
}

/// What a leaf must be to be kept.
struct Wanted<'a> {
    identity: &'a Identity,
    fleet: &'a FleetName,
    authority: &'a Authority,
    now: UnixMs,
}

impl Wanted<'_> {
    /// The leaf, or why it does not serve.
    fn judge(&self, pem: &str, key: &str) -> Result<Leaf, &'static str> {
        let der = first_der(pem).map_err(|_| "it was damaged")?;
        let leaf = parse_leaf(&der).map_err(|_| "it was not a leaf of ours")?;
        let ends_soon = leaf.not_after <= self.now.plus(DAY * RENEW_DAYS);
        let faults = [
            (leaf.identity != *self.identity, "it named somebody else"),
            (leaf.fleet != *self.fleet, "it was of another fleet"),
            (leaf.purpose != Holder::of(self.identity).purpose(), "it was made for something else"),
            (!has_dns_name(&leaf, self.identity), "it lacked its DNS name"),
            (leaf.not_after < self.now, "it had ended"),
            (ends_soon && leaf.not_after < self.authority.not_after(), "it was about to end"),
            (leaf.not_before > self.now, "it was not yet valid"),
            (self.is_of_another_ca(pem), "it was signed by another CA"),
            (!is_key_of(&der, key), "its key was another one"),
        ];
        match faults.into_iter().find(|(is_fault, _)| *is_fault) {
            Some((_, fault)) => Err(fault),
            None => Ok(leaf),
        }
    }

    fn is_of_another_ca(&self, pem: &str) -> bool {
        let issuer = nth_der(pem, 1).ok().flatten();
        issuer.is_none() || issuer != self.authority.der().ok()
    }
}

fn has_dns_name(leaf: &Leaf, identity: &Identity) -> bool {
    match identity {
        Identity::Daemon(name) => leaf.dns_names.iter().any(|dns| dns == name.as_str()),
        Identity::Agent(_) | Identity::Operator(..) => true,
    }
}

fn is_key_of(der: &[u8], key: &str) -> bool {
    let parsed = X509Certificate::from_der(der);
    let key = KeyPair::from_pem(key);
    parsed.is_ok_and(|(_, leaf)| {
        key.is_ok_and(|key| key.subject_public_key_info() == leaf.public_key().raw)
    })
}

/// What a good leaf of `identity` contains.
pub(super) fn params(
    fleet: &FleetName,
    identity: &Identity,
    from: UnixMs,
    until: UnixMs,
) -> Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(fleet, &identity.to_string());
    params.subject_alt_names = vec![SanType::URI(identity.uri(fleet).try_into()?)];
    if let Identity::Daemon(name) = identity {
        params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into()?));
    }
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![match Holder::of(identity).purpose() {
        Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
        Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
    }];
    params.use_authority_key_identifier_extension = true;
    set_validity(&mut params, from, until);
    Ok(params)
}

/// Signs a leaf with a new key and writes both; the leaf's file carries its CA as chain.
pub(super) fn write(
    params: &CertificateParams,
    issuer: &Issuer<'static, KeyPair>,
    chain: &Authority,
    (path, key_path): (&Path, &Path),
) -> Result<()> {
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer).with_context(|| path.display().to_string())?;
    let pem = certificate.pem() + chain.pem();
    write_pair(Some((key_path, &key.serialize_pem())), (path, &pem))
}
