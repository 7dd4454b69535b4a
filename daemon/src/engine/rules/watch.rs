//! The rules of one host: which are for it, what they make of its series, and the alerts about that.
//!
//! Judged are live values only, and only while the host is heard. While it is not, nothing moves: its
//! alerts get the overlay `nodata` and no time counts. Backfill never comes here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use systole_common::model::alert::AlertState;
use systole_common::model::metric::split_series;
use systole_common::time::Mono;

use super::super::alerts::AlertKey;
use super::super::desk::Desk;
use super::super::effect::Level;
use super::super::host::Host;
use super::super::limits::{METRIC_ALERTS_PER_HOST_MAX, SAMPLES_MISSED, SERIES_GONE};
use super::super::state::AlertRow;
use super::super::timers::Due;
use super::entry::{Entry, key_of};
use super::rule::Rule;
use super::state::{Track, Verdict};
use super::whom::Whom;

/// What is remembered of a host's values.
#[derive(Debug, Default)]
pub(in crate::engine) struct Watched {
    applied: Vec<Applied>,
    /// When values last came; `None` while there is nothing to judge by.
    sampled_at: Option<Mono>,
    /// Before this the daemon itself was not able to hear.
    heard_from: Mono,
    /// How often the agent was asked to send when they came.
    asked: Duration,
    /// Nothing moves until values come.
    is_frozen: bool,
    /// Values came that could not be taken for the host's own.
    came_meanwhile: bool,
    /// It was said that this host has too many alerts.
    is_full: bool,
}

/// A rule that is for the host, with the series that it has something to say about.
#[derive(Debug)]
struct Applied {
    rule: Arc<Rule>,
    /// By instance.
    series: BTreeMap<Box<str>, Entry>,
}

/// Live values came; they are in `host.metrics` already.
pub(in crate::engine) fn samples(host: &mut Host, desk: &mut Desk) {
    host.rules.came_meanwhile = !has_a_voice(host);
    if host.rules.came_meanwhile {
        return;
    }
    let asked = asked(host, desk);
    with(host, desk, |watched, host, desk| {
        if watched.is_overdue(desk, asked) {
            watched.entries().for_each(|entry| entry.track.lose());
        }
        watched.sampled_at = host.metrics_at;
        watched.asked = asked;
        watched.thaw(host, desk);
        watched.observe(host);
        watched.advance(host, desk, asked);
    });
    schedule(host, desk);
}

/// The host's state changed, or time passed.
pub(in crate::engine) fn look(host: &mut Host, desk: &mut Desk) {
    let asked = asked(host, desk);
    if host.rules.is_answered(host, desk, asked) {
        samples(host, desk);
        return;
    }
    if host.rules.is_idle() && host.rules.sampled_at.is_none() {
        return;
    }
    with(host, desk, |watched, host, desk| {
        if has_a_voice(host) && watched.is_heard(desk, asked) {
            watched.advance(host, desk, asked);
        } else {
            watched.freeze(host, desk);
        }
    });
    schedule(host, desk);
}

/// The daemon was not able to hear and is again: silence up to now says nothing.
pub(in crate::engine) fn hear_again(host: &mut Host, desk: &mut Desk) {
    host.rules.heard_from = desk.now.mono;
    look(host, desk);
}

/// Rules or what decides whom they are for may have changed: what no longer holds is resolved, the
/// rest is judged anew at once.
pub(in crate::engine) fn apply(host: &mut Host, desk: &mut Desk) {
    let asked = asked(host, desk);
    with(host, desk, |watched, host, desk| {
        let whom = Whom::new(host, &desk.settings);
        let rules = desk.settings.rules.iter();
        let rules: Vec<_> = rules.filter(|rule| rule.filter.matches(&whom)).cloned().collect();
        let mut before = std::mem::take(&mut watched.applied);
        for rule in rules {
            let same = |old: &&mut Applied| {
                let (old, new) = (&old.rule, &rule);
                old.name == new.name && old.metric == new.metric
            };
            let kept = before.iter_mut().find(same).map(|old| std::mem::take(&mut old.series));
            let mut applied = Applied { rule, series: kept.unwrap_or_default() };
            applied.leave_others(host, desk);
            watched.applied.push(applied);
        }
        for old in &mut before {
            old.end(host, desk);
        }
        if has_a_voice(host) && watched.is_heard(desk, asked) {
            watched.observe(host);
            watched.advance(host, desk, asked);
        }
    });
    schedule(host, desk);
}

