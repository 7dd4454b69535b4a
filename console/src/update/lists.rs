//! Moving in lists: the cursor goes, the rows on the screen follow it. Also which filter a list has.

use systole_common::filter::Filter;
use systole_common::ids::AlertId;
use systole_common::time::Now;

use super::{files, host_scroll, order, talk};
use crate::cmd::Cmd;
use crate::model::Model;
use crate::model::screen::{Focus, Pane, View};
use crate::view::layout::Layout;

/// A way to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// One line down.
    Down,
    /// One line up.
    Up,
    /// A screenful down.
    PageDown,
    /// A screenful up.
    PageUp,
    /// Half of it down.
    HalfDown,
    /// Half of it up.
    HalfUp,
    /// To the first line.
    First,
    /// To the last line.
    Last,
}

impl Move {
    /// Where it leads from `at` among `len` lines, of which `rows` are on the screen.
    pub fn from(self, at: usize, rows: usize, len: usize) -> usize {
        let rows = rows.max(1);
        let half = rows.div_ceil(2);
        let to = match self {
            Self::Down => at.saturating_add(1),
            Self::Up => at.saturating_sub(1),
            Self::PageDown => at.saturating_add(rows),
            Self::PageUp => at.saturating_sub(rows),
            Self::HalfDown => at.saturating_add(half),
            Self::HalfUp => at.saturating_sub(half),
            Self::First => 0,
            Self::Last => usize::MAX,
        };
        to.min(len.saturating_sub(1))
    }
}

/// Moves in what has the keys.
pub fn go(model: &mut Model, now: Now, way: Move) -> Vec<Cmd> {
    match model.screen.focus() {
        Focus::Fleet => {
            let rows = Layout::of(model).main_rows();
            let list = &mut model.list;
            let at = list.cursor_row().unwrap_or(0);
            list.move_to(way.from(at, rows, list.order.len()), now.mono);
            list.scroll(rows);
        }
        Focus::Feed | Focus::Alerts => {
            let rows = alert_rows(model);
            let feed = &mut model.feed;
            let at = feed.cursor_row().unwrap_or(0);
            feed.move_to(way.from(at, rows, feed.order.len()));
            feed.scroll(rows);
        }
        Focus::Chat => return talk::go(model, now, way),
        Focus::Files => files::go(model, way),
        Focus::Host => return host_scroll::scroll(model, now, way),
    }
    Vec::new()
}

/// Moves the rows on the screen so that the cursors can be seen and no row is left empty. To be called
/// when the size, the view or an order changed.
pub fn reveal(model: &mut Model) {
    let layout = Layout::of(model);
    if model.screen.view == View::Fleet && !layout.has(model.screen.pane) {
        model.screen.pane = Pane::Main;
    }
    if model.screen.view == View::Fleet {
        model.list.scroll(layout.main_rows());
    }
    let rows = alert_rows(model);
    if rows > 0 {
        model.feed.scroll(rows);
    }
    host_scroll::keep_inside(model);
}

/// Rows of the alerts, wherever they are shown; 0 where they are not.
fn alert_rows(model: &Model) -> usize {
    let layout = Layout::of(model);
    match model.screen.view {
        View::Alerts => layout.main_rows(),
        View::Fleet => layout.feed_rows(),
        View::Chat | View::Files | View::Host => 0,
    }
}

/// The host under the cursor.
pub fn host(model: &Model) -> Result<String, String> {
    let selected = model.list.selected().map(str::to_owned);
    selected.ok_or_else(|| "no host is under the cursor".to_owned())
}

/// The alert under the cursor.
pub fn alert(model: &Model) -> Result<AlertId, String> {
    if model.screen.focus() == Focus::Host {
        return host_scroll::alert(model);
    }
    model.feed.selected().ok_or_else(|| "no alert is under the cursor".to_owned())
}

/// The filter of the list that has the keys.
pub fn filter_text(model: &Model) -> Option<&str> {
    let filter = match model.screen.focus() {
        Focus::Fleet => &model.list.filter,
        Focus::Feed | Focus::Alerts => &model.feed.filter,
        Focus::Chat => return model.talk.search.as_deref(),
        Focus::Files | Focus::Host => return None,
    };
    filter.as_ref().map(|(text, _)| text.as_str())
}

/// Filters the list that has the keys.
pub fn set_filter(model: &mut Model, now: Now, filter: Option<(String, Filter)>) {
    let filter = filter.filter(|(_, filter)| !filter.is_empty());
    match model.screen.focus() {
        Focus::Fleet => {
            model.list.filter = filter;
            order::refresh(model, now);
        }
        Focus::Feed | Focus::Alerts => {
            model.feed.filter = filter;
            order::refresh_alerts(model, now);
        }
        Focus::Chat => talk::search(model, None),
        Focus::Files | Focus::Host => {}
    }
    reveal(model);
}
