//! What the shell counts: frames by kind, refusals by reason, and everything that should be rare.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use systole_common::wire::kind::Kind;

/// Names of rare events in `/metrics`, each with what it counts.
pub(super) mod rare {
    /// Connection attempts refused before or in the handshake.
    pub(in crate::shell) const HANDSHAKES_REFUSED: &str = "handshakes_refused";
    /// Connection attempts that their peers gave up.
    pub(in crate::shell) const HANDSHAKES_GIVEN_UP: &str = "handshakes_given_up";
    /// Connections refused at their hello.
    pub(in crate::shell) const HELLOS_REFUSED: &str = "hellos_refused";
    /// Frames that the role table or the protocol does not allow, by kind.
    pub(in crate::shell) const FRAMES_REFUSED: &str = "frames_refused";
    /// Frames of kinds that this version does not take yet, by kind.
    pub(in crate::shell) const FRAMES_LEFT: &str = "frames_left";
    /// Frames of unknown kinds, skipped by their length.
    pub(in crate::shell) const FRAMES_SKIPPED: &str = "frames_skipped";
    /// Series and values that were not taken.
    pub(in crate::shell) const SERIES_REFUSED: &str = "series_refused";
    /// Stored slots that found no room on their way to the metric store; agents send them again.
    pub(in crate::shell) const SLOTS_LEFT: &str = "slots_left";
    /// Datagrams that are no answers to probes.
    pub(in crate::shell) const DATAGRAMS_REFUSED: &str = "datagrams_refused";
    /// Connections closed by the daemon, by code.
    pub(in crate::shell) const CONNECTIONS_CLOSED: &str = "connections_closed";
    /// Feeds that lost events because their console was slow.
    pub(in crate::shell) const FEEDS_OVERFLOWED: &str = "feeds_overflowed";
    /// Requests that found no reply in time.
    pub(in crate::shell) const REQUESTS_TIMED_OUT: &str = "requests_timed_out";
    /// Tasks of one connection that ended by a fault of this program.
    pub(in crate::shell) const TASKS_FAILED: &str = "tasks_failed";
    /// Frames that could not be encoded.
    pub(in crate::shell) const FRAMES_UNSENDABLE: &str = "frames_unsendable";
}

/// All counters of the shell.
#[derive(Debug)]
pub(super) struct Counters {
    frames: Vec<AtomicU64>,
    rare: Mutex<BTreeMap<(&'static str, String), u64>>,
}

impl Default for Counters {
    fn default() -> Self {
        let frames = (0..=u8::MAX).map(|_| AtomicU64::new(0)).collect();
        Self { frames, rare: Mutex::default() }
    }
}

/// Different labels of one rare event; labels are words of ours, never a peer's.
const LABELS_MAX: usize = 4_096;

impl Counters {
    /// A frame of `kind` came.
    pub(super) fn frame(&self, kind: Kind) {
        if let Some(counter) = self.frames.get(usize::from(kind.number())) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Frames that came so far, by kind; only those that did.
    pub(super) fn frames(&self) -> Vec<(&'static str, u64)> {
        let count = |kind: &Kind| {
            let counter = self.frames.get(usize::from(kind.number()))?;
            let count = counter.load(Ordering::Relaxed);
            (count > 0).then_some((kind.as_str(), count))
        };
        Kind::ALL.iter().filter_map(count).collect()
    }

    /// Adds one to the rare event `name` with `label`.
    pub(super) fn add(&self, name: &'static str, label: &str) {
        self.add_many(name, label, 1);
    }

    /// Adds `count` to the rare event `name` with `label`.
    pub(super) fn add_many(&self, name: &'static str, label: &str, count: u64) {
        if count == 0 {
            return;
        }
        let mut rare = self.rare.lock().unwrap_or_else(PoisonError::into_inner);
        if rare.len() < LABELS_MAX || rare.contains_key(&(name, label.to_owned())) {
            *rare.entry((name, label.to_owned())).or_default() += count;
        }
    }

    /// All rare events that happened: name, label, count; ordered by name.
    pub(super) fn rare(&self) -> Vec<(&'static str, String, u64)> {
        let rare = self.rare.lock().unwrap_or_else(PoisonError::into_inner);
        rare.iter().map(|((name, label), count)| (*name, label.clone(), *count)).collect()
    }

    /// The count of the rare event `name` over all labels.
    #[cfg(test)]
    pub(super) fn rare_sum(&self, name: &str) -> u64 {
        let rare = self.rare.lock().unwrap_or_else(PoisonError::into_inner);
        rare.iter().filter(|((found, _), _)| *found == name).map(|(_, count)| count).sum()
    }
}
