//! What the engine may be told to do differently: values from `daemon.toml`, already checked.

use std::collections::BTreeMap;
use std::time::Duration;

use systole_common::ids::HostId;

use super::rules::{self, Rules};

/// Settings of the engine. The defaults are those of `assets/daemon.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `heartbeat.interval`: how often agents beat; 100 ms to 60 s.
    pub heartbeat_interval: Duration,
    /// `liveness.timeout`: silence after which a host is down; never under 2.5 intervals.
    pub timeout: Duration,
    /// `liveness.start_grace`: how long a host not yet seen is given after the daemon is ready.
    pub start_grace: Duration,
    /// `liveness.left_max`: how long a goodbye without a lease is taken without a warning.
    pub left_max: Duration,
    /// `metrics.live_interval`: between samples of hosts that somebody looks at.
    pub live_interval: Duration,
    /// `metrics.stored_interval`: between samples of the others.
    pub stored_interval: Duration,
    /// `metrics.processes_interval`: between looks at the processes.
    pub processes_interval: Duration,
    /// `hosts.max`: most hosts that are remembered; a further one is refused.
    pub hosts_max: usize,
    /// `[host.NAME.labels]`: labels that override the agents' own.
    pub labels: BTreeMap<HostId, BTreeMap<String, String>>,
    /// `[rule.NAME]`: what of a host's values is too much.
    pub rules: Rules,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            start_grace: Duration::from_secs(10),
            left_max: Duration::from_mins(30),
            live_interval: Duration::from_secs(1),
            stored_interval: Duration::from_secs(5),
            processes_interval: Duration::from_secs(5),
            hosts_max: 20_000,
            labels: BTreeMap::new(),
            rules: rules::defaults(),
        }
    }
}
