//! Files that hosts offer: who decides, what is received, what became of each. Knows no disk.
//!
//! | file | what it decides |
//! |---|---|
//! | `offer` | what becomes of an offer: known already, refused, taken by policy, or left to operators |
//! | `decide` | accept, reject, fetch |
//! | `transfer` | which stream a file comes on, and when it is whole |
//! | `ending` | how a file ends, and who is told |
//! | `book` | what is known |
//! | `records`, `words` | what people and programs are told |
//!
//! A line of chat needs the fleet, which not every caller has at hand: lines wait in the book until
//! [`tell`], within the same outcome.

mod book;
mod decide;
mod ending;
mod offer;
mod records;
mod transfer;
mod words;

use std::time::Duration;

use systole_common::ids::HostId;
use systole_common::model::file::FileState;
use systole_common::wire::file::FilesQuery;
use systole_common::wire::hello::RefusalCode;

use super::desk::Desk;
use super::effect::{Effect, FeedFrame, Query, Reply};
use super::limits::FILES_ASKED_MAX;
use super::operators::{Answer, No, no_such_host};
use super::state::FileRow;
use super::timers::Due;
use super::{Fleet, talk};

use book::{File, Taker};

pub(super) use book::Files;
pub(super) use decide::{accept, fetch, reject, reserved, target};
pub(super) use offer::{offer, open, withdraw};
pub use records::record as file_record;
pub(super) use transfer::{
    transfer_ended, transfer_open, transfer_placed, transfer_progress, transfer_whole,
};
pub use words::size as size_words;

/// The daemon is ready: open files have their deadlines again, and what policy had begun goes on.
pub(super) fn ready(fleet: &Fleet, desk: &mut Desk) {
    let now = desk.now;
    let mut kept = Vec::new();
    let mut small = Vec::new();
    let auto_accept_max = desk.settings.files.auto_accept_max_bytes;
    for FileRow { id, host, size_bytes, state, expires_at, .. } in desk.files.open().map(File::row)
    {
        let left = expires_at.since(now.wall);
        desk.timers.set(Due::File(*id), now.mono.plus(left));
        let is_small = *state == FileState::Offered && *size_bytes <= auto_accept_max;
        if is_small {
            small.push(*id);
        }
        // What is about to be reserved is not to be removed at the same time.
        if is_small || *state != FileState::Offered {
            kept.push((*id, host.clone(), *size_bytes));
        }
    }
    desk.at_once(Effect::KeepPartials(kept));
    transfer::find_placed(desk);
    for id in small {
        decide::take_room(desk, id, Taker::Policy);
    }
    tell(fleet, desk);
}

/// The deadline of an open file has come.
pub(super) fn due(fleet: &Fleet, desk: &mut Desk, id: u64) {
    let settings = desk.settings.files;
    let Some(file) = desk.files.get(id) else { return };
    let (state, reason) = match file.row.state {
        FileState::Offered => (FileState::Expired, words::undecided(settings.offer_ttl)),
        FileState::Accepted | FileState::Receiving => {
            (FileState::Failed, words::stalled(settings.partial_ttl))
        }
        FileState::Rejected
        | FileState::Verified
        | FileState::Failed
        | FileState::Expired
        | FileState::Withdrawn => return,
    };
    ending::by_daemon(desk, id, state, reason);
    tell(fleet, desk);
}

/// Which files there are.
pub(super) fn query(desk: &Desk, body: &FilesQuery) -> Result<Answer, No> {
    let host: Option<HostId> = match &body.host {
        None => None,
        Some(name) => Some(name.parse().map_err(|_| no_such_host(name))?),
    };
    if let Some(id) = body.file.filter(|id| !desk.files.was_used(*id)) {
        return Err((RefusalCode::NotFound, words::no_such_file(id)));
    }
    let asked = |file: &&File| {
        let row = &file.row;
        host.as_ref().is_none_or(|host| row.host == *host)
            && body.file.is_none_or(|id| row.id == id)
            && body.since.is_none_or(|since| row.offered_at > since)
    };
    let count_max = body.count_max.clamp(1, FILES_ASKED_MAX);
    let take = usize::try_from(count_max).unwrap_or(usize::MAX);
    let path = &desk.settings.files_path;
    let open: Vec<_> = desk.files.open().rev().filter(asked).take(take).collect();
    let is_all = body.open_only || open.len() == take || (body.file.is_some() && !open.is_empty());
    let open = open.into_iter().map(|file| records::of(file, path)).collect();
    if is_all {
        return Ok(Answer::Reply(Reply::Files(open)));
    }
    let (since, file) = (body.since, body.file);
    Ok(Answer::Query(Query::Files { open, host, since, file, count_max }))
}

/// What a fresh picture shows of files, by number.
pub(super) fn picture(desk: &Desk) -> Vec<FeedFrame> {
    let frame = |file: &File| {
        FeedFrame::File(records::event(desk.now.wall, false, None, file, &desk.settings.files_path))
    };
    desk.files.shown().into_iter().map(frame).collect()
}

/// Tells the feeds of the bytes that came since the last second.
pub(super) fn second(desk: &mut Desk) {
    for (id, told) in std::mem::take(&mut desk.files.fresh) {
        let file = desk.files.get(id).filter(|file| file.received_bytes != told);
        let path = &desk.settings.files_path;
        let event = file.map(|file| {
            let previous = records::before(&file.row, told, file);
            records::event(desk.now.wall, false, Some(previous), file, path)
        });
        // Behind what is still being committed of the same file.
        if let Some(event) = event {
            desk.event(|| FeedFrame::File(event));
        }
    }
}

/// A host was retired: nothing of it is wanted any more.
pub(super) fn retire(desk: &mut Desk, host: &HostId) {
    let open: Vec<u64> = desk.files.open_of(host).map(|file| file.row.id).collect();
    for id in open {
        ending::by_daemon(desk, id, FileState::Withdrawn, words::RETIRED.to_owned());
    }
    // There is nobody left to read them.
    desk.files.notes.retain(|note| note.host != *host);
}

/// Writes the lines of chat that wait.
pub(super) fn tell(fleet: &Fleet, desk: &mut Desk) {
    for note in std::mem::take(&mut desk.files.notes) {
        let thread = format!("file {}", note.file);
        talk::note(fleet, desk, &note.host, &note.from, &thread, note.text);
    }
}

/// An open file has so long from now on.
fn expire_in(desk: &mut Desk, id: u64, ttl: Duration) {
    let now = desk.now;
    if let Some(file) = desk.files.get_mut(id) {
        file.row.expires_at = now.wall.plus(ttl);
        desk.timers.set(Due::File(id), now.mono.plus(ttl));
    }
}
