//! Where the parts of the screen are, by its size. Shared by drawing and by scrolling.

use ratatui::layout::Rect;

use super::files::{CARD_ROWS, CARD_ROWS_MIN};
use crate::model::Model;
use crate::model::screen::{Pane, Size, View};

/// From this width on the alert feed stands beside the fleet.
pub const MEDIUM_WIDTH_MIN: u16 = 110;
/// Below this the fleet is counts and a list of the worst.
pub const SMALL: Size = Size { width: 80, height: 24 };
/// Below this it is one line.
pub const TINY: Size = Size { width: 40, height: 10 };

/// The fleet beside the feed takes three fifths, and at least this.
const FLEET_WIDTH_MIN: u16 = 78;
/// A heading and a whole card.
const OFFERS_HEIGHT: u16 = 1 + CARD_ROWS;
/// Between fleet and feed.
const GAP: u16 = 2;
/// From this width on an alert in a feed beside the fleet takes one line; below it two.
const ALERT_LINE_WIDTH_MIN: u16 = 90;
/// So many hosts are not covered by a chart.
const HOSTS_BEFORE_CHART: u16 = 20;
/// Rows of the chart below the fleet, with its heading: the fewest and the most.
const CHART_HEIGHT: (u16, u16) = (5, 10);
/// Rows that a long notice leaves any view.
const VIEW_ROWS_MIN: u16 = 4;
/// From this height on a small screen has a line for views and filter.
const TABS_HEIGHT_MIN: u16 = 12;

/// The parts. What does not fit has no height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layout {
    /// Link, counts, clock.
    pub status: Rect,
    /// Views and filter.
    pub tabs: Rect,
    /// The view's own list, with its heading.
    pub main: Rect,
    /// The chart of the host under the cursor, below the fleet where rows are left.
    pub chart: Rect,
    /// The alert feed beside or below the fleet, with its heading; empty in other views.
    pub feed: Rect,
    /// What was said last, below the feed beside the fleet; empty elsewhere.
    pub chat: Rect,
    /// The offer that waits, below that; empty elsewhere.
    pub offers: Rect,
    /// What waits for a human, or the last word about what somebody did; several lines if it is long.
    pub waiting: Rect,
    /// Keys, or the line in which something is typed.
    pub hints: Rect,
}

impl Layout {
    /// The parts of `model`'s screen.
    pub fn of(model: &Model) -> Self {
        let Size { width, height } = model.screen.size;
        let line = |y| Rect::new(0, y, width, 1);
        if width == 0 || height == 0 {
            return Self::default();
        }
        if width < TINY.width || height < TINY.height {
            return match &model.prompt {
                Some(_) => Self { hints: line(0), ..Self::default() },
                None => Self { status: line(0), ..Self::default() },
            };
        }
        let is_small = width < SMALL.width || height < SMALL.height;
        let tabs_height = u16::from(!is_small || height >= TABS_HEIGHT_MIN);
        let room = height - 2 - tabs_height;
        let waiting = super::waiting::rows(model, width);
        let waiting = waiting.min(room.saturating_sub(least_rows(model))).max(1);
        let body = Rect::new(0, 1 + tabs_height, width, room - waiting);
        let (main, feed) = match model.screen.view {
            View::Fleet if height < SMALL.height => (body, Rect::default()),
            View::Fleet if width >= MEDIUM_WIDTH_MIN => beside(body),
            View::Fleet => below(body),
            View::Alerts | View::Chat | View::Files | View::Host => (body, Rect::default()),
        };
        let (main, chart) = with_chart(main, feed, model.list.order.len());
        let is_beside = feed.x > main.x;
        let (feed, chat, offers) =
            if is_beside { column(feed) } else { (feed, Rect::default(), Rect::default()) };
        Self {
            status: line(0),
            tabs: Rect { height: tabs_height, ..line(1) },
            main,
            chart,
            feed,
            chat,
            offers,
            waiting: Rect { height: waiting, ..line(height - 1 - waiting) },
            hints: line(height - 1),
        }
    }

    /// Whether a pane of the fleet view is on the screen.
    pub fn has(&self, pane: Pane) -> bool {
        match pane {
            Pane::Main => true,
            Pane::Feed => self.feed_rows() > 0,
            Pane::Chat => self.chat.height > 1,
            Pane::Offers => self.offers.height > 1,
        }
    }

    /// Rows of the view's own list, without its heading.
    pub fn main_rows(&self) -> usize {
        usize::from(self.main.height.saturating_sub(1))
    }

    /// Rows of the alert feed, without its heading.
    pub fn feed_rows(&self) -> usize {
        usize::from(self.feed.height.saturating_sub(1) / self.alert_height())
    }

    /// Lines of one alert in the feed.
    pub fn alert_height(&self) -> u16 {
        let is_narrow = self.feed.x > 0 && self.feed.width < ALERT_LINE_WIDTH_MIN;
        if is_narrow { 2 } else { 1 }
    }
}

/// Rows that a long notice leaves the view: a card stays whole enough to decide by.
fn least_rows(model: &Model) -> u16 {
    match model.screen.view {
        View::Files => CARD_ROWS_MIN,
        View::Host => 1 + CARD_ROWS_MIN,
        View::Fleet | View::Alerts | View::Chat => VIEW_ROWS_MIN,
    }
}

/// The fleet to the left, the feed to the right.
fn beside(body: Rect) -> (Rect, Rect) {
    let left = (body.width / 5 * 3).max(FLEET_WIDTH_MIN);
    let right = body.width - left - GAP;
    let feed = Rect { x: left + GAP, width: right, ..body };
    (Rect { width: left, ..body }, feed)
}

/// What stands beside the fleet: the feed, below it what was said last, below that the offer that waits.
fn column(area: Rect) -> (Rect, Rect, Rect) {
    let chat_height = area.height.saturating_sub(OFFERS_HEIGHT) / 5 * 2;
    let feed_height = area.height.saturating_sub(OFFERS_HEIGHT + chat_height);
    let feed = Rect { height: feed_height, ..area };
    let chat = Rect { y: feed.bottom(), height: chat_height, ..area };
    let offers = Rect { y: chat.bottom(), height: area.bottom() - chat.bottom(), ..area };
    (feed, chat, offers)
}

/// The fleet, and below it a chart in rows that no host needs; nothing where the feed is below.
fn with_chart(main: Rect, feed: Rect, hosts: usize) -> (Rect, Rect) {
    let needed = u16::try_from(hosts).unwrap_or(u16::MAX).min(HOSTS_BEFORE_CHART);
    let height = main.height.saturating_sub(1 + needed).min(CHART_HEIGHT.1);
    if feed.x == 0 || hosts == 0 || height < CHART_HEIGHT.0 {
        return (main, Rect::default());
    }
    let main = Rect { height: main.height - height, ..main };
    (main, Rect { y: main.bottom(), height, ..main })
}

/// The fleet above, the feed below: about a third.
fn below(body: Rect) -> (Rect, Rect) {
    let feed_height = body.height / 3;
    let main = Rect { height: body.height - feed_height, ..body };
    (main, Rect { y: main.bottom(), height: feed_height, ..body })
}
