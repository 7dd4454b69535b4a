//! The talk's log in `SPOOL/talk`: what was said and heard on this host, safe before it is promised.
//!
//! Segments of records, oldest deleted first. What came is kept as long as there is room; what waits
//! for a daemon is written again before its segment goes. Each segment begins with the marks of both
//! sides, so that nothing before it is needed but the texts. Sequences of messages and of offers are
//! used once in the spool's epoch, whatever stops the agent.
//!
//! **Offers** use [`TalkLog::offer`] by way of [`super::ask::Door::offer`]: it gives the next
//! sequence, which is on the disk when the call returns, or the former one to a client that comes back
//! after a restart. Nothing else of an offer is kept: its sender repeats it for as long as it lives.
//!
//! It refuses to know links, clocks and when something is sent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use systole_common::ids::{DaemonName, SpoolEpoch};
use systole_common::record_log::{Disk, HostDisk, Log, Record, Replay};
use systole_common::time::UnixMs;
use systole_common::wire::talk::{Delivery, Message};

use super::record::{
    MARKS, Marks, OFFERED, RECEIVED, Received, SAID, SAID_AGAIN, Said, Shown, bytes_of, decode,
    encode,
};
use crate::engine::talk::{Left, Talk};
use crate::limits::{CHAT_SHOWN, TALK_LOG_BYTES_MAX, TALK_SEGMENT_BYTES};
use crate::shell::spool::SpoolError;
use crate::shell::spool::sequence::Sequences;

/// The open log.
#[derive(Debug)]
pub(super) struct TalkLog {
    epoch: SpoolEpoch,
    log: Log,
    messages: Sequences,
    offers: Sequences,
    /// The segment that has the marks.
    marked: Option<u64>,
}

/// What opening the log gives.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) log: TalkLog,
    /// What an earlier life left.
    pub(super) left: Left,
    /// The newest messages, oldest first.
    pub(super) recent: VecDeque<Arc<Shown>>,
    /// A line for each thing that is lost.
    pub(super) losses: Vec<String>,
}

impl TalkLog {
    /// Opens the log in `folder`, which is made if it is not there.
    pub(super) fn open(folder: &Path, epoch: SpoolEpoch) -> Result<Opened, SpoolError> {
        Self::open_on(Box::new(HostDisk), folder, epoch)
    }

    /// Opens it on a disk that may have faults.
    pub(super) fn open_on(
        disk: Box<dyn Disk>,
        folder: &Path,
        epoch: SpoolEpoch,
    ) -> Result<Opened, SpoolError> {
        let place = folder.join("log");
        let (log, mut replay) = Log::open_on(disk, &place, *b"talk", TALK_SEGMENT_BYTES)?;
        let found = Found::read(&mut replay, epoch)?;
        let is_whole = replay.torn_bytes == 0 && replay.losses.is_empty() && found.unknown == 0;
        let messages = Sequences::open(folder, found.left.newest, is_whole)?;
        let offers = Sequences::open(&made(folder.join("offers"))?, found.offers, is_whole)?;
        let mut losses = replay.losses;
        if found.unknown > 0 {
            let (path, count) = (place.display(), found.unknown);
            losses.push(format!("{path}: {count} records are not understood; they are left out"));
        }
        let Found { mut left, recent, .. } = found;
        left.newest = messages.next().saturating_sub(1);
        let log = Self { epoch, log, messages, offers, marked: None };
        Ok(Opened { log, left, recent, losses })
    }

    /// Begins a batch: what follows is on the disk when [`Self::commit`] returns.
    pub(super) fn begin(&mut self, talk: &Talk) -> Result<(), SpoolError> {
        if self.marked == Some(self.log.upcoming_segment()) {
            return Ok(());
        }
        self.mark(talk)
    }

    /// Adds what each side has to the batch.
    pub(super) fn mark(&mut self, talk: &Talk) -> Result<(), SpoolError> {
        let marks = Marks::of(talk, self.offers.next().saturating_sub(1));
        self.marked = Some(self.log.append(MARKS, &encode(&marks))?);
        Ok(())
    }

    /// Adds a message of this host to the batch, which gives it its sequence.
    pub(super) fn say(
        &mut self,
        host: String,
        message: impl FnOnce(u64) -> Message,
    ) -> Result<Said, SpoolError> {
        self.messages.reserve()?;
        let said = Said { host, message: message(self.messages.next()) };
        self.log.append(SAID, &encode(&said))?;
        self.messages.advance();
        Ok(said)
    }

    /// Adds a delivery to the batch.
    pub(super) fn receive(
        &mut self,
        daemon: &DaemonName,
        delivery: &Delivery,
    ) -> Result<(), SpoolError> {
        let received = Received { daemon: daemon.to_string(), delivery: delivery.clone() };
        self.log.append(RECEIVED, &encode(&received))?;
        Ok(())
    }

    /// The sequence of an offer: that of before if it is one of this epoch, else the next one, which
    /// becomes part of the batch.
    pub(super) fn offer(&mut self, former: Option<(SpoolEpoch, u64)>) -> Result<u64, SpoolError> {
        let is_known = |(epoch, sequence): &(SpoolEpoch, u64)| {
            *epoch == self.epoch && (1..self.offers.next()).contains(sequence)
        };
        if let Some((_, sequence)) = former.filter(is_known) {
            return Ok(sequence);
        }
        self.offers.reserve()?;
        let sequence = self.offers.next();
        self.log.append(OFFERED, &sequence.to_le_bytes())?;
        self.offers.advance();
        Ok(sequence)
    }

    /// Returns when the batch is on the disk, or nothing of it.
    pub(super) fn commit(&mut self) -> Result<(), SpoolError> {
        let flushed = self.log.flush();
        if flushed.is_err() {
            self.marked = None;
        }
        Ok(flushed?)
    }

