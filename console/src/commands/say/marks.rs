//! How far one message has come: which hosts have it, which never will, which it waits for.

use std::collections::BTreeSet;

use systole_common::wire::talk::{FeedMarks, MessageMarks, MessageRecord};

use super::listed;
use crate::tables::phrase;

/// What is known of a message that was just written.
#[derive(Debug)]
pub(super) struct Spread {
    number: u64,
    id: String,
    targets: u32,
    delivered: u32,
    failed: u32,
    /// The hosts that it is for, as far as they are known here.
    hosts: BTreeSet<String>,
    delivered_to: BTreeSet<String>,
    failed_to: BTreeSet<String>,
}

impl Spread {
    /// As the daemon wrote it.
    pub(super) fn new(record: &MessageRecord, marks: &[MessageMarks], hosts: &[String]) -> Self {
        let mut spread = Self {
            number: record.number,
            id: record.id.clone(),
            targets: record.targets,
            delivered: 0,
            failed: 0,
            hosts: hosts.iter().cloned().collect(),
            delivered_to: BTreeSet::new(),
            failed_to: BTreeSet::new(),
        };
        spread.look(record, marks);
        spread
    }

    /// The feed tells of a message.
    pub(super) fn add(&mut self, marks: FeedMarks) {
        if marks.number != self.number {
            return;
        }
        // A mark is final, so counts only grow, whatever comes late.
        self.delivered = self.delivered.max(marks.delivered);
        self.failed = self.failed.max(marks.failed);
        self.delivered_to.extend(marks.delivered_to);
        self.failed_to.extend(marks.failed_to);
    }

    /// The daemon was asked.
    pub(super) fn look(&mut self, record: &MessageRecord, marks: &[MessageMarks]) {
        if record.id != self.id {
            return;
        }
        self.delivered = self.delivered.max(record.delivered);
        self.failed = self.failed.max(record.failed);
        for marks in marks {
            self.delivered_to.extend(marks.delivered_to.iter().cloned());
            self.failed_to.extend(marks.failed_to.iter().cloned());
        }
    }

    /// Whether nothing more can come.
    pub(super) fn is_over(&self) -> bool {
        self.delivered.saturating_add(self.failed) >= self.targets
    }

    /// `record` as it is now.
    pub(super) fn record(&self, record: &MessageRecord) -> MessageRecord {
        MessageRecord { delivered: self.delivered, failed: self.failed, ..record.clone() }
    }

    /// The hosts that have it, and those that never will.
    pub(super) fn marks(&self) -> MessageMarks {
        MessageMarks {
            number: self.number,
            delivered_to: self.delivered_to.iter().cloned().collect(),
            failed_to: self.failed_to.iter().cloned().collect(),
        }
    }

    /// Who does not have it; `None` if everybody has.
    pub(super) fn lacking(&self) -> Option<String> {
        let lacking = self.targets.saturating_sub(self.delivered);
        if lacking == 0 {
            return None;
        }
        let waits = lacking.saturating_sub(self.failed);
        let mut reasons = Vec::new();
        if waits > 0 {
            let is_known = |host: &&String| {
                !self.delivered_to.contains(*host) && !self.failed_to.contains(*host)
            };
            let names: Vec<String> = self.hosts.iter().filter(is_known).cloned().collect();
            reasons.push(format!("it waits for {}", named(waits, &names)));
        }
        if self.failed > 0 {
            let names: Vec<String> = self.failed_to.iter().cloned().collect();
            let why = "retired, or too much waits for them already";
            reasons.push(format!("it failed for {} ({why})", named(self.failed, &names)));
        }
        let count = usize::try_from(self.targets).unwrap_or(usize::MAX);
        let (count, reasons) = (phrase::count(count, "host"), reasons.join("; "));
        let verb = if lacking == 1 { "does" } else { "do" };
        Some(format!("{lacking} of {count} {verb} not have it: {reasons}"))
    }
}

/// The names if they are all there, else how many.
fn named(count: u32, names: &[String]) -> String {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if names.len() == count { listed(names) } else { phrase::count(count, "host") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::message;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn spread() -> Spread {
        let mut record = message(7, "{rack=7}", "hello");
        record.targets = 3;
        Spread::new(&record, &[], &names(&["a", "b", "c"]))
    }

    fn fed(delivered_to: &[&str], failed_to: &[&str], counts: (u32, u32)) -> FeedMarks {
        FeedMarks {
            number: 7,
            delivered: counts.0,
            failed: counts.1,
            delivered_to: names(delivered_to),
            failed_to: names(failed_to),
        }
    }

    #[test]
    fn it_is_over_when_every_host_has_it_or_never_will() {
        let mut spread = spread();
        spread.add(fed(&["a"], &[], (1, 0)));
        assert_eq!(spread.lacking().unwrap(), "2 of 3 hosts do not have it: it waits for b, c");
        spread.add(fed(&["b"], &[], (2, 0)));
        assert!(!spread.is_over());
        spread.add(fed(&[], &["c"], (2, 1)));
        assert!(spread.is_over());
        let lacking = spread.lacking().unwrap();
        assert!(
            lacking.starts_with("1 of 3 hosts does not have it: it failed for c ("),
            "{lacking}"
        );
        assert_eq!(spread.marks().delivered_to, ["a", "b"]);
    }

    #[test]
    fn marks_of_another_message_and_old_ones_change_nothing() {
        let mut spread = spread();
        spread.add(FeedMarks { number: 8, ..fed(&["a", "b", "c"], &[], (3, 0)) });
        let mut other = message(7, "#all", "of another daemon");
        (other.id, other.targets, other.delivered) = ("mon-2-00-7".to_owned(), 3, 3);
        spread.look(&other, &[]);
        assert!(!spread.is_over());
        spread.add(fed(&["a", "b", "c"], &[], (3, 0)));
        spread.add(fed(&["a"], &[], (1, 0)));
        assert!(spread.is_over() && spread.lacking().is_none());
    }
}
