//! A filter as somebody types it: whether it can be asked of the list, and if not, which part is wrong.

use std::collections::BTreeSet;

use systole_common::filter::{Filter, FilterError};

use crate::model::Model;
use crate::model::prompt::PromptError;
use crate::model::subject::{ALERT_FIELDS, HOST_FIELDS, check_names};

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
    checked.map(|()| filter).map_err(|unknown| {
        let (from, to) = unknown.place();
        PromptError { text: unknown.sentence(), from, to }
    })
}

/// Where a filter is wrong, in characters.
fn unparsed(text: &str, error: &FilterError) -> PromptError {
    let chars = |bytes: usize| text.get(..bytes).map_or(0, |part| part.chars().count());
    let range = error.range();
    let (from, to) = (chars(range.start), chars(range.end));
    PromptError { text: error.sentence(), from, to: to.max(from) }
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
