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
use crate::model::screen::Focus;

#[cfg(test)]
pub(crate) mod script;

/// The scopes that hold now, the innermost first.
pub fn scopes(model: &Model) -> &'static [Scope] {
    let is_shown = |tab| model.host.as_ref().is_some_and(|host| host.tab == tab);
    let (is_charts, is_alerts) = (is_shown(Tab::Charts), is_shown(Tab::Alerts));
    match model.screen.focus() {
        Focus::Fleet => &[Scope::Fleet, Scope::List, Scope::Panes, Scope::Everywhere],
        Focus::Feed => &[Scope::Alerts, Scope::List, Scope::Panes, Scope::Everywhere],
        Focus::Alerts => &[Scope::Alerts, Scope::List, Scope::Everywhere],
        Focus::Host if is_charts => &[Scope::Charts, Scope::Host, Scope::List, Scope::Everywhere],
        Focus::Host if is_alerts => {
            &[Scope::HostAlerts, Scope::Host, Scope::List, Scope::Everywhere]
        }
        Focus::Host => &[Scope::Host, Scope::List, Scope::Everywhere],
    }
}
