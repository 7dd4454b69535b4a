//! What each daemon has received, and what was lost to it before it did; kept over restarts.
//!
//! A text file with a checksum, replaced as a whole. One that is damaged costs nothing but sending
//! and declaring again: daemons recognise what they have. The cursors of a few daemons that are
//! configured no more are kept as well: one that comes back learns what it missed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use systole_common::ids::{DaemonName, SpoolEpoch};
use systole_common::ranges::RangeSet;

use super::folder::write_whole;
use crate::limits::{SPOOL_CURSORS_BYTES_MAX, SPOOL_FORMER_DAEMONS_MAX, SPOOL_RANGES_MAX};

/// What one daemon has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The sequences that it has, and those that are not owed to it any more.
    pub(super) received: RangeSet,
    /// Slots that the spool lost before it confirmed them. To confirm the loss changes nothing.
    pub(super) dropped: u64,
    /// Lost sequences that `dropped` counts, if it has to.
    judged: RangeSet,
}

impl Cursor {
    /// The spool does not have `first..=last` any more. Says whether that is news.
    fn lose(&mut self, first: u64, last: u64) -> bool {
        if self.judged.covers(first, last) {
            return false;
        }
        let lost = self.received.union(&self.judged).missing(first, last);
        self.dropped = self.dropped.saturating_add(RangeSet::from_ranges(lost).count());
        self.judged.insert(first, last);
        true
    }
}

/// What all followed daemons have.
#[derive(Debug)]
pub(super) struct Cursors {
    folder: PathBuf,
    epoch: SpoolEpoch,
    kept: Kept,
    /// The file was damaged: nobody knows which daemon is new.
    is_lost: bool,
    is_changed: bool,
}

#[derive(Debug, Default)]
struct Kept {
    daemons: BTreeMap<DaemonName, Cursor>,
    /// Those that are configured no more, the latest last.
    former: Vec<(DaemonName, Cursor)>,
}

