//! The hosts that a feed has told of. A picture replaces them without a blank moment in between.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use systole_common::model::coded::Growing;
use systole_common::model::host::HostState;
use systole_common::time::Mono;
use systole_common::wire::feed::HostSummary;

use super::host::{Host, grown};
use crate::limits::HOSTS_MAX;

/// One host: its columns, and all of it where the daemon was asked for details.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its columns.
    pub summary: HostSummary,
    /// When the columns came.
    pub received: Mono,
    /// The whole host.
    pub detail: Option<Host>,
}

impl Row {
    /// The row of a host that is known whole.
    pub fn of(host: Host) -> Self {
        Self { summary: host.summary(), received: host.received, detail: Some(host) }
    }

    /// Age of its last heartbeat, counted on since it came.
    pub fn heartbeat_age(&self, now: Mono) -> Option<Duration> {
        grown(self.summary.heartbeat_age_ms, self.received, now)
    }

    /// Whether its agent is heard, so that its values are of now.
    pub fn is_heard(&self) -> bool {
        match self.summary.state {
            Growing::Known(HostState::New | HostState::Online | HostState::Recovering) => true,
            Growing::Known(
                HostState::Late
                | HostState::Stalled
                | HostState::Unreachable
                | HostState::Down
                | HostState::Left
                | HostState::Conflict,
            )
            | Growing::Unknown(_) => false,
        }
    }

    /// Its place among others: the worst first, equals by name.
    pub fn urgency(&self) -> (u8, bool, bool, &str) {
        let calm = (self.summary.alerts_critical == 0, self.summary.alerts_warning == 0);
        (rank(self.summary.state), calm.0, calm.1, &self.summary.host)
    }
}

/// The worst state first.
fn rank(state: Growing<HostState>) -> u8 {
    match state {
        Growing::Known(HostState::Down) => 0,
        Growing::Known(HostState::Unreachable) => 1,
        Growing::Known(HostState::Conflict) => 2,
        Growing::Known(HostState::Stalled) => 3,
        Growing::Known(HostState::Late) => 4,
        Growing::Unknown(_) => 5,
        Growing::Known(HostState::Recovering) => 6,
        Growing::Known(HostState::New) => 7,
        Growing::Known(HostState::Online) => 8,
        Growing::Known(HostState::Left) => 9,
    }
}

/// All hosts by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fleet {
    rows: BTreeMap<String, Row>,
    /// Names in the picture that is being sent.
    picture: Option<BTreeSet<String>>,
}

impl Fleet {
    /// How many hosts there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All hosts, the worst first.
    pub fn worst_first(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.values().collect();
        rows.sort_by_key(|row| row.urgency());
        rows
    }

    /// How many hosts are in each state, the worst first.
    pub fn counts(&self) -> Vec<(Growing<HostState>, usize)> {
        let mut counts: Vec<(Growing<HostState>, usize)> = Vec::new();
        for row in self.worst_first() {
            match counts.iter_mut().find(|(state, _)| *state == row.summary.state) {
                Some((_, count)) => *count += 1,
                None => counts.push((row.summary.state, 1)),
            }
        }
        counts
    }

    /// A fresh picture begins.
    pub fn begin_picture(&mut self) {
        self.picture = Some(BTreeSet::new());
    }

    /// The picture is complete: what it did not name is gone.
    pub fn end_picture(&mut self) {
        if let Some(named) = self.picture.take() {
            self.rows.retain(|name, _| named.contains(name));
        }
    }

    /// Takes columns that came at `received`.
    pub fn summarise(&mut self, summary: HostSummary, received: Mono) {
        self.name(&summary.host);
        if let Some(row) = self.rows.get_mut(&summary.host) {
            row.summary = summary;
            row.received = received;
        } else {
            self.put(Row { summary, received, detail: None });
        }
    }

    /// Takes a whole host.
    pub fn detail(&mut self, host: Host) {
        self.name(&host.record.host);
        self.put(Row::of(host));
    }

    /// A host is gone.
    pub fn forget(&mut self, name: &str) {
        self.rows.remove(name);
        if let Some(named) = &mut self.picture {
            named.remove(name);
        }
    }

    fn put(&mut self, row: Row) {
        let name = row.summary.host.clone();
        if self.rows.len() < HOSTS_MAX || self.rows.contains_key(&name) {
            self.rows.insert(name, row);
        }
    }

    fn name(&mut self, host: &str) {
        if let Some(named) = &mut self.picture {
            named.insert(host.to_owned());
        }
    }
}