/// Takes over the alerts that were open or held when the daemon stopped. They wait for values.
pub(in crate::engine) fn adopt(host: &mut Host, desk: &mut Desk) {
    apply(host, desk);
    let of_host = desk.book.open_of(host.id()).chain(desk.book.held_of(host.id()));
    let mine = |key: &AlertKey| desk.settings.rules.find(&key.rule).is_some();
    let rows: Vec<(AlertKey, AlertRow)> =
        of_host.filter(|(key, _)| mine(key)).map(|(key, row)| (key.clone(), row.clone())).collect();
    with(host, desk, |watched, host, desk| {
        for (key, row) in rows {
            if !watched.resume(desk, &row) {
                let reason = why_not(&key.rule, desk);
                desk.clear(&key, &reason);
            }
        }
        watched.freeze(host, desk);
    });
}

/// Runs `act` on what is remembered of the host beside the host itself.
fn with(host: &mut Host, desk: &mut Desk, act: impl FnOnce(&mut Watched, &Host, &mut Desk)) {
    let mut watched = std::mem::take(&mut host.rules);
    act(&mut watched, host, desk);
    host.rules = watched;
}

fn schedule(host: &Host, desk: &mut Desk) {
    let due = Due::Rules(host.id().clone());
    match host.rules.deadline(asked(host, desk)) {
        Some(at) => desk.timers.set(due, at),
        None => desk.timers.cancel(&due),
    }
}

/// How often the agent is asked to send values now.
pub(in crate::engine) fn asked(host: &Host, desk: &Desk) -> Duration {
    if desk.sessions.is_watched(host.id()) {
        desk.settings.live_interval
    } else {
        desk.settings.stored_interval
    }
}

/// Whether what the host sends can be taken for its own. In a conflict it can: only the incumbent is
/// heard, the second agent was refused.
fn has_a_voice(host: &Host) -> bool {
    host.is_expected()
}

fn just_after(at: Mono, span: Duration) -> Mono {
    Mono(at.plus(span).0.saturating_add(1))
}

fn why_not(rule: &str, desk: &Desk) -> String {
    match desk.settings.rules.find(rule) {
        Some(_) => format!("the rule {rule} no longer applies to this"),
        None => desk.settings.rules.why_gone(rule),
    }
}

impl Watched {
    fn is_idle(&self) -> bool {
        self.applied.iter().all(|applied| applied.series.is_empty())
    }

    fn entries(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.applied.iter_mut().flat_map(|applied| applied.series.values_mut())
    }

    /// Time without values after which the last ones say nothing more.
    fn patience(&self, asked: Duration) -> Duration {
        self.asked.max(asked).saturating_mul(SAMPLES_MISSED)
    }

    /// Whether values should have come long ago, whosoever's fault that is.
    fn is_overdue(&self, desk: &Desk, asked: Duration) -> bool {
        let silence = self.sampled_at.map(|at| desk.now.mono.since(at));
        silence.is_none_or(|silence| silence > self.patience(asked))
    }

    /// Whether values come, as far as the daemon was able to hear.
    fn is_heard(&self, desk: &Desk, asked: Duration) -> bool {
        let since = self.sampled_at.map(|at| at.max(self.heard_from));
        since.is_some_and(|at| desk.now.mono.since(at) <= self.patience(asked))
    }

    /// Whether values came meanwhile and count now: a host's first values may be faster
    /// than its first heartbeat.
    fn is_answered(&self, host: &Host, desk: &Desk, asked: Duration) -> bool {
        let silence = host.metrics_at.map(|at| desk.now.mono.since(at));
        let is_fresh = silence.is_some_and(|silence| silence <= self.patience(asked));
        self.came_meanwhile && is_fresh && has_a_voice(host)
    }

    /// Judges the last values, as of when they came.
    fn observe(&mut self, host: &Host) {
        let Some(at) = self.sampled_at else { return };
        let cores = host.metrics.value("cores", "").filter(|cores| *cores > 0.0);
        for Applied { rule, series } in &mut self.applied {
            let scale = if rule.is_per_core { cores } else { Some(1.0) };
            let Some(scale) = scale else { continue };
            for (instance, value) in host.metrics.instances(&rule.metric) {
                if let Some(entry) = series.get_mut(instance) {
                    entry.track.observe(at, rule, value, scale);
                } else if rule.is_about(&rule.metric, instance) && Track::begins(rule, value, scale)
                {
                    let mut track = Track::new(at);
                    track.observe(at, rule, value, scale);
                    series.insert(instance.into(), Entry::new(track, None));
                }
            }
        }
    }

