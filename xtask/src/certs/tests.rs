//! What `cargo xtask certs` makes, keeps, renews and refuses to touch.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use systole_common::ids::Identity;
use systole_common::net::certificates::{CertificateError, Credentials, TlsPaths};
use systole_common::net::identity::Holder;
use systole_common::time::UnixMs;

use super::{Action, CertsArgs, Plan, Report, Variant, issue_at, leaf_files, plan};

const NOW: UnixMs = UnixMs(1_795_000_000_000);
const DAY: Duration = Duration::from_hours(24);

fn holders() -> Vec<Identity> {
    ["daemon/mon-1", "agent/web-1", "operator/admin/lead"]
        .map(|path| Identity::parse_uri(&format!("spiffe://systole/{path}")).unwrap().1)
        .to_vec()
}

fn plan_in(out: &Path) -> Plan {
    Plan { holders: holders(), ..Plan::new(out, "systole".parse().unwrap()) }
}

fn actions(report: &Report) -> Vec<Action> {
    report.entries.iter().map(|entry| entry.action).collect()
}

/// Every file below `folder` with its contents.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

fn load(out: &Path, identity: &Identity, now: UnixMs) -> Result<Credentials, CertificateError> {
    let (cert, key) = leaf_files(out, identity);
    let paths = TlsPaths { cert: Some(cert), key: Some(key), ca: out.into() };
    Credentials::load(Holder::of(identity), &paths, now)
}

#[test]
fn what_is_made_is_what_the_programs_take() {
    let folder = tempfile::tempdir().unwrap();
    let report = issue_at(&plan_in(folder.path()), NOW).unwrap();
    assert_eq!(actions(&report), vec![Action::Made; 7]);
    for identity in holders() {
        let credentials = load(folder.path(), &identity, NOW).unwrap();
        assert_eq!(credentials.leaf.identity, identity);
        assert_eq!(credentials.leaf.not_after, NOW.plus(DAY * 397));
    }
    for path in files(folder.path()).keys().map(Path::new) {
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let wanted = match path.extension().and_then(|extension| extension.to_str()) {
            Some("key") => 0o600,
            Some("crt") => 0o644,
            other => panic!("{} is left over ({other:?})", path.display()),
        };
        assert_eq!(mode, wanted, "{}", path.display());
    }
    let text = report.to_string();
    assert!(text.contains("web-1.crt  ") && text.contains("  until 2027-12-"), "{text}");
}

#[test]
fn a_second_run_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan_in(folder.path());
    issue_at(&plan, NOW).unwrap();
    let before = files(folder.path());
    let report = issue_at(&plan, NOW.plus(DAY)).unwrap();
    assert_eq!(actions(&report), vec![Action::Kept; 7]);
    assert_eq!(files(folder.path()), before);
}

fn loosen(key: &Path) {
    fs::set_permissions(key, fs::Permissions::from_mode(0o640)).unwrap();
}

#[test]
fn leaves_that_no_longer_serve_are_renewed_and_others_kept() {
    type Change = fn(&Path);
    let cases: [(&str, Change); 6] = [
        ("others could read its key", |out| {
            loosen(&out.join("agent/web-1.key"));
        }),
        ("its key was not there", |out| {
            fs::remove_file(out.join("agent/web-1.key")).unwrap();
        }),
        ("its key was another one", |out| {
            fs::copy(out.join("daemon/mon-1.key"), out.join("agent/web-1.key")).unwrap();
        }),
        ("it named somebody else", |out| {
            fs::copy(out.join("daemon/mon-1.crt"), out.join("agent/web-1.crt")).unwrap();
        }),
        ("it was damaged", |out| {
            fs::write(out.join("agent/web-1.crt"), "").unwrap();
        }),
        ("it was signed by another CA", |out| {
            fs::remove_file(out.join("agent-ca.crt")).unwrap();
            fs::remove_file(out.join("agent-ca.key")).unwrap();
        }),
    ];
    for (note, change) in cases {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan_in(folder.path());
        issue_at(&plan, NOW).unwrap();
        change(folder.path());
        let report = issue_at(&plan, NOW).unwrap();
        let renewed: Vec<_> =
            report.entries.iter().filter(|entry| entry.action == Action::Renewed).collect();
        assert_eq!(renewed.len(), 1, "{report}");
        assert_eq!(renewed[0].note, note);
        load(folder.path(), &holders()[1], NOW).unwrap();
    }
}

