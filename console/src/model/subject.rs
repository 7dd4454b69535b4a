//! Hosts and alerts as the filter language sees them: the value of each field, and their words.
//!
//! Also finds what a filter asks for and nobody has: a slip that would quietly match nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use systole_common::config::nearest;
use systole_common::filter::{Compare, Expr, Filter, Subject, Value, Word};
use systole_common::model::alert::Overlay;
use systole_common::model::coded::{Coded, Growing};
use systole_common::model::metric::MetricSet;
use systole_common::text::{cells, scrub};
use systole_common::time::{Now, UnixMs};
use systole_common::wire::console::AlertRecord;

use super::columns;
use super::fleet::Row;

/// Fields that hosts have.
pub const HOST_FIELDS: &[&str] = &[
    "host",
    "state",
    "cause",
    "certainty",
    "age",
    "since",
    "interval",
    "rtt",
    "offset",
    "uptime",
    "cpu",
    "iowait",
    "steal",
    "memory",
    "swap",
    "disk",
    "inodes",
    "busy",
    "load1",
    "load5",
    "load15",
    "cores",
    "rx",
    "tx",
    "read",
    "write",
    "critical",
    "warning",
    "os",
    "version",
    "address",
];
/// Fields that alerts have.
pub const ALERT_FIELDS: &[&str] =
    &["host", "state", "severity", "overlay", "rule", "subject", "key", "id", "age", "since"];
/// What a label's field name begins with.
const LABEL: &str = "label.";

/// A filter that asks for something that nothing in the list has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "filter, column {column}: `{name}` is neither a field nor a label of {what}{near}\n  {text}\n  {mark}"
)]
pub struct UnknownName {
    column: usize,
    name: String,
    what: &'static str,
    near: String,
    text: String,
    mark: String,
}

/// Checks that every field and label of `filter`, written as `text`, can be had by `what`. Labels are
/// only doubted where any host is known.
pub fn check_names(
    filter: &Filter,
    text: &str,
    what: &'static str,
    fields: &[&str],
    labels: Option<&BTreeSet<String>>,
) -> Result<(), UnknownName> {
    let mut compares = Vec::new();
    if let Some(expr) = filter.expr() {
        collect(expr, &mut compares);
    }
    for compare in compares {
        let base = compare.field.split('[').next().unwrap_or_default();
        let (name, is_known) = match compare.field.strip_prefix(LABEL) {
            Some(label) => (label, labels.is_none_or(|labels| labels.contains(label))),
            None => (base, fields.contains(&base)),
        };
        if !is_known {
            let known = labels.into_iter().flatten().map(String::as_str);
            // A word of one or two letters is near to everything.
            let near = nearest(name, fields.iter().copied().chain(known))
                .filter(|_| name.chars().count() > 2);
            return Err(unknown(text, name, what, near));
        }
    }
    Ok(())
}

impl UnknownName {
    /// The sentence alone, without the filter and the mark.
    pub fn sentence(&self) -> String {
        self.to_string().lines().next().unwrap_or_default().to_owned()
    }

    /// The characters of the filter that are wrong: from, and one behind the last.
    pub fn place(&self) -> (usize, usize) {
        let from = self.column.saturating_sub(1);
        (from, from + self.name.chars().count())
    }
}

fn unknown(text: &str, name: &str, what: &'static str, near: Option<&str>) -> UnknownName {
    let at = text.to_ascii_lowercase().find(&name.to_ascii_lowercase()).unwrap_or(0);
    let before = text.get(..at).unwrap_or_default();
    let marks = "^".repeat(cells(&scrub(name)).max(1));
    UnknownName {
        column: before.chars().count() + 1,
        name: scrub(name).into_owned(),
        what,
        near: near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default(),
        text: scrub(text).into_owned(),
        mark: format!("{}{marks}", " ".repeat(cells(&scrub(before)))),
    }
}

fn collect<'a>(expr: &'a Expr, found: &mut Vec<&'a Compare>) {
    match expr {
        Expr::And(members) | Expr::Or(members) => {
            for member in members {
                collect(member, found);
            }
        }
        Expr::Not(inner) => collect(inner, found),
        Expr::Word(_) => {}
        Expr::Compare(compare) => found.push(compare),
    }
}

/// A host at a moment.
#[derive(Debug, Clone, Copy)]
pub struct RowSubject<'a> {
    /// The host.
    pub row: &'a Row,
    /// The moment, for ages.
    pub now: Now,
}

impl Subject for RowSubject<'_> {
    fn field(&self, name: &str) -> Option<Value<'_>> {
        let summary = &self.row.summary;
        let share = |value: Option<f32>| value.map(|value| Value::Number(f64::from(value)));
        match name {
            "host" => Some(Value::Text(&summary.host)),
            "state" => word(Some(summary.state)),
            "cause" => word(summary.cause),
            "age" => millis(self.row.heartbeat_age(self.now.mono)),
            "since" => millis(Some(self.now.wall.since(summary.since))),
            "interval" => summary.heartbeat_interval_ms.map(|ms| Value::Number(f64::from(ms))),
            "rtt" => millis(summary.rtt_us.map(Duration::from_micros)),
            "cpu" => share(summary.cpu_percent),
            "memory" => share(summary.memory_percent),
            "swap" => share(summary.swap_percent),
            "disk" => share(summary.disk_percent),
            "load1" => share(summary.load1),
            "critical" => Some(Value::Number(f64::from(summary.alerts_critical))),
            "warning" => Some(Value::Number(f64::from(summary.alerts_warning))),
            other => self.fact(other).or_else(|| self.measure(other).map(Value::Number)),
        }
    }

    fn words(&self, found: &mut dyn FnMut(Word<'_>) -> bool) -> bool {
        let summary = &self.row.summary;
        let labels = self.row.facts.as_ref().map(|facts| &facts.labels);
        let mut labels = labels.into_iter().flatten().map(|(_, value)| value);
        let state = summary.state.known().map(Coded::as_str);
        let cause = summary.cause.and_then(Growing::known).map(Coded::as_str);
        found(Word::Part(&summary.host))
            || state.is_some_and(|state| found(Word::Whole(state)))
            || cause.is_some_and(|cause| found(Word::Whole(cause)))
            || labels.any(|value| found(Word::Part(value)))
    }
}

