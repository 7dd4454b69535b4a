//! What the engine shows of itself to `/metrics`: a copy at one moment. Names are a contract.

use std::collections::BTreeMap;

use systole_common::ids::HostId;
use systole_common::model::alert::Severity;
use systole_common::model::host::HostState;

/// Events counted since the start, by the name they have in `/metrics`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<&'static str, u64>);

impl Counters {
    /// Adds one.
    pub(super) fn add(&mut self, name: &'static str) {
        self.add_many(name, 1);
    }

    /// Adds `count`.
    pub(super) fn add_many(&mut self, name: &'static str, count: u64) {
        let counter = self.0.entry(name).or_default();
        *counter = counter.saturating_add(count);
    }

    /// The count of `name`; 0 if it never happened.
    pub fn count(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// All counts.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().map(|(name, count)| (*name, *count))
    }
}

/// The engine at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Each host's state.
    pub hosts: Vec<(HostId, HostState)>,
    /// Open alerts by severity and whether somebody has them.
    pub alerts: BTreeMap<(Severity, bool), u64>,
    /// Consoles attached.
    pub sessions: usize,
    /// Messages that wait for hosts, each counted once for each host.
    pub messages_waiting: usize,
    /// Events since the start.
    pub counters: Counters,
}
