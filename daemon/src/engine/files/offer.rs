//! An offer comes, comes again, or is taken back.

use systole_common::ids::{ConnectionId, HostId, SpoolEpoch};
use systole_common::model::file::{FileState, check_name};
use systole_common::wire::file::{Offer, Withdraw};
use systole_common::wire::limits::{FACT_BYTES_MAX, REASON_BYTES_MAX, SENDER_BYTES_MAX};

use super::super::desk::Desk;
use super::super::effect::{Effect, FeedFrame, Level};
use super::super::host::Host;
use super::super::limits::{OFFERS_MAX, OFFERS_PER_HOST_MAX, REFUSALS_WINDOW};
use super::super::state::{Change, FileRow};
use super::super::timers::Due;
use super::book::Taker;
use super::{decide, ending, records, words};

/// A host offers a file, or says again that it does.
pub(in crate::engine) fn offer(
    host: &Host,
    desk: &mut Desk,
    connection: ConnectionId,
    epoch: SpoolEpoch,
    offer: &Offer,
    certificate: &str,
    free_bytes: u64,
) {
    let id = host.id();
    let connection = ending::newest(desk, id, connection);
    if let Some(file) = desk.files.of_offer(id, epoch, offer.sequence) {
        ending::decide(desk, connection, file);
        return;
    }
    let number = (epoch, offer.sequence);
    if desk.files.known.has(id, epoch, offer.sequence) {
        refuse(desk, connection, number, FileState::Failed, words::OVER_LONG_AGO.to_owned());
        return;
    }
    if desk.store_refusing {
        refuse(desk, connection, number, FileState::Rejected, words::STORE_REFUSING.to_owned());
        return;
    }
    let judged = judge(desk, id, offer);
    if let Err(reason) = &judged
        && let Some(is_first) = desk.files.count_refusal(id, desk.now.mono)
    {
        desk.counters.add("offers_refused_unwritten");
        if is_first {
            unwritten(desk, id);
        }
        refuse(desk, connection, number, FileState::Rejected, reason.clone());
        return;
    }
    let mut row = row(desk, id, epoch, offer);
    row.certificate = words::line(certificate, FACT_BYTES_MAX);
    row.free_bytes = free_bytes;
    take(desk, connection, row, judged);
}

/// A host opened its messages stream: it hears of each of its offers that is open here, and takes back
/// those that nobody there waits for.
pub(in crate::engine) fn open(host: &Host, desk: &mut Desk, connection: ConnectionId) {
    if !host.is_mine(connection) {
        return;
    }
    let connection = ending::newest(desk, host.id(), connection);
    let open: Vec<u64> = desk.files.open_of(host.id()).map(|file| file.row.id).collect();
    for id in open {
        ending::decide(desk, connection, id);
    }
}

/// A host takes an offer back. Too late once the file is about to get its name.
pub(in crate::engine) fn withdraw(
    host: &Host,
    desk: &mut Desk,
    epoch: SpoolEpoch,
    withdraw: &Withdraw,
) {
    let found = desk.files.of_offer(host.id(), epoch, withdraw.sequence);
    let Some(file) = found.and_then(|id| desk.files.get(id)) else {
        desk.counters.add("withdrawals_of_unknown_offers");
        return;
    };
    let is_placed = file.row.placed.is_some() && file.transfer.is_some();
    if !file.row.state.is_open() || is_placed {
        return;
    }
    let id = file.row.id;
    let reason = match withdraw.reason.as_str() {
        "" => words::WITHDRAWN.to_owned(),
        reason => words::line(reason, REASON_BYTES_MAX),
    };
    let state = if withdraw.has_failed { FileState::Failed } else { FileState::Withdrawn };
    ending::by_daemon(desk, id, state, reason);
}

