//! The tests themselves: built once, run binary by binary, summed from what libtest says.
//!
//! Running the binaries here instead of by `cargo test` keeps one set of features for all of
//! them, and a binary that dies without a summary counts as failed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::skips::{self, LOG_VARIABLE, REQUIRE_VARIABLE};
use super::tally::Tally;
use crate::workspace::{PROFILE, cargo};

/// How suites are run.
#[derive(Debug)]
pub(super) struct Suites<'a> {
    pub(super) root: &'a Path,
    /// Only these packages; all when empty.
    pub(super) packages: &'a [String],
    /// Whether a skip is a failure.
    pub(super) required: bool,
}

/// One test binary.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Suite {
    label: String,
    executable: PathBuf,
    /// Where cargo would run it.
    folder: PathBuf,
}

impl Suites<'_> {
    /// Builds all test binaries; those end to end are in the second list.
    pub(super) fn build(&self) -> Result<(Vec<Suite>, Vec<Suite>)> {
        let output = cargo(self.root)
            .args(["test", "--no-run", "--profile", PROFILE])
            .arg("--message-format=json-render-diagnostics")
            .args(self.selection())
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run cargo")?;
        if !output.status.success() {
            bail!("the tests do not build: mend what cargo says above");
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        let end_to_end = self.root.join(END_TO_END);
        Ok(suites(&messages)?.into_iter().partition(|suite| suite.folder != end_to_end))
    }

    /// Runs test binaries one after the other.
    pub(super) fn run(&self, suites: &[Suite]) -> Result<Tally> {
        let mut sum = Tally::default();
        for suite in suites {
            println!("\n-- {}", suite.label);
            let mut command = Command::new(&suite.executable);
            command.current_dir(&suite.folder).env("CARGO_MANIFEST_DIR", &suite.folder);
            sum.add(self.run_one(command)?);
        }
        Ok(sum)
    }

    /// Runs the examples in the documentation.
    pub(super) fn run_documentation(&self) -> Result<Tally> {
        let mut command = cargo(self.root);
        command.args(["test", "--doc", "--no-fail-fast", "--profile", PROFILE]);
        command.args(self.selection());
        self.run_one(command)
    }

    /// Cargo's arguments for the packages asked for.
    pub(super) fn selection(&self) -> Vec<&str> {
        if self.packages.is_empty() {
            return vec!["--workspace"];
        }
        self.packages.iter().flat_map(|package| ["--package", package]).collect()
    }

    /// Streams one run and sums it up.
    fn run_one(&self, mut command: Command) -> Result<Tally> {
        let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
        let log = scratch.path().join("skips");
        command.env(LOG_VARIABLE, &log).stdin(Stdio::null()).stdout(Stdio::piped());
        if self.required {
            command.env(REQUIRE_VARIABLE, "all");
        }
        let mut child = command.spawn().context("cannot start the tests")?;
        let mut sums = Sums::default();
        for line in BufReader::new(child.stdout.take().context("no output to read")?).split(b'\n') {
            let line = line.context("cannot read what the tests print")?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            sums.read(&line);
        }
        let status = child.wait().context("cannot wait for the tests")?;
        if !status.success() {
            println!("ended with {status}");
        }
        let mut tally = sums.tally(status.success());
        for (name, reason) in skips::read(&log) {
            println!("SKIPPED: {name}: {reason}");
            tally.passed = tally.passed.saturating_sub(1);
            if self.required {
                tally.failed += 1;
            } else {
                tally.skipped += 1;
            }
        }
        Ok(tally)
    }
}

/// What libtest's lines add up to.
#[derive(Debug, Default)]
struct Sums {
    /// Binaries that said how many tests they run.
    started: usize,
    /// Binaries that gave a summary.
    ended: usize,
    tally: Tally,
}

impl Sums {
    fn read(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("running ") {
            let counted = rest.split_once(' ').is_some_and(|(count, what)| {
                count.parse::<usize>().is_ok() && matches!(what, "test" | "tests")
            });
            self.started += usize::from(counted);
        } else if let Some(tally) = summary(line) {
            self.ended += 1;
            self.tally.add(tally);
        }
    }

    /// The sums; after a bad exit each binary that died without a summary counts as failed,
    /// and so does an exit that nothing else explains.
    fn tally(&self, success: bool) -> Tally {
        let mut tally = self.tally;
        if !success {
            tally.failed += self.started.saturating_sub(self.ended);
            tally.failed = tally.failed.max(1);
        }
        tally
    }
}

/// Reads `test result: ok. 5 passed; 0 failed; 1 ignored; …`.
fn summary(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |what: &str| {
        let mut parts = counts.split("; ").filter_map(|part| part.split_once(' '));
        parts.find(|(_, name)| *name == what)?.0.parse::<usize>().ok()
    };
    Some(Tally { passed: count("passed")?, failed: count("failed")?, skipped: count("ignored")? })
}

/// The test binaries that cargo's messages name.
fn suites(messages: &str) -> Result<Vec<Suite>> {
    let mut found = Vec::new();
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Message =
            serde_json::from_str(line).context("cannot read cargo's messages")?;
        let Message { reason, manifest_path, target, profile, executable } = message;
        let (Some(manifest), Some(target), Some(executable)) = (manifest_path, target, executable)
        else {
            continue;
        };
        if reason != "compiler-artifact" || !profile.is_some_and(|profile| profile.test) {
            continue;
        }
        let folder = manifest.parent().unwrap_or(Path::new("")).to_path_buf();
        let package = folder.file_name().unwrap_or_default().to_string_lossy();
        let label = format!("{package}: {} {}", target.kind.join(" "), target.name);
        found.push(Suite { label, executable, folder });
    }
    // Cargo names them in the order in which they were ready.
    found.sort();
    Ok(found)
}

/// The folder of the package that tests the real binaries.
const END_TO_END: &str = "tests";

/// What we read of cargo's `--message-format=json`.
#[derive(Debug, Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Profile {
    test: bool,
}

#[cfg(test)]
mod tests;
