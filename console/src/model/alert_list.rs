//! The alert feed as it is looked at: filter, order, cursor. New alerts never move the cursor.

use std::collections::BTreeSet;

use systole_common::filter::Filter;
use systole_common::ids::AlertId;
use systole_common::time::Mono;

use super::host_list::scrolled;

/// The list. `order` is kept by `update`; `view` only reads it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AlertList {
    /// Shown alerts, critical first, then the newest; those that ended come last for a minute.
    pub order: Vec<AlertId>,
    /// The alert that the cursor is on since somebody moved it there; kept while it is filtered away,
    /// passed on when it leaves. `None`: the cursor is on the first row, whatever that is.
    pub cursor: Option<AlertId>,
    /// The row in which the cursor was last.
    pub row: usize,
    /// First row on the screen.
    pub offset: usize,
    /// Which alerts are shown, and the text that said so.
    pub filter: Option<(String, Filter)>,
    /// Alerts that came above the first row since somebody was there.
    pub new_above: usize,
    /// New alerts that were neither on the screen nor below it yet.
    pub unseen: BTreeSet<AlertId>,
    /// When it is to be put in order again.
    pub due: Option<Mono>,
    /// When it was last put in order.
    pub ordered_at: Option<Mono>,
    /// How often it was put in order.
    pub orderings: u64,
}

impl AlertList {
    /// The row of the cursor. While its alert is filtered away, the row in which it was; `None`: there
    /// is no row.
    pub fn cursor_row(&self) -> Option<usize> {
        let last = self.order.len().checked_sub(1)?;
        let Some(cursor) = self.cursor else {
            return Some(0);
        };
        let found = self.order.iter().position(|id| *id == cursor);
        Some(found.unwrap_or_else(|| self.row.min(last)))
    }

    /// The alert in the row of the cursor.
    pub fn selected(&self) -> Option<AlertId> {
        self.order.get(self.cursor_row()?).copied()
    }

    /// Puts the cursor on the alert in `row`, or in the last row if there are fewer.
    pub fn move_to(&mut self, row: usize) {
        let Some(last) = self.order.len().checked_sub(1) else {
            return;
        };
        self.row = row.min(last);
        self.cursor = self.order.get(self.row).copied();
    }

    /// The alerts in the rows that a screen of `rows` shows.
    pub fn visible(&self, rows: usize) -> &[AlertId] {
        let end = self.offset.saturating_add(rows).min(self.order.len());
        self.order.get(self.offset..end).unwrap_or_default()
    }

    /// Moves the screen of `rows` as little as the cursor needs to be on it, and counts what is new
    /// above it.
    pub fn scroll(&mut self, rows: usize) {
        if rows == 0 {
            return;
        }
        let cursor = self.cursor_row().unwrap_or(0);
        self.offset = scrolled(self.offset, cursor, self.order.len(), rows);
        if !self.unseen.is_empty() {
            for id in self.order.iter().skip(self.offset) {
                self.unseen.remove(id);
            }
        }
        let above = self.order.iter().take(self.offset);
        self.new_above = above.filter(|id| self.unseen.contains(id)).count();
    }
}
