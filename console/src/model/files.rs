//! Offered and received files: what is known of each, how fast its bytes come, and which one somebody
//! is about to decide on.
//!
//! A decision is bound to a file and to the card that shows it: a card that came onto the screen a moment
//! ago takes no key, so that none lands on a file that nobody read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use systole_common::model::coded::Growing;
use systole_common::model::file::FileState;
use systole_common::time::Mono;
use systole_common::wire::file::FileRecord;

use crate::limits::{CARD_DEAF, FILES_MAX, NEWS_SHOWN, RATE_POINTS_MAX};

/// Without a byte for so long, a transfer stands still.
pub const STILL_AFTER: Duration = Duration::from_secs(5);

/// A file and what was seen of it here.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The file.
    pub record: FileRecord,
    /// Bytes that had come, and when.
    points: VecDeque<(Mono, u64)>,
    /// When a decision was heard of.
    decided_at: Option<Mono>,
    /// When bytes came again after a while without.
    resumed_at: Option<Mono>,
}

impl Known {
    /// Whether it waits for a decision.
    pub fn is_waiting(&self) -> bool {
        self.record.state == FileState::Offered.into()
    }

    /// Whether something can still happen to it.
    pub fn is_open(&self) -> bool {
        self.record.state.known().is_none_or(FileState::is_open)
    }

    /// Whether its bytes come.
    pub fn is_moving(&self) -> bool {
        self.record.state == FileState::Receiving.into()
    }

    /// Its share that is here, in percent.
    pub fn percent(&self) -> f64 {
        let FileRecord { received_bytes, size_bytes, .. } = self.record;
        if size_bytes == 0 { 100.0 } else { received_bytes as f64 / size_bytes as f64 * 100.0 }
    }

    /// Bytes in a second over the last few; `None` where that is not known yet or nothing comes.
    pub fn bytes_per_s(&self, now: Mono) -> Option<f64> {
        let ((first, from), (last, to)) = (self.points.front()?, self.points.back()?);
        let span = last.since(*first).as_secs_f64();
        let is_still = now.since(*last) >= STILL_AFTER;
        (span > 0.0 && !is_still).then(|| to.saturating_sub(*from) as f64 / span)
    }

    /// For how long no byte came, where that is long.
    pub fn still(&self, now: Mono) -> Option<Duration> {
        let (last, _) = self.points.back()?;
        Some(now.since(*last)).filter(|span| self.is_moving() && *span >= STILL_AFTER)
    }

    /// How long the rest takes at the present speed.
    pub fn left(&self, now: Mono) -> Option<Duration> {
        let speed = self.bytes_per_s(now).filter(|speed| *speed >= 1.0)?;
        let rest = self.record.size_bytes.saturating_sub(self.record.received_bytes);
        Duration::try_from_secs_f64(rest as f64 / speed).ok()
    }

    /// How long ago it was decided, if that is news.
    pub fn decided(&self, now: Mono) -> Option<Duration> {
        self.decided_at.map(|at| now.since(at)).filter(|ago| *ago < NEWS_SHOWN)
    }

    /// Whether its bytes came again a moment ago.
    pub fn is_resumed(&self, now: Mono) -> bool {
        self.is_moving() && self.resumed_at.is_some_and(|at| now.since(at) < NEWS_SHOWN)
    }

    fn follow(&mut self, record: FileRecord, now: Mono) {
        let was_waiting = self.is_waiting();
        let before = self.record.received_bytes;
        self.record = record;
        if was_waiting && !self.is_waiting() {
            self.decided_at = Some(now);
        }
        if !self.is_moving() {
            return;
        }
        let here = self.record.received_bytes;
        let stood = self.points.back().is_some_and(|(at, _)| now.since(*at) >= STILL_AFTER);
        if here < before || stood {
            self.points.clear();
        }
        if stood && here != before {
            self.resumed_at = Some(now);
        }
        if self.points.is_empty() || here != before {
            self.points.push_back((now, here));
        }
        if self.points.len() > RATE_POINTS_MAX {
            self.points.pop_front();
        }
    }

    /// Its place among others: what waits first, what waits longest before others; what is over comes
    /// last, the newest of it first.
    fn order(&self) -> impl Ord + use<> {
        let at = self.record.offered_at.0;
        match (self.is_waiting(), self.is_open()) {
            (true, _) => (0, at, self.record.id),
            (false, true) => (1, at, self.record.id),
            (false, false) => (2, -at, u64::MAX - self.record.id),
        }
    }
}

