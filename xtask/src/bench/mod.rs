//! `cargo xtask bench`: measures what was promised, on this machine. Nothing stays.
//!
//! [`store`] drives the daemon's metric store with what [`generator`] makes up; [`month`] and
//! [`restart`] are the parts that need a folder of their own. [`console`] draws frames and runs the real
//! console. [`report`] is what comes out.

mod arguments;
mod clock;
mod console;
mod generator;
mod month;
mod report;
mod restart;
mod sink;
mod store;

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use self::report::Report;

/// Measures what was promised, on this machine
#[derive(Debug, Clone, clap::Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Subject {
    /// The metric store: ingest, size, commits, queries, restart
    #[command(after_help = STORE_HELP)]
    Store(StoreArgs),
    /// The console: time and bytes of a frame; bytes and processor time while it runs
    #[command(after_help = CONSOLE_HELP)]
    Console(ConsoleArgs),
}

const CONSOLE_HELP: &str = "\
Frames are those of a made-up fleet whose values all change each second, drawn by the console's own update,
view and backend in this process. For the live part a daemon, three agents and the console itself run from
the folder of this program, the console on a pseudo-terminal that is read at once; build them first with
`cargo build --profile checked`, or `cargo build --release` and `cargo run --release -p xtask`.

Examples:
  cargo xtask bench console
  cargo xtask bench console --live 0          frames only";

/// What `bench console` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct ConsoleArgs {
    /// Hosts of the large fleet
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    hosts: usize,
    /// Frames of each size
    #[arg(long, value_name = "N", default_value_t = 300)]
    frames: usize,
    /// Seconds that the console runs live, and as long frozen; 0 leaves this part out
    #[arg(long = "live", value_name = "SECONDS", default_value_t = 30)]
    live_s: u64,
    /// Print one JSON object instead of the table
    #[arg(long)]
    json: bool,
}

const STORE_HELP: &str = "\
The samples are made up, the same for the same --seed: processor shares from whole ticks, loads with two
decimals, memory in whole pages, constants, disks that grow slowly, rates, temperatures, a counter that
rarely counts. They go through the daemon's own writer, with its log, its fsyncs and its metrics.db; time
is virtual, so hours of samples take seconds. One turn of the writer is one second of the fleet.

The table names what is measured and, where there is one, the promise. CPU time is that of the writer's
turns alone; making the samples up is not in it. Put --folder on the disk that is to be measured.

Examples:
  cargo xtask bench store
  cargo xtask bench store --hosts 50 --hours 1 --days 2 --log-mib 10      a quick look
  cargo xtask bench store --folder /var/tmp --json > store.json";

/// What `bench store` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct StoreArgs {
    /// Hosts that send samples
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=5_000))]
    hosts: u64,
    /// Series of each host
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=1_024))]
    series: u64,
    /// Hours that are ingested, at one sample in 5 s
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=72))]
    hours: u64,
    /// Days of the one host whose long history is asked for
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=30))]
    days: u64,
    /// Size of the log that a restart finds
    #[arg(long, value_name = "MIB", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=120))]
    log_mib: u64,
    /// The samples differ for each seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Measure on the disk of this folder; a new folder is made in it and removed [default: the
    /// system's folder for temporary files]
    #[arg(long, value_name = "D")]
    folder: Option<PathBuf>,
    /// Print one JSON object instead of the table
    #[arg(long)]
    json: bool,
}

/// Runs a benchmark.
pub fn run(args: &BenchArgs) -> Result<ExitCode> {
    match &args.subject {
        Subject::Store(args) => print(&store::measure(args)?, args.json)?,
        Subject::Console(args) => print(&console::measure(args)?, args.json)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn print<A: Display + Serialize>(report: &Report<A>, is_json: bool) -> Result<()> {
    if is_json {
        println!("{}", serde_json::to_string_pretty(report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}
