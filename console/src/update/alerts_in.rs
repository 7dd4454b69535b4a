//! Alerts that came, changed or ended: the feed's order, what is new, the bell.

use std::time::Duration;

use systole_common::time::Now;
use systole_common::wire::console::AlertRecord;

use super::{freeze, order, requests};
use crate::cmd::Cmd;
use crate::model::alerts::Taken;
use crate::model::requests::UndoGone;
use crate::model::{Dirty, Model, entry};

/// The bell rings at most once in so long.
pub const BELL_INTERVAL_MIN: Duration = Duration::from_secs(30);

/// Takes an alert as it is now, from the feed or from the answer to an action.
pub fn take(model: &mut Model, now: Now, record: AlertRecord) -> Vec<Cmd> {
    let record = entry::alert(record);
    let id = record.id;
    requests::heard_of(model, now, &record);
    let is_alarm = match model.alerts.take(record, now.mono) {
        Taken::Same | Taken::Ignored => return Vec::new(),
        Taken::Ended => {
            // What is over cannot be given back.
            if model.requests.undo.is_some_and(|(undo, _)| undo == id) {
                model.requests.no_undo(UndoGone::Over);
            }
            false
        }
        Taken::Changed { is_alarm } => is_alarm,
        Taken::New { is_alarm } => {
            if model.attention.has_picture {
                model.feed.unseen.insert(id);
            }
            is_alarm
        }
    };
    changed(model, now);
    if !is_alarm {
        return Vec::new();
    }
    // Nothing that was said before hides it.
    model.attention.alarm = Some(id);
    model.screen.leaving_until = None;
    bell(model, now)
}

/// The list of alerts is another than before.
pub(super) fn changed(model: &mut Model, now: Now) {
    freeze::count(model);
    order::alerts_changed(model, now);
    model.touch(Dirty::Now);
}

/// Rings for a new critical alert; not for those that were there before the console.
fn bell(model: &mut Model, now: Now) -> Vec<Cmd> {
    let attention = &mut model.attention;
    let is_quiet = attention.rung_at.is_none_or(|rung| now.mono.since(rung) >= BELL_INTERVAL_MIN);
    if !(model.manners.bell && attention.has_picture && is_quiet) {
        return Vec::new();
    }
    attention.rung_at = Some(now.mono);
    vec![Cmd::Bell]
}
