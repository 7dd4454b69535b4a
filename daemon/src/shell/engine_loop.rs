//! The one task that owns the engine: takes inputs, tells it the time, hands on what it asks for.
//!
//! It wakes at least each 100 ms, so that it notices when it stood still itself, and tells the engine
//! before anything else. It waits for nobody but the writer, and for that one only within its bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use systole_common::time::{Mono, Now};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::clock;
use super::context::Context;
use super::perform::Performer;
use super::store::{Batch, WriterNews};
use super::watchdog::Watchdog;
use crate::engine::Engine;
use crate::engine::gauges::Gauges;
use crate::engine::input::Input;
use crate::limits::{DRAINED_AFTER, INPUTS_AT_ONCE_MAX, LOOP_BEAT, OWN_PAUSE};

/// The loop and everything that only it has.
pub(super) struct EngineLoop {
    /// The engine.
    pub(super) engine: Engine,
    /// What all tasks share.
    pub(super) context: Arc<Context>,
    /// Does what the engine asks for.
    pub(super) performer: Performer,
    /// What happens.
    pub(super) inputs: mpsc::Receiver<Input>,
    /// What is to be committed.
    pub(super) batches: mpsc::Sender<Batch>,
    /// How far the writer is.
    pub(super) writer: Arc<WriterNews>,
    /// Whether the disk is full.
    pub(super) refusing: watch::Receiver<bool>,
    /// Scrapes that wait for gauges.
    pub(super) gauges: mpsc::Receiver<oneshot::Sender<Gauges>>,
    /// How often the socket was found empty.
    pub(super) drained: Arc<AtomicU64>,
    /// Tells systemd that we are alive.
    pub(super) watchdog: Watchdog,
}

/// What the loop remembers between two turns.
struct Turn {
    /// When it last woke.
    woke: Mono,
    /// Turns of the beat since the last full second.
    beats: u32,
    /// After an own pause: what `drained` was at its end, and when that was.
    blind_since: Option<(u64, Mono)>,
}

impl EngineLoop {
    /// Works until `end`, then takes what still waits and ends. `context.inputs` stays open meanwhile.
    pub(super) async fn run(mut self, end: CancellationToken) {
        let mut beat = interval(LOOP_BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut inputs = Vec::with_capacity(INPUTS_AT_ONCE_MAX);
        let mut turn = Turn { woke: clock::mono(), beats: 0, blind_since: None };
        loop {
            let deadline = self.deadline();
            tokio::select! {
                () = end.cancelled() => break,
                _ = self.inputs.recv_many(&mut inputs, INPUTS_AT_ONCE_MAX) => {}
                () = sleep_until(deadline) => inputs.push(Input::Tick),
                Ok(()) = self.refusing.changed() => {
                    let refusing = *self.refusing.borrow_and_update();
                    inputs.push(Input::StoreRefusing(refusing));
                }
                Some(asked) = self.gauges.recv() => drop(asked.send(self.engine.gauges())),
                _ = beat.tick() => self.beat(&mut turn),
            }
            self.notice_pause(&mut turn).await;
            for input in inputs.drain(..) {
                self.take(clock::now(), input).await;
            }
            self.notice_drained(&mut turn).await;
        }
        while let Ok(input) = self.inputs.try_recv() {
            self.take(clock::now(), input).await;
        }
    }

    async fn take(&mut self, now: Now, input: Input) {
        let outcome = self.engine.handle(now, input);
        for effect in outcome.at_once {
            self.performer.perform(effect);
        }
        let changes = outcome.changes;
        let effects = outcome.after_commit;
        if changes.is_empty() {
            if effects.is_empty() {
                return;
            }
            // While the disk is full the writer knows what waits and may not be overtaken.
            let nothing_waits = self.writer.in_flight.load(Ordering::Acquire) == 0;
            if nothing_waits && !*self.refusing.borrow() {
                for effect in effects {
                    self.performer.perform(effect);
                }
                return;
            }
        }
        self.writer.in_flight.fetch_add(1, Ordering::AcqRel);
        // The writer is gone only when the whole program ends.
        let _ = self.batches.send(Batch { changes, effects }).await;
    }

    fn deadline(&self) -> Instant {
        let now = clock::mono();
        let wait = self.engine.next_deadline().map_or(LOOP_BEAT, |at| at.since(now));
        Instant::now() + wait.min(LOOP_BEAT)
    }

    fn beat(&mut self, turn: &mut Turn) {
        turn.beats += 1;
        if Duration::from_millis(100) * turn.beats >= Duration::from_secs(1) {
            turn.beats = 0;
            self.context.lag.turn();
            self.watchdog.turn(self.writer.turns.load(Ordering::Relaxed), clock::mono());
        }
    }

    /// Compares when the loop woke with when it should have.
    async fn notice_pause(&mut self, turn: &mut Turn) {
        let now = clock::mono();
        let gap = now.since(turn.woke);
        turn.woke = now;
        let late = gap.saturating_sub(LOOP_BEAT);
        self.context.lag.note(late);
        if late > OWN_PAUSE {
            turn.blind_since = Some((self.drained.load(Ordering::Acquire), now));
            self.take(clock::now(), Input::OwnPause { gap }).await;
        }
    }

    /// After a pause: whether all that had arrived meanwhile was read from the socket. A socket that
    /// nobody has looked at for seconds had nothing to read, for data wakes its reader.
    async fn notice_drained(&mut self, turn: &mut Turn) {
        let Some((count, since)) = turn.blind_since else { return };
        let is_idle = turn.woke.since(since) > DRAINED_AFTER;
        if is_idle || self.drained.load(Ordering::Acquire) != count {
            turn.blind_since = None;
            self.take(clock::now(), Input::SocketDrained).await;
        }
    }
}
