//! What a rule makes of one series over time: pure, without alerts, hosts or settings of the daemon.
//!
//! Each of the two levels has a life of its own: quiet, pending until it was reached for long enough,
//! active, settling until it was clear for long enough. The alert is the worse of the two. Only values
//! move a life on: no time is long enough without one at its end that says the same. Time without
//! values only takes back what was not decided yet.

use systole_common::model::alert::{AlertState, Severity};
use systole_common::time::Mono;

use super::rule::{Level, Rule};

/// The life of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Not reached.
    Quiet,
    /// Reached without a break since then.
    Pending { since: Mono },
    /// Reached for long enough; since when.
    Active { since: Mono },
    /// It was active; clear without a break since then, or not clear now.
    Settling { since: Option<Mono> },
}

/// Where a value is, seen from a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Reached,
    Between,
    Clear,
}

/// What the alert of a series should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) severity: Severity,
    pub(super) state: AlertState,
}

/// One series under one rule. Forget it when it [`Track::is_quiet`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Track {
    warning: Life,
    critical: Life,
    /// The last value.
    value: f64,
    /// What one unit of a level is: the number of cores, or 1.
    scale: f64,
    /// When the series was last sent.
    pub(super) seen_at: Mono,
}

impl Track {
    /// A series of which nothing is known.
    pub(super) fn new(now: Mono) -> Self {
        Self { warning: Life::Quiet, critical: Life::Quiet, value: 0.0, scale: 1.0, seen_at: now }
    }

    /// A series whose alert was `told` when the daemon stopped. Quiet if the rule has that level no more.
    pub(super) fn resumed(now: Mono, told: Verdict, rule: &Rule) -> Self {
        let open = match told.state {
            AlertState::Settling => Life::Settling { since: None },
            AlertState::Firing | AlertState::Pending | AlertState::Resolved => {
                Life::Active { since: now }
            }
        };
        let life = |level: Option<Level>| level.map_or(Life::Quiet, |_| open);
        let critical = match told.severity {
            Severity::Critical => life(rule.critical),
            Severity::Warning => Life::Quiet,
        };
        Self { warning: life(rule.warning), critical, ..Self::new(now) }
    }

    /// Whether a value with nothing before it is worth a track.
    pub(super) fn begins(rule: &Rule, value: f64, scale: f64) -> bool {
        let reached =
            |level: Option<Level>| side(rule, level, value / scale) == Some(Side::Reached);
        reached(rule.warning) || reached(rule.critical)
    }

    /// A value came `at` then, or the rule changed over that value.
    pub(super) fn observe(&mut self, at: Mono, rule: &Rule, value: f64, scale: f64) {
        (self.value, self.scale, self.seen_at) = (value, scale, at);
        let next = |life: Life, level: Option<Level>| match side(rule, level, value / scale) {
            Some(side) => life.observe(at, side).ripen(at, rule),
            None => Life::Quiet,
        };
        self.warning = next(self.warning, rule.warning);
        self.critical = next(self.critical, rule.critical);
    }

    /// No value came for too long: nothing is concluded from the time without.
    pub(super) fn lose(&mut self) {
        self.warning = self.warning.lose();
        self.critical = self.critical.lose();
    }

    /// Whether there is nothing to remember.
    pub(super) fn is_quiet(&self) -> bool {
        self.warning == Life::Quiet && self.critical == Life::Quiet
    }

    /// What the alert should be; `None` for none.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        let severity = if self.critical.is_open() {
            Severity::Critical
        } else if self.warning.is_open() {
            Severity::Warning
        } else {
            return None;
        };
        let is_active = |life: Life| matches!(life, Life::Active { .. });
        let active = is_active(self.warning) || is_active(self.critical);
        let state = if active { AlertState::Firing } else { AlertState::Settling };
        Some(Verdict { severity, state })
    }

    /// The last value.
    pub(super) fn value(&self) -> f64 {
        self.value
    }

    /// The number of cores that levels are multiplied by, or 1.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    /// Since when the level of `severity` is reached; `None` if it is not.
    pub(super) fn reached_since(&self, severity: Severity) -> Option<Mono> {
        let life = match severity {
            Severity::Warning => self.warning,
            Severity::Critical => self.critical,
        };
        match life {
            Life::Active { since } => Some(since),
            Life::Quiet | Life::Pending { .. } | Life::Settling { .. } => None,
        }
    }
}

impl Life {
    fn observe(self, now: Mono, side: Side) -> Self {
        match (self, side) {
            (Self::Quiet, Side::Reached) => Self::Pending { since: now },
            (Self::Settling { .. }, Side::Reached) => Self::Active { since: now },
            (Self::Quiet | Self::Pending { .. }, Side::Between | Side::Clear) => Self::Quiet,
            (Self::Active { .. } | Self::Settling { since: None }, Side::Clear) => {
                Self::Settling { since: Some(now) }
            }
            (Self::Settling { .. }, Side::Between) => Self::Settling { since: None },
            (Self::Pending { .. }, Side::Reached)
            | (Self::Active { .. }, Side::Reached | Side::Between)
            | (Self::Settling { since: Some(_) }, Side::Clear) => self,
        }
    }

    /// After a value `at` that is what `self` says: it may have been so for long enough.
    fn ripen(self, at: Mono, rule: &Rule) -> Self {
        match self {
            Self::Pending { since } if at.since(since) >= rule.lasts => Self::Active { since },
            Self::Settling { since: Some(since) } if at.since(since) >= rule.hold => Self::Quiet,
            Self::Quiet | Self::Pending { .. } | Self::Active { .. } | Self::Settling { .. } => {
                self
            }
        }
    }

    fn lose(self) -> Self {
        match self {
            Self::Pending { .. } => Self::Quiet,
            Self::Settling { .. } => Self::Settling { since: None },
            Self::Quiet | Self::Active { .. } => self,
        }
    }

    fn is_open(self) -> bool {
        match self {
            Self::Active { .. } | Self::Settling { .. } => true,
            Self::Quiet | Self::Pending { .. } => false,
        }
    }
}

fn side(rule: &Rule, level: Option<Level>, value: f64) -> Option<Side> {
    let Level { raise, clear } = level?;
    let (reached, is_clear) = if rule.is_below {
        (value <= raise, value > clear)
    } else {
        (value >= raise, value < clear)
    };
    Some(if reached {
        Side::Reached
    } else if is_clear {
        Side::Clear
    } else {
        Side::Between
    })
}
