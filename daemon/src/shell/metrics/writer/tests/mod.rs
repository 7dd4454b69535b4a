//! The writer in virtual time, on a disk and a database that do what they are told.

mod disk;
mod kill;
mod real;
mod rules;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use systole_common::model::coded::Growing;
use systole_common::model::metric::{MetricKind, SeriesKey, Unit};
use systole_common::ranges::RangeSet;
use systole_common::record_log::FaultyDisk;
use systole_common::wire::history::StorageRecord;
use tempfile::TempDir;

use super::super::database::Loaded;
use super::super::received::ReceivedRow;
use super::super::slot::{Origin, Series, Shape};
use super::*;

/// 2026-11-21, noon.
pub(super) const NOON: i64 = 1_795_262_400_000;
pub(super) const EPOCH: SpoolEpoch = SpoolEpoch(7);

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(NOON) };
    static FREE: Cell<u64> = const { Cell::new(u64::MAX) };
}

pub(super) fn set_now(now: i64) {
    NOW.set(now);
}

pub(super) fn set_free(bytes: u64) {
    FREE.set(bytes);
}

type Ranges = Vec<(u64, u64)>;
type Told = BTreeMap<(HostId, SpoolEpoch), RangeSet>;

/// Remembers what agents were told.
#[derive(Clone, Default)]
pub(super) struct Agents {
    told: Arc<Mutex<Told>>,
    calls: Arc<Mutex<Vec<Ranges>>>,
}

impl Receipts for Agents {
    fn received(&self, host: &HostId, epoch: SpoolEpoch, ranges: Vec<(u64, u64)>) {
        assert!(ranges.len() <= 32);
        let mut told = self.told.lock().unwrap();
        let all = told.entry((host.clone(), epoch)).or_default();
        for (first, last) in &ranges {
            all.insert(*first, *last);
        }
        self.calls.lock().unwrap().push(ranges);
    }
}

/// What the database holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    pub(super) windows: Vec<ClosedWindow>,
    pub(super) received: BTreeMap<(HostId, SpoolEpoch), ReceivedRow>,
}

#[derive(Debug, Default)]
pub(super) struct Double {
    pub(super) now: Content,
    /// What a power cut leaves.
    pub(super) synced: Content,
    pub(super) is_full: bool,
    pub(super) is_busy: bool,
    pub(super) damaged: u64,
    /// Steps until the program is killed: before and after each change.
    pub(super) dies_in: Option<u32>,
}

