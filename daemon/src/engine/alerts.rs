//! The book of incidents: what is open, what may reopen, what waits to clear. Decides ids and states,
//! not when a rule is broken.

use std::collections::BTreeMap;
use std::fmt;

use systole_common::ids::{AlertId, HostId};
use systole_common::model::alert::{AlertState, Severity};
use systole_common::time::{Now, UnixMs};

use super::limits::REOPEN_WITHIN;
use super::state::{AckRow, AlertRow};

/// The rules that are built in: name and subject of their alerts.
pub(super) mod rule {
    /// A host is not heard and should be.
    pub(in crate::engine) const HOST_DOWN: (&str, &str) = ("host_down", "heartbeat");
    /// A host said goodbye and stays away.
    pub(in crate::engine) const LEFT: (&str, &str) = ("left", "heartbeat");
    /// Two live agents claim to be one host.
    pub(in crate::engine) const CONFLICT: (&str, &str) = ("conflict", "identity");
    /// A host's kernel started anew without a goodbye.
    pub(in crate::engine) const REBOOTED: (&str, &str) = ("rebooted", "boot");
    /// An agent starts again and again.
    pub(in crate::engine) const RESTARTING: (&str, &str) = ("restarting", "agent");
    /// A host's wall clock is off.
    pub(in crate::engine) const CLOCK: (&str, &str) = ("clock_offset", "clock");
    /// A certificate ends soon.
    pub(in crate::engine) const CERTIFICATE: &str = "certificate";

    /// The daemon takes no writes, or no samples.
    pub(in crate::engine) const STORE_REFUSING: &str = "store_refusing";
    /// The file system of the daemon's state is nearly full.
    pub(in crate::engine) const DISK_RESERVE: (&str, &str) = ("disk_reserve", "disk");
    /// A commit of the daemon took long.
    pub(in crate::engine) const COMMIT_SLOW: (&str, &str) = ("commit_slow", "store");
    /// The daemon's own loop was late.
    pub(in crate::engine) const LOOP_GAP: (&str, &str) = ("loop_gap", "loop");
    /// What a host kept while it was cut off does not arrive.
    pub(in crate::engine) const BACKFILL_BEHIND: (&str, &str) = ("backfill_behind", "samples");

    /// Every rule that is built in; an alert of one that is neither here nor configured is resolved.
    pub(in crate::engine) const ALL: [&str; 12] = [
        HOST_DOWN.0,
        LEFT.0,
        CONFLICT.0,
        REBOOTED.0,
        RESTARTING.0,
        CLOCK.0,
        CERTIFICATE,
        STORE_REFUSING,
        DISK_RESERVE.0,
        COMMIT_SLOW.0,
        LOOP_GAP.0,
        BACKFILL_BEHIND.0,
    ];
}

/// What an alert is about. Stable across daemons and restarts; ordered by host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AlertKey {
    pub(super) host: Option<HostId>,
    pub(super) rule: Box<str>,
    pub(super) subject: Box<str>,
}

impl AlertKey {
    /// The key of `(rule, subject)` on `host`.
    pub(super) fn of(host: &HostId, (rule, subject): (&str, &str)) -> Self {
        Self { host: Some(host.clone()), rule: rule.into(), subject: subject.into() }
    }

    /// The key of `(rule, subject)` of the daemon's own.
    pub(super) fn own(rule: &str, subject: &str) -> Self {
        Self { host: None, rule: rule.into(), subject: subject.into() }
    }

    /// The key of a row.
    pub(super) fn of_row(row: &AlertRow) -> Self {
        let (rule, subject) = (row.rule.as_str().into(), row.subject.as_str().into());
        Self { host: row.host.clone(), rule, subject }
    }
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.as_ref().map_or("-", HostId::as_str);
        write!(f, "{}/{}/{}", self.rule, host, self.subject)
    }
}

/// What a rule says when it is broken.
#[derive(Debug, Clone)]
pub(super) struct Firing {
    pub(super) severity: Severity,
    pub(super) summary: String,
    pub(super) value: Option<f64>,
    pub(super) threshold: Option<f64>,
    /// It happened, rather than it is so: resolves by itself after a quiet time.
    pub(super) event: bool,
}

