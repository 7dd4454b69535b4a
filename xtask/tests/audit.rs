//! The audit against the real advisory database: it must find what is known to be bad.

use std::env;
use std::path::Path;

use xtask::audit::{Advisories, DATABASE_VARIABLE};
use xtask::test::skip;

#[test]
fn an_old_quinn_proto_is_found() -> Result<(), String> {
    let Some(advisories) = open()? else {
        return skip("an_old_quinn_proto_is_found", &no_database());
    };
    let findings = advisories.findings(&lock("quinn-proto", "0.11.3")).unwrap();
    assert!(
        findings
            .iter()
            .any(|line| line.starts_with("RUSTSEC-2026-0037: vulnerability: quinn-proto 0.11.3")),
        "{findings:?}"
    );
    assert_eq!(advisories.findings(&lock("quinn-proto", "0.11.19")).unwrap(), [""; 0]);
    Ok(())
}

#[test]
fn an_unmaintained_crate_is_found_unless_it_is_accepted() -> Result<(), String> {
    let Some(advisories) = open()? else {
        return skip("an_unmaintained_crate_is_found_unless_it_is_accepted", &no_database());
    };
    let findings = advisories.findings(&lock("rustls-pemfile", "2.2.0")).unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].starts_with("RUSTSEC-2025-0134: unmaintained"), "{findings:?}");
    assert_eq!(advisories.findings(&lock("bincode", "2.0.1")).unwrap(), [""; 0]);
    Ok(())
}

#[test]
fn a_folder_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = Advisories::open(folder.path()).unwrap_err().to_string();
    assert!(refusal.ends_with("has no folder crates/: it is no advisory database"), "{refusal}");
    let refusal = Advisories::open(&folder.path().join("gone.tar.gz")).unwrap_err().to_string();
    assert!(refusal.ends_with("gone.tar.gz, which is not there"), "{refusal}");
}

/// The database that the environment names, if it names one.
fn open() -> Result<Option<Advisories>, String> {
    let Some(place) = env::var_os(DATABASE_VARIABLE) else {
        return Ok(None);
    };
    Advisories::open(Path::new(&place)).map(Some).map_err(|error| format!("{error:#}"))
}

fn no_database() -> String {
    format!("{DATABASE_VARIABLE} is not set")
}

fn lock(name: &str, version: &str) -> String {
    format!(
        "version = 4\n\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n\
         source = \"registry+https://github.com/rust-lang/crates.io-index\"\n"
    )
}
