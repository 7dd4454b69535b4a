//! What an agent says of itself and of a daemon that is gone.

use anyhow::{Result, ensure};
use systole_tests::machine::now;
use systole_tests::scene::Scene;
use systole_tests::watch::time;
use systole_tests::{PATIENCE, until};
use xtask::demo::programs::SYSTOLED;

#[test]
fn an_agent_says_that_its_daemon_is_gone_and_since_when() -> Result<()> {
    let mut scene = Scene::play(1)?;
    let state = |scene: &Scene| -> Result<serde_json::Value> {
        let status = scene.agent("demo-1", &["status", "--json"])?.json()?;
        for field in ["host", "instance", "version", "daemons", "spool"] {
            ensure!(status.get(field).is_some(), "no {field} in {status}");
        }
        for field in ["bytes", "oldest", "dropped"] {
            ensure!(status["spool"].get(field).is_some(), "no spool.{field} in {status}");
        }
        let daemon = status["daemons"][0].clone();
        for field in ["name", "address", "state", "since", "rtt_ms", "reason"] {
            ensure!(daemon.get(field).is_some(), "no {field} in {daemon}");
        }
        Ok(daemon)
    };
    let until_state = |scene: &Scene, wanted: &str| {
        until(&format!("daemon {wanted}"), PATIENCE, || {
            let daemon = state(scene)?;
            Ok((daemon["state"] == wanted).then_some(daemon))
        })
    };
    let connected = until_state(&scene, "connected")?;
    ensure!(connected["name"] == "demo-mon" && connected["reason"].is_null(), "{connected}");
    let killed = now();
    scene.kill(SYSTOLED)?;
    let gone = until_state(&scene, "gone")?;
    let off_s = time(&gone, "since")?.since(killed).as_secs_f64()
        - killed.since(time(&gone, "since")?).as_secs_f64();
    println!("the agent says gone since {off_s:.2} s after the kill");
    ensure!(off_s.abs() < 5.0, "since then: {gone}");
    ensure!(gone["reason"].is_string(), "{gone}");
    scene.journal("demo-1").only(&["WARN", "daemon demo-mon is not heard any more since"])?;
    let people = scene.agent("demo-1", &["status"])?.done()?.stdout;
    ensure!(people.contains("gone since"), "{people}");

    scene.start_daemon()?;
    until_state(&scene, "connected")?;
    scene.journal("demo-1").only(&["daemon demo-mon is back"])?;
    scene.journal("demo-1").only(&["is not heard any more"])?;
    Ok(())
}

#[test]
fn an_agent_starts_and_waits_for_a_daemon_that_is_not_there() -> Result<()> {
    let mut scene = Scene::set(1)?;
    scene.start_agent("demo-1")?;
    scene.journal("demo-1").until(&["daemon demo-mon is not reached"])?;
    let status = scene.agent("demo-1", &["status", "--json"])?.json()?;
    ensure!(status["daemons"][0]["state"] == "connecting", "{status}");
    scene.start_daemon()?;
    scene.until_online(&["demo-1".to_owned()])
}

#[test]
fn commands_beside_an_agent_that_does_not_run_say_so() -> Result<()> {
    let scene = Scene::set(1)?;
    for args in [&["status"][..], &["leave"], &["leave", "--cancel"]] {
        scene.agent("demo-1", args)?.refused(69, &["agent-demo-1.sock", "not running"])?;
    }
    Ok(())
}