/// A row that changed, and what it was.
#[derive(Debug, Clone)]
pub(super) struct Changed {
    pub(super) before: Option<AlertRow>,
    pub(super) row: AlertRow,
}

/// All incidents that still matter.
#[derive(Debug, Default)]
pub(super) struct Book {
    open: BTreeMap<AlertKey, AlertRow>,
    held: BTreeMap<AlertKey, AlertRow>,
    recent: BTreeMap<AlertKey, AlertRow>,
    id_last: u64,
}

impl Book {
    /// Takes over what was saved.
    pub(super) fn load(rows: Vec<AlertRow>, id_last: u64) -> Self {
        let mut book = Self { id_last, ..Self::default() };
        for row in rows {
            book.id_last = book.id_last.max(row.id.0);
            let shelf = if row.state.is_open() {
                &mut book.open
            } else if row.held {
                &mut book.held
            } else {
                &mut book.recent
            };
            shelf.insert(AlertKey::of_row(&row), row);
        }
        book
    }

    /// The rule behind `key` is broken. `None` if that changes nothing.
    pub(super) fn fire(&mut self, now: Now, key: &AlertKey, firing: Firing) -> Option<Changed> {
        self.forget_old(now.wall);
        if let Some(row) = self.open.get_mut(key) {
            return update(row, now, firing);
        }
        if self.held.contains_key(key) {
            return None;
        }
        let row = match self.recent.remove(key) {
            Some(old) => {
                let before = Some(old.clone());
                let is_worse = firing.severity > old.severity;
                let row = AlertRow {
                    state: AlertState::Firing,
                    resolved_at: None,
                    resolved_reason: String::new(),
                    ack: old.ack.filter(|ack| ack.until > now.wall && !is_worse),
                    severity: firing.severity,
                    summary: firing.summary,
                    value: firing.value,
                    threshold: firing.threshold,
                    event_at: firing.event.then_some(now.wall),
                    ..old
                };
                self.open.insert(key.clone(), row.clone());
                return Some(Changed { before, row });
            }
            None => self.new_row(now, key, firing),
        };
        self.open.insert(key.clone(), row.clone());
        Some(Changed { before: None, row })
    }

    fn new_row(&mut self, now: Now, key: &AlertKey, firing: Firing) -> AlertRow {
        self.id_last = self.id_last.saturating_add(1);
        AlertRow {
            id: AlertId(self.id_last),
            rule: key.rule.to_string(),
            host: key.host.clone(),
            subject: key.subject.to_string(),
            severity: firing.severity,
            state: AlertState::Firing,
            since: now.wall,
            fired_at: Some(now.wall),
            resolved_at: None,
            resolved_reason: String::new(),
            value: firing.value,
            threshold: firing.threshold,
            summary: firing.summary,
            ack: None,
            held: false,
            nodata: false,
            event_at: firing.event.then_some(now.wall),
        }
    }

    /// The rule behind `key` is clear, not yet for long enough. `None` if that changes nothing.
    pub(super) fn settle(&mut self, key: &AlertKey, firing: Firing) -> Option<Changed> {
        let row = self.open.get_mut(key)?;
        if row.state == AlertState::Settling && row.severity == firing.severity {
            return None;
        }
        let before = Some(row.clone());
        if row.severity != firing.severity {
            say(row, firing);
        }
        row.state = AlertState::Settling;
        Some(Changed { before, row: row.clone() })
    }

    /// Whether the value behind an open alert is unknown. `None` if that changes nothing.
    pub(super) fn set_nodata(&mut self, key: &AlertKey, nodata: bool) -> Option<Changed> {
        let row = self.open.get_mut(key).filter(|row| row.nodata != nodata)?;
        let before = Some(row.clone());
        row.nodata = nodata;
        Some(Changed { before, row: row.clone() })
    }

    /// The rule behind `key` is no longer broken. `None` if that changes nothing.
    pub(super) fn clear(&mut self, now: Now, key: &AlertKey, reason: &str) -> Option<Changed> {
        if let Some(held) = self.held.remove(key) {
            let row = AlertRow { held: false, ..held.clone() };
            return Some(Changed { before: Some(held), row });
        }
        let changed = self.close(now, key, reason, false)?;
        self.recent.insert(key.clone(), changed.row.clone());
        Some(changed)
    }

