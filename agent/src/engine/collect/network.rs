//! `/proc/net/dev`: bytes received and sent by each interface but `lo`.
//!
//! Owns which interfaces are kept of many: the host's own before the ends of containers and virtual
//! machines, whose names change with each start and would fill the store with dead series.

use std::borrow::Cow;

use systole_common::model::interface::is_guest;

use super::Samples;
use super::fields::{lines, number, words};
use super::limits::{GUEST_INTERFACES_MAX, INTERFACES_MAX};
use super::metrics::{NETWORK_RX, NETWORK_TX};
use super::rates::{Tracker, per_second};

/// Counters of one interface since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InterfaceCounters {
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
}

/// Every interface of the text. Head lines and broken lines are passed over.
pub fn parse(text: &[u8]) -> Vec<(Cow<'_, str>, InterfaceCounters)> {
    lines(text).filter_map(parse_line).collect()
}

/// The interfaces that get series, the host's own first, and how many more there are.
pub fn choose(
    mut interfaces: Vec<(Cow<'_, str>, InterfaceCounters)>,
) -> (Vec<(Cow<'_, str>, InterfaceCounters)>, usize) {
    interfaces.retain(|(name, counters)| {
        name != "lo" && (!is_guest(name) || counters.rx_bytes > 0 || counters.tx_bytes > 0)
    });
    interfaces.sort_by(|(one, _), (other, _)| (is_guest(one), one).cmp(&(is_guest(other), other)));
    let all = interfaces.len();
    let own = interfaces.partition_point(|(name, _)| !is_guest(name));
    interfaces.truncate(own.saturating_add(GUEST_INTERFACES_MAX).min(INTERFACES_MAX));
    let skipped = all.saturating_sub(interfaces.len());
    (interfaces, skipped)
}

/// Adds the samples of a reading at `now_ns`; returns how many interfaces are beyond the limit.
pub fn sample(
    text: &[u8],
    now_ns: u64,
    tracker: &mut Tracker<InterfaceCounters>,
    samples: &mut Samples,
) -> usize {
    let (interfaces, skipped) = choose(parse(text));
    let (elapsed_ns, pairs) = tracker.advance(now_ns, interfaces);
    for pair in pairs {
        let Some(then) = pair.previous else { continue };
        if let Some(rate) = per_second(then.rx_bytes, pair.current.rx_bytes, elapsed_ns) {
            samples.put_of(NETWORK_RX, &pair.name, rate);
        }
        if let Some(rate) = per_second(then.tx_bytes, pair.current.tx_bytes, elapsed_ns) {
            samples.put_of(NETWORK_TX, &pair.name, rate);
        }
    }
    skipped
}

/// `eth0: rx_bytes` and seven more, then `tx_bytes`; old kernels leave the space out.
fn parse_line(line: &[u8]) -> Option<(Cow<'_, str>, InterfaceCounters)> {
    let colon = line.iter().rposition(|byte| *byte == b':')?;
    let (name, rest) = line.split_at_checked(colon)?;
    let mut fields = words(rest.get(1..)?);
    let rx_bytes = fields.next().and_then(number)?;
    let tx_bytes = fields.nth(7).and_then(number)?;
    Some((String::from_utf8_lossy(name.trim_ascii()), InterfaceCounters { rx_bytes, tx_bytes }))
}
