//! The hosts that a feed has told of. A picture replaces them without a blank moment in between.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use systole_common::model::coded::Growing;
use systole_common::model::host::HostState;
use systole_common::time::Mono;
use systole_common::wire::feed::{HostFacts, HostSummary, HostValues};

use super::columns;
use super::host::{Host, grown};
use crate::limits::HOSTS_MAX;

/// Values older than so many intervals of the host are old.
const OLD_INTERVALS: u32 = 3;
/// Values younger than this are never old: hosts that nobody watched closely are sampled each 5 s.
const OLD_AFTER_MIN: Duration = Duration::from_secs(6);
/// Values older than this are not shown any more.
pub const WITHDRAWN_AFTER: Duration = Duration::from_mins(10);

/// What changed when something was taken in; the greater, the more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Change {
    /// Nothing.
    #[default]
    Nothing,
    /// Measured values or ages.
    Values,
    /// The state of a host, its cause, or how many alerts it has.
    State,
    /// A host came or went.
    Members,
}

/// What a measured value is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// Of now.
    Fresh,
    /// Old: shown with `~`.
    Old,
    /// Too old to be shown: `-`.
    Withdrawn,
}

/// One host: its columns, and all of it where the daemon was asked for details.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its columns.
    pub summary: HostSummary,
    /// When the columns came.
    pub received: Mono,
    /// What it is.
    pub facts: Option<HostFacts>,
    /// What it measures beyond its summary.
    pub values: Option<HostValues>,
    /// The whole host.
    pub detail: Option<Host>,
    /// When the daemon sent `values` by themselves; a detail does not take their place then.
    values_received: Option<Mono>,
}

impl Row {
    /// The row of a host that is known whole.
    pub fn of(host: Host) -> Self {
        Self {
            facts: Some(columns::facts(&host)),
            values: Some(columns::values(&host)),
            ..Self::bare(host.summary(), host.received, Some(host))
        }
    }

    /// A row of columns alone.
    fn bare(summary: HostSummary, received: Mono, detail: Option<Host>) -> Self {
        Self { summary, received, facts: None, values: None, detail, values_received: None }
    }

    /// Age of its last heartbeat, counted on since it came.
    pub fn heartbeat_age(&self, now: Mono) -> Option<Duration> {
        grown(self.summary.heartbeat_age_ms, self.received, now)
    }

    /// Age of its values: as the daemon says; where it does not, they are not younger than the last
    /// sign of life.
    pub fn values_age(&self, now: Mono) -> Duration {
        let sent = self.values.as_ref().zip(self.values_received);
        let sent = sent.and_then(|(values, at)| grown(values.metrics_age_ms, at, now));
        let whole = self.detail.as_ref().and_then(|host| host.metrics_age(now));
        let said = sent.into_iter().chain(whole).min();
        said.or_else(|| self.heartbeat_age(now)).unwrap_or_else(|| now.since(self.received))
    }

    /// What its values are worth, if what is shown `is_live`.
    pub fn worth(&self, now: Mono, is_live: bool) -> Worth {
        let age = self.values_age(now);
        let interval = u64::from(self.summary.heartbeat_interval_ms.unwrap_or_default());
        let limit = Duration::from_millis(interval).saturating_mul(OLD_INTERVALS);
        if age >= WITHDRAWN_AFTER {
            Worth::Withdrawn
        } else if is_live && self.is_heard() && age <= limit.max(OLD_AFTER_MIN) {
            Worth::Fresh
        } else {
            Worth::Old
        }
    }

