//! The fields that a filter knows, their kinds, and how a value for each is read.
//!
//! One list for hosts and alerts: a subject that has no such field is not matched by it. What is not
//! in the list is a label.

use super::ast::{Compare, Operand, Operator, Pattern};
use super::error::Problem;
use crate::config::{ByteSize, nearest, nearest_by_one, parse_duration};
use crate::model::alert::{AlertState, Overlay, Severity};
use crate::model::coded::Coded;
use crate::model::host::{Cause, Certainty, HostState};

/// What a label's field name begins with.
const LABEL: &str = "label.";
/// Shortest field that a label is compared with for a hint; shorter ones are near to everything.
const HINT_NAME_MIN: usize = 5;
/// Suffixes of a duration and their milliseconds.
const MILLISECONDS: [(&str, f64); 5] =
    [("ms", 1.0), ("s", 1e3), ("m", 6e4), ("h", 3.6e6), ("d", 8.64e7)];
/// Suffixes of a size that are not those of [`ByteSize`], and those, for numbers with decimals.
const BYTES: [(&str, f64); 13] = [
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("K", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("B", 1.0),
];
/// Short names that people type.
const ALIASES: [(&str, &str); 6] = [
    ("alert", "rule"),
    ("load", "load1"),
    ("mem", "memory"),
    ("name", "host"),
    ("sev", "severity"),
    ("warnings", "warning"),
];

/// What a field is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A pure number.
    Number,
    /// 0 to 100.
    Percent,
    /// Milliseconds; a bare number means seconds.
    Duration,
    /// Bytes, or bytes in a second.
    Size,
    /// Text.
    Text,
    /// One word of a closed list.
    Word,
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name in a filter.
    pub name: &'static str,
    /// What it is made of.
    pub kind: FieldKind,
    /// Whether it has parts, as in `disk[/var]`. Without one the highest counts.
    pub has_instances: bool,
    /// One line for help.
    pub doc: &'static str,
}

const fn field(name: &'static str, kind: FieldKind, doc: &'static str) -> Field {
    Field { name, kind, has_instances: false, doc }
}

const fn parts(name: &'static str, kind: FieldKind, doc: &'static str) -> Field {
    Field { name, kind, has_instances: true, doc }
}

/// Every field, in the order of the help.
const FIELDS: &[Field] = &[
    field("host", FieldKind::Text, "name of the host"),
    field("state", FieldKind::Word, "state of the host or the alert"),
    field("cause", FieldKind::Word, "why the host is in its state"),
    field("certainty", FieldKind::Word, "how sure the cause is"),
    field("severity", FieldKind::Word, "how bad the alert is"),
    field("overlay", FieldKind::Word, "what lies over the alert"),
    field("rule", FieldKind::Text, "rule of the alert"),
    field("subject", FieldKind::Text, "what of the host the alert is about"),
    field("key", FieldKind::Text, "key of the alert"),
    field("id", FieldKind::Number, "number of the alert"),
    field("age", FieldKind::Duration, "age of the last heartbeat"),
    field("since", FieldKind::Duration, "time in the present state"),
    field("interval", FieldKind::Duration, "interval of the heartbeats"),
    field("rtt", FieldKind::Duration, "round trip"),
    field("offset", FieldKind::Duration, "offset of the host's clock"),
    field("uptime", FieldKind::Duration, "time since the host started"),
    field("cpu", FieldKind::Percent, "processor time used"),
    field("iowait", FieldKind::Percent, "processor time spent waiting for disks"),
    field("steal", FieldKind::Percent, "processor time taken by other guests"),
    field("memory", FieldKind::Percent, "memory used"),
    field("swap", FieldKind::Percent, "swap used"),
    parts("disk", FieldKind::Percent, "file system used, by mount point"),
    parts("inodes", FieldKind::Percent, "inodes used, by mount point"),
    parts("busy", FieldKind::Percent, "time in which a block device works"),
    field("load1", FieldKind::Number, "load over one minute"),
    field("load5", FieldKind::Number, "load over five minutes"),
    field("load15", FieldKind::Number, "load over fifteen minutes"),
    field("cores", FieldKind::Number, "processor cores"),
    parts("rx", FieldKind::Size, "bytes received in a second, by interface"),
    parts("tx", FieldKind::Size, "bytes sent in a second, by interface"),
    parts("read", FieldKind::Size, "bytes read in a second, by block device"),
    parts("write", FieldKind::Size, "bytes written in a second, by block device"),
    field("critical", FieldKind::Number, "open critical alerts of the host"),
    field("warning", FieldKind::Number, "open warnings of the host"),
    field("os", FieldKind::Text, "operating system"),
    field("version", FieldKind::Text, "version of the agent"),
    field("address", FieldKind::Text, "address that the agent connects from"),
    field("daemon", FieldKind::Text, "daemon that hears the host"),
];

