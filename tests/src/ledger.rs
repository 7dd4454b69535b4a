//! The ledger of an agent's spool against what the store answers: what is lost, double or still to come.
//!
//! A ledger is a text file that the agent writes when `spool.ledger` names it: a line
//! `spooled EPOCH SEQUENCE SLOT_MS VALUES` for each slot that is safe in the spool, and a line
//! `received DAEMON EPOCH FIRST LAST` for each range of sequences that a daemon acknowledged. This
//! file refuses to know how either side works.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use systole_common::ranges::RangeSet;
use systole_common::time::UnixMs;

/// What an agent noted, over all lives of its process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Begin of the slot in milliseconds since 1970, by epoch and sequence.
    pub spooled: BTreeMap<(String, u64), i64>,
    /// What each daemon acknowledged, by its name and the epoch.
    pub received: BTreeMap<(String, String), RangeSet>,
}

impl Ledger {
    /// The ledger in the file at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    /// Reads its lines. A last one without an end was being written when its agent was killed.
    pub fn parse(text: &str) -> Result<Self> {
        let mut ledger = Self::default();
        let whole = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
        for (index, line) in whole.lines().enumerate() {
            ledger.note(line).with_context(|| format!("line {}: {line:?}", index + 1))?;
        }
        Ok(ledger)
    }

    fn note(&mut self, line: &str) -> Result<()> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["spooled", epoch, sequence, slot_ms, values] => {
                let _values: u64 = values.parse().context("VALUES is a count")?;
                let key = ((*epoch).to_owned(), sequence.parse()?);
                let taken = self.spooled.insert(key, slot_ms.parse()?);
                ensure!(taken.is_none(), "a sequence was used twice");
            }
            ["received", daemon, epoch, first, last] => {
                let key = ((*daemon).to_owned(), (*epoch).to_owned());
                self.received.entry(key).or_default().insert(first.parse()?, last.parse()?);
            }
            _ => bail!("not a line of a ledger"),
        }
        Ok(())
    }

    /// The slots that were spooled, ascending, in milliseconds since 1970.
    pub fn slots(&self) -> BTreeSet<i64> {
        self.spooled.values().copied().collect()
    }

    /// How many of the spooled sequences `daemon` acknowledged.
    pub fn acknowledged(&self, daemon: &str) -> usize {
        self.spooled.keys().filter(|key| self.is_received(daemon, key)).count()
    }

    /// Compares with `stored`, the times of all samples that the store of `daemon` has of one series
    /// that each slot holds.
    pub fn compare(&self, daemon: &str, stored: &[i64]) -> Verdict {
        let mut verdict = Verdict { spooled: self.spooled.len(), ..Verdict::default() };
        let mut times = BTreeSet::new();
        for time in stored {
            if !times.insert(*time) {
                verdict.double.push(*time);
            }
        }
        for (key, slot_ms) in &self.spooled {
            let is_received = self.is_received(daemon, key);
            verdict.acknowledged += usize::from(is_received);
            match (is_received, times.contains(slot_ms)) {
                (true, false) => verdict.lost.push((key.1, *slot_ms)),
                (false, false) => verdict.absent.push((key.1, *slot_ms)),
                (true | false, true) => {}
            }
        }
        verdict.unknown = times.difference(&self.slots()).copied().collect();
        verdict
    }

    fn is_received(&self, daemon: &str, (epoch, sequence): &(String, u64)) -> bool {
        let ranges = self.received.get(&(daemon.to_owned(), epoch.clone()));
        ranges.is_some_and(|ranges| ranges.contains(*sequence))
    }
}

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How many slots were spooled.
    pub spooled: usize,
    /// How many of them were acknowledged.
    pub acknowledged: usize,
    /// Acknowledged and not in the store: sequence and slot. There must be none, ever.
    pub lost: Vec<(u64, i64)>,
    /// Times that the store has more than once. There must be none, ever.
    pub double: Vec<i64>,
    /// Spooled, neither acknowledged nor in the store: on the way or lost.
    pub absent: Vec<(u64, i64)>,
    /// In the store and not in the ledger: the agent was killed between the spool and its line.
    pub unknown: Vec<i64>,
}

impl Verdict {
    /// Nothing acknowledged is lost and nothing is double.
    pub fn is_sound(&self) -> bool {
        self.lost.is_empty() && self.double.is_empty()
    }

