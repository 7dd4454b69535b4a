//! Thousands of hosts at once: all are seen, and the one that falls silent is named.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use systole_tests::fleet::{FleetPlan, SimulatedFleet};
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};

const HOSTS: usize = 5_000;
/// Generous: a handshake costs both sides together about two milliseconds of a processor.
const ONLINE_WITHIN: Duration = Duration::from_mins(5);

#[test]
fn five_thousand_hosts_are_online_and_the_one_that_falls_silent_is_named() -> Result<()> {
    let mut scene = Scene::set(1)?;
    scene.start_all()?;
    // One process on a shared machine beats for all: it promises what it can keep.
    let plan = FleetPlan { hosts: HOSTS, beat_every: Duration::from_secs(5), seed: 7 };
    let fleet = SimulatedFleet::start(&scene.stage, plan)?;
    fleet.until_online(ONLINE_WITHIN)?;
    until("all of them online", ONLINE_WITHIN, || {
        let online = scene.console(&["hosts", "state=online", "--json"])?.json()?;
        let count = online.as_array().context("no list of hosts")?.len();
        Ok((count == HOSTS + 1).then_some(()))
    })?;
    fleet.hush(HOSTS / 2, true);
    let silent = fleet.names()[HOSTS / 2].to_string();
    let down = until("the silent one to be named", PATIENCE, || {
        let down = scene.console(&["alerts", "--severity", "critical", "--json"])?.json()?;
        let hosts: Vec<_> = down.as_array().into_iter().flatten().collect();
        Ok((!hosts.is_empty())
            .then(|| hosts.iter().map(|it| it["host"].clone()).collect::<Vec<_>>()))
    })?;
    ensure!(down.len() == 1 && down[0] == silent, "{silent} alone fell silent, not {down:?}");
    Ok(())
}