impl Double {
    fn step(&mut self) -> Result<(), StoreError> {
        match &mut self.dies_in {
            Some(0) => Err(StoreError::Closed),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// A database in memory; clones are the same file.
#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<Double>>);

impl Memory {
    pub(super) fn lock(&self) -> MutexGuard<'_, Double> {
        self.0.lock().unwrap()
    }

    fn loaded(&self) -> Loaded {
        let content = &self.lock().now;
        let mut newest: BTreeMap<HostId, i64> = BTreeMap::new();
        for window in &content.windows {
            let last = *window.times.last().unwrap();
            let at = newest.entry(window.host.clone()).or_insert(last);
            *at = last.max(*at);
        }
        let days = content.windows.iter().map(|it| it.times[0].div_euclid(86_400_000)).collect();
        let received = content.received.values().cloned().collect();
        Loaded { received, newest, days, losses: vec![] }
    }
}

impl Chunks for Memory {
    fn commit(&mut self, windows: &[ClosedWindow], rows: &[ReceivedRow]) -> Result<(), StoreError> {
        let mut double = self.lock();
        double.step()?;
        if double.is_full {
            return Err(StoreError::Full { path: "metrics.db".into() });
        }
        for window in windows {
            assert!(window.times.len() <= 360 && window.times.is_sorted_by(|a, b| a < b));
            assert_eq!(window.times[0] / 86_400_000, window.times.last().unwrap() / 86_400_000);
            for column in &window.columns {
                let present = column.present.as_ref();
                let count = present.map_or(window.times.len(), |all| {
                    all.iter().filter(|is_there| **is_there).count()
                });
                assert_eq!(column.values.len(), count);
            }
        }
        double.now.windows.extend(windows.iter().cloned());
        for row in rows {
            double.now.received.insert((row.host.clone(), row.epoch), row.clone());
        }
        double.step()
    }

    fn checkpoint(&mut self) -> Result<bool, StoreError> {
        let mut double = self.lock();
        double.step()?;
        if double.is_busy {
            return Ok(false);
        }
        double.synced = double.now.clone();
        double.step()?;
        Ok(true)
    }

    fn slot_times(&mut self, host: &HostId, from: i64, to: i64) -> Result<Vec<i64>, StoreError> {
        let double = self.lock();
        let of_host = double.now.windows.iter().filter(|window| window.host == *host);
        let mut times: Vec<i64> = of_host.flat_map(|window| window.times.clone()).collect();
        times.retain(|time| (from..to).contains(time));
        times.sort_unstable();
        Ok(times)
    }

    fn maintain(
        &mut self,
        _: UnixMs,
        _: &Retention,
        _: std::time::Duration,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn clean_up(
        &mut self,
        host: Option<&HostId>,
        before: UnixMs,
    ) -> Result<Vec<StorageRecord>, StoreError> {
        let is_kept = |window: &ClosedWindow| {
            window.times[0] >= before.0 || host.is_some_and(|host| *host != window.host)
        };
        self.lock().now.windows.retain(is_kept);
        Ok(vec![])
    }

    fn forget_epoch(&mut self, host: &HostId, epoch: SpoolEpoch) -> Result<(), StoreError> {
        self.lock().now.received.remove(&(host.clone(), epoch));
        Ok(())
    }

    fn bytes(&self) -> u64 {
        0
    }

    fn damaged(&self) -> u64 {
        self.lock().damaged
    }

    fn take_losses(&mut self) -> Vec<String> {
        vec![]
    }

    fn close(self) -> Result<(), StoreError> {
        Ok(())
    }

    fn leave(self) -> Result<(), StoreError> {
        Ok(())
    }
}

pub(super) type TestWriter = MetricsWriter<Agents, Memory>;

/// A state folder with what a start needs.
pub(super) struct Stage {
    pub(super) folder: TempDir,
    pub(super) disk: FaultyDisk,
    pub(super) memory: Memory,
    pub(super) agents: Agents,
    segment_bytes: u64,
}

impl Stage {
    pub(super) fn new(segment_bytes: u64) -> Self {
        set_now(NOON);
        set_free(u64::MAX);
        Self {
            folder: tempfile::tempdir().unwrap(),
            disk: FaultyDisk::new(),
            memory: Memory::default(),
            agents: Agents::default(),
            segment_bytes,
        }
    }

    pub(super) fn start(&self) -> (TestWriter, Vec<String>) {
        let folder = self.folder.path().to_owned();
        let open = || {
            let disk = Box::new(self.disk.clone());
            Log::open_on(disk, &folder.join(LOG_FOLDER), LOG_TAG, self.segment_bytes)
        };
        // A fault that was left over ends this start, and the program is started once more.
        let (log, replay) = open().or_else(|_| open()).unwrap();
        let parts = Parts {
            folder,
            log,
            database: self.memory.clone(),
            receipts: self.agents.clone(),
            reserve_bytes: 1_000,
            retention: Retention::default(),
            wall: || UnixMs(NOW.get()),
            free: |_: &Path| Ok(FREE.get()),
        };
        MetricsWriter::start(parts, self.memory.loaded(), replay).unwrap()
    }

    pub(super) fn open(&self) -> TestWriter {
        let (writer, losses) = self.start();
        assert_eq!(losses, Vec::<String>::new());
        writer
    }

    /// What the agent of `host` was told.
    pub(super) fn told(&self, host: &HostId, epoch: SpoolEpoch) -> RangeSet {
        self.agents.told.lock().unwrap().get(&(host.clone(), epoch)).cloned().unwrap_or_default()
    }

    /// All samples of `m0` that a reader finds. The test fails if a time is there twice.
    pub(super) fn found(&self, writer: &TestWriter, host: &HostId) -> BTreeMap<i64, f64> {
        let double = self.memory.lock();
        let mut found = BTreeMap::new();
        for window in double.now.windows.iter().filter(|window| window.host == *host) {
            for column in window.columns.iter().filter(|one| &*one.series.key.metric == "m0") {
                for (time, value) in column.samples(&window.times) {
                    assert_eq!(found.insert(time, value), None, "{time} is stored twice");
                }
            }
        }
        let open: usize = writer.windows.times(host).iter().map(|window| window.slots).sum();
        let (_, samples) = writer.windows.samples(host, &SeriesKey::new("m0", ""));
        assert_eq!(samples.len(), open, "a time is open twice");
        for (time, value) in samples {
            assert_eq!(found.insert(time, value), None, "{time} is stored and open");
        }
        found
    }
}

pub(super) fn host(name: &str) -> HostId {
    name.parse().unwrap()
}

pub(super) fn shape(from: usize, count: usize) -> Arc<Shape> {
    let series = |at| Series {
        key: Arc::new(SeriesKey::new(&format!("m{at}"), "")),
        unit: Growing::Known(Unit::Percent),
        kind: Growing::Known(MetricKind::Gauge),
    };
    Arc::new(Shape { series: (from..from + count).map(series).collect() })
}

/// The slot of `host` with that number, at its own time.
pub(super) fn slot(name: &HostId, sequence: u64, shape: &Arc<Shape>) -> Slot {
    let slot_ms = NOON - 43_200_000 + i64::try_from(sequence % 1_000_000).unwrap() * 5_000;
    slot_at(name, sequence, slot_ms, shape)
}

pub(super) fn slot_at(name: &HostId, sequence: u64, slot_ms: i64, shape: &Arc<Shape>) -> Slot {
    Slot {
        host: name.clone(),
        epoch: EPOCH,
        sequence,
        slot_ms,
        origin: Origin::Live,
        shape: shape.clone(),
        values: vec![sequence as f64; shape.series.len()],
    }
}

pub(super) fn counted(counter: &std::sync::atomic::AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
