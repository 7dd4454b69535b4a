//! The streams on which files come: one at a time for each file, from where the last one ended, until the
//! file is whole and has its name.

use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::model::file::FileState;
use systole_common::wire::file::Decision;
use systole_common::wire::limits::{FACT_BYTES_MAX, REASON_BYTES_MAX};

use super::super::Fleet;
use super::super::desk::Desk;
use super::super::effect::{Effect, Level, TransferVerdict};
use super::super::limits::TRANSFER_AT_START;
use super::super::state::Change;
use super::super::talk;
use super::book::File;
use super::{ending, expire_in, records, tell, words};

/// A stream opened for a file. It takes the place of an older one.
pub(in crate::engine) fn transfer_open(desk: &mut Desk, host: &HostId, transfer: u64, id: u64) {
    let own = desk.files.get(id).filter(|file| file.row.host == *host);
    let Some((state, older)) = own.map(|file| (file.row.state, file.transfer)) else {
        let (state, reason) = (FileState::Failed, words::not_offered(id));
        let unknown = records::no_file((SpoolEpoch(0), 0), state, reason, desk.now.wall);
        refuse(desk, host, transfer, Decision { file: id, ..unknown });
        return;
    };
    let is_wanted = matches!(state, FileState::Accepted | FileState::Receiving);
    let Some(decision) = ending::decision(desk, id) else { return };
    if !is_wanted {
        refuse(desk, host, transfer, *decision);
        return;
    }
    let is_stream = |older: &u64| *older != transfer && *older != TRANSFER_AT_START;
    if let Some(older) = older.filter(is_stream) {
        let decision = Box::new(Decision { reason: words::REPLACED.to_owned(), ..*decision });
        desk.after_commit(Effect::TransferOver { transfer: older, decision });
    }
    begin(desk, transfer, id, state);
    let (Some(file), Some(decision)) = (desk.files.get(id), ending::decision(desk, id)) else {
        return;
    };
    let row = Box::new(file.row.clone());
    let verdict = Box::new(TransferVerdict::Receive { row, decision: *decision });
    desk.after_commit(Effect::Transfer { transfer, verdict });
}

/// The daemon stopped just when these files were about to get their names: nobody takes them back before
/// it is known whether they have them.
pub(super) fn find_placed(desk: &mut Desk) {
    let placed =
        |file: &&mut File| file.row.state == FileState::Receiving && file.row.placed.is_some();
    let mut rows = Vec::new();
    for file in desk.files.open_mut().filter(placed) {
        file.transfer = Some(TRANSFER_AT_START);
        rows.push(Box::new(file.row.clone()));
    }
    for row in rows {
        desk.at_once(Effect::FindPlaced(row));
    }
}

/// Bytes came.
pub(in crate::engine) fn transfer_progress(
    desk: &mut Desk,
    transfer: u64,
    id: u64,
    received_bytes: u64,
    synced_bytes: u64,
) {
    let Some(file) = current(desk, transfer, id) else { return };
    let received = received_bytes.min(file.row.size_bytes);
    let synced = synced_bytes.min(received);
    let told = std::mem::replace(&mut file.received_bytes, received);
    // Fewer than before if the partial file was lost meanwhile.
    let known = std::mem::replace(&mut file.row.synced_bytes, synced);
    if received != told {
        desk.files.fresh.entry(id).or_insert(told);
    }
    if received > told {
        expire_in(desk, id, desk.settings.files.partial_ttl);
    }
    if synced != known {
        save(desk, id);
    }
}

/// All bytes are there and right: the name is written down before the file gets it.
pub(in crate::engine) fn transfer_whole(desk: &mut Desk, transfer: u64, id: u64, name: String) {
    if current(desk, transfer, id).is_none() {
        return;
    }
    expire_in(desk, id, desk.settings.files.partial_ttl);
    ending::change(desk, id, |file| {
        file.row.synced_bytes = file.row.size_bytes;
        file.received_bytes = file.row.size_bytes;
        file.row.placed = Some(name);
    });
    desk.after_commit(Effect::Place { transfer });
}

