//! Texts that would do something to a terminal, or deceive who reads it, in every place where somebody
//! else can put one: none of it reaches a terminal, a pipe or a log, and each is seen for what it is.
//!
//! The terminal's whole byte stream is read against the few sequences that the console itself writes.

mod clean;
mod corpus;
mod eyes;
mod files;
mod hosts;
mod mouths;
mod talk;

use std::process::Command;

use anyhow::{Context, Result, ensure};
use systole_tests::pty::Pty;
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};

use self::clean::{is_clean_frames, is_clean_json, is_clean_text};
use self::corpus::corpus;

/// A terminal for commands.
const WIDE: (u16, u16) = (160, 50);

/// What a command prints for people is clean and holds each of `keys`, on a terminal too; its JSON is clean
/// and says each of `values`.
fn prints(scene: &Scene, args: &[&str], keys: &[String], values: &[String]) -> Result<()> {
    let ending = scene.console(args)?.done()?;
    is_clean_text(&ending.stderr)?;
    printed(&ending.stdout, keys)?;
    on_terminal(scene, args)?;
    let json = scene.console(&[args, &["--json"]].concat())?.done()?;
    printed_json(&json.stdout, values)?;
    println!("{args:?}: {} texts, {} in JSON", keys.len(), values.len());
    Ok(())
}

/// A text for people is clean and holds each of `keys`.
fn printed(text: &str, keys: &[String]) -> Result<()> {
    is_clean_text(text)?;
    let missing: Vec<&String> = keys.iter().filter(|key| !text.contains(*key)).collect();
    ensure!(missing.is_empty(), "{missing:?} are not shown in {text}");
    Ok(())
}

/// Lines of JSON have no foreign sign; read, they say each of `values`, hidden signs and all.
fn printed_json(text: &str, values: &[String]) -> Result<()> {
    is_clean_json(text)?;
    let mut said = Vec::new();
    for line in text.lines() {
        gather(&serde_json::from_str(line)?, &mut said);
    }
    let is_missing = |value: &&String| !said.iter().any(|text| text.contains(value.as_str()));
    let missing: Vec<&String> = values.iter().filter(is_missing).collect();
    ensure!(missing.is_empty(), "{missing:?} are not said in {text}");
    Ok(())
}

/// A command writes lines with attributes to a terminal, and nothing else.
fn on_terminal(scene: &Scene, args: &[&str]) -> Result<()> {
    let systole = scene.programs.console(&scene.stage, args);
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$0\" \"$@\"; echo THE END"]);
    shell.arg(systole.get_program()).args(systole.get_args()).current_dir(&scene.stage.dir);
    let pty = Pty::start(&shell, WIDE, &[])?;
    let bytes = until("the end of it", PATIENCE, || {
        let bytes = pty.bytes();
        Ok(bytes.ends_with(b"THE END\r\n").then_some(bytes))
    })?;
    is_clean_frames(&String::from_utf8(bytes)?.replace("\r\n", ""), WIDE)
        .with_context(|| format!("{args:?} on a terminal"))
}

fn gather(value: &serde_json::Value, said: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => said.push(text.clone()),
        serde_json::Value::Array(values) => values.iter().for_each(|one| gather(one, said)),
        serde_json::Value::Object(fields) => {
            said.extend(fields.keys().cloned());
            fields.values().for_each(|one| gather(one, said));
        }
        _ => {}
    }
}

/// The logs of all programs of the scene are clean; that of the daemon holds each of `keys`.
fn logs(scene: &Scene, keys: &[String]) -> Result<()> {
    for entry in std::fs::read_dir(scene.stage.dir.join("logs"))? {
        let path = entry?.path();
        let text = String::from_utf8(std::fs::read(&path)?)?;
        is_clean_text(&text)?;
        println!("{}: {} bytes", path.display(), text.len());
    }
    let log = scene.daemon_journal().lines()?.join("\n");
    let missing: Vec<&String> = keys.iter().filter(|key| !log.contains(*key)).collect();
    ensure!(missing.is_empty(), "the log does not show {missing:?}");
    Ok(())
}

#[test]
fn what_is_hostile_is_told_from_what_the_console_writes() {
    for one in corpus() {
        let raw = one.raw('n', corpus::TEXT_BYTES);
        assert!(is_clean_frames(&raw, (80, 24)).is_err(), "{raw:?} would pass");
        assert!(is_clean_text(&raw).is_err() || raw.contains('\n'), "{raw:?} would pass");
    }
    let own = "\x1b[24;80H\x1b[39;49m\x1b[38;5;9m\x1b[1mLIVE — ok\x1b[0m\x1b[?25h";
    assert!(is_clean_frames(own, (80, 24)).is_ok());
}
