//! What `systole watch` prints of messages: the new ones, and how far each came.
//!
//! What was said before the watch began makes no line. A picture after a lost link is compared: what is
//! new in it is told when it is complete, behind what it has no room for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use systole_common::time::UnixMs;
use systole_common::wire::talk::{FeedMarks, FeedMessage, MessageMarks, MessageRecord};

use super::{Step, differences, print};
use crate::json::MessageJson;
use crate::limits::TALK_REMEMBERED_MAX;

/// The messages that may still come further, as they were printed.
#[derive(Debug, Default)]
pub(super) struct Messages {
    waiting: BTreeMap<u64, Said>,
    /// The newest one that was told; what is not above it is not new.
    highest: u64,
    /// Whether a picture was complete.
    has_begun: bool,
    picture: Option<Picture>,
}

/// A picture that is being sent.
#[derive(Debug, Default)]
struct Picture {
    lowest: Option<u64>,
    /// What is new in it.
    news: BTreeMap<u64, Said>,
}

#[derive(Debug, Clone)]
struct Said {
    record: MessageRecord,
    delivered_to: BTreeSet<String>,
    failed_to: BTreeSet<String>,
}

impl Messages {
    /// A fresh picture begins.
    pub(super) fn begin_picture(&mut self) {
        self.picture = Some(Picture::default());
    }

    /// The picture is complete: tells what is new in it.
    pub(super) fn complete(&mut self, at: UnixMs) -> Vec<Step> {
        let Some(picture) = self.picture.take() else { return Vec::new() };
        let above = self.highest;
        let newest = picture.news.keys().next_back().copied().unwrap_or(0);
        self.highest = self.highest.max(newest);
        let mut steps = Vec::new();
        // An older one that is not in it was said while nobody listened.
        let gap = picture.lowest.filter(|lowest| *lowest > above.saturating_add(1));
        if let (true, Some(before)) = (self.has_begun, gap) {
            steps.push(Step::AskMessages { above, before });
        }
        for (number, said) in picture.news {
            if self.has_begun {
                steps.extend(line(at, &said.json(), Value::Null));
            }
            self.remember(number, said);
        }
        self.has_begun = true;
        steps
    }

    /// Somebody spoke, or is part of a picture.
    pub(super) fn take(&mut self, at: UnixMs, told: FeedMessage) -> Vec<Step> {
        let number = told.record.number;
        let said = Said::new(told.record, &[]);
        if let Some(picture) = self.picture.as_mut().filter(|_| !told.is_new) {
            picture.lowest = Some(picture.lowest.map_or(number, |lowest| lowest.min(number)));
            if number > self.highest {
                picture.news.insert(number, said);
            }
            return Vec::new();
        }
        self.tell(at, said)
    }

    /// A message came further.
    pub(super) fn mark(&mut self, at: UnixMs, marks: FeedMarks) -> Vec<Step> {
        let number = marks.number;
        let news = self.picture.as_mut().and_then(|picture| picture.news.get_mut(&number));
        if let Some(said) = news {
            said.add(marks);
            return Vec::new();
        }
        let Some(said) = self.waiting.get_mut(&number) else { return Vec::new() };
        let before = said.json();
        said.add(marks);
        let after = said.json();
        if said.is_over() {
            self.waiting.remove(&number);
        }
        let changed = differences(&before, &after, &[]);
        if changed.is_empty() { Vec::new() } else { line(at, &after, Value::Object(changed)) }
    }

    /// The answer to [`Step::AskMessages`], newest first.
    pub(super) fn missed(
        &mut self,
        at: UnixMs,
        said: Vec<(MessageRecord, Vec<MessageMarks>)>,
    ) -> Vec<Step> {
        let mut steps = Vec::new();
        for (record, marks) in said.into_iter().rev() {
            let said = Said::new(record, &marks);
            steps.extend(line(at, &said.json(), Value::Null));
            self.remember(said.record.number, said);
        }
        steps
    }

    fn tell(&mut self, at: UnixMs, said: Said) -> Vec<Step> {
        let number = said.record.number;
        if number <= self.highest {
            return Vec::new();
        }
        self.highest = number;
        let steps = line(at, &said.json(), Value::Null);
        self.remember(number, said);
        steps
    }

    fn remember(&mut self, number: u64, said: Said) {
        if said.is_over() {
            return;
        }
        self.waiting.insert(number, said);
        if self.waiting.len() > TALK_REMEMBERED_MAX {
            self.waiting.pop_first();
        }
    }
}

impl Said {
    fn new(record: MessageRecord, marks: &[MessageMarks]) -> Self {
        let delivered = marks.iter().flat_map(|marks| marks.delivered_to.iter().cloned());
        let failed = marks.iter().flat_map(|marks| marks.failed_to.iter().cloned());
        Self { delivered_to: delivered.collect(), failed_to: failed.collect(), record }
    }

    fn add(&mut self, marks: FeedMarks) {
        // A mark is final, so counts only grow.
        self.record.delivered = self.record.delivered.max(marks.delivered);
        self.record.failed = self.record.failed.max(marks.failed);
        self.delivered_to.extend(marks.delivered_to);
        self.failed_to.extend(marks.failed_to);
    }

