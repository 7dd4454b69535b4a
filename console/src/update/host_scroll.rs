//! Scrolling in the open host, the cursor among its alerts, and which of them a key means.

use systole_common::ids::AlertId;
use systole_common::time::Now;

use super::lists::Move;
use super::{files, talk};
use crate::cmd::Cmd;
use crate::model::Model;
use crate::model::alerts::{is_acked, urgency};
use crate::model::host_list::scrolled;
use crate::model::host_view::Tab;
use crate::view::host::alerts as alerts_view;
use crate::view::{self, layout::Layout};

/// Scrolls the shown part.
pub(super) fn scroll(model: &mut Model, now: Now, way: Move) -> Vec<Cmd> {
    match model.host.as_ref().map(|host| host.tab) {
        Some(Tab::Chat) => return talk::go(model, now, way),
        Some(Tab::Files) => files::go(model, way),
        Some(_) | None => {}
    }
    let rows = Layout::of(model).main_rows();
    if model.host.as_ref().is_some_and(|host| host.tab == Tab::Alerts) {
        go(model, way, rows);
        return Vec::new();
    }
    let (heads, below) = view::host::extent(model);
    let rows = rows.saturating_sub(heads).max(1);
    let len = below.saturating_sub(rows) + 1;
    if let Some(host) = &mut model.host {
        host.offset = way.from(host.offset, rows, len);
    }
    Vec::new()
}

/// No line is left empty while there are others.
pub(super) fn keep_inside(model: &mut Model) {
    let rows = Layout::of(model).main_rows();
    let offset_max = view::host::lines(model).saturating_sub(rows);
    if let Some(host) = &mut model.host {
        host.offset = host.offset.min(offset_max);
    }
}

/// Moves the cursor among the alerts of the host.
fn go(model: &mut Model, way: Move, rows: usize) {
    let Some(view) = &model.host else { return };
    let ids: Vec<AlertId> =
        alerts_view::records(model, view).iter().map(|alert| alert.id).collect();
    let at = view.alert.and_then(|id| ids.iter().position(|one| *one == id)).unwrap_or(0);
    let rows = rows.saturating_sub(alerts_view::HEADS);
    let to = way.from(at, rows, ids.len());
    if let Some(view) = &mut model.host {
        view.alert = ids.get(to).copied();
        view.offset = scrolled(view.offset, to, ids.len(), rows);
    }
}

/// The alert of the open host that a key means: that under the cursor where its alerts are shown, else
/// the newest one that nobody has.
pub(super) fn alert(model: &Model) -> Result<AlertId, String> {
    let Some(view) = &model.host else { return Err("no host is open".to_owned()) };
    if view.tab == Tab::Alerts {
        let selected = alerts_view::selected(view, &alerts_view::records(model, view));
        return selected.ok_or_else(|| format!("{} has no alert on record", view.host));
    }
    let own = model.alerts.open().filter(|alert| alert.host.as_deref() == Some(&view.host));
    let newest = own.filter(|alert| !is_acked(alert)).min_by_key(|alert| urgency(alert));
    let newest = newest.map(|alert| alert.id);
    newest.ok_or_else(|| format!("no open alert of {} waits for somebody", view.host))
}