impl Cursors {
    /// Reads the file; the line says what is lost if it is damaged.
    pub(super) fn open(folder: &Path, epoch: SpoolEpoch) -> (Self, Option<String>) {
        let path = folder.join("cursors");
        let (kept, loss) = match read(&path) {
            Ok(text) => match parse(&text, epoch) {
                Some(kept) => (kept, None),
                None => (Kept::default(), Some("is damaged".to_owned())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Kept::default(), None),
            Err(error) => (Kept::default(), Some(error.to_string())),
        };
        let is_lost = loss.is_some();
        let loss = loss.map(|why| {
            format!("{}: {why}; what daemons have already is sent to them again", path.display())
        });
        (Self { folder: folder.to_owned(), epoch, kept, is_lost, is_changed: false }, loss)
    }

    /// Follows `daemons` only. A new one is owed what is kept, from `oldest` on; one that was followed
    /// before has lost what went meanwhile.
    pub(super) fn follow(&mut self, daemons: &[DaemonName], oldest: u64) {
        let mut before = std::mem::take(&mut self.kept.daemons);
        for daemon in daemons {
            let cursor = before.remove(daemon).or_else(|| {
                self.is_changed = true;
                let former = self.kept.former.iter().position(|(name, _)| name == daemon)?;
                Some(self.kept.former.remove(former).1)
            });
            let cursor = cursor.unwrap_or_else(|| {
                let below = RangeSet::from_ranges((oldest > 1).then(|| (1, oldest - 1)));
                let received = if self.is_lost { RangeSet::new() } else { below.clone() };
                Cursor { received, dropped: 0, judged: below }
            });
            self.kept.daemons.insert(daemon.clone(), cursor);
        }
        self.is_changed |= !before.is_empty();
        self.kept.former.extend(before);
        let surplus = self.kept.former.len().saturating_sub(SPOOL_FORMER_DAEMONS_MAX);
        self.kept.former.drain(..surplus);
        self.lose(1, oldest.saturating_sub(1));
    }

    /// The spool does not have `first..=last` any more: who has not confirmed it never gets it.
    pub(super) fn lose(&mut self, first: u64, last: u64) {
        for cursor in self.kept.daemons.values_mut() {
            self.is_changed |= cursor.lose(first, last);
        }
    }

    /// Notes that `daemon` has `first..=last`, and says whether something of it is new.
    pub(super) fn receipt(
        &mut self,
        daemon: &DaemonName,
        (first, last): (u64, u64),
        oldest: u64,
    ) -> bool {
        let Some(cursor) = self.kept.daemons.get_mut(daemon) else { return false };
        let mut received = cursor.received.clone();
        let is_new = received.insert(first, last) > 0;
        while received.len() > SPOOL_RANGES_MAX {
            // Two ranges around a hole become one, if what is missing there can never be sent: it is
            // counted already.
            let [lower, upper, ..] = received.ranges() else { break };
            let hole = (lower.1.saturating_add(1), upper.0.saturating_sub(1));
            if hole.1 >= oldest {
                return false;
            }
            received.insert(hole.0, hole.1);
        }
        cursor.received = received;
        self.is_changed |= is_new;
        is_new
    }

    /// What `daemon` has.
    pub(super) fn of(&self, daemon: &DaemonName) -> Option<&Cursor> {
        self.kept.daemons.get(daemon)
    }

    /// Whether there are daemons and each of them has `sequences`.
    pub(super) fn all_have(&self, sequences: &RangeSet) -> bool {
        let has_it = |cursor: &Cursor| {
            let mut ranges = sequences.ranges().iter();
            ranges.all(|(first, last)| cursor.received.covers(*first, *last))
        };
        !self.kept.daemons.is_empty() && self.kept.daemons.values().all(has_it)
    }

    /// The count of the daemon that lost most.
    pub(super) fn dropped_max(&self) -> u64 {
        self.kept.daemons.values().map(|cursor| cursor.dropped).max().unwrap_or(0)
    }

    /// Writes the file if something changed.
    pub(super) fn save(&mut self) -> io::Result<()> {
        if self.is_changed {
            let text = self.text();
            write_whole(&self.folder, &self.folder.join("cursors"), text.as_bytes())?;
            self.is_changed = false;
        }
        Ok(())
    }

    fn text(&self) -> String {
        let mut text = format!("cursors {}\n", self.epoch.0);
        for (daemon, cursor) in &self.kept.daemons {
            line(&mut text, daemon, cursor);
        }
        if !self.kept.former.is_empty() {
            let _ = writeln!(text, "{FORMER}");
        }
        for (daemon, cursor) in &self.kept.former {
            line(&mut text, daemon, cursor);
        }
        let sum = crc32fast::hash(text.as_bytes());
        let _ = writeln!(text, "{sum:08x}");
        text
    }
}

/// The line before the daemons that are configured no more.
const FORMER: &str = "former";
/// The word before the ranges that are lost.
const LOST: &str = "lost";

/// One daemon: its name, how many it lost, what it has, what is lost.
fn line(text: &mut String, daemon: &DaemonName, cursor: &Cursor) {
    let _ = write!(text, "{} {}", daemon.as_str(), cursor.dropped);
    for (first, last) in cursor.received.ranges() {
        let _ = write!(text, " {first}-{last}");
    }
    let _ = write!(text, " {LOST}");
    for (first, last) in cursor.judged.ranges() {
        let _ = write!(text, " {first}-{last}");
    }
    text.push('\n');
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(SPOOL_CURSORS_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn parse(text: &str, epoch: SpoolEpoch) -> Option<Kept> {
    let (body, sum) = text.strip_suffix('\n')?.rsplit_once('\n')?;
    let body = text.get(..=body.len())?;
    if sum != format!("{:08x}", crc32fast::hash(body.as_bytes())) {
        return None;
    }
    let mut lines = body.lines();
    if lines.next()? != format!("cursors {}", epoch.0) {
        return None;
    }
    let daemons = lines.by_ref().take_while(|line| *line != FORMER).map(cursor);
    let daemons = daemons.collect::<Option<_>>()?;
    Some(Kept { daemons, former: lines.map(cursor).collect::<Option<_>>()? })
}

fn cursor(line: &str) -> Option<(DaemonName, Cursor)> {
    let mut words = line.split(' ');
    let daemon = words.next()?.parse().ok()?;
    let dropped = words.next()?.parse().ok()?;
    let received = ranges(words.by_ref().take_while(|word| *word != LOST))?;
    Some((daemon, Cursor { received, dropped, judged: ranges(words)? }))
}

fn ranges<'a>(words: impl Iterator<Item = &'a str>) -> Option<RangeSet> {
    let range = |word: &str| {
        let (first, last) = word.split_once('-')?;
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    words.map(range).collect::<Option<Vec<_>>>().map(RangeSet::from_ranges)
}
