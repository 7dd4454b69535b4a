//! Which hosts and alerts are shown, in which order, and what becomes of the cursor and the screen.
//!
//! States put the hosts in order at once, measured values seldom and never under somebody's hands. All
//! that a burst of events changes is put in order once, not once for each of them.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::time::Duration;

use systole_common::ids::AlertId;
use systole_common::time::{Mono, Now};

use crate::model::Model;
use crate::model::alerts::OpenAlerts;
use crate::model::fleet::{Fleet, Row, Worth};
use crate::model::host_list::{HostList, SortBy};
use crate::model::screen::View;
use crate::model::subject::{AlertSubject, RowSubject};
use crate::view::layout::Layout;

/// Shortest time between two orderings of a list for what the feed says; the screen is not painted
/// more often either.
pub const ORDER_INTERVAL_MIN: Duration = Duration::from_millis(100);
/// Shortest time between two orderings for the sake of measured values.
pub const MEASURED_INTERVAL_MIN: Duration = Duration::from_secs(5);
/// After the cursor was moved, measured values change no order for so long.
pub const CALM_AFTER_MOVE: Duration = Duration::from_secs(3);

/// Puts the hosts in order now: somebody asked for another filter or order.
pub fn refresh(model: &mut Model, now: Now) {
    arrange(model, now, true);
}

/// Puts the alerts in order now: somebody asked for another filter.
pub fn refresh_alerts(model: &mut Model, now: Now) {
    let shown = model.shown_now(now);
    let list = &mut model.feed;
    list.due = None;
    list.ordered_at = Some(now.mono);
    list.orderings += 1;
    let filter = list.filter.as_ref().map(|(_, filter)| filter);
    let is_shown = |alert: &&_| {
        filter.is_none_or(|filter| filter.matches(&AlertSubject::new(alert, shown.wall)))
    };
    let open = model.alerts.worst_first().into_iter().filter(is_shown);
    let ended = model.alerts.ended().into_iter().filter(is_shown);
    let order: Vec<AlertId> = open.chain(ended).map(|alert| alert.id).collect();
    let old = std::mem::replace(&mut list.order, order);
    if let Some(cursor) = list.cursor.filter(|id| model.alerts.get(*id).is_none()) {
        let left: BTreeSet<AlertId> = list.order.iter().copied().collect();
        let heir = heir(&old, &cursor, |id| left.contains(id)).copied();
        list.cursor = heir.or_else(|| list.order.get(list.row).copied());
    }
    list.row = list.cursor_row().unwrap_or(list.row);
    // The alert in the first row stays there: what is new comes above the screen.
    if list.offset > 0 {
        let left: BTreeSet<AlertId> = list.order.iter().copied().collect();
        let first = old.iter().skip(list.offset).find(|id| left.contains(id));
        let place = first.and_then(|first| list.order.iter().position(|id| id == first));
        list.offset = place.unwrap_or(list.offset);
    }
    list.unseen.retain(|id| is_still_open(&model.alerts, *id));
}

/// Hosts came, went or changed their state.
pub(super) fn hosts_changed(model: &mut Model, now: Now) {
    let list = &mut model.list;
    list.due.get_or_insert_with(|| due(list.ordered_at, now.mono));
}

/// Alerts came, changed or went.
pub(super) fn alerts_changed(model: &mut Model, now: Now) {
    let list = &mut model.feed;
    list.due.get_or_insert_with(|| due(list.ordered_at, now.mono));
}

fn due(ordered_at: Option<Mono>, now: Mono) -> Mono {
    ordered_at.map_or(now, |at| at.plus(ORDER_INTERVAL_MIN).max(now))
}

/// Puts in order what is due, and keeps the cursors on the screen.
pub(super) fn keep(model: &mut Model, now: Now) {
    if is_measured_due(model, now.mono) {
        arrange(model, now, true);
    } else if model.list.due.is_some_and(|due| due <= now.mono) {
        let is_full = !model.list.sort.is_measured();
        arrange(model, now, is_full);
    }
    if model.feed.due.is_some_and(|due| due <= now.mono) {
        refresh_alerts(model, now);
    }
    let layout = Layout::of(model);
    match model.screen.view {
        View::Fleet => {
            model.list.scroll(layout.main_rows());
            model.feed.scroll(layout.feed_rows());
        }
        View::Alerts => model.feed.scroll(layout.main_rows()),
        View::Chat | View::Files | View::Host => {}
    }
}

/// Whether measured values may change the order, or what a filter shows, now.
fn is_measured_due(model: &Model, now: Mono) -> bool {
    let list = &model.list;
    let matters = list.sort.is_measured() || list.filter.is_some();
    let is_calm = list.moved_at.is_none_or(|moved| now.since(moved) >= CALM_AFTER_MOVE);
    let is_time = now.since(list.sorted_at) >= MEASURED_INTERVAL_MIN;
    list.has_new_values && matters && is_calm && is_time && model.frozen.is_none()
}

