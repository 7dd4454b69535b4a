//! The long history of one host at the stored interval: how soon it is there when it is asked for.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use systole_common::time::UnixMs;

use super::StoreArgs;
use super::arguments::StoreReport;
use super::clock::Progress;
use super::report::Promise;
use super::sink::{BEGIN_MS, Fleet, INTERVAL_MS, Sink};
use super::store::{answer, ask, close, database_bytes, history, readers, tidy_up};

/// Points that a chart is wide.
const POINTS: i64 = 300;
const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;

/// Makes up the days, asks, has the background do its work, and asks again.
pub(super) fn measure(args: &StoreArgs, folder: &Path, report: &mut StoreReport) -> Result<()> {
    let mut fleet = Fleet::new("long", 1, usize::try_from(args.series)?, args.seed)?;
    let mut sink = Sink::open(folder)?;
    let hours = args.days * 24;
    let mut progress = Progress::of("a long history");
    for hour in 0..hours {
        let begin = BEGIN_MS + i64::try_from(hour)? * HOUR_MS;
        let times = (0..HOUR_MS / INTERVAL_MS).map(|slot| begin + slot * INTERVAL_MS);
        let slots = times.flat_map(|slot_ms| fleet.slots(slot_ms)).collect();
        sink.take(begin + HOUR_MS, slots)?;
        progress.at(hour, hours);
    }
    let samples = sink.samples();
    let end = BEGIN_MS + i64::try_from(hours)? * HOUR_MS;
    let readers = readers(folder, &sink);
    close(sink)?;

    let host = fleet.names().next().context("no host")?;
    let span_ms = end - BEGIN_MS;
    // No roll-up has steps that are no whole minutes: every chunk is looked at.
    let odd_ms = u64::try_from(span_ms / POINTS + 1)?;
    let minutes_ms = u64::try_from((span_ms / POINTS / MINUTE_MS + 1) * MINUTE_MS)?;
    let (from, to) = (UnixMs(BEGIN_MS), UnixMs(end));
    let counted = answer(&readers, &history(host, from, to, odd_ms))?;
    ensure!(counted == samples / args.series, "{counted} samples are not all of {samples}");
    let value = ask(&readers, &history(host, from, to, odd_ms))?;
    report.add("history_long_raw_ms", "all days of a series in 300 points, raw", value, "ms");
    report.promised(Promise::AtMost(15.0));

    let before = database_bytes(folder)?;
    tidy_up(folder, to)?;
    let value = ask(&readers, &history(host, from, to, odd_ms))?;
    report.add("history_long_merged_ms", "the same, merged", value, "ms");
    report.promised(Promise::AtMost(15.0));
    let value = ask(&readers, &history(host, from, to, minutes_ms))?;
    report.add("history_long_rolled_ms", "the same, in whole minutes from roll-ups", value, "ms");
    report.promised(Promise::AtMost(15.0));
    let value = ask(&readers, &history(host, UnixMs(end - HOUR_MS), to, 0))?;
    report.add("history_1h_merged_ms", "1 h of it, every sample", value, "ms");
    let after = database_bytes(folder)?;
    report.add(
        "long_bytes_per_sample",
        "all days on the disk",
        before / samples as f64,
        "B/sample",
    );
    let merged = after / samples as f64;
    report.add("long_bytes_per_sample_merged", "the same, merged", merged, "B/sample");
    Ok(())
}
