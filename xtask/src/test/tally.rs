//! Steps of a test run, their headlines, and the sums that the last line gives.

use std::fmt;
use std::time::Instant;

use anyhow::Result;

/// What a step, or the whole run, came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

impl Tally {
    pub(super) const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    pub(super) const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };
    pub(super) const SKIPPED: Self = Self { passed: 0, failed: 0, skipped: 1 };

    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// One step that either holds or does not.
    pub(super) fn of(holds: bool) -> Self {
        if holds { Self::PASSED } else { Self::FAILED }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(formatter, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// Runs steps one after the other; a failed one does not hide those behind it.
#[derive(Debug, Default)]
pub(super) struct Steps {
    done: Vec<(String, Tally, f64)>,
}

impl Steps {
    /// Prints the headline, runs the step and prints what it came to and its seconds.
    pub(super) fn run(&mut self, name: &str, step: impl FnOnce() -> Result<Tally>) {
        println!("\n== {name}");
        let start = Instant::now();
        let tally = step().unwrap_or_else(|error| {
            println!("error: {error:#}");
            Tally::FAILED
        });
        let seconds = start.elapsed().as_secs_f64();
        println!("== {name}: {tally} in {seconds:.1} s");
        self.done.push((name.to_owned(), tally, seconds));
    }

    /// Prints one line for each step and gives the sums.
    pub(super) fn recap(&self) -> Tally {
        let mut sum = Tally::default();
        println!("\n== all steps");
        for (name, tally, seconds) in &self.done {
            let mark = if tally.failed > 0 { "FAILED" } else { "ok" };
            println!("{mark:<6} {seconds:>7.1} s  {name}: {tally}");
            sum.add(*tally);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_has_exactly_this_form() {
        let mut sum = Tally { passed: 40, failed: 0, skipped: 1 };
        sum.add(Tally::FAILED);
        sum.add(Tally::PASSED);
        assert_eq!(sum.to_string(), "41 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn an_error_fails_its_step_and_the_next_one_still_runs() {
        let mut steps = Steps::default();
        steps.run("first", || anyhow::bail!("no such tool"));
        steps.run("second", || Ok(Tally::PASSED));
        assert_eq!(steps.recap(), Tally { passed: 1, failed: 1, skipped: 0 });
    }
}