    /// Takes back what too long a silence leaves undecided, tells the desk what changed, forgets what is
    /// quiet.
    fn advance(&mut self, host: &Host, desk: &mut Desk, asked: Duration) {
        let (now, patience) = (desk.now.mono, self.patience(asked));
        let is_overdue = self.is_overdue(desk, asked);
        let open = desk.book.open_of(host.id());
        let mut told =
            open.filter(|(key, _)| desk.settings.rules.find(&key.rule).is_some()).count();
        for Applied { rule, series } in &mut self.applied {
            series.retain(|instance, entry| {
                let unseen = now.since(entry.track.seen_at);
                if is_overdue || unseen > patience {
                    entry.track.lose();
                }
                let key = key_of(host, rule, instance);
                if unseen > SERIES_GONE {
                    desk.clear(&key, "it is no longer reported");
                    return false;
                }
                entry.tell(desk, host, rule, &key, &mut told);
                !entry.track.is_quiet()
            });
        }
        self.say_if_full(host, desk, told);
    }

    fn say_if_full(&mut self, host: &Host, desk: &mut Desk, told: usize) {
        let is_full =
            told >= METRIC_ALERTS_PER_HOST_MAX && self.entries().any(|entry| entry.is_left_out);
        if is_full && !self.is_full {
            let reason = format!(
                "{} already has {METRIC_ALERTS_PER_HOST_MAX} open alerts about its values; \
                 further ones are counted and not shown",
                host.id()
            );
            desk.log(Level::Warning, "too many alerts of a host", Some(host.id()), None, reason);
        }
        self.is_full = is_full;
    }

    /// Nothing is known of the values: no time counts, and the open alerts say so.
    fn freeze(&mut self, host: &Host, desk: &mut Desk) {
        self.sampled_at = None;
        if std::mem::replace(&mut self.is_frozen, true) {
            return;
        }
        self.came_meanwhile = false;
        for Applied { rule, series } in &mut self.applied {
            series.retain(|instance, entry| {
                entry.track.lose();
                if !entry.track.is_quiet() {
                    desk.no_data(&key_of(host, rule, instance), true);
                }
                !entry.track.is_quiet()
            });
        }
    }

    fn thaw(&mut self, host: &Host, desk: &mut Desk) {
        if !std::mem::take(&mut self.is_frozen) {
            return;
        }
        for Applied { rule, series } in &mut self.applied {
            for (instance, entry) in series {
                entry.track.seen_at = desk.now.mono;
                desk.no_data(&key_of(host, rule, instance), false);
            }
        }
    }

    /// Takes an alert over; `false` if no rule of this host is about it any more.
    fn resume(&mut self, desk: &Desk, row: &AlertRow) -> bool {
        let applied = self.applied.iter_mut().find(|applied| *applied.rule.name == *row.rule);
        let (Some(applied), Some((metric, instance))) = (applied, split_series(&row.subject))
        else {
            return false;
        };
        let state = if row.held { AlertState::Firing } else { row.state };
        let told = Verdict { severity: row.severity, state };
        let track = Track::resumed(desk.now.mono, told, &applied.rule);
        if track.is_quiet() || !applied.rule.is_about(metric, instance) {
            return false;
        }
        applied.series.insert(instance.into(), Entry::new(track, Some(told)));
        true
    }

    /// When time alone changes something next.
    fn deadline(&self, asked: Duration) -> Option<Mono> {
        if self.is_frozen || self.is_idle() {
            return None;
        }
        let silent = just_after(self.sampled_at?.max(self.heard_from), self.patience(asked));
        let tracks = self.applied.iter().flat_map(|applied| applied.series.values());
        let gone = tracks.map(|entry| just_after(entry.track.seen_at, SERIES_GONE));
        gone.chain([silent]).min()
    }
}

impl Applied {
    /// Ends what the rule says about series that it is not about.
    fn leave_others(&mut self, host: &Host, desk: &mut Desk) {
        let rule = &self.rule;
        self.series.retain(|instance, _| {
            let is_mine = rule.is_about(&rule.metric, instance);
            if !is_mine {
                let reason = why_not(&rule.name, desk);
                desk.clear(&key_of(host, rule, instance), &reason);
            }
            is_mine
        });
    }

    /// Ends all that the rule says.
    fn end(&mut self, host: &Host, desk: &mut Desk) {
        for instance in std::mem::take(&mut self.series).into_keys() {
            let reason = why_not(&self.rule.name, desk);
            desk.clear(&key_of(host, &self.rule, &instance), &reason);
        }
    }
}
