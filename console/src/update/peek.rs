//! The chart below the fleet: what is asked for it, and when.
//!
//! One question at a time, about the host on which the cursor rests; none while the daemon is not heard
//! or the chart has no room.

use std::time::Duration;

use systole_common::time::{Mono, Now, UnixMs, millis};

use super::host::history;
use super::requests;
use crate::cmd::{Cmd, Question};
use crate::limits::{CHARTS_MAX, HOST_ASKED_AGAIN};
use crate::model::freshness::Trust;
use crate::model::host_view::Loaded;
use crate::model::peek::{Peek, SPAN};
use crate::model::range::{Range, Step};
use crate::model::requests::{Purpose, RequestId};
use crate::model::{Dirty, Model};
use crate::msg::Answer;
use crate::view::layout::Layout;

/// The chart behind those of an open host.
pub(super) const PURPOSE: Purpose = Purpose::Chart(CHARTS_MAX);
/// The cursor rests on a host for so long before it is asked about.
const REST: Duration = Duration::from_millis(300);
/// Shortest time between two questions: the first host may be another one each moment.
const ASK_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// Cells beside the chart: its scale.
const AXIS_WIDTH: u16 = 8;

/// What is to be asked now. To be called after every event.
pub(super) fn due(model: &mut Model, now: Now) -> Vec<Cmd> {
    follow(model);
    if next_deadline(model, now).is_none_or(|at| at > now.mono) {
        return Vec::new();
    }
    let columns = Layout::of(model).chart.width.saturating_sub(AXIS_WIDTH).max(1);
    let Some(peek) = &mut model.peek else { return Vec::new() };
    peek.asked_at = Some(now.mono);
    let Some((range, step)) = range(columns, now.wall) else { return Vec::new() };
    let (host, key) = (peek.host.clone(), peek.chart.key.clone());
    let question = Question::History { host, key, range, step };
    let asked = requests::ask(model, PURPOSE, question);
    match (asked, &mut model.peek) {
        (Ok((request, cmd)), Some(peek)) => {
            peek.chart.asked = Some((range, step));
            peek.chart.points.ask(request);
            vec![cmd]
        }
        // Without room for the question it is asked again later.
        (Ok(_) | Err(_), _) => Vec::new(),
    }
}

/// When something is to be asked next; `None`: never, as things are.
pub(super) fn next_deadline(model: &Model, now: Now) -> Option<Mono> {
    let peek = model.peek.as_ref()?;
    let is_live = model.freshness.trust(now.mono) == Trust::Live;
    let is_awaited = model.requests.pending.values().any(|purpose| *purpose == PURPOSE);
    if !is_live || is_awaited || wanted(model) != Some(peek.host.as_str()) {
        return None;
    }
    let rested = model.list.moved_at.map_or(now.mono, |moved| moved.plus(REST));
    let is_new = matches!(peek.chart.points, Loaded::Unasked);
    match peek.asked_at {
        None => Some(rested),
        Some(at) if is_new => Some(at.plus(ASK_INTERVAL_MIN).max(rested)),
        // What somebody reads stands still.
        Some(_) if model.frozen.is_some() => None,
        Some(at) => Some(at.plus(HOST_ASKED_AGAIN)),
    }
}

/// The answer came; one about a host that the cursor has left is dropped.
pub(super) fn answered(
    model: &mut Model,
    now: Now,
    request: RequestId,
    answer: Result<Answer, String>,
) {
    let Some(peek) = &mut model.peek else { return };
    if peek.chart.points.waits_for(request) {
        peek.chart.points.answer(answer.and_then(history), now.wall);
        peek.asked_at = Some(now.mono);
        model.touch(Dirty::Now);
    }
}

/// The chart is that of the host under the cursor.
fn follow(model: &mut Model) {
    let Some(host) = wanted(model) else {
        // What was asked stays while another view is on top.
        return;
    };
    if model.peek.as_ref().is_none_or(|peek| peek.host != host) {
        let asked_at = model.peek.as_ref().and_then(|peek| peek.asked_at);
        model.peek = Some(Peek { asked_at, ..Peek::new(host) });
    }
}

/// Whose chart is shown.
fn wanted(model: &Model) -> Option<&str> {
    let has_room = Layout::of(model).chart.height > 0;
    model.list.selected().filter(|_| has_room)
}

/// The whole steps up to `now`, not more of them than `columns` and one.
fn range(columns: u16, now: UnixMs) -> Option<(Range, Step)> {
    let step = Step::at_least(millis(SPAN).div_ceil(u64::from(columns)));
    let range = Range::new(now.minus(SPAN), now, now).and_then(|range| range.whole(step));
    range.ok().map(|range| (range, step))
}
