//! SIGHUP: what is changed live, what a broken file leaves in force, and that it says why (P7).

use std::fs;

use anyhow::{Result, ensure};
use rustix::process::Signal;
use systole_tests::scene::{Scene, append, replace};
use systole_tests::{PATIENCE, until};
use xtask::demo::programs::SYSTOLED;

#[test]
fn the_heartbeat_interval_is_changed_live() -> Result<()> {
    let mut scene = Scene::play(2)?;
    let interval = |scene: &Scene, wanted_ms: f64| {
        until(&format!("{wanted_ms} ms between beats"), PATIENCE, || {
            let hosts = scene.hosts()?;
            // What an agent promises is the time to its next tick, a little less than the interval.
            let is_wanted = |host: &serde_json::Value| {
                let ms = host["heartbeat_interval_ms"].as_f64().unwrap_or(0.0);
                (ms - wanted_ms).abs() < wanted_ms / 4.0
            };
            Ok(hosts.iter().all(is_wanted).then_some(()))
        })
    };
    interval(&scene, 1_000.0)?;
    scene.reload_with("[heartbeat]\ninterval = \"250ms\"")?;
    interval(&scene, 250.0)?;
    // The slow extreme of the contract: beats each 20 s and a time-out of 60 s.
    let file = scene.stage.daemon_toml();
    replace(&file, "interval = \"250ms\"", "interval = \"20s\"\n\n[liveness]\ntimeout = \"60s\"")?;
    scene.signal(SYSTOLED, Signal::HUP)?;
    interval(&scene, 20_000.0)?;
    replace(&file, "interval = \"20s\"", "interval = \"1s\"")?;
    replace(&file, "timeout = \"60s\"", "timeout = \"5s\"")?;
    scene.signal(SYSTOLED, Signal::HUP)?;
    interval(&scene, 1_000.0)?;
    scene.until_online(&["demo-1".to_owned(), "demo-2".to_owned()])?;
    scene.is_unharmed(&["demo-1", "demo-2"])
}

#[test]
fn a_broken_file_leaves_the_old_settings_in_force_and_is_named() -> Result<()> {
    let mut scene = Scene::play(1)?;
    let file = scene.stage.daemon_toml();
    let whole = fs::read_to_string(&file)?;
    let fault = whole.lines().count() + 2;
    append(&file, "[heartbeat]\nintervall = \"100ms\"")?;
    scene.signal(SYSTOLED, Signal::HUP)?;
    let line = scene.daemon_journal().only(&["WARN", "the old one stays in force"])?;
    for word in [&format!("daemon.toml:{fault}"), "heartbeat.intervall", "heartbeat.interval"] {
        ensure!(line.contains(word), "{word}: {line}");
    }
    let host = scene.host("demo-1")?;
    let interval_ms = host["heartbeat_interval_ms"].as_f64().unwrap_or(0.0);
    ensure!((750.0..=1_250.0).contains(&interval_ms), "{host}");
    // Mended, it is taken.
    fs::write(&file, whole)?;
    scene.reload_with("[host.demo-1.labels]\nsite = \"berlin\"")?;
    until("the new label", PATIENCE, || {
        Ok((scene.host("demo-1")?["labels"]["site"] == "berlin").then_some(()))
    })?;
    scene.is_unharmed(&["demo-1"])
}

#[test]
fn broken_certificates_leave_the_old_ones_in_force_and_are_named() -> Result<()> {
    let mut scene = Scene::play(1)?;
    let key = scene.stage.dir.join("certs/daemon/demo-mon.key");
    let whole = fs::read(&key)?;
    fs::write(&key, "")?;
    scene.signal(SYSTOLED, Signal::HUP)?;
    let line = scene.daemon_journal().only(&["WARN", "the old ones stay in force"])?;
    ensure!(line.contains("demo-mon.key") && line.contains("empty"), "{line}");
    scene.console(&["hosts"])?.done()?;
    fs::write(&key, whole)?;
    scene.signal(SYSTOLED, Signal::HUP)?;
    scene.is_unharmed(&["demo-1"])
}

#[test]
fn an_agent_reloads_too_and_keeps_the_old_when_the_file_is_broken() -> Result<()> {
    let mut scene = Scene::play(1)?;
    let file = scene.stage.agent_toml("demo-1");
    let whole = fs::read_to_string(&file)?;
    let fault = whole.lines().count() + 1;
    append(&file, "[lables]")?;
    scene.signal("demo-1", Signal::HUP)?;
    let line = scene.journal("demo-1").only(&[&format!("agent-demo-1.toml:{fault}")])?;
    ensure!(line.contains("lables") && line.contains("labels"), "{line}");
    scene.journal("demo-1").only(&["settings of before stay in force"])?;
    scene.is_unharmed(&["demo-1"])?;
    fs::write(&file, whole)?;
    scene.is_unharmed(&["demo-1"])
}
