//! How long to wait before the next attempt, by what went wrong: one table for closes, one for refusals.

use std::time::Duration;

use systole_common::backoff::Backoff;
use systole_common::model::coded::Growing;
use systole_common::wire::hello::{CloseCode, Refusal, RefusalCode};

use crate::engine::input::Loss;
use crate::engine::random::Random;
use crate::limits::{RETRY_AFTER_MAX, SLOW_RETRY};

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// At once, but for a little jitter.
    AtOnce,
    /// After a random delay that grows with the failures in a row.
    Backoff,
    /// After so long.
    After(Duration),
}

impl Retry {
    /// What a lost connection asks for. One that was never confirmed counts as a failed attempt.
    pub(super) fn after_loss(loss: &Loss, confirmed: bool) -> Self {
        match loss {
            Loss::Closed { code, text: _ } => Self::after_close(*code, confirmed),
            Loss::Reset | Loss::TimedOut | Loss::Broken { .. } if confirmed => Self::AtOnce,
            Loss::Reset | Loss::TimedOut | Loss::Broken { .. } => Self::Backoff,
        }
    }

    fn after_close(code: Growing<CloseCode>, confirmed: bool) -> Self {
        let at_once = if confirmed { Self::AtOnce } else { Self::Backoff };
        match code {
            Growing::Known(CloseCode::Restart | CloseCode::Goodbye) | Growing::Unknown(_) => {
                at_once
            }
            Growing::Known(
                CloseCode::Refused | CloseCode::Conflict | CloseCode::Revoked | CloseCode::Retired,
            ) => Self::After(SLOW_RETRY),
            Growing::Known(CloseCode::Replaced | CloseCode::Protocol | CloseCode::Overload) => {
                Self::Backoff
            }
        }
    }

    /// What a refused hello asks for.
    pub(super) fn after_refusal(refusal: &Refusal) -> Self {
        if refusal.retry_after_ms > 0 {
            let asked = Duration::from_millis(refusal.retry_after_ms.into());
            return Self::After(asked.min(RETRY_AFTER_MAX));
        }
        match refusal.code {
            Growing::Known(
                RefusalCode::Stopping | RefusalCode::Overload | RefusalCode::Storage,
            ) => Self::Backoff,
            Growing::Known(
                RefusalCode::Version
                | RefusalCode::Role
                | RefusalCode::Conflict
                | RefusalCode::Revoked
                | RefusalCode::Instance
                | RefusalCode::Protocol
                | RefusalCode::NotFound
                | RefusalCode::State
                | RefusalCode::Invalid,
            )
            | Growing::Unknown(_) => Self::After(SLOW_RETRY),
        }
    }

    /// The delay, after so many `failures` in a row.
    pub(super) fn delay(self, failures: u32, random: &mut Random) -> Duration {
        match self {
            Self::AtOnce => Backoff::AGENT.delay(0, random.draw()),
            Self::Backoff => Backoff::AGENT.delay(failures.max(1), random.draw()),
            Self::After(wait) => Backoff::AGENT.told(wait, random.draw()),
        }
    }
}
