//! Values of settings: durations, sizes and the closed list of all kinds, each parsed and printed.
//!
//! What is printed parses to the same value. Pure; where a value came from is `source.rs`.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Units of a duration in milliseconds, longest first.
const DURATION_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
/// Units of a size in bytes, largest first.
const SIZE_UNITS: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads `250ms`, `5s`, `20m`, `1h30m`, `30d`: whole numbers with units, each unit once, longest
/// first. `None` if it is anything else or longer than 2^64 ms.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total_ms: u64 = 0;
    let mut units = DURATION_UNITS.as_slice();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = split_number(rest)?;
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters)?;
        let place = units.iter().position(|(name, _)| *name == unit)?;
        let (_, unit_ms) = units.get(place)?;
        units = units.get(place + 1..)?;
        total_ms = total_ms.checked_add(number.checked_mul(*unit_ms)?)?;
        rest = after;
    }
    Some(Duration::from_millis(total_ms))
}

/// A duration as [`parse_duration`] reads it: `1h30m`, `250ms`, `0s`. Less than a millisecond is
/// left out.
pub fn duration_text(duration: Duration) -> String {
    let mut rest_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, unit_ms) in DURATION_UNITS {
        let count = rest_ms / unit_ms;
        rest_ms %= unit_ms;
        if count > 0 {
            let _ = write!(text, "{count}{unit}");
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// A number of bytes. Reads and prints `40KiB`, `1GiB`, `512B`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// Reads a whole number with one of the units B, KiB, MiB, GiB, TiB. `None` if it is anything
    /// else or more than 2^64 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split_number(text)?;
        let (_, bytes) = SIZE_UNITS.iter().find(|(name, _)| *name == unit)?;
        number.checked_mul(*bytes).map(Self)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole =
            SIZE_UNITS.iter().find(|(_, bytes)| self.0 > 0 && self.0.is_multiple_of(*bytes));
        match whole {
            Some((unit, bytes)) => f.pad(&format!("{}{unit}", self.0 / bytes)),
            None => f.pad("0B"),
        }
    }
}

/// A number that may have decimals; finite, so that it equals itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decimal(f64);

impl Eq for Decimal {}

impl Decimal {
    /// Reads `80`, `1.5`, `-20`, `1e9`. `None` if it is anything else, infinite or undefined.
    pub fn parse(text: &str) -> Option<Self> {
        let number: f64 = text.parse().ok()?;
        // Adding zero makes minus zero the same as zero.
        number.is_finite().then_some(Self(number + 0.0))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Leading decimal digits and what follows them.
fn split_number(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, rest))
}

/// The value of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number that may have decimals.
    Number(Decimal),
    /// A span of time, in whole milliseconds.
    Duration(Duration),
    /// A number of bytes.
    Size(ByteSize),
    /// Text.
    Text(String),
    /// A path, absolute if the folder it is relative to was.
    Path(PathBuf),
    /// IP address and port.
    Address(SocketAddr),
    /// Texts in the order given.
    List(Vec<String>),
    /// Texts by name.
    Map(BTreeMap<String, String>),
}

/// Prints the value as TOML has it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Duration(value) => write!(f, "\"{}\"", duration_text(*value)),
            Self::Size(value) => write!(f, "\"{value}\""),
            Self::Text(value) => f.write_str(&quoted(value)),
            Self::Path(value) => f.write_str(&quoted(&value.display().to_string())),
            Self::Address(value) => write!(f, "\"{value}\""),
            Self::List(values) => {
                let items: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Self::Map(values) if values.is_empty() => f.write_str("{}"),
            Self::Map(values) => {
                let items: Vec<String> = values
                    .iter()
                    .map(|(name, value)| format!("{} = {}", key_text(name), quoted(value)))
                    .collect();
                write!(f, "{{ {} }}", items.join(", "))
            }
        }
    }
}

/// A part of a key as TOML has it: bare where that is allowed, else quoted.
pub(super) fn key_text(part: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !part.is_empty() && part.chars().all(bare) { part.to_owned() } else { quoted(part) }
}

/// A TOML basic string that holds no hidden character.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if crate::text::is_hidden(c) => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What a typed getter can make of a [`Value`].
pub trait FromValue: Sized {
    /// The value, if it is of this type and in its range.
    fn from_value(value: &Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($type:ty: $pattern:pat => $result:expr;)+) => {
        $(impl FromValue for $type {
            fn from_value(value: &Value) -> Option<Self> {
                if let $pattern = value { $result } else { None }
            }
        })+
    };
}

