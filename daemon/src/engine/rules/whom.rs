//! Which hosts a rule is for: the part of the filter language that asks what a host is, not how it is.

use systole_common::config::nearest;
use systole_common::filter::{Compare, Expr, Filter, Subject, Value, Word};

use super::super::host::Host;
use super::super::records::labels;
use super::super::settings::Settings;

/// Fields that a rule's filter may ask for. What changes from second to second is none: a rule would
/// come and go with it.
const FIELDS: [&str; 4] = ["host", "os", "version", "address"];
/// What a label's field name begins with.
const LABEL: &str = "label.";

/// Reads the filter of a rule.
pub fn check_filter(text: &str) -> Result<Filter, String> {
    let filter = text.parse::<Filter>().map_err(|error| error.sentence())?;
    match filter.expr().and_then(stranger) {
        None => Ok(filter),
        Some(field) => Err(format!(
            "a filter on what a host is: {}, label.NAME{}",
            FIELDS.join(", "),
            nearest(&field, FIELDS)
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default()
        )),
    }
}

/// The first field that a rule may not ask for.
fn stranger(expr: &Expr) -> Option<String> {
    match expr {
        Expr::And(members) | Expr::Or(members) => members.iter().find_map(stranger),
        Expr::Not(inner) => stranger(inner),
        Expr::Word(_) => None,
        Expr::Compare(Compare { field, .. }) => {
            let is_known = field.starts_with(LABEL) || FIELDS.contains(&field.as_str());
            (!is_known).then(|| field.clone())
        }
    }
}

/// A host as a rule's filter sees it.
pub(super) struct Whom<'a> {
    host: &'a Host,
    labels: Vec<(String, String)>,
}

impl<'a> Whom<'a> {
    pub(super) fn new(host: &'a Host, settings: &Settings) -> Self {
        Self { host, labels: labels(host, settings) }
    }
}

impl Subject for Whom<'_> {
    fn field(&self, name: &str) -> Option<Value<'_>> {
        let row = &self.host.row;
        match name {
            "host" => Some(Value::Text(row.host.as_str())),
            "os" => row.os.as_deref().map(Value::Text),
            "version" => row.agent_version.as_deref().map(Value::Text),
            "address" => row.address.as_deref().map(Value::Text),
            other => {
                let label = other.strip_prefix(LABEL)?;
                let found = self.labels.iter().find(|(key, _)| key == label);
                found.map(|(_, value)| Value::Text(value))
            }
        }
    }

    fn words(&self, found: &mut dyn FnMut(Word<'_>) -> bool) -> bool {
        found(Word::Part(self.host.row.host.as_str()))
            || self.labels.iter().any(|(_, value)| found(Word::Part(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rules_filter_asks_what_a_host_is_and_not_how_it_is() {
        for good in ["", "web-*", "role=db and !os=debian*", "label.site!=berlin", "host=a or b"] {
            assert!(check_filter(good).is_ok(), "{good}");
        }
        for (bad, part) in [
            ("cpu>80", "label.NAME"),
            ("role=db (state=online)", "what a host is"),
            ("hots>5", "unknown field"),
            ("role=(", "column"),
        ] {
            let text = check_filter(bad).unwrap_err();
            assert!(text.contains(part), "{bad}: {text}");
        }
    }
}
