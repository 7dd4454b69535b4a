//! The daemon itself goes: killed twenty times, frozen, asked to stop. Nobody is blamed for it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::process::Signal;
use serde_json::Value;
use systole_tests::scene::Scene;
use systole_tests::watch::is_alert;
use systole_tests::{PATIENCE, until};
use xtask::demo::programs::SYSTOLED;

const RESTARTS: usize = 20;
/// Within which the hosts are to be back after the daemon is ready.
const BACK_WITHIN: Duration = Duration::from_secs(3);

/// Waits until all of `count` hosts were heard by the daemon that is ready since `ready`.
fn until_back(scene: &Scene, count: usize, ready: Instant) -> Result<Duration> {
    until("all hosts heard anew", PATIENCE, || {
        let asked = ready.elapsed();
        let hosts = scene.hosts()?;
        let is_back = |host: &&serde_json::Value| {
            let age_ms = host["heartbeat_age_ms"].as_f64().unwrap_or(f64::MAX);
            host["state"] == "online" && age_ms < asked.as_secs_f64() * 1_000.0
        };
        let back = hosts.iter().filter(is_back).count();
        Ok((back == count).then(|| ready.elapsed()))
    })
}

#[test]
fn twenty_kills_of_the_daemon_and_one_of_an_agent() -> Result<()> {
    let mut scene = Scene::play(3)?;
    let mut slowest = Duration::ZERO;
    for round in 1..=RESTARTS {
        scene.kill(SYSTOLED)?;
        scene.start_daemon()?;
        let back = until_back(&scene, 3, Instant::now())?;
        ensure!(back <= BACK_WITHIN, "round {round}: back only after {back:?}");
        slowest = slowest.max(back);
    }
    println!("{RESTARTS} restarts: all hosts back within {:.2} s", slowest.as_secs_f64());
    ensure!(scene.alerts()?.is_empty(), "nobody was away: {:?}", scene.alerts()?);

    // One agent dies while nobody can hear it: exactly one alert, over further restarts too.
    scene.kill(SYSTOLED)?;
    scene.kill("demo-3")?;
    scene.start_daemon()?;
    let ready = Instant::now();
    let mut watch = scene.watch()?;
    let alert = watch.until_alert("demo-3", "host_down", "firing")?;
    println!(
        "a host that died with the daemon: alert {:.2} s after ready",
        ready.elapsed().as_secs_f64()
    );
    for _ in 0..2 {
        scene.kill(SYSTOLED)?;
        scene.start_daemon()?;
        until_back(&scene, 2, Instant::now())?;
    }
    let alerts = scene.alerts()?;
    ensure!(alerts.len() == 1, "exactly one alert: {alerts:?}");
    ensure!(alerts.iter().all(|one| one["id"] == alert["id"] && one["state"] == "firing"));
    ensure!(alerts.iter().all(|one| one["fired_at"] == alert["fired_at"]), "it fires once");
    scene.start_agent("demo-3")?;
    watch.until_alert("demo-3", "host_down", "resolved")?;
    ensure!(scene.alerts()?.len() == 1, "one incident");
    Ok(())
}

#[test]
fn a_daemon_that_stood_still_blames_nobody() -> Result<()> {
    let mut scene = Scene::play(3)?;
    let mut watch = scene.watch()?;
    scene.signal(SYSTOLED, Signal::STOP)?;
    std::thread::sleep(Duration::from_secs(10));
    scene.signal(SYSTOLED, Signal::CONT)?;
    // Longer than the time-out and all that is granted after a pause.
    watch.listen(Duration::from_secs(9))?;
    // That it stood still itself is what it says, and all that it says.
    let blames = |line: &&Value| is_alert(line) && line["rule"] != "loop_gap";
    let wrong: Vec<_> =
        watch.seen().iter().filter(|line| line["state"] == "down" || blames(line)).collect();
    ensure!(wrong.is_empty(), "the daemon slept, not the hosts: {wrong:?}");
    ensure!(scene.scrape()?.count("systole_own_pauses_total", &[]) >= 1, "its pause is counted");
    scene.is_unharmed(&["demo-1", "demo-2", "demo-3"])
}

#[test]
fn sigterm_drains_and_everybody_comes_back() -> Result<()> {
    let mut scene = Scene::play(2)?;
    let mut watch = scene.watch()?;
    let (status, took) = scene.terminate(SYSTOLED)?;
    println!("the daemon stopped within {:.2} s", took.as_secs_f64());
    ensure!(status.code() == Some(0), "{status}");
    ensure!(took <= Duration::from_secs(5), "it took {took:?}");
    watch
        .until("the daemon is gone", |line| line["kind"] == "daemon" && line["state"] == "gone")?;
    scene.start_daemon()?;
    watch
        .until("the daemon is back", |line| line["kind"] == "daemon" && line["state"] == "back")?;
    until_back(&scene, 2, Instant::now())?;
    ensure!(scene.alerts()?.is_empty(), "{:?}", scene.alerts()?);
    // Whatever was true before is not said again.
    let hosts =
        watch.seen().iter().filter(|line| line["kind"] == "host" && line["previous"].is_null());
    ensure!(hosts.count() == 2, "each host is introduced once: {:#?}", watch.seen());
    Ok(())
}
