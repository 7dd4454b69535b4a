//! What the sums are made of: libtest's lines, cargo's messages, and one small workspace that
//! is really built and run.

use std::fs;

use super::*;

fn check(lines: &str, success: bool, expected: &str) {
    let mut sums = Sums::default();
    lines.lines().for_each(|line| sums.read(line));
    assert_eq!(sums.tally(success).to_string(), expected, "{lines}");
}

#[test]
fn summaries_of_several_binaries_add_up() {
    check(
        "running 2 tests\ntest a ... ok\n\
         test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
         running 1 test\n\
         test result: FAILED. 0 passed; 1 failed; 3 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        false,
        "2 passed, 1 failed, 3 skipped",
    );
}

#[test]
fn a_binary_that_dies_is_a_failure() {
    check("running 7 tests\ntest a ... ok", false, "0 passed, 1 failed, 0 skipped");
    check("", false, "0 passed, 1 failed, 0 skipped");
}

#[test]
fn prose_that_looks_like_a_headline_is_not_one() {
    check("running wild\nrunning 3 agents", true, "0 passed, 0 failed, 0 skipped");
}

#[test]
fn only_test_binaries_are_taken_from_the_messages() {
    let messages = concat!(
        r#"{"reason":"compiler-artifact","manifest_path":"/w/common/Cargo.toml","target":{"kind":["lib"],"name":"systole_common"},"profile":{"test":true},"executable":"/w/target/a"}"#,
        "\n",
        r#"{"reason":"compiler-artifact","manifest_path":"/w/daemon/Cargo.toml","target":{"kind":["bin"],"name":"systoled"},"profile":{"test":false},"executable":"/w/target/b"}"#,
        "\n",
        r#"{"reason":"build-finished","success":true}"#,
    );
    let expected = Suite {
        label: "common: lib systole_common".to_owned(),
        executable: PathBuf::from("/w/target/a"),
        folder: PathBuf::from("/w/common"),
    };
    assert_eq!(suites(messages).expect("sound messages"), [expected]);
}

#[test]
fn a_small_workspace_is_built_run_and_summed() {
    let root = workspace();
    let suites = Suites { root: root.path(), packages: &[], required: false };
    let (own, end_to_end) = suites.build().expect("it builds");
    let labels: Vec<&str> = own.iter().map(|suite| suite.label.as_str()).collect();
    assert_eq!(labels, ["part: lib part", "part: test dies"]);
    // Three pass, one of them by a reported skip; one fails; one takes its binary with it.
    let sum = suites.run(&own).expect("it runs");
    assert_eq!(sum, Tally { passed: 2, failed: 2, skipped: 1 });
    assert_eq!(suites.run(&end_to_end).expect("it runs"), Tally::PASSED);
    let strict = Suites { required: true, ..suites };
    let sum = strict.run(&own).expect("it runs");
    assert_eq!(sum, Tally { passed: 2, failed: 3, skipped: 0 }, "a skip is a failure");
}

/// A workspace with a part whose tests end in every way there is, and one end to end.
fn workspace() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    let package = |name: &str| {
        format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n[lib]\ndoctest = false\n")
    };
    let skip = format!(
        "std::fs::write(std::env::var({LOG_VARIABLE:?}).unwrap(), \"b: no b\\n\").unwrap()"
    );
    let part = format!(
        "#[test] fn a() {{}}\n#[test] fn b() {{ {skip}; }}\n#[test] fn c() {{ panic!() }}\n#[test] fn d() {{}}\n"
    );
    let dies = "#[test] fn e() { std::process::abort() }\n";
    for (path, text) in [
        (
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"part\", \"tests\"]\n[profile.checked]\ninherits = \"dev\"\n",
        ),
        ("part/Cargo.toml", &package("part")),
        ("part/src/lib.rs", &part),
        ("part/tests/dies.rs", dies),
        ("tests/Cargo.toml", &package("systole-tests")),
        ("tests/src/lib.rs", "#[test] fn f() {}\n"),
    ] {
        let whole = root.path().join(path);
        fs::create_dir_all(whole.parent().expect("a folder")).expect("a folder");
        fs::write(whole, text).expect("a file");
    }
    root
}
