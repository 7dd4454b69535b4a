//! Who is alive: an agent that is killed, frozen, started again, and what an operator sees of it.

use anyhow::{Result, ensure};
use rustix::process::Signal;
use systole_tests::machine::now;
use systole_tests::scene::Scene;
use systole_tests::watch::{is_alert, time};
use systole_tests::{PATIENCE, until};

/// The default of `liveness.timeout`, in seconds.
const TIMEOUT_S: f64 = 5.0;

#[test]
fn a_killed_agent_is_late_then_down_and_comes_back() -> Result<()> {
    let mut scene = Scene::play(2)?;
    let mut watch = scene.watch()?;
    watch.until_host("demo-1", "online")?;
    let killed = now();
    scene.kill("demo-1")?;
    let late = watch.until_host("demo-1", "late")?;
    let down = watch.until_host("demo-1", "down")?;
    let alert = watch.until_alert("demo-1", "host_down", "firing")?;
    let after = |line, field| time(line, field).map(|at| at.since(killed).as_secs_f64());
    let (late_s, down_s) = (after(&late, "at")?, after(&down, "at")?);
    let alert_s = after(&alert, "fired_at")?;
    println!("killed: late after {late_s:.2} s, down after {down_s:.2} s, alert {alert_s:.2} s");
    let pauses = scene.scrape()?.count("systole_own_pauses_total", &[]);
    ensure!(alert_s <= TIMEOUT_S + 1.0, "the alert came late; own pauses: {pauses}");
    ensure!(down["cause"] == "silent" && down["certainty"] == "unknown", "{down}");
    ensure!(down["previous"]["state"] == "late", "{down}");
    ensure!(alert["severity"] == "critical" && alert["resolved_at"].is_null(), "{alert}");
    let summary = alert["summary"].as_str().unwrap_or_default();
    ensure!(summary.contains("demo-1 is down") && summary.contains("127.0.0.1:"), "{summary}");

    let started = now();
    scene.start_agent("demo-1")?;
    let resolved = watch.until_alert("demo-1", "host_down", "resolved")?;
    ensure!(resolved["id"] == alert["id"] && !resolved["resolved_at"].is_null(), "{resolved}");
    let online = watch.until_host("demo-1", "online")?;
    let back = |line| time(line, "at").map(|at| at.since(started).as_secs_f64());
    println!("back: resolved {:.2} s, online {:.2} s", back(&resolved)?, back(&online)?);
    let strays = watch.seen().iter().filter(|line| is_alert(line) && line["host"] == "demo-2");
    ensure!(strays.count() == 0, "demo-2 was never away");
    scene.is_unharmed(&["demo-2"])
}

#[test]
fn a_frozen_agent_is_down_and_online_again_when_it_goes_on() -> Result<()> {
    let mut scene = Scene::play(1)?;
    let mut watch = scene.watch()?;
    watch.until_host("demo-1", "online")?;
    scene.signal("demo-1", Signal::STOP)?;
    watch.until_host("demo-1", "down")?;
    watch.until_alert("demo-1", "host_down", "firing")?;
    scene.signal("demo-1", Signal::CONT)?;
    watch.until_alert("demo-1", "host_down", "resolved")?;
    watch.until_host("demo-1", "online")?;
    let alerts = scene.alerts()?;
    ensure!(alerts.len() == 1, "one incident, one alert: {alerts:?}");
    Ok(())
}

#[test]
fn every_connect_and_disconnect_is_kept_with_its_reason() -> Result<()> {
    let mut scene = Scene::play(1)?;
    let mut watch = scene.watch()?;
    let (status, took) = scene.terminate("demo-1")?;
    println!("the agent stopped within {:.2} s", took.as_secs_f64());
    ensure!(status.code() == Some(0), "{status}");
    let left = watch.until_host("demo-1", "left")?;
    ensure!(left["cause"] == "goodbye" && left["certainty"] == "certain", "{left}");
    scene.daemon_journal().only(&["agent connected", "host=demo-1", "address=127.0.0.1:"])?;
    let line = scene.daemon_journal().only(&["agent disconnected", "host=demo-1"])?;
    ensure!(line.contains("goodbye: service stop") && line.contains("127.0.0.1:"), "{line}");
    let host = scene.console(&["host", "demo-1", "--json"])?.json()?;
    let log = host["connections"].as_array().cloned().unwrap_or_default();
    let events: Vec<_> = log.iter().map(|entry| entry["event"].as_str().unwrap_or("")).collect();
    ensure!(events == ["disconnect", "connect"], "newest first: {log:?}");
    let newest = log.first().cloned().unwrap_or_default();
    ensure!(newest["reason"] == "goodbye: service stop", "{newest}");
    time(&newest, "time")?;
    let address = newest["address"].as_str().unwrap_or_default();
    ensure!(address.starts_with("127.0.0.1:"), "{newest}");
    ensure!(scene.alerts()?.is_empty(), "a goodbye is no alert");
    Ok(())
}

#[test]
fn an_agent_that_starts_again_and_again_is_a_warning() -> Result<()> {
    let mut scene = Scene::play(1)?;
    let mut watch = scene.watch()?;
    for starts in 2..=3 {
        scene.kill("demo-1")?;
        scene.start_agent("demo-1")?;
        until("the next start", PATIENCE, || {
            let connects = scene.daemon_journal().with(&["agent connected"])?.len();
            Ok((connects == starts).then_some(()))
        })?;
    }
    let alert = watch.until("a warning about restarts", |line| {
        is_alert(line) && line["severity"] == "warning" && line["host"] == "demo-1"
    })?;
    ensure!(alert["summary"].as_str().unwrap_or("").contains("started 3 times"), "{alert}");
    Ok(())
}
