//! Temperatures: sensors are looked for each minute and read beside the ticks, by a short-lived thread.
//!
//! Owns the promise that a sensor that answers late, as that of a dying disk, stops no tick: one
//! thread at a time, and values that are used only while they are fresh. A sensor that does not
//! answer is quietly absent: disks that sleep do that.

use std::fs::{self, DirEntry, File};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::engine::collect::Samples;
use crate::engine::collect::limits::{SENSOR_FILE_BYTES_MAX, SENSOR_FOLDERS_MAX, SENSORS_SEEN_MAX};
use crate::engine::collect::temperature::{Found, choose, number_of, parse, sample};

const SECOND_NS: u64 = 1_000_000_000;
/// Time between two readings; a reading can cost a question to a disk.
const READ_EVERY_NS: u64 = 4 * SECOND_NS;
/// Time between two looks for sensors, which come and go with their disks and modules.
const LOOK_EVERY_NS: u64 = 60 * SECOND_NS;
/// A value older than this is no longer sent.
const FRESH_NS: u64 = 30 * SECOND_NS;
/// Stack of the thread.
const STACK_BYTES: usize = 128 * 1024;
/// The chip of a thermal zone.
const ZONES: &[u8] = b"thermal";

/// The sensors of the host, and what they said last.
#[derive(Debug)]
pub(super) struct Sensors {
    /// `None` while a thread has it.
    bench: Option<Bench>,
    asked_at_ns: Option<u64>,
    answered_at_ns: u64,
    values: Vec<(Arc<str>, f64)>,
    skipped: usize,
    answers: Receiver<Answer>,
    answer_to: SyncSender<Answer>,
    root: PathBuf,
}

/// What a reading needs; it travels to the thread and back.
#[derive(Debug)]
struct Bench {
    root: PathBuf,
    looked_at_ns: Option<u64>,
    sensors: Vec<(Arc<str>, File)>,
    skipped: usize,
}

type Answer = (Bench, Vec<(Arc<str>, f64)>);

impl Sensors {
    /// Sensors below `sys_root`, which is `/sys` or looks like it.
    pub(super) fn new(sys_root: &Path) -> Self {
        let (answer_to, answers) = sync_channel(1);
        Self {
            bench: Some(Bench::new(sys_root)),
            asked_at_ns: None,
            answered_at_ns: 0,
            values: Vec::new(),
            skipped: 0,
            answers,
            answer_to,
            root: sys_root.to_owned(),
        }
    }

    /// Adds the last values while they are fresh, and has them read again when it is time. Returns
    /// how many sensors are beyond the limit. Never blocks.
    pub(super) fn tick(&mut self, now_ns: u64, samples: &mut Samples) -> usize {
        if let Ok(answer) = self.answers.try_recv() {
            self.take(answer);
        }
        self.ask_if_due(now_ns);
        if now_ns.saturating_sub(self.answered_at_ns) <= FRESH_NS {
            for (name, celsius) in &self.values {
                sample(name, *celsius, samples);
            }
        }
        self.skipped
    }

    fn ask_if_due(&mut self, now_ns: u64) {
        let pause_ns = if self.values.is_empty() { LOOK_EVERY_NS } else { READ_EVERY_NS };
        let is_due = self.asked_at_ns.is_none_or(|at| now_ns.saturating_sub(at) >= pause_ns);
        let Some(mut bench) = self.bench.take_if(|_| is_due) else { return };
        self.asked_at_ns = Some(now_ns);
        let answer_to = self.answer_to.clone();
        let work = move || {
            let values = bench.read(now_ns);
            // The receiver is gone only when the collector is: nobody wants the answer then.
            drop(answer_to.try_send((bench, values)));
        };
        let builder = thread::Builder::new().name("sensors".to_owned()).stack_size(STACK_BYTES);
        if builder.spawn(work).is_err() {
            self.bench = Some(Bench::new(&self.root));
        }
    }

