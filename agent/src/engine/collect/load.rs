//! `/proc/loadavg` and `/proc/uptime`: four numbers that need no second reading.

use super::Samples;
use super::fields::{decimal, words};
use super::metrics::{LOAD1, LOAD5, LOAD15, UPTIME};

/// Loads of 1, 5 and 15 minutes; `None` if the text has fewer than three numbers.
pub fn parse(text: &[u8]) -> Option<[f64; 3]> {
    let mut loads = words(text).map(decimal);
    Some([loads.next()??, loads.next()??, loads.next()??])
}

/// Seconds since boot; `None` if the text does not begin with a number.
pub fn parse_uptime(text: &[u8]) -> Option<f64> {
    words(text).next().and_then(decimal)
}

/// Adds the three loads of `text`.
pub fn sample(text: &[u8], samples: &mut Samples) {
    let loads = parse(text).into_iter().flatten();
    for (metric, load) in [LOAD1, LOAD5, LOAD15].into_iter().zip(loads) {
        samples.put(metric, load);
    }
}

/// Adds the time since boot of `text`.
pub fn sample_uptime(text: &[u8], samples: &mut Samples) {
    if let Some(uptime_s) = parse_uptime(text) {
        samples.put(UPTIME, uptime_s);
    }
}
