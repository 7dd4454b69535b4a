//! Makes what agents and consoles are told of files. Reads everything, changes nothing.

use systole_common::ids::SpoolEpoch;
use systole_common::model::file::FileState;
use systole_common::time::UnixMs;
use systole_common::wire::file::{Decision, FeedFile, FileBefore, FileRecord};
use systole_common::wire::limits::FILE_PATH_BYTES_MAX;

use super::super::state::FileRow;
use super::book::File;
use super::words;

/// A file as consoles see it. `files_path` is where received files are, for people.
pub fn record(row: &FileRow, received_bytes: u64, files_path: &str) -> FileRecord {
    FileRecord {
        id: row.id,
        host: row.host.to_string(),
        name: row.name.clone(),
        size_bytes: row.size_bytes,
        blake3: row.blake3,
        content: row.content.clone(),
        note: row.note.clone(),
        sender: row.sender.clone(),
        certificate: row.certificate.clone(),
        state: row.state.into(),
        reason: row.reason.clone(),
        decided_by: row.decided_by.clone(),
        received_bytes,
        path: path(row, files_path),
        free_bytes: row.free_bytes,
        offered_at: row.offered_at,
        expires_at: row.expires_at,
        finished_at: row.finished_at,
    }
}

/// The same, of a file in the book.
pub(super) fn of(file: &File, files_path: &str) -> FileRecord {
    record(&file.row, file.received_bytes, files_path)
}

/// What the sender of a file is told.
pub(super) fn decision(row: &FileRow, files_path: &str) -> Decision {
    let by = row.decided_by.clone().unwrap_or_default();
    let reason = match row.state {
        FileState::Rejected if row.reason.is_empty() => format!("rejected by {by}"),
        FileState::Offered
        | FileState::Accepted
        | FileState::Rejected
        | FileState::Receiving
        | FileState::Verified
        | FileState::Failed
        | FileState::Expired
        | FileState::Withdrawn => row.reason.clone(),
    };
    let is_saved = row.state == FileState::Verified;
    Decision {
        epoch: row.epoch,
        sequence: row.sequence,
        file: row.id,
        state: row.state.into(),
        reason,
        by,
        offset: row.synced_bytes,
        path: if is_saved { path(row, files_path) } else { String::new() },
        expires_at: row.expires_at,
    }
}

/// What is told of an offer that has no number, or of one that is not the asker's.
pub(super) fn no_file(
    (epoch, sequence): (SpoolEpoch, u64),
    state: FileState,
    reason: String,
    at: UnixMs,
) -> Decision {
    Decision {
        epoch,
        sequence,
        file: 0,
        state: state.into(),
        reason,
        by: words::POLICY.to_owned(),
        offset: 0,
        path: String::new(),
        expires_at: at,
    }
}

/// What a changed file was.
pub(super) fn before(old: &FileRow, old_received: u64, file: &File) -> FileBefore {
    let row = &file.row;
    let decided_by = &old.decided_by;
    FileBefore {
        state: (old.state != row.state).then(|| old.state.into()),
        reason: (old.reason != row.reason).then(|| old.reason.clone()),
        decided_by: (*decided_by != row.decided_by).then(|| decided_by.clone()),
        received_bytes: (old_received != file.received_bytes).then_some(old_received),
    }
}

/// A file that changed or is part of a picture.
pub(super) fn event(
    at: UnixMs,
    is_new: bool,
    previous: Option<FileBefore>,
    file: &File,
    files_path: &str,
) -> Box<FeedFile> {
    Box::new(FeedFile { at, is_new, previous, record: of(file, files_path) })
}

/// Where a file is saved or will be; empty for one that never is.
pub(super) fn path(row: &FileRow, files_path: &str) -> String {
    if !row.state.is_open() && row.state != FileState::Verified {
        return String::new();
    }
    let name = row.placed.as_ref().unwrap_or(&row.name);
    words::cut(&format!("{files_path}/{}/{name}", row.host), FILE_PATH_BYTES_MAX)
}
