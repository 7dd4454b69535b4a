//! What each daemon has received, kept over restarts.
//!
//! A text file with a checksum, replaced as a whole. One that is lost or damaged costs nothing but
//! sending again: daemons recognise what they have.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use systole_common::ids::{DaemonName, SpoolEpoch};
use systole_common::ranges::RangeSet;

use super::folder::write_whole;
use crate::limits::{SPOOL_CURSORS_BYTES_MAX, SPOOL_RANGES_MAX};

/// What one daemon has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The sequences that it has, and those that are not owed to it any more.
    pub(super) received: RangeSet,
    /// Dropped sequences that are no longer told apart in `received`.
    pub(super) forgotten: u64,
}

/// What all followed daemons have.
#[derive(Debug)]
pub(super) struct Cursors {
    folder: PathBuf,
    epoch: SpoolEpoch,
    daemons: BTreeMap<DaemonName, Cursor>,
    is_changed: bool,
}

impl Cursors {
    /// Reads the file; the line says what is lost if it is damaged.
    pub(super) fn open(folder: &Path, epoch: SpoolEpoch) -> (Self, Option<String>) {
        let path = folder.join("cursors");
        let (daemons, loss) = match read(&path) {
            Ok(text) => match parse(&text, epoch) {
                Some(daemons) => (daemons, None),
                None => (BTreeMap::new(), Some("is damaged".to_owned())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => (BTreeMap::new(), None),
            Err(error) => (BTreeMap::new(), Some(error.to_string())),
        };
        let loss = loss.map(|why| {
            format!("{}: {why}; what daemons have already is sent to them again", path.display())
        });
        (Self { folder: folder.to_owned(), epoch, daemons, is_changed: false }, loss)
    }

    /// Keeps the cursors of `daemons` only. A new one is owed what is kept, from `oldest` on.
    pub(super) fn follow(&mut self, daemons: &[DaemonName], oldest: u64) {
        let before = self.daemons.len();
        self.daemons.retain(|daemon, _| daemons.contains(daemon));
        self.is_changed |= self.daemons.len() != before;
        for daemon in daemons {
            self.daemons.entry(daemon.clone()).or_insert_with(|| {
                self.is_changed = true;
                let received = (oldest > 1).then(|| (1, oldest - 1));
                Cursor { received: RangeSet::from_ranges(received), forgotten: 0 }
            });
        }
    }

    /// Notes that `daemon` has `first..=last`, and says whether something of it is new.
    pub(super) fn receipt(
        &mut self,
        daemon: &DaemonName,
        (first, last): (u64, u64),
        oldest: u64,
    ) -> bool {
        let Some(cursor) = self.daemons.get_mut(daemon) else { return false };
        let mut received = cursor.received.clone();
        let is_new = received.insert(first, last) > 0;
        let mut forgotten = cursor.forgotten;
        while received.len() > SPOOL_RANGES_MAX {
            // Two ranges around a hole become one, if what is missing there can never be sent.
            let [lower, upper, ..] = received.ranges() else { break };
            let hole = (lower.1.saturating_add(1), upper.0.saturating_sub(1));
            if hole.1 >= oldest {
                return false;
            }
            forgotten = forgotten.saturating_add(received.insert(hole.0, hole.1));
        }
        *cursor = Cursor { received, forgotten };
        self.is_changed |= is_new;
        is_new
    }

    /// What `daemon` has.
    pub(super) fn of(&self, daemon: &DaemonName) -> Option<&Cursor> {
        self.daemons.get(daemon)
    }

    /// The cursors of all followed daemons.
    pub(super) fn all(&self) -> impl Iterator<Item = &Cursor> {
        self.daemons.values()
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
        for (daemon, cursor) in &self.daemons {
            let _ = write!(text, "{} {}", daemon.as_str(), cursor.forgotten);
            for (first, last) in cursor.received.ranges() {
                let _ = write!(text, " {first}-{last}");
            }
            text.push('\n');
        }
        let sum = crc32fast::hash(text.as_bytes());
        let _ = writeln!(text, "{sum:08x}");
        text
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(SPOOL_CURSORS_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn parse(text: &str, epoch: SpoolEpoch) -> Option<BTreeMap<DaemonName, Cursor>> {
    let (body, sum) = text.strip_suffix('\n')?.rsplit_once('\n')?;
    let body = text.get(..=body.len())?;
    if sum != format!("{:08x}", crc32fast::hash(body.as_bytes())) {
        return None;
    }
    let mut lines = body.lines();
    if lines.next()? != format!("cursors {}", epoch.0) {
        return None;
    }
    lines.map(cursor).collect()
}

fn cursor(line: &str) -> Option<(DaemonName, Cursor)> {
    let mut words = line.split(' ');
    let daemon = words.next()?.parse().ok()?;
    let forgotten = words.next()?.parse().ok()?;
    let mut received = RangeSet::new();
    for word in words {
        let (first, last) = word.split_once('-')?;
        received.insert(first.parse().ok()?, last.parse().ok()?);
    }
    Some((daemon, Cursor { received, forgotten }))
}
