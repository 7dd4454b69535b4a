//! A filter as somebody types it: whether it can be asked of the list, and if not, which part is wrong.

use std::collections::BTreeSet;

use systole_common::filter::{Compare, Expr, Filter, FilterError, Operand, Pattern};
use systole_common::model::alert::AlertState;
use systole_common::model::coded::Coded;
use systole_common::model::host::HostState;
use systole_common::text::scrub;
use systole_common::time::Now;

use crate::model::Model;
use crate::model::prompt::PromptError;
use crate::model::subject::{ALERT_FIELDS, AlertSubject, HOST_FIELDS, RowSubject, check_names};

/// The filter that `text` is, for alerts or for hosts.
pub(super) fn check(model: &Model, is_alerts: bool, text: &str) -> Result<Filter, PromptError> {
    let filter: Filter = text.parse().map_err(|error| unparsed(text, &error))?;
    let checked = if is_alerts {
        check_names(&filter, text, "alerts", ALERT_FIELDS, Some(&BTreeSet::new()))
    } else {
        let labels = labels(model);
        let known = (!labels.is_empty()).then_some(&labels);
        check_names(&filter, text, "hosts", HOST_FIELDS, known)
    };
    checked.map_err(|unknown| {
        let (from, to) = unknown.place();
        PromptError { text: unknown.sentence(), from, to }
    })?;
    never(&filter, is_alerts, text).map_or(Ok(filter), Err)
}

/// Whether `filter` leaves nothing of the list.
pub(super) fn leaves_nothing(model: &Model, now: Now, is_alerts: bool, filter: &Filter) -> bool {
    let now = model.shown_now(now);
    if is_alerts {
        let mut all = model.alerts.open().chain(model.alerts.ended());
        return !all.any(|alert| filter.matches(&AlertSubject::new(alert, now.wall)));
    }
    let mut rows = model.shown_fleet().rows();
    !rows.any(|row| filter.matches(&RowSubject { row, now }))
}

/// Whether `text` ends within a bare word, which may be the begin of anything.
pub(super) fn is_half(text: &str) -> bool {
    let is_joint = |c: char| c.is_whitespace() || "()!=<>\"".contains(c);
    let word = text.rsplit(is_joint).next().unwrap_or_default();
    let before = text.strip_suffix(word).unwrap_or_default();
    !word.is_empty() && !before.ends_with(['=', '<', '>', '"'])
}

/// A word that a state has in the other list only: nothing here ever is that.
fn never(filter: &Filter, is_alerts: bool, text: &str) -> Option<PromptError> {
    let known: Vec<&str> = if is_alerts { names::<AlertState>() } else { names::<HostState>() };
    let mut wrong = None;
    visit(filter.expr()?, &mut |compare| {
        if let ("state", Operand::Text(Pattern::Exact(word))) =
            (compare.field.as_str(), &compare.operand)
            && !known.contains(&word.as_str())
        {
            wrong.get_or_insert_with(|| word.clone());
        }
    });
    let word = wrong?;
    let at = text.to_ascii_lowercase().find(&word).unwrap_or(0);
    let from = text.get(..at).map_or(0, |before| before.chars().count());
    let what = if is_alerts { "an alert" } else { "a host" };
    let text = format!(
        "filter, column {}: `{word}` is no state of {what}, expected one of {}",
        from + 1,
        known.join(", ")
    );
    Some(PromptError { text, from, to: from + word.chars().count() })
}

fn names<T: Coded>() -> Vec<&'static str> {
    T::ALL.iter().map(|member| member.as_str()).collect()
}

fn visit(expr: &Expr, seen: &mut impl FnMut(&Compare)) {
    match expr {
        Expr::And(members) | Expr::Or(members) => {
            for member in members {
                visit(member, seen);
            }
        }
        Expr::Not(inner) => visit(inner, seen),
        Expr::Word(_) => {}
        Expr::Compare(compare) => seen(compare),
    }
}

/// Where a filter is wrong, in characters.
fn unparsed(text: &str, error: &FilterError) -> PromptError {
    let chars = |bytes: usize| text.get(..bytes).map_or(0, |part| part.chars().count());
    let range = error.range();
    let (from, to) = (chars(range.start), chars(range.end));
    let wrong = text.get(range).unwrap_or_default();
    let sentence = error.sentence();
    let quoted = match sentence.split_once(": ") {
        Some((place, problem)) if !wrong.is_empty() && !problem.contains(&format!("`{wrong}`")) => {
            format!("{place}: `{}`: {problem}", scrub(wrong))
        }
        Some(_) | None => sentence,
    };
    PromptError { text: quoted, from, to: to.max(from) }
}

/// Names of labels that any host has.
pub(super) fn labels(model: &Model) -> BTreeSet<String> {
    let mut labels: BTreeSet<String> = BTreeSet::new();
    let facts = model.fleet.rows().filter_map(|row| row.facts.as_ref());
    for (key, _) in facts.flat_map(|facts| &facts.labels) {
        if !labels.contains(key) {
            labels.insert(key.clone());
        }
    }
    labels
}
