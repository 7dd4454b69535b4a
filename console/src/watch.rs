//! What `systole watch` prints: the present state first, then only what really changed.
//!
//! Keeps what was printed and compares; a second picture after a lost link or a full queue repeats
//! nothing. What is measured all the time (ages, round trip, values) makes no line by itself unless
//! it was asked for. Pure: the time is an argument, lines and questions are returned.

mod files;
mod line;
mod messages;
mod operators;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};
use systole_common::ids::AlertId;
use systole_common::model::metric::MetricSet;
use systole_common::time::{Now, UnixMs};
use systole_common::wire::console::{AlertRecord, HostRecord};
use systole_common::wire::file::FileRecord;
use systole_common::wire::talk::{MessageMarks, MessageRecord};

use crate::json::{AlertJson, HostJson};
use crate::limits::{ALERTS_MAX, ENDED_ALERTS_REMEMBERED, HOSTS_MAX};
use crate::model::alerts::is_open;
use crate::msg::{FeedEvent, HostNews};
use files::Files;
use line::{differences, print};
use messages::Messages;
use operators::Operators;

/// Fields of a host that change with every measurement. They are in each line, never in `previous`.
const MEASURED: [&str; 5] =
    ["heartbeat_age_ms", "rtt_ms", "clock_offset_ms", "metrics", "metrics_age_ms"];
/// Fields of a host whose change alone makes no line: others tell the same.
const HOST_QUIET: [&str; 2] = ["evidence", "alerts"];
/// The field of an alert that moves while nothing happens.
const ALERT_QUIET: [&str; 1] = ["value"];

/// A change of the promised heartbeat interval by less than this part of it is none.
const INTERVAL_JITTER_PART: u32 = 4;

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Print this line and flush.
    Print(String),
    /// Nobody listened for a while: ask for the alerts that began or ended since, and give the
    /// answer to [`Watch::missed`].
    AskAlerts {
        /// After this, by the daemon's clock.
        since: UnixMs,
    },
    /// More was said than a picture has: ask for the messages with a lower number than `before`, those
    /// above `above`, and give them to [`Watch::missed_messages`].
    AskMessages {
        /// The newest one that is known.
        above: u64,
        /// The oldest one of the picture.
        before: u64,
    },
    /// Files are open no more, and it is not known how they ended: ask for those that were offered
    /// after this, and give the answer to [`Watch::missed_files`].
    AskFiles {
        /// After this, by the daemon's clock.
        since: UnixMs,
    },
}

/// The daemon that is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Daemon {
    /// Its name.
    pub daemon: String,
    /// Its address.
    pub address: String,
    /// The own role there.
    pub role: String,
    /// Its software version.
    pub version: String,
}

/// What was printed so far.
#[derive(Debug, Default)]
pub struct Watch {
    /// Whether lines are also made when only measured values changed.
    with_metrics: bool,
    hosts: BTreeMap<String, Printed>,
    alerts: BTreeMap<AlertId, AlertRecord>,
    /// Alerts that ended, and when: told already.
    ended: BTreeMap<AlertId, Option<UnixMs>>,
    operators: Operators,
    messages: Messages,
    files: Files,
    /// Names and numbers in the picture that is being sent.
    picture: Option<(BTreeSet<String>, BTreeSet<AlertId>)>,
    /// The daemon's clock, as last heard.
    daemon_time: Option<UnixMs>,
    /// The daemon's clock when it was last heard before something may have been missed.
    heard_until: Option<UnixMs>,
    daemon: Option<Daemon>,
    is_gone: bool,
}

/// A host as it was printed.
#[derive(Debug)]
struct Printed {
    /// Without what is measured all the time.
    facts: HostRecord,
    metrics: MetricSet,
    json: HostJson,
}

impl Watch {
    /// Nothing was printed yet.
    pub fn new(with_metrics: bool) -> Self {
        Self { with_metrics, ..Self::default() }
    }

    /// A daemon welcomed this console.
    pub fn linked(&mut self, now: Now, daemon: &Daemon) -> Vec<Step> {
        let Some(before) = self.daemon.replace(daemon.clone()) else {
            return print(now.wall, "hello", daemon, Map::new());
        };
        if before.daemon != daemon.daemon {
            // Another daemon has numbers and a clock of its own.
            self.alerts.clear();
            self.ended.clear();
            self.operators = Operators::default();
            self.messages = Messages::default();
            self.files = Files::default();
            (self.heard_until, self.daemon_time) = (None, None);
        }
        self.is_gone = false;
        print(now.wall, "daemon", daemon, link_state("back", None))
    }

