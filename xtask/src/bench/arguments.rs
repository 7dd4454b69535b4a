//! What the figures of a benchmark depend on, for the table's first line and for programs.

use std::fmt;

use serde::Serialize;

use super::report::Report;

/// What `bench store` measured.
pub(super) type StoreReport = Report<StoreArguments>;
/// What `bench console` measured.
pub(super) type ConsoleReport = Report<ConsoleArguments>;

/// What the figures depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct StoreArguments {
    pub(super) hosts: u64,
    pub(super) series: u64,
    pub(super) hours: u64,
    pub(super) days: u64,
    pub(super) log_mib: u64,
    pub(super) seed: u64,
    pub(super) interval_s: u32,
    /// Processors of this machine.
    pub(super) cores: usize,
    /// Whether the program was built with overflow checks and debug assertions, as `cargo xtask` is.
    pub(super) is_checked: bool,
}

impl fmt::Display for StoreArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hosts, series, hours, days, log_mib, seed, interval_s, cores, is_checked } =
            self;
        write!(
            f,
            "{hosts} hosts × {series} series, {hours} h at {interval_s} s; history of {days} days; \
             log of {log_mib} MiB; seed {seed}; {cores} cores{}",
            if *is_checked { "; with overflow checks" } else { "" }
        )
    }
}

/// What the figures of `bench console` depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ConsoleArguments {
    pub(super) hosts: usize,
    pub(super) frames: usize,
    pub(super) live_s: u64,
    /// Processors of this machine.
    pub(super) cores: usize,
    /// Whether the frames were drawn with overflow checks and debug assertions, as `cargo xtask` is built.
    pub(super) is_checked: bool,
}

impl fmt::Display for ConsoleArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hosts, frames, live_s, cores, is_checked } = self;
        write!(
            f,
            "frames: {hosts} hosts, all of whose values change, {frames} frames each size; live: 3 \
             real hosts, {live_s} s; {cores} cores{}",
            if *is_checked { "; with overflow checks" } else { "" }
        )
    }
}
