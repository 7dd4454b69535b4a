//! Offered and received files: what is known of each, how fast its bytes come, and which one somebody
//! is about to decide on.
//!
//! A decision is bound to a file and to the card that shows it: a card that came onto the screen a moment
//! ago takes no key, so that none lands on a file that nobody read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use systole_common::model::coded::Growing;
use systole_common::model::file::FileState;
use systole_common::model::host::HostState;
use systole_common::time::{Mono, UnixMs};
use systole_common::wire::file::FileRecord;

use super::pace::Pace;
use crate::limits::{CARD_DEAF, FILES_MAX, NEWS_SHOWN};

/// A transfer that goes on after so long without a byte is said to.
const RESUMED_AFTER: Duration = Duration::from_secs(5);

/// A file and what was seen of it here.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The file.
    pub record: FileRecord,
    /// How fast its bytes come.
    pace: Pace,
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
        self.pace.bytes_per_s(now).filter(|_| self.is_moving())
    }

    /// For how long no byte came, where that is long.
    pub fn still(&self, now: Mono) -> Option<Duration> {
        self.pace.still(now).filter(|_| self.is_moving())
    }

    /// How long the rest takes at the present speed.
    pub fn left(&self, now: Mono) -> Option<Duration> {
        let speed = self.bytes_per_s(now).filter(|speed| *speed >= 1.0)?;
        let rest = self.record.size_bytes.saturating_sub(self.record.received_bytes);
        Duration::try_from_secs_f64(rest as f64 / speed).ok()
    }

    /// When a decision on it was heard of, if that is news.
    pub fn decided_at(&self, now: Mono) -> Option<Mono> {
        self.decided_at.filter(|at| now.since(*at) < NEWS_SHOWN)
    }

    /// Whether its bytes came again a moment ago.
    pub fn is_resumed(&self, now: Mono) -> bool {
        self.is_moving() && self.resumed_at.is_some_and(|at| now.since(at) < NEWS_SHOWN)
    }

    fn follow(&mut self, record: FileRecord, now: Mono) {
        let was_waiting = self.is_waiting();
        self.record = record;
        if was_waiting && !self.is_waiting() {
            self.decided_at = Some(now);
        }
        if !self.is_moving() {
            return;
        }
        let gap = self.pace.take(now, self.record.received_bytes);
        if gap.is_some_and(|gap| gap >= RESUMED_AFTER) {
            self.resumed_at = Some(now);
        }
    }
}

/// Its place among others, in every list: what waits first, what waits longest before others; then what
/// comes in; what is over comes last, the newest of it first.
pub fn order(record: &FileRecord) -> impl Ord + use<> {
    let at = record.offered_at.0;
    let is_open = record.state.known().is_none_or(FileState::is_open);
    match (record.state == FileState::Offered.into(), is_open) {
        (true, _) => (0, at, record.id),
        (false, true) => (1, at, record.id),
        (false, false) => (2, -at, u64::MAX - record.id),
    }
}

/// Whether a host in this state sends nothing for now.
pub fn is_away(state: Growing<HostState>) -> bool {
    match state {
        Growing::Known(
            HostState::Down | HostState::Unreachable | HostState::Left | HostState::Stalled,
        ) => true,
        Growing::Known(
            HostState::New
            | HostState::Online
            | HostState::Late
            | HostState::Recovering
            | HostState::Conflict,
        )
        | Growing::Unknown(_) => false,
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

/// What Enter does now to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It takes it.
    Accept(u64),
    /// It refuses it.
    Reject(u64),
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
    /// What the screen says that Enter does, and since when.
    deed: Option<(Deed, Mono)>,
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
        listed.sort_by_key(|known| order(&known.record));
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

    /// The one that waits longest for a decision: the next to decide on.
    pub fn next_waiting(&self) -> Option<&Known> {
        let waiting = self.all.values().filter(|known| known.is_waiting());
        waiting.min_by_key(|known| order(&known.record))
    }

    /// When the newest one that waits was offered.
    pub fn newest_offered_at(&self) -> Option<UnixMs> {
        let waiting = self.all.values().filter(|known| known.is_waiting());
        waiting.map(|known| known.record.offered_at).max()
    }

    /// The row of the cursor in a list, and the file there.
    pub fn selected<'a>(&self, listed: &[&'a Known]) -> Option<(usize, &'a Known)> {
        let is_it = |known: &&Known| Some(known.record.id) == self.cursor;
        let row = listed.iter().position(is_it).unwrap_or(0);
        listed.get(row).map(|known| (row, *known))
    }

    /// The cursor leaves a file that is over, or gone.
    pub fn leave_what_is_over(&mut self) {
        self.cursor = self.cursor.filter(|id| self.get(*id).is_some_and(Known::is_open));
    }

    /// Enter does this from now on, once the screen has said so for long enough.
    pub fn arm(&mut self, deed: Deed) {
        self.armed = if let Deed::Accept(id) = deed { Some(id) } else { None };
        self.deed = None;
    }

    /// Takes note of what was painted: which card, and what it says that Enter does.
    pub fn painted(&mut self, card: Option<u64>, deed: Option<Deed>, now: Mono) {
        if self.card.map(|(id, _)| id) != card {
            self.card = card.map(|id| (id, now));
        }
        if self.deed.map(|(deed, _)| deed) != deed {
            self.deed = deed.map(|deed| (deed, now));
        }
    }

    /// Whether the card of a file is on the screen for long enough to be read.
    pub fn is_readable(&self, id: u64, now: Mono) -> bool {
        self.card.is_some_and(|(card, at)| card == id && now.since(at) >= CARD_DEAF)
    }

    /// Whether the screen says for long enough that Enter does this.
    pub fn is_meant(&self, deed: Deed, now: Mono) -> bool {
        self.deed.is_some_and(|(said, at)| said == deed && now.since(at) >= CARD_DEAF)
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
                pace: Pace::default(),
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
