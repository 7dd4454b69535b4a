//! Certificates for one test, as `cargo xtask certs` lays them out.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use systole_common::net::certificates::{Credentials, TlsPaths};
use systole_common::net::identity::Holder;
use systole_common::time::UnixMs;
use tempfile::TempDir;

/// A folder of certificates.
pub(crate) struct Pki {
    folder: TempDir,
    daemon_ca: CertifiedIssuer<'static, KeyPair>,
    operator_ca: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    /// CAs, the daemon `mon-1` and the operator `alex`.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (daemon_ca, operator_ca) = (issuer("daemon"), issuer("operator"));
        for (file, pem) in [
            ("daemon-ca.crt", daemon_ca.pem()),
            ("operator-ca.crt", operator_ca.pem()),
            ("agent-ca.crt", issuer("agent").pem()),
        ] {
            fs::write(folder.path().join(file), pem).unwrap();
        }
        let pki = Self { folder, daemon_ca, operator_ca };
        pki.daemon("mon-1");
        pki.operator("alex", 2099);
        pki
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Credentials of the daemon `mon-1`.
    pub(crate) fn credentials(&self, now: UnixMs) -> Credentials {
        let paths = TlsPaths { cert: None, key: None, ca: self.path().to_path_buf() };
        Credentials::load(Holder::Daemon, &paths, now).unwrap()
    }

    /// Makes the only operator certificate, valid until `year`.
    pub(crate) fn operator(&self, name: &str, year: i32) -> PathBuf {
        let uri = format!("spiffe://systole/operator/operator/{name}");
        let mut params = leaf(&uri, ExtendedKeyUsagePurpose::ClientAuth);
        params.not_after = date_time_ymd(year, 1, 1);
        self.store("operator", name, &params, &self.operator_ca)
    }

    fn daemon(&self, name: &str) {
        let uri = format!("spiffe://systole/daemon/{name}");
        let mut params = leaf(&uri, ExtendedKeyUsagePurpose::ServerAuth);
        params.subject_alt_names.push(SanType::DnsName(name.try_into().unwrap()));
        self.store("daemon", name, &params, &self.daemon_ca);
    }

    fn store(
        &self,
        role: &str,
        name: &str,
        params: &CertificateParams,
        issuer: &CertifiedIssuer<'static, KeyPair>,
    ) -> PathBuf {
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, issuer).unwrap().pem() + &issuer.pem();
        let folder = self.path().join(role);
        fs::create_dir_all(&folder).unwrap();
        let (cert_file, key_file) =
            (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")));
        fs::write(&cert_file, pem).unwrap();
        fs::write(&key_file, key.serialize_pem()).unwrap();
        fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
        key_file
    }
}

fn issuer(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, format!("test {name} CA"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn leaf(uri: &str, usage: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "leaf");
    params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    params
}
