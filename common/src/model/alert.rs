//! What an alert can be. Its life is decided by the daemon's engine.

use crate::coded_enum;

coded_enum!(
    /// How bad it is.
    Severity {
        /// Look at it today.
        Warning = 1, "warning";
        /// Look at it now.
        Critical = 2, "critical";
    }
);

coded_enum!(
    /// Where an alert is in its life.
    AlertState {
        /// The condition holds, not yet for long enough.
        Pending = 1, "pending";
        /// The condition holds.
        Firing = 2, "firing";
        /// The condition is gone, not yet for long enough.
        Settling = 3, "settling";
        /// Over.
        Resolved = 4, "resolved";
    }
);

coded_enum!(
    /// What lies over an alert without replacing its state.
    Overlay {
        /// Somebody said "I have it".
        Acked = 1, "acked";
        /// A silence covers it.
        Silenced = 2, "silenced";
        /// A maintenance window covers it.
        Windowed = 3, "windowed";
        /// Another alert explains it.
        Inhibited = 4, "inhibited";
        /// It comes and goes too often.
        Flapping = 5, "flapping";
        /// The host is not heard, so the value is not known.
        NoData = 6, "nodata";
    }
);

impl AlertState {
    /// Whether the incident is not over.
    pub fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::Firing | Self::Settling => true,
            Self::Resolved => false,
        }
    }
}
