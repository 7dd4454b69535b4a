//! The settings in force: every key with its value and where that came from.
//!
//! Owns the typed getters and the print of `check-config`. Immutable; a reload makes new ones.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::ConfigError;
use super::schema::{Preset, Schema};
use super::value::{FromValue, Value};
use super::{FOUND_CELLS_MAX, Near};
use crate::text::scrub_to;

/// Columns that `check-config` gives to key and value before the source.
const RENDER_COLUMN: usize = 48;

/// The layers; a later one beats an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The program's own preset.
    Default,
    /// The configuration file.
    File,
    /// A `SYSTOLE_` variable.
    Env,
    /// The command line.
    Flag,
}

/// Where a value stands, precisely enough to change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The program's own preset.
    Default,
    /// The configuration file.
    File {
        /// Which file.
        path: Arc<Path>,
        /// The line, from 1.
        line: usize,
    },
    /// This variable.
    Env(String),
    /// This flag, as it was written.
    Flag(String),
}

impl Source {
    /// The layer it belongs to.
    pub fn layer(&self) -> Layer {
        match self {
            Self::Default => Layer::Default,
            Self::File { .. } => Layer::File,
            Self::Env(_) => Layer::Env,
            Self::Flag(_) => Layer::Flag,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env(name) => write!(f, "variable {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// `None`: nobody set it and the program does without.
    pub value: Option<Value>,
    /// Where it stands.
    pub source: Source,
}

/// All settings of a program.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) schema: &'static Schema,
    /// By the index of the key and its free name.
    pub(super) values: BTreeMap<(usize, String), Setting>,
    pub(super) file: Option<PathBuf>,
    pub(super) folder: PathBuf,
}

impl Settings {
    /// The value of a key that always has one: by its preset, or because it must be set.
    pub fn get<T: FromValue>(&self, name: &str) -> Result<T, ConfigError> {
        self.find(name)?.ok_or_else(|| undeclared::<T>(name))
    }

    /// The value of a key that may be unset.
    pub fn find<T: FromValue>(&self, name: &str) -> Result<Option<T>, ConfigError> {
        let setting = self.setting(name).ok_or_else(|| undeclared::<T>(name))?;
        let value = setting.value.as_ref();
        value.map(|value| T::from_value(value).ok_or_else(|| undeclared::<T>(name))).transpose()
    }

    /// The values of a key with a free part, by the free names that the file has.
    pub fn each<T: FromValue>(&self, name: &str) -> Result<BTreeMap<String, T>, ConfigError> {
        let index = self.schema.keys.iter().position(|key| key.name == name && key.is_free());
        let index = index.ok_or_else(|| undeclared::<T>(name))?;
        self.values
            .range((index, String::new())..(index + 1, String::new()))
            .filter_map(|((_, free), setting)| Some((free, setting.value.as_ref()?)))
            .map(|(free, value)| {
                let value = T::from_value(value).ok_or_else(|| undeclared::<T>(name))?;
                Ok((free.clone(), value))
            })
            .collect()
    }

    /// The value and source of one key; `None` if there is no such key.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.values.get(&self.schema.find(name)?)
    }

    /// The file that was read, if there was one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The folder that relative paths of the file start from; where the file would be if there is none.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// An error about a value that is right by itself and wrong together with others or with the
    /// world; it names the place like any other.
    pub fn refuse(&self, name: &str, expected: impl Into<String>) -> ConfigError {
        let Some(setting) = self.setting(name) else {
            return undeclared::<Value>(name);
        };
        ConfigError::BadValue {
            place: setting.source.clone(),
            key: name.to_owned(),
            found: setting.value.as_ref().map_or_else(|| "unset".to_owned(), found_text),
            expected: expected.into(),
        }
    }

    /// Every setting in the order of the schema: name, setting.
    pub fn iter(&self) -> impl Iterator<Item = (String, &Setting)> {
        self.values.iter().filter_map(|((index, free), setting)| {
            let key = self.schema.keys.get(*index)?;
            Some((key.filled(free), setting))
        })
    }

    /// The names of the keys whose values differ from those of `before`, for the log of a reload.
    pub fn changed(&self, before: &Self) -> Vec<String> {
        let values = |settings: &Self| -> BTreeMap<String, Option<Value>> {
            settings.iter().map(|(name, setting)| (name, setting.value.clone())).collect()
        };
        let (old, new) = (values(before), values(self));
        let gone = old.keys().filter(|name| !new.contains_key(*name));
        let other = new.iter().filter(|(name, value)| old.get(*name) != Some(*value));
        other.map(|(name, _)| name).chain(gone).cloned().collect()
    }

    /// What `check-config` prints: TOML, one key a line, with the source of each value.
    pub fn render(&self) -> String {
        let file = match &self.file {
            Some(path) => format!("# {}\n", path.display()),
            None => format!("# no file; it would be {}\n", self.expected_file().display()),
        };
        let mut out = file;
        for (name, setting) in self.iter() {
            let source = &setting.source;
            let _ = match &setting.value {
                Some(value) => {
                    let text = format!("{name} = {value}");
                    writeln!(out, "{text:RENDER_COLUMN$} # {source}")
                }
                None => writeln!(out, "# {name} is not set"),
            };
        }
        out
    }

    /// The file that was read, or else the one that would be.
    pub fn expected_file(&self) -> PathBuf {
        self.file
            .clone()
            .unwrap_or_else(|| self.folder.join(format!("{}.toml", self.schema.program)))
    }

    /// An error for each key that must be set and is not.
    pub(super) fn missing(&self) -> impl Iterator<Item = ConfigError> {
        self.values.iter().filter_map(|((index, free), setting)| {
            let key = self.schema.keys.get(*index)?;
            let is_missing = setting.value.is_none() && key.preset == Preset::Required;
            is_missing.then(|| ConfigError::Missing {
                key: key.filled(free),
                path: self.expected_file(),
                variable: key.variable().unwrap_or_default(),
                doc: key.doc,
            })
        })
    }

    /// The error for a key in a flag that does not exist.
    pub(super) fn unknown(&self, place: Source, name: &str) -> ConfigError {
        let near: Near = self.schema.near_name(name);
        ConfigError::UnknownKey { place, key: scrub_to(name, FOUND_CELLS_MAX).into_owned(), near }
    }
}

/// A value for an error: one safe line, shortened.
fn found_text(value: &Value) -> String {
    scrub_to(&value.to_string(), FOUND_CELLS_MAX).into_owned()
}

fn undeclared<T>(name: &str) -> ConfigError {
    ConfigError::Undeclared { key: name.to_owned(), wanted: std::any::type_name::<T>() }
}
