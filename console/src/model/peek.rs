//! The chart below the fleet: the processor of the host under the cursor, over the last minutes.

use std::time::Duration;

use systole_common::model::metric::SeriesKey;
use systole_common::time::Mono;

use super::host_view::{Chart, Loaded};

/// How much time it covers.
pub const SPAN: Duration = Duration::from_mins(10);
/// The series that it shows.
const METRIC: &str = "cpu_percent";

/// It, of one host.
#[derive(Debug, Clone, PartialEq)]
pub struct Peek {
    /// Whose it is.
    pub host: String,
    /// Its points.
    pub chart: Chart,
    /// When they were last asked for.
    pub asked_at: Option<Mono>,
}

impl Peek {
    /// That of `host`, with nothing asked yet.
    pub fn new(host: &str) -> Self {
        let key = SeriesKey::new(METRIC, "");
        let chart = Chart { key, asked: None, points: Loaded::Unasked };
        Self { host: host.to_owned(), chart, asked_at: None }
    }
}
