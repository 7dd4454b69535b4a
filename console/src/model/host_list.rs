//! The fleet table as it is looked at: filter, order, cursor. The cursor is on a host and not on a row.

use systole_common::filter::Filter;
use systole_common::time::{Mono, Now};

/// What the fleet is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortBy {
    /// State, then alerts, then name.
    Worst,
    /// Name.
    Name,
    /// Age of the last heartbeat.
    Beat,
    /// Processor.
    Cpu,
    /// Memory.
    Memory,
    /// Fullest file system.
    Disk,
    /// Load.
    Load,
    /// Received and sent.
    Network,
}

/// The list. `order` is kept by `update`; `view` only reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct HostList {
    /// The hosts that are shown, by name, in their order.
    pub order: Vec<String>,
    /// The host that the cursor is on since somebody moved it there; kept while it is filtered away,
    /// passed on when the host is retired. `None`: the cursor is on the first row, whoever that is.
    pub cursor: Option<String>,
    /// The row in which the cursor was last.
    pub row: usize,
    /// First row on the screen.
    pub offset: usize,
    /// What the order is by.
    pub sort: SortBy,
    /// The other way round.
    pub is_reversed: bool,
    /// The order is held: hosts keep their places, new ones come last.
    pub is_held: bool,
    /// Which hosts are shown, and the text that said so.
    pub filter: Option<(String, Filter)>,
    /// When it was last put in order for the sake of measured values.
    pub sorted_at: Mono,
    /// When it is to be put in order again, for hosts that came, went or changed their state.
    pub due: Option<Mono>,
    /// Whether measured values changed since it was put in order.
    pub has_new_values: bool,
    /// When it was last put in order for whatever reason.
    pub ordered_at: Option<Mono>,
    /// How often it was put in order.
    pub orderings: u64,
    /// When the cursor was last moved.
    pub moved_at: Option<Mono>,
}

impl SortBy {
    /// All, in the order in which a key goes through them.
    pub const ALL: [Self; 8] = [
        Self::Worst,
        Self::Name,
        Self::Beat,
        Self::Cpu,
        Self::Memory,
        Self::Disk,
        Self::Load,
        Self::Network,
    ];

    /// Its name, on the screen and in `:sort`.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Worst => "worst",
            Self::Name => "name",
            Self::Beat => "beat",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Load => "load",
            Self::Network => "network",
        }
    }

    /// Whether it is by values that change all the time.
    pub const fn is_measured(self) -> bool {
        match self {
            Self::Worst | Self::Name => false,
            Self::Beat | Self::Cpu | Self::Memory | Self::Disk | Self::Load | Self::Network => true,
        }
    }
}

impl HostList {
    /// Nothing in it yet.
    pub fn new(now: Now, filter: Option<(String, Filter)>) -> Self {
        Self {
            order: Vec::new(),
            cursor: None,
            row: 0,
            offset: 0,
            sort: SortBy::Worst,
            is_reversed: false,
            is_held: false,
            filter,
            sorted_at: now.mono,
            due: None,
            has_new_values: false,
            ordered_at: None,
            orderings: 0,
            moved_at: None,
        }
    }

    /// The row of the cursor. While its host is filtered away, the row in which it was; `None`: there
    /// is no row.
    pub fn cursor_row(&self) -> Option<usize> {
        let last = self.order.len().checked_sub(1)?;
        let Some(cursor) = &self.cursor else {
            return Some(0);
        };
        if self.order.get(self.row) == Some(cursor) {
            return Some(self.row);
        }
        let found = self.order.iter().position(|name| name == cursor);
        Some(found.unwrap_or_else(|| self.row.min(last)))
    }

    /// The host in the row of the cursor.
    pub fn selected(&self) -> Option<&str> {
        self.order.get(self.cursor_row()?).map(String::as_str)
    }

    /// Puts the cursor on the host in `row`, or in the last row if there are fewer.
    pub fn move_to(&mut self, row: usize, now: Mono) {
        let Some(last) = self.order.len().checked_sub(1) else {
            return;
        };
        self.row = row.min(last);
        self.cursor = self.order.get(self.row).cloned();
        self.moved_at = Some(now);
    }

    /// The hosts in the rows that a screen of `rows` shows.
    pub fn visible(&self, rows: usize) -> &[String] {
        let end = self.offset.saturating_add(rows).min(self.order.len());
        self.order.get(self.offset..end).unwrap_or_default()
    }

    /// Moves the screen of `rows` as little as the cursor needs to be on it.
    pub fn scroll(&mut self, rows: usize) {
        if rows == 0 {
            return;
        }
        let cursor = self.cursor_row().unwrap_or(0);
        self.offset = scrolled(self.offset, cursor, self.order.len(), rows);
    }
}

/// The first row of a screen of `rows`, moved from `offset` as little as `cursor` needs to be on it; no
/// row is left empty while there are others.
pub fn scrolled(offset: usize, cursor: usize, len: usize, rows: usize) -> usize {
    let rows = rows.max(1);
    let lowest = (cursor + 1).saturating_sub(rows);
    offset.clamp(lowest, cursor.max(lowest)).min(len.saturating_sub(rows))
}
