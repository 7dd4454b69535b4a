//! How the daemon itself is, told to the engine once a second: full disk, slow commits, own delays.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use systole_common::time::Mono;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::clock;
use super::context::Context;
use super::metrics::health::MetricsNews;
use super::store::WriterNews;
use crate::engine::input::{Input, OwnHealth};
use crate::limits::{HEALTH_EVERY, METRICS_STALL};

/// From where the report has its facts.
pub(super) struct HealthReport {
    /// Where it goes, and the loop's delays.
    pub(super) context: Arc<Context>,
    /// The writer of `state.db`.
    pub(super) state: Arc<WriterNews>,
    /// Whether `state.db` takes no writes.
    pub(super) refusing: watch::Receiver<bool>,
    /// The writer of the metric store.
    pub(super) metrics: Arc<MetricsNews>,
    /// Bytes that are to stay free.
    pub(super) reserve_bytes: u64,
}

impl HealthReport {
    /// Reports until the daemon stops.
    pub(super) async fn run(self) {
        let mut tick = interval(HEALTH_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut moved = (0, clock::mono());
        loop {
            tokio::select! {
                () = self.context.stopping.cancelled() => return,
                _ = tick.tick() => {}
            }
            let stalled = self.is_stalled(&mut moved, clock::mono());
            self.context.tell(Input::Health(Box::new(self.now(stalled)))).await;
        }
    }

    /// Whether the metric store's writer has stood still for long.
    fn is_stalled(&self, moved: &mut (u64, Mono), now: Mono) -> bool {
        let turns = self.metrics.turns.load(Ordering::Relaxed);
        if turns != moved.0 {
            *moved = (turns, now);
        }
        now.since(moved.1) > METRICS_STALL
    }

    fn now(&self, stalled: bool) -> OwnHealth {
        let state_us = self.state.commit_us_recent.swap(0, Ordering::Relaxed);
        let metrics_us = self.metrics.commit_us_max.swap(0, Ordering::Relaxed);
        let behind = self.metrics.behind.lock().unwrap_or_else(PoisonError::into_inner).clone();
        OwnHealth {
            state_refusing: *self.refusing.borrow(),
            metrics_refusing: stalled || self.metrics.refusing.load(Ordering::Relaxed),
            free_bytes: self.metrics.free_bytes.load(Ordering::Relaxed),
            reserve_bytes: self.reserve_bytes,
            reserve_gone: self.state.reserve_gone.load(Ordering::Relaxed),
            commit_longest: Duration::from_micros(state_us.max(metrics_us)),
            loop_gap: Duration::from_micros(self.context.lag.longest_us().into()),
            behind,
        }
    }
}
