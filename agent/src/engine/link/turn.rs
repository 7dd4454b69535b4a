//! What a link is given with everything that happens: clocks, randomness, and where effects go.

use std::time::Duration;

use systole_common::time::{Mono, UnixMs};
use systole_common::wire::hello::{Clocks, CloseCode};

use super::session::Session;
use crate::engine::effect::Effect;
use crate::engine::input::ConnectionId;
use crate::engine::moment;
use crate::engine::random::Random;

/// What a link needs to know to handle something.
#[derive(Debug)]
pub(in crate::engine) struct Turn<'a> {
    /// The agent's clocks.
    pub(in crate::engine) now: Clocks,
    /// Silence of a daemon that is too long.
    pub(in crate::engine) patience: Duration,
    /// Whether there is a certificate to dial with, and no goodbye under way.
    pub(in crate::engine) dialling: bool,
    /// For jitter and back-off.
    pub(in crate::engine) random: &'a mut Random,
    /// The number of the newest attempt.
    pub(in crate::engine) attempts: &'a mut u64,
    /// What is to be done.
    pub(in crate::engine) effects: &'a mut Vec<Effect>,
}

impl Turn<'_> {
    pub(super) fn mono(&self) -> Mono {
        moment(self.now)
    }

    pub(super) fn wall(&self) -> UnixMs {
        UnixMs(self.now.wall_ms)
    }

    pub(super) fn next_connection(&mut self) -> ConnectionId {
        *self.attempts += 1;
        ConnectionId(*self.attempts)
    }

    pub(super) fn close(&mut self, session: &Session, code: CloseCode, reason: &str) {
        let reason = reason.to_owned();
        self.effects.push(Effect::Close { connection: session.connection, code, reason });
    }
}
