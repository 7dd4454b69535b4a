//! Scenes whose agents keep ledgers: samples each second, and the store's answer held against them.
//!
//! Knows the command lines and the ledger; what must be true stands in the tests.

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;
use systole_common::time::UnixMs;
use xtask::demo::stage::DAEMON;

use crate::ledger::{Ledger, Verdict, times};
use crate::relay::Relay;
use crate::scene::{Scene, append, replace};
use crate::{LOOK_EVERY, until};

/// Within this all that was spooled is to be stored, counted from when the way is free again.
pub const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(30);
/// Set to `1`: tests take as long as the promise that they prove.
pub const LONG_VARIABLE: &str = "SYSTOLE_LONG";
/// A series that every slot has.
const SERIES: &str = "uptime_s";
/// What the daemon's file has beside the tests' own: one stored sample a second.
const EACH_SECOND: &str = "[metrics]\nstored_interval = \"1s\"\nlive_interval = \"1s\"\n";

/// `long` when [`LONG_VARIABLE`] asks for it, else `short`.
pub fn as_long_as<T>(short: T, long: T) -> T {
    if env::var_os(LONG_VARIABLE).is_some_and(|value| value == "1") { long } else { short }
}

/// A stage with `count` agents, a stored sample a second and a ledger each. Nothing runs yet.
pub fn stage(count: usize) -> Result<Scene> {
    let scene = Scene::set_with(count, |plan| plan.daemon_extra.push_str(EACH_SECOND))?;
    for agent in &scene.stage.agents {
        let toml = scene.stage.agent_toml(agent);
        let path = format!("path = \"state/agent-{agent}\"");
        replace(&toml, &path, &format!("{path}\nledger = \"{}\"", file(agent)))?;
    }
    Ok(scene)
}

/// The file of an agent's ledger in the stage's folder.
fn file(agent: &str) -> String {
    format!("ledger-{agent}")
}

/// Lets `agent`, which does not run yet, reach the daemon only by a relay.
pub fn through_relay(scene: &Scene, agent: &str, seed: u64) -> Result<Relay> {
    let port = scene.stage.port;
    let relay = Relay::start(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), seed)?;
    let (direct, by) = (format!("127.0.0.1:{port}"), relay.address().to_string());
    replace(&scene.stage.agent_toml(agent), &direct, &by)?;
    Ok(relay)
}

/// What `agent` noted so far.
pub fn ledger(scene: &Scene, agent: &str) -> Result<Ledger> {
    Ledger::read(&scene.stage.dir.join(file(agent)))
}

/// Waits until `agent` has spooled `slots` slots in all.
pub fn until_spooled(scene: &Scene, agent: &str, slots: usize, limit: Duration) -> Result<Ledger> {
    until(&format!("{slots} slots of {agent}"), limit, || {
        // It is not there before the first slot.
        let ledger = ledger(scene, agent).unwrap_or_default();
        Ok((ledger.spooled.len() >= slots).then_some(ledger))
    })
}

/// Holds what the store answers now against `ledger`.
pub fn judge(scene: &Scene, agent: &str, ledger: &Ledger) -> Result<Verdict> {
    let slots = ledger.slots();
    let (first, last) = slots.first().zip(slots.last()).context("nothing was spooled")?;
    let from = UnixMs(*first).rfc3339();
    let to = UnixMs(*last).plus(Duration::from_secs(1)).rfc3339();
    let args = ["history", agent, SERIES, "--from", &from, "--to", &to, "--step", "raw", "--json"];
    let ending = scene.console(&args)?;
    // Nothing has come yet: the host or the series is not known.
    let stored = if ending.code == Some(1) { Vec::new() } else { times(&ending.json()?)? };
    Ok(ledger.compare(DAEMON, &stored))
}

/// Waits until everything that `agent` has spooled up to now is stored. Returns the last verdict,
/// complete or not, and how long it took.
pub fn until_complete(scene: &Scene, agent: &str) -> Result<(Verdict, Duration)> {
    let (ledger, began) = (ledger(scene, agent)?, Instant::now());
    loop {
        let verdict = judge(scene, agent, &ledger)?;
        if verdict.is_complete() || !verdict.is_sound() || began.elapsed() > CAUGHT_UP_WITHIN {
            return Ok((verdict, began.elapsed()));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// What `systole storage --json` says of `agent`.
pub fn storage(scene: &Scene, agent: &str) -> Result<Value> {
    let storage = scene.console(&["storage", "--host", agent, "--json"])?.json()?;
    let hosts = storage.get("hosts").and_then(Value::as_array).into_iter().flatten();
    let is_its = |host: &&Value| host.get("host").is_some_and(|name| name == agent);
    let found = hosts.into_iter().find(is_its).cloned();
    found.with_context(|| format!("nothing of {agent} in {storage}"))
}

/// Gives the daemon a rule; it is in force after its next start or SIGHUP.
pub fn add_rule(scene: &Scene, name: &str, lines: &str) -> Result<()> {
    append(&scene.stage.daemon_toml(), &format!("\n[rule.{name}]\n{lines}"))
}