impl RowSubject<'_> {
    /// What it is.
    fn fact(&self, name: &str) -> Option<Value<'_>> {
        let facts = self.row.facts.as_ref()?;
        match name {
            "certainty" => word(facts.certainty),
            "os" => facts.os.as_deref().map(Value::Text),
            "version" => facts.agent_version.as_deref().map(Value::Text),
            "address" => facts.address.as_deref().map(Value::Text),
            other => {
                let label = other.strip_prefix(LABEL)?;
                let found = facts.labels.iter().find(|(key, _)| key == label);
                found.map(|(_, value)| Value::Text(value))
            }
        }
    }

    /// What it measures: the highest of all instances, which every host tells; or that of one, which
    /// only a whole host has.
    fn measure(&self, field: &str) -> Option<f64> {
        if let Some((base, rest)) = field.split_once('[') {
            let metrics = &self.row.detail.as_ref()?.metrics;
            return metric(metrics, base, rest.strip_suffix(']')?);
        }
        let values = self.row.values.as_ref()?;
        let value = match field {
            "offset" => return values.clock_offset_ms.map(|ms| ms as f64),
            "uptime" => return values.uptime_s.map(|s| f64::from(s) * 1_000.0),
            "inodes" => values.inodes_percent_max,
            "iowait" => values.iowait_percent,
            "steal" => values.steal_percent,
            "busy" => values.busy_percent_max,
            "read" => values.read_bytes_per_s_max,
            "write" => values.write_bytes_per_s_max,
            "rx" => values.rx_bytes_per_s_max,
            "tx" => values.tx_bytes_per_s_max,
            "load5" => values.load5,
            "load15" => values.load15,
            "cores" => values.cores,
            _ => None,
        };
        value.map(f64::from)
    }
}

/// A measured value of one instance by its field.
fn metric(metrics: &MetricSet, base: &str, instance: &str) -> Option<f64> {
    let name = match base {
        "inodes" => return columns::inodes(metrics, Some(instance)),
        "disk" => "disk_used_percent",
        "busy" => "block_busy_percent",
        "read" => "block_read_bytes_per_s",
        "write" => "block_write_bytes_per_s",
        "rx" => "network_rx_bytes_per_s",
        "tx" => "network_tx_bytes_per_s",
        _ => return None,
    };
    metrics.value(name, instance)
}

/// An alert at a moment.
#[derive(Debug, Clone)]
pub struct AlertSubject<'a> {
    alert: &'a AlertRecord,
    overlays: Vec<&'static str>,
    now: UnixMs,
}

impl<'a> AlertSubject<'a> {
    /// `alert` at `now`.
    pub fn new(alert: &'a AlertRecord, now: UnixMs) -> Self {
        let known = alert.overlays.iter().filter_map(|overlay| overlay.known());
        Self { alert, overlays: known.map(Overlay::as_str).collect(), now }
    }
}

impl Subject for AlertSubject<'_> {
    fn field(&self, name: &str) -> Option<Value<'_>> {
        let alert = self.alert;
        match name {
            "host" => alert.host.as_deref().map(Value::Text),
            "state" => word(Some(alert.state)),
            "severity" => word(Some(alert.severity)),
            "overlay" => Some(Value::Texts(&self.overlays)),
            "rule" => Some(Value::Text(&alert.rule)),
            "subject" => Some(Value::Text(&alert.subject)),
            "key" => Some(Value::Text(&alert.key)),
            "id" => Some(Value::Number(alert.id.0 as f64)),
            "age" | "since" => millis(Some(self.now.since(alert.since))),
            _ => None,
        }
    }

    fn words(&self, found: &mut dyn FnMut(Word<'_>) -> bool) -> bool {
        let alert = self.alert;
        let state = alert.state.known().map(Coded::as_str);
        let severity = alert.severity.known().map(Coded::as_str);
        let parts = [Some(&alert.key), Some(&alert.summary), alert.acked_note.as_ref()];
        parts.into_iter().flatten().any(|text| found(Word::Part(text)))
            || state.is_some_and(|state| found(Word::Whole(state)))
            || severity.is_some_and(|severity| found(Word::Whole(severity)))
            || self.overlays.iter().any(|overlay| found(Word::Whole(overlay)))
    }
}

fn word<T: Coded>(member: Option<Growing<T>>) -> Option<Value<'static>> {
    member.and_then(Growing::known).map(|member| Value::Text(member.as_str()))
}

fn millis(span: Option<Duration>) -> Option<Value<'static>> {
    span.map(|span| Value::Number(span.as_secs_f64() * 1_000.0))
}

#[cfg(test)]
mod tests;