#[test]
fn leaves_are_renewed_fourteen_days_before_their_end() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { days: 30, ..plan_in(folder.path()) };
    issue_at(&plan, NOW).unwrap();
    let at = |days: u32| issue_at(&plan, NOW.plus(DAY * days)).unwrap();
    assert_eq!(actions(&at(15)), vec![Action::Kept; 7]);
    let report = at(16);
    assert_eq!(report.entries[4].note, "it was about to end");
    assert_eq!(actions(&report)[4..], [Action::Renewed; 3]);
    assert_eq!(report.entries[4].not_after, NOW.plus(DAY * 46));
    assert_eq!(at(90).entries[4].note, "it had ended");
}

#[test]
fn a_ca_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let plan = plan_in(out);
    issue_at(&plan, NOW).unwrap();
    let ca = fs::read(out.join("agent-ca.crt")).unwrap();

    // Without its key it serves as long as nothing is to be signed.
    fs::rename(out.join("agent-ca.key"), out.join("away")).unwrap();
    assert_eq!(actions(&issue_at(&plan, NOW).unwrap()), vec![Action::Kept; 7]);
    fs::remove_file(out.join("agent/web-1.crt")).unwrap();
    let error = format!("{:#}", issue_at(&plan, NOW).unwrap_err());
    assert!(error.contains("agent-ca.key: is not there"), "{error}");

    // A key of its own cannot make it another CA.
    fs::copy(out.join("daemon-ca.key"), out.join("agent-ca.key")).unwrap();
    let error = format!("{:#}", issue_at(&plan, NOW).unwrap_err());
    assert!(
        error.contains("agent-ca.crt") && error.contains("does not belong to the key"),
        "{error}"
    );

    // A key that others may have read is said, not used.
    fs::rename(out.join("away"), out.join("agent-ca.key")).unwrap();
    loosen(&out.join("agent-ca.key"));
    let error = format!("{:#}", issue_at(&plan, NOW).unwrap_err());
    assert!(error.contains("agent-ca.key: others can read it"), "{error}");

    // Its end is said, not mended.
    fs::set_permissions(out.join("agent-ca.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let error = format!("{:#}", issue_at(&plan, NOW.plus(DAY * 3_651)).unwrap_err());
    assert!(error.contains("has ended; move it away"), "{error}");
    assert_eq!(fs::read(out.join("agent-ca.crt")).unwrap(), ca);
}

#[test]
fn a_folder_belongs_to_one_fleet() {
    let folder = tempfile::tempdir().unwrap();
    issue_at(&plan_in(folder.path()), NOW).unwrap();
    let other = Plan { holders: holders(), ..Plan::new(folder.path(), "other".parse().unwrap()) };
    let error = format!("{:#}", issue_at(&other, NOW).unwrap_err());
    assert!(error.contains("belongs to fleet systole, not other"), "{error}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = format!("{:#}", issue_at(&plan_in(&file.join("certs")), NOW).unwrap_err());
    assert!(error.contains("file/certs"), "{error}");
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn every_refusal_variant_is_refused_by_the_programs() {
    let folder = tempfile::tempdir().unwrap();
    let refusals = Variant::ALL.into_iter().collect();
    let plan = Plan { refusals, ..plan_in(folder.path()) };
    issue_at(&plan, NOW).unwrap();
    issue_at(&plan, NOW).unwrap();
    for variant in Variant::ALL {
        let refused = folder.path().join("refusal").join(variant.as_str());
        for identity in holders() {
            let (cert, key) = leaf_files(&refused, &identity);
            let paths = TlsPaths { cert: Some(cert), key: Some(key), ca: folder.path().into() };
            let loaded = Credentials::load(Holder::of(&identity), &paths, NOW);
            // Another fleet's leaf is right in itself; only its peers can tell.
            assert_eq!(loaded.is_ok(), variant == Variant::OtherFleet, "{variant} {identity}");
        }
    }
}

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: CertsArgs,
}

#[test]
fn the_command_line_becomes_a_plan() {
    let parse = |words: &str| {
        let words = ["certs"].into_iter().chain(words.split_whitespace());
        Line::try_parse_from(words).map(|line| plan(&line.args).unwrap())
    };
    let made =
        parse("--out x --fleet f --name mon-1 --agent a b --operator o:viewer --days 30 --expired");
    let made = made.unwrap();
    let names: Vec<_> = made.holders.iter().map(Identity::to_string).collect();
    assert_eq!(names, ["daemon mon-1", "agent a", "agent b", "viewer o"]);
    assert_eq!((made.out.as_path(), made.days), (Path::new("x"), 30));
    assert_eq!(made.refusals, [Variant::Expired].into());
    assert_eq!(parse("--refusals").unwrap().refusals.len(), Variant::ALL.len());
    assert!(parse("").unwrap().holders.len() > 3, "profiles.toml");
    for wrong in ["--days 0", "--days 3651", "--agent A", "--operator o", "--operator o:root"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
