//! How the word before the cursor can go on: commands, hosts, numbers of alerts, fields of filters.

use std::collections::BTreeSet;

use super::filters;
use crate::keys::commands::{Command, TalkVerb, Verb, find, names};
use crate::model::Model;
use crate::model::host_list::SortBy;
use crate::model::prompt::PromptKind;
use crate::model::screen::Focus;
use crate::model::subject::{ALERT_FIELDS, HOST_FIELDS};
use crate::model::talk::{ALL, OPS, place_of};

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
                Focus::Feed | Focus::Alerts | Focus::Chat | Focus::Files | Focus::Host => true,
            };
            fields(model, is_alerts, before)
        }
        PromptKind::Command => command(model, before),
        PromptKind::Target => Completion { has_space: false, ..target(model, before) },
        PromptKind::Say(_) => mention(model, before),
        PromptKind::AckNote(_)
        | PromptKind::ResolveNote(_)
        | PromptKind::Search { .. }
        | PromptKind::RejectWhy(_) => Completion::default(),
    }
}

/// A place to write to; within braces the fields of a filter.
fn target<'a>(model: &Model, before: &'a str) -> Completion<'a> {
    if let Some(filter) = before.strip_prefix('{') {
        return fields(model, false, filter);
    }
    let hosts = model.fleet.rows().map(|row| place_of(&row.summary.host));
    let known = [ALL, OPS].into_iter().map(str::to_owned);
    Completion::of(before, known.chain(hosts))
}

/// A host that is named in a message.
fn mention<'a>(model: &Model, before: &'a str) -> Completion<'a> {
    let begun = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    if begun.starts_with('@') { target(model, begun) } else { Completion::default() }
}

/// Files that wait for a decision.
fn offers<'a>(model: &Model, rest: &'a str) -> Completion<'a> {
    let waiting = model.files.listed(None).into_iter().filter(|known| known.is_waiting());
    Completion::of(rest, waiting.map(|known| known.record.id.to_string()))
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
        Verb::Talk(TalkVerb::Chat | TalkVerb::Say) => target(model, rest),
        Verb::Talk(TalkVerb::Accept | TalkVerb::Reject) => offers(model, rest),
        Verb::Do(_) | Verb::Connect | Verb::Talk(TalkVerb::Files) => Completion::default(),
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
    names.map(|name| name.as_ref().to_owned()).collect()
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
