//! What time alone changes: how far the link is trusted, ages on the screen, and what was said or
//! shown for a while.

use std::time::Duration;

use systole_common::time::{Mono, Now};

use super::{host, interest, order, peek, requests};
use crate::limits::{NOTICE_SHOWN, UNDO_WITHIN};
use crate::model::freshness::Trust;
use crate::model::requests::UndoGone;
use crate::model::{Dirty, Model};

/// How often ages are counted on while no tick does it.
const COUNT_INTERVAL: Duration = Duration::from_secs(1);
/// How late a tick may be before ages are counted on without it.
const TICK_LATE: Duration = Duration::from_millis(250);

/// When something changes by time alone.
pub(super) fn next(model: &Model, now: Now) -> Option<Mono> {
    let requests = &model.requests;
    [
        model.freshness.next_change(now.mono),
        counts_at(model),
        model.list.due,
        model.feed.due,
        model.alerts.next_leaves(),
        model.screen.leaving_until,
        requests.notice.as_ref().map(|notice| notice.at.plus(NOTICE_SHOWN)),
        requests.undo.map(|(_, at)| at.plus(UNDO_WITHIN)),
        interest::due(model),
        host::next_deadline(model, now),
        peek::next_deadline(model, now),
    ]
    .into_iter()
    .flatten()
    .min()
}

/// Takes note of what time changed until `now`.
pub(super) fn passed(model: &mut Model, now: Now) {
    let trust = model.freshness.trust(now.mono);
    if trust != model.attention.trust {
        model.attention.trust = trust;
        if trust == Trust::Live {
            requests::live_again(model);
        }
        model.touch(Dirty::Now);
    }
    if counts_at(model).is_some_and(|at| at <= now.mono) {
        model.attention.counted_at = now.mono;
        model.touch(Dirty::Data);
    }
    if model.alerts.leave(now.mono) {
        order::alerts_changed(model, now);
        model.touch(Dirty::Now);
    }
    let is_over = |at: Mono, span: Duration| now.mono >= at.plus(span);
    if model.screen.leaving_until.take_if(|until| *until <= now.mono).is_some() {
        model.touch(Dirty::Now);
    }
    let requests = &mut model.requests;
    let notice = requests.notice.take_if(|notice| is_over(notice.at, NOTICE_SHOWN));
    let undo = requests.undo.take_if(|(_, at)| is_over(*at, UNDO_WITHIN));
    if undo.is_some() {
        requests.no_undo(UndoGone::Late);
    }
    if notice.is_some() || undo.is_some() {
        model.touch(Dirty::Now);
    }
}

/// When ages that are shown have to be counted on. Frozen ones stand still; how long the daemon was
/// not heard never does.
fn counts_at(model: &Model) -> Option<Mono> {
    let interval = match (model.attention.trust, &model.frozen) {
        (Trust::Live, Some(_)) => return None,
        (Trust::Live, None) => COUNT_INTERVAL + TICK_LATE,
        (
            Trust::Connecting | Trust::Lagging | Trust::Reconnecting | Trust::Stale | Trust::Gone,
            _,
        ) => COUNT_INTERVAL,
    };
    Some(model.attention.counted_at.plus(interval))
}
