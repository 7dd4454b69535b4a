//! One file on offer: with which daemon it is, whether it is wanted, how its transfer stands.

use std::time::Duration;

use systole_common::backoff::Backoff;
use systole_common::ids::DaemonName;
use systole_common::time::Mono;

use super::Effect;

/// A transfer that breaks off is tried again soon, since a person may wait.
const RETRY: Backoff = Backoff { cap: Duration::from_secs(15), base: Duration::from_millis(500) };

/// Whether a daemon wants the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nobody said so yet.
    Open,
    /// It does, under this number.
    Wanted { file: u64 },
}

/// How the transfer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transfer {
    /// Nothing is to be sent.
    None,
    /// It may begin then, once no other is under way to that daemon.
    Due(Mono),
    /// It is under way.
    Running { attempt: u64 },
}

/// A file on offer.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) since: Mono,
    /// The daemon that it is offered to.
    pub(super) daemon: Option<DaemonName>,
    /// When it was said on the daemon's newest main connection.
    pub(super) offered_at: Option<Mono>,
    /// Whether the daemon spoke of it since.
    pub(super) is_answered: bool,
    pub(super) stage: Stage,
    pub(super) transfer: Transfer,
    /// Whether its user was told that there is no daemon.
    pub(super) is_told_alone: bool,
    failures: u32,
}

impl Live {
    pub(super) fn new(now: Mono, daemon: Option<DaemonName>) -> Self {
        Self {
            since: now,
            daemon,
            offered_at: None,
            is_answered: false,
            stage: Stage::Open,
            transfer: Transfer::None,
            is_told_alone: false,
            failures: 0,
        }
    }

    /// Gives a running transfer up.
    pub(super) fn stop(&mut self, sequence: u64, effects: &mut Vec<Effect>) {
        if let Transfer::Running { .. } = self.transfer {
            effects.push(Effect::Stop { sequence });
            self.transfer = Transfer::None;
        }
    }

    /// Since when the transfer may begin, if it may `now`.
    pub(super) fn due_at(&self, now: Mono) -> Option<Mono> {
        match self.transfer {
            Transfer::Due(at) if at <= now => Some(at),
            Transfer::Due(_) | Transfer::None | Transfer::Running { .. } => None,
        }
    }

    /// The transfer broke off.
    pub(super) fn retry(&mut self, now: Mono, has_moved: bool, random: u64) {
        self.failures = if has_moved { 0 } else { self.failures.saturating_add(1) };
        self.transfer = Transfer::Due(now.plus(RETRY.delay(self.failures, random)));
    }
}
