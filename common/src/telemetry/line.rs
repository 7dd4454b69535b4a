//! An entry as one line: text for people, JSON for programs.
//!
//! Invariant: a line has exactly one line end, its last character, and no other control character
//! except the colours that this file adds itself.

use serde::ser::{Serialize, SerializeMap, Serializer};
use tracing::Level;

use super::entry::{Datum, Entry, Fields};
use crate::text::{scrub, to_json_line};

/// `2026-11-21 04:05:06.789 WARN  host is late host=web-1 age_ms=2100`, in local time.
pub(super) fn text(entry: &Entry, colours: bool) -> String {
    let (colour, reset) = if colours { (colour(entry.level), "\u{1b}[0m") } else { ("", "") };
    format!(
        "{}.{:03} {colour}{:5}{reset} {}\n",
        entry.at.local(),
        entry.at.0.rem_euclid(1000),
        entry.level.as_str(),
        sentence(entry)
    )
}

/// Message and fields, without time and level, scrubbed and without a line end.
pub(super) fn sentence(entry: &Entry) -> String {
    let mut line = scrub(&entry.message).into_owned();
    for (name, datum) in entry.fields.iter() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(name);
        line.push('=');
        line.push_str(&value(datum));
    }
    line
}

/// One JSON object; the fields keep their names and types under `fields`.
pub(super) fn json(entry: &Entry) -> String {
    let mut line = to_json_line(&JsonEntry(entry)).unwrap_or_else(|_| "{}".to_owned());
    line.push('\n');
    line
}

/// A value that cannot be taken for the next field: quoted where it has a space, a quote or `=`.
fn value(datum: &Datum) -> String {
    let Datum::Text(text) = datum else {
        return datum.to_string();
    };
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c == '"' || c == '=') {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{}\"", scrub(&escaped))
    } else {
        scrub(text).into_owned()
    }
}

fn colour(level: Level) -> &'static str {
    if level == Level::ERROR {
        "\u{1b}[31m"
    } else if level == Level::WARN {
        "\u{1b}[33m"
    } else if level == Level::INFO {
        "\u{1b}[32m"
    } else {
        "\u{1b}[2m"
    }
}

struct JsonEntry<'a>(&'a Entry);

impl Serialize for JsonEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", &entry.at.rfc3339())?;
        map.serialize_entry("level", &entry.level.as_str().to_lowercase())?;
        map.serialize_entry("target", entry.target)?;
        map.serialize_entry("message", &entry.message)?;
        map.serialize_entry("fields", &JsonFields(&entry.fields))?;
        map.end()
    }
}

struct JsonFields<'a>(&'a Fields);

impl Serialize for JsonFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, datum) in self.0.iter() {
            match datum {
                Datum::Bool(value) => map.serialize_entry(name, value)?,
                Datum::Signed(value) => map.serialize_entry(name, value)?,
                Datum::Unsigned(value) => map.serialize_entry(name, value)?,
                Datum::Float(value) => map.serialize_entry(name, value)?,
                Datum::Text(value) => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}
