//! What every decision needs at hand: the time, settings, timers, the books, sessions, counters, and the
//! outcome being written. Knows no host.

use std::cmp::Ordering;

use systole_common::ids::{ConnectionId, HostId, InstanceId};
use systole_common::model::alert::AlertState;
use systole_common::time::Now;
use systole_common::wire::hello::CloseCode;

use super::alerts::{AlertKey, Book, Changed, Firing};
use super::effect::{Effect, FeedFrame, Level, LogLine, Outcome};
use super::files::Files;
use super::gauges::Counters;
use super::limits::EVENT_ALERT_QUIET;
use super::received::ReceivedBook;
use super::records;
use super::sessions::Sessions;
use super::settings::Settings;
use super::state::{AuditRow, Change};
use super::talk::Talk;
use super::timers::{Due, Timers};

/// What is remembered across a restart, beside the hosts.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) alerts: Book,
    pub(super) talk: Talk,
    pub(super) received: ReceivedBook,
    pub(super) files: Files,
}

/// See the module's words.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) now: Now,
    pub(super) instance: InstanceId,
    pub(super) settings: Settings,
    pub(super) timers: Timers,
    pub(super) book: Book,
    pub(super) talk: Talk,
    pub(super) received: ReceivedBook,
    pub(super) files: Files,
    pub(super) sessions: Sessions,
    pub(super) counters: Counters,
    pub(super) store_refusing: bool,
    /// Numbers probes.
    pub(super) nonce: u64,
    out: Outcome,
}

impl Desk {
    pub(super) fn new(settings: Settings, books: Books, instance: InstanceId, now: Now) -> Self {
        Self {
            now,
            instance,
            settings,
            timers: Timers::default(),
            book: books.alerts,
            talk: books.talk,
            received: books.received,
            files: books.files,
            sessions: Sessions::default(),
            counters: Counters::default(),
            store_refusing: false,
            nonce: 0,
            out: Outcome::default(),
        }
    }

    /// The daemon's own name.
    pub(super) fn daemon_name(&self) -> &str {
        self.talk.name()
    }

    /// The outcome since the last call.
    pub(super) fn take_outcome(&mut self) -> Outcome {
        std::mem::take(&mut self.out)
    }

    pub(super) fn change(&mut self, change: Change) {
        self.out.changes.push(change);
    }

    pub(super) fn at_once(&mut self, effect: Effect) {
        self.out.at_once.push(effect);
    }

    pub(super) fn after_commit(&mut self, effect: Effect) {
        self.out.after_commit.push(effect);
    }

    /// Sends an event to every feed, once it is committed.
    pub(super) fn event(&mut self, frame: impl FnOnce() -> FeedFrame) {
        let sessions = self.sessions.subscribed();
        if !sessions.is_empty() {
            self.after_commit(Effect::Feed { sessions, frame: frame() });
        }
    }

    pub(super) fn close(&mut self, connection: ConnectionId, code: CloseCode, reason: &str) {
        self.at_once(Effect::Close { connection, code, reason: reason.to_owned() });
    }

    pub(super) fn log(
        &mut self,
        level: Level,
        event: &'static str,
        host: Option<&HostId>,
        address: Option<&str>,
        reason: impl Into<String>,
    ) {
        let (host, address) = (host.cloned(), address.map(str::to_owned));
        self.at_once(Effect::Log(LogLine { level, event, host, address, reason: reason.into() }));
    }

    pub(super) fn audit_own(&mut self, action: &str, target: &str, reason: &str) {
        let row = AuditRow {
            time: self.now.wall,
            operator: "daemon".into(),
            role: "daemon".into(),
            action: action.into(),
            target: target.into(),
            outcome: "done".into(),
            reason: reason.into(),
        };
        self.change(Change::Audit(row));
    }

    /// The rule behind `key` is broken.
    pub(super) fn fire(&mut self, key: &AlertKey, firing: Firing) {
        if firing.event {
            let quiet = self.now.mono.plus(EVENT_ALERT_QUIET);
            self.timers.set(Due::EventEnd(key.clone()), quiet);
        }
        if let Some(changed) = self.book.fire(self.now, key, firing) {
            // A relapse brings its acknowledgement back, whose end was forgotten meanwhile.
            if let Some(ack) = &changed.row.ack {
                let left = ack.until.since(self.now.wall);
                self.timers.set(Due::AckEnd(key.clone()), self.now.mono.plus(left));
            }
            self.log_alert(what_happened(&changed), key, &changed.row.summary);
            if changed.row.ack.is_none() {
                self.timers.cancel(&Due::AckEnd(key.clone()));
            }
            self.publish(key, changed);
        }
    }

    /// The rule behind `key` is clear, not yet for long enough.
    pub(super) fn settle(&mut self, key: &AlertKey, firing: Firing) {
        if let Some(changed) = self.book.settle(key, firing) {
            self.publish(key, changed);
        }
    }

    /// Whether the value behind `key` is unknown.
    pub(super) fn no_data(&mut self, key: &AlertKey, nodata: bool) {
        if let Some(changed) = self.book.set_nodata(key, nodata) {
            self.publish(key, changed);
        }
    }

    /// The rule behind `key` is no longer broken.
    pub(super) fn clear(&mut self, key: &AlertKey, reason: &str) {
        if let Some(changed) = self.book.clear(self.now, key, reason) {
            self.log_alert("alert resolves", key, reason);
            self.publish(key, changed);
        }
    }

    /// Writes a changed alert down and tells the feeds.
    pub(super) fn publish(&mut self, key: &AlertKey, changed: Changed) {
        if changed.row.state == AlertState::Resolved {
            self.timers.cancel(&Due::EventEnd(key.clone()));
            self.timers.cancel(&Due::AckEnd(key.clone()));
        }
        if let Some(host) = &key.host {
            self.sessions.touch(host);
        }
        let at = self.now.wall;
        let event = records::alert_event(at, changed.before.as_ref(), &changed.row);
        self.change(Change::Alert(Box::new(changed.row)));
        self.event(|| FeedFrame::Alert(Box::new(event)));
    }

    fn log_alert(&mut self, event: &'static str, key: &AlertKey, reason: &str) {
        let host = key.host.clone();
        self.log(Level::Warning, event, host.as_ref(), None, format!("{key}: {reason}"));
    }
}

/// What became of an alert that fires, for the log.
fn what_happened(Changed { before, row }: &Changed) -> &'static str {
    match before.as_ref().map(|before| before.severity.cmp(&row.severity)) {
        None => "alert fires",
        Some(Ordering::Less) => "alert is worse",
        Some(Ordering::Greater) => "alert is less bad",
        Some(Ordering::Equal) => "alert fires again",
    }
}
