//! The way into the queue of the metric store's writer: what is live enters at once, what is late waits.
//!
//! One half of the queue is kept for live slots. Late ones enter while more than that half is free, one
//! after the other in the order in which they came; those that wait hold no place. Knows no connection.

use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, mpsc};

use super::metrics::slot::Intake;
use crate::limits::BULK_LOOK_EVERY;

/// See the module's words.
#[derive(Debug, Clone)]
pub(super) struct MetricQueue {
    queue: mpsc::Sender<Intake>,
    /// Whose turn it is to enter late.
    turn: Arc<Mutex<()>>,
}

impl MetricQueue {
    /// The way into `queue`.
    pub(super) fn new(queue: mpsc::Sender<Intake>) -> Self {
        Self { queue, turn: Arc::default() }
    }

    /// Enters at once or not at all: for what is live. Returns whether it did.
    pub(super) fn offer(&self, intake: Intake) -> bool {
        self.queue.try_send(intake).is_ok()
    }

    /// Waits until there is room beside what is kept for live slots: for what is late. Returns `false` if
    /// the writer is gone.
    pub(super) async fn bring(&self, mut intake: Intake) -> bool {
        // A sender that waits in the queue itself would be given each place that becomes free, before
        // any live slot; so it is only looked at, by one at a time.
        let _turn = self.turn.lock().await;
        loop {
            if self.queue.capacity() > self.queue.max_capacity() / 2 {
                match self.queue.try_send(intake) {
                    Ok(()) => return true,
                    Err(TrySendError::Full(back)) => intake = back,
                    Err(TrySendError::Closed(_)) => return false,
                }
            } else if self.queue.is_closed() {
                return false;
            }
            tokio::time::sleep(BULK_LOOK_EVERY).await;
        }
    }

    /// Waits for the next place: for orders, of which there are few.
    pub(super) async fn order(&self, intake: Intake) {
        // Without a writer there is nobody to order.
        let _ = self.queue.send(intake).await;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use systole_common::ids::SpoolEpoch;
    use tokio::time::timeout;

    use super::*;
    use crate::limits::INTAKES_MAX;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn intake(number: u64) -> Intake {
        Intake::Greet { host: "web-1".parse().unwrap(), epoch: SpoolEpoch(number) }
    }

    fn number(intake: Option<Intake>) -> u64 {
        match intake {
            Some(Intake::Greet { epoch, .. }) => epoch.0,
            other => panic!("{other:?}"),
        }
    }

    /// Whether `what` has to wait.
    fn waits(what: impl Future<Output = bool>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        matches!(pin!(what).poll(&mut context), Poll::Pending)
    }

    #[tokio::test]
    async fn late_slots_leave_half_of_the_queue_to_live_ones() {
        let (sender, mut queue) = mpsc::channel(INTAKES_MAX);
        let way = MetricQueue::new(sender);
        for number in 0..2_048 {
            assert!(timeout(PATIENCE, way.bring(intake(number))).await.unwrap(), "{number}");
        }
        let mut late: Vec<_> = (2_048..2_060)
            .map(|number| {
                let way = way.clone();
                tokio::spawn(async move { way.bring(intake(number)).await })
            })
            .collect();
        assert!(waits(way.bring(intake(u64::MAX))));
        tokio::task::yield_now().await;
        for number in 0..2_048 {
            assert!(way.offer(intake(number)), "{number}");
        }
        assert!(!way.offer(intake(0)), "full is full");
        assert_eq!(number(queue.recv().await), 0);
        assert!(way.offer(intake(7)), "the first place that is free is a live one's");
        for _ in 0..2_060 {
            queue.recv().await.unwrap();
        }
        for late in &mut late {
            assert!(timeout(PATIENCE, late).await.unwrap().unwrap());
        }
        let mut came: Vec<u64> = Vec::new();
        while let Ok(intake) = queue.try_recv() {
            came.push(number(Some(intake)));
        }
        let late: Vec<u64> = (2_048..2_060).collect();
        assert!(came.ends_with(&late), "in the order in which they waited");
    }

    #[tokio::test]
    async fn without_a_writer_nothing_waits() {
        let (sender, queue) = mpsc::channel(4);
        let way = MetricQueue::new(sender);
        for number in 0..4 {
            assert!(way.offer(intake(number)));
        }
        drop(queue);
        assert!(!timeout(PATIENCE, way.bring(intake(4))).await.unwrap());
        assert!(!way.offer(intake(5)));
        timeout(PATIENCE, way.order(Intake::Stop)).await.unwrap();
    }
}
