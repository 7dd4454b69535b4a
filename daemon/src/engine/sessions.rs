//! Operators attached now: who, and what their feeds detail. Knows no host but by name.

use std::collections::{BTreeMap, BTreeSet};

use systole_common::ids::{ConnectionId, HostId, OperatorName, Role};

/// An operator's connection.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) operator: OperatorName,
    pub(super) role: Role,
    pub(super) subscription: Option<Subscription>,
}

/// What a feed details.
#[derive(Debug, Clone, Default)]
pub(super) struct Subscription {
    pub(super) all: bool,
    pub(super) hosts: BTreeSet<HostId>,
    /// Pictures sent so far.
    pub(super) pictures: u64,
    /// Ticks sent so far.
    pub(super) ticks: u64,
}

impl Subscription {
    /// Whether it details `host`.
    pub(super) fn details(&self, host: &HostId) -> bool {
        self.all || self.hosts.contains(host)
    }
}

/// All attached operators, and the hosts that changed since the feeds' last second.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    all: BTreeMap<ConnectionId, Session>,
    touched: BTreeSet<HostId>,
    retired: BTreeSet<HostId>,
}

impl Sessions {
    pub(super) fn open(&mut self, id: ConnectionId, session: Session) {
        self.all.insert(id, session);
    }

    pub(super) fn close(&mut self, id: ConnectionId) -> Option<Session> {
        self.all.remove(&id)
    }

    pub(super) fn session(&self, id: ConnectionId) -> Option<&Session> {
        self.all.get(&id)
    }

    pub(super) fn session_mut(&mut self, id: ConnectionId) -> Option<&mut Session> {
        self.all.get_mut(&id)
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// The sessions that have a feed.
    pub(super) fn subscribed(&self) -> Vec<ConnectionId> {
        let feed =
            |(id, session): (&ConnectionId, &Session)| session.subscription.as_ref().map(|_| *id);
        self.all.iter().filter_map(feed).collect()
    }

    /// The sessions whose feed details `host`.
    pub(super) fn detailing(&self, host: &HostId) -> Vec<ConnectionId> {
        let details = |session: &Session| {
            session.subscription.as_ref().is_some_and(|subscription| subscription.details(host))
        };
        self.all.iter().filter(|(_, session)| details(session)).map(|(id, _)| *id).collect()
    }

    /// Whether somebody looks at `host`.
    pub(super) fn is_watched(&self, host: &HostId) -> bool {
        !self.detailing(host).is_empty()
    }

    /// A host changed.
    pub(super) fn touch(&mut self, host: &HostId) {
        if !self.touched.contains(host) {
            self.touched.insert(host.clone());
        }
    }

    /// A host is gone.
    pub(super) fn retire(&mut self, host: &HostId) {
        self.touched.remove(host);
        self.retired.insert(host.clone());
    }

    /// The hosts that changed, and those that went, since the last call.
    pub(super) fn take_touched(&mut self) -> (BTreeSet<HostId>, BTreeSet<HostId>) {
        (std::mem::take(&mut self.touched), std::mem::take(&mut self.retired))
    }
}
