//! `bench store`: a fleet's hours through the writer, then size, questions, memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use systole_common::ids::HostId;
use systole_common::model::metric::SeriesKey;
use systole_common::time::UnixMs;
use systole_daemon::engine::effect::MetricsQuery;
use systole_daemon::shell::metrics::METRICS_FILE;
use systole_daemon::shell::metrics::database::Database;
use systole_daemon::shell::metrics::reader::{MetricsAnswer, MetricsReaders};
use systole_daemon::shell::metrics::slot::Retention;

use super::arguments::{StoreArguments, StoreReport};
use super::clock::{self, Progress};
use super::generator::INTERVAL_S;
use super::report::Promise;
use super::sink::{BEGIN_MS, Fleet, Sink, percentile_ms};
use super::{StoreArgs, month, restart};

/// How often a question is asked; its time is the middle one.
const ASKED: usize = 21;
/// Hosts of the hour that is never merged; more change nothing.
const UNMERGED_HOSTS: u64 = 50;
const MIB: f64 = 1_048_576.0;
/// The series that is asked for.
const METRIC: &str = "cpu_percent";
/// How long the background work may take at once.
const BUDGET: Duration = Duration::from_millis(500);

/// Measures everything. What it writes is gone when it returns.
pub(super) fn measure(args: &StoreArgs) -> Result<StoreReport> {
    let mut folder = tempfile::Builder::new();
    folder.prefix("systole-bench-");
    let folder = match &args.folder {
        Some(parent) => folder.tempdir_in(parent),
        None => folder.tempdir(),
    }
    .context("cannot make a folder; choose another with --folder")?;
    let arguments = StoreArguments {
        hosts: args.hosts,
        series: args.series,
        hours: args.hours,
        days: args.days,
        log_mib: args.log_mib,
        seed: args.seed,
        interval_s: INTERVAL_S,
        cores: std::thread::available_parallelism()?.get(),
        is_checked: cfg!(debug_assertions),
    };
    let mut report = StoreReport::new(arguments);
    fleet(args, &subfolder(folder.path(), "fleet")?, &mut report)?;
    unmerged(args, &subfolder(folder.path(), "hour")?, &mut report)?;
    month::measure(args, &subfolder(folder.path(), "month")?, &mut report)?;
    restart::measure(args, &subfolder(folder.path(), "restart")?, &mut report)?;
    Ok(report)
}

fn subfolder(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    fs::create_dir(&path)?;
    Ok(path)
}

/// Ingest of a fleet, what it takes on the disk, and questions about all of it.
fn fleet(args: &StoreArgs, folder: &Path, report: &mut StoreReport) -> Result<()> {
    let series = usize::try_from(args.series)?;
    let mut fleet = Fleet::new("host", args.hosts, series, args.seed)?;
    let mut sink = Sink::open(folder)?;
    let seconds = args.hours * 3_600;
    let mut progress = Progress::of("ingest of the fleet");
    for second in 0..seconds {
        let at_ms = BEGIN_MS + i64::try_from(second)? * 1_000;
        let slots = fleet.second(at_ms)?;
        if !slots.is_empty() {
            sink.take(at_ms, slots)?;
        }
        progress.at(second, seconds);
    }
    ingested(&sink, report)?;
    let end = BEGIN_MS + i64::try_from(seconds)? * 1_000;
    let readers = readers(folder, &sink);
    let hour = UnixMs(end - 3_600_000);
    let one = fleet.names().next().context("no host")?;
    let raw_ms = ask(&readers, &history(one, hour, UnixMs(end), 0))?;
    report.add("history_1h_raw_ms", "1 h of a series, every sample", raw_ms, "ms");
    let step_ms = 5 * 60_000;
    let began = Instant::now();
    for host in fleet.names() {
        answer(&readers, &history(host, UnixMs(BEGIN_MS), UnixMs(end), step_ms))?;
    }
    let all_ms = began.elapsed().as_secs_f64() * 1_000.0;
    report.add("all_hosts_5min_ms", "a series of all hosts per 5 min, all hours", all_ms, "ms");
    drop(readers);
    size(sink, folder, end, report)
}

fn ingested(sink: &Sink, report: &mut StoreReport) -> Result<()> {
    let samples = sink.samples() as f64;
    ensure!(samples > 0.0, "nothing was committed");
    let wall = sink.turns.iter().sum::<Duration>().as_secs_f64();
    let processor = sink.processor.as_secs_f64();
    report.add("samples", "samples ingested", samples, "samples");
    report.add("ingest_samples_per_s", "ingest, fsyncs included", samples / wall, "samples/s");
    let per_core = samples / processor.max(f64::EPSILON);
    report.add("ingest_samples_per_core_s", "ingest per core", per_core, "samples/s");
    report.promised(Promise::AtLeast(3e6));
    report.add("cpu_s_per_million", "CPU per million samples", processor * 1e6 / samples, "s");
    report.add("commit_p50_ms", "group commit, p50", percentile_ms(&sink.commits, 50)?, "ms");
    report.promised(Promise::AtMost(2.0));
    report.add("commit_p99_ms", "group commit, p99", percentile_ms(&sink.commits, 99)?, "ms");
    report.promised(Promise::AtMost(20.0));
    report.add("turn_p99_ms", "turn of the writer, p99", percentile_ms(&sink.turns, 99)?, "ms");
    report.add("turn_max_ms", "turn of the writer, worst", percentile_ms(&sink.turns, 100)?, "ms");
    let log = sink.news.log_bytes.load(std::sync::atomic::Ordering::Relaxed) as f64;
    report.add("log_mib", "write-ahead log", log / MIB, "MiB");
    report.promised(Promise::AtMost(200.0));
    report.add(
        "rss_mib",
        "memory, generator included",
        clock::resident_bytes()? as f64 / MIB,
        "MiB",
    );
    Ok(())
}

