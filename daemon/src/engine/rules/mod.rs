//! Threshold rules: what of a host's values is too much, for how long, and when it is over.
//!
//! The whole interface that a better engine of rules has to offer: [`Rules`] are put into the
//! settings; live samples, states of hosts, time and reloads go in, alerts come out at the desk.
//!
//! | file | what it decides |
//! |---|---|
//! | `rule`, `table`, `whom` | what a rule is, which are there by default, whom one is for |
//! | `state` | what a rule makes of one series over time |
//! | `watch`, `entry` | the rules of one host: its series, its alerts, `nodata` |
//! | `own` | the daemon's own health |

mod entry;
pub(super) mod own;
pub mod rule;
mod state;
mod table;
mod watch;
mod whom;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::alerts;
use rule::Rule;

pub use table::{default_drafts, defaults};
pub(super) use watch::{Watched, adopt, apply, asked, hear_again, look, samples};
pub use whom::check_filter;

/// The rules in force.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rules {
    on: BTreeMap<Box<str>, Arc<Rule>>,
    off: BTreeSet<Box<str>>,
}

impl Rules {
    /// These rules; `off` are the names of those that are written but switched off.
    pub fn new(
        on: impl IntoIterator<Item = Rule>,
        off: impl IntoIterator<Item = Box<str>>,
    ) -> Self {
        let named = |rule: Rule| (rule.name.clone(), Arc::new(rule));
        Self { on: on.into_iter().map(named).collect(), off: off.into_iter().collect() }
    }

    /// The rule of that name, if it is on.
    pub fn find(&self, name: &str) -> Option<&Rule> {
        self.on.get(name).map(|rule| &**rule)
    }

    /// The names of those that are on.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.on.keys().map(|name| &**name)
    }

    /// All that are on.
    fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.on.values()
    }

    /// Why there is no rule of that name.
    pub(super) fn why_gone(&self, name: &str) -> String {
        if self.off.contains(name) {
            format!("the rule {name} was switched off")
        } else {
            format!("the rule {name} no longer exists")
        }
    }
}

/// Whether `name` can be the name of a rule in the configuration.
pub fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err("a name of a-z, 0-9, `_` and `-`".to_owned());
    }
    if alerts::rule::ALL.contains(&name) {
        return Err("another name; this one belongs to a rule that is built in".to_owned());
    }
    Ok(())
}
