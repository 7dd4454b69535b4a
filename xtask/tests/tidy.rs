//! `cargo xtask tidy` on this checkout, and on small trees with one planted breach each: a
//! rule that does not bite is no rule.
#![expect(clippy::unwrap_used, reason = "a tree that cannot be planted fails its test")]

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use xtask::tidy::{Breach, EXCEPTIONS, Exceptions, check};

const NO_EXCEPTIONS: Exceptions = Exceptions { sizes: &[] };
const ENGINE: &str = "daemon/src/engine/alert.rs";

#[test]
fn this_checkout_has_no_breach() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let breaches = check(root, &EXCEPTIONS).unwrap();
    let lines: Vec<String> = breaches.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

#[test]
fn a_sound_tree_has_no_breach() {
    assert_eq!(breaches(&[]), []);
}

#[test]
fn a_breach_is_one_line_with_place_rule_and_advice() {
    let found = breaches(&[(ENGINE, "//! Alerts.\n\nuse std::fs;\n")]);
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "daemon/src/engine/alert.rs:3: pure: `std::fs` reaches a file: take it as an argument or return an effect"
        ]
    );
}

#[test]
fn pure_code_reaches_nothing_outside() {
    for code in [
        "fn f() { std::time::Instant::now(); }",
        "use std::time as t; fn f() { t::SystemTime::now(); }",
        "fn f(s: Option<u8>) { s.map_or_else(Timestamp::now, g); }",
        "fn f() { <Clock as Time>::now(); }",
        "fn f() { let all = vec![Zoned::now()]; }",
        "fn f(start: Instant) { start.elapsed(); }",
        "use std::{fmt, net::UdpSocket};",
        "use core::net::*;",
        "fn f() { std::env::var(\"HOME\"); }",
        "use std::io::{self}; fn f() { io::stdin(); }",
        "fn f() { std::thread::sleep(d); }",
        "fn f() { tokio::spawn(g()); }",
        "fn f() { tokio::select! { _ = g() => {} } }",
        "use rand::Rng;",
        "fn f() { getrandom::fill(b); }",
        "use std::collections::HashMap;",
        "fn f(all: &HashSet<u8>) {}",
        "fn f() { println!(\"down\"); }",
    ] {
        bites("pure", &[(ENGINE, &format!("//! Alerts.\n{code}\n"))]);
    }
}

#[test]
fn every_pure_folder_is_watched_and_the_rest_is_not() {
    let code = "//! A file.\nuse std::fs;\n";
    for pure in [
        "common/src/model/host.rs",
        "common/src/time.rs",
        "daemon/src/engine.rs",
        "agent/src/engine/link.rs",
        "console/src/model/fleet.rs",
        "console/src/update.rs",
        "console/src/view/header.rs",
    ] {
        bites("pure", &[(pure, code)]);
    }
    for free in [
        "common/src/net/tls.rs",
        "common/src/telemetry.rs",
        "daemon/src/shell/store.rs",
        "daemon/src/config.rs",
        "console/src/shell/terminal.rs",
    ] {
        assert_eq!(breaches(&[(free, code)]), [], "{free}");
    }
}

#[test]
fn prose_values_and_tests_are_no_breach_of_purity() {
    assert_eq!(
        breaches(&[(
            ENGINE,
            "//! No HashMap, no std::fs, no Instant::now().\n\
             use std::net::{IpAddr, SocketAddr};\n\
             mod ring;\n\
             pub mod net;\n\
             /// Like `tokio::spawn`, but later.\n\
             fn f(rand: u8, now: Now) -> &'static str { ring::push(rand, now); \"std::env::var\" }\n\
             #[cfg(test)]\n\
             mod tests {\n    use std::collections::HashMap;\n}\n",
        )]),
        []
    );
}

#[test]
fn a_module_declared_for_tests_is_test_code() {
    let owner = ("daemon/src/engine/rules.rs", "//! Rules.\n#[cfg(test)]\nmod simulation;\n");
    let module = "daemon/src/engine/rules/simulation.rs";
    assert_eq!(breaches(&[owner, (module, "//! A day.\nuse std::fs;\n")]), []);
}

#[test]
fn the_engine_never_calls_its_shell() {
    bites("layers", &[(ENGINE, "//! Alerts.\nuse crate::shell::Store;\n")]);
    bites("layers", &[(ENGINE, "//! Alerts.\nuse super::super::shell;\n")]);
    bites("layers", &[(ENGINE, "//! Alerts.\nfn f(c: systole_common::net::Endpoint) {}\n")]);
    bites("layers", &[("common/src/ids.rs", "//! Ids.\nuse crate::telemetry::start;\n")]);
}

