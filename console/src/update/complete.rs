//! How the word before the cursor can go on: commands, hosts, numbers of alerts, fields of filters.

use std::collections::BTreeSet;

use super::filters;
use crate::keys::commands::{Command, Verb, find, names};
use crate::limits::COMPLETIONS_MAX;
use crate::model::Model;
use crate::model::host_list::SortBy;
use crate::model::prompt::PromptKind;
use crate::model::screen::Focus;
use crate::model::subject::{ALERT_FIELDS, HOST_FIELDS};

/// How the word before the cursor can go on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Completion<'a> {
    /// What there is of it.
    pub begun: &'a str,
    /// Whole words, in their order.
    pub words: Vec<String>,
    /// A space follows the word.
    pub has_space: bool,
}

impl<'a> Completion<'a> {
    fn of(begun: &'a str, known: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self { begun, words: starting(begun, known), has_space: true }
    }
}

/// How the word that ends `before` can go on.
pub(super) fn complete<'a>(model: &Model, kind: &PromptKind, before: &'a str) -> Completion<'a> {
    match kind {
        PromptKind::Filter { .. } => {
            let is_alerts = match model.screen.focus() {
                Focus::Fleet => false,
                Focus::Feed | Focus::Alerts | Focus::Host => true,
            };
            fields(model, is_alerts, before)
        }
        PromptKind::Command => command(model, before),
        PromptKind::AckNote(_) | PromptKind::ResolveNote(_) => Completion::default(),
    }
}

fn command<'a>(model: &Model, before: &'a str) -> Completion<'a> {
    let Some((name, rest)) = before.trim_start().split_once(' ') else {
        let begun = before.trim_start();
        return Completion::of(begun, names());
    };
    let Some(command) = find(name) else {
        return Completion::default();
    };
    arguments(model, command, rest.trim_start())
}

fn arguments<'a>(model: &Model, command: &Command, rest: &'a str) -> Completion<'a> {
    let focus = model.screen.focus();
    match command.verb {
        Verb::Host | Verb::Retire => {
            Completion::of(rest, model.fleet.rows().map(|row| row.summary.host.as_str()))
        }
        Verb::Ack | Verb::Unack | Verb::Resolve => {
            Completion::of(rest, model.alerts.open().map(|alert| alert.id.0.to_string()))
        }
        Verb::Fleet => fields(model, false, rest),
        Verb::Alerts => fields(model, true, rest),
        Verb::Filter => fields(model, focus != Focus::Fleet, rest),
        Verb::Sort => Completion::of(rest, SortBy::ALL.map(SortBy::title)),
        Verb::Theme => Completion::of(rest, model.manners.themes.iter().copied()),
        Verb::Symbols => Completion::of(rest, model.manners.symbols.iter().copied()),
        Verb::Bell => Completion::of(rest, ["on", "off"]),
        Verb::Do(_) | Verb::Connect => Completion::default(),
    }
}

/// Fields, and for hosts the labels that there are.
fn fields<'a>(model: &Model, is_alerts: bool, before: &'a str) -> Completion<'a> {
    let is_joint = |c: char| c.is_whitespace() || "()!=<>\"".contains(c);
    let begun = before.rsplit(is_joint).next().unwrap_or_default();
    let is_value = before.strip_suffix(begun).is_some_and(|left| left.ends_with(['=', '<', '>']));
    if begun.is_empty() || is_value {
        return Completion::default();
    }
    let labels = if is_alerts { BTreeSet::new() } else { filters::labels(model) };
    let known = if is_alerts { ALERT_FIELDS } else { HOST_FIELDS };
    let names = known.iter().copied().chain(labels.iter().map(String::as_str));
    // What is asked of the field follows at once.
    Completion { has_space: false, ..Completion::of(begun, names) }
}

fn starting(begun: &str, known: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
    let goes_on = |name: &str| name.starts_with(begun) && name.len() > begun.len();
    let names = known.into_iter().filter(|name| goes_on(name.as_ref()));
    names.take(COMPLETIONS_MAX).map(|name| name.as_ref().to_owned()).collect()
}

/// What all of them begin with.
pub(super) fn common_start(words: &[String]) -> String {
    let Some((first, others)) = words.split_first() else {
        return String::new();
    };
    let is_common = |(at, c): (usize, char)| {
        others.iter().all(|word| word.get(at..).is_some_and(|rest| rest.starts_with(c)))
    };
    let end = first.char_indices().find(|pair| !is_common(*pair)).map_or(first.len(), |(at, _)| at);
    first.get(..end).unwrap_or_default().to_owned()
}