/// Bytes of a sample in windows as they are closed: an hour is too short for a merge.
fn unmerged(args: &StoreArgs, folder: &Path, report: &mut StoreReport) -> Result<()> {
    let hosts = args.hosts.min(UNMERGED_HOSTS);
    let mut fleet = Fleet::new("host", hosts, usize::try_from(args.series)?, args.seed)?;
    let mut sink = Sink::open(folder)?;
    for second in 0..3_600 {
        let at_ms = BEGIN_MS + second * 1_000;
        sink.take(at_ms, fleet.second(at_ms)?)?;
    }
    let samples = sink.samples() as f64;
    close(sink)?;
    let bytes = database_bytes(folder)? / samples;
    report.add("bytes_per_sample_unmerged", "on the disk before any merge", bytes, "B/sample");
    Ok(())
}

/// Bytes of a sample on the disk when all is in `metrics.db`, and after the work in the background.
fn size(sink: Sink, folder: &Path, end: i64, report: &mut StoreReport) -> Result<()> {
    let samples = sink.samples() as f64;
    close(sink)?;
    let before = database_bytes(folder)?;
    report.add("bytes_per_sample", "on the disk after all hours", before / samples, "B/sample");
    report.promised(Promise::AtMost(1.4));
    // A day later all of it may be merged and rolled up.
    let spent = tidy_up(folder, UnixMs(end + 86_400_000))?;
    let after = database_bytes(folder)?;
    report.add(
        "bytes_per_sample_merged",
        "after merge and roll-ups, these included",
        after / samples,
        "B/sample",
    );
    report.add(
        "merge_cpu_s_per_million",
        "CPU of merge and roll-ups per million",
        spent.as_secs_f64() * 1e6 / samples,
        "s",
    );
    Ok(())
}

/// Readers of the store behind `sink`.
pub(super) fn readers(folder: &Path, sink: &Sink) -> Arc<MetricsReaders> {
    let open = sink.writer.open_windows();
    MetricsReaders::new(&folder.join(METRICS_FILE), open, Arc::clone(&sink.news))
}

/// Ends the writer as a stop of the daemon does that has time: everything is committed.
pub(super) fn close(sink: Sink) -> Result<()> {
    Ok(sink.writer.close(Duration::MAX)?)
}

/// Does all the work of the background at once. Returns the processor time that it took.
pub(super) fn tidy_up(folder: &Path, now: UnixMs) -> Result<Duration> {
    clock::set_wall(now.0);
    let (mut database, loaded) = Database::open(folder, now)?;
    ensure!(loaded.losses.is_empty(), "the store of this run lost something: {:?}", loaded.losses);
    let mut progress = Progress::of("merge and roll-ups");
    let began = clock::processor();
    while database.maintain(now, &Retention::default(), BUDGET)?.more {
        progress.at(0, 1);
    }
    let spent = clock::processor().saturating_sub(began);
    database.checkpoint()?;
    database.close()?;
    Ok(spent)
}

/// Bytes of `metrics.db` and what stands beside it.
pub(super) fn database_bytes(folder: &Path) -> Result<f64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(METRICS_FILE) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes as f64)
}

/// The question for the history of the series that is always asked for.
pub(super) fn history(host: &HostId, from: UnixMs, to: UnixMs, step_ms: u64) -> MetricsQuery {
    let key = SeriesKey::new(METRIC, "");
    MetricsQuery::History { host: host.clone(), key, from, to, step_ms }
}

/// Asks again and again and returns the middle time in milliseconds.
pub(super) fn ask(readers: &MetricsReaders, query: &MetricsQuery) -> Result<f64> {
    let mut spans = Vec::new();
    for _ in 0..ASKED {
        let began = Instant::now();
        answer(readers, query)?;
        spans.push(began.elapsed());
    }
    percentile_ms(&spans, 50)
}

/// How many samples are in the points that answer `query`; there must be some.
pub(super) fn answer(readers: &MetricsReaders, query: &MetricsQuery) -> Result<u64> {
    match readers.read(query.clone())? {
        MetricsAnswer::History { points, .. } => {
            ensure!(!points.is_empty(), "no points for {query:?}");
            Ok(points.iter().map(|point| point.count).sum())
        }
        other => bail!("{other:?} does not answer {query:?}"),
    }
}
