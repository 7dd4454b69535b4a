//! The keys of a program: name, kind, preset, doc line. Declared once, as constants.
//!
//! Owns names and their variables; refuses to read values (`read.rs`). `*` in a name stands for one
//! free name, as in `host.*.labels`.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::value::{ByteSize, duration_text};
use super::{NAMES_LISTED_MAX, Near, nearest};

/// What every variable of ours begins with.
pub(super) const VARIABLE_PREFIX: &str = "SYSTOLE_";
/// Variables that are no keys: where the file is, the log filter, the advisory database of the tests.
pub(super) const OTHER_VARIABLES: [&str; 7] = [
    "SYSTOLE_CONFIG",
    "SYSTOLE_LOG",
    "SYSTOLE_ADVISORY_DB",
    "SYSTOLE_LONG",
    "SYSTOLE_REQUIRE",
    "SYSTOLE_SKIP_LOG",
    "SYSTOLE_TEST_NSPAWN",
];

/// A rule of the program for a text, a list item, `name=value` of a map, or a free name. The error
/// says what is expected, as in "NAME=ADDRESS:PORT".
pub type Check = fn(&str) -> Result<(), String>;

/// What a key takes, with its bounds. Bounds are part of the allowed range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// A number that may have decimals.
    Number,
    /// A span of time.
    Duration {
        /// Shortest.
        min: Duration,
        /// Longest.
        max: Duration,
    },
    /// A number of bytes.
    Size {
        /// Smallest.
        min: ByteSize,
        /// Largest.
        max: ByteSize,
    },
    /// Any text.
    Text,
    /// One of these words; read as text.
    Choice(&'static [&'static str]),
    /// A path. In the file and in a preset it is relative to the folder of the file, elsewhere to
    /// the current folder.
    Path,
    /// IP address and port.
    Address,
    /// A list of texts; separated by commas in a variable or a flag.
    List {
        /// Most items.
        items_max: usize,
    },
    /// A table of texts; `name=value` separated by commas in a variable or a flag.
    Map {
        /// Most entries.
        entries_max: usize,
    },
}

impl Kind {
    /// A whole number from `min` to `max`.
    pub const fn integer(min: i64, max: i64) -> Self {
        Self::Integer { min, max }
    }

    /// A duration from `min` to `max`.
    pub const fn duration(min: Duration, max: Duration) -> Self {
        Self::Duration { min, max }
    }

    /// A size from `min` to `max` bytes.
    pub const fn size(min: u64, max: u64) -> Self {
        Self::Size { min: ByteSize(min), max: ByteSize(max) }
    }

    /// What a value must be, for people.
    pub fn expected(&self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Number => "a number such as 80 or 1.5".to_owned(),
            Self::Duration { min, max } => format!(
                "a duration such as \"5s\" or \"1h30m\", from {} to {}",
                duration_text(*min),
                duration_text(*max)
            ),
            Self::Size { min, max } => {
                format!("a size such as \"40KiB\", from {min} to {max}")
            }
            Self::Text => "a text in quotes".to_owned(),
            Self::Choice(words) => format!("one of \"{}\"", words.join("\", \"")),
            Self::Path => "a path in quotes".to_owned(),
            Self::Address => "an IP address with port such as \"127.0.0.1:5001\"".to_owned(),
            Self::List { items_max } => format!("a list of at most {items_max} texts"),
            Self::Map { entries_max } => {
                format!("a table of at most {entries_max} texts with names of their own")
            }
        }
    }
}

/// What a key is when no layer sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Nothing; the program does without.
    Unset,
    /// This, read like a variable's text.
    Text(&'static str),
    /// An error: somebody must decide.
    Required,
}

/// One setting that a program knows.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Tables and key joined by dots, as in `liveness.timeout` or `host.*.labels`.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// One line for people that fits after "it is".
    pub doc: &'static str,
    /// What it is when nobody sets it.
    pub preset: Preset,
    /// The program's own rule for its texts.
    pub check: Option<Check>,
    /// The program's own rule for the free name.
    pub free_check: Option<Check>,
}

impl Key {
    /// A key that may stay unset.
    pub const fn new(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, doc, preset: Preset::Unset, check: None, free_check: None }
    }

    /// With a default, written as in a variable.
    #[must_use]
    pub const fn preset(self, text: &'static str) -> Self {
        Self { preset: Preset::Text(text), ..self }
    }

    /// Must be set.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { preset: Preset::Required, ..self }
    }

    /// With a rule for its texts.
    #[must_use]
    pub const fn checked(self, check: Check) -> Self {
        Self { check: Some(check), ..self }
    }

    /// With a rule for its free name.
    #[must_use]
    pub const fn free_checked(self, check: Check) -> Self {
        Self { free_check: Some(check), ..self }
    }

    /// The variable that sets it; a key with a free name has none.
    pub fn variable(&self) -> Option<String> {
        let upper = self.name.to_ascii_uppercase().replace(['.', '-'], "_");
        (!self.is_free()).then(|| format!("{VARIABLE_PREFIX}{upper}"))
    }

    /// Whether its name has a free part.
    pub fn is_free(&self) -> bool {
        self.segments().any(|segment| segment == "*")
    }

    pub(super) fn segments(&self) -> impl Iterator<Item = &'static str> {
        self.name.split('.')
    }

    /// Whether `path` leads to this key or to a table above it.
    fn is_at_or_under(&self, path: &[&str]) -> bool {
        let mut own = self.segments();
        path.iter().all(|part| own.next().is_some_and(|segment| segment == "*" || segment == *part))
    }

    /// What is wrong with the declaration of this key alone.
    fn faults(&self) -> Vec<String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._*".contains(c);
        let stars = self.name.matches('*').count();
        let is_free_and_set = self.is_free() && self.preset != Preset::Unset;
        let variable = self.variable().unwrap_or_default();
        let mut faults = Vec::new();
        let mut fault = |holds: bool, text: &str| {
            if holds {
                faults.push(format!("`{}` {text}", self.name));
            }
        };
        fault(!self.name.chars().all(plain), "is not made of a-z, 0-9, _ and dots");
        fault(self.segments().any(str::is_empty), "has an empty part");
        fault(stars > 1 || (stars == 1) != self.is_free(), "has more than one free name");
        fault(is_free_and_set, "has a free name and a preset");
        fault(self.doc.is_empty(), "has no doc line");
        fault(OTHER_VARIABLES.contains(&&*variable), "has a variable with another meaning");
        if let Preset::Text(text) = self.preset
            && let Err(expected) = super::read::from_text(self, text, Path::new("/"))
        {
            fault(true, &format!("has the preset {text:?}, expected {expected}"));
        }
        faults
    }

    /// The name with its free part filled in.
    pub(super) fn filled(&self, free: &str) -> String {
        self.name.replacen('*', &super::value::key_text(free), 1)
    }
}

