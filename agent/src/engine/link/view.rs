//! What others may know of a link; nothing here changes it.

use std::time::Duration;

use systole_common::ids::DaemonName;
use systole_common::time::Mono;
use systole_common::wire::control::Policy;

use super::Link;
use super::session::Session;
use super::trouble::Kind;
use crate::engine::effect::Target;
use crate::engine::input::ConnectionId;
use crate::engine::status::{DaemonReport, LinkState};

impl Link {
    /// The daemon at its other end.
    pub(in crate::engine) fn name(&self) -> &DaemonName {
        &self.daemon.name
    }

    /// Whether `connection` is one of its attempts or connections.
    pub(in crate::engine) fn owns(&self, connection: ConnectionId) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| attempt.connection == connection)
            || self.sessions().any(|session| session.connection == connection)
    }

    /// When a tick has something to do.
    pub(in crate::engine) fn next_deadline(
        &self,
        patience: Duration,
        dialling: bool,
    ) -> Option<Mono> {
        let attempt = self.attempt.as_ref().map(|attempt| attempt.give_up_at);
        let retry = self.retry_at.filter(|_| dialling && self.may_dial());
        let silence = self
            .sessions()
            .filter(|session| !session.overdue)
            .map(|session| session.overdue_at(patience));
        attempt.into_iter().chain(retry).chain(silence).min()
    }

    /// Where heartbeats are written.
    pub(in crate::engine) fn targets(&self) -> impl Iterator<Item = Target> {
        self.sessions().map(|session| Target {
            connection: session.connection,
            echo_sequence: session.echo_sequence,
            echo_at: session.echo_at,
        })
    }

    /// What the daemon wants of its connections.
    pub(in crate::engine) fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.sessions().map(|session| &session.policy)
    }

    /// Whether the silence of the connection in use is too long.
    pub(in crate::engine) fn is_overdue(&self) -> bool {
        self.current.as_ref().is_some_and(|session| session.overdue)
    }

    /// Whether there is a connection to say something on.
    pub(in crate::engine) fn is_connected(&self) -> bool {
        self.current.is_some()
    }

    /// Whether the daemon has echoed heartbeat `sequence` or a later one.
    pub(in crate::engine) fn has_heard(&self, sequence: u64) -> bool {
        self.sessions().any(|session| session.echoed_heartbeat >= sequence)
    }

    /// What `status` says of it. `unusable` is why there is no certificate to dial with.
    pub(in crate::engine) fn report(&self, unusable: Option<&str>) -> DaemonReport {
        let live = self
            .current
            .as_ref()
            .filter(|session| !session.overdue && session.is_confirmed() && self.trouble.is_none());
        let (state, since, why) = match (live, &self.trouble) {
            (Some(_), _) => (LinkState::Connected, self.connected_since, None),
            (None, Some(trouble)) => (state(trouble.kind), trouble.since, Some(&*trouble.why)),
            (None, None) => (LinkState::Connecting, self.began.1, None),
        };
        let unusable = unusable.filter(|_| live.is_none());
        DaemonReport {
            name: self.daemon.name.clone(),
            address: self.daemon.address.clone(),
            state,
            since,
            rtt: live.and_then(|session| session.rtt),
            reason: unusable.or(why).map(str::to_owned),
        }
    }

    pub(super) fn may_dial(&self) -> bool {
        self.attempt.is_none() && self.candidate.is_none()
    }

    pub(super) fn kind(&self) -> Kind {
        if self.heard.is_some() { Kind::Gone } else { Kind::Unreached }
    }

    fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.current.iter().chain(&self.candidate)
    }
}

fn state(kind: Kind) -> LinkState {
    match kind {
        Kind::Unreached => LinkState::Connecting,
        Kind::Gone => LinkState::Gone,
        Kind::Refused => LinkState::Refused,
    }
}
