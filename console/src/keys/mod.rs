//! Keys and commands and what they mean: one table of keys ([`table`]) and one of commands
//! ([`commands`]) feed handling, the hint line, completion and the help ([`help`]).
//!
//! Tables and questions about them; nothing here changes a model.

pub mod commands;
pub mod help;
pub mod press;
pub mod table;

pub use press::{KeyCode, KeyPress};

use self::table::Scope;
use crate::model::Model;
use crate::model::host_view::Tab;
use crate::model::screen::{Focus, View};

#[cfg(test)]
pub(crate) mod script;

/// The scopes that hold now, the innermost first.
pub fn scopes(model: &Model) -> &'static [Scope] {
    let tab = model.host.as_ref().map(|host| host.tab);
    let is_fleet = model.screen.view == View::Fleet;
    match model.screen.focus() {
        Focus::Fleet => &[Scope::Fleet, Scope::List, Scope::Panes, Scope::Everywhere],
        Focus::Feed => &[Scope::Alerts, Scope::List, Scope::Panes, Scope::Everywhere],
        Focus::Alerts => &[Scope::Alerts, Scope::List, Scope::Everywhere],
        Focus::Chat if is_fleet => &[Scope::Chat, Scope::List, Scope::Panes, Scope::Everywhere],
        Focus::Chat => &[Scope::Chat, Scope::Places, Scope::List, Scope::Everywhere],
        Focus::Files if is_fleet => &[Scope::Files, Scope::List, Scope::Panes, Scope::Everywhere],
        Focus::Files => &[Scope::Files, Scope::List, Scope::Everywhere],
        Focus::Host if tab == Some(Tab::Charts) => {
            &[Scope::Charts, Scope::Host, Scope::List, Scope::Everywhere]
        }
        Focus::Host if tab == Some(Tab::Chat) => {
            &[Scope::Chat, Scope::Host, Scope::List, Scope::Everywhere]
        }
        Focus::Host if tab == Some(Tab::Files) => {
            &[Scope::Files, Scope::Host, Scope::List, Scope::Everywhere]
        }
        Focus::Host if tab == Some(Tab::Alerts) => {
            &[Scope::HostAlerts, Scope::Host, Scope::List, Scope::Everywhere]
        }
        Focus::Host => &[Scope::Host, Scope::List, Scope::Everywhere],
    }
}
