//! What `systole watch` prints of files: those that are open when it begins, then what becomes of each.
//!
//! That more of a file's bytes came is a line as well, with how fast they come and how long the rest takes:
//! the daemon tells it at most once a second.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value, json};
use systole_common::model::file::FileState;
use systole_common::time::{Mono, UnixMs};
use systole_common::wire::file::{FeedFile, FileRecord};

use super::{Step, differences, print};
use crate::json::FileJson;
use crate::limits::TALK_REMEMBERED_MAX;
use crate::model::pace::Pace;

/// The field of a file that moves with every byte and is no news.
const QUIET: &str = "expires_at";

/// The files as they were printed.
#[derive(Debug, Default)]
pub(super) struct Files {
    printed: BTreeMap<u64, FileRecord>,
    /// How fast the bytes of each file come that comes in.
    paces: BTreeMap<u64, Pace>,
    /// Whether a picture was complete.
    has_begun: bool,
    /// Numbers in the picture that is being sent.
    picture: Option<BTreeSet<u64>>,
    /// Those that were open before a picture that did not have them.
    lost: BTreeSet<u64>,
}

impl Files {
    /// A fresh picture begins.
    pub(super) fn begin_picture(&mut self) {
        self.picture = Some(BTreeSet::new());
    }

    /// The picture is complete: an open file that it does not have is over.
    pub(super) fn complete(&mut self) -> Vec<Step> {
        self.has_begun = true;
        let Some(named) = self.picture.take() else { return Vec::new() };
        let lost = self.printed.values().filter(|file| is_open(file) && !named.contains(&file.id));
        let since = lost.clone().map(|file| file.offered_at).min();
        self.lost = lost.map(|file| file.id).collect();
        let since = since.map(|since| since.minus(Duration::from_millis(1)));
        since.map(|since| Step::AskFiles { since }).into_iter().collect()
    }

    /// A file changed, or is part of a picture.
    pub(super) fn take(&mut self, event: FeedFile) -> Vec<Step> {
        let FeedFile { at, record, .. } = event;
        if let Some(named) = &mut self.picture {
            named.insert(record.id);
        }
        if self.printed.contains_key(&record.id) {
            return self.changed(at, record);
        }
        let is_past = !self.has_begun && !is_open(&record);
        let speed = self.speed(at, &record);
        let steps = if is_past {
            Vec::new()
        } else {
            line(at, &FileJson::from(&record), speed, Value::Null)
        };
        self.remember(record);
        steps
    }

    /// The answer to [`Step::AskFiles`], newest first.
    pub(super) fn missed(&mut self, at: UnixMs, records: Vec<FileRecord>) -> Vec<Step> {
        let lost = std::mem::take(&mut self.lost);
        let mut steps = Vec::new();
        for record in records.into_iter().rev().filter(|record| lost.contains(&record.id)) {
            steps.extend(self.changed(record.finished_at.unwrap_or(at), record));
        }
        self.printed.retain(|id, file| !lost.contains(id) || !is_open(file));
        steps
    }

    fn changed(&mut self, at: UnixMs, record: FileRecord) -> Vec<Step> {
        let Some(printed) = self.printed.get(&record.id) else { return Vec::new() };
        let json = FileJson::from(&record);
        let changed = differences(&FileJson::from(printed), &json, &[]);
        if !changed.keys().any(|field| field != QUIET) {
            return Vec::new();
        }
        let speed = self.speed(at, &record);
        let steps = line(at, &json, speed, Value::Object(changed));
        self.remember(record);
        steps
    }

    /// How fast the bytes of a file come; `None` while that is not known.
    fn speed(&mut self, at: UnixMs, record: &FileRecord) -> Option<Speed> {
        if record.state != FileState::Receiving.into() {
            self.paces.remove(&record.id);
            return None;
        }
        let moment = Mono::default().plus(at.since(UnixMs(0)));
        let pace = self.paces.entry(record.id).or_default();
        pace.take(moment, record.received_bytes);
        let bytes_per_s = pace.bytes_per_s(moment).filter(|bytes| *bytes >= 1.0)?;
        let left_bytes = record.size_bytes.saturating_sub(record.received_bytes);
        Some(Speed { bytes_per_s, left_bytes })
    }

    fn remember(&mut self, record: FileRecord) {
        self.printed.insert(record.id, record);
        if self.printed.len() > TALK_REMEMBERED_MAX {
            let over = self.printed.values().find(|file| !is_open(file)).map(|file| file.id);
            let oldest = over.or_else(|| self.printed.keys().next().copied());
            if let Some(id) = oldest {
                self.printed.remove(&id);
                self.paces.remove(&id);
            }
        }
    }
}

fn is_open(file: &FileRecord) -> bool {
    file.state.known().is_none_or(FileState::is_open)
}

/// How fast a file comes.
#[derive(Debug, Clone, Copy)]
struct Speed {
    bytes_per_s: f64,
    left_bytes: u64,
}

impl Speed {
    /// How long the rest takes, in milliseconds.
    fn left_ms(&self) -> f64 {
        (self.left_bytes as f64 / self.bytes_per_s * 1_000.0).round()
    }
}