    /// The daemon is not heard any more.
    pub fn unlinked(&mut self, now: Now, why: &str) -> Vec<Step> {
        let Some(daemon) = self.daemon.clone().filter(|_| !self.is_gone) else {
            return Vec::new();
        };
        self.is_gone = true;
        self.missing();
        print(now.wall, "daemon", &daemon, link_state("gone", Some(why)))
    }

    /// The feed says something.
    pub fn feed(&mut self, now: Now, event: FeedEvent) -> Vec<Step> {
        match event {
            FeedEvent::Snapshot(snapshot) => {
                self.missing();
                self.daemon_time = Some(snapshot.at);
                self.picture = Some((BTreeSet::new(), BTreeSet::new()));
                self.messages.begin_picture();
                self.files.begin_picture();
                Vec::new()
            }
            FeedEvent::Complete => self.complete(now),
            FeedEvent::Summary(summary) => {
                if let Some((hosts, _)) = &mut self.picture {
                    hosts.extend(summary.hosts.into_iter().map(|host| host.host));
                }
                let at = self.daemon_time.unwrap_or(now.wall);
                summary.retired.iter().flat_map(|name| self.retire(at, name)).collect()
            }
            FeedEvent::Operators(told) => {
                self.operators.take(self.daemon_time.unwrap_or(now.wall), told)
            }
            // Both are in the details of each host.
            FeedEvent::Facts(_) | FeedEvent::Values(_) => Vec::new(),
            FeedEvent::Host(news) => self.host(now, *news),
            FeedEvent::Alert { at, record } => {
                self.daemon_time = self.daemon_time.max(Some(at));
                self.alert(at, *record)
            }
            FeedEvent::Message(told) => {
                self.messages.take(self.daemon_time.unwrap_or(now.wall), *told)
            }
            FeedEvent::Marks(marks) => {
                self.messages.mark(self.daemon_time.unwrap_or(now.wall), marks)
            }
            FeedEvent::File(event) => {
                self.daemon_time = self.daemon_time.max(Some(event.at));
                self.files.take(*event)
            }
            FeedEvent::Tick(tick) => {
                self.daemon_time = Some(tick.at);
                Vec::new()
            }
        }
    }

    /// The answer to [`Step::AskAlerts`], newest first: prints what ended while nobody listened.
    pub fn missed(&mut self, records: Vec<AlertRecord>) -> Vec<Step> {
        self.heard_until = None;
        let mut steps = Vec::new();
        for record in records.into_iter().rev() {
            if !is_open(&record) {
                steps.extend(self.alert(record.resolved_at.unwrap_or(record.since), record));
            }
        }
        steps
    }

    /// The answer to [`Step::AskMessages`], newest first.
    pub fn missed_messages(
        &mut self,
        now: Now,
        said: Vec<(MessageRecord, Vec<MessageMarks>)>,
    ) -> Vec<Step> {
        self.messages.missed(self.daemon_time.unwrap_or(now.wall), said)
    }

    /// The answer to [`Step::AskFiles`], newest first.
    pub fn missed_files(&mut self, now: Now, records: Vec<FileRecord>) -> Vec<Step> {
        self.files.missed(self.daemon_time.unwrap_or(now.wall), records)
    }

    /// From here on something may be missed, until alerts were asked for.
    fn missing(&mut self) {
        self.heard_until = self.heard_until.or(self.daemon_time);
    }

    fn complete(&mut self, now: Now) -> Vec<Step> {
        let Some((named, _)) = self.picture.take() else {
            return Vec::new();
        };
        let at = self.daemon_time.unwrap_or(now.wall);
        let gone: Vec<String> =
            self.hosts.keys().filter(|host| !named.contains(*host)).cloned().collect();
        let mut steps: Vec<Step> = gone.iter().flat_map(|host| self.retire(at, host)).collect();
        steps.extend(self.heard_until.map(|since| Step::AskAlerts { since }));
        steps.extend(self.messages.complete(at));
        steps.extend(self.files.complete());
        steps
    }

