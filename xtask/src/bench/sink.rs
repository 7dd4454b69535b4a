//! A writer of the metric store whose turns are timed, and one second of a fleet after another for it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use systole_common::ids::{HostId, SpoolEpoch};
use systole_daemon::shell::metrics::health::MetricsNews;
use systole_daemon::shell::metrics::slot::{Intake, Origin, Retention, Shape, Slot};
use systole_daemon::shell::metrics::writer::{MetricsWriter, Receipts};

use super::clock;
use super::generator::{Host, INTERVAL_S, shape};

/// Milliseconds between the samples of a host.
pub(super) const INTERVAL_MS: i64 = INTERVAL_S as i64 * 1_000;
/// Where time begins: a midnight of UTC, so that runs are alike.
pub(super) const BEGIN_MS: i64 = 1_788_220_800_000;
/// One more day than the default, so that the oldest of 30 days is still there at their end.
const RAW_DAYS: i64 = 31;

/// A writer, and what it took.
pub(super) struct Sink {
    /// The writer.
    pub(super) writer: MetricsWriter<Nobody>,
    /// What it says of itself.
    pub(super) news: Arc<MetricsNews>,
    /// Processor time of its turns.
    pub(super) processor: Duration,
    /// The wall-clock time of each turn.
    pub(super) turns: Vec<Duration>,
    /// Of which that for the group commit.
    pub(super) commits: Vec<Duration>,
}

/// Receipts that nobody waits for.
#[derive(Debug)]
pub(super) struct Nobody;

impl Receipts for Nobody {
    fn received(&self, _host: &HostId, _epoch: SpoolEpoch, _ranges: Vec<(u64, u64)>) {}
}

impl Sink {
    /// Opens a store in `folder`.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let day_ms = 86_400_000;
        let retention = Retention { raw_ms: RAW_DAYS * day_ms, ..Retention::default() };
        let (writer, losses) = MetricsWriter::open(folder, 0, retention, Nobody, clock::wall)?;
        ensure!(losses.is_empty(), "a store of this run says that it lost something: {losses:?}");
        let news = writer.news();
        let (turns, commits) = (Vec::new(), Vec::new());
        Ok(Self { writer, news, processor: Duration::ZERO, turns, commits })
    }

    /// One group commit with these slots; the virtual clock shows `at_ms`.
    pub(super) fn take(&mut self, at_ms: i64, slots: Vec<Slot>) -> Result<()> {
        clock::set_wall(at_ms);
        let intakes = slots.into_iter().map(Intake::Slot).collect();
        let before_us = self.news.commit_us.load(Ordering::Relaxed);
        let (processor, wall) = (clock::processor(), Instant::now());
        self.writer.turn(intakes)?;
        self.turns.push(wall.elapsed());
        self.processor += clock::processor().saturating_sub(processor);
        let after_us = self.news.commit_us.load(Ordering::Relaxed);
        self.commits.push(Duration::from_micros(after_us.saturating_sub(before_us)));
        Ok(())
    }

    /// Samples that it says it committed.
    pub(super) fn samples(&self) -> u64 {
        self.news.samples.load(Ordering::Relaxed)
    }
}

/// Hosts that send one slot after another.
pub(super) struct Fleet {
    shape: Arc<Shape>,
    hosts: Vec<(HostId, Host, u64)>,
}

impl Fleet {
    /// Hosts `PREFIX-1` to `PREFIX-COUNT` with `series` series each.
    pub(super) fn new(prefix: &str, count: u64, series: usize, seed: u64) -> Result<Self> {
        let hosts = (1..=count).map(|number| {
            let name = format!("{prefix}-{number}").parse::<HostId>()?;
            Ok((name, Host::new(seed, number, series), 0))
        });
        Ok(Self { shape: shape(series), hosts: hosts.collect::<Result<_>>()? })
    }

    /// Its hosts.
    pub(super) fn names(&self) -> impl Iterator<Item = &HostId> {
        self.hosts.iter().map(|host| &host.0)
    }

    /// What comes in the second that begins at `at_ms`: those whose turn it is, each its next slot.
    pub(super) fn second(&mut self, at_ms: i64) -> Result<Vec<Slot>> {
        let phase = usize::try_from(at_ms.rem_euclid(INTERVAL_MS) / 1_000)?;
        let step = usize::try_from(INTERVAL_S)?;
        let slot_ms = at_ms - at_ms.rem_euclid(INTERVAL_MS);
        let whose = self.hosts.iter_mut().skip(phase).step_by(step);
        Ok(whose.map(|host| slot_of(host, &self.shape, slot_ms)).collect())
    }

    /// The next slot of every host.
    pub(super) fn slots(&mut self, slot_ms: i64) -> Vec<Slot> {
        self.hosts.iter_mut().map(|host| slot_of(host, &self.shape, slot_ms)).collect()
    }
}

fn slot_of(
    (name, host, sequence): &mut (HostId, Host, u64),
    shape: &Arc<Shape>,
    slot_ms: i64,
) -> Slot {
    *sequence += 1;
    Slot {
        host: name.clone(),
        epoch: SpoolEpoch(1),
        sequence: *sequence,
        slot_ms,
        origin: Origin::Live,
        shape: Arc::clone(shape),
        values: host.sample(),
    }
}

/// The value below which `percent` of 100 of `spans` lie, in milliseconds.
pub(super) fn percentile_ms(spans: &[Duration], percent: usize) -> Result<f64> {
    let mut sorted = spans.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().checked_sub(1).context("nothing was measured")?;
    let at = (sorted.len() * percent / 100).min(last);
    let span = sorted.get(at).context("nothing was measured")?;
    Ok(span.as_secs_f64() * 1_000.0)
}
