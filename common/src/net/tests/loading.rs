//! Loading certificates and keys: every fault is one plain line that names the file.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::pki::{Pki, now, usage, valid, write_key};
use crate::net::certificates::{CertificateError, Credentials, TlsPaths};
use crate::net::identity::{Holder, Purpose};

const DAEMON: &str = "spiffe://systole/daemon/mon-1";
const AGENT: &str = "spiffe://systole/agent/web-1";

fn agent(pki: &Pki) -> TlsPaths {
    pki.store(Holder::Agent, "web-1", &pki.pair(AGENT, Holder::Agent, |_| {}))
}

/// Loads an agent's credentials, which must fail with one line that holds `file` and `told`.
fn refused(paths: &TlsPaths, file: &str, told: &str) -> CertificateError {
    let error = Credentials::load(Holder::Agent, paths, now()).unwrap_err();
    let line = error.to_string();
    assert!(line.contains(file) && line.contains(told), "{line}");
    assert_eq!(line.lines().count(), 1);
    error
}

#[test]
fn the_only_leaf_of_the_folder_is_the_default() {
    let pki = Pki::new();
    agent(&pki);
    let paths = TlsPaths::beside(&pki.path().join("agent.toml"));
    assert_eq!(paths.ca, pki.path().join("certs"));
    let paths = TlsPaths { ca: pki.path().into(), ..paths };
    let credentials = Credentials::load(Holder::Agent, &paths, now()).unwrap();
    assert_eq!(credentials.leaf.identity.to_string(), "agent web-1");
    let endings = credentials.endings();
    assert_eq!(endings[0].what, "own certificate");
    assert_eq!((endings[1].what.as_str(), endings.len()), ("daemon CA", 2));

    pki.store(Holder::Agent, "web-2", &pki.pair(AGENT, Holder::Agent, |_| {}));
    refused(&paths, "agent", "holds 2 certificates; set tls.cert");
    let nothing = TlsPaths { ca: pki.path().join("none"), ..paths };
    refused(&nothing, "none/agent", "holds no certificate");
}

#[test]
fn keys_that_are_not_safe_files_are_refused() {
    type Change = fn(&Path);
    let cases: [(&str, Change, &str); 6] = [
        (
            "loose",
            |key| write_key(&key.into(), "x", 0o644),
            "mode 0644 lets others use the key; run `chmod 600",
        ),
        ("group", |key| write_key(&key.into(), "x", 0o620), "mode 0620"),
        ("folder", |key| fs::create_dir(key).unwrap(), "is not a regular file"),
        ("empty", |key| write_key(&key.into(), "", 0o600), "is empty"),
        ("missing", |_| {}, "no such file"),
        ("garbled", |key| write_key(&key.into(), "-----BEGIN", 0o600), "holds no private key"),
    ];
    for (case, change, told) in cases {
        let pki = Pki::new();
        let mut paths = agent(&pki);
        let key = pki.path().join(format!("{case}.key"));
        change(&key);
        paths.key = Some(key);
        assert!(!refused(&paths, case, told).is_about_time());
    }
}

#[test]
fn a_key_behind_a_link_is_refused() {
    let pki = Pki::new();
    let mut paths = agent(&pki);
    let link = pki.path().join("link.key");
    symlink(pki.path().join("agent/web-1.key"), &link).unwrap();
    paths.key = Some(link);
    refused(&paths, "link.key", "must not be a symbolic link");
}

#[test]
fn a_key_of_somebody_else_is_refused() {
    let pki = Pki::new();
    let mut paths = agent(&pki);
    let key = pki.path().join("agent/web-1.key");
    let own = rustix::process::geteuid().as_raw();
    if own == 0 {
        std::os::unix::fs::chown(&key, Some(12_345), None).unwrap();
        refused(&paths, "web-1.key", "belongs to user 12345; run `chown 0");
    } else {
        // Only root can give a file away; others are refused a key that root alone can read.
        paths.key = Some("/proc/1/environ".into());
        refused(&paths, "/proc/1/environ", "");
    }
}

