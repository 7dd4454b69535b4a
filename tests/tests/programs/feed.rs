//! The feed: hosts that somebody looks at send each second, and a console that stands still harms nobody.

use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::Signal;
use serde_json::Value;
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};

/// The age of the values that `hosts` shows, over all hosts.
fn oldest_ms(scene: &Scene) -> Result<f64> {
    let age = |host: &Value| host["metrics_age_ms"].as_f64().unwrap_or(f64::MAX);
    Ok(scene.hosts()?.iter().map(age).fold(0.0, f64::max))
}

#[test]
fn hosts_go_to_one_second_while_somebody_looks() -> Result<()> {
    let scene = Scene::play(2)?;
    let until_slow = |scene: &Scene| {
        until("values each five seconds", PATIENCE, || {
            Ok((oldest_ms(scene)? > 3_000.0).then_some(()))
        })
    };
    until_slow(&scene)?;
    let mut watch = scene.watch_with(&["--metrics"])?;
    watch.until_host("demo-1", "online")?;
    watch.listen(Duration::from_secs(6))?;
    for host in ["demo-1", "demo-2"] {
        let lines = watch.seen().iter().filter(|line| line["host"] == host).count();
        println!("{host}: {lines} lines in six seconds of watch");
        ensure!((5..=9).contains(&lines), "{host} has {lines} lines in six seconds");
    }
    ensure!(oldest_ms(&scene)? < 2_000.0, "values each second");
    watch.stop(Signal::TERM)?;
    until_slow(&scene)
}

#[test]
fn a_console_that_stands_still_harms_nobody() -> Result<()> {
    let mut scene = Scene::play(2)?;
    let mut stuck = scene.watch_with(&["--metrics"])?;
    stuck.until_host("demo-1", "online")?;
    stuck.signal(Signal::STOP)?;
    let mut watch = scene.watch()?;
    watch.until_host("demo-1", "online")?;
    scene.kill("demo-2")?;
    watch.until_host("demo-2", "down")?;
    watch.until_alert("demo-2", "host_down", "firing")?;
    scene.is_unharmed(&["demo-1"])?;
    // When it goes on, it catches up.
    stuck.signal(Signal::CONT)?;
    stuck.until_host("demo-2", "down")?;
    stuck.until_alert("demo-2", "host_down", "firing").map(drop)
}
