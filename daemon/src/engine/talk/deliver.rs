//! Messages on their way to hosts: what is sent when, what is sent again, and what receipts say.
//!
//! Everything is sent after the commit of what is before it, so that no host has what the daemon forgets
//! in a crash. Sent again it is whenever a stream begins; the host takes each once.

use systole_common::ids::{ConnectionId, HostId, SpoolEpoch};
use systole_common::wire::control::{Ranges, Receipt, SequenceKind};
use systole_common::wire::hello::CloseCode;
use systole_common::wire::limits::RANGES_MAX;
use systole_common::wire::talk::Delivery;

use super::super::Fleet;
use super::super::desk::Desk;
use super::super::effect::{Effect, Level};
use super::super::host::Host;
use super::super::limits::NUMBERS_AHEAD_MAX;
use super::{Mark, fail, settle};

/// An agent opened its messages stream. It hears first what is here of its messages: one whose folder is
/// an older copy of itself goes on behind it.
pub(in crate::engine) fn open(
    host: &Host,
    desk: &mut Desk,
    connection: ConnectionId,
    epoch: SpoolEpoch,
) {
    if !host.is_mine(connection) {
        return desk.counters.add("talk_of_strangers");
    }
    desk.talk.open(host.id(), connection);
    let newest = host.link.as_ref().map_or(connection, |link| link.connection);
    let known = desk.received.ranges(host.id(), epoch).to_vec();
    for ranges in known.chunks(RANGES_MAX) {
        let ranges = Ranges(ranges.to_vec());
        confirm(desk, newest, Receipt { kind: SequenceKind::Messages.into(), epoch, ranges });
    }
    pump(desk, host.id());
}

/// A connection of a host ended.
pub(in crate::engine) fn gone(host: &HostId, desk: &mut Desk, connection: ConnectionId) {
    desk.talk.close(host, connection);
    pump(desk, host);
}

/// A host has messages on its disk.
pub(in crate::engine) fn receipt(
    host: &Host,
    desk: &mut Desk,
    connection: ConnectionId,
    receipt: &Receipt,
) {
    if !host.is_mine(connection) {
        return desk.counters.add("talk_of_strangers");
    }
    if receipt.kind.known() != Some(SequenceKind::Messages) {
        return desk.counters.add("receipts_of_other_kinds");
    }
    // A host says what it has of every life of this daemon's messages; only this one still waits.
    if receipt.epoch != desk.talk.epoch {
        return;
    }
    let id = host.id();
    let highest = receipt.ranges.0.last().map_or(0, |(_, last)| *last);
    let is_greeting = desk.talk.is_greeting(id, connection);
    look_ahead(desk, id, highest, is_greeting);
    let confirmed = desk.talk.confirmed(id, connection, &receipt.ranges.0);
    desk.counters.add_many("receipts_of_unsent", confirmed.unsent);
    for number in confirmed.delivered {
        settle(desk, number, std::slice::from_ref(id), Mark::Delivered);
    }
    fail(desk, id, confirmed.mistaken);
    pump(desk, id);
}

/// The host has numbers that were never given out. If `state.db` is an older copy of itself, that is so:
/// numbers go on behind. A host that makes them up is not believed further than it can do harm.
fn look_ahead(desk: &mut Desk, host: &HostId, highest: u64, is_greeting: bool) {
    let Some(ahead) = highest.checked_sub(desk.talk.last).filter(|ahead| *ahead > 0) else {
        return;
    };
    if !is_greeting || ahead > NUMBERS_AHEAD_MAX {
        return desk.counters.add("receipts_of_unsent");
    }
    let text = format!("it has message {highest}, state.db knows {}", desk.talk.last);
    desk.log(Level::Warning, "a host has newer messages than state.db", Some(host), None, text);
    desk.talk.go_on_behind(highest);
}

/// Sends a host what may be under way at once, the oldest first.
pub(super) fn pump(desk: &mut Desk, host: &HostId) {
    while let Some((connection, row)) = desk.talk.next(host) {
        let delivery = Delivery {
            epoch: desk.talk.epoch,
            sequence: row.number,
            id: row.id.clone(),
            time: row.time,
            from: row.from.clone(),
            to: row.to.clone(),
            thread: row.thread.clone(),
            text: row.text.clone(),
        };
        desk.after_commit(Effect::Deliver { connection, delivery: Box::new(delivery) });
    }
}

/// Confirms to a host what came of its messages.
pub(super) fn confirm(desk: &mut Desk, connection: ConnectionId, receipt: Receipt) {
    desk.after_commit(Effect::Receipt { connection, receipt });
}

/// `state.db` takes no writes, or takes them again. Whose messages could not be taken meanwhile sends them
/// once more when it dials anew.
pub(in crate::engine) fn store_refusing(fleet: &Fleet, desk: &mut Desk, refusing: bool) {
    desk.store_refusing = refusing;
    if refusing {
        return;
    }
    desk.talk.held_bytes = 0;
    for id in std::mem::take(&mut desk.talk.turned_away) {
        let link = fleet.get(&id).and_then(|host| host.link.as_ref());
        if let Some(connection) = link.map(|link| link.connection) {
            let why = "the daemon's disk takes writes again: send your messages once more";
            desk.close(connection, CloseCode::Restart, why);
        }
    }
}
