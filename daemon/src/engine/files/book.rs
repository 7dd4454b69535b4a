//! The book of offers: every file to which something can still happen, the newest of those that are
//! over, and which offers of which hosts are known. Gives out numbers; decides nothing.

use std::collections::BTreeMap;

use systole_common::ids::{ConnectionId, HostId, SpoolEpoch};
use systole_common::time::{Mono, UnixMs};
use systole_common::wire::control::SequenceKind;

use super::super::limits::{
    FILES_OVER_KEPT_MAX, FILES_SHOWN, REFUSALS_WINDOW, REFUSALS_WRITTEN_MAX,
};
use super::super::received::ReceivedBook;
use super::super::state::{FileRow, SavedRanges};

/// A file that is in the book.
#[derive(Debug)]
pub(super) struct File {
    pub(super) row: FileRow,
    /// Bytes that came, synced or not.
    pub(super) received_bytes: u64,
    /// The stream on which they come now.
    pub(super) transfer: Option<u64>,
    /// When it was accepted; not known of one that was accepted before the daemon's start.
    pub(super) accepted_at: Option<UnixMs>,
}

impl File {
    pub(super) fn new(row: FileRow) -> Self {
        Self { received_bytes: row.synced_bytes, transfer: None, accepted_at: None, row }
    }

    pub(super) fn row(&self) -> &FileRow {
        &self.row
    }
}

/// Who has room taken for a file that is to be accepted.
#[derive(Debug)]
pub(super) enum Taker {
    /// It is small enough to need nobody.
    Policy,
    /// An operator, who waits for the reply.
    Operator { session: ConnectionId, request: u64, operator: String, role: String },
}

impl Taker {
    /// Who it is, for people.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Policy => super::words::POLICY,
            Self::Operator { operator, .. } => operator,
        }
    }
}

/// A line of chat that is yet to be written.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) host: HostId,
    /// An operator, or [`super::words::POLICY`] for the daemon itself.
    pub(super) from: String,
    pub(super) file: u64,
    pub(super) text: String,
}

/// See the module's words.
#[derive(Debug)]
pub(in crate::engine) struct Files {
    all: BTreeMap<u64, File>,
    offers: BTreeMap<(HostId, SpoolEpoch, u64), u64>,
    /// Which offers of which hosts have come, also those that are no longer at hand.
    pub(super) known: ReceivedBook,
    /// Files for which room is being taken.
    pub(super) taking: BTreeMap<u64, Taker>,
    /// Files of which feeds know fewer bytes than came, with what they know.
    pub(super) fresh: BTreeMap<u64, u64>,
    pub(super) notes: Vec<Note>,
    /// Offers that were refused and written down, by host: since when, how many.
    refusals: BTreeMap<HostId, (Mono, u32)>,
    id_last: u64,
}

impl Files {
    /// Takes over what was saved.
    pub(in crate::engine) fn load(
        rows: Vec<FileRow>,
        received: &[SavedRanges],
        id_last: u64,
    ) -> Self {
        let mut files = Self {
            all: BTreeMap::new(),
            offers: BTreeMap::new(),
            known: ReceivedBook::load(SequenceKind::Offers, received),
            taking: BTreeMap::new(),
            fresh: BTreeMap::new(),
            notes: Vec::new(),
            refusals: BTreeMap::new(),
            id_last,
        };
        for row in rows {
            files.id_last = files.id_last.max(row.id);
            files.insert(row);
        }
        files
    }

    /// A number that was never used.
    pub(super) fn next_id(&mut self) -> u64 {
        self.id_last = self.id_last.saturating_add(1);
        self.id_last
    }

    /// Whether a file has ever had this number.
    pub(super) fn was_used(&self, id: u64) -> bool {
        (1..=self.id_last).contains(&id)
    }

    /// Adds a file, and forgets the oldest of those that are over if they are too many.
    pub(super) fn insert(&mut self, row: FileRow) {
        self.offers.insert((row.host.clone(), row.epoch, row.sequence), row.id);
        self.all.insert(row.id, File::new(row));
        self.forget_old();
    }

    pub(super) fn get(&self, id: u64) -> Option<&File> {
        self.all.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut File> {
        self.all.get_mut(&id)
    }

    /// The file of an offer.
    pub(super) fn of_offer(&self, host: &HostId, epoch: SpoolEpoch, sequence: u64) -> Option<u64> {
        self.offers.get(&(host.clone(), epoch, sequence)).copied()
    }

    /// The files to which something can still happen, by number.
    pub(super) fn open(&self) -> impl DoubleEndedIterator<Item = &File> {
        self.all.values().filter(|file| file.row.state.is_open())
    }

    pub(super) fn open_mut(&mut self) -> impl Iterator<Item = &mut File> {
        self.all.values_mut().filter(|file| file.row.state.is_open())
    }

    /// Those of a host.
    pub(super) fn open_of(&self, host: &HostId) -> impl Iterator<Item = &File> {
        self.open().filter(move |file| file.row.host == *host)
    }

    /// What a fresh picture shows, by number: the open ones, and the newest that are over.
    pub(super) fn shown(&self) -> Vec<&File> {
        let is_over = |file: &&File| !file.row.state.is_open();
        let over = self.all.values().rev().filter(is_over).take(FILES_SHOWN);
        let mut shown: Vec<&File> = over.chain(self.open()).collect();
        shown.sort_by_key(|file| file.row.id);
        shown
    }

    /// Whether one more refused offer of a host is to be written down. `Some(true)` for the first of a
    /// while that is not, `Some(false)` for further ones.
    pub(super) fn count_refusal(&mut self, host: &HostId, now: Mono) -> Option<bool> {
        self.refusals.retain(|_, (since, _)| now.since(*since) < REFUSALS_WINDOW);
        let (_, count) = self.refusals.entry(host.clone()).or_insert((now, 0));
        *count = count.saturating_add(1);
        (*count > REFUSALS_WRITTEN_MAX).then_some(*count == REFUSALS_WRITTEN_MAX + 1)
    }

    /// Forgets the oldest files that are over, beyond those that are kept at hand.
    fn forget_old(&mut self) {
        let over = self.all.values().filter(|file| !file.row.state.is_open());
        let surplus = over.clone().count().saturating_sub(FILES_OVER_KEPT_MAX);
        let old: Vec<u64> = over.take(surplus).map(|file| file.row.id).collect();
        for file in old.into_iter().filter_map(|id| self.all.remove(&id)) {
            let FileRow { host, epoch, sequence, .. } = file.row;
            self.offers.remove(&(host, epoch, sequence));
        }
    }
}
