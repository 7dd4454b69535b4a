//! Announced absence: leases that are kept and not kept, taken back, and asked for by the wrong user.

use std::time::Duration;

use anyhow::{Result, ensure};
use systole_tests::machine::now;
use systole_tests::scene::Scene;
use systole_tests::watch::{is_alert, time};

/// Announces `span`, stops the agent and waits until it is missed. Returns the seconds until the alert.
fn leave_and_stay_away(span: &str, seconds: f64) -> Result<f64> {
    let mut scene = Scene::play(1)?;
    let mut watch = scene.watch()?;
    watch.until_host("demo-1", "online")?;
    let asked = now();
    let args = ["leave", "--for", span, "--why", "kernel update", "--json"];
    let answer = &scene.agent("demo-1", &args)?.json()?;
    ensure!(answer["told"] == serde_json::json!(["demo-mon"]), "{answer}");
    let announced = &scene.host("demo-1")?;
    ensure!(announced["state"] == "online", "to announce ends nothing: {announced}");
    scene.terminate("demo-1")?;
    let left = &watch.until_host("demo-1", "left")?;
    ensure!(left["cause"] == "goodbye" && left["evidence"].to_string().contains("kernel update"));
    ensure!(!watch.seen().iter().any(is_alert), "an announced absence is no alert");
    let limit = Duration::from_secs_f64(seconds) + Duration::from_secs(30);
    let alert = &watch.until_within("an alert when the time is over", limit, is_alert)?;
    let after = time(alert, "fired_at")?.since(asked).as_secs_f64();
    println!("leave --for {span}: the alert came after {after:.2} s");
    ensure!(after >= seconds - 0.1, "an alert within the announced time: {alert}");
    ensure!(alert["host"] == "demo-1" && alert["rule"] == "host_down", "{alert}");
    ensure!(alert["summary"].as_str().unwrap_or("").contains("kernel update"), "{alert}");
    let down = watch.seen().iter().rfind(|line| line["kind"] == "host").cloned();
    ensure!(down.as_ref().is_some_and(|line| line["state"] == "down"), "{down:?}");
    scene.start_agent("demo-1")?;
    watch.until_alert("demo-1", "host_down", "resolved")?;
    ensure!(scene.alerts()?.len() == 1, "one alert, fired once");
    Ok(after)
}

#[test]
fn a_lease_of_a_minute_that_is_not_kept_is_an_alert_when_it_is_over() -> Result<()> {
    let after = leave_and_stay_away("1m", 60.0)?;
    ensure!(after < 62.0, "the alert is due when the minute is over, not {after} s later");
    Ok(())
}

#[test]
fn a_short_lease_works_the_same() -> Result<()> {
    leave_and_stay_away("6s", 6.0).map(drop)
}

#[test]
fn a_lease_that_is_kept_is_never_an_alert() -> Result<()> {
    let mut scene = Scene::play(1)?;
    let mut watch = scene.watch()?;
    scene.agent("demo-1", &["leave", "--for", "30s"])?.done()?;
    scene.kill("demo-1")?;
    watch.until_host("demo-1", "left")?;
    scene.start_agent("demo-1")?;
    watch.until_host("demo-1", "online")?;
    ensure!(scene.alerts()?.is_empty(), "it came back within its time");
    ensure!(scene.host("demo-1")?["lease_until"].is_null(), "the lease is used up");
    Ok(())
}

#[test]
fn a_lease_that_was_taken_back_protects_nobody() -> Result<()> {
    let mut scene = Scene::play(1)?;
    let mut watch = scene.watch()?;
    scene.agent("demo-1", &["leave", "--for", "1h"])?.done()?;
    watch.until("the lease", |line| line["host"] == "demo-1" && !line["lease_until"].is_null())?;
    scene.agent("demo-1", &["leave", "--cancel"])?.done()?;
    watch.until("its end", |line| line["host"] == "demo-1" && line["lease_until"].is_null())?;
    scene.kill("demo-1")?;
    watch.until_alert("demo-1", "host_down", "firing")?;
    Ok(())
}