/// Chooses the hosts that are shown. All of them are put in order if it `is_full` and the order is not
/// held; else they keep their places, those that went leave and new ones come last.
fn arrange(model: &mut Model, now: Now, is_full: bool) {
    let shown = model.shown_now(now);
    let fleet = model.frozen.as_ref().map_or(&model.fleet, |frozen| &frozen.fleet);
    let list = &mut model.list;
    let rows = chosen(fleet, list, shown);
    let order = if list.is_held || !is_full {
        kept(&list.order, rows)
    } else {
        (list.has_new_values, list.sorted_at) = (false, now.mono);
        sorted(rows, list.sort, list.is_reversed, shown.mono)
    };
    list.due = None;
    list.ordered_at = Some(now.mono);
    list.orderings += 1;
    if let Some(cursor) = list.cursor.take_if(|name| !fleet.contains(name)) {
        let left: BTreeSet<&str> = order.iter().copied().collect();
        let heir = heir(&list.order, &cursor, |name| left.contains(name.as_str())).cloned();
        list.cursor = heir.or_else(|| order.get(list.row).map(|name| (*name).to_owned()));
    }
    if !order.iter().eq(list.order.iter()) {
        list.order = order.into_iter().map(str::to_owned).collect();
    }
    list.row = list.cursor_row().unwrap_or(list.row);
}

fn chosen<'a>(fleet: &'a Fleet, list: &HostList, now: Now) -> Vec<&'a Row> {
    match &list.filter {
        None => fleet.rows().collect(),
        Some((_, filter)) => {
            fleet.rows().filter(|row| filter.matches(&RowSubject { row, now })).collect()
        }
    }
}

/// The names of `rows`, those in `old` in their places there and the others behind them.
fn kept<'a>(old: &[String], rows: Vec<&'a Row>) -> Vec<&'a str> {
    let mut new: BTreeSet<&str> = rows.into_iter().map(|row| row.summary.host.as_str()).collect();
    let mut order: Vec<&str> = old.iter().filter_map(|name| new.take(name.as_str())).collect();
    order.extend(new);
    order
}

fn sorted(rows: Vec<&Row>, sort: SortBy, is_reversed: bool, now: Mono) -> Vec<&str> {
    let turn = |order: Ordering| if is_reversed { order.reverse() } else { order };
    let mut rows: Vec<(Option<f64>, &Row)> =
        rows.into_iter().map(|row| (measure(row, sort, now), row)).collect();
    match sort {
        SortBy::Worst => rows.sort_by(|(_, a), (_, b)| turn(a.urgency().cmp(&b.urgency()))),
        SortBy::Name if !is_reversed => {}
        SortBy::Name => rows.reverse(),
        SortBy::Beat
        | SortBy::Cpu
        | SortBy::Memory
        | SortBy::Disk
        | SortBy::Load
        | SortBy::Network => rows.sort_by(|(a, _), (b, _)| highest_first(*a, *b, turn)),
    }
    rows.into_iter().map(|(_, row)| row.summary.host.as_str()).collect()
}

/// The highest first, or turned around; those without a value last in any case. Equals keep the order
/// of their names.
fn highest_first(a: Option<f64>, b: Option<f64>, turn: impl Fn(Ordering) -> Ordering) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => turn(b.total_cmp(&a)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// What the hosts are put in order by, if it is measured and shown.
fn measure(row: &Row, sort: SortBy, now: Mono) -> Option<f64> {
    let value = match sort {
        SortBy::Worst | SortBy::Name => return None,
        SortBy::Beat => return row.heartbeat_age(now).map(|age| age.as_secs_f64()),
        SortBy::Cpu => row.summary.cpu_percent,
        SortBy::Memory => row.summary.memory_percent,
        SortBy::Disk => row.summary.disk_percent,
        SortBy::Load => row.summary.load1,
        SortBy::Network => row.network_bytes_per_s(),
    };
    value.filter(|_| row.worth(now, true) != Worth::Withdrawn).map(f64::from)
}

/// Who takes the place of `gone` in `old`: the next one that is left, or else the one before.
fn heir<'a, T: PartialEq>(old: &'a [T], gone: &T, is_left: impl Fn(&T) -> bool) -> Option<&'a T> {
    let place = old.iter().position(|one| one == gone)?;
    let (before, behind) = old.split_at_checked(place)?;
    let mut heirs = behind.iter().chain(before.iter().rev());
    heirs.find(|one| is_left(one))
}

fn is_still_open(alerts: &OpenAlerts, id: AlertId) -> bool {
    alerts.get(id).is_some() && !alerts.has_ended(id)
}
