//! How far what is shown can be trusted: the state of the link and the age of the last tick.
//!
//! A link that still stands says nothing; only ticks do. Values count as of now only while ticks come
//! over a link that is not known to be down and the picture on it is whole.

use std::time::Duration;

use systole_common::ids::Role;
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
    /// The link is down, or up again and not yet heard whole.
    Reconnecting,
    /// Older than 5 s.
    Stale,
    /// Older than 30 s.
    Gone,
}

/// Why trying again alone cannot help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The daemon does not take this certificate, or this console not the daemon's.
    Certificate,
    /// They speak no common version.
    Version,
    /// The daemon said no to the hello for another reason.
    Daemon,
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

/// The state of the link with all that its words need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState<'a> {
    /// Nothing came yet.
    Connecting {
        /// The daemon, once it said its name.
        daemon: Option<&'a str>,
        /// For how long.
        waiting: Duration,
        /// Which attempt; 0 before the first.
        attempt: u32,
        /// Why the attempt before failed.
        why: Option<&'a str>,
    },
    /// Of this second.
    Live {
        /// The daemon.
        daemon: Option<&'a str>,
        /// Round trip, once measured.
        rtt: Option<Duration>,
    },
    /// The link stands and ticks do not come.
    Lagging {
        /// The daemon.
        daemon: Option<&'a str>,
        /// Since the last tick.
        silence: Duration,
    },
    /// The link is down since a moment.
    Reconnecting {
        /// Which attempt; 0 before the first.
        attempt: u32,
        /// When the last tick came.
        last_good: Option<UnixMs>,
        /// Why it is down.
        why: Option<&'a str>,
    },
    /// What is shown is old.
    Stale {
        /// Since the last tick.
        silence: Duration,
        /// The moment that is shown.
        showing: Option<UnixMs>,
        /// Why the link is down, if it is.
        why: Option<&'a str>,
    },
    /// The daemon counts as gone.
    Gone {
        /// Since the last tick, or since one is waited for.
        silence: Duration,
        /// The moment that is shown.
        showing: Option<UnixMs>,
        /// Why the link is down, if it is.
        why: Option<&'a str>,
    },
    /// The daemon, or this console, said no.
    Refused {
        /// The reason, for people.
        why: &'a str,
        /// Since the last tick, or since one is waited for.
        silence: Duration,
        /// The moment that is shown.
        showing: Option<UnixMs>,
    },
    /// They speak no common version.
    Version {
        /// Which versions, for people.
        why: &'a str,
        /// Since the last tick, or since one is waited for.
        silence: Duration,
        /// The moment that is shown.
        showing: Option<UnixMs>,
    },
}

impl LinkState<'_> {
    /// Its word on the status line.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Connecting { .. } => "CONNECTING",
            Self::Live { .. } => "LIVE",
            Self::Lagging { .. } => "LAGGING",
            Self::Reconnecting { .. } => "RECONNECTING",
            Self::Stale { .. } => "STALE",
            Self::Gone { .. } => "DAEMON GONE",
            Self::Refused { .. } => "REFUSED",
            Self::Version { .. } => "VERSION",
        }
    }
}

/// The link and the last tick.
#[derive(Debug, Clone)]
pub struct Freshness {
    /// Since when the first tick is waited for.
    waiting_since: Mono,
    last_tick: Option<Now>,
    /// The link is known to be down, or up and without a tick.
    is_unheard: bool,
    /// A picture is on its way and what was shown before was not of now: old rows are among the new
    /// ones, and this is what all of it is worth.
    refilling: Option<Trust>,
    refused: Option<Refused>,
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
            is_unheard: false,
            refilling: None,
            refused: None,
            peer: None,
            rtt: None,
            trouble: None,
            attempts: 0,
        }
    }

    /// An attempt begins.
    pub fn dialling(&mut self, attempt: u32) {
        self.attempts = attempt;
    }

    /// A daemon welcomed this console. It is not heard yet.
    pub fn linked(&mut self, peer: Peer) {
        self.peer = Some(peer);
        self.is_unheard = true;
        self.refilling = None;
        (self.refused, self.rtt) = (None, None);
    }

    /// The link is down, or an attempt failed.
    pub fn unlinked(&mut self, why: String, refused: Option<Refused>) {
        self.is_unheard = true;
        self.refilling = None;
        (self.trouble, self.refused, self.rtt) = (Some(why), refused, None);
    }

    /// A picture begins.
    pub fn picture(&mut self, now: Mono) {
        self.refilling = match self.trust(now) {
            Trust::Live => None,
            Trust::Connecting => Some(Trust::Connecting),
            Trust::Gone if self.last_tick.is_none() => Some(Trust::Connecting),
            Trust::Lagging | Trust::Reconnecting | Trust::Stale | Trust::Gone => {
                Some(if self.is_unheard { Trust::Reconnecting } else { Trust::Lagging })
            }
        };
    }

    /// The picture is whole.
    pub fn complete(&mut self) {
        self.refilling = None;
    }

    /// A tick came.
    pub fn tick(&mut self, now: Now) {
        self.last_tick = Some(now);
        self.is_unheard = false;
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
            Some(_) if self.is_unheard => self.refilling.unwrap_or(Trust::Reconnecting),
            Some(_) if silence >= LAGGING_AFTER => Trust::Lagging,
            Some(_) => self.refilling.unwrap_or(Trust::Live),
        }
    }

    /// The state of the link, to be put in words.
    pub fn state(&self, now: Mono) -> LinkState<'_> {
        let (silence, showing) = (self.silence(now), self.shown_at());
        let why = self.trouble.as_deref();
        let daemon = self.peer.as_ref().map(|peer| peer.daemon.as_str());
        let attempt = self.attempts;
        match (self.refused, self.trust(now)) {
            (Some(Refused::Version), _) => {
                LinkState::Version { why: why.unwrap_or_default(), silence, showing }
            }
            (Some(Refused::Certificate | Refused::Daemon), _) => {
                LinkState::Refused { why: why.unwrap_or_default(), silence, showing }
            }
            (None, Trust::Connecting) => {
                LinkState::Connecting { daemon, waiting: silence, attempt, why }
            }
            (None, Trust::Live) => LinkState::Live { daemon, rtt: self.rtt },
            (None, Trust::Lagging) => LinkState::Lagging { daemon, silence },
            (None, Trust::Reconnecting) => {
                LinkState::Reconnecting { attempt, last_good: showing, why }
            }
            (None, Trust::Stale) => LinkState::Stale { silence, showing, why },
            (None, Trust::Gone) => LinkState::Gone { silence, showing, why },
        }
    }

    /// When silence alone changes the trust next.
    pub fn next_change(&self, now: Mono) -> Option<Mono> {
        let since = self.last_tick.map_or(self.waiting_since, |tick| tick.mono);
        let ends = [LAGGING_AFTER, STALE_AFTER, GONE_AFTER].map(|span| since.plus(span));
        ends.into_iter().find(|end| *end > now)
    }

    /// The own role at the daemon, as far as it is one that this program knows.
    pub fn role(&self) -> Option<Role> {
        self.peer.as_ref().and_then(|peer| peer.role.parse().ok())
    }

    /// Whether the own role only looks.
    pub fn is_read_only(&self) -> bool {
        match self.role() {
            Some(Role::Viewer) => true,
            Some(Role::Operator | Role::Admin) => false,
            None => self.peer.is_some(),
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
