//! Operators attached now: who, what they look at, and what their feeds detail. Knows no host but by
//! name.

use std::collections::{BTreeMap, BTreeSet};

use systole_common::ids::{ConnectionId, HostId, OperatorName, Role};
use systole_common::time::{Mono, UnixMs};
use systole_common::wire::feed::{FeedOperators, OperatorPresence};
use systole_common::wire::limits::PAGE_RECORDS_MAX;

/// An operator's connection.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) operator: OperatorName,
    pub(super) role: Role,
    pub(super) since: UnixMs,
    pub(super) looking_at: String,
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

/// Whose watchers came or went when one feed changed.
#[derive(Debug, Default)]
pub(super) struct Shift {
    /// Named by a feed now, by none before.
    came: BTreeSet<HostId>,
    /// Named by a feed before, by none now.
    went: BTreeSet<HostId>,
    /// Whether a feed detailed every host, before and now.
    everybody: (bool, bool),
}

/// All attached operators, and the hosts that changed since the feeds' last second.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    all: BTreeMap<ConnectionId, Session>,
    /// How many feeds name a host; without those that nobody names.
    watchers: BTreeMap<HostId, usize>,
    /// How many feeds detail every host.
    watching_everybody: usize,
    fresh: Fresh,
}

/// What feeds were not told yet.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    /// Since when this was gathered.
    pub(super) since: Mono,
    /// Hosts that changed or beat.
    pub(super) touched: BTreeSet<HostId>,
    /// Hosts whose facts changed.
    pub(super) facts: BTreeSet<HostId>,
    /// Hosts that are gone.
    pub(super) retired: BTreeSet<HostId>,
    /// Whether somebody came, went or looks elsewhere.
    pub(super) presence: bool,
}

impl Sessions {
    pub(super) fn open(&mut self, id: ConnectionId, session: Session) {
        self.all.insert(id, session);
    }

    /// A connection ended.
    pub(super) fn close(&mut self, id: ConnectionId) -> Shift {
        let shift = self.subscribe(id, None);
        self.all.remove(&id);
        shift
    }

    /// A feed details something else from now on; `None` is that it ended.
    pub(super) fn subscribe(&mut self, id: ConnectionId, new: Option<Subscription>) -> Shift {
        let Some(session) = self.all.get_mut(&id) else {
            return Shift::default();
        };
        if session.subscription.is_some() != new.is_some() {
            self.fresh.presence = true;
        }
        let old = std::mem::replace(&mut session.subscription, new.clone()).unwrap_or_default();
        let new = new.unwrap_or_default();
        let mut shift = Shift::default();
        shift.everybody.0 = self.watching_everybody > 0;
        self.watching_everybody += usize::from(new.all);
        self.watching_everybody -= usize::from(old.all);
        shift.everybody.1 = self.watching_everybody > 0;
        for host in new.hosts.difference(&old.hosts) {
            let count = self.watchers.entry(host.clone()).or_default();
            *count += 1;
            if *count == 1 {
                shift.came.insert(host.clone());
            }
        }
        for host in old.hosts.difference(&new.hosts) {
            if let Some(count) = self.watchers.get_mut(host) {
                *count -= 1;
                if *count == 0 {
                    self.watchers.remove(host);
                    shift.went.insert(host.clone());
                }
            }
        }
        shift
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
        self.with_feed().map(|(id, _)| id).collect()
    }

    /// The sessions whose feed details `host`.
    pub(super) fn detailing(&self, host: &HostId) -> Vec<ConnectionId> {
        if !self.is_watched(host) {
            return Vec::new();
        }
        let details = |session: &Session| {
            session.subscription.as_ref().is_some_and(|subscription| subscription.details(host))
        };
        self.with_feed().filter(|(_, session)| details(session)).map(|(id, _)| id).collect()
    }

    /// Whether somebody looks at `host`.
    pub(super) fn is_watched(&self, host: &HostId) -> bool {
        self.watching_everybody > 0 || self.watchers.contains_key(host)
    }

    /// Those of `hosts` that are watched now and were not before `shift`, or the other way round.
    pub(super) fn shifted<'a>(
        &self,
        shift: &Shift,
        hosts: impl Iterator<Item = &'a HostId>,
    ) -> Vec<(HostId, bool)> {
        let flips = |host: &HostId| {
            let now = self.watchers.contains_key(host);
            let before = (now && !shift.came.contains(host)) || shift.went.contains(host);
            (shift.everybody.0 || before) != (shift.everybody.1 || now)
        };
        match shift.everybody {
            (true, true) => Vec::new(),
            (false, false) => {
                let came = shift.came.iter().map(|host| (host.clone(), true));
                came.chain(shift.went.iter().map(|host| (host.clone(), false))).collect()
            }
            (_, is_watched) => {
                hosts.filter(|host| flips(host)).map(|host| (host.clone(), is_watched)).collect()
            }
        }
    }

    /// What an operator looks at now.
    pub(super) fn look(&mut self, id: ConnectionId, what: String) {
        if let Some(session) = self.all.get_mut(&id)
            && session.looking_at != what
        {
            session.looking_at = what;
            self.fresh.presence |= session.subscription.is_some();
        }
    }

    /// Everybody who has a feed, as the session `own` is told.
    pub(super) fn operators(&self, own: ConnectionId) -> FeedOperators {
        let presence = |(id, session): (ConnectionId, &Session)| OperatorPresence {
            session: id.0,
            operator: session.operator.to_string(),
            role: session.role.to_string(),
            since: session.since,
            looking_at: session.looking_at.clone(),
        };
        let operators = self.with_feed().take(PAGE_RECORDS_MAX).map(presence).collect();
        FeedOperators { operators, own: own.0 }
    }

    /// A host changed.
    pub(super) fn touch(&mut self, host: &HostId) {
        if !self.fresh.touched.contains(host) {
            self.fresh.touched.insert(host.clone());
        }
    }

    /// What a host is changed: its version, its labels.
    pub(super) fn touch_facts(&mut self, host: &HostId) {
        self.fresh.facts.insert(host.clone());
        self.touch(host);
    }

    /// A host is gone.
    pub(super) fn retire(&mut self, host: &HostId) {
        self.fresh.touched.remove(host);
        self.fresh.facts.remove(host);
        self.fresh.retired.insert(host.clone());
    }

    /// What changed since the last call.
    pub(super) fn take_fresh(&mut self, now: Mono) -> Fresh {
        std::mem::replace(&mut self.fresh, Fresh { since: now, ..Fresh::default() })
    }

    fn with_feed(&self) -> impl Iterator<Item = (ConnectionId, &Session)> {
        let has_feed = |(_, session): &(_, &Session)| session.subscription.is_some();
        self.all.iter().filter(has_feed).map(|(id, session)| (*id, session))
    }
}
