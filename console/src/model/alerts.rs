//! The open alerts that a feed has told of, and those that ended just now.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use systole_common::ids::AlertId;
use systole_common::model::alert::{AlertState, Overlay, Severity};
use systole_common::model::coded::Growing;
use systole_common::time::Mono;
use systole_common::wire::console::AlertRecord;

use crate::limits::{ALERTS_MAX, ENDED_ALERTS_SHOWN};

/// For how long an alert that ended is still shown.
pub const ENDED_SHOWN: Duration = Duration::from_mins(1);

/// Whether the incident is not over. A state of a newer daemon counts as open: better shown than lost.
pub fn is_open(alert: &AlertRecord) -> bool {
    alert.state.known().is_none_or(AlertState::is_open)
}

/// Whether somebody said that the alert is theirs.
pub fn is_acked(alert: &AlertRecord) -> bool {
    alert.overlays.contains(&Overlay::Acked.into())
}

/// Whether it wants somebody's attention now: critical, firing, nobody has it and nothing hushes it.
pub fn is_alarm(alert: &AlertRecord) -> bool {
    let hushed = [Overlay::Acked, Overlay::Silenced, Overlay::Windowed, Overlay::Inhibited];
    let is_hushed = hushed.iter().any(|overlay| alert.overlays.contains(&(*overlay).into()));
    is_critical_firing(alert) && !is_hushed
}

fn is_critical_firing(alert: &AlertRecord) -> bool {
    alert.severity == Severity::Critical.into() && alert.state == AlertState::Firing.into()
}

/// Its place among others: critical first, then the newest.
pub fn urgency(alert: &AlertRecord) -> impl Ord + use<> {
    let rank = match alert.severity {
        Growing::Known(Severity::Critical) => 0,
        Growing::Unknown(_) => 1,
        Growing::Known(Severity::Warning) => 2,
    };
    (rank, std::cmp::Reverse((alert.since, alert.id)))
}

/// What became of an alert that was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was not known before and is open.
    New {
        /// It wants attention now.
        is_alarm: bool,
    },
    /// It is open and another than before.
    Changed {
        /// It fires as a critical one since now, and wants attention.
        is_alarm: bool,
    },
    /// It is as it was.
    Same,
    /// It is over.
    Ended,
    /// It was over already and not known, or there is no room.
    Ignored,
}

/// An alert that ended.
#[derive(Debug, Clone, PartialEq)]
struct Ended {
    alert: AlertRecord,
    until: Mono,
}

/// Open alerts by number, and for a minute those that ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OpenAlerts {
    all: BTreeMap<AlertId, AlertRecord>,
    ended: BTreeMap<AlertId, Ended>,
    /// Numbers in the picture that is being sent.
    picture: Option<BTreeSet<AlertId>>,
}

impl OpenAlerts {
    /// All that are open, the most urgent first.
    pub fn worst_first(&self) -> Vec<&AlertRecord> {
        let mut alerts: Vec<&AlertRecord> = self.all.values().collect();
        alerts.sort_by_key(|alert| urgency(alert));
        alerts
    }

    /// Those that ended just now, the last one first.
    pub fn ended(&self) -> Vec<&AlertRecord> {
        let mut ended: Vec<&Ended> = self.ended.values().collect();
        ended.sort_by_key(|one| std::cmp::Reverse((one.until, one.alert.id)));
        ended.into_iter().map(|one| &one.alert).collect()
    }

    /// An alert, open or ended just now.
    pub fn get(&self, id: AlertId) -> Option<&AlertRecord> {
        self.all.get(&id).or_else(|| self.ended.get(&id).map(|one| &one.alert))
    }

    /// Whether an alert is one of those that ended just now.
    pub fn has_ended(&self, id: AlertId) -> bool {
        !self.all.contains_key(&id) && self.ended.contains_key(&id)
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Open alerts by number.
    pub fn open(&self) -> impl Iterator<Item = &AlertRecord> {
        self.all.values()
    }

    /// How many open ones there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.all.values().filter(|alert| alert.severity == severity.into()).count()
    }

    /// How many open ones somebody has.
    pub fn count_acked(&self) -> usize {
        self.all.values().filter(|alert| is_acked(alert)).count()
    }

    /// The newest open alert that nobody has; critical ones before others.
    pub fn newest_unacked(&self) -> Option<&AlertRecord> {
        self.all.values().filter(|alert| !is_acked(alert)).min_by_key(|alert| urgency(alert))
    }

    /// The oldest open alert that nobody has.
    pub fn oldest_unacked(&self) -> Option<&AlertRecord> {
        let unacked = self.all.values().filter(|alert| !is_acked(alert));
        unacked.min_by_key(|alert| (alert.since, alert.id))
    }

    /// A fresh picture begins.
    pub fn begin_picture(&mut self) {
        self.picture = Some(BTreeSet::new());
    }

    /// The picture is complete: what it did not name is over. Returns how many are.
    pub fn end_picture(&mut self, now: Mono) -> usize {
        let Some(named) = self.picture.take() else {
            return 0;
        };
        let gone: Vec<AlertId> =
            self.all.keys().filter(|id| !named.contains(id)).copied().collect();
        for id in &gone {
            if let Some(mut alert) = self.all.remove(id) {
                alert.state = AlertState::Resolved.into();
                self.end(alert, now);
            }
        }
        gone.len()
    }

    /// Takes an alert as it is at `now`.
    pub fn take(&mut self, alert: AlertRecord, now: Mono) -> Taken {
        let id = alert.id;
        if !is_open(&alert) {
            let was_known = self.all.remove(&id).is_some();
            if was_known {
                self.end(alert, now);
            }
            return if was_known { Taken::Ended } else { Taken::Ignored };
        }
        if let Some(named) = &mut self.picture {
            named.insert(id);
        }
        if self.all.len() >= ALERTS_MAX && !self.all.contains_key(&id) {
            return Taken::Ignored;
        }
        self.ended.remove(&id);
        let is_alarm = is_alarm(&alert);
        match self.all.insert(id, alert) {
            None => Taken::New { is_alarm },
            Some(before) if self.all.get(&id) == Some(&before) => Taken::Same,
            Some(before) => Taken::Changed { is_alarm: is_alarm && !is_critical_firing(&before) },
        }
    }

    /// When the next of those that ended leaves.
    pub fn next_leaves(&self) -> Option<Mono> {
        self.ended.values().map(|one| one.until).min()
    }

    /// Forgets those that ended a minute ago. Returns whether there was one.
    pub fn leave(&mut self, now: Mono) -> bool {
        let before = self.ended.len();
        self.ended.retain(|_, one| one.until > now);
        self.ended.len() != before
    }

    fn end(&mut self, alert: AlertRecord, now: Mono) {
        if self.ended.len() >= ENDED_ALERTS_SHOWN {
            let oldest = self.ended.iter().min_by_key(|(_, one)| one.until).map(|(id, _)| *id);
            oldest.and_then(|id| self.ended.remove(&id));
        }
        self.ended.insert(alert.id, Ended { alert, until: now.plus(ENDED_SHOWN) });
    }
}
