//! The layers laid over each other: preset, file, variables, flags.
//!
//! Pure: everything that comes from the world is in [`Inputs`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::FOUND_CELLS_MAX;
use super::error::{ConfigError, ConfigErrors};
use super::file::read_file;
use super::read::{check_name, from_text};
use super::schema::{Key, OTHER_VARIABLES, Preset, Schema, VARIABLE_PREFIX};
use super::settings::{Setting, Settings, Source};
use crate::text::scrub_to;

/// A configuration file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileText {
    /// Where it is, for messages and as the start of relative paths.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// A key that a flag sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The key, as `liveness.timeout`.
    pub key: String,
    /// Its value, written as in a variable.
    pub text: String,
    /// The flag for messages, as `--interval`.
    pub flag: String,
}

impl Override {
    /// What `flag` says about `key`.
    pub fn new(flag: &str, key: &str, text: impl Into<String>) -> Self {
        Self { key: key.to_owned(), text: text.into(), flag: flag.to_owned() }
    }
}

/// All that the layers above the presets are made of.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The file, if there is one.
    pub file: Option<FileText>,
    /// Where the file would be; relative paths of presets start here if there is no file.
    pub default_folder: PathBuf,
    /// Where relative paths of variables and flags start.
    pub current_folder: PathBuf,
    /// The variables that begin with `SYSTOLE_`; others are passed over.
    pub variables: Vec<(String, String)>,
    /// The flags.
    pub overrides: Vec<Override>,
}

/// Lays the layers over each other. All errors of all layers are told at once.
pub fn resolve(schema: &'static Schema, inputs: &Inputs) -> Result<Settings, ConfigErrors> {
    let file = inputs.file.as_ref();
    let folder = file.and_then(|file| file.path.parent());
    let mut settings = Settings {
        schema,
        values: BTreeMap::new(),
        file: file.map(|file| file.path.clone()),
        folder: folder.unwrap_or(&inputs.default_folder).to_path_buf(),
    };
    let mut errors = ConfigErrors::default();
    put_presets(&mut settings, &mut errors);
    if let Some(FileText { path, text }) = file {
        read_file(&Arc::from(path.as_path()), text, &mut settings, &mut errors);
    }
    for (name, text) in &inputs.variables {
        put_variable(name, text, &inputs.current_folder, &mut settings, &mut errors);
    }
    for given in &inputs.overrides {
        put_override(given, &inputs.current_folder, &mut settings, &mut errors);
    }
    // A file that cannot be read says nothing about what it sets.
    if errors.is_empty() {
        settings.missing().for_each(|error| errors.push(error));
    }
    if errors.is_empty() { Ok(settings) } else { Err(errors) }
}

fn put_presets(settings: &mut Settings, errors: &mut ConfigErrors) {
    for (index, key) in settings.schema.keys.iter().enumerate() {
        if key.is_free() {
            continue;
        }
        let value = match key.preset {
            Preset::Unset | Preset::Required => None,
            Preset::Text(text) => from_text(key, text, &settings.folder).map_or_else(
                |_| {
                    let wanted = "its own preset";
                    errors.push(ConfigError::Undeclared { key: key.name.to_owned(), wanted });
                    None
                },
                Some,
            ),
        };
        let setting = Setting { value, source: Source::Default };
        settings.values.insert((index, String::new()), setting);
    }
}

fn put_variable(
    name: &str,
    text: &str,
    folder: &Path,
    settings: &mut Settings,
    errors: &mut ConfigErrors,
) {
    if !name.starts_with(VARIABLE_PREFIX) || OTHER_VARIABLES.contains(&name) {
        return;
    }
    let keys = settings.schema.keys.iter().enumerate();
    let found = keys.into_iter().find(|(_, key)| key.variable().as_deref() == Some(name));
    let Some((index, key)) = found else {
        let near = settings.schema.near_variable(name);
        let name = scrub_to(name, FOUND_CELLS_MAX).into_owned();
        errors.push(ConfigError::UnknownVariable { name, near });
        return;
    };
    let slot = (index, String::new());
    put_text(slot, key, text, Source::Env(name.to_owned()), folder, settings, errors);
}

fn put_override(
    given: &Override,
    folder: &Path,
    settings: &mut Settings,
    errors: &mut ConfigErrors,
) {
    let source = Source::Flag(given.flag.clone());
    let found = settings.schema.find(&given.key);
    let key = found.as_ref().and_then(|(index, _)| settings.schema.keys.get(*index));
    let (Some(slot), Some(key)) = (found, key) else {
        errors.push(settings.unknown(source, &given.key));
        return;
    };
    if key.is_free() {
        let check = key.free_check.unwrap_or(check_name);
        if check_name(&slot.1).and_then(|()| check(&slot.1)).is_err() {
            errors.push(settings.unknown(source, &given.key));
            return;
        }
    }
    put_text(slot, key, &given.text, source, folder, settings, errors);
}

fn put_text(
    slot: (usize, String),
    key: &Key,
    text: &str,
    source: Source,
    folder: &Path,
    settings: &mut Settings,
    errors: &mut ConfigErrors,
) {
    match from_text(key, text, folder) {
        Ok(value) => {
            let setting = Setting { value: Some(value), source };
            settings.values.insert(slot, setting);
        }
        Err(expected) => errors.push(ConfigError::BadValue {
            place: source,
            key: key.filled(&slot.1),
            found: format!("\"{}\"", scrub_to(text, FOUND_CELLS_MAX)),
            expected,
        }),
    }
}
