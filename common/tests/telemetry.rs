//! Logging of a whole process: it is global, so each case is a child of this test program.
#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::process::{Command, Output, Stdio};

use systole_common::telemetry::{self, Format, LEVEL_DEFAULT, TelemetryError};
use tracing::{debug, info, warn};

/// Says to a child what it is.
const ROLE: &str = "TELEMETRY_TEST_ROLE";

/// What the modules of our programs begin with.
const OURS: &str = "systole_test";

/// Runs [`child`] in a process of its own, with nothing but `variables` in its environment.
fn run(role: &str, variables: &[(&str, &str)]) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env_clear()
        .env(ROLE, role)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The program that the cases look at; without a role there is nothing to play.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let format = Format::from_name(&role).unwrap_or_default();
    let level = if role == "loud" { "loud" } else { LEVEL_DEFAULT };
    let telemetry = match telemetry::start("systoled", format, level) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("{error}");
            return;
        }
    };
    assert!(matches!(telemetry::start("x", format, level), Err(TelemetryError::Twice)));
    info!(target: OURS, host = "web-1\nERROR forged", "connected");
    debug!(target: OURS, "not unless asked for");
    if role == "reload" {
        telemetry.set_level("debug").unwrap();
        assert!(telemetry.set_level("loud").is_err());
        debug!(target: OURS, "asked for now");
    }
    if role == "panic" {
        let hook_runs = std::thread::spawn(|| panic!("two\nlines"));
        assert!(hook_runs.join().is_err());
    }
    warn!(target: OURS, "last");
}

#[test]
fn text_is_one_line_an_event_and_has_no_colours_off_a_terminal() {
    let lines = lines(&run("text", &[]));
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].ends_with(" INFO  connected host=\"web-1\\nERROR forged\""), "{lines:?}");
    assert!(lines[1].ends_with(" WARN  last"), "{lines:?}");
    assert!(!lines.concat().contains('\u{1b}'));
}

#[test]
fn json_is_one_object_an_event() {
    let lines = lines(&run("json", &[]));
    assert_eq!(lines.len(), 2, "{lines:?}");
    let object: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(object["level"], "info");
    assert_eq!(object["message"], "connected");
    assert_eq!(object["fields"]["host"], "web-1\nERROR forged");
}

#[test]
fn the_variable_beats_the_configured_level() {
    assert_eq!(lines(&run("text", &[("SYSTOLE_LOG", "debug")])).len(), 3);
    assert_eq!(lines(&run("text", &[("SYSTOLE_LOG", "warn")])).len(), 1);
    assert_eq!(lines(&run("text", &[("SYSTOLE_LOG", "")])).len(), 2);
    let lines = lines(&run("text", &[("SYSTOLE_LOG", "lod")]));
    assert!(lines[0].starts_with("SYSTOLE_LOG \"lod\" is not understood: use one of off,"));
}

#[test]
fn a_wrong_configured_level_is_named() {
    let lines = lines(&run("loud", &[]));
    assert!(lines[0].starts_with("log.level \"loud\" is not understood"), "{lines:?}");
}

#[test]
fn the_level_changes_while_the_program_runs() {
    let lines = lines(&run("reload", &[]));
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[1].ends_with(" DEBUG asked for now"), "{lines:?}");
}

#[test]
fn a_panic_is_one_line_too() {
    let lines = lines(&run("panic", &[]));
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[1].contains(" ERROR panic what=\"two\\nlines\" place="), "{lines:?}");
}

#[test]
fn a_journal_stream_that_is_not_ours_is_no_journal() {
    let lines = lines(&run("text", &[("JOURNAL_STREAM", "8:12345")]));
    assert_eq!(lines.len(), 2, "{lines:?}");
}
