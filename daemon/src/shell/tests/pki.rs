//! A small certificate authority for tests, in a folder as `cargo xtask certs` lays it out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use systole_common::ids::Identity;
use systole_common::net::certificates::{Credentials, TlsPaths};
use systole_common::net::identity::{Holder, Purpose};
use systole_common::net::tls::ClientTls;

use crate::shell::clock;

pub(super) struct Pki {
    issuers: BTreeMap<Holder, CertifiedIssuer<'static, KeyPair>>,
}

impl Pki {
    /// CAs and the daemon's leaf in `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        let mut issuers = BTreeMap::new();
        for holder in Holder::ALL {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            let name = format!("test {holder} CA");
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            let issuer =
                CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
            fs::create_dir_all(folder.join(holder.as_str())).unwrap();
            fs::write(folder.join(holder.ca_file()), issuer.pem()).unwrap();
            issuers.insert(holder, issuer);
        }
        let pki = Self { issuers };
        pki.leaf(folder, "spiffe://systole/daemon/mon-1");
        pki
    }

    /// A leaf of `uri` in `folder`.
    fn leaf(&self, folder: &Path, uri: &str) -> TlsPaths {
        let (_, identity) = Identity::parse_uri(uri).unwrap();
        let holder = Holder::of(&identity);
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        if let Identity::Daemon(name) = &identity {
            params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into().unwrap()));
        }
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match holder.purpose() {
            Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
            Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuers[&holder]).unwrap();
        let name = uri.rsplit('/').next().unwrap();
        let path = folder.join(holder.as_str()).join(format!("{name}.crt"));
        fs::write(&path, cert.pem()).unwrap();
        let key_path = path.with_extension("key");
        fs::write(&key_path, key.serialize_pem()).unwrap();
        fs::set_permissions(&key_path, fs::Permissions::from_mode(0o600)).unwrap();
        TlsPaths { cert: Some(path), key: Some(key_path), ca: folder.into() }
    }

    /// What a client with a fresh leaf of `uri` dials with.
    pub(super) fn client(&self, folder: &Path, uri: &str) -> (ClientTls, Credentials) {
        let paths = self.leaf(folder, uri);
        let (_, identity) = Identity::parse_uri(uri).unwrap();
        let credentials = Credentials::load(Holder::of(&identity), &paths, clock::wall()).unwrap();
        (ClientTls::new(&credentials, BTreeSet::new()), credentials)
    }
}
