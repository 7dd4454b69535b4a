//! One series that a rule has something to say about, and how its alert is told to the desk.

use systole_common::model::alert::{AlertState, Severity};

use super::super::alerts::{AlertKey, Firing};
use super::super::desk::Desk;
use super::super::host::Host;
use super::super::limits::METRIC_ALERTS_PER_HOST_MAX;
use super::super::summary;
use super::rule::Rule;
use super::state::{Track, Verdict};

/// See the module's words.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) track: Track,
    /// What the desk was told last.
    pub(super) told: Option<Verdict>,
    /// It would be told but for the limit.
    pub(super) is_left_out: bool,
}

impl Entry {
    pub(super) fn new(track: Track, told: Option<Verdict>) -> Self {
        Self { track, told, is_left_out: false }
    }

    /// Tells the desk if what the alert should be has changed.
    pub(super) fn tell(
        &mut self,
        desk: &mut Desk,
        host: &Host,
        rule: &Rule,
        key: &AlertKey,
        told: &mut usize,
    ) {
        let verdict = self.track.verdict();
        if verdict == self.told {
            return;
        }
        let Some(Verdict { severity, state }) = verdict else {
            // What an operator resolved was not among them.
            *told = told.saturating_sub(1);
            if let Some(told) = self.told.take() {
                desk.clear(key, &why_over(rule, told.severity));
            }
            return;
        };
        if self.told.is_none() {
            if state == AlertState::Settling {
                return;
            }
            if *told >= METRIC_ALERTS_PER_HOST_MAX {
                if !std::mem::replace(&mut self.is_left_out, true) {
                    desk.counters.add("metric_alerts_left_out");
                }
                return;
            }
            *told += 1;
        }
        self.is_left_out = false;
        self.told = verdict;
        let firing = self.firing(desk, host, rule, key, severity);
        if state == AlertState::Settling {
            desk.settle(key, firing);
        } else {
            desk.fire(key, firing);
        }
    }

    fn firing(
        &self,
        desk: &Desk,
        host: &Host,
        rule: &Rule,
        key: &AlertKey,
        severity: Severity,
    ) -> Firing {
        let level = match severity {
            Severity::Warning => rule.warning,
            Severity::Critical => rule.critical,
        };
        let since = self.track.reached_since(severity);
        let lasted = since.map(|since| desk.now.mono.since(since));
        let scale = self.track.scale();
        let broken = summary::Broken {
            host: host.id(),
            subject: &key.subject,
            metric: &rule.metric,
            value: self.track.value(),
            severity,
            level: level.map(|level| (level.raise * scale, level.clear * scale)),
            cores: rule.is_per_core.then_some(scale),
            is_below: rule.is_below,
            lasted,
        };
        Firing {
            severity,
            summary: summary::broken(&broken),
            value: Some(self.track.value()),
            threshold: level.map(|level| level.raise * scale),
            event: false,
        }
    }
}

/// Why the alert that was told is over: it is clear, or a reload took its level away.
fn why_over(rule: &Rule, severity: Severity) -> String {
    let level = match severity {
        Severity::Warning => rule.warning,
        Severity::Critical => rule.critical,
    };
    match level {
        Some(_) => summary::values_clear(rule.hold),
        None => format!("the rule {} no longer has a {severity} level", rule.name),
    }
}

/// The key of the alert of one series under one rule.
pub(super) fn key_of(host: &Host, rule: &Rule, instance: &str) -> AlertKey {
    let subject = match instance {
        "" => rule.metric.to_string(),
        instance => format!("{}[{instance}]", rule.metric),
    };
    AlertKey::of(host.id(), (&rule.name, &subject))
}
