//! The one table of keys: where a key holds, what it asks for, and the words that say so.

use super::press::{KeyCode, KeyPress};
use crate::action::Action;

/// Where a key holds. The innermost scope that has the key wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// In every view.
    Everywhere,
    /// In everything that is longer than the screen.
    List,
    /// In the fleet view, which has two panes.
    Panes,
    /// In the fleet table.
    Fleet,
    /// In a list of alerts.
    Alerts,
    /// In the detail of a host.
    Host,
    /// On the charts of a host.
    Charts,
    /// On the alerts of a host.
    HostAlerts,
}

impl Scope {
    /// Its heading in the help.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "everywhere",
            Self::List => "lists",
            Self::Panes => "fleet view",
            Self::Fleet => "fleet",
            Self::Alerts => "alerts",
            Self::Host => "host",
            Self::Charts => "charts",
            Self::HostAlerts => "its alerts",
        }
    }

    /// The keys that lead there.
    pub const fn way(self) -> &'static str {
        match self {
            Self::Everywhere => "Esc",
            Self::List | Self::Panes | Self::Fleet => "1",
            Self::Alerts => "2 or !",
            Self::Host => "Enter on a host",
            Self::Charts => "Enter on a host, then Right to CHARTS",
            Self::HostAlerts => "Enter on a host, then Right to ALERTS",
        }
    }

    /// The same in few cells.
    pub const fn short_way(self) -> &'static str {
        match self {
            Self::Everywhere => "Esc",
            Self::List | Self::Panes | Self::Fleet => "1",
            Self::Alerts => "2 !",
            Self::Host | Self::Charts | Self::HostAlerts => "Enter",
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// Where it holds.
    pub scope: Scope,
    /// The keys; the first one is shown.
    pub keys: &'static [KeyPress],
    /// What they ask for.
    pub action: Action,
    /// One or two words for the hint line; empty: not there.
    pub hint: &'static str,
    /// A line for the help.
    pub help: &'static str,
}

const fn c(c: char) -> KeyPress {
    KeyPress::plain(KeyCode::Char(c))
}

const fn k(code: KeyCode) -> KeyPress {
    KeyPress::plain(code)
}

const fn ctrl(c: char) -> KeyPress {
    KeyPress::ctrl(c)
}

const fn bind(
    scope: Scope,
    keys: &'static [KeyPress],
    action: Action,
    hint: &'static str,
    help: &'static str,
) -> Binding {
    Binding { scope, keys, action, hint, help }
}

const OPEN: &[KeyPress] = &[k(KeyCode::Enter), c('o')];
const NEXT_TAB: &[KeyPress] = &[k(KeyCode::Right), c('l'), k(KeyCode::Tab)];
const PREVIOUS_TAB: &[KeyPress] = &[k(KeyCode::Left), c('h'), k(KeyCode::BackTab)];

