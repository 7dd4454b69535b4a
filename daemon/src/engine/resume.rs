//! What a start begins with: the grace of hosts, and what was open when the daemon ended.

use std::time::Duration;

use super::alerts::{self, AlertKey};
use super::limits::{CONFLICT_END, EVENT_ALERT_QUIET, HEARD_CHECKPOINT};
use super::liveness::Watch;
use super::timers::Due;
use super::{Engine, absence, files, rules, talk, verdicts};

impl Engine {
    /// State is loaded, sockets listen.
    pub(super) fn ready(&mut self) {
        let now = self.desk.now.mono;
        let grace = self.desk.settings.start_grace;
        for host in self.fleet.values_mut() {
            let interval_ms = host.row.heartbeat_interval_ms.unwrap_or(1_000);
            if host.unheard {
                host.watch = Watch::new(now, Duration::from_millis(interval_ms.into()), grace);
            }
            absence::resume(host, &mut self.desk);
            verdicts::schedule(host, &mut self.desk);
        }
        self.forget_strangers();
        self.resume_alerts();
        for host in self.fleet.values_mut() {
            rules::adopt(host, &mut self.desk);
        }
        self.desk.timers.set(Due::HeardCheckpoint, now.plus(HEARD_CHECKPOINT));
        self.check_certificates();
        talk::ready(&mut self.desk);
        files::ready(&self.fleet, &mut self.desk);
    }

    /// Ends what waits to be clear of hosts that are not known any more.
    fn forget_strangers(&mut self) {
        let is_stranger =
            |key: &&AlertKey| key.host.as_ref().is_some_and(|host| !self.fleet.contains_key(host));
        let held = self.desk.book.all_held().map(|(key, _)| key);
        for key in held.filter(is_stranger).cloned().collect::<Vec<_>>() {
            self.desk.clear(&key, "the host was retired");
        }
    }

    /// Sets the timers of saved alerts, and resolves those whose rule is gone.
    fn resume_alerts(&mut self) {
        let rows = self.desk.book.all_open().chain(self.desk.book.all_held());
        let rows: Vec<_> = rows.map(|(key, row)| (key.clone(), row.clone())).collect();
        let now = self.desk.now;
        for (key, row) in rows {
            let rules = &self.desk.settings.rules;
            if !alerts::rule::ALL.contains(&&*key.rule) && rules.find(&key.rule).is_none() {
                let reason = rules.why_gone(&key.rule);
                self.desk.clear(&key, &reason);
                continue;
            }
            if !row.state.is_open() {
                continue;
            }
            if let Some(at) = row.event_at {
                let left = at.plus(EVENT_ALERT_QUIET).since(now.wall);
                self.desk.timers.set(Due::EventEnd(key.clone()), now.mono.plus(left));
            }
            if let Some(ack) = row.ack {
                let left = ack.until.since(now.wall);
                self.desk.timers.set(Due::AckEnd(key.clone()), now.mono.plus(left));
            }
            if let (rule, Some(host)) = (&*key.rule, &key.host)
                && rule == alerts::rule::CONFLICT.0
            {
                let end = now.mono.plus(CONFLICT_END);
                self.desk.timers.set(Due::ConflictEnd(host.clone()), end);
            }
        }
    }
}
