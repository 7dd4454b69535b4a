//! From two readings of a counter to a mean per second or a share; the one rule for counters that run back.
//!
//! Refuses to guess: a first reading, a counter below its last value (reset, 32-bit wrap) and a clock
//! that stands still give nothing, and the next pair counts again.

use std::collections::BTreeMap;
use std::sync::Arc;

const NANOS_PER_SECOND: f64 = 1e9;

/// Growth of a counter per second over `elapsed_ns`; `None` if it ran back or no time went by.
pub fn per_second(previous: u64, current: u64, elapsed_ns: u64) -> Option<f64> {
    let grown = current.checked_sub(previous)?;
    (elapsed_ns > 0).then(|| grown as f64 * NANOS_PER_SECOND / elapsed_ns as f64)
}

/// `part` of `whole` in percent, 0 to 100; `None` without a whole.
pub fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (100.0 * part as f64 / whole as f64).min(100.0))
}

/// One instance's counters now and, if it was there the last time, then.
#[derive(Debug, Clone)]
pub struct Pair<T> {
    /// The instance's name, the same allocation each time.
    pub name: Arc<str>,
    /// The reading before; `None` the first time.
    pub previous: Option<T>,
    /// The reading now.
    pub current: T,
}

/// The last reading of each disk or interface.
#[derive(Debug)]
pub struct Tracker<T> {
    read_at_ns: Option<u64>,
    readings: BTreeMap<Arc<str>, T>,
}

impl<T> Default for Tracker<T> {
    fn default() -> Self {
        Self { read_at_ns: None, readings: BTreeMap::new() }
    }
}

impl<T: Copy> Tracker<T> {
    /// Takes the readings of `now_ns` and pairs them with the last ones. Returns the time between
    /// both, 0 if there is none, and the pairs. An instance that is gone is forgotten.
    pub fn advance<N: AsRef<str>>(
        &mut self,
        now_ns: u64,
        readings: impl IntoIterator<Item = (N, T)>,
    ) -> (u64, Vec<Pair<T>>) {
        let elapsed_ns = self.read_at_ns.map_or(0, |then| now_ns.saturating_sub(then));
        let mut last = std::mem::take(&mut self.readings);
        let mut pairs = Vec::new();
        for (name, current) in readings {
            let (name, previous) = match last.remove_entry(name.as_ref()) {
                Some((name, previous)) => (name, Some(previous)),
                None => (Arc::from(name.as_ref()), None),
            };
            self.readings.insert(Arc::clone(&name), current);
            pairs.push(Pair { name, previous, current });
        }
        self.read_at_ns = Some(now_ns);
        (elapsed_ns, pairs)
    }
}
