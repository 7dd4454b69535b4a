//! What is on the screen: its size, the views one above the other, the pane that has the keys.

use systole_common::time::Mono;

use super::prompt::Typed;
use crate::limits::VIEWS_UNDER_MAX;

/// Cells of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Cells in a line.
    pub width: u16,
    /// Lines.
    pub height: u16,
}

/// A view that fills the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// All hosts, and the newest alerts.
    Fleet,
    /// All open alerts and those that ended just now.
    Alerts,
    /// What was said in one place.
    Chat,
    /// Offered and received files.
    Files,
    /// The host that is open.
    Host,
}

/// The part of the fleet view that has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// The view's own list.
    Main,
    /// The alert feed.
    Feed,
    /// What was said last, anywhere.
    Chat,
    /// The offer that waits.
    Offers,
}

impl Pane {
    /// All, in the order in which a key goes through them.
    pub const ALL: [Self; 4] = [Self::Main, Self::Feed, Self::Chat, Self::Offers];
}

/// What the keys of a list act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// The fleet table.
    Fleet,
    /// The alert feed in the fleet view.
    Feed,
    /// The alerts view.
    Alerts,
    /// A chat: the view, or the pane of the fleet view.
    Chat,
    /// Files: the view, or the pane of the fleet view.
    Files,
    /// The open host.
    Host,
}

/// What lies over the view and takes all keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Popup {
    /// Every key and command; typing narrows it, Enter runs what the cursor is on.
    Help {
        /// What was typed.
        typed: String,
        /// Which line of those that are left.
        cursor: usize,
    },
    /// Who is attached.
    Who,
    /// A message by its number: who has it.
    Message {
        /// The message.
        number: u64,
        /// First line that is shown.
        offset: usize,
    },
    /// A file by its number: all that is known of it.
    File {
        /// The file.
        id: u64,
        /// First line that is shown.
        offset: usize,
    },
}

impl Popup {
    /// The whole help.
    pub fn help() -> Self {
        Self::Help { typed: String::new(), cursor: 0 }
    }
}

/// What is shown where.
#[derive(Debug, Clone, PartialEq)]
pub struct Screen {
    /// The terminal's size.
    pub size: Size,
    /// The view on top.
    pub view: View,
    /// Those under it, the newest last; at most [`crate::limits::VIEWS_UNDER_MAX`].
    pub under: Vec<View>,
    /// Which part of the fleet view has the keys.
    pub pane: Pane,
    /// What lies over it.
    pub popup: Option<Popup>,
    /// `q` was pressed at the top; a second time leaves until then.
    pub leaving_until: Option<Mono>,
    /// Lines typed before, and what is half done in the one that is open.
    pub typed: Typed,
}

impl Screen {
    /// The fleet, as big as `size`.
    pub fn new(size: Size) -> Self {
        Self {
            size,
            view: View::Fleet,
            under: Vec::new(),
            pane: Pane::Main,
            popup: None,
            leaving_until: None,
            typed: Typed::default(),
        }
    }

    /// What the keys of a list act on.
    pub fn focus(&self) -> Focus {
        match (self.view, self.pane) {
            (View::Fleet, Pane::Main) => Focus::Fleet,
            (View::Fleet, Pane::Feed) => Focus::Feed,
            (View::Fleet, Pane::Chat) | (View::Chat, _) => Focus::Chat,
            (View::Fleet, Pane::Offers) | (View::Files, _) => Focus::Files,
            (View::Alerts, _) => Focus::Alerts,
            (View::Host, _) => Focus::Host,
        }
    }

    /// Puts `view` on top; the one that was there can be gone back to. The fleet is under everything.
    pub fn show(&mut self, view: View) {
        self.pane = Pane::Main;
        if view == self.view {
            return;
        }
        self.under.retain(|under| *under != view);
        match view {
            View::Fleet => self.under.clear(),
            View::Alerts | View::Chat | View::Files | View::Host => self.under.push(self.view),
        }
        self.view = view;
        let surplus = self.under.len().saturating_sub(VIEWS_UNDER_MAX);
        self.under.drain(..surplus);
    }

    /// Goes back to the view under the one on top; `false` if there is none.
    pub fn back(&mut self) -> bool {
        let under = self.under.pop();
        if let Some(view) = under {
            self.view = view;
            self.pane = Pane::Main;
        }
        under.is_some()
    }

    /// Whether a host is open, on top or under it.
    pub fn has_host(&self) -> bool {
        self.view == View::Host || self.under.contains(&View::Host)
    }
}
