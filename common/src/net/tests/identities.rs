//! The leaf parser: what it reads, and that nothing makes it panic.

use proptest::prelude::*;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::pki::Pki;
use crate::net::identity::{Fingerprint, Holder, IdentityError, Purpose, parse_leaf};

fn der(pki: &Pki, uri: &str, holder: Holder) -> Vec<u8> {
    let pair = pki.pair(uri, holder, |_| {});
    CertificateDer::from_pem_slice(pair.cert.as_bytes()).unwrap().to_vec()
}

#[test]
fn a_leaf_says_whose_it_is() {
    let der = der(&Pki::new(), "spiffe://f/daemon/mon-1", Holder::Daemon);
    let leaf = parse_leaf(&der).unwrap();
    assert_eq!(leaf.identity.to_string(), "daemon mon-1");
    assert_eq!((leaf.fleet.as_str(), leaf.purpose), ("f", Purpose::Server));
    assert_eq!(leaf.dns_names, ["mon-1"]);
    assert_eq!(leaf.fingerprint, Fingerprint::of(&der));
    assert!(leaf.not_before < leaf.not_after);
}

#[test]
fn cut_or_lengthened_bytes_are_refused() {
    let mut bytes = der(&Pki::new(), "spiffe://f/agent/a", Holder::Agent);
    for length in 0..bytes.len() {
        assert!(parse_leaf(&bytes[..length]).is_err());
    }
    bytes.push(0);
    assert_eq!(parse_leaf(&bytes), Err(IdentityError::Unreadable));
    bytes.resize(1 << 20, 0x30);
    assert_eq!(parse_leaf(&bytes), Err(IdentityError::Unreadable));
}

#[test]
fn fingerprints_are_read_as_people_paste_them() {
    let print = Fingerprint([0xab; 32]);
    let plain = print.to_string();
    let colons = vec!["AB"; 32].join(":");
    for text in
        [&plain, &colons, &format!("sha256:{plain}"), &format!("sha256 Fingerprint={colons}")]
    {
        assert_eq!(text.parse(), Ok(print), "{text}");
    }
    for text in ["", "ab", &plain[1..], &format!("{plain}ab"), &plain.replace('a', "g")] {
        assert!(text.parse::<Fingerprint>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(parse_leaf(&bytes).is_err());
    }
}

#[test]
fn changed_bytes_never_panic() {
    let good = der(&Pki::new(), "spiffe://f/operator/viewer/wall", Holder::Operator);
    for at in 0..good.len() {
        for value in [0x00, 0x1f, 0x30, 0x7f, 0x80, 0x84, 0xff] {
            let mut bytes = good.clone();
            bytes[at] = value;
            let _ = parse_leaf(&bytes);
        }
    }
}