/// Every field, for help and completion.
pub fn fields() -> &'static [Field] {
    FIELDS
}

/// A sentence if the comparison is with a label that is one slip away from a field.
pub(super) fn hint(compare: &Compare) -> Option<String> {
    let name = compare.field.strip_prefix(LABEL)?;
    let long = FIELDS.iter().map(|field| field.name).filter(|name| name.len() >= HINT_NAME_MIN);
    let near = nearest_by_one(name, long)?;
    Some(format!("`{name}` is read as a label; did you mean the field `{near}`?"))
}

/// The comparison that `name operator value` means. An error says whether name or value is wrong.
pub(super) fn compare(
    name: &str,
    operator: Operator,
    value: &Pattern,
) -> Result<Compare, (Part, Problem)> {
    let (base, instance) = split(name);
    let Some(field) = known(base) else {
        return label(name, operator, value);
    };
    if instance.is_some() && !field.has_instances {
        return Err((Part::Name, Problem::NoInstance { field: field.name }));
    }
    let operand = operand(field, operator, value)?;
    let field = instance.map_or(field.name.to_owned(), |part| format!("{}[{part}]", field.name));
    Ok(Compare { field, operator, operand })
}

/// Which part of a comparison is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Name,
    Operator,
    Value,
}

fn known(name: &str) -> Option<&'static Field> {
    let alias = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
    let name = alias.map_or(name, |(_, name)| name);
    FIELDS.iter().find(|field| field.name.eq_ignore_ascii_case(name))
}

/// `disk[/var]` in its two parts.
fn split(name: &str) -> (&str, Option<&str>) {
    let parts = name.split_once('[').and_then(|(base, rest)| Some((base, rest.strip_suffix(']')?)));
    parts.map_or((name, None), |(base, instance)| (base, Some(instance)))
}

fn label(name: &str, operator: Operator, value: &Pattern) -> Result<Compare, (Part, Problem)> {
    let prefix = name.get(..LABEL.len()).filter(|prefix| prefix.eq_ignore_ascii_case(LABEL));
    let explicit = prefix.and_then(|_| name.get(LABEL.len()..));
    if explicit == Some("") || name.is_empty() {
        return Err((Part::Name, Problem::Expected("the name of a label, as in label.role")));
    }
    if explicit.is_none() && operator.is_order() {
        let names = FIELDS.iter().map(|field| field.name);
        let names = names.chain(ALIASES.iter().map(|(alias, _)| *alias));
        let near = nearest(split(name).0, names);
        return Err((Part::Name, Problem::UnknownField { near }));
    }
    let operand = if operator.is_order() {
        number(FieldKind::Number, text_of(value)).ok_or_else(|| wrong(FieldKind::Number))?
    } else {
        Operand::Text(value.clone())
    };
    Ok(Compare { field: format!("{LABEL}{}", explicit.unwrap_or(name)), operator, operand })
}

