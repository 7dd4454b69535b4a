//! How far what is shown can be trusted: the state of the link and the age of the last tick.
//!
//! A link that still stands says nothing; only ticks do.

use std::time::Duration;

use systole_common::time::{Mono, Now, UnixMs};

/// Without a tick for so long, what is shown lags.
pub const LAGGING_AFTER: Duration = Duration::from_secs(2);
/// Without a tick for so long, it is stale.
pub const STALE_AFTER: Duration = Duration::from_secs(5);
/// Without a tick for so long, the daemon counts as gone.
pub const GONE_AFTER: Duration = Duration::from_secs(30);

/// How far what is shown can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Nothing came yet.
    Connecting,
    /// Of this second.
    Live,
    /// Older than 2 s.
    Lagging,
    /// Older than 5 s.
    Stale,
    /// Older than 30 s.
    Gone,
}

/// The daemon at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its name.
    pub daemon: String,
    /// Its address.
    pub address: String,
    /// The own role there.
    pub role: String,
}

/// The link and the last tick.
#[derive(Debug, Clone)]
pub struct Freshness {
    /// Since when the first tick is waited for.
    waiting_since: Mono,
    last_tick: Option<Now>,
    /// The daemon that is, or was last, at the other end.
    pub peer: Option<Peer>,
    /// Round trip to it.
    pub rtt: Option<Duration>,
    /// Why the link is down, while it is.
    pub trouble: Option<String>,
    /// Attempts since it is down.
    pub attempts: u32,
}

impl Freshness {
    /// No link yet.
    pub fn waiting(now: Now) -> Self {
        Self {
            waiting_since: now.mono,
            last_tick: None,
            peer: None,
            rtt: None,
            trouble: None,
            attempts: 0,
        }
    }

    /// A tick came.
    pub fn tick(&mut self, now: Now) {
        self.last_tick = Some(now);
        self.trouble = None;
        self.attempts = 0;
    }

    /// How far what is shown can be trusted.
    pub fn trust(&self, now: Mono) -> Trust {
        let silence = self.silence(now);
        match self.last_tick {
            _ if silence >= GONE_AFTER => Trust::Gone,
            None => Trust::Connecting,
            Some(_) if silence >= STALE_AFTER => Trust::Stale,
            Some(_) if silence >= LAGGING_AFTER => Trust::Lagging,
            Some(_) => Trust::Live,
        }
    }

    /// Time since the last tick, or since one is waited for.
    pub fn silence(&self, now: Mono) -> Duration {
        now.since(self.last_tick.map_or(self.waiting_since, |tick| tick.mono))
    }

    /// The moment that is shown, by this machine's clock.
    pub fn shown_at(&self) -> Option<UnixMs> {
        self.last_tick.map(|tick| tick.wall)
    }
}
