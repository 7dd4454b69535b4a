//! A small certificate authority for tests, with leaves as good or as bad as a test wants them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use tempfile::TempDir;

use crate::ids::Identity;
use crate::net::certificates::{Credentials, TlsPaths};
use crate::net::identity::{Holder, Purpose};
use crate::time::UnixMs;

/// A folder as `cargo xtask certs` lays it out.
pub(super) struct Pki {
    folder: TempDir,
    issuers: BTreeMap<Holder, CertifiedIssuer<'static, KeyPair>>,
}

/// A leaf with its key, in PEM.
pub(super) struct Pair {
    pub(super) cert: String,
    pub(super) key: String,
}

impl Pki {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut issuers = BTreeMap::new();
        for holder in Holder::ALL {
            let issuer = issuer(&format!("test {holder} CA"));
            fs::write(folder.path().join(holder.ca_file()), issuer.pem()).unwrap();
            issuers.insert(holder, issuer);
        }
        Self { folder, issuers }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A good leaf of `uri`, changed by `spoil`, signed by `signer`'s CA.
    pub(super) fn pair(
        &self,
        uri: &str,
        signer: Holder,
        spoil: impl FnOnce(&mut CertificateParams),
    ) -> Pair {
        let issuer = &self.issuers[&signer];
        let key = KeyPair::generate().unwrap();
        let mut params = leaf(uri);
        spoil(&mut params);
        let cert = params.signed_by(&key, issuer).unwrap().pem() + &issuer.pem();
        Pair { cert, key: key.serialize_pem() }
    }

    /// Puts `pair` where a program finds it, and says where that is.
    pub(super) fn store(&self, holder: Holder, name: &str, pair: &Pair) -> TlsPaths {
        let folder = self.path().join(holder.as_str());
        fs::create_dir_all(&folder).unwrap();
        let cert = folder.join(format!("{name}.crt"));
        fs::write(&cert, &pair.cert).unwrap();
        write_key(&folder.join(format!("{name}.key")), &pair.key, 0o600);
        TlsPaths { cert: Some(cert), key: None, ca: self.path().into() }
    }

    /// The credentials of a good leaf of `uri`.
    pub(super) fn credentials(&self, uri: &str) -> Credentials {
        let (_, identity) = Identity::parse_uri(uri).unwrap();
        let holder = Holder::of(&identity);
        let paths = self.store(holder, "good", &self.pair(uri, holder, |_| {}));
        Credentials::load(holder, &paths, now()).unwrap()
    }

    /// Credentials that trust as those of `uri` do and show `pair`, whatever is wrong with it.
    pub(super) fn showing(&self, uri: &str, pair: &Pair) -> Credentials {
        let mut credentials = self.credentials(uri);
        credentials.certified = std::sync::Arc::new(super::handshakes::certified(pair));
        credentials
    }
}

pub(super) fn write_key(path: &PathBuf, pem: &str, mode: u32) {
    fs::write(path, pem).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(super) fn now() -> UnixMs {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixMs(i64::try_from(elapsed.as_millis()).unwrap())
}

/// Sets a validity relative to now, in days.
pub(super) fn valid(params: &mut CertificateParams, from_days: i32, until_days: i32) {
    let at = |days: i32| {
        let day = Duration::from_hours(24) * days.unsigned_abs();
        let at = if days < 0 { now().minus(day) } else { now().plus(day) };
        date_time_ymd(1970, 1, 1) + at.since(UnixMs(0))
    };
    params.not_before = at(from_days);
    params.not_after = at(until_days);
}

fn issuer(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    valid(&mut params, -1, 3_650);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn leaf(uri: &str) -> CertificateParams {
    let (_, identity) = Identity::parse_uri(uri).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "leaf");
    params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    if let Identity::Daemon(name) = &identity {
        params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into().unwrap()));
    }
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage(Holder::of(&identity).purpose())];
    valid(&mut params, -1, 30);
    params
}

pub(super) fn usage(purpose: Purpose) -> ExtendedKeyUsagePurpose {
    match purpose {
        Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
        Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
    }
}
