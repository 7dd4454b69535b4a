//! The link goes down and comes back: what the status line says, and what is to be asked anew.

use std::time::Duration;

use systole_common::time::Now;

use crate::cmd::Cmd;
use crate::model::alert_list::AlertList;
use crate::model::alerts::OpenAlerts;
use crate::model::entry;
use crate::model::fleet::Fleet;
use crate::model::freshness::{Freshness, Peer, Refused};
use crate::model::presence::Presence;
use crate::model::{Dirty, Model};

use super::{order, talk};

pub(super) fn dialling(model: &mut Model, attempt: u32) -> Vec<Cmd> {
    model.freshness.dialling(attempt);
    model.touch(Dirty::Now);
    Vec::new()
}

pub(super) fn linked(model: &mut Model, now: Now, peer: Peer) -> Vec<Cmd> {
    let peer = entry::peer(peer);
    let before = model.freshness.peer.as_ref();
    if before.is_some_and(|before| before.daemon != peer.daemon) {
        start_over(model, now);
    }
    model.freshness.linked(peer);
    talk::linked(model);
    model.attention.is_linked = true;
    model.touch(Dirty::Now);
    Vec::new()
}

pub(super) fn unlinked(model: &mut Model, mut why: String, refused: Option<Refused>) -> Vec<Cmd> {
    entry::text(&mut why);
    model.freshness.unlinked(why, refused);
    model.attention.is_linked = false;
    model.touch(Dirty::Now);
    Vec::new()
}

/// One second passed at the daemon.
pub(super) fn tick(model: &mut Model, now: Now) {
    model.freshness.tick(now);
    model.attention.counted_at = now.mono;
    if model.frozen.is_none() {
        model.touch(Dirty::Data);
    }
}

/// The next tick paints it.
pub(super) fn round_trip(model: &mut Model, rtt_us: u64) -> Vec<Cmd> {
    model.freshness.rtt = Some(Duration::from_micros(rtt_us));
    Vec::new()
}

/// Another daemon has hosts and numbers of its own: nothing of the one before is shown as if it were
/// of this one. Cursor, filters and views stay.
fn start_over(model: &mut Model, now: Now) {
    model.freshness = Freshness::waiting(now);
    model.fleet = Fleet::default();
    model.alerts = OpenAlerts::default();
    model.presence = Presence::default();
    model.talk.start_over();
    model.files.start_over();
    model.frozen = None;
    (model.requests.undo, model.requests.undo_gone) = (None, None);
    (model.attention.alarm, model.peek) = (None, None);
    model.attention.has_picture = false;
    model.list.order.clear();
    let feed = std::mem::take(&mut model.feed);
    model.feed =
        AlertList { filter: feed.filter, orderings: feed.orderings, ..AlertList::default() };
    order::refresh(model, now);
    order::refresh_alerts(model, now);
}
