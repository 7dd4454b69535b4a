//! A daemon under a simulated fleet, to look at and to measure: `fleet --hosts 5000`.
//!
//! On a terminal it opens the console, and ends with it. Else it prints one JSON object a second. Build
//! the programs first: `cargo build --profile checked`.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde_json::json;
use systole_tests::fleet::{FleetPlan, SimulatedFleet};
use systole_tests::machine::Usage;
use systole_tests::scene::Scene;
use xtask::demo::programs::SYSTOLED;

/// Hosts come online at this rate or faster, on any machine that tests run on.
const HOSTS_PER_S_MIN: usize = 40;

/// A daemon under a simulated fleet
#[derive(Debug, Parser)]
struct Args {
    /// Hosts
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    hosts: usize,
    /// Time between two heartbeats of a host
    #[arg(long, value_name = "D", default_value = "1s", value_parser = duration)]
    beat: Duration,
    /// End after this time
    #[arg(long = "for", value_name = "D", default_value = "10m", value_parser = duration)]
    span: Duration,
    /// Hosts that fall silent after ten seconds
    #[arg(long, value_name = "N", default_value_t = 0)]
    dying: usize,
    /// Print JSON even on a terminal
    #[arg(long)]
    json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    systole_common::config::parse_duration(text).ok_or_else(|| "use 20s, 5m or 1h".to_owned())
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let mut scene = Scene::set(1)?;
    scene.start_all()?;
    let plan = FleetPlan { hosts: args.hosts, beat_every: args.beat, seed: 1 };
    eprintln!("{} certificates, then {} handshakes", args.hosts, args.hosts);
    let fleet = SimulatedFleet::start(&scene.stage, plan)?;
    let limit = Duration::from_secs(u64::try_from(20 + args.hosts / HOSTS_PER_S_MIN)?);
    fleet.until_online(limit)?;
    if std::io::stdout().is_terminal() && !args.json {
        let status = scene.programs.console(&scene.stage, &[]).status()?;
        ensure!(status.success(), "the console ended with {status}");
        return Ok(ExitCode::SUCCESS);
    }
    let daemon = scene.pid(SYSTOLED).context("the daemon does not run")?;
    report(&args, &fleet, daemon, &scene.stage.dir)?;
    Ok(ExitCode::SUCCESS)
}

/// One line a second until the time is over.
fn report(args: &Args, fleet: &SimulatedFleet, daemon: u32, folder: &Path) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{}", json!({ "folder": folder, "daemon_pid": daemon }))?;
    let began = Instant::now();
    let mut before = Usage::of(daemon)?;
    let mut beats_before = fleet.heartbeats();
    while began.elapsed() < args.span {
        std::thread::sleep(Duration::from_secs(1));
        if began.elapsed() > Duration::from_secs(10) {
            (0..args.dying).for_each(|host| fleet.hush(host, true));
        }
        let (usage, beats) = (Usage::of(daemon)?, fleet.heartbeats());
        let line = json!({
            "online": fleet.online(),
            "failures": fleet.failures(),
            "heartbeats": beats.0 - beats_before.0,
            "echoes": beats.1 - beats_before.1,
            "daemon_cpu_ms": usage.cpu_ms.saturating_sub(before.cpu_ms),
            "daemon_rss_bytes": usage.rss_bytes,
        });
        writeln!(out, "{line}")?;
        (before, beats_before) = (usage, beats);
    }
    Ok(())
}
