//! `cargo xtask TASK`: reads the command line, runs one task, turns its end into an exit code.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::bench::{self, BenchArgs};
use xtask::certs::{self, CertsArgs};
use xtask::demo::{self, DemoArgs};
use xtask::screens::{self, ScreensArgs};
use xtask::test::TestArgs;
use xtask::{audit, test, tidy, workspace};

/// Tasks of those who work on Systole
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Measure what was promised, on this machine
    Bench(BenchArgs),
    /// Make the certificates of a fleet
    Certs(CertsArgs),
    /// Show Systole on this machine's real metrics, and clean up
    Demo(DemoArgs),
    /// Draw the README's pictures from the console's tests
    Screens(ScreensArgs),
    /// Run all checks and tests; the last line is their sum
    Test(TestArgs),
    /// Check the house rules that a compiler does not
    Tidy,
    /// Compare Cargo.lock with the advisory database that `SYSTOLE_ADVISORY_DB` names
    Audit,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refusal) => {
            let _ = refusal.print();
            return if refusal.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    run(&cli.task).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(task: &Task) -> Result<ExitCode> {
    let root = workspace::root()?;
    match task {
        Task::Bench(args) => bench::run(args),
        Task::Certs(args) => certs::run(args).map(|()| ExitCode::SUCCESS),
        Task::Demo(args) => demo::run(args),
        Task::Screens(args) => screens::run(args),
        Task::Test(args) => test::run(&root, args),
        Task::Tidy => tidy::run(&root),
        Task::Audit => audit::run(&root),
    }
}

/// Exit code of a command line that cannot be understood.
const USAGE: u8 = 64;
