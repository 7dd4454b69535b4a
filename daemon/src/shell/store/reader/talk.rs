//! Messages with their marks, and files that are over.

use std::collections::VecDeque;

use rusqlite::{Connection, OptionalExtension, params};
use systole_common::ids::HostId;
use systole_common::model::coded::Coded;
use systole_common::model::file::FileState;
use systole_common::model::message::Place;
use systole_common::time::UnixMs;
use systole_common::wire::file::FileRecord;
use systole_common::wire::limits::PAGE_RECORDS_MAX;
use systole_common::wire::talk::{MessageMarks, MessageRecord};

use super::{Answer, after, read};
use crate::engine::file_record;
use crate::engine::limits::{FILES_ASKED_MAX, MESSAGES_ASKED_MAX};
use crate::engine::state::FileRow;
use crate::limits::{MARKS_NAMED_MAX, MESSAGES_SEARCHED_MAX};
use crate::shell::store::load::OPEN_STATES;
use crate::shell::store::{Fault, rows};

/// Which messages are asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) place: Option<Place>,
    pub(super) since: Option<UnixMs>,
    pub(super) before: Option<u64>,
    pub(super) words: Vec<String>,
    pub(super) count_max: u32,
}

/// Newest first.
pub(super) fn messages(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Answer> {
    let (place, host) = match &wanted.place {
        Some(place @ Place::Host(host)) => (Some(place.to_string()), Some(host.as_str())),
        Some(place @ (Place::All | Place::Ops)) => (Some(place.to_string()), None),
        // There is more than one way to write a filter.
        Some(Place::Filter(_)) | None => (None, None),
    };
    let before = wanted.before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    let words: Vec<String> = wanted.words.iter().map(|word| word.to_lowercase()).collect();
    let count_max = wanted.count_max.min(MESSAGES_ASKED_MAX) as usize;
    let mut statement = connection.prepare_cached(
        "SELECT * FROM message WHERE number < ?1 AND time > ?2
         AND (?3 IS NULL OR place = ?3 OR number IN (SELECT number FROM delivery WHERE host = ?4))
         ORDER BY number DESC LIMIT ?5",
    )?;
    let arguments = params![before, after(wanted.since), place, host, MESSAGES_SEARCHED_MAX];
    let mut found = statement.query(arguments)?;
    let (mut messages, mut named) = (Vec::new(), 0);
    while messages.len() < count_max && named < MARKS_NAMED_MAX {
        let Some(row) = found.next()? else { break };
        let row = match rows::message(row) {
            Ok(row) => row,
            // A row that makes no sense is left out; it was reported at start.
            Err(error) if Fault::of(&error) == Fault::Other => continue,
            Err(error) => return Err(error),
        };
        let text = row.text.to_lowercase();
        if is_elsewhere(wanted.place.as_ref(), &row.to) {
            continue;
        }
        if words.iter().all(|word| text.contains(word)) {
            let message = with_marks(connection, rows::message_record(row))?;
            named += (message.0.delivered + message.0.failed) as usize;
            messages.push(message);
        }
    }
    Ok(Answer::Messages(messages))
}

/// Whether a message was written to another place than a filter that is asked for.
fn is_elsewhere(place: Option<&Place>, to: &str) -> bool {
    let Some(filter @ Place::Filter(_)) = place else { return false };
    !to.starts_with('{') || Place::parse(to).as_ref() != Ok(filter)
}

fn with_marks(
    connection: &Connection,
    mut record: MessageRecord,
) -> rusqlite::Result<(MessageRecord, Vec<MessageMarks>)> {
    let query = "SELECT host, mark FROM delivery WHERE number = ?1 ORDER BY host";
    let marks = read(connection, query, params![record.number.cast_signed()], rows::marks)?;
    let count = |mark| marks.iter().filter(|(_, one)| *one == mark).count();
    let whole = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    record.targets = whole(marks.len());
    record.delivered = whole(count(rows::DELIVERED));
    record.failed = whole(count(rows::FAILED));
    let known = marks.into_iter().filter(|(_, mark)| *mark != rows::WAITING);
    let frames = marks_frames(record.number, known.collect());
    Ok((record, frames))
}

/// Marks of one message in frames of at most [`PAGE_RECORDS_MAX`] hosts.
fn marks_frames(number: u64, mut known: VecDeque<(HostId, i64)>) -> Vec<MessageMarks> {
    let mut frames = Vec::new();
    while !known.is_empty() {
        let mut frame = MessageMarks { number, delivered_to: Vec::new(), failed_to: Vec::new() };
        for (host, mark) in known.drain(..known.len().min(PAGE_RECORDS_MAX)) {
            let hosts = if mark == rows::DELIVERED {
                &mut frame.delivered_to
            } else {
                &mut frame.failed_to
            };
            hosts.push(host.to_string());
        }
        frames.push(frame);
    }
    frames
}

/// Which files are asked for.
#[derive(Debug)]
pub(super) struct WantedFiles {
    pub(super) open: Vec<FileRecord>,
    pub(super) host: Option<HostId>,
    pub(super) since: Option<UnixMs>,
    pub(super) file: Option<u64>,
    pub(super) count_max: u32,
}

/// The open ones as they came, then those that are over, newest first.
pub(super) fn files(
    connection: &Connection,
    wanted: WantedFiles,
    root: &str,
) -> rusqlite::Result<Answer> {
    let [offered, accepted, receiving] = OPEN_STATES.map(Coded::code);
    let count_max = wanted.count_max.min(FILES_ASKED_MAX);
    let over = read(
        connection,
        "SELECT * FROM file WHERE state NOT IN (?1, ?2, ?3) AND offered_at > ?4
         AND (?5 IS NULL OR host = ?5) AND (?6 IS NULL OR id = ?6) ORDER BY id DESC LIMIT ?7",
        params![
            offered,
            accepted,
            receiving,
            after(wanted.since),
            wanted.host.as_ref().map(HostId::as_str),
            wanted.file.map(u64::cast_signed),
            count_max
        ],
        rows::file,
    )?;
    let over = over.iter().map(|row| record(row, root));
    let files = wanted.open.into_iter().chain(over).take(count_max as usize).collect();
    Ok(Answer::Files(files))
}

/// A verified file that is to be fetched, or a sentence why there is none.
pub(super) fn fetch(connection: &Connection, file: u64, root: &str) -> rusqlite::Result<Answer> {
    let found = connection
        .prepare_cached("SELECT * FROM file WHERE id = ?1")?
        .query_row([file.cast_signed()], rows::file)
        .optional()?;
    let Some(row) = found else {
        return Ok(Answer::NoFile(format!(
            "no file has the number {file}; `systole files` lists those that there are"
        )));
    };
    let record = Box::new(record(&row, root));
    match (row.state, row.placed) {
        (FileState::Verified, Some(name)) => Ok(Answer::Fetch { host: row.host, name, record }),
        (state, _) => Ok(Answer::NoFile(format!(
            "file {file} is {state}: only a verified file can be fetched",
            state = state.as_str()
        ))),
    }
}

/// A file as operators get it: what has come of one that is over is what was synced.
fn record(row: &FileRow, root: &str) -> FileRecord {
    file_record(row, row.synced_bytes, root)
}
