//! The open alerts that a feed has told of.

use std::collections::{BTreeMap, BTreeSet};

use systole_common::ids::AlertId;
use systole_common::model::alert::{AlertState, Severity};
use systole_common::model::coded::Growing;
use systole_common::wire::console::AlertRecord;

use crate::limits::ALERTS_MAX;

/// Whether the incident is not over. A state of a newer daemon counts as open: better shown than lost.
pub fn is_open(alert: &AlertRecord) -> bool {
    alert.state.known().is_none_or(AlertState::is_open)
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

/// Open alerts by number.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OpenAlerts {
    all: BTreeMap<AlertId, AlertRecord>,
    /// Numbers in the picture that is being sent.
    picture: Option<BTreeSet<AlertId>>,
}

impl OpenAlerts {
    /// All, the most urgent first.
    pub fn worst_first(&self) -> Vec<&AlertRecord> {
        let mut alerts: Vec<&AlertRecord> = self.all.values().collect();
        alerts.sort_by_key(|alert| urgency(alert));
        alerts
    }

    /// How many there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.all.values().filter(|alert| alert.severity == severity.into()).count()
    }

    /// A fresh picture begins.
    pub fn begin_picture(&mut self) {
        self.picture = Some(BTreeSet::new());
    }

    /// The picture is complete: what it did not name is over.
    pub fn end_picture(&mut self) {
        if let Some(named) = self.picture.take() {
            self.all.retain(|id, _| named.contains(id));
        }
    }

    /// Takes an alert as it is now; one that is over is forgotten.
    pub fn take(&mut self, alert: AlertRecord) {
        if !is_open(&alert) {
            self.all.remove(&alert.id);
            return;
        }
        if let Some(named) = &mut self.picture {
            named.insert(alert.id);
        }
        if self.all.len() < ALERTS_MAX || self.all.contains_key(&alert.id) {
            self.all.insert(alert.id, alert);
        }
    }
}
