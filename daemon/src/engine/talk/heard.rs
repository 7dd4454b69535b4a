//! What hosts say: only where they may, each message once, and confirmed when it is safe.

use systole_common::ids::{ConnectionId, HostId, SpoolEpoch};
use systole_common::model::message::{self, Place};
use systole_common::text::scrub_to;
use systole_common::time::UnixMs;
use systole_common::wire::control::{Ranges, Receipt, SequenceKind};
use systole_common::wire::limits::SENDER_BYTES_MAX;
use systole_common::wire::talk::Message;

use super::super::desk::Desk;
use super::super::effect::Level;
use super::super::host::Host;
use super::super::limits::{HELD_BYTES_MAX, SPOKEN_AGE_MAX, SPOKEN_AHEAD_MAX};
use super::deliver::confirm;
use super::{Draft, write};

/// Who speaks where an agent cannot say which user does.
const NOBODY: &str = "unknown";
/// Cells of a refused place in the log.
const PLACE_CELLS_MAX: usize = 80;

/// A host or one of its users speaks.
pub(in crate::engine) fn heard(
    host: &Host,
    desk: &mut Desk,
    connection: ConnectionId,
    epoch: SpoolEpoch,
    message: &Message,
) {
    if !host.is_mine(connection) {
        return desk.counters.add("talk_of_strangers");
    }
    let (id, sequence) = (host.id(), message.sequence);
    let newest = host.link.as_ref().map_or(connection, |link| link.connection);
    let ranges = Ranges(vec![(sequence, sequence)]);
    let receipt = Receipt { kind: SequenceKind::Messages.into(), epoch, ranges };
    if desk.received.has(id, epoch, sequence) {
        desk.counters.add("messages_repeated");
        return confirm(desk, newest, receipt);
    }
    if desk.store_refusing && !held(desk, id, message.text.len()) {
        return desk.counters.add("messages_turned_away");
    }
    let change = desk.received.insert(id, epoch, sequence);
    desk.change(change);
    match refusal(id, message) {
        None => {
            write(desk, draft(id, epoch, message, desk.now.wall), &[]);
        }
        Some(why) => refuse(host, desk, why),
    }
    // One that is refused is confirmed as well, or it would come again for ever.
    confirm(desk, newest, receipt);
}

/// Why a message is not taken, if it is not.
fn refusal(host: &HostId, message: &Message) -> Option<String> {
    let shown = scrub_to(&message.to, PLACE_CELLS_MAX);
    match Place::parse(&message.to) {
        Ok(Place::Ops) => {}
        Ok(Place::Host(to)) if to == *host => {}
        Ok(Place::All | Place::Host(_) | Place::Filter(_)) | Err(_) => {
            return Some(format!("it wrote to {shown}; a host may write to #ops and @{host}"));
        }
    }
    message::text(&message.text).err().map(|error| error.to_string())
}

fn refuse(host: &Host, desk: &mut Desk, why: String) {
    desk.counters.add("messages_refused");
    if desk.talk.is_first_refusal(host.id()) {
        desk.log(Level::Warning, "message of a host refused", Some(host.id()), None, why);
    }
}

fn draft(host: &HostId, epoch: SpoolEpoch, message: &Message, now: UnixMs) -> Draft {
    let earliest = now.minus(SPOKEN_AGE_MAX);
    let is_believed = (earliest..=now.plus(SPOKEN_AHEAD_MAX)).contains(&message.time);
    let user = if message.user.is_empty() { NOBODY } else { message.user.as_str() };
    let mut from = format!("{host}/{user}");
    from.truncate(from.floor_char_boundary(SENDER_BYTES_MAX));
    Draft {
        id: Some(format!("{host}-{epoch}-{}", message.sequence)),
        time: if is_believed { message.time } else { now },
        from,
        to: message.to.clone(),
        text: message.text.clone(),
        thread: None,
    }
}

/// Whether what comes while nothing can be written is still taken, to be written later.
fn held(desk: &mut Desk, host: &HostId, bytes: usize) -> bool {
    let held = desk.talk.held_bytes.saturating_add(bytes);
    if held > HELD_BYTES_MAX || desk.talk.turned_away.contains(host) {
        desk.talk.turned_away.insert(host.clone());
        return false;
    }
    desk.talk.held_bytes = held;
    true
}
