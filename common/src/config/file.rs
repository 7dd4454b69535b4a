//! The file layer: TOML text to settings with line numbers, or all that is wrong with it.
//!
//! Pure: the text is an argument. Goes on after an error, so that one run shows every slip.

use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, ConfigErrors};
use super::read::{Found, Refusal, check_name, from_toml, wrong_type};
use super::schema::{Place, Schema};
use super::settings::{Setting, Settings, Source};
use super::value::key_text;
use super::{FILE_BYTES_MAX, FOUND_CELLS_MAX};
use crate::text::scrub_to;

/// Puts the values of a file into `settings` and what is wrong with it into `errors`.
pub(super) fn read_file(
    path: &Arc<Path>,
    text: &str,
    settings: &mut Settings,
    errors: &mut ConfigErrors,
) {
    if text.len() > FILE_BYTES_MAX {
        errors.push(ConfigError::TooLong { path: path.to_path_buf() });
        return;
    }
    let lines = Lines::new(path, text);
    let (table, faults) = DeTable::parse_recoverable(text);
    for fault in &faults {
        errors.push(ConfigError::Syntax {
            place: lines.source(fault.span().map_or(0, |span| span.start)),
            message: scrub_to(fault.message(), FOUND_CELLS_MAX).into_owned(),
        });
    }
    // After a fault the rest of the table is a guess, and errors about guesses mislead.
    if faults.is_empty() {
        let schema = settings.schema;
        Walk { schema, lines: &lines, settings, errors }.table(&mut Vec::new(), table.get_ref());
    }
}

/// Lines of a file by the offset of a byte.
struct Lines<'a> {
    path: &'a Arc<Path>,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(path: &'a Arc<Path>, text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { path, starts }
    }

    fn source(&self, at: usize) -> Source {
        let line = self.starts.partition_point(|start| *start <= at);
        Source::File { path: Arc::clone(self.path), line }
    }
}

struct Walk<'a> {
    schema: &'static Schema,
    lines: &'a Lines<'a>,
    settings: &'a mut Settings,
    errors: &'a mut ConfigErrors,
}

impl Walk<'_> {
    fn table<'t>(&mut self, path: &mut Vec<&'t str>, table: &'t DeTable<'_>) {
        for (name, value) in table {
            path.push(name.get_ref());
            self.entry(path, name.span().start, value);
            path.pop();
        }
    }

    fn entry<'t>(&mut self, path: &mut Vec<&'t str>, at: usize, value: &'t Spanned<DeValue<'_>>) {
        let place = self.lines.source(at);
        match (self.schema.place(path), value.get_ref()) {
            (Place::Key(index, free), _) => self.key(path, index, free, place, value),
            (Place::Table, DeValue::Table(table)) => self.table(path, table),
            (Place::Table, _) => {
                let refusal = wrong_type(value, "a table of keys".to_owned());
                self.refuse(path, refusal);
            }
            (Place::Nowhere, _) => {
                let near = self.schema.near_path(path);
                self.errors.push(ConfigError::UnknownKey { place, key: joined(path), near });
            }
        }
    }

    fn key(
        &mut self,
        path: &[&str],
        index: usize,
        free: String,
        place: Source,
        value: &Spanned<DeValue<'_>>,
    ) {
        let Some(key) = self.schema.keys.get(index) else {
            return;
        };
        if key.is_free() {
            let check = key.free_check.unwrap_or(check_name);
            if let Err(expected) = check_name(&free).and_then(|()| check(&free)) {
                let found = scrub_to(&free, FOUND_CELLS_MAX).into_owned();
                let key = key.name.replace('*', "NAME");
                self.errors.push(ConfigError::BadValue { place, key, found, expected });
                return;
            }
        }
        match from_toml(key, value, &self.settings.folder) {
            Ok(value) => {
                let setting = Setting { value: Some(value), source: place };
                self.settings.values.insert((index, free), setting);
            }
            Err(refusal) => self.refuse(path, refusal),
        }
    }

    fn refuse(&mut self, path: &[&str], refusal: Refusal) {
        let Refusal { at, part, expected, found } = refusal;
        let place = self.lines.source(at);
        let key = match part {
            Some(part) => format!("{}.{part}", joined(path)),
            None => joined(path),
        };
        self.errors.push(match found {
            Found::Type(found) => ConfigError::WrongType { place, key, found, expected },
            Found::Value(found) => {
                let found = format!("\"{}\"", scrub_to(&found, FOUND_CELLS_MAX));
                ConfigError::BadValue { place, key, found, expected }
            }
        });
    }
}

/// A path as it would be written, safe to show.
fn joined(path: &[&str]) -> String {
    let parts: Vec<String> = path.iter().map(|part| key_text(part)).collect();
    scrub_to(&parts.join("."), FOUND_CELLS_MAX).into_owned()
}
