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
    /// `[talk]`: how much may be said.
    pub talk: TalkSettings,
    /// `[files]`: which files are taken.
    pub files: FileSettings,
    /// `files.path`, for people: where received files are.
    pub files_path: String,
}

/// How much may be said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TalkSettings {
    /// `talk.rate`: messages a second that one peer may write in the long run.
    pub rate_per_s: f64,
    /// `talk.burst`: messages that it may write in one go.
    pub burst: f64,
    /// `talk.waiting_max`: messages that wait for one host at most.
    pub waiting_max: usize,
    /// `talk.waiting_age`: how long a message waits for a host.
    pub waiting_age: Duration,
}

impl Default for TalkSettings {
    fn default() -> Self {
        Self {
            rate_per_s: 5.0,
            burst: 20.0,
            waiting_max: 1_000,
            waiting_age: Duration::from_hours(7 * 24),
        }
    }
}

/// Which files are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSettings {
    /// `files.max_size`: a larger one is refused.
    pub size_max_bytes: u64,
    /// `files.auto_accept_max`: one of at most this size is taken without an operator.
    pub auto_accept_max_bytes: u64,
    /// `files.offer_ttl`: how long an offer waits for a decision.
    pub offer_ttl: Duration,
    /// `files.partial_ttl`: how long a transfer that does not go on is waited for.
    pub partial_ttl: Duration,
}

impl Default for FileSettings {
    fn default() -> Self {
        Self {
            size_max_bytes: 1 << 30,
            auto_accept_max_bytes: 40 << 10,
            offer_ttl: Duration::from_hours(1),
            partial_ttl: Duration::from_hours(24),
        }
    }
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
            talk: TalkSettings::default(),
            files: FileSettings::default(),
            files_path: "received_files".to_owned(),
        }
    }
}