from_value! {
    bool: Value::Bool(value) => Some(*value);
    i64: Value::Integer(value) => Some(*value);
    u64: Value::Integer(value) => Self::try_from(*value).ok();
    u32: Value::Integer(value) => Self::try_from(*value).ok();
    u16: Value::Integer(value) => Self::try_from(*value).ok();
    usize: Value::Integer(value) => Self::try_from(*value).ok();
    f64: Value::Number(value) => Some(value.get());
    Duration: Value::Duration(value) => Some(*value);
    ByteSize: Value::Size(value) => Some(*value);
    String: Value::Text(value) => Some(value.clone());
    PathBuf: Value::Path(value) => Some(value.clone());
    SocketAddr: Value::Address(value) => Some(*value);
    Vec<String>: Value::List(values) => Some(values.clone());
    BTreeMap<String, String>: Value::Map(values) => Some(values.clone());
}

/// `path` in `folder` unless it is absolute, without needless `./`.
pub(super) fn path_in(folder: &Path, path: &str) -> PathBuf {
    folder.join(path.strip_prefix("./").unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_of_the_contract_are_read() {
        let ms = |text| parse_duration(text).map(|duration| duration.as_millis());
        assert_eq!(ms("250ms"), Some(250));
        assert_eq!(ms("5s"), Some(5_000));
        assert_eq!(ms("20m"), Some(1_200_000));
        assert_eq!(ms("1h30m"), Some(5_400_000));
        assert_eq!(ms("30d"), Some(2_592_000_000));
        assert_eq!(ms("1d2h3m4s5ms"), Some(93_784_005));
        assert_eq!(ms("0s"), Some(0));
        for bad in [
            "",
            "5",
            "s",
            "5 s",
            " 5s",
            "-5s",
            "1.5s",
            "5S",
            "30m1h",
            "5s5s",
            "5sec",
            "5s ",
            "1y",
            "99999999999999999999s",
            "18446744073709551615d",
            "٥s",
            "5s\u{200b}",
        ] {
            assert_eq!(ms(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn sizes_of_the_contract_are_read() {
        let bytes = |text| ByteSize::parse(text).map(|size| size.0);
        assert_eq!(bytes("40KiB"), Some(40 << 10));
        assert_eq!(bytes("1GiB"), Some(1 << 30));
        assert_eq!(bytes("512B"), Some(512));
        assert_eq!(bytes("2TiB"), Some(2 << 40));
        assert_eq!(bytes("0B"), Some(0));
        for bad in ["", "5", "KiB", "40KB", "40kib", "4 KiB", "1.5MiB", "-1B", "16777216TiB"] {
            assert_eq!(bytes(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn values_print_as_people_write_them() {
        let duration = |ms| duration_text(Duration::from_millis(ms));
        assert_eq!(duration(5_400_000), "1h30m");
        assert_eq!(duration(0), "0s");
        assert_eq!(duration(90_500), "1m30s500ms");
        assert_eq!(ByteSize(40 << 10).to_string(), "40KiB");
        assert_eq!(ByteSize(1536).to_string(), "1536B");
        assert_eq!(ByteSize(0).to_string(), "0B");
        assert_eq!(Value::Text("a\"\\\u{1b}\n".into()).to_string(), r#""a\"\\\U0000001B\n""#);
        let map = [("role".to_owned(), "db".to_owned()), ("a b".to_owned(), String::new())];
        assert_eq!(Value::Map(map.into()).to_string(), r#"{ "a b" = "", role = "db" }"#);
        assert_eq!(Value::List(vec!["a".into(), "b".into()]).to_string(), r#"["a", "b"]"#);
    }

    #[test]
    fn numbers_with_decimals_are_finite() {
        let read = |text| Decimal::parse(text).map(|number| number.to_string());
        assert_eq!(read("80").as_deref(), Some("80"));
        assert_eq!(read("1.25").as_deref(), Some("1.25"));
        assert_eq!(read("-0").as_deref(), Some("0"));
        for bad in ["", "inf", "-inf", "nan", "1e999", "80%", " 1", "0x10", "1,5"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_duration_reads_back(ms: u64) {
            let duration = Duration::from_millis(ms);
            prop_assert_eq!(parse_duration(&duration_text(duration)), Some(duration));
        }

        #[test]
        fn a_printed_size_reads_back(bytes: u64, shift in 0_u32..41) {
            let size = ByteSize(bytes >> shift << shift);
            prop_assert_eq!(ByteSize::parse(&size.to_string()), Some(size));
        }

        #[test]
        fn no_text_is_a_trap(text in any::<String>(), digits in "[0-9a-zA-Z. ]{0,24}") {
            for text in [text, digits] {
                let _ = (parse_duration(&text), ByteSize::parse(&text));
            }
        }
    }
}
