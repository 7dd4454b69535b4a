//! `bench console`: how long a frame takes, and what the console costs while it is looked at.
//!
//! [`frames`] draws made-up fleets through the console's own update, view and backend; [`live`] runs the
//! real programs with the console on a pseudo-terminal.

mod frames;
mod live;

use anyhow::Result;

use super::ConsoleArgs;
use super::arguments::{ConsoleArguments, ConsoleReport};

/// Measures everything. What it starts is stopped when it returns.
pub(super) fn measure(args: &ConsoleArgs) -> Result<ConsoleReport> {
    let mut report = ConsoleReport::new(ConsoleArguments {
        hosts: args.hosts,
        frames: args.frames,
        live_s: args.live_s,
        cores: std::thread::available_parallelism()?.get(),
        is_checked: cfg!(debug_assertions),
    });
    frames::measure(args, &mut report)?;
    if args.live_s > 0 {
        live::measure(args, &mut report)?;
    }
    Ok(report)
}