    /// An operator says that the incident is over; the rule waits until it was clear once.
    pub(super) fn resolve(&mut self, now: Now, key: &AlertKey, reason: &str) -> Option<Changed> {
        let held = self.open.get(key)?.event_at.is_none();
        let changed = self.close(now, key, reason, held)?;
        if held {
            self.held.insert(key.clone(), changed.row.clone());
        }
        Some(changed)
    }

    fn close(&mut self, now: Now, key: &AlertKey, reason: &str, held: bool) -> Option<Changed> {
        let before = self.open.remove(key)?;
        let row = AlertRow {
            state: AlertState::Resolved,
            resolved_at: Some(now.wall),
            resolved_reason: reason.to_owned(),
            held,
            nodata: false,
            ..before.clone()
        };
        Some(Changed { before: Some(before), row })
    }

    /// Sets or takes an acknowledgement of an open alert.
    pub(super) fn set_ack(&mut self, key: &AlertKey, ack: Option<AckRow>) -> Option<Changed> {
        let row = self.open.get_mut(key)?;
        let before = Some(row.clone());
        row.ack = ack;
        Some(Changed { before, row: row.clone() })
    }

    /// Forgets everything about a host; its open alerts are to be resolved before.
    pub(super) fn forget_host(&mut self, host: &HostId) {
        let other = |key: &AlertKey| key.host.as_ref() != Some(host);
        self.held.retain(|key, _| other(key));
        self.recent.retain(|key, _| other(key));
    }

    /// Every open alert.
    pub(super) fn all_open(&self) -> impl Iterator<Item = (&AlertKey, &AlertRow)> {
        self.open.iter()
    }

    /// The open alerts of a host.
    pub(super) fn open_of(&self, host: &HostId) -> impl Iterator<Item = (&AlertKey, &AlertRow)> {
        let from = AlertKey { host: Some(host.clone()), rule: "".into(), subject: "".into() };
        let host = Some(host.clone());
        self.open.range(from..).take_while(move |(key, _)| key.host == host)
    }

    /// The open alert with that key.
    pub(super) fn open(&self, key: &AlertKey) -> Option<&AlertRow> {
        self.open.get(key)
    }

    /// Every alert that an operator resolved while its rule was broken.
    pub(super) fn all_held(&self) -> impl Iterator<Item = (&AlertKey, &AlertRow)> {
        self.held.iter()
    }

    /// Those of a host.
    pub(super) fn held_of(&self, host: &HostId) -> impl Iterator<Item = (&AlertKey, &AlertRow)> {
        let host = Some(host.clone());
        self.held.iter().filter(move |(key, _)| key.host == host)
    }

    /// The key of the open alert with `id`.
    pub(super) fn find(&self, id: AlertId) -> Option<AlertKey> {
        self.open.iter().find(|(_, row)| row.id == id).map(|(key, _)| key.clone())
    }

    /// Whether an incident with `id` has ever been.
    pub(super) fn was_used(&self, id: AlertId) -> bool {
        (1..=self.id_last).contains(&id.0)
    }

    fn forget_old(&mut self, now: UnixMs) {
        self.recent.retain(|_, row| {
            row.resolved_at.is_some_and(|at| at <= now && now.since(at) <= REOPEN_WITHIN)
        });
    }
}

fn update(row: &mut AlertRow, now: Now, firing: Firing) -> Option<Changed> {
    let worse = firing.severity > row.severity;
    let is_firing = row.state == AlertState::Firing;
    if row.severity == firing.severity && is_firing && !firing.event {
        return None;
    }
    let before = Some(row.clone());
    row.event_at = firing.event.then_some(now.wall);
    row.state = AlertState::Firing;
    say(row, firing);
    if worse {
        row.ack = None;
    }
    Some(Changed { before, row: row.clone() })
}

fn say(row: &mut AlertRow, firing: Firing) {
    row.severity = firing.severity;
    row.summary = firing.summary;
    row.value = firing.value;
    row.threshold = firing.threshold;
}
