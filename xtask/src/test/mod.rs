//! `cargo xtask test`: everything that must hold before a change goes in.
//!
//! It runs all steps, whatever failed before, and its last line is the sum. What a step
//! checks is the step's own affair: tidy, the audit and the suites live in their modules.

mod packages;
mod skips;
mod suites;
mod tally;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

pub use skips::{LOG_VARIABLE, REQUIRE_VARIABLE, skip};

use crate::audit::{self, DATABASE_VARIABLE, Outcome};
use crate::tidy;
use crate::workspace::{PROFILE, cargo};
use suites::{Suite, Suites};
use tally::{Steps, Tally};

/// What to run and how strictly.
#[derive(Debug, Clone, Default, Args)]
pub struct TestArgs {
    /// Count whatever cannot run here as failed
    #[arg(long)]
    pub require_all: bool,
    /// Leave out the tests end to end
    #[arg(long, conflicts_with = "require_all")]
    pub fast: bool,
    /// Check and test only these packages
    #[arg(short, long = "package", value_name = "PACKAGE")]
    pub packages: Vec<String>,
}

/// Runs the task; what goes wrong is a failed step, never an error of its own.
pub fn run(root: &Path, args: &TestArgs) -> Result<ExitCode> {
    let suites = Suites { root, packages: &args.packages, required: args.require_all };
    let mut steps = Steps::default();
    steps.run("packages", || packages::install(args.require_all));
    check_sources(&mut steps, root, &suites);
    run_tests(&mut steps, root, args, &suites);
    steps.run("audit", || audit_step(root, args.require_all));
    let sum = steps.recap();
    println!("{sum}");
    Ok(if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check_sources(steps: &mut Steps, root: &Path, suites: &Suites) {
    steps.run("format", || call(root, &["fmt", "--all", "--check"]));
    steps.run("lints", || {
        let mut arguments = vec!["clippy", "--profile", PROFILE, "--all-targets"];
        arguments.extend(suites.selection());
        arguments.extend(["--", "-D", "warnings"]);
        call(root, &arguments)
    });
    steps.run("common without net", || {
        let arguments =
            ["check", "--package", "systole-common", "--no-default-features", "--profile", PROFILE];
        call(root, &arguments)
    });
    steps.run("tidy", || tidy_step(root));
}

fn run_tests(steps: &mut Steps, root: &Path, args: &TestArgs, suites: &Suites) {
    steps.run("build", || call(root, &["build", "--profile", PROFILE, "--workspace", "--bins"]));
    let mut built: Option<(Vec<Suite>, Vec<Suite>)> = None;
    steps.run("build the tests", || {
        built = Some(suites.build()?);
        Ok(Tally::PASSED)
    });
    let Some((own, end_to_end)) = built else {
        println!("not run, because they do not build: tests, examples, end to end");
        return;
    };
    steps.run("tests", || suites.run(&own));
    steps.run("examples in the documentation", || suites.run_documentation());
    steps.run("end to end", || {
        if args.fast {
            println!("SKIPPED: end to end: --fast leaves it out");
            return Ok(Tally::SKIPPED);
        }
        suites.run(&end_to_end)
    });
}

/// One cargo call that either succeeds or does not.
fn call(root: &Path, arguments: &[&str]) -> Result<Tally> {
    println!("cargo {}", arguments.join(" "));
    let status = cargo(root).args(arguments).status().context("cannot run cargo")?;
    Ok(Tally::of(status.success()))
}

fn tidy_step(root: &Path) -> Result<Tally> {
    let breaches = tidy::check(root, &tidy::EXCEPTIONS)?;
    for breach in &breaches {
        println!("{breach}");
    }
    Ok(Tally::of(breaches.is_empty()))
}

fn audit_step(root: &Path, required: bool) -> Result<Tally> {
    match audit::audit(root)? {
        Outcome::Clean(advisories) => {
            println!("clean against {advisories} advisories");
            Ok(Tally::PASSED)
        }
        Outcome::Findings(findings) => {
            for finding in &findings {
                println!("{finding}");
            }
            Ok(Tally::FAILED)
        }
        Outcome::Skipped(reason) => {
            println!("SKIPPED: audit: {reason}");
            println!("set {DATABASE_VARIABLE} to run it");
            Ok(if required { Tally::FAILED } else { Tally::SKIPPED })
        }
    }
}