/// Every key, in the order of the hint line and the help.
pub static TABLE: &[Binding] = &[
    bind(Scope::Alerts, &[c('a')], Action::Ack, "ack", "say that the alert is yours, for 8 h"),
    bind(Scope::Alerts, &[c('e')], Action::AckWithNote, "ack+note", "the same, with a note"),
    bind(Scope::Alerts, &[c('r')], Action::Resolve, "resolve", "end the incident, with a reason"),
    bind(Scope::Alerts, OPEN, Action::Open, "open", "open the alert's host"),
    bind(Scope::Alerts, &[c('/')], Action::Filter, "filter", "filter the alerts"),
    bind(
        Scope::HostAlerts,
        &[c('r')],
        Action::Resolve,
        "resolve",
        "end the incident, with a reason",
    ),
    bind(Scope::Charts, &[c('-')], Action::ZoomOut, "zoom out", "zoom out: a longer range"),
    bind(Scope::Charts, &[c('+')], Action::ZoomIn, "zoom in", "zoom in: a shorter range"),
    bind(Scope::Charts, &[c('[')], Action::Earlier, "cursor", "the cursor back: time and values"),
    bind(Scope::Charts, &[c(']')], Action::Later, "", "the cursor on"),
    bind(Scope::Charts, &[c('0')], Action::ChartNow, "", "the cursor away, the newest values"),
    bind(Scope::Charts, &[c('=')], Action::Scale, "", "scale of its own, or 0 to 100"),
    bind(Scope::Host, &[c('a')], Action::Ack, "ack", "its newest alert nobody has is yours"),
    bind(Scope::Host, &[c('e')], Action::AckWithNote, "ack+note", "the same, with a note"),
    bind(Scope::Host, NEXT_TAB, Action::NextTab, "tabs", "the next tab"),
    bind(Scope::Host, PREVIOUS_TAB, Action::PreviousTab, "", "the tab before"),
    bind(Scope::Fleet, OPEN, Action::Open, "open", "open the host"),
    bind(Scope::Fleet, &[c('/')], Action::Filter, "filter", "filter the hosts"),
    bind(Scope::Fleet, &[c('s')], Action::Sort, "sort", "the next order: worst, name, beat, ..."),
    bind(Scope::Fleet, &[c('S')], Action::Reverse, "", "turn the order around"),
    bind(Scope::Fleet, &[c('f')], Action::Hold, "hold", "hold the order still, or let it go"),
    bind(Scope::Panes, &[k(KeyCode::Tab)], Action::NextPane, "pane", "the next pane"),
    bind(Scope::Panes, &[k(KeyCode::BackTab)], Action::PreviousPane, "", "the pane before"),
    bind(Scope::Everywhere, &[c(':')], Action::Command, "command", "a command by its name"),
    bind(Scope::Everywhere, &[c(' ')], Action::Freeze, "freeze", "freeze the values, or go on"),
    bind(Scope::Everywhere, &[c('!')], Action::NewestUnacked, "", "the newest alert nobody has"),
    bind(Scope::Everywhere, &[c('u')], Action::Undo, "", "take your last ack back, for 10 s"),
    bind(Scope::Everywhere, &[c('1')], Action::OpenFleet, "", "the fleet"),
    bind(Scope::Everywhere, &[c('2')], Action::OpenAlerts, "", "the alerts"),
    bind(Scope::Everywhere, &[c('w')], Action::Who, "", "who else is attached"),
    bind(Scope::List, &[k(KeyCode::Down), c('j')], Action::Down, "", "down"),
    bind(Scope::List, &[k(KeyCode::Up), c('k')], Action::Up, "", "up"),
    bind(Scope::List, &[k(KeyCode::PageDown)], Action::PageDown, "", "a page down"),
    bind(Scope::List, &[k(KeyCode::PageUp)], Action::PageUp, "", "a page up"),
    bind(Scope::List, &[ctrl('d')], Action::HalfDown, "", "half a page down"),
    bind(Scope::List, &[ctrl('u')], Action::HalfUp, "", "half a page up"),
    bind(Scope::List, &[k(KeyCode::Home), c('g')], Action::First, "", "to the top"),
    bind(Scope::List, &[k(KeyCode::End), c('G')], Action::Last, "", "to the end"),
    bind(
        Scope::Everywhere,
        &[c('?'), k(KeyCode::F(1))],
        Action::Help,
        "keys",
        "all keys; runs one",
    ),
    bind(Scope::Everywhere, &[c('q')], Action::Back, "back", "one step back; from the top: leave"),
    bind(Scope::Everywhere, &[k(KeyCode::Esc)], Action::Cancel, "", "one step back, never leaves"),
    bind(
        Scope::Everywhere,
        &[ctrl('c')],
        Action::Interrupt,
        "",
        "cancel; nothing to cancel: leave",
    ),
    bind(Scope::Everywhere, &[ctrl('l')], Action::Redraw, "", "paint the screen anew"),
    bind(Scope::Everywhere, &[ctrl('z')], Action::Suspend, "", "stop for a while; fg returns"),
];

/// What `key` asks for, if these scopes hold, the innermost first.
pub fn action(scopes: &[Scope], key: KeyPress) -> Option<Action> {
    let within = |scope: &Scope| {
        let holds = |binding: &&Binding| binding.scope == *scope && binding.keys.contains(&key);
        TABLE.iter().find(holds).map(|binding| binding.action)
    };
    scopes.iter().find_map(within)
}

/// Where `key` holds if not in these scopes: its first line of the table.
pub fn elsewhere(scopes: &[Scope], key: KeyPress) -> Option<&'static Binding> {
    let is_other =
        |binding: &&Binding| binding.keys.contains(&key) && !scopes.contains(&binding.scope);
    TABLE.iter().find(is_other)
}

/// The bindings of these scopes, in the order of the table.
pub fn bindings(scopes: &[Scope]) -> impl Iterator<Item = &'static Binding> {
    TABLE.iter().filter(|binding| scopes.contains(&binding.scope))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_key_means_two_things_in_one_scope() {
        let mut seen = BTreeSet::new();
        for binding in TABLE {
            for key in binding.keys {
                assert!(seen.insert((binding.scope, *key)), "{key} in {:?}", binding.scope);
            }
        }
    }

    #[test]
    fn keys_that_terminals_and_multiplexers_need_are_left_alone() {
        let taken = ['a', 'b', 'g', 'p', 't', 'n', 'o', 's', 'q'].map(KeyPress::ctrl);
        for binding in TABLE {
            assert!(!binding.keys.iter().any(|key| taken.contains(key)), "{binding:?}");
        }
    }
}