/// The file has its name, and that is final whatever stream it came on.
pub(in crate::engine) fn transfer_placed(
    fleet: &Fleet,
    desk: &mut Desk,
    transfer: u64,
    id: u64,
    content: &str,
) {
    let Some(file) = desk.files.get_mut(id) else { return };
    let is_due = file.row.state == FileState::Receiving && file.row.placed.is_some();
    if file.row.state == FileState::Verified {
        // Found twice: by the look at the start, and on a stream.
        over(desk, transfer, id);
        return;
    }
    if !is_due {
        let (host, target) = (file.row.host.clone(), words::target(&file.row));
        let reason = format!("{target} has its name though it was {}", file.row.state);
        desk.log(Level::Warning, "file placed too late", Some(&host), None, reason);
        over(desk, transfer, id);
        return;
    }
    let is_stream = |other: &u64| *other != transfer && *other != TRANSFER_AT_START;
    let other = file.transfer.replace(transfer).filter(is_stream);
    file.row.content = words::line(content, FACT_BYTES_MAX);
    let path = records::path(&file.row, &desk.settings.files_path);
    let target = words::target(&file.row);
    desk.audit_own("file-verified", &target, &path);
    ending::end(desk, id, FileState::Verified, String::new(), None);
    if let Some(other) = other {
        over(desk, other, id);
    }
    tell(fleet, desk);
}

/// A stream ended before that. Without a fatal reason the file may go on on another one.
pub(in crate::engine) fn transfer_ended(
    fleet: &Fleet,
    desk: &mut Desk,
    transfer: u64,
    id: u64,
    fatal: Option<&str>,
) {
    let Some(file) = current(desk, transfer, id) else { return };
    if let Some(reason) = fatal {
        let reason = words::line(reason, REASON_BYTES_MAX);
        ending::by_daemon(desk, id, FileState::Failed, reason);
        tell(fleet, desk);
        return;
    }
    file.transfer = None;
    let host = file.row.host.clone();
    back_to_synced(desk, id);
    // Whoever took it back meanwhile was told nothing, and does so again.
    if transfer == TRANSFER_AT_START
        && let Some(connection) = talk::connection(desk, &host)
    {
        ending::decide(desk, connection, id);
    }
}

/// The file that comes on this stream now. What an older stream still says is not heard.
fn current(desk: &mut Desk, transfer: u64, id: u64) -> Option<&mut File> {
    let file = desk.files.get_mut(id)?;
    let is_current = file.transfer == Some(transfer) && file.row.state == FileState::Receiving;
    is_current.then_some(file)
}

fn begin(desk: &mut Desk, transfer: u64, id: u64, state: FileState) {
    back_to_synced(desk, id);
    if state == FileState::Accepted {
        ending::change(desk, id, |file| file.row.state = FileState::Receiving);
    }
    if let Some(file) = desk.files.get_mut(id) {
        file.transfer = Some(transfer);
    }
}

/// What came and was not synced comes again.
fn back_to_synced(desk: &mut Desk, id: u64) {
    let Some(file) = desk.files.get_mut(id) else { return };
    let told = std::mem::replace(&mut file.received_bytes, file.row.synced_bytes);
    if told != file.row.synced_bytes {
        desk.files.fresh.entry(id).or_insert(told);
    }
}

fn save(desk: &mut Desk, id: u64) {
    if let Some(file) = desk.files.get(id) {
        let row = Box::new(file.row.clone());
        desk.change(Change::File(row));
    }
}

fn refuse(desk: &mut Desk, host: &HostId, transfer: u64, decision: Decision) {
    desk.counters.add("transfers_refused");
    let state = decision.state.known().map_or("", |state| {
        use systole_common::model::coded::Coded as _;
        state.as_str()
    });
    let text = format!("file {} is {state}; {}", decision.file, decision.reason);
    desk.log(Level::Warning, "transfer refused", Some(host), None, text);
    let verdict = Box::new(TransferVerdict::Refuse(decision));
    desk.after_commit(Effect::Transfer { transfer, verdict });
}

/// The last word on a stream: the file as it stands.
fn over(desk: &mut Desk, transfer: u64, id: u64) {
    if let Some(decision) = ending::decision(desk, id) {
        desk.after_commit(Effect::TransferOver { transfer, decision });
    }
}