/// Whether an offer may be decided on at all; else why not.
fn judge(desk: &Desk, host: &HostId, offer: &Offer) -> Result<(), String> {
    check_name(&offer.name).map_err(|bad| bad.to_string())?;
    let settings = &desk.settings.files;
    if offer.size_bytes > settings.size_max_bytes {
        return Err(words::too_large(offer.size_bytes, settings));
    }
    let own = desk.files.open_of(host).count();
    if own >= OFFERS_PER_HOST_MAX {
        return Err(words::too_many_of_host(host, own));
    }
    let all = desk.files.open().count();
    if all >= OFFERS_MAX {
        return Err(words::too_many(all));
    }
    Ok(())
}

fn row(desk: &mut Desk, host: &HostId, epoch: SpoolEpoch, offer: &Offer) -> FileRow {
    FileRow {
        id: desk.files.next_id(),
        host: host.clone(),
        epoch,
        sequence: offer.sequence,
        name: offer.name.clone(),
        size_bytes: offer.size_bytes,
        blake3: offer.blake3,
        content: words::line(&offer.content, FACT_BYTES_MAX),
        note: words::line(&offer.note, REASON_BYTES_MAX),
        sender: words::line(&format!("{host}/{}", offer.user), SENDER_BYTES_MAX),
        certificate: String::new(),
        state: FileState::Offered,
        reason: String::new(),
        decided_by: None,
        synced_bytes: 0,
        placed: None,
        free_bytes: 0,
        offered_at: desk.now.wall,
        expires_at: desk.now.wall.plus(desk.settings.files.offer_ttl),
        finished_at: None,
    }
}

/// A new offer gets into the book: refused, taken by policy, or left to operators.
fn take(desk: &mut Desk, connection: ConnectionId, mut row: FileRow, judged: Result<(), String>) {
    let (id, host, size_bytes) = (row.id, row.host.clone(), row.size_bytes);
    let is_refused = judged.is_err();
    if let Err(reason) = judged {
        row.state = FileState::Rejected;
        row.decided_by = Some(words::POLICY.to_owned());
        row.finished_at = Some(desk.now.wall);
        row.expires_at = desk.now.wall;
        desk.audit_own("reject", &words::target(&row), &reason);
        row.reason = reason;
    }
    received(desk, &row);
    desk.change(Change::File(Box::new(row.clone())));
    desk.files.insert(row);
    let file = desk.files.get(id);
    let path = &desk.settings.files_path;
    let event = file.map(|file| records::event(desk.now.wall, true, None, file, path));
    if let Some(event) = event {
        desk.event(|| FeedFrame::File(event));
    }
    if is_refused {
        ending::told(desk, id, Some(words::POLICY), Some(connection));
        return;
    }
    let deadline = desk.now.mono.plus(desk.settings.files.offer_ttl);
    desk.timers.set(Due::File(id), deadline);
    if size_bytes <= desk.settings.files.auto_accept_max_bytes {
        decide::take_room(desk, id, Taker::Policy);
        return;
    }
    let text = desk.files.get(id).map(|file| words::target(&file.row)).unwrap_or_default();
    desk.log(Level::Info, "file offered", Some(&host), None, text);
    ending::decide(desk, connection, id);
}

/// The offer's sequence is known from now on.
fn received(desk: &mut Desk, row: &FileRow) {
    let change = desk.files.known.insert(&row.host, row.epoch, row.sequence);
    desk.change(change);
}

/// The offer is answered and not written down.
fn refuse(
    desk: &mut Desk,
    connection: ConnectionId,
    number: (SpoolEpoch, u64),
    state: FileState,
    reason: String,
) {
    let decision = Box::new(records::no_file(number, state, reason, desk.now.wall));
    desk.after_commit(Effect::Decide { connection, decision });
}

/// So many offers of a host are refused that they are no longer written down one by one.
fn unwritten(desk: &mut Desk, host: &HostId) {
    let text = words::refusals_unwritten(host, REFUSALS_WINDOW);
    desk.log(Level::Warning, "offers refused", Some(host), None, text.clone());
    desk.audit_own("reject", &format!("offers of {host}"), &text);
}