#[test]
fn a_file_has_at_most_400_lines_tests_aside() {
    let file = |code: usize, tests: usize| {
        let code = "const A: u8 = 0;\n".repeat(code - 1);
        let tests = "    const B: u8 = 0;\n".repeat(tests);
        format!("//! A file.\n{code}#[cfg(test)]\nmod tests {{\n{tests}}}\n")
    };
    bites("file-length", &[("daemon/src/a.rs", &file(401, 0))]);
    assert_eq!(breaches(&[("daemon/src/a.rs", &file(400, 300))]), []);
    assert_eq!(breaches(&[("daemon/tests/a.rs", &file(900, 0))]), []);
}

#[test]
fn a_function_has_at_most_50_lines_tests_aside() {
    let function = |lines: usize| format!("fn long() {{\n{}}}\n", "    g();\n".repeat(lines - 2));
    let method = |lines: usize| format!("//! A file.\nimpl A {{\n{}}}\n", function(lines));
    bites("function-length", &[("agent/src/a.rs", &format!("//! A file.\n{}", function(51)))]);
    bites("function-length", &[("agent/src/a.rs", &method(51))]);
    assert_eq!(breaches(&[("agent/src/a.rs", &method(50))]), []);
    let in_tests = format!("//! A file.\n#[cfg(test)]\nmod tests {{\n{}}}\n", function(90));
    assert_eq!(breaches(&[("agent/src/a.rs", &in_tests)]), []);
}

#[test]
fn exceptions_may_only_shrink() {
    const GRANTED: Exceptions = Exceptions { sizes: &[("daemon/src/a.rs", 410)] };
    let with_lines = |lines: usize| {
        let text = format!("//! A file.\n{}", "const A: u8 = 0;\n".repeat(lines - 1));
        let tree = plant(&[("daemon/src/a.rs", &text)]);
        let found = check(tree.path(), &GRANTED).unwrap();
        found.iter().map(|breach| breach.rule).collect::<Vec<_>>()
    };
    assert_eq!(with_lines(410), [""; 0]);
    assert_eq!(with_lines(405), ["file-length"], "the exception must shrink with the file");
    assert_eq!(with_lines(411), ["file-length", "exceptions"]);
    assert_eq!(with_lines(400), ["exceptions"], "nothing is excused any more");
}

#[test]
fn every_file_opens_with_its_purpose() {
    bites("module-doc", &[("agent/src/a.rs", "use std::fmt;\n")]);
    bites("module-doc", &[("agent/src/a.rs", "//!\nuse std::fmt;\n")]);
    bites("module-doc", &[("tests/tests/a.rs", "/// Not the file's.\nfn f() {}\n")]);
}

#[test]
fn only_the_codec_names_bincode() {
    bites("bincode", &[("common/src/wire/hello.rs", "//! Hello.\nuse bincode::config;\n")]);
    bites("bincode", &[("common/tests/bytes.rs", "//! Bytes.\nfn f() { bincode::decode(b); }\n")]);
    let prose = "//! Not bincode::encode.\nconst NAME: &str = \"bincode::encode\";\n";
    assert_eq!(breaches(&[("common/src/wire/hello.rs", prose)]), []);
}

#[test]
fn names_say_something() {
    bites("name", &[("daemon/src/util.rs", "//! A file.\n")]);
    bites("name", &[("daemon/src/helpers/text.rs", "//! A file.\n")]);
    bites("name", &[("daemon/src/a.rs", "//! A file.\nmod peer_manager {}\n")]);
}

#[test]
fn lints_are_neither_switched_off_nor_set_in_code() {
    bites("allow", &[("agent/src/a.rs", "//! A file.\n#[allow(dead_code)]\nfn f() {}\n")]);
    bites("allow", &[("agent/tests/a.rs", "//! A file.\n#![cfg_attr(test, allow(dead_code))]\n")]);
    bites("lints", &[("agent/src/a.rs", "//! A file.\n#![warn(missing_docs)]\n")]);
    bites("ignore", &[("agent/tests/a.rs", "//! A file.\n#[test]\n#[ignore]\nfn f() {}\n")]);
}

#[test]
fn manifests_keep_versions_reasons_lints_and_layers() {
    let root = |line: &str| SOUND_ROOT.replace("serde = \"1\" # one derive", line);
    bites("reason", &[("Cargo.toml", &root("serde = \"1\""))]);
    bites("reason", &[("Cargo.toml", &root("serde = { version = \"1\", features = [\"#\"] }"))]);
    bites("reason", &[("Cargo.toml", &root("serde = \"1\" #"))]);
    let member = |text: &str| format!("[package]\nname = \"systole-daemon\"\n{text}\n");
    let lints = "[lints]\nworkspace = true";
    let daemon = "daemon/Cargo.toml";
    bites("lints", &[(daemon, &member(""))]);
    bites("lints", &[(daemon, &member(&format!("{lints}\n[lints.clippy]\ntodo = \"allow\"")))]);
    let with = |line: &str| member(&format!("[dev-dependencies]\n{line}\n{lints}"));
    bites("versions", &[(daemon, &with("serde = \"1\""))]);
    bites("layers", &[(daemon, &with("systole-agent.workspace = true"))]);
    bites("bincode", &[(daemon, &with("bincode.workspace = true"))]);
    assert_eq!(breaches(&[(daemon, &with("serde.workspace = true"))]), []);
}