/// All keys of one program.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// `daemon`, `agent` or `console`: the file is named after it.
    pub program: &'static str,
    /// The keys, in the order in which they are printed.
    pub keys: &'static [Key],
}

/// Where a path of the file leads.
pub(super) enum Place {
    /// To the key with this index; the second is its free name, or empty.
    Key(usize, String),
    /// To a table that holds keys.
    Table,
    /// Nowhere.
    Nowhere,
}

impl Schema {
    /// The keys of `program`.
    pub const fn new(program: &'static str, keys: &'static [Key]) -> Self {
        Self { program, keys }
    }

    pub(super) fn place(&self, path: &[&str]) -> Place {
        let mut is_table = false;
        for (index, key) in self.keys.iter().enumerate() {
            if key.is_at_or_under(path) {
                if key.segments().count() == path.len() {
                    let free = key.segments().position(|segment| segment == "*");
                    let free = free.and_then(|at| path.get(at)).copied();
                    return Place::Key(index, free.unwrap_or_default().to_owned());
                }
                is_table = true;
            }
        }
        if is_table { Place::Table } else { Place::Nowhere }
    }

    /// The index of the key with this name, and the free name. `host.web-1.labels` finds `host.*.labels`.
    pub(super) fn find(&self, name: &str) -> Option<(usize, String)> {
        self.keys.iter().enumerate().find_map(|(index, key)| {
            if key.name == name {
                return Some((index, String::new()));
            }
            let (head, tail) = key.name.split_once('*')?;
            let free = name.strip_prefix(head)?.strip_suffix(tail)?;
            (!free.is_empty()).then(|| (index, free.trim_matches('"').to_owned()))
        })
    }

    /// The key that was probably meant by a path that leads nowhere.
    pub(super) fn near_path(&self, path: &[&str]) -> Near {
        let Some((last, above)) = path.split_last() else {
            return Near::Nothing;
        };
        let here: BTreeSet<&'static str> = self
            .keys
            .iter()
            .filter(|key| key.is_at_or_under(above))
            .filter_map(|key| key.segments().nth(above.len()))
            .filter(|segment| *segment != "*")
            .collect();
        if let Some(sibling) = nearest(last, here.iter().copied()) {
            let mut path = above.to_vec();
            path.push(sibling);
            return Near::Name(path.join("."));
        }
        let elsewhere = self.keys.iter().find(|key| key.segments().last() == Some(*last));
        match (elsewhere, self.near_name(&path.join("."))) {
            (Some(key), _) => Near::Name(key.name.replace('*', "NAME")),
            (None, Near::Nothing) if !here.is_empty() => {
                Near::OneOf(here.into_iter().take(NAMES_LISTED_MAX).collect())
            }
            (None, near) => near,
        }
    }

    pub(super) fn near_name(&self, name: &str) -> Near {
        let near = nearest(name, self.keys.iter().map(|key| key.name));
        near.map_or(Near::Nothing, |name| Near::Name(name.replace('*', "NAME")))
    }

    pub(super) fn near_variable(&self, name: &str) -> Near {
        let stem = |text: &str| text.trim_start_matches(VARIABLE_PREFIX).to_lowercase();
        let keys = self.keys.iter().filter_map(Key::variable);
        let known: Vec<(String, String)> = keys
            .chain(OTHER_VARIABLES.map(str::to_owned))
            .map(|variable| (stem(&variable), variable))
            .collect();
        let near = nearest(&stem(name), known.iter().map(|(stem, _)| stem.as_str()));
        let variable = known.iter().find(|(stem, _)| Some(stem.as_str()) == near);
        variable.map_or(Near::Nothing, |(_, variable)| Near::Name(variable.clone()))
    }

    /// What is wrong with the declaration itself; empty in a program that is right. For its tests.
    pub fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self.keys.iter().flat_map(Key::faults).collect();
        for (index, key) in self.keys.iter().enumerate() {
            let path: Vec<&str> = key.segments().collect();
            for other in self.keys.iter().skip(index + 1) {
                let other_path: Vec<&str> = other.segments().collect();
                if other.is_at_or_under(&path) || key.is_at_or_under(&other_path) {
                    faults.push(format!("`{}` and `{}` overlap", key.name, other.name));
                }
                if key.variable().is_some() && key.variable() == other.variable() {
                    faults.push(format!("`{}` and `{}` share a variable", key.name, other.name));
                }
            }
        }
        faults
    }
}
