//! What `systole watch` prints of files: those that are open when it begins, then what becomes of each.
//!
//! That more of a file's bytes came makes no line by itself unless that was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value};
use systole_common::model::file::FileState;
use systole_common::time::UnixMs;
use systole_common::wire::file::{FeedFile, FileRecord};

use super::{Step, differences, print};
use crate::json::FileJson;
use crate::limits::TALK_REMEMBERED_MAX;

/// Fields of a file that change with every byte.
const MEASURED: [&str; 2] = ["received_bytes", "expires_at"];

/// The files as they were printed.
#[derive(Debug, Default)]
pub(super) struct Files {
    with_progress: bool,
    printed: BTreeMap<u64, FileRecord>,
    /// Whether a picture was complete.
    has_begun: bool,
    /// Numbers in the picture that is being sent.
    picture: Option<BTreeSet<u64>>,
    /// Those that were open before a picture that did not have them.
    lost: BTreeSet<u64>,
}

impl Files {
    /// Nothing was printed yet.
    pub(super) fn new(with_progress: bool) -> Self {
        Self { with_progress, ..Self::default() }
    }

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
        let steps =
            if is_past { Vec::new() } else { line(at, &FileJson::from(&record), Value::Null) };
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
        let is_news = |field: &String| self.with_progress || !MEASURED.contains(&field.as_str());
        if !changed.keys().any(is_news) {
            return Vec::new();
        }
        let steps = line(at, &json, Value::Object(changed));
        self.remember(record);
        steps
    }

    fn remember(&mut self, record: FileRecord) {
        self.printed.insert(record.id, record);
        if self.printed.len() > TALK_REMEMBERED_MAX {
            let over = self.printed.values().find(|file| !is_open(file)).map(|file| file.id);
            let oldest = over.or_else(|| self.printed.keys().next().copied());
            oldest.and_then(|id| self.printed.remove(&id));
        }
    }
}

fn is_open(file: &FileRecord) -> bool {
    file.state.known().is_none_or(FileState::is_open)
}

fn line(at: UnixMs, json: &FileJson, previous: Value) -> Vec<Step> {
    let mut rest = Map::new();
    rest.insert("previous".to_owned(), previous);
    print(at, "file", json, rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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

    fn begun(with_progress: bool, files: &[FileRecord]) -> (Files, Vec<Value>) {
        let mut watch = Files::new(with_progress);
        watch.begin_picture();
        let steps = files.iter().cloned().flat_map(|file| watch.take(told(file))).collect();
        assert_eq!(watch.complete(), []);
        (watch, lines(steps))
    }

    #[test]
    fn open_files_are_told_first_then_what_becomes_of_them() {
        let files = [file(12, FileState::Offered), file(11, FileState::Verified)];
        let (mut watch, first) = begun(false, &files);
        assert_eq!(first.len(), 1, "what is over is no news");
        assert_eq!((&first[0]["kind"], &first[0]["id"]), (&json!("file"), &json!(12)));
        assert!(first[0]["previous"].is_null());
        let news = lines(watch.take(told(file(12, FileState::Accepted))));
        assert_eq!(news[0]["previous"], json!({"state": "offered", "decided_by": null}));
        let mut receiving = file(12, FileState::Receiving);
        assert_eq!(lines(watch.take(told(receiving.clone()))).len(), 1);
        receiving.received_bytes = 1_000;
        receiving.expires_at = WALL;
        assert_eq!(watch.take(told(receiving)), [], "bytes alone are no news");
        let news = lines(watch.take(told(file(13, FileState::Offered))));
        assert_eq!((&news[0]["id"], &news[0]["previous"]), (&json!(13), &Value::Null));
    }

    #[test]
    fn bytes_make_lines_where_they_are_asked_for() {
        let mut receiving = file(12, FileState::Receiving);
        let (mut watch, _) = begun(true, &[receiving.clone()]);
        receiving.received_bytes = 1_000;
        let news = lines(watch.take(told(receiving.clone())));
        assert_eq!(news[0]["previous"], json!({"received_bytes": 0}));
        assert_eq!(watch.take(told(receiving)), []);
    }

    #[test]
    fn what_ended_without_a_link_is_told_once() {
        let offered = [12, 13, 14].map(|id| file(id, FileState::Offered));
        let (mut watch, _) = begun(false, &offered);
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
