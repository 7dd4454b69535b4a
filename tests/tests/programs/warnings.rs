//! What is no outage yet and should be known: certificates that end soon, reboots without a goodbye.

use anyhow::{Result, ensure};
use systole_common::ids::{BootId, Identity, InstanceId};
use systole_common::wire::hello::{Hello, StreamName};
use systole_tests::machine::now;
use systole_tests::rogue::Rogue;
use systole_tests::scene::Scene;
use systole_tests::watch::time;
use systole_tests::{PATIENCE, until};
use xtask::demo::stage::DAEMON;

#[test]
fn certificates_that_end_soon_are_warned_of_until_they_are_renewed() -> Result<()> {
    let mut scene = Scene::set(2)?;
    let agent = || Ok::<_, anyhow::Error>(Identity::Agent("demo-1".parse()?));
    scene.issue(agent()?, 5)?;
    scene.issue(Identity::Daemon(DAEMON.parse()?), 3)?;
    scene.start_all()?;
    let alerts = until("two warnings", PATIENCE, || {
        let alerts = scene.alerts()?;
        Ok((alerts.len() == 2).then_some(alerts))
    })?;
    for alert in &alerts {
        ensure!(alert["severity"] == "warning" && alert["state"] == "firing", "{alert}");
        let summary = alert["summary"].as_str().unwrap_or_default();
        ensure!(summary.starts_with("the certificate of"), "{alert}");
        let days = if alert["host"] == "demo-1" { 5.0 } else { 3.0 };
        let left = alert["value"].as_f64().unwrap_or(0.0);
        ensure!((left - days).abs() < 0.1, "{left} days are left of {days}: {alert}");
    }
    let ends = time(&scene.host("demo-1")?, "certificate_expires")?;
    ensure!(ends.since(now()).as_secs() / 86_400 <= 5, "{ends:?}");
    // Renewed: the agent reads its certificate anew and shows it at its next start.
    scene.issue(agent()?, 100)?;
    scene.terminate("demo-1")?;
    scene.start_agent("demo-1")?;
    until("the agent's warning gone", PATIENCE, || {
        let is_over =
            |alert: &serde_json::Value| alert["host"] == "demo-1" && alert["state"] == "resolved";
        Ok(scene.alerts()?.iter().any(is_over).then_some(()))
    })
}

#[test]
fn a_reboot_without_a_goodbye_is_a_warning_however_short_it_is() -> Result<()> {
    let mut scene = Scene::set(1)?;
    scene.start_daemon()?;
    let rogue = Rogue::new(&scene.stage, "demo-1")?;
    let mut watch = scene.watch()?;
    let before = rogue.connect()?;
    let control = before.control();
    let mut beats = before.stream(StreamName::Heartbeat)?;
    before.say(&mut beats, &rogue.beat(1))?;
    control.echo(1)?;
    let mut after = rogue.dial()?;
    let instance = InstanceId(rogue.instance.0 + 1);
    let hello = Hello { boot_id: BootId([8; 16]), instance, ..rogue.hello() };
    ensure!(after.greet(&hello)?.refused.is_none(), "a new boot takes over");
    let alert = watch.until("a warning", |line| {
        line["kind"] == "alert" && line["severity"] == "warning" && line["host"] == "demo-1"
    })?;
    ensure!(alert["summary"] == "demo-1 rebooted without a goodbye", "{alert}");
    Ok(())
}
