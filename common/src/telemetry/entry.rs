//! One event with the fields of the spans around it, before it becomes a line.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use crate::time::UnixMs;

/// Longest text of one field, in bytes.
pub(super) const FIELD_BYTES_MAX: usize = 4096;
/// Most fields of one event, those of its spans included.
pub(super) const FIELDS_MAX: usize = 64;
/// The field that holds the sentence.
const MESSAGE: &str = "message";

/// A field's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Datum {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
}

impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Signed(value) => value.fmt(f),
            Self::Unsigned(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// Fields in the order in which they were recorded; a later value takes the place of an earlier one.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Vec<(&'static str, Datum)>);

impl Fields {
    pub(super) fn iter(&self) -> impl Iterator<Item = &(&'static str, Datum)> {
        self.0.iter().filter(|(name, _)| *name != MESSAGE)
    }

    /// The sentence; empty if there is none.
    pub(super) fn message(&self) -> String {
        let found = self.0.iter().find(|(name, _)| *name == MESSAGE);
        found.map(|(_, datum)| datum.to_string()).unwrap_or_default()
    }

    pub(super) fn put(&mut self, name: &'static str, datum: Datum) {
        if let Some((_, old)) = self.0.iter_mut().find(|(other, _)| *other == name) {
            *old = datum;
        } else if self.0.len() < FIELDS_MAX {
            self.0.push((name, datum));
        }
    }
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), Datum::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), Datum::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), Datum::Unsigned(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), Datum::Float(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), Datum::Text(shortened(value.to_owned())));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), Datum::Text(shortened(format!("{value:?}"))));
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > FIELD_BYTES_MAX {
        text.truncate(text.floor_char_boundary(FIELD_BYTES_MAX));
        text.push(crate::text::CUT);
    }
    text
}

/// An event, ready to be written.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) at: UnixMs,
    pub(super) level: Level,
    pub(super) target: &'static str,
    pub(super) message: String,
    pub(super) fields: Fields,
}

impl Entry {
    /// `event` inside spans that recorded `around`.
    pub(super) fn new(at: UnixMs, event: &Event<'_>, around: Fields) -> Self {
        let mut fields = around;
        event.record(&mut fields);
        let metadata = event.metadata();
        Self {
            at,
            level: *metadata.level(),
            target: metadata.target(),
            message: fields.message(),
            fields,
        }
    }
}