    /// Bytes received and sent in a second, over all interfaces.
    pub fn network_bytes_per_s(&self) -> Option<f32> {
        let values = self.values.as_ref()?;
        match (values.rx_bytes_per_s, values.tx_bytes_per_s) {
            (Some(rx), Some(tx)) => Some(rx + tx),
            (rx, tx) => rx.or(tx),
        }
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

    /// What `summary` in place of its own would change.
    fn change(&self, summary: &HostSummary) -> Change {
        let own = &self.summary;
        let is_same = own.state == summary.state
            && own.cause == summary.cause
            && own.alerts_critical == summary.alerts_critical
            && own.alerts_warning == summary.alerts_warning;
        if is_same { Change::Values } else { Change::State }
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
    /// What hosts are whose columns did not come yet.
    early: BTreeMap<String, HostFacts>,
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

    /// A host.
    pub fn get(&self, name: &str) -> Option<&Row> {
        self.rows.get(name)
    }

    /// Whether a host is there.
    pub fn contains(&self, name: &str) -> bool {
        self.rows.contains_key(name)
    }

    /// All hosts by name.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// All hosts, the worst first.
    pub fn worst_first(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.values().collect();
        rows.sort_by_key(|row| row.urgency());
        rows
    }

    /// How many hosts are in each state, the worst first.
    pub fn counts(&self) -> Vec<(Growing<HostState>, usize)> {
        let mut counts: BTreeMap<(u8, u16), (Growing<HostState>, usize)> = BTreeMap::new();
        for row in self.rows.values() {
            let state = row.summary.state;
            counts.entry((rank(state), state.code())).or_insert((state, 0)).1 += 1;
        }
        counts.into_values().collect()
    }

    /// A fresh picture begins.
    pub fn begin_picture(&mut self) {
        self.picture = Some(BTreeSet::new());
    }

    /// Whether a picture is being sent.
    pub fn is_in_picture(&self) -> bool {
        self.picture.is_some()
    }

    /// The picture is complete: what it did not name is gone.
    pub fn end_picture(&mut self) -> Change {
        let before = self.rows.len();
        if let Some(named) = self.picture.take() {
            self.rows.retain(|name, _| named.contains(name));
        }
        self.early.clear();
        if self.rows.len() == before { Change::Nothing } else { Change::Members }
    }

    /// Takes columns that came at `received`.
    pub fn summarise(&mut self, summary: HostSummary, received: Mono) -> Change {
        self.name(&summary.host);
        match self.rows.get_mut(&summary.host) {
            Some(row) => {
                let change = row.change(&summary);
                (row.summary, row.received) = (summary, received);
                change
            }
            None => self.put(Row::bare(summary, received, None)),
        }
    }

    /// Takes what a host is; its columns may come later.
    pub fn describe(&mut self, facts: HostFacts) {
        if let Some(row) = self.rows.get_mut(&facts.host) {
            row.facts = Some(facts);
        } else if self.early.len() < HOSTS_MAX {
            self.early.insert(facts.host.clone(), facts);
        }
    }

    /// Takes what a known host measures beyond its summary.
    pub fn measure(&mut self, values: HostValues, received: Mono) {
        if let Some(row) = self.rows.get_mut(&values.host) {
            (row.values, row.values_received) = (Some(values), Some(received));
        }
    }

    /// Takes a whole host, and keeps all of it if it `is_watched`.
    pub fn detail(&mut self, host: Host, is_watched: bool) -> Change {
        self.name(&host.record.host);
        let mut row = Row::of(host);
        if !is_watched {
            row.detail = None;
        }
        let Some(old) = self.rows.get_mut(&row.summary.host) else {
            return self.put(row);
        };
        let change = old.change(&row.summary);
        if old.values_received.is_some() {
            (row.values, row.values_received) = (old.values.take(), old.values_received);
        }
        *old = row;
        change
    }

    /// A host is gone.
    pub fn forget(&mut self, name: &str) -> Change {
        if let Some(named) = &mut self.picture {
            named.remove(name);
        }
        self.rows.remove(name).map_or(Change::Nothing, |_| Change::Members)
    }

    /// Forgets the whole of those hosts that are not among `watched`; their columns stay.
    pub fn unwatch_all_but(&mut self, watched: &BTreeSet<String>) {
        for (name, row) in &mut self.rows {
            if row.detail.is_some() && !watched.contains(name) {
                row.detail = None;
            }
        }
    }

    /// Takes over from `live` what does not stand still in a frozen fleet: whether the host is there,
    /// its state with cause and alerts, and the heartbeat age that belongs to it.
    pub fn follow(&mut self, live: &Self, name: &str) {
        match (self.rows.get_mut(name), live.rows.get(name)) {
            (Some(row), Some(now)) => {
                if row.change(&now.summary) == Change::State {
                    row.summary.state = now.summary.state;
                    row.summary.cause = now.summary.cause;
                    row.summary.since = now.summary.since;
                    row.summary.alerts_critical = now.summary.alerts_critical;
                    row.summary.alerts_warning = now.summary.alerts_warning;
                    row.summary.heartbeat_age_ms = now.summary.heartbeat_age_ms;
                    row.received = now.received;
                }
                if row.detail.is_none() {
                    row.detail.clone_from(&now.detail);
                }
            }
            (Some(_), None) => {
                self.rows.remove(name);
            }
            (None, Some(now)) => {
                self.rows.insert(name.to_owned(), now.clone());
            }
            (None, None) => {}
        }
    }

    /// The same for all hosts.
    pub fn follow_all(&mut self, live: &Self) {
        let names: BTreeSet<String> = self.rows.keys().chain(live.rows.keys()).cloned().collect();
        for name in &names {
            self.follow(live, name);
        }
    }

    /// Puts a host that is not there yet.
    fn put(&mut self, mut row: Row) -> Change {
        if self.rows.len() >= HOSTS_MAX {
            return Change::Nothing;
        }
        row.facts = row.facts.or_else(|| self.early.remove(&row.summary.host));
        self.rows.insert(row.summary.host.clone(), row);
        Change::Members
    }

    fn name(&mut self, host: &str) {
        if let Some(named) = &mut self.picture {
            named.insert(host.to_owned());
        }
    }
}

#[cfg(test)]
mod tests;
