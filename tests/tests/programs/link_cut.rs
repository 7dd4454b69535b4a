//! The link is cut for a while: afterwards nothing is missing, nothing is double, nobody was paged by
//! what came late.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use systole_tests::kept::{
    CAUGHT_UP_WITHIN, add_rule, as_long_as, ledger, stage, storage, through_relay, until_complete,
    until_spooled,
};
use systole_tests::relay::{Cut, Relay};
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};
use xtask::demo::programs::SYSTOLED;
use xtask::demo::stage::DAEMON;

/// How long the link is cut, in slots of a second each.
fn cut_slots() -> usize {
    as_long_as(30, 600)
}

#[test]
fn a_cut_link_loses_nothing_and_what_comes_late_pages_nobody() -> Result<()> {
    let (mut scene, relay) = begin()?;
    let spooled = ledger(&scene, "demo-1")?.spooled.len();
    relay.cut(Cut::Both);
    wait_for_slots(&scene, spooled + cut_slots())?;
    end(&mut scene, &relay)
}

#[test]
fn an_agent_killed_while_the_link_is_cut_loses_nothing() -> Result<()> {
    let (mut scene, relay) = begin()?;
    let spooled = ledger(&scene, "demo-1")?.spooled.len();
    relay.cut(Cut::Both);
    wait_for_slots(&scene, spooled + cut_slots() / 2)?;
    scene.kill("demo-1")?;
    scene.start_agent("demo-1")?;
    wait_for_slots(&scene, spooled + cut_slots())?;
    end(&mut scene, &relay)
}

/// One agent behind a relay that has samples in the store.
fn begin() -> Result<(Scene, Relay)> {
    let mut scene = stage(1)?;
    let relay = through_relay(&scene, "demo-1", 1)?;
    scene.start_all()?;
    until_spooled(&scene, "demo-1", 5, PATIENCE)?;
    until("the first receipt", PATIENCE, || {
        Ok((ledger(&scene, "demo-1")?.acknowledged(DAEMON) >= 3).then_some(()))
    })?;
    Ok((scene, relay))
}

/// Waits until the agent has spooled so many slots, one of them a second.
fn wait_for_slots(scene: &Scene, slots: usize) -> Result<()> {
    let limit = PATIENCE + Duration::from_secs(u64::try_from(slots)?);
    until_spooled(scene, "demo-1", slots, limit).map(drop)
}

/// The link is whole again; everything must be as promised.
fn end(scene: &mut Scene, relay: &Relay) -> Result<()> {
    // From here on an uptime from before the end of the cut is an alert, if anybody judges it.
    let uptime_s = uptime_s()?;
    add_rule(
        scene,
        "late",
        &format!("metric = \"uptime_s\"\nwarning = {uptime_s}\nbelow = true\nfor = \"0s\""),
    )?;
    scene.signal(SYSTOLED, Signal::HUP)?;
    // The agent looks each second, also one that has not heard its daemon since its start; the value
    // that it shows first must be younger than the level.
    thread::sleep(Duration::from_secs(3));
    let healed = Instant::now();
    relay.heal();
    scene.until_online(&["demo-1".to_owned()])?;
    let (verdict, _) = until_complete(scene, "demo-1")?;
    println!("caught up {:.1} s after the link: {verdict}", healed.elapsed().as_secs_f64());
    ensure!(verdict.is_complete(), "{verdict:?}");
    ensure!(healed.elapsed() <= CAUGHT_UP_WITHIN, "only after {:?}", healed.elapsed());
    until("all receipts", PATIENCE, || {
        let stored = storage(scene, "demo-1")?;
        Ok(["missing", "dropped"]
            .iter()
            .all(|one| stored.get(one).is_some_and(|it| it == 0))
            .then_some(()))
    })?;
    let alerts = scene.alerts()?;
    let strange = alerts.iter().find(|alert| alert["rule"] == "late");
    ensure!(strange.is_none(), "what came late was judged: {strange:?}");
    let down = alerts.iter().filter(|alert| alert["rule"] == "host_down");
    ensure!(down.count() == 1, "one cut, one alert: {alerts:?}");
    ensure!(relay.counts().overflowed == 0, "the relay itself lost something");
    Ok(())
}

fn uptime_s() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/uptime")?;
    Ok(text.split_whitespace().next().context("an empty /proc/uptime")?.parse()?)
}
