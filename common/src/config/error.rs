//! What can be wrong with a configuration. Each error names file, line and key and what to write instead.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use super::settings::Source;
use super::{ERRORS_MAX, FILE_BYTES_MAX};
use crate::exit::Exit;

/// What to write in place of an unknown name, as the end of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Near {
    /// The known name that was probably meant.
    Name(String),
    /// No name is near; these stand at the same place.
    OneOf(Vec<&'static str>),
    /// No name is near.
    Nothing,
}

impl Near {
    /// The name that was probably meant.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::OneOf(_) | Self::Nothing => None,
        }
    }
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "did you mean `{name}`?"),
            Self::OneOf(names) => write!(f, "known here: {}", names.join(", ")),
            Self::Nothing => f.write_str("remove it"),
        }
    }
}

/// One thing that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key that this program does not have.
    #[error("{place}: unknown key `{key}`; {near}")]
    UnknownKey {
        /// Where it stands.
        place: Source,
        /// The key as written, with its tables.
        key: String,
        /// What was probably meant.
        near: Near,
    },
    /// A `SYSTOLE_` variable that stands for no key.
    #[error("unknown variable {name}; {near}")]
    UnknownVariable {
        /// The variable.
        name: String,
        /// What was probably meant.
        near: Near,
    },
    /// A value of another type than the key takes.
    #[error("{place}: `{key}` is {found}, expected {expected}")]
    WrongType {
        /// Where it stands.
        place: Source,
        /// The key.
        key: String,
        /// The type that was found, with its article.
        found: &'static str,
        /// What the key takes.
        expected: String,
    },
    /// A value that cannot be read or is out of range.
    #[error("{place}: `{key}` cannot be {found}, expected {expected}")]
    BadValue {
        /// Where it stands.
        place: Source,
        /// The key.
        key: String,
        /// The value as written, shortened.
        found: String,
        /// What the key takes.
        expected: String,
    },
    /// A key that must be set and is not.
    #[error("`{key}` is not set: write it into {} or set {variable}; it is {doc}", path.display())]
    Missing {
        /// The key.
        key: String,
        /// The file it belongs into.
        path: PathBuf,
        /// The variable that sets it.
        variable: String,
        /// What it is for.
        doc: &'static str,
    },
    /// The file is not TOML.
    #[error("{place}: {message}")]
    Syntax {
        /// Where reading stopped.
        place: Source,
        /// What the parser says.
        message: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {source}; name another file with --config", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason of the operating system.
        source: io::Error,
    },
    /// A folder, a pipe or a device in place of a file.
    #[error("{} is not a regular file; name another with --config", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// More than a person can have written.
    #[error("{} is longer than {FILE_BYTES_MAX} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// Bytes that are not UTF-8.
    #[error("{place}: not UTF-8 text; save the file as UTF-8")]
    NotText {
        /// The line with the first such byte.
        place: Source,
    },
    /// A variable whose value is not UTF-8.
    #[error("variable {name} is not UTF-8 text")]
    VariableNotText {
        /// The variable.
        name: String,
    },
    /// Our bug: a key was asked for that the schema does not have, or as a type that it is not.
    #[error("`{key}` is not declared as {wanted} in this program; please report this")]
    Undeclared {
        /// The key asked for.
        key: String,
        /// The type asked for.
        wanted: &'static str,
    },
}

impl ConfigError {
    /// How a program that cannot go on because of this ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Undeclared { .. } => Exit::Bug,
            Self::UnknownKey { .. }
            | Self::UnknownVariable { .. }
            | Self::WrongType { .. }
            | Self::BadValue { .. }
            | Self::Missing { .. }
            | Self::Syntax { .. }
            | Self::Unreadable { .. }
            | Self::NotAFile { .. }
            | Self::TooLong { .. }
            | Self::NotText { .. }
            | Self::VariableNotText { .. } => Exit::Usage,
        }
    }
}

/// Everything that is wrong with a configuration, one line each, at most [`ERRORS_MAX`] of them.
#[derive(Debug, Default)]
pub struct ConfigErrors {
    errors: Vec<ConfigError>,
    more: usize,
}

impl ConfigErrors {
    /// The errors that are told, in the order of the layers and lines.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.errors.iter()
    }

    /// How many there are, told or not.
    pub fn len(&self) -> usize {
        self.errors.len() + self.more
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How a program that cannot go on because of these ends.
    pub fn exit(&self) -> Exit {
        self.errors.iter().fold(Exit::Done, |exit, error| exit.worse(error.exit()))
    }

    /// Adds one.
    pub fn push(&mut self, error: ConfigError) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(error);
        } else {
            self.more += 1;
        }
    }
}

impl ConfigErrors {
    /// These after `before`.
    #[cfg(feature = "net")]
    pub(super) fn after(self, mut before: Self) -> Self {
        before.more += self.more;
        self.errors.into_iter().for_each(|error| before.push(error));
        before
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self { errors: vec![error], more: 0 }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.errors.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))?;
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl Error for ConfigErrors {}