    /// Uses no sequence of a message up to `newest` any more.
    pub(super) fn skip_to(&mut self, newest: u64) -> Result<(), SpoolError> {
        self.messages.skip_to(newest)
    }

    /// The newest deliveries since then, oldest first, each message once.
    pub(super) fn received(
        &self,
        since: Option<UnixMs>,
        count: usize,
    ) -> Result<Vec<Arc<Shown>>, SpoolError> {
        let mut found: VecDeque<Arc<Shown>> = VecDeque::new();
        let mut records = self.log.read(0);
        while let Some(record) = records.next_record().map_err(SpoolError::Unreadable)? {
            if record.kind == RECEIVED
                && let Some(Received { delivery, .. }) = decode(record.payload)
                && since.is_none_or(|since| delivery.time >= since)
                && found.iter().rev().take(CHAT_SHOWN).all(|known| known.id != delivery.id)
            {
                if found.len() >= count {
                    found.pop_front();
                }
                found.push_back(Arc::new(Shown::from(&delivery)));
            }
        }
        Ok(found.into())
    }

    /// Lets the oldest segments go when they are too many; what waits in them is written again.
    pub(super) fn clean(&mut self, talk: &Talk) -> Result<(), SpoolError> {
        if self.log.bytes() <= TALK_LOG_BYTES_MAX {
            return Ok(());
        }
        let waiting: u64 = talk.waiting().map(bytes_of).sum();
        while self.log.bytes() > TALK_LOG_BYTES_MAX.saturating_add(waiting.saturating_mul(2)) {
            let Some((oldest, _)) = self.log.segments().first().copied() else { break };
            if oldest >= self.log.segment() {
                break;
            }
            self.rescue(oldest, talk)?;
            self.log.delete_before(oldest.saturating_add(1))?;
        }
        Ok(())
    }

    /// Writes again what of a segment waits for some daemon.
    fn rescue(&mut self, segment: u64, talk: &Talk) -> Result<(), SpoolError> {
        let waits: BTreeSet<u64> = talk.waiting().map(|message| message.sequence).collect();
        self.begin(talk)?;
        let mut records = self.log.read(segment);
        while let Some(record) = records.next_record().map_err(SpoolError::Unreadable)? {
            if record.segment > segment {
                break;
            }
            let is_said = matches!(record.kind, SAID | SAID_AGAIN);
            let said = is_said.then(|| decode::<Said>(record.payload)).flatten();
            if said.is_some_and(|said| waits.contains(&said.message.sequence)) {
                self.log.append(SAID_AGAIN, record.payload)?;
            }
        }
        self.commit()
    }
}

/// What a log holds.
#[derive(Debug, Default)]
struct Found {
    epoch: SpoolEpoch,
    left: Left,
    messages: BTreeMap<u64, Arc<Message>>,
    offers: u64,
    recent: VecDeque<Arc<Shown>>,
    unknown: u64,
}

impl Found {
    fn read(replay: &mut Replay, epoch: SpoolEpoch) -> Result<Self, SpoolError> {
        let mut found = Self { epoch, ..Self::default() };
        while let Some(record) = replay.next_record()? {
            let is_known = found.take(&record).is_some();
            found.unknown += u64::from(!is_known);
        }
        found.left.messages = std::mem::take(&mut found.messages).into_values().collect();
        Ok(found)
    }

    fn take(&mut self, record: &Record<'_>) -> Option<()> {
        match record.kind {
            SAID | SAID_AGAIN => {
                let said: Said = decode(record.payload)?;
                if record.kind == SAID {
                    self.show(said.shown(self.epoch));
                }
                let sequence = said.message.sequence;
                self.left.newest = self.left.newest.max(sequence);
                self.messages.insert(sequence, Arc::new(said.message));
            }
            RECEIVED => {
                let Received { daemon, delivery } = decode(record.payload)?;
                let daemon = daemon.parse().ok()?;
                self.left.inbox.take(&daemon, delivery.epoch, delivery.sequence);
                self.show(Shown::from(&delivery));
            }
            MARKS => self.mark(&decode(record.payload)?),
            OFFERED => {
                let sequence = u64::from_le_bytes(record.payload.try_into().ok()?);
                self.offers = self.offers.max(sequence);
            }
            _ => return None,
        }
        Some(())
    }

    fn mark(&mut self, marks: &Marks) {
        self.left.newest = self.left.newest.max(marks.newest);
        self.offers = self.offers.max(marks.offers);
        marks.hear(&mut self.left.inbox);
        let settled = marks.settled();
        let all_have = |sequence: u64| settled.values().all(|one| one.contains(sequence));
        if !settled.is_empty() {
            self.messages.retain(|sequence, _| !all_have(*sequence));
        }
        self.left.settled = settled;
    }

    fn show(&mut self, shown: Shown) {
        remember(&mut self.recent, &Arc::new(shown));
    }
}

fn made(folder: PathBuf) -> Result<PathBuf, SpoolError> {
    match DirBuilder::new().recursive(true).mode(0o700).create(&folder) {
        Ok(()) => Ok(folder),
        Err(source) => Err(SpoolError::Unusable { path: folder, source }),
    }
}

/// Adds a message to the newest ones, if it is not among them; whether it was added.
pub(super) fn remember(recent: &mut VecDeque<Arc<Shown>>, shown: &Arc<Shown>) -> bool {
    if recent.iter().any(|known| known.id == shown.id) {
        return false;
    }
    if recent.len() >= CHAT_SHOWN {
        recent.pop_front();
    }
    recent.push_back(shown.clone());
    true
}
