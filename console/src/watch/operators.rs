//! What `systole watch` prints of the other operators: who is there, who came, went or looks elsewhere.
//!
//! The watch does not tell of itself: its own session is left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use systole_common::time::UnixMs;
use systole_common::wire::feed::{FeedOperators, OperatorPresence};

use super::{Step, differences, print};
use crate::json::OperatorJson;

/// The others, as they were printed.
#[derive(Debug, Default)]
pub(super) struct Operators {
    /// By session; a daemon that was restarted counts sessions from the beginning.
    printed: BTreeMap<u64, OperatorPresence>,
}

impl Operators {
    /// Everybody who is attached now; prints what is new since the last time.
    pub(super) fn take(&mut self, at: UnixMs, told: FeedOperators) -> Vec<Step> {
        let others = told.operators.into_iter().filter(|one| one.session != told.own);
        let present: BTreeMap<u64, OperatorPresence> =
            others.map(|one| (one.session, one)).collect();
        let before = std::mem::take(&mut self.printed);
        let is_gone = |one: &&OperatorPresence| same(present.get(&one.session), one).is_none();
        let gone = before.values().filter(is_gone);
        let mut steps: Vec<Step> = gone.flat_map(|one| left(at, one)).collect();
        for one in present.values() {
            match same(before.get(&one.session), one) {
                None => steps.extend(line(at, &OperatorJson::new(one, true), Value::Null)),
                Some(known) if known != one => steps.extend(changed(at, known, one)),
                Some(_) => {}
            }
        }
        self.printed = present;
        steps
    }
}

/// `known` if it is the same operator on the same connection.
fn same<'a>(
    known: Option<&'a OperatorPresence>,
    one: &OperatorPresence,
) -> Option<&'a OperatorPresence> {
    known.filter(|known| known.operator == one.operator && known.since == one.since)
}

fn left(at: UnixMs, one: &OperatorPresence) -> Vec<Step> {
    line(at, &OperatorJson::new(one, false), json!({ "attached": true }))
}

fn changed(at: UnixMs, known: &OperatorPresence, one: &OperatorPresence) -> Vec<Step> {
    let json = OperatorJson::new(one, true);
    let previous = differences(&OperatorJson::new(known, true), &json, &[]);
    line(at, &json, Value::Object(previous))
}

fn line(at: UnixMs, json: &OperatorJson, previous: Value) -> Vec<Step> {
    let mut rest = Map::new();
    rest.insert("previous".to_owned(), previous);
    print(at, "operator", json, rest)
}