#[test]
fn certificates_that_do_not_fit_are_refused() {
    let pki = Pki::new();
    let as_agent = |pair| pki.store(Holder::Agent, "bad", &pair);
    let leaf = |spoil: fn(&mut rcgen::CertificateParams)| pki.pair(AGENT, Holder::Agent, spoil);

    let paths = as_agent(pki.pair(DAEMON, Holder::Daemon, |_| {}));
    refused(
        &paths,
        "bad.crt",
        "is the certificate of daemon mon-1, this program needs one of agent",
    );
    let paths = as_agent(leaf(|p| {
        p.extended_key_usages = vec![usage(Purpose::Server)];
    }));
    refused(&paths, "bad.crt", "is not made for clients");
    let paths = as_agent(leaf(|p| p.subject_alt_names.clear()));
    refused(&paths, "bad.crt", "no URI name");
    let paths = as_agent(pki.pair(AGENT, Holder::Operator, |_| {}));
    refused(&paths, "bad.crt", "was not signed by");
    let paths = as_agent(Pki::new().pair(AGENT, Holder::Agent, |_| {}));
    refused(&paths, "bad.crt", "agent-ca.crt; use certificates of one and the same");

    let mut mixed = leaf(|_| {});
    mixed.key = leaf(|_| {}).key;
    refused(&as_agent(mixed), "bad.key", "is not the key of");
}

#[test]
fn time_faults_can_mend_themselves() {
    let pki = Pki::new();
    let ended = pki.pair(AGENT, Holder::Agent, |p| valid(p, -9, -1));
    let paths = pki.store(Holder::Agent, "ended", &ended);
    assert!(refused(&paths, "ended.crt", "ended on").is_about_time());
    let early = pki.pair(AGENT, Holder::Agent, |p| valid(p, 1, 9));
    let paths = pki.store(Holder::Agent, "early", &early);
    assert!(refused(&paths, "early.crt", "check this machine's clock").is_about_time());

    let paths = agent(&pki);
    let error = Credentials::load(Holder::Agent, &paths, crate::time::UnixMs(0)).unwrap_err();
    assert!(error.is_about_time(), "{error}");
}

#[test]
fn ca_files_are_needed_and_must_be_certificates() {
    let pki = Pki::new();
    let paths = agent(&pki);
    let ca = pki.path().join("daemon-ca.crt");
    fs::write(&ca, "nothing").unwrap();
    refused(&paths, "daemon-ca.crt", "holds no certificate");
    fs::remove_file(&ca).unwrap();
    refused(&paths, "daemon-ca.crt", "no such file");

    // The CA of the own role need not be there.
    let pki = Pki::new();
    let paths = agent(&pki);
    fs::remove_file(pki.path().join("agent-ca.crt")).unwrap();
    Credentials::load(Holder::Agent, &paths, now()).unwrap();
}

#[test]
fn several_cas_in_a_file_are_all_trusted() {
    let (old, new) = (Pki::new(), Pki::new());
    let ca = |pki: &Pki| fs::read_to_string(pki.path().join("agent-ca.crt")).unwrap();
    fs::write(new.path().join("agent-ca.crt"), ca(&new) + &ca(&old)).unwrap();
    let paths = new.store(Holder::Agent, "old", &old.pair(AGENT, Holder::Agent, |_| {}));
    Credentials::load(Holder::Agent, &paths, now()).unwrap();
}

#[test]
fn a_daemon_needs_its_dns_name() {
    let pki = Pki::new();
    let pair = pki.pair(DAEMON, Holder::Daemon, |p| p.subject_alt_names.truncate(1));
    let paths = pki.store(Holder::Daemon, "mon-1", &pair);
    let error = Credentials::load(Holder::Daemon, &paths, now()).unwrap_err();
    assert!(error.to_string().contains("lacks the DNS name mon-1"), "{error}");
}
