//! One value from the text of a variable or a flag, or from a piece of TOML, checked against its key.
//!
//! Pure. An error says only what is expected; the caller knows the place.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeInteger, DeValue};

use super::schema::{Key, Kind};
use super::value::{ByteSize, Decimal, Value, parse_duration, path_in};
use super::{NAME_BYTES_MAX, Near, TEXT_BYTES_MAX, nearest};

/// What is expected in place of a value.
type Expected = String;

/// What is wrong with a piece of TOML.
pub(super) struct Refusal {
    /// Offset in the file, in bytes.
    pub(super) at: usize,
    /// Item of a list or name in a table, if it is not the whole value.
    pub(super) part: Option<String>,
    pub(super) expected: Expected,
    pub(super) found: Found,
}

/// What stands in place of a right value.
pub(super) enum Found {
    /// Another type, with its article.
    Type(&'static str),
    /// A wrong value of the right type.
    Value(String),
}

/// Reads the text of a variable, a flag or a preset. Lists and maps are separated by commas.
pub(super) fn from_text(key: &Key, text: &str, folder: &Path) -> Result<Value, Expected> {
    match key.kind {
        Kind::List { items_max } => {
            let items: Vec<String> = split(text).map(str::to_owned).collect();
            if items.len() > items_max {
                return Err(key.kind.expected());
            }
            items.iter().try_for_each(|item| check_text(key, item))?;
            Ok(Value::List(items))
        }
        Kind::Map { entries_max } => {
            let entry = |item: &str| {
                let (name, value) = item.split_once('=')?;
                Some((name.trim().to_owned(), value.trim().to_owned()))
            };
            let entries: Option<BTreeMap<String, String>> = split(text).map(entry).collect();
            let entries = entries.ok_or("name=value, separated by commas")?;
            if entries.len() > entries_max {
                return Err(key.kind.expected());
            }
            for (name, value) in &entries {
                check_entry(key, name, value)?;
            }
            Ok(Value::Map(entries))
        }
        Kind::Bool => text.parse().map(Value::Bool).map_err(|_| key.kind.expected()),
        Kind::Integer { min, max } => {
            let number = text.parse().ok().filter(|number| (min..=max).contains(number));
            number.map(Value::Integer).ok_or_else(|| key.kind.expected())
        }
        Kind::Number => Decimal::parse(text).map(Value::Number).ok_or_else(|| key.kind.expected()),
        Kind::Duration { .. }
        | Kind::Size { .. }
        | Kind::Text
        | Kind::Choice(_)
        | Kind::Path
        | Kind::Address => from_string(key, text, folder),
    }
}

/// Reads a piece of TOML.
pub(super) fn from_toml(
    key: &Key,
    value: &Spanned<DeValue<'_>>,
    folder: &Path,
) -> Result<Value, Refusal> {
    let at = value.span().start;
    let wrong_type = || wrong_type(value, key.kind.expected());
    let wrong_value = |found: &str, expected| Refusal {
        at,
        part: None,
        expected,
        found: Found::Value(found.to_owned()),
    };
    match (key.kind, value.get_ref()) {
        (Kind::Bool, DeValue::Boolean(value)) => Ok(Value::Bool(*value)),
        (Kind::Integer { min, max }, DeValue::Integer(number)) => whole(number)
            .filter(|number| (min..=max).contains(number))
            .map(Value::Integer)
            .ok_or_else(|| wrong_value(&number.to_string(), key.kind.expected())),
        (Kind::Number, DeValue::Integer(_) | DeValue::Float(_)) => {
            let text = number_text(value.get_ref());
            let number = Decimal::parse(&text).map(Value::Number);
            number.ok_or_else(|| wrong_value(&text, key.kind.expected()))
        }
        (Kind::List { items_max }, DeValue::Array(items)) => {
            if items.len() > items_max {
                return Err(wrong_value(&format!("{} texts", items.len()), key.kind.expected()));
            }
            items.iter().map(|item| read_item(key, item)).collect::<Result<_, _>>().map(Value::List)
        }
        (Kind::Map { entries_max }, DeValue::Table(entries)) => {
            if entries.len() > entries_max {
                return Err(wrong_value(&format!("{} texts", entries.len()), key.kind.expected()));
            }
            let pairs = entries.iter().map(|(name, value)| read_entry(key, name, value));
            pairs.collect::<Result<_, _>>().map(Value::Map)
        }
        (
            Kind::Duration { .. }
            | Kind::Size { .. }
            | Kind::Text
            | Kind::Choice(_)
            | Kind::Path
            | Kind::Address,
            DeValue::String(text),
        ) => from_string(key, text, folder).map_err(|expected| wrong_value(text, expected)),
        (_, _) => Err(wrong_type()),
    }
}

/// The refusal of a value for its type.
pub(super) fn wrong_type(value: &Spanned<DeValue<'_>>, expected: Expected) -> Refusal {
    let found = match value.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a decimal point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    Refusal { at: value.span().start, part: None, expected, found: Found::Type(found) }
}

/// The rule for free names and for names in maps.
pub(super) fn check_name(name: &str) -> Result<(), Expected> {
    let is_bad = |c: char| c == ',' || c == '=' || c.is_whitespace() || crate::text::is_hidden(c);
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(is_bad) {
        return Err(format!("a name of 1 to {NAME_BYTES_MAX} bytes without spaces, `,` and `=`"));
    }
    Ok(())
}

fn whole(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// A number as it is written, a whole one in decimal digits.
fn number_text(number: &DeValue<'_>) -> String {
    match number {
        DeValue::Integer(number) => {
            whole(number).map_or_else(|| number.to_string(), |whole| whole.to_string())
        }
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::String(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => String::new(),
    }
}

fn read_item(key: &Key, item: &Spanned<DeValue<'_>>) -> Result<String, Refusal> {
    let DeValue::String(text) = item.get_ref() else {
        return Err(wrong_type(item, "a list of texts in quotes".to_owned()));
    };
    check_text(key, text).map_err(|expected| Refusal {
        at: item.span().start,
        part: None,
        expected,
        found: Found::Value(text.to_string()),
    })?;
    Ok(text.to_string())
}

fn read_entry(
    key: &Key,
    name: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
) -> Result<(String, String), Refusal> {
    let part = || Some(super::value::key_text(name.get_ref()));
    let DeValue::String(text) = value.get_ref() else {
        return Err(Refusal { part: part(), ..wrong_type(value, "a text in quotes".to_owned()) });
    };
    check_entry(key, name.get_ref(), text).map_err(|expected| Refusal {
        at: value.span().start,
        part: part(),
        expected,
        found: Found::Value(text.to_string()),
    })?;
    Ok((name.get_ref().to_string(), text.to_string()))
}

/// The kinds that are a text both in TOML and in a variable.
fn from_string(key: &Key, text: &str, folder: &Path) -> Result<Value, Expected> {
    let value = match key.kind {
        Kind::Duration { min, max } => parse_duration(text)
            .filter(|duration| (min..=max).contains(duration))
            .map(Value::Duration),
        Kind::Size { min, max } => {
            ByteSize::parse(text).filter(|size| (min..=max).contains(size)).map(Value::Size)
        }
        Kind::Choice(words) => {
            if !words.contains(&text) {
                return Err(expected_word(key, text, words));
            }
            Some(Value::Text(text.to_owned()))
        }
        Kind::Path => {
            (!text.is_empty() && !text.contains('\0')).then(|| Value::Path(path_in(folder, text)))
        }
        Kind::Address => text.parse().ok().map(Value::Address),
        Kind::Text => Some(Value::Text(text.to_owned())),
        Kind::Bool | Kind::Integer { .. } | Kind::Number | Kind::List { .. } | Kind::Map { .. } => {
            None
        }
    };
    check_text(key, text)?;
    value.ok_or_else(|| key.kind.expected())
}

fn expected_word(key: &Key, text: &str, words: &[&str]) -> Expected {
    match nearest(text, words.iter().copied()) {
        Some(word) => format!("{}; {}", key.kind.expected(), Near::Name(word.to_owned())),
        None => key.kind.expected(),
    }
}

fn check_text(key: &Key, text: &str) -> Result<(), Expected> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("at most {TEXT_BYTES_MAX} bytes"));
    }
    key.check.map_or(Ok(()), |check| check(text))
}

fn check_entry(key: &Key, name: &str, value: &str) -> Result<(), Expected> {
    check_name(name)?;
    if value.len() > TEXT_BYTES_MAX {
        return Err(format!("at most {TEXT_BYTES_MAX} bytes"));
    }
    key.check.map_or(Ok(()), |check| check(&format!("{name}={value}")))
}

/// Items between commas; none in an empty text.
fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}