/// What became of a file that was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// As it was.
    Same,
    /// More of its bytes are here.
    Bytes,
    /// It is new, or its state is another.
    Changed,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Files {
    all: BTreeMap<u64, Known>,
    /// The file that the cursor is on; `None`: the first one, whichever that is.
    pub cursor: Option<u64>,
    /// The file that Enter accepts now.
    pub armed: Option<u64>,
    /// The file whose card is on the screen, and since when.
    card: Option<(u64, Mono)>,
    /// Lists that were asked for since the link stands.
    pub asked: BTreeSet<String>,
    /// Numbers in the picture that is being sent.
    picture: Option<BTreeSet<u64>>,
}

impl Files {
    /// Those of a host, or all, in their order.
    pub fn listed(&self, host: Option<&str>) -> Vec<&Known> {
        let own = |known: &&Known| host.is_none_or(|host| known.record.host == host);
        let mut listed: Vec<&Known> = self.all.values().filter(own).collect();
        listed.sort_by_key(|known| known.order());
        listed
    }

    /// A file by its number.
    pub fn get(&self, id: u64) -> Option<&Known> {
        self.all.get(&id)
    }

    /// How many wait for a decision.
    pub fn waiting(&self) -> usize {
        self.all.values().filter(|known| known.is_waiting()).count()
    }

    /// How many come in.
    pub fn moving(&self) -> usize {
        self.all.values().filter(|known| known.is_open() && !known.is_waiting()).count()
    }

    /// The newest one that waits for a decision.
    pub fn newest_waiting(&self) -> Option<&Known> {
        let waiting = self.all.values().filter(|known| known.is_waiting());
        waiting.max_by_key(|known| (known.record.offered_at, known.record.id))
    }

    /// The row of the cursor in a list, and the file there.
    pub fn selected<'a>(&self, listed: &[&'a Known]) -> Option<(usize, &'a Known)> {
        let is_it = |known: &&Known| Some(known.record.id) == self.cursor;
        let row = listed.iter().position(is_it).unwrap_or(0);
        listed.get(row).map(|known| (row, *known))
    }

    /// Takes note of the card that was painted.
    pub fn painted(&mut self, card: Option<u64>, now: Mono) {
        if self.card.map(|(id, _)| id) != card {
            self.card = card.map(|id| (id, now));
        }
    }

    /// Whether the card of a file is on the screen for long enough to be read.
    pub fn is_readable(&self, id: u64, now: Mono) -> bool {
        self.card.is_some_and(|(card, at)| card == id && now.since(at) >= CARD_DEAF)
    }

    /// A fresh picture begins.
    pub fn begin_picture(&mut self) {
        self.picture = Some(BTreeSet::new());
    }

    /// The picture is complete: an open file that it did not name is over, nobody knows how.
    pub fn end_picture(&mut self) {
        if let Some(named) = self.picture.take() {
            self.all.retain(|id, known| !known.is_open() || named.contains(id));
            self.armed = self.armed.filter(|id| self.all.contains_key(id));
        }
    }

    /// Takes a file as it is at `now`.
    pub fn take(&mut self, record: FileRecord, now: Mono) -> Taken {
        let id = record.id;
        if let Some(named) = &mut self.picture {
            named.insert(id);
        }
        let Some(known) = self.all.get_mut(&id) else {
            let mut known = Known {
                record: record.clone(),
                points: VecDeque::new(),
                decided_at: None,
                resumed_at: None,
            };
            known.follow(record, now);
            self.all.insert(id, known);
            self.bound();
            return Taken::Changed;
        };
        let before = known.record.clone();
        known.follow(record, now);
        let state: fn(&FileRecord) -> Growing<FileState> = |record| record.state;
        if state(&before) != state(&known.record) {
            self.armed = self.armed.filter(|armed| *armed != id);
            Taken::Changed
        } else if before == known.record {
            Taken::Same
        } else {
            Taken::Bytes
        }
    }

    /// Another daemon has files of its own.
    pub fn start_over(&mut self) {
        *self = Self::default();
    }

    fn bound(&mut self) {
        if self.all.len() > FILES_MAX {
            let over = self.all.iter().find(|(_, known)| !known.is_open()).map(|(id, _)| *id);
            let oldest = over.or_else(|| self.all.keys().next().copied());
            oldest.and_then(|id| self.all.remove(&id));
        }
    }
}

#[cfg(test)]
mod tests;
