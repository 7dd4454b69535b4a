//! How a file moves from one state to the next: written down, told to feeds, sender and chat.

use systole_common::ids::{ConnectionId, HostId};
use systole_common::model::file::FileState;
use systole_common::wire::file::Decision;

use super::super::desk::Desk;
use super::super::effect::{Effect, FeedFrame, Level};
use super::super::state::Change;
use super::super::talk;
use super::super::timers::Due;
use super::book::{File, Note};
use super::{records, words};

/// Changes a file: written down, told to the feeds.
pub(super) fn change(desk: &mut Desk, id: u64, act: impl FnOnce(&mut File)) {
    let Some(file) = desk.files.get_mut(id) else { return };
    let (old, old_received) = (file.row.clone(), file.received_bytes);
    act(file);
    let known = desk.files.fresh.remove(&id).unwrap_or(old_received);
    let Some(file) = desk.files.get(id) else { return };
    let previous = records::before(&old, known, file);
    let row = file.row.clone();
    let path = &desk.settings.files_path;
    let event = records::event(desk.now.wall, false, Some(previous), file, path);
    desk.change(Change::File(Box::new(row)));
    desk.event(|| FeedFrame::File(event));
}

/// Ends a file without a word of an operator; the trail says so.
pub(super) fn by_daemon(desk: &mut Desk, id: u64, state: FileState, reason: String) {
    let Some(file) = desk.files.get(id) else { return };
    let target = words::target(&file.row);
    desk.audit_own(action(state), &target, &reason);
    end(desk, id, state, reason, None);
}

/// Ends a file: its stream, its deadline and, unless it is verified, its partial file. Whoever calls
/// this writes the trail.
pub(super) fn end(
    desk: &mut Desk,
    id: u64,
    state: FileState,
    reason: String,
    decided_by: Option<&str>,
) {
    let Some(file) = desk.files.get_mut(id) else { return };
    let transfer = file.transfer.take();
    let had_room = matches!(file.row.state, FileState::Accepted | FileState::Receiving);
    let now = desk.now.wall;
    desk.timers.cancel(&Due::File(id));
    change(desk, id, |file| {
        file.row.state = state;
        file.row.reason = reason;
        file.row.finished_at = Some(now);
        if let Some(by) = decided_by {
            file.row.decided_by = Some(by.to_owned());
        }
    });
    if let (Some(transfer), Some(decision)) = (transfer, decision(desk, id)) {
        desk.after_commit(Effect::TransferOver { transfer, decision });
    }
    if had_room && state != FileState::Verified {
        desk.after_commit(Effect::Discard { file: id });
    }
    told(desk, id, decided_by, None);
}

/// Tells a file's sender, the log and the chat of its host where it is now. The sender is told on the
/// newest stream of its host, else on `connection`.
pub(super) fn told(desk: &mut Desk, id: u64, by: Option<&str>, connection: Option<ConnectionId>) {
    let Some(file) = desk.files.get(id) else { return };
    let (host, state) = (file.row.host.clone(), file.row.state);
    let (text, target) = (words::chat(&file.row), words::target(&file.row));
    let reason = file.row.reason.clone();
    let level = match state {
        FileState::Offered
        | FileState::Accepted
        | FileState::Receiving
        | FileState::Verified
        | FileState::Withdrawn
        | FileState::Expired => Level::Info,
        FileState::Rejected | FileState::Failed => Level::Warning,
    };
    let target = by.map_or_else(|| target.clone(), |by| format!("{target} by {by}"));
    let line = if reason.is_empty() { target } else { format!("{target}: {reason}") };
    desk.log(level, log_event(state), Some(&host), None, line);
    let from = by.unwrap_or(words::POLICY).to_owned();
    desk.files.notes.push(Note { host: host.clone(), from, file: id, text });
    if let Some(connection) = talk::connection(desk, &host).or(connection) {
        decide(desk, connection, id);
    }
}

/// Tells a file's sender where it is now.
pub(super) fn decide(desk: &mut Desk, connection: ConnectionId, id: u64) {
    if let Some(decision) = decision(desk, id) {
        desk.after_commit(Effect::Decide { connection, decision });
    }
}

/// What its sender is told.
pub(super) fn decision(desk: &Desk, id: u64) -> Option<Box<Decision>> {
    let file = desk.files.get(id)?;
    Some(Box::new(records::decision(&file.row, &desk.settings.files_path)))
}

/// The newest stream of a host's messages, or the connection on which it spoke just now.
pub(super) fn newest(desk: &Desk, host: &HostId, connection: ConnectionId) -> ConnectionId {
    talk::connection(desk, host).unwrap_or(connection)
}

/// What the trail calls it.
fn action(state: FileState) -> &'static str {
    match state {
        FileState::Offered => "file-offer",
        FileState::Accepted => "accept",
        FileState::Rejected => "reject",
        FileState::Receiving => "file-receive",
        FileState::Verified => "file-verified",
        FileState::Failed => "file-failed",
        FileState::Expired => "file-expired",
        FileState::Withdrawn => "file-withdrawn",
    }
}

fn log_event(state: FileState) -> &'static str {
    match state {
        FileState::Offered => "file offered",
        FileState::Accepted => "file accepted",
        FileState::Rejected => "file rejected",
        FileState::Receiving => "file comes",
        FileState::Verified => "file verified",
        FileState::Failed => "file failed",
        FileState::Expired => "file expired",
        FileState::Withdrawn => "file withdrawn",
    }
}