#[test]
fn the_lock_file_holds_no_banned_crate() {
    for (name, version) in [
        ("aws-lc-rs", "1.19.0"),
        ("aws-lc-sys", "0.47.0"),
        ("openssl-sys", "0.9.100"),
        ("bincode", "1.3.3"),
        ("bincode", "3.0.0"),
    ] {
        let package = format!("\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n");
        bites("lock", &[("Cargo.lock", &format!("{SOUND_LOCK}{package}"))]);
    }
}

#[test]
fn the_architecture_page_names_what_exists() {
    let page = |text: &str| format!("# Map\n{text}\n{SOUND_INVARIANTS}");
    bites("architecture", &[("ARCHITECTURE.md", &page("Alerts: `daemon/src/engine/alarm.rs`."))]);
    bites("architecture", &[("ARCHITECTURE.md", &page("Codec: `codex.rs`."))]);
    bites("architecture", &[("ARCHITECTURE.md", &page("`daemon/src/{lib,gone}.rs`"))]);
    bites("architecture", &[("ARCHITECTURE.md", &page("```\ndaemon/engines/   decides\n```"))]);
    let sound =
        "`daemon/src/{lib,main}.rs`, `src/lib.rs`, `systole/1`, `/etc/systole/`, `agent.toml`";
    assert_eq!(breaches(&[("ARCHITECTURE.md", &page(sound))]), []);
}

#[test]
fn every_invariant_names_a_test_that_exists() {
    let page = |item: &str| format!("# Map\n\n## Invariants\n{item}\n");
    let golden = "common/tests/golden.rs";
    bites("invariant", &[("ARCHITECTURE.md", "# Map\n")]);
    bites("invariant", &[("ARCHITECTURE.md", &page("- **Bytes never change.**"))]);
    bites("invariant", &[("ARCHITECTURE.md", &page(&format!("- **A.** Guard: `{golden}`")))]);
    for test in ["gone", "not_a_test"] {
        let item = format!("- **Bytes\n  never change.** Guard: `{golden}` `{test}`");
        bites("invariant", &[("ARCHITECTURE.md", &page(&item))]);
    }
    let item = format!(
        "- **Bytes.** Guard: `{golden}` `hello_is_frozen`, `{golden}` `beats_are_frozen`,\n  `{golden}` `round_trip`"
    );
    assert_eq!(breaches(&[("ARCHITECTURE.md", &page(&item))]), []);
}

/// Asserts that the sound tree with these files in it breaks `rule`, and no other.
fn bites(rule: &str, files: &[(&str, &str)]) {
    let found = breaches(files);
    let only = !found.is_empty() && found.iter().all(|breach| breach.rule == rule);
    assert!(only, "{rule} alone should bite on {files:?}, found {found:?}");
}

fn breaches(files: &[(&str, &str)]) -> Vec<Breach> {
    check(plant(files).path(), &NO_EXCEPTIONS).unwrap()
}

/// A small sound checkout, with `files` added or put in place of its own.
fn plant(files: &[(&str, &str)]) -> TempDir {
    let tree = TempDir::new().unwrap();
    for (path, text) in SOUND.iter().chain(files) {
        let whole = tree.path().join(path);
        fs::create_dir_all(whole.parent().unwrap()).unwrap();
        fs::write(whole, text).unwrap();
    }
    tree
}

const SOUND: &[(&str, &str)] = &[
    ("Cargo.toml", SOUND_ROOT),
    ("Cargo.lock", SOUND_LOCK),
    ("ARCHITECTURE.md", SOUND_INVARIANTS),
    ("daemon/Cargo.toml", "[package]\nname = \"systole-daemon\"\n[lints]\nworkspace = true\n"),
    ("daemon/src/lib.rs", "//! The daemon.\n"),
    ("daemon/src/main.rs", "//! Starts the daemon.\nfn main() {}\n"),
    (
        "common/tests/golden.rs",
        "//! Golden bytes.\n\
         #[test]\nfn hello_is_frozen() {}\n\
         #[tokio::test(start_paused = true)]\nasync fn beats_are_frozen() {}\n\
         proptest! {\n    #[test]\n    fn round_trip(a: u8) {}\n}\n\
         fn not_a_test() {}\n",
    ),
];

const SOUND_ROOT: &str = "[workspace]\nmembers = [\"daemon\"]\n\n[workspace.dependencies]\n\
    # Our own parts.\nsystole-daemon = { path = \"daemon\" }\n\
    serde = \"1\" # one derive\n\
    tokio = { version = \"1\", features = [\n  \"rt\",\n] } # the runtime\n";

const SOUND_LOCK: &str = "version = 4\n\n[[package]]\nname = \"bincode\"\nversion = \"2.0.1\"\n";

const SOUND_INVARIANTS: &str = "\n## Invariants\n\n\
    - **Bytes never change.** Guard: `common/tests/golden.rs` `hello_is_frozen`\n";