fn line(at: UnixMs, json: &FileJson, speed: Option<Speed>, previous: Value) -> Vec<Step> {
    let mut rest = Map::new();
    let rate = speed.as_ref().map(|speed| speed.bytes_per_s.round());
    rest.insert("rate_bytes_per_s".to_owned(), json!(rate));
    rest.insert("left_ms".to_owned(), json!(speed.as_ref().map(Speed::left_ms)));
    rest.insert("previous".to_owned(), previous);
    print(at, "file", json, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{WALL, file};

    fn told(record: FileRecord) -> FeedFile {
        FeedFile { at: WALL, is_new: false, previous: None, record }
    }

    fn lines(steps: Vec<Step>) -> Vec<Value> {
        let line = |step| match step {
            Step::Print(line) => Some(serde_json::from_str(&line).unwrap()),
            Step::AskAlerts { .. } | Step::AskMessages { .. } | Step::AskFiles { .. } => None,
        };
        steps.into_iter().filter_map(line).collect()
    }

    fn begun(files: &[FileRecord]) -> (Files, Vec<Value>) {
        let mut watch = Files::default();
        watch.begin_picture();
        let steps = files.iter().cloned().flat_map(|file| watch.take(told(file))).collect();
        assert_eq!(watch.complete(), []);
        (watch, lines(steps))
    }

    #[test]
    fn open_files_are_told_first_then_what_becomes_of_them() {
        let files = [file(12, FileState::Offered), file(11, FileState::Verified)];
        let (mut watch, first) = begun(&files);
        assert_eq!(first.len(), 1, "what is over is no news");
        assert_eq!((&first[0]["kind"], &first[0]["id"]), (&json!("file"), &json!(12)));
        assert!(first[0]["previous"].is_null());
        let news = lines(watch.take(told(file(12, FileState::Accepted))));
        assert_eq!(news[0]["previous"], json!({"state": "offered", "decided_by": null}));
        let mut receiving = file(12, FileState::Receiving);
        assert_eq!(lines(watch.take(told(receiving.clone()))).len(), 1);
        receiving.expires_at = WALL;
        assert_eq!(watch.take(told(receiving)), [], "a later end alone is no news");
        let news = lines(watch.take(told(file(13, FileState::Offered))));
        assert_eq!((&news[0]["id"], &news[0]["previous"]), (&json!(13), &Value::Null));
    }

    #[test]
    fn bytes_are_told_with_their_rate_and_the_time_left() {
        let mut receiving = file(12, FileState::Receiving);
        receiving.size_bytes = 10_000;
        let (mut watch, first) = begun(&[receiving.clone()]);
        assert!(first[0]["rate_bytes_per_s"].is_null() && first[0]["left_ms"].is_null());
        receiving.received_bytes = 1_000;
        let later = UnixMs(WALL.0 + 2_000);
        let news = FeedFile { at: later, ..told(receiving.clone()) };
        let news = lines(watch.take(news));
        assert_eq!(news[0]["previous"], json!({"received_bytes": 0}));
        assert_eq!(
            (&news[0]["rate_bytes_per_s"], &news[0]["left_ms"]),
            (&json!(500.0), &json!(18_000.0))
        );
        assert_eq!(watch.take(told(receiving)), []);
    }

    #[test]
    fn no_rate_is_told_of_a_moment_and_none_has_a_standstill_in_it() {
        let mut receiving = file(12, FileState::Receiving);
        receiving.size_bytes = 1_000_000_000;
        let (mut watch, _) = begun(&[receiving.clone()]);
        let mut rate = |ms: i64, bytes: u64| {
            receiving.received_bytes = bytes;
            let news = FeedFile { at: UnixMs(WALL.0 + ms), ..told(receiving.clone()) };
            lines(watch.take(news))[0]["rate_bytes_per_s"].clone()
        };
        assert!(rate(17, 8_000_000).is_null(), "no 470 MB/s");
        assert_eq!(rate(1_000, 16_000_000), json!(16_000_000.0));
        assert!(rate(21_000, 20_000_000).is_null(), "20 s without a byte");
        assert_eq!(rate(22_000, 85_000_000), json!(65_000_000.0));
    }

    #[test]
    fn what_ended_without_a_link_is_told_once() {
        let offered = [12, 13, 14].map(|id| file(id, FileState::Offered));
        let (mut watch, _) = begun(&offered);
        watch.begin_picture();
        let mut over = file(12, FileState::Verified);
        over.finished_at = Some(WALL);
        let news = lines(watch.take(told(over)));
        assert_eq!(news[0]["previous"]["state"], "offered");
        let fresh = lines(watch.take(told(file(15, FileState::Rejected))));
        assert_eq!(fresh.len(), 1, "offered and over in the meantime");
        let since = offered[1].offered_at.minus(Duration::from_millis(1));
        assert_eq!(watch.complete(), [Step::AskFiles { since }]);
        let missed = vec![file(13, FileState::Expired), file(12, FileState::Verified)];
        let missed = lines(watch.missed(WALL, missed.clone()));
        assert_eq!(missed.len(), 1);
        assert_eq!((&missed[0]["id"], &missed[0]["state"]), (&json!(13), &json!("expired")));
        watch.begin_picture();
        assert_eq!(watch.complete(), [], "14 is forgotten: nobody knows it any more");
    }
}
