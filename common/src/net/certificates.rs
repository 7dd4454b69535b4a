//! Loads a program's own certificate and key and the CAs that it trusts, and says what is wrong.
//!
//! Every failure is one plain line that names the file and how to mend it. It does not talk TLS.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;

pub use super::certificate_error::CertificateError;
use super::identity::{Holder, Leaf, parse_leaf};
use super::keyfile::{read_chain, read_key};
use super::limits::LEAVES_LISTED_MAX;
use super::tls::provider;
use super::verify::{Anchor, ChainFault};
use crate::ids::Identity;
use crate::time::UnixMs;

/// The `[tls]` section: where certificate, key and CAs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPaths {
    /// Own certificate and chain; else the only one in `CA/ROLE/`.
    pub cert: Option<PathBuf>,
    /// Own key; else the certificate's name with `.key`.
    pub key: Option<PathBuf>,
    /// Folder of the CAs.
    pub ca: PathBuf,
}

impl TlsPaths {
    /// The defaults: the folder `certs/` beside the configuration file.
    pub fn beside(configuration: &Path) -> Self {
        let folder = configuration.parent().unwrap_or_else(|| Path::new(""));
        Self { cert: None, key: None, ca: folder.join("certs") }
    }
}

/// A program's own certificate and key, and the CAs that it trusts. Checked when it was loaded.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// What the own certificate says.
    pub leaf: Leaf,
    /// The own certificate's file.
    pub cert: PathBuf,
    /// The CAs, each good for one kind of peer.
    pub anchors: Vec<Anchor>,
    pub(super) certified: Arc<CertifiedKey>,
}

/// A certificate and when it ends, for warnings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Whose it is, for people: `own certificate`, `agent CA`.
    pub what: String,
    /// Its file.
    pub path: PathBuf,
    /// Last instant of its validity.
    pub not_after: UnixMs,
}

impl Credentials {
    /// Loads and checks what `own` needs. `now` is this machine's wall clock.
    pub fn load(own: Holder, paths: &TlsPaths, now: UnixMs) -> Result<Self, CertificateError> {
        let (cert, key) = own_files(own, paths)?;
        let chain = read_chain(&cert)?;
        let leaf = own_leaf(own, &cert, &chain)?;
        let certified = paired(chain, &cert, &key)?;
        let anchors =
            own.trusts().iter().map(|holder| anchor(*holder, paths)).collect::<Result<_, _>>()?;
        check_origin(own, &certified, &cert, paths, now)?;
        check_time(&leaf, &cert, now)?;
        Ok(Self { leaf, cert, anchors, certified: Arc::new(certified) })
    }

    /// When each certificate of this program ends: its own and the CAs.
    pub fn endings(&self) -> Vec<Ending> {
        let own = Ending {
            what: "own certificate".to_owned(),
            path: self.cert.clone(),
            not_after: self.leaf.not_after,
        };
        let anchors = self.anchors.iter().map(|anchor| Ending {
            what: format!("{} CA", anchor.holder),
            path: anchor.path.clone(),
            not_after: anchor.not_after,
        });
        std::iter::once(own).chain(anchors).collect()
    }
}

fn own_files(own: Holder, paths: &TlsPaths) -> Result<(PathBuf, PathBuf), CertificateError> {
    match (&paths.cert, &paths.key) {
        (Some(cert), Some(key)) => Ok((cert.clone(), key.clone())),
        (Some(cert), None) => Ok((cert.clone(), cert.with_extension("key"))),
        (None, Some(key)) => Ok((key.with_extension("crt"), key.clone())),
        (None, None) => {
            let cert = only_leaf(&paths.ca.join(own.as_str()))?;
            let key = cert.with_extension("key");
            Ok((cert, key))
        }
    }
}

fn only_leaf(folder: &Path) -> Result<PathBuf, CertificateError> {
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => CertificateError::NoLeaf { folder: folder.into() },
        _ => CertificateError::Unreadable { path: folder.into(), source },
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)?.take(LEAVES_LISTED_MAX) {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "crt") {
            found.push(path);
        }
    }
    match (found.len(), found.pop()) {
        (1, Some(path)) => Ok(path),
        (0, _) => Err(CertificateError::NoLeaf { folder: folder.into() }),
        (count, _) => Err(CertificateError::SeveralLeaves { folder: folder.into(), count }),
    }
}

fn own_leaf(
    own: Holder,
    path: &Path,
    chain: &[CertificateDer<'static>],
) -> Result<Leaf, CertificateError> {
    let der = chain.first().ok_or_else(|| CertificateError::NoCertificate { path: path.into() })?;
    let leaf =
        parse_leaf(der).map_err(|source| CertificateError::Leaf { path: path.into(), source })?;
    if Holder::of(&leaf.identity) != own {
        let found = leaf.identity;
        return Err(CertificateError::WrongRole { path: path.into(), found, needed: own });
    }
    if leaf.purpose != own.purpose() {
        return Err(CertificateError::WrongPurpose { path: path.into(), needed: own });
    }
    if let Identity::Daemon(name) = &leaf.identity
        && !leaf.dns_names.iter().any(|dns| dns == name.as_str())
    {
        return Err(CertificateError::NoDnsName { path: path.into(), name: name.to_string() });
    }
    Ok(leaf)
}

fn paired(
    chain: Vec<CertificateDer<'static>>,
    cert: &Path,
    key: &Path,
) -> Result<CertifiedKey, CertificateError> {
    let private = provider()
        .key_provider
        .load_private_key(read_key(key)?)
        .map_err(|_| CertificateError::NoKey { path: key.into() })?;
    let certified = CertifiedKey::new(chain, private);
    match certified.keys_match() {
        Ok(()) => Ok(certified),
        Err(_) => Err(CertificateError::KeyMismatch { cert: cert.into(), key: key.into() }),
    }
}

fn anchor(holder: Holder, paths: &TlsPaths) -> Result<Anchor, CertificateError> {
    let path = paths.ca.join(holder.ca_file());
    let certificates = read_chain(&path)?;
    Anchor::new(holder, path.clone(), &certificates).ok_or(CertificateError::BadCa { path })
}

/// The CA of the own role need not be on every host; where it is, the own leaf must come from it.
fn check_origin(
    own: Holder,
    certified: &CertifiedKey,
    cert: &Path,
    paths: &TlsPaths,
    now: UnixMs,
) -> Result<(), CertificateError> {
    let ca = match anchor(own, paths) {
        Ok(ca) => ca,
        Err(CertificateError::Missing { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let foreign = || CertificateError::Foreign { path: cert.into(), ca: ca.path.clone() };
    let leaf = certified.end_entity_cert().map_err(|_| foreign())?;
    match ca.check_chain(leaf, now) {
        Ok(()) | Err(ChainFault::Expired | ChainFault::NotYetValid) => Ok(()),
        Err(ChainFault::Foreign | ChainFault::Purpose | ChainFault::Other) => Err(foreign()),
    }
}

fn check_time(leaf: &Leaf, path: &Path, now: UnixMs) -> Result<(), CertificateError> {
    if now > leaf.not_after {
        let not_after = leaf.not_after;
        return Err(CertificateError::Expired { path: path.into(), not_after, now });
    }
    if now < leaf.not_before {
        let not_before = leaf.not_before;
        return Err(CertificateError::NotYetValid { path: path.into(), not_before, now });
    }
    Ok(())
}
