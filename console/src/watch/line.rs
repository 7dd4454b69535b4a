//! One line of `systole watch`, and what in it is different from the one before.

use serde::Serialize;
use serde_json::{Map, Value};
use systole_common::time::UnixMs;

use super::Step;
use crate::json;

/// Prints `object` with its time, its kind and `rest`.
pub(super) fn print(
    at: UnixMs,
    kind: &'static str,
    object: &impl Serialize,
    rest: Map<String, Value>,
) -> Vec<Step> {
    // Only a map whose keys are no text could fail here, and there is none.
    let line = json::line(&Line { at: at.rfc3339(), kind, object, rest });
    line.map(Step::Print).into_iter().collect()
}

/// The fields of `before` that are different in `after`, but for those in `ignored`.
pub(super) fn differences(
    before: &impl Serialize,
    after: &impl Serialize,
    ignored: &[&str],
) -> Map<String, Value> {
    let (before, after) = (fields(before), fields(after));
    let changed = |(field, value): &(String, Value)| {
        !ignored.contains(&field.as_str()) && after.get(field) != Some(value)
    };
    before.into_iter().filter(changed).collect()
}

/// One line of output.
#[derive(Serialize)]
struct Line<'a, T> {
    at: String,
    kind: &'static str,
    #[serde(flatten)]
    object: &'a T,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

fn fields(object: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(object) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => Map::new(),
    }
}