fn operand(field: &Field, operator: Operator, value: &Pattern) -> Result<Operand, (Part, Problem)> {
    match field.kind {
        FieldKind::Text | FieldKind::Word if operator.is_order() => {
            Err((Part::Operator, Problem::NoOrder { field: field.name }))
        }
        FieldKind::Text => Ok(Operand::Text(value.clone())),
        FieldKind::Word => word(field, value).map(Operand::Text).map_err(|e| (Part::Value, e)),
        FieldKind::Number | FieldKind::Percent | FieldKind::Duration | FieldKind::Size => {
            number(field.kind, text_of(value)).ok_or_else(|| wrong(field.kind))
        }
    }
}

fn wrong(kind: FieldKind) -> (Part, Problem) {
    (Part::Value, Problem::Expected(expected(kind)))
}

/// What a value of this kind looks like.
pub(super) fn expected(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Number => "a number such as 4 or 0.5",
        FieldKind::Percent => "a percentage such as 80 or 80%",
        FieldKind::Duration => "a duration such as 5s or 1h30m",
        FieldKind::Size => "a size such as 10M or 40KiB",
        FieldKind::Text | FieldKind::Word => "a value",
    }
}

/// What the value of a field called `name` looks like.
pub(super) fn expected_of(name: &str) -> &'static str {
    expected(known(split(name).0).map_or(FieldKind::Text, |field| field.kind))
}

fn words(field: &Field) -> Vec<&'static str> {
    fn names<T: Coded>() -> impl Iterator<Item = &'static str> {
        T::ALL.iter().map(|member| member.as_str())
    }
    match field.name {
        "state" => names::<HostState>().chain(names::<AlertState>()).collect(),
        "cause" => names::<Cause>().collect(),
        "certainty" => names::<Certainty>().collect(),
        "severity" => names::<Severity>().collect(),
        "overlay" => names::<Overlay>().collect(),
        _ => Vec::new(),
    }
}

/// A word of a closed list in its canonical letters. A glob is anybody's guess and passes.
fn word(field: &Field, value: &Pattern) -> Result<Pattern, Problem> {
    let Pattern::Exact(text) = value else {
        return Ok(value.clone());
    };
    let words = words(field);
    if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
        return Ok(Pattern::Exact((*word).to_owned()));
    }
    let near = nearest(text, words.iter().copied());
    Err(Problem::UnknownWord { field: field.name, words, near })
}

fn text_of(pattern: &Pattern) -> &str {
    match pattern {
        Pattern::Exact(text) | Pattern::Glob(text) => text,
    }
}

fn number(kind: FieldKind, text: &str) -> Option<Operand> {
    match kind {
        FieldKind::Number => decimal(text).map(Operand::Number),
        FieldKind::Percent => decimal(text.strip_suffix('%').unwrap_or(text)).map(Operand::Number),
        FieldKind::Duration => {
            #[expect(clippy::cast_precision_loss, reason = "a filter compares, it does not count")]
            let whole = parse_duration(text).map(|duration| duration.as_millis() as f64);
            let plain = || decimal(text).map(|seconds| seconds * 1e3);
            whole.or_else(plain).or_else(|| scaled(text, &MILLISECONDS)).map(Operand::Milliseconds)
        }
        FieldKind::Size => {
            #[expect(clippy::cast_precision_loss, reason = "a filter compares, it does not count")]
            let whole = ByteSize::parse(text).map(|size| size.0 as f64);
            let plain = || decimal(text);
            whole.or_else(plain).or_else(|| scaled(text, &BYTES)).map(Operand::Bytes)
        }
        FieldKind::Text | FieldKind::Word => None,
    }
    .filter(|operand| match operand {
        Operand::Number(value) | Operand::Milliseconds(value) | Operand::Bytes(value) => {
            value.is_finite()
        }
        Operand::Text(_) => false,
    })
}

fn scaled(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..)?;
    let (_, factor) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    decimal(digits).map(|number| number * factor)
}

/// A number of digits, at most one point, and a sign; not `inf`, `nan` or `1e9`.
fn decimal(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    if is_plain { text.parse().ok() } else { None }
}
