//! The same identity twice: who is kept, who is refused, and what an operator is told (I13).

use anyhow::{Context, Result, ensure};
use systole_common::ids::InstanceId;
use systole_common::wire::hello::{CloseCode, RefusalCode, StreamName};
use systole_tests::rogue::Rogue;
use systole_tests::scene::Scene;

#[test]
fn a_clone_of_a_living_agent_is_refused_and_told_why() -> Result<()> {
    let mut scene = Scene::play(2)?;
    let mut watch = scene.watch()?;
    let incumbent = scene.host("demo-1")?["address"].as_str().context("no address")?.to_owned();
    let rogue = Rogue::new(&scene.stage, "demo-1")?;
    let mut clone = rogue.dial()?;
    let answer = clone.greet(&rogue.hello())?;
    let refusal = answer.refused.context("the clone was let in")?;
    ensure!(refusal.code.known() == Some(RefusalCode::Conflict), "{refusal:?}");
    ensure!(refusal.retry_after_ms == 30_000, "{refusal:?}");
    ensure!(refusal.text.contains(&incumbent), "{refusal:?}");
    let (code, why) = clone.closed()?;
    ensure!(code == CloseCode::Conflict, "{code}: {why}");

    let host = watch.until_host("demo-1", "conflict")?;
    ensure!(host["cause"] == "conflict" && host["certainty"] == "certain", "{host}");
    ensure!(host["address"] == incumbent.as_str(), "the incumbent is kept: {host}");
    let alert = watch.until_alert("demo-1", "conflict", "firing")?;
    let summary = alert["summary"].as_str().unwrap_or_default();
    for address in [incumbent, clone.address()] {
        ensure!(summary.contains(&address), "the alert names both addresses: {summary}");
    }
    let line = scene.daemon_journal().only(&["second agent refused"])?;
    ensure!(line.contains("WARN") && line.contains(&clone.address()), "{line}");
    let hellos = [("reason", "conflict")];
    ensure!(scene.scrape()?.count("systole_hellos_refused_total", &hellos) >= 1);
    ensure!(scene.runs("demo-1")?, "the incumbent is not disturbed");
    scene.is_unharmed(&["demo-2"])
}

#[test]
fn a_new_start_takes_over_from_one_that_is_silent() -> Result<()> {
    let mut scene = Scene::set(1)?;
    scene.start_daemon()?;
    let rogue = Rogue::new(&scene.stage, "demo-1")?;
    // It beats once, and answers no probe: this client does not read datagrams.
    let old = rogue.connect()?;
    let control = old.control();
    let mut beats = old.stream(StreamName::Heartbeat)?;
    old.say(&mut beats, &rogue.beat(1))?;
    control.echo(1)?;

    let mut new = rogue.dial()?;
    let mut hello = rogue.hello();
    hello.instance = InstanceId(hello.instance.0 + 1);
    let asked = std::time::Instant::now();
    let answer = new.greet(&hello)?;
    let waited = asked.elapsed().as_secs_f64();
    println!("take-over from a silent agent after {waited:.2} s");
    ensure!(answer.refused.is_none(), "{answer:?}");
    ensure!(waited >= 0.9, "the silent one was given its second: {waited} s");
    let (code, why) = old.closed()?;
    ensure!(code == CloseCode::Replaced, "{code}: {why}");
    ensure!(scene.host("demo-1")?["state"] != "conflict", "a take-over is no conflict");
    Ok(())
}

#[test]
fn the_same_start_twice_is_a_race_and_no_conflict() -> Result<()> {
    let mut scene = Scene::set(1)?;
    scene.start_daemon()?;
    let rogue = Rogue::new(&scene.stage, "demo-1")?;
    let first = rogue.connect()?;
    let second = rogue.connect()?;
    for (contact, sequence) in [(&first, 1), (&second, 2)] {
        let control = contact.control();
        let mut beats = contact.stream(StreamName::Heartbeat)?;
        contact.say(&mut beats, &rogue.beat(sequence))?;
        control.echo(sequence)?;
    }
    ensure!(!first.is_closed() && !second.is_closed(), "both live until one is confirmed");
    ensure!(scene.host("demo-1")?["state"] != "conflict");
    ensure!(scene.alerts()?.is_empty(), "{:?}", scene.alerts()?);
    Ok(())
}
