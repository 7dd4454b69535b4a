//! All bulk connections: opens them, hands them what the spool has, ends them.

use std::collections::BTreeMap;
use std::sync::Arc;

use systole_common::ids::DaemonName;
use systole_common::ranges::RangeSet;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::bulk::{Batch, Bulk};
use super::outlet::Main;
use crate::engine::delivery::{BulkId, Input};
use crate::limits::{BATCH_BYTES_MAX, EVENTS_WAITING_MAX};
use crate::shell::heart::attempt::Introduction;
use crate::shell::heart::endpoints::Endpoints;
use crate::shell::shared::Shared;
use crate::shell::spool::{Spool, SpoolError, SpooledSlot};

/// The bulk connections that are open or being opened.
#[derive(Debug)]
pub(super) struct Bulks {
    introduction: Introduction,
    endpoints: Arc<Endpoints>,
    tasks: BTreeMap<BulkId, Task>,
    sender: mpsc::Sender<Input>,
    events: mpsc::Receiver<Input>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Task {
    /// One batch at a time: the engine waits until it is sent.
    batches: mpsc::Sender<Batch>,
    abort: AbortHandle,
}

impl Bulks {
    pub(super) fn new(introduction: Introduction, shared: Arc<Shared>) -> Self {
        let (sender, events) = mpsc::channel(EVENTS_WAITING_MAX);
        let endpoints = Arc::default();
        Self { introduction, endpoints, tasks: BTreeMap::new(), sender, events, shared }
    }

    /// The next thing that happens on any of them.
    pub(super) async fn next(&mut self) -> Input {
        let Some(input) = self.events.recv().await else {
            return std::future::pending().await;
        };
        if let Input::BulkDown { bulk, .. } = &input {
            self.tasks.remove(bulk);
        }
        input
    }

    /// Dials where `main` goes.
    pub(super) fn open(&mut self, bulk: BulkId, daemon: DaemonName, main: &Main) {
        let (batches, waiting) = mpsc::channel(1);
        let connection = Bulk {
            id: bulk,
            daemon,
            address: main.address,
            tls: main.tls.clone(),
            introduction: self.introduction.clone(),
            endpoints: self.endpoints.clone(),
            events: self.sender.clone(),
            shared: self.shared.clone(),
        };
        let abort = tokio::spawn(connection.run(waiting)).abort_handle();
        self.tasks.insert(bulk, Task { batches, abort });
    }

    /// Reads from the spool and hands that over; what happened if that is known already.
    pub(super) fn send(
        &mut self,
        spool: &mut Spool,
        bulk: BulkId,
        daemon: DaemonName,
        (first, last): (u64, u64),
    ) -> Result<Option<Input>, SpoolError> {
        let count = usize::try_from(last.saturating_sub(first)).unwrap_or(0).saturating_add(1);
        let slots = spool.read(first, count, BATCH_BYTES_MAX)?;
        let batch = batch(slots, (first, last), spool.newest());
        if batch.slots.is_empty() {
            let Batch { first, last, absent, .. } = batch;
            let is_full = false;
            return Ok(Some(Input::Sent { daemon, bulk, first, last, absent, is_full }));
        }
        // If it is over, its end is on the way.
        let _ = self.tasks.get(&bulk).map(|task| task.batches.try_send(batch));
        Ok(None)
    }

    /// Ends one; it is closed with its reason.
    pub(super) fn close(&mut self, bulk: BulkId) {
        if let Some(task) = self.tasks.remove(&bulk) {
            task.abort.abort();
        }
    }

    /// Ends all of them and waits until that is said.
    pub(super) async fn end(&mut self) {
        for task in std::mem::take(&mut self.tasks).into_values() {
            task.abort.abort();
        }
        tokio::task::yield_now().await;
        self.endpoints.idle().await;
    }
}

impl Drop for Bulks {
    fn drop(&mut self) {
        for task in self.tasks.values() {
            task.abort.abort();
        }
    }
}

/// What of `first..=last` the spool gave, and what it does not have before the next slot that it has.
fn batch(mut slots: Vec<SpooledSlot>, (first, last): (u64, u64), newest: u64) -> Batch {
    let next = slots.first().map_or(newest.saturating_add(1), |slot| slot.sequence);
    slots.retain(|slot| (first..=last).contains(&slot.sequence));
    // A batch that is cut short by its bytes says nothing of what comes after.
    let end = slots.last().map_or(next.saturating_sub(1).max(last), |slot| slot.sequence);
    let given = slots.iter().map(|slot| (slot.sequence, slot.sequence));
    let absent = RangeSet::from_ranges(given).missing(first, end);
    Batch { slots, first, last: end, absent }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::spool::SpoolShape;

    fn slot(sequence: u64) -> SpooledSlot {
        let shape = Arc::new(SpoolShape { series: Vec::new() });
        SpooledSlot { sequence, slot_ms: 0, interval_ms: 5000, shape, values: Vec::new() }
    }

    #[test]
    fn only_what_lies_before_a_slot_that_was_read_counts_as_lost() {
        let read = |sequences: &[u64]| {
            batch(sequences.iter().map(|one| slot(*one)).collect(), (10, 20), 4096)
        };
        let cut = read(&[12, 13]);
        assert_eq!((cut.first, cut.last, cut.absent), (10, 13, vec![(10, 11)]));
        let none = read(&[]);
        assert_eq!((none.last, none.absent), (4096, vec![(10, 4096)]), "reserved and never used");
        let beyond = read(&[25]);
        assert_eq!((beyond.slots.len(), beyond.absent), (0, vec![(10, 24)]));
    }
}
