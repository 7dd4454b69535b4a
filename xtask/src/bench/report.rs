//! What was measured: a table for people, an object for programs. Measures nothing.

use std::fmt;

use serde::Serialize;

/// A limit that a figure is held against.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Promise {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figure {
    /// Its name for programs, unit last.
    name: &'static str,
    /// Its name for people.
    what: String,
    /// The value, in `unit`.
    value: f64,
    /// What the value is counted in.
    unit: &'static str,
    /// What was promised, if anything was.
    promise: Option<Promise>,
    /// Whether the promise is kept; null without one.
    kept: Option<bool>,
}

/// What was measured with which arguments.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Report<A> {
    /// The arguments.
    pub(super) arguments: A,
    /// The figures, in the order of the table.
    pub(super) figures: Vec<Figure>,
}

impl<A> Report<A> {
    /// Nothing measured yet.
    pub(super) fn new(arguments: A) -> Self {
        Self { arguments, figures: Vec::new() }
    }

    /// Adds a figure without a promise.
    pub(super) fn add(&mut self, name: &'static str, what: &str, value: f64, unit: &'static str) {
        let what = what.to_owned();
        self.figures.push(Figure { name, what, value, unit, promise: None, kept: None });
    }

    /// Holds the figure that was added last against `promise`.
    pub(super) fn promised(&mut self, promise: Promise) {
        if let Some(figure) = self.figures.last_mut() {
            figure.kept = Some(promise.is_kept(figure.value));
            figure.promise = Some(promise);
        }
    }
}

impl Promise {
    fn is_kept(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "≤ {}", number(*limit)),
            Self::AtLeast(limit) => write!(f, "≥ {}", number(*limit)),
        }
    }
}

impl<A: fmt::Display> fmt::Display for Report<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.arguments)?;
        let whats = self.figures.iter().map(|figure| figure.what.chars().count());
        let width = whats.max().unwrap_or(0);
        for figure in &self.figures {
            let value = number(figure.value);
            write!(f, "  {:<width$}  {value:>12} {:<10}", figure.what, figure.unit)?;
            match (figure.promise, figure.kept) {
                (Some(promise), Some(true)) => writeln!(f, "  {promise}: kept")?,
                (Some(promise), Some(false) | None) => writeln!(f, "  {promise}: MISSED")?,
                (None, _) => writeln!(f)?,
            }
        }
        Ok(())
    }
}

/// A number with as many decimals as help.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 1_000.0 => grouped(value),
        middle if middle >= 20.0 => format!("{value:.1}"),
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        _ => format!("{value:.3}"),
    }
}

/// A whole number with commas between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_help() {
        let numbers = [1_234_567.4, 1_000.0, 130.0, 15.0, 0.9714, 0.0].map(number);
        assert_eq!(numbers, ["1,234,567", "1,000", "130.0", "15", "0.971", "0"]);
    }

    #[test]
    fn a_broken_promise_is_seen_in_table_and_json() {
        let mut report = Report::new("2 hosts");
        report.add("commit_p99_ms", "group commit, p99", 21.5, "ms");
        report.promised(Promise::AtMost(20.0));
        report.add("ingest_samples_per_s", "ingest", 3_100_000.0, "samples/s");
        report.promised(Promise::AtLeast(3e6));
        report.add("rss_mib", "memory", 50.0, "MiB");
        let table = report.to_string();
        assert!(table.contains("≤ 20.0: MISSED"), "{table}");
        assert!(table.contains("3,100,000 samples/s") && table.contains(": kept"), "{table}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["figures"][0]["kept"], false);
        assert_eq!(json["figures"][0]["promise"]["at_most"], 20.0);
        assert_eq!(json["figures"][2]["promise"], serde_json::Value::Null);
        assert_eq!(json["arguments"], "2 hosts");
    }
}
