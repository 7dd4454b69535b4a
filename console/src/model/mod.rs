//! What the console knows: hosts, open alerts, and how fresh all of it is.
//!
//! Values and questions about them. It draws nothing and asks no daemon; time is an argument.

pub mod alerts;
pub mod fleet;
pub mod freshness;
pub mod history;
pub mod host;
pub mod missing;
pub mod range;
pub mod subject;

use systole_common::filter::Filter;

use self::alerts::OpenAlerts;
use self::fleet::Fleet;
use self::freshness::Freshness;

/// Everything that the live table shows.
#[derive(Debug, Clone)]
pub struct Model {
    /// The link to the daemon and the age of what came over it.
    pub freshness: Freshness,
    /// Hosts by name.
    pub fleet: Fleet,
    /// Open alerts by number.
    pub alerts: OpenAlerts,
    /// Which hosts are shown; `None` for all.
    pub filter: Option<Filter>,
}

impl Model {
    /// A model that knows nothing yet. `freshness` says since when it waits.
    pub fn new(freshness: Freshness, filter: Option<Filter>) -> Self {
        Self { freshness, fleet: Fleet::default(), alerts: OpenAlerts::default(), filter }
    }
}
