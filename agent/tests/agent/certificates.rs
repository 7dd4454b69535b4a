//! A folder of certificates as `cargo xtask certs` lays it out, for the daemon `mon-1` and hosts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use systole_common::ids::Identity;
use systole_common::net::certificates::{Credentials, TlsPaths};
use systole_common::net::identity::{Holder, Purpose};
use systole_common::time::UnixMs;

/// Issuing CAs and where their certificates lie.
pub(crate) struct Certificates {
    folder: PathBuf,
    issuers: Vec<(Holder, CertifiedIssuer<'static, KeyPair>)>,
}

impl Certificates {
    /// CAs in `folder`, with a leaf of daemon mon-1.
    pub(crate) fn new(folder: &Path) -> Self {
        let issuers = Holder::ALL.map(|holder| (holder, issuer())).into();
        let certificates = Self { folder: folder.to_owned(), issuers };
        fs::create_dir_all(folder).unwrap();
        for (holder, issuer) in &certificates.issuers {
            fs::write(folder.join(holder.ca_file()), issuer.pem()).unwrap();
        }
        certificates.issue("spiffe://systole/daemon/mon-1", (-1, 30));
        certificates
    }

    /// A leaf of `uri`, valid from and until so many days from now; its certificate file.
    pub(crate) fn issue(&self, uri: &str, days: (i64, i64)) -> PathBuf {
        let (_, identity) = Identity::parse_uri(uri).unwrap();
        let holder = Holder::of(&identity);
        let name = uri.rsplit('/').next().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        if holder == Holder::Daemon {
            params.subject_alt_names.push(SanType::DnsName(name.try_into().unwrap()));
        }
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match holder.purpose() {
            Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
            Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        valid(&mut params, days);
        let key = KeyPair::generate().unwrap();
        let issuer = &self.issuers.iter().find(|(other, _)| *other == holder).unwrap().1;
        let chain = params.signed_by(&key, issuer).unwrap().pem() + &issuer.pem();
        let folder = self.folder.join(holder.as_str());
        fs::create_dir_all(&folder).unwrap();
        let cert = folder.join(format!("{name}.crt"));
        let key_file = cert.with_extension("key");
        fs::write(&key_file, key.serialize_pem()).unwrap();
        fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&cert, chain).unwrap();
        cert
    }

    /// What a daemon loads.
    pub(crate) fn daemon(&self) -> Credentials {
        let paths = TlsPaths { cert: None, key: None, ca: self.folder.clone() };
        Credentials::load(Holder::Daemon, &paths, now()).unwrap()
    }
}

/// This machine's wall clock.
pub(crate) fn now() -> UnixMs {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixMs(i64::try_from(elapsed.as_millis()).unwrap())
}

fn issuer() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    valid(&mut params, (-2, 60));
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn valid(params: &mut CertificateParams, (from, until): (i64, i64)) {
    const DAY_MS: i64 = 24 * 3_600_000;
    let at =
        |days: i64| date_time_ymd(1970, 1, 1) + UnixMs(now().0 + days * DAY_MS).since(UnixMs(0));
    params.not_before = at(from);
    params.not_after = at(until);
}
