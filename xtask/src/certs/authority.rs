//! The root and the issuing CA of each kind of holder: read where they exist, made where not.
//!
//! A CA certificate that exists is never written again. A CA whose key was taken away (to be kept
//! offline) stays good as long as nothing has to be signed by it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, date_time_ymd,
};
use systole_common::ids::FleetName;
use systole_common::net::identity::{Holder, validity};
use systole_common::time::UnixMs;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;

use super::files::{Folder, is_loose, read, write_pair};
use super::{Action, DAYS_MAX, Entry, Report};

/// How long before `now` a certificate begins, for clocks that are a little behind.
pub(super) const EARLY: Duration = Duration::from_hours(1);
/// One day.
pub(super) const DAY: Duration = Duration::from_hours(24);

/// A CA: its certificate, and its key unless that is kept elsewhere.
#[derive(Debug)]
pub(super) struct Authority {
    path: PathBuf,
    pem: String,
    not_after: UnixMs,
    issuer: Option<Issuer<'static, KeyPair>>,
}

/// The issuing CAs of a folder.
#[derive(Debug)]
pub(super) struct Authorities {
    pub(super) fleet: FleetName,
    daemon: Authority,
    agent: Authority,
    operator: Authority,
}

impl Authorities {
    /// Reads the CAs of `folder` and makes those that are not there.
    pub(super) fn ensure(
        folder: &Folder,
        fleet: &FleetName,
        now: UnixMs,
        report: &mut Report,
    ) -> Result<Self> {
        let mut ensure = |name: &str, root: Option<&Authority>| -> Result<Authority> {
            let (authority, action) = ensure_ca(folder.path(), name, fleet, root, now)?;
            report.entries.push(Entry {
                path: authority.path.clone(),
                action,
                not_after: authority.not_after,
                note: String::new(),
            });
            Ok(authority)
        };
        let root = ensure("root", None)?;
        Ok(Self {
            fleet: fleet.clone(),
            daemon: ensure("daemon-ca", Some(&root))?,
            agent: ensure("agent-ca", Some(&root))?,
            operator: ensure("operator-ca", Some(&root))?,
        })
    }

    /// The CA that issues to `holder`.
    pub(super) fn of(&self, holder: Holder) -> &Authority {
        match holder {
            Holder::Daemon => &self.daemon,
            Holder::Agent => &self.agent,
            Holder::Operator => &self.operator,
        }
    }
}

impl Authority {
    /// Its certificate in PEM.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// Its certificate in DER.
    pub(super) fn der(&self) -> Result<Vec<u8>> {
        first_der(&self.pem).with_context(|| self.path.display().to_string())
    }

    /// Last instant of its validity.
    pub(super) fn not_after(&self) -> UnixMs {
        self.not_after
    }

    /// What signs with it, if its key is here and it has not ended.
    pub(super) fn issuer(&self, now: UnixMs) -> Result<&Issuer<'static, KeyPair>> {
        let path = self.path.display();
        ensure!(now <= self.not_after, "{path}: has ended; move it away to make a new CA");
        self.issuer.as_ref().with_context(|| {
            format!(
                "{}: is not there, so nothing can be signed; bring it back",
                self.path.with_extension("key").display()
            )
        })
    }
}

/// The first certificate of a PEM text, in DER.
pub(super) fn first_der(pem: &str) -> Result<Vec<u8>> {
    nth_der(pem, 0)?.context("holds no certificate")
}

/// The certificate number `n` of a PEM text, in DER.
pub(super) fn nth_der(pem: &str, n: usize) -> Result<Option<Vec<u8>>> {
    match Pem::iter_from_buffer(pem.as_bytes()).nth(n) {
        Some(found) => Ok(Some(found.context("is damaged")?.contents)),
        None => Ok(None),
    }
}

/// Sets the validity of `params`.
pub(super) fn set_validity(params: &mut CertificateParams, from: UnixMs, until: UnixMs) {
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + from.since(UnixMs(0));
    params.not_after = epoch + until.since(UnixMs(0));
}

/// A subject: the fleet and a name in it.
pub(super) fn subject(fleet: &FleetName, name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, fleet.as_str());
    subject.push(DnType::CommonName, name);
    subject
}

fn ensure_ca(
    folder: &Path,
    name: &str,
    fleet: &FleetName,
    root: Option<&Authority>,
    now: UnixMs,
) -> Result<(Authority, Action)> {
    let path = folder.join(format!("{name}.crt"));
    let key_path = folder.join(format!("{name}.key"));
    let key_name = key_path.display();
    ensure!(
        !is_loose(&key_path),
        "{key_name}: others can read it; run `chmod 600 {key_name}`, or make a new CA"
    );
    let key = read(&key_path)?
        .map(|pem| KeyPair::from_pem(&pem).with_context(|| format!("{key_name}: is no key")))
        .transpose()?;
    if let Some(pem) = read(&path)? {
        let authority =
            existing(path.clone(), pem, key, fleet).with_context(|| path.display().to_string())?;
        return Ok((authority, Action::Kept));
    }
    let is_new = key.is_none();
    let key = key.map_or_else(KeyPair::generate, Ok)?;
    let params = ca_params(fleet, name, root.is_none(), now);
    let certificate = match root {
        None => params.self_signed(&key)?,
        Some(root) => params.signed_by(&key, root.issuer(now)?)?,
    };
    let key_pem = key.serialize_pem();
    write_pair(is_new.then_some((&key_path, key_pem.as_str())), (&path, &certificate.pem()))?;
    let authority = existing(path, certificate.pem(), Some(key), fleet)?;
    Ok((authority, Action::Made))
}

fn existing(
    path: PathBuf,
    pem: String,
    key: Option<KeyPair>,
    fleet: &FleetName,
) -> Result<Authority> {
    let der = first_der(&pem)?;
    let (_, parsed) = X509Certificate::from_der(&der).context("is damaged")?;
    ensure!(parsed.is_ca(), "is no CA; move it away to make one");
    let organization =
        parsed.subject().iter_organization().next().and_then(|found| found.as_str().ok());
    if organization != Some(fleet.as_str()) {
        let found = organization.unwrap_or("none");
        bail!("belongs to fleet {found}, not {fleet}; choose another folder with --out");
    }
    if let Some(key) = &key {
        let is_pair = key.subject_public_key_info() == parsed.public_key().raw;
        ensure!(
            is_pair,
            "does not belong to the key beside it; restore both files from one backup"
        );
    }
    let (_, not_after) = validity(&der)?;
    let issuer = key
        .map(|key| Issuer::from_ca_cert_der(&der.as_slice().into(), key))
        .transpose()
        .context("cannot sign")?;
    Ok(Authority { path, pem, not_after, issuer })
}

fn ca_params(fleet: &FleetName, name: &str, is_root: bool, now: UnixMs) -> CertificateParams {
    let mut params = CertificateParams::default();
    let common = match name {
        "root" => format!("{fleet} root"),
        other => format!("{fleet} {}", other.replace("-ca", " CA")),
    };
    params.distinguished_name = subject(fleet, &common);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(u8::from(is_root)));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    set_validity(&mut params, now.minus(EARLY), now.plus(DAY * DAYS_MAX));
    params
}