    fn take(&mut self, (bench, values): Answer) {
        self.skipped = bench.skipped;
        self.bench = Some(bench);
        self.values = values;
        self.answered_at_ns = self.asked_at_ns.unwrap_or(0);
    }

    /// Waits for the reading under way, so that a test need not guess when it ends.
    #[cfg(test)]
    pub(super) fn wait_for_answer(&mut self) {
        let answer = self.answers.recv().unwrap();
        self.take(answer);
    }

    /// As if the reading under way did not end.
    #[cfg(test)]
    pub(super) fn hang(&mut self) {
        self.bench = None;
    }
}

impl Bench {
    fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), looked_at_ns: None, sensors: Vec::new(), skipped: 0 }
    }

    fn read(&mut self, now_ns: u64) -> Vec<(Arc<str>, f64)> {
        let age_ns = self.looked_at_ns.map(|at| now_ns.saturating_sub(at));
        if age_ns.is_none_or(|age_ns| age_ns >= LOOK_EVERY_NS) {
            self.looked_at_ns = Some(now_ns);
            let (named, skipped) = choose(look(&self.root));
            let opened = named.into_iter().filter_map(|(name, path)| {
                let file = File::open(path).ok()?;
                Some((name, file))
            });
            (self.sensors, self.skipped) = (opened.collect(), skipped);
        }
        let value = |(name, file): &(Arc<str>, File)| {
            let celsius = parse(&text_of(file)?)?;
            Some((Arc::clone(name), celsius))
        };
        self.sensors.iter().filter_map(value).collect()
    }
}

/// Every sensor of the monitoring chips; without one, every thermal zone.
fn look(root: &Path) -> Vec<Found<PathBuf>> {
    let chips = folders(&root.join("class/hwmon"));
    let mut found: Vec<Found<PathBuf>> = chips.iter().flat_map(sensors_of).collect();
    if found.is_empty() {
        found = folders(&root.join("class/thermal")).iter().filter_map(zone).collect();
    }
    found.truncate(SENSORS_SEEN_MAX);
    found
}

fn sensors_of(chip: &DirEntry) -> Vec<Found<PathBuf>> {
    let folder = chip.path();
    let name = small_file(&folder.join("name")).unwrap_or_default();
    let device = fs::read_link(folder.join("device")).ok();
    let place = device.as_deref().and_then(Path::file_name).map(|name| name.as_bytes().to_vec());
    let sensor = |file: &DirEntry| {
        let number = number_of(file.file_name().as_bytes())?;
        let label = small_file(&folder.join(format!("temp{number}_label")));
        Some(Found {
            chip: name.clone(),
            label: label.unwrap_or_else(|| format!("temp{number}").into_bytes()),
            place: place.clone().unwrap_or_default(),
            number,
            reading: file.path(),
        })
    };
    let files = fs::read_dir(&folder).into_iter().flatten().take(SENSORS_SEEN_MAX).flatten();
    files.filter_map(|file| sensor(&file)).collect()
}

fn zone(folder: &DirEntry) -> Option<Found<PathBuf>> {
    let name = folder.file_name().into_vec();
    let digits = name.strip_prefix(b"thermal_zone")?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let label = small_file(&folder.path().join("type")).unwrap_or(name);
    let reading = folder.path().join("temp");
    Some(Found { chip: ZONES.to_vec(), label, place: Vec::new(), number, reading })
}

fn folders(parent: &Path) -> Vec<DirEntry> {
    fs::read_dir(parent).into_iter().flatten().take(SENSOR_FOLDERS_MAX).flatten().collect()
}

fn small_file(path: &Path) -> Option<Vec<u8>> {
    text_of(&File::open(path).ok()?)
}

fn text_of(file: &File) -> Option<Vec<u8>> {
    let mut text = vec![0; SENSOR_FILE_BYTES_MAX];
    let read = file.read_at(&mut text, 0).ok()?;
    text.truncate(read);
    Some(text)
}
