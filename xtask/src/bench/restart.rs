//! A restart that finds a log: the writer is left as a kill leaves it and opened again.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::StoreArgs;
use super::arguments::StoreReport;
use super::clock::{Progress, resident_bytes};
use super::report::Promise;
use super::sink::{BEGIN_MS, Fleet, INTERVAL_MS, Sink};
use super::store::close;

const MIB: u64 = 1_048_576;
/// Slots of each host: fewer than fill a window, so that all of them are in the log alone.
const SLOTS: u64 = 170;
/// About how many bytes of the log a slot takes beside its values.
const SLOT_BYTES: u64 = 40;
/// Within how many seconds the daemon is to be back.
const BACK_WITHIN_S: f64 = 2.0;

/// Fills a log, leaves it, and opens it again.
pub(super) fn measure(args: &StoreArgs, folder: &Path, report: &mut StoreReport) -> Result<()> {
    let wanted = args.log_mib * MIB;
    let per_slot = SLOT_BYTES + args.series * 8;
    let hosts = (wanted / per_slot / SLOTS).max(1) + 1;
    let mut fleet = Fleet::new("host", hosts, usize::try_from(args.series)?, args.seed)?;
    let mut sink = Sink::open(folder)?;
    let mut progress = Progress::of("a log for the restart");
    let mut slot_ms = BEGIN_MS;
    while sink.news.log_bytes.load(Ordering::Relaxed) < wanted {
        sink.take(slot_ms, fleet.slots(slot_ms))?;
        slot_ms += INTERVAL_MS;
        progress.at(sink.news.log_bytes.load(Ordering::Relaxed), wanted);
        ensure!(slot_ms < BEGIN_MS + 3_600_000, "the log never reaches {} MiB", args.log_mib);
    }
    let (samples, log_bytes) = (sink.samples(), sink.news.log_bytes.load(Ordering::Relaxed));
    // As a kill leaves it: nothing is closed, nothing committed.
    drop(sink);

    let began = Instant::now();
    let again = Sink::open(folder)?;
    let took = began.elapsed().as_secs_f64();
    report.add("restart_log_mib", "log that a restart found", log_bytes as f64 / MIB as f64, "MiB");
    report.add("restart_samples", "samples in it", samples as f64, "samples");
    report.add("restart_s", "until the store is open again", took, "s");
    report.promised(Promise::AtMost(BACK_WITHIN_S));
    let resident = resident_bytes()? as f64 / MIB as f64;
    report.add("restart_rss_mib", "memory after it, generator included", resident, "MiB");
    close(again)
}
