//! Skips that tests report: no test passes silently without having run.
//!
//! A test that lacks something prints `SKIPPED: name: reason` and adds `name: reason` to the
//! file that [`LOG_VARIABLE`] names, because libtest hides what passing tests print. When
//! [`REQUIRE_VARIABLE`] is `all`, a missing thing is a failure instead.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// Names the file that skips are added to.
pub const LOG_VARIABLE: &str = "SYSTOLE_SKIP_LOG";
/// `all`: nothing may be skipped.
pub const REQUIRE_VARIABLE: &str = "SYSTOLE_REQUIRE";

/// Reports that a test does not run. The error is the reason when nothing may be skipped,
/// so that a test can end with `return skip(…)`.
pub fn skip(name: &str, reason: &str) -> Result<(), String> {
    eprintln!("{PREFIX}{name}: {reason}");
    if env::var_os(REQUIRE_VARIABLE).is_some_and(|value| value == "all") {
        return Err(format!("{name} is required: {reason}"));
    }
    let Some(path) = env::var_os(LOG_VARIABLE) else {
        return Ok(());
    };
    let log = OpenOptions::new().create(true).append(true).open(&path);
    log.and_then(|mut log| writeln!(log, "{name}: {reason}"))
        .map_err(|error| format!("cannot add to {}: {error}", Path::new(&path).display()))
}

/// The tests in a log, each once, with their reasons. No log means no skip.
pub(super) fn read(log: &Path) -> BTreeMap<String, String> {
    parse(&fs::read_to_string(log).unwrap_or_default())
}

fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .map(|line| line.strip_prefix(PREFIX).unwrap_or(line).trim())
        .filter(|line| !line.is_empty())
        .map(|line| line.split_once(": ").unwrap_or((line, "no reason given")))
        .map(|(name, reason)| (name.to_owned(), reason.to_owned()))
        .collect()
}

const PREFIX: &str = "SKIPPED: ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_reports_twice_is_one_skip() {
        let skips = parse("a::b: no python\nSKIPPED: c: not root: run as root\n\na::b: no pip\n");
        assert_eq!(skips.len(), 2);
        assert_eq!(skips["c"], "not root: run as root");
    }
}