    /// It is sound and all that was spooled has come.
    pub fn is_complete(&self) -> bool {
        self.is_sound() && self.absent.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spooled, acknowledged, lost, double, absent, unknown } = self;
        write!(f, "{spooled} spooled, {acknowledged} acknowledged, {} lost, ", lost.len())?;
        write!(f, "{} double, {} absent, {} unknown", double.len(), absent.len(), unknown.len())?;
        for (what, sample) in [("lost", lost.first()), ("absent", absent.first())] {
            if let Some((sequence, slot_ms)) = sample {
                write!(f, "; first {what}: sequence {sequence} of {}", UnixMs(*slot_ms))?;
            }
        }
        Ok(())
    }
}

/// The times of the samples in what `systole history … --step raw --json` printed; gaps are none.
pub fn times(history: &Value) -> Result<Vec<i64>> {
    let series = history.as_array().context("a history is a list of series")?;
    let points = series.iter().filter_map(|one| one.get("points")?.as_array()).flatten();
    let samples = points.filter(|point| point.get("count").is_some_and(|count| count != 0));
    samples.map(|point| crate::watch::time(point, "time").map(|at| at.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "spooled e1 1 1000 30\nspooled e1 2 2000 30\nreceived mon e1 1 2\n\
                        spooled e2 1 3000 30\nspooled e2 2 4000 30\nreceived other e2 1 2\n\
                        received mon e2 2 2\nspooled e2 3 50";

    #[test]
    fn what_was_being_written_does_not_count_and_what_is_garbled_does() -> Result<()> {
        let ledger = Ledger::parse(TEXT)?;
        assert_eq!(ledger.slots().into_iter().collect::<Vec<_>>(), [1000, 2000, 3000, 4000]);
        assert_eq!((ledger.acknowledged("mon"), ledger.acknowledged("other")), (3, 2));
        assert!(Ledger::parse("")?.spooled.is_empty());
        for bad in [
            "spooled e1 1 1000\n",
            "spooled e1 x 1000 30\n",
            "lost e1 1 2\n",
            "spooled e1 1 1000 30\nspooled e1 1 2000 30\n",
        ] {
            assert!(Ledger::parse(bad).is_err(), "{bad}");
        }
        Ok(())
    }

    #[test]
    fn all_there_once_is_complete() -> Result<()> {
        let verdict = Ledger::parse(TEXT)?.compare("mon", &[4000, 2000, 3000, 1000]);
        assert!(verdict.is_complete(), "{verdict}");
        assert_eq!((verdict.spooled, verdict.acknowledged), (4, 3));
        Ok(())
    }

    #[test]
    fn lost_double_absent_and_unknown_are_told_apart() -> Result<()> {
        let ledger = Ledger::parse(TEXT)?;
        let verdict = ledger.compare("mon", &[1000, 1000, 4000, 9000]);
        assert_eq!(verdict.lost, [(2, 2000)]);
        assert_eq!(verdict.double, [1000]);
        assert_eq!(verdict.absent, [(1, 3000)]);
        assert_eq!(verdict.unknown, [9000]);
        assert!(!verdict.is_sound());
        assert!(verdict.to_string().contains("first lost: sequence 2 of 1970-01-01T00:00:02"));
        // What another daemon acknowledged says nothing of this one.
        let late = ledger.compare("mon", &[1000, 2000, 4000]);
        assert!(late.is_sound() && !late.is_complete(), "{late}");
        Ok(())
    }

    #[test]
    fn two_sequences_of_one_slot_are_there_with_it() -> Result<()> {
        let text = "spooled e 1 1000 3\nspooled e 2 1000 3\nreceived mon e 1 2\n";
        assert!(Ledger::parse(text)?.compare("mon", &[1000]).is_complete());
        Ok(())
    }

    #[test]
    fn times_are_read_from_a_history() -> Result<()> {
        let history = serde_json::json!([{"points": [
            {"time": "2026-11-21T04:16:07.000Z", "mean": 1.0, "count": 1},
            {"time": "2026-11-21T04:16:08.000Z", "mean": null, "count": 0},
        ]}]);
        assert_eq!(times(&history)?, [1_795_234_567_000]);
        assert!(times(&serde_json::json!({})).is_err());
        Ok(())
    }
}
