//! Messages and files as JSON.

use serde::Serialize;
use systole_common::model::file::{FileState, hash_text};
use systole_common::wire::file::FileRecord;
use systole_common::wire::talk::{MessageMarks, MessageRecord};

use super::{name, said, time};

/// A message with the hosts that have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageJson {
    id: String,
    time: String,
    from: String,
    to: String,
    text: String,
    thread: Option<String>,
    delivered_to: Vec<String>,
    failed_to: Vec<String>,
    waiting_for: u32,
}

impl MessageJson {
    /// A message with its marks.
    pub fn new(record: &MessageRecord, marks: &[MessageMarks]) -> Self {
        let delivered = marks.iter().flat_map(|marks| marks.delivered_to.iter().cloned());
        let failed = marks.iter().flat_map(|marks| marks.failed_to.iter().cloned());
        Self {
            id: record.id.clone(),
            time: record.time.rfc3339(),
            from: record.from.clone(),
            to: record.to.clone(),
            text: record.text.clone(),
            thread: record.thread.clone(),
            delivered_to: delivered.collect(),
            failed_to: failed.collect(),
            waiting_for: record
                .targets
                .saturating_sub(record.delivered.saturating_add(record.failed)),
        }
    }
}

/// An offered or received file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileJson {
    id: u64,
    host: String,
    name: String,
    size_bytes: u64,
    blake3: String,
    note: Option<String>,
    state: String,
    reason: Option<String>,
    decided_by: Option<String>,
    received_bytes: u64,
    path: Option<String>,
    offered_at: String,
    expires_at: Option<String>,
    finished_at: Option<String>,
    content: Option<String>,
    sender: Option<String>,
    certificate: Option<String>,
    free_bytes: u64,
}

impl From<&FileRecord> for FileJson {
    fn from(file: &FileRecord) -> Self {
        let is_open = file.state.known().is_none_or(FileState::is_open);
        Self {
            id: file.id,
            host: file.host.clone(),
            name: file.name.clone(),
            size_bytes: file.size_bytes,
            blake3: hash_text(&file.blake3),
            note: said(&file.note),
            state: name(file.state),
            reason: said(&file.reason),
            decided_by: file.decided_by.clone(),
            received_bytes: file.received_bytes,
            path: said(&file.path),
            offered_at: file.offered_at.rfc3339(),
            expires_at: time(is_open.then_some(file.expires_at)),
            finished_at: time(file.finished_at),
            content: said(&file.content),
            sender: said(&file.sender),
            certificate: said(&file.certificate),
            free_bytes: file.free_bytes,
        }
    }
}

/// A file that was brought here.
#[derive(Debug, Serialize)]
pub struct FetchedJson {
    #[serde(flatten)]
    file: FileJson,
    saved_to: String,
}

impl FetchedJson {
    /// `file`, now also at `saved_to`.
    pub fn new(file: &FileRecord, saved_to: String) -> Self {
        Self { file: file.into(), saved_to }
    }
}