    fn host(&mut self, now: Now, news: HostNews) -> Vec<Step> {
        let at = news.at.or(self.daemon_time).unwrap_or(now.wall);
        let HostNews { retired, host, .. } = news;
        let name = host.record.host.clone();
        if retired {
            return self.retire(at, &name);
        }
        if let Some((hosts, _)) = &mut self.picture {
            hosts.insert(name.clone());
        }
        if self.hosts.len() >= HOSTS_MAX && !self.hosts.contains_key(&name) {
            return Vec::new();
        }
        let mut facts = facts(&host.record);
        if let Some(printed) = self.hosts.get(&name) {
            steady_interval(&mut facts, &printed.facts);
        }
        let same_facts = self.hosts.get(&name).is_some_and(|printed| printed.facts == facts);
        let same_values =
            self.hosts.get(&name).is_some_and(|printed| printed.metrics == host.metrics);
        if same_facts && (same_values || !self.with_metrics) {
            return Vec::new();
        }
        let json = HostJson::new(&host, now.mono);
        let mut previous = None;
        if let Some(printed) = self.hosts.get(&name) {
            let mut changed = differences(&printed.json, &json, &MEASURED);
            if facts.heartbeat_interval_ms == printed.facts.heartbeat_interval_ms {
                changed.remove("heartbeat_interval_ms");
            }
            let is_news = changed.keys().any(|field| !HOST_QUIET.contains(&field.as_str()));
            if !is_news && (same_values || !self.with_metrics) {
                return Vec::new();
            }
            previous = Some(changed);
        }
        let steps = print(at, "host", &json, host_rest(false, previous));
        self.hosts.insert(name, Printed { facts, metrics: host.metrics, json });
        steps
    }

    fn retire(&mut self, at: UnixMs, name: &str) -> Vec<Step> {
        let Some(printed) = self.hosts.remove(name) else {
            return Vec::new();
        };
        let mut previous = Map::new();
        previous.insert("retired".to_owned(), json!(false));
        print(at, "host", &printed.json, host_rest(true, Some(previous)))
    }

    fn alert(&mut self, at: UnixMs, record: AlertRecord) -> Vec<Step> {
        if !is_open(&record) && self.ended.get(&record.id) == Some(&record.resolved_at) {
            return Vec::new();
        }
        let json = AlertJson::from(&record);
        let before = self.alerts.get(&record.id).map(AlertJson::from);
        let previous = before.map(|before| differences(&before, &json, &[]));
        let is_news = previous.as_ref().is_none_or(|changed| {
            changed.keys().any(|field| !ALERT_QUIET.contains(&field.as_str()))
        });
        if !is_news {
            return Vec::new();
        }
        let mut rest = Map::new();
        rest.insert("previous".to_owned(), previous.map_or(Value::Null, Value::Object));
        let steps = print(at, "alert", &json, rest);
        if is_open(&record) {
            self.ended.remove(&record.id);
            if self.alerts.len() < ALERTS_MAX || self.alerts.contains_key(&record.id) {
                self.alerts.insert(record.id, record);
            }
        } else {
            self.alerts.remove(&record.id);
            self.ended.insert(record.id, record.resolved_at);
            if self.ended.len() > ENDED_ALERTS_REMEMBERED {
                self.ended.pop_first();
            }
        }
        steps
    }
}

fn link_state(state: &str, reason: Option<&str>) -> Map<String, Value> {
    let before = if state == "gone" { "back" } else { "gone" };
    let mut rest = Map::new();
    rest.insert("state".to_owned(), json!(state));
    rest.insert("reason".to_owned(), json!(reason));
    rest.insert("previous".to_owned(), json!({ "state": before }));
    rest
}

fn host_rest(retired: bool, previous: Option<Map<String, Value>>) -> Map<String, Value> {
    let mut rest = Map::new();
    rest.insert("retired".to_owned(), json!(retired));
    rest.insert("previous".to_owned(), previous.map_or(Value::Null, Value::Object));
    rest
}

/// A record without what is measured all the time, to be compared cheaply.
fn facts(record: &HostRecord) -> HostRecord {
    HostRecord {
        heartbeat_age_ms: None,
        rtt_us: None,
        clock_offset_ms: None,
        metrics_age_ms: None,
        processes: Vec::new(),
        series: Vec::new(),
        more: false,
        ..record.clone()
    }
}

/// A promised interval wavers by the time that a heartbeat took to write; that is no change.
fn steady_interval(facts: &mut HostRecord, printed: &HostRecord) {
    if let (Some(now_ms), Some(before_ms)) =
        (facts.heartbeat_interval_ms, printed.heartbeat_interval_ms)
        && now_ms.abs_diff(before_ms) <= before_ms / INTERVAL_JITTER_PART
    {
        facts.heartbeat_interval_ms = Some(before_ms);
    }
}

#[cfg(test)]
mod tests;
