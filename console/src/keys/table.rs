//! The one table of keys: where a key holds, what it asks for, and the words that say so.

use super::press::{KeyCode, KeyPress};
use crate::action::{Action, FileAction, TalkAction};

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
    /// In a chat.
    Chat,
    /// In the chat view, which has one chat for each place.
    Places,
    /// In a list of files, and on the card of an offer.
    Files,
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
            Self::Chat => "chat",
            Self::Places => "chat view",
            Self::Files => "files",
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
            Self::Chat | Self::Places => "3 or @",
            Self::Files => "4",
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
            Self::Chat | Self::Places => "3 @",
            Self::Files => "4",
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
        Scope::Files,
        &[c('y')],
        Action::File(FileAction::Accept),
        "accept",
        "take the file; Enter confirms it",
    ),
    bind(
        Scope::Files,
        &[c('n')],
        Action::File(FileAction::Reject),
        "reject",
        "refuse the file; Enter confirms it",
    ),
    bind(
        Scope::Files,
        &[c('v')],
        Action::File(FileAction::Details),
        "details",
        "all that is known of the file",
    ),
    bind(
        Scope::Files,
        &[c('m')],
        Action::File(FileAction::AskSender),
        "ask sender",
        "talk to the file's host",
    ),
    bind(
        Scope::Files,
        OPEN,
        Action::File(FileAction::Confirm),
        "",
        "confirm what is armed; else the details",
    ),
    bind(Scope::Files, &[c('/')], Action::Filter, "", "where to look for a file: no filter here"),
    bind(
        Scope::Chat,
        &[c('i'), c('c')],
        Action::Talk(TalkAction::Write),
        "write",
        "write; Alt-Enter: a new line",
    ),
    bind(
        Scope::Chat,
        &[c('@')],
        Action::Talk(TalkAction::Target),
        "to",
        "what is unread; else whom to talk to",
    ),
    bind(Scope::Chat, &[c('/')], Action::Filter, "search", "show messages with these words"),
    bind(
        Scope::Chat,
        &[c('K')],
        Action::Talk(TalkAction::Older),
        "older",
        "the message before; asks for older ones",
    ),
    bind(Scope::Chat, &[c('J')], Action::Talk(TalkAction::Newer), "", "the message after"),
    bind(
        Scope::Chat,
        OPEN,
        Action::Talk(TalkAction::Message),
        "who has it",
        "who has the message, in full",
    ),
    bind(
        Scope::Chat,
        &[c('U')],
        Action::Talk(TalkAction::SetUnread),
        "",
        "set unread from this message on",
    ),
    bind(
        Scope::Places,
        NEXT_TAB,
        Action::Talk(TalkAction::NextPlace),
        "next chat",
        "the chat of the next place",
    ),
    bind(
        Scope::Places,
        PREVIOUS_TAB,
        Action::Talk(TalkAction::PreviousPlace),
        "",
        "the chat of the place before",
    ),
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
    bind(
        Scope::Host,
        &[c('i'), c('c')],
        Action::Talk(TalkAction::Write),
        "write",
        "write to the host",
    ),
    bind(Scope::Fleet, OPEN, Action::Open, "open", "open the host"),
    bind(Scope::Fleet, &[c('/')], Action::Filter, "filter", "filter the hosts"),
    bind(Scope::Fleet, &[c('s')], Action::Sort, "sort", "the next order: worst, name, beat, ..."),
    bind(Scope::Fleet, &[c('S')], Action::Reverse, "", "turn the order around"),
    bind(Scope::Fleet, &[c('c')], Action::Talk(TalkAction::Write), "", "write to the host"),
    bind(Scope::Fleet, &[c('f')], Action::Hold, "hold", "hold the order still, or let it go"),
    bind(Scope::Panes, &[k(KeyCode::Tab)], Action::NextPane, "pane", "the next pane"),
    bind(Scope::Panes, &[k(KeyCode::BackTab)], Action::PreviousPane, "", "the pane before"),
    bind(Scope::Everywhere, &[c(':')], Action::Command, "command", "a command by its name"),
    bind(Scope::Everywhere, &[c(' ')], Action::Freeze, "freeze", "freeze the values, or go on"),
    bind(Scope::Everywhere, &[c('!')], Action::NewestUnacked, "", "the newest alert nobody has"),
    bind(Scope::Everywhere, &[c('u')], Action::Undo, "", "take your last ack back, for 10 s"),
    bind(Scope::Everywhere, &[c('1')], Action::OpenFleet, "", "the fleet"),
    bind(Scope::Everywhere, &[c('2')], Action::OpenAlerts, "", "the alerts"),
    bind(Scope::Everywhere, &[c('3')], Action::OpenChat, "", "the chat"),
    bind(Scope::Everywhere, &[c('4')], Action::OpenFiles, "", "the files, on the next offer"),
    bind(
        Scope::Everywhere,
        &[c('@')],
        Action::Talk(TalkAction::NewestUnread),
        "",
        "the newest unread message",
    ),
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