    /// Whether every host has it or never will, and is named.
    fn is_over(&self) -> bool {
        let MessageRecord { targets, delivered, failed, .. } = self.record;
        let named = self.delivered_to.len() + self.failed_to.len();
        let marked = delivered.saturating_add(failed);
        marked >= targets && named >= usize::try_from(marked).unwrap_or(usize::MAX)
    }

    fn json(&self) -> MessageJson {
        let marks = MessageMarks {
            number: self.record.number,
            delivered_to: self.delivered_to.iter().cloned().collect(),
            failed_to: self.failed_to.iter().cloned().collect(),
        };
        MessageJson::new(&self.record, &[marks])
    }
}

fn line(at: UnixMs, json: &MessageJson, previous: Value) -> Vec<Step> {
    let mut rest = Map::new();
    rest.insert("previous".to_owned(), previous);
    print(at, "message", json, rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{WALL, message};

    fn for_hosts(number: u64, targets: u32) -> MessageRecord {
        MessageRecord { targets, ..message(number, "#all", "hello") }
    }

    fn told(is_new: bool, record: MessageRecord) -> FeedMessage {
        FeedMessage { is_new, record }
    }

    fn marks(number: u64, hosts: &[&str], counts: (u32, u32)) -> FeedMarks {
        let delivered_to = hosts.iter().map(|host| (*host).to_owned()).collect();
        let (delivered, failed) = counts;
        FeedMarks { number, delivered, failed, delivered_to, failed_to: Vec::new() }
    }

    fn lines(steps: Vec<Step>) -> Vec<Value> {
        let line = |step| match step {
            Step::Print(line) => Some(serde_json::from_str(&line).unwrap()),
            Step::AskAlerts { .. } | Step::AskMessages { .. } | Step::AskFiles { .. } => None,
        };
        steps.into_iter().filter_map(line).collect()
    }

    /// A watch whose first picture had message 5, which waits for `b`.
    fn begun() -> Messages {
        let mut messages = Messages::default();
        messages.begin_picture();
        assert_eq!(messages.take(WALL, told(false, for_hosts(5, 2))), []);
        assert_eq!(messages.mark(WALL, marks(5, &["a"], (1, 0))), []);
        assert_eq!(messages.complete(WALL), [], "only what is new is told");
        messages
    }

    #[test]
    fn a_new_message_and_each_mark_make_a_line() {
        let mut messages = begun();
        let steps = messages.take(WALL, told(true, for_hosts(6, 1)));
        let expected = concat!(
            r##"{"at":"2026-11-21T04:16:07.089Z","kind":"message","id":"mon-1-00000000000000aa-6","##,
            r##""time":"2026-11-21T04:16:07.089Z","from":"bo","to":"#all","text":"hello","##,
            r##""thread":null,"delivered_to":[],"failed_to":[],"waiting_for":1,"previous":null}"##
        );
        assert_eq!(steps, [Step::Print(expected.to_owned())]);
        assert_eq!(messages.take(WALL, told(true, for_hosts(6, 1))), []);
        let marked = lines(messages.mark(WALL, marks(6, &["a"], (1, 0))));
        assert_eq!(marked[0]["delivered_to"], json!(["a"]));
        assert_eq!(marked[0]["previous"], json!({"delivered_to": [], "waiting_for": 1}));
        assert_eq!(messages.mark(WALL, marks(6, &["a"], (1, 0))), [], "told already");
        let older = lines(messages.mark(WALL, marks(5, &["b"], (2, 0))));
        assert_eq!(older[0]["previous"], json!({"delivered_to": ["a"], "waiting_for": 1}));
    }

    #[test]
    fn what_was_said_without_a_link_is_told_in_order_and_once() {
        let mut messages = begun();
        let picture = |messages: &mut Messages, numbers: &[u64]| {
            messages.begin_picture();
            for number in numbers {
                assert_eq!(messages.take(WALL, told(false, for_hosts(*number, 1))), []);
            }
            assert_eq!(messages.mark(WALL, marks(9, &["a"], (1, 0))), []);
            messages.complete(WALL)
        };
        let mut steps = picture(&mut messages, &[8, 9]);
        assert_eq!(steps.remove(0), Step::AskMessages { above: 5, before: 8 });
        let news = lines(steps);
        assert_eq!(news.len(), 2);
        assert_eq!(news[1]["delivered_to"], json!(["a"]));
        let missed = vec![(for_hosts(7, 0), Vec::new()), (for_hosts(6, 0), Vec::new())];
        let missed = lines(messages.missed(WALL, missed));
        let ids: Vec<&str> = missed.iter().map(|line| line["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["mon-1-00000000000000aa-6", "mon-1-00000000000000aa-7"]);
        assert_eq!(picture(&mut messages, &[8, 9]), [], "a second picture repeats nothing");
    }

    #[test]
    fn a_mark_that_came_without_a_link_is_told_by_the_next_picture() {
        let mut messages = begun();
        messages.begin_picture();
        assert_eq!(messages.take(WALL, told(false, for_hosts(5, 2))), []);
        let marked = lines(messages.mark(WALL, marks(5, &["a", "b"], (2, 0))));
        assert_eq!(marked[0]["delivered_to"], json!(["a", "b"]));
        assert_eq!(messages.complete(WALL), []);
    }
}
