//! Puts a heartbeat together from the engine's part and what was just read of the machine.

use systole_common::ids::InstanceId;
use systole_common::time::Mono;
use systole_common::wire::agent::{Heartbeat, Progress};
use systole_common::wire::hello::Clocks;

use super::effect::{Beat, Target};
use super::vitals::Vitals;

/// Who beats: the same for all heartbeats of one start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author {
    /// The agent's start.
    pub instance: InstanceId,
    /// The first eight bytes of the boot id.
    pub boot: u64,
}

/// What is read at the moment of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// The three clocks.
    pub clocks: Clocks,
    /// Pressure and steal since the heartbeat before.
    pub vitals: Vitals,
    /// Whether the agent's parts work.
    pub progress: Progress,
    /// Datagrams that found no room since the start.
    pub datagrams_dropped: u64,
}

/// The heartbeat for one of the beat's targets.
pub fn compose(author: Author, beat: &Beat, target: &Target, reading: &Reading) -> Heartbeat {
    let hold = Mono(reading.clocks.mono_ns).since(target.echo_at);
    let echo_hold_us = u64::try_from(hold.as_micros()).unwrap_or(u64::MAX);
    Heartbeat {
        sequence: beat.sequence,
        instance: author.instance,
        boot: author.boot,
        flags: beat.flags,
        next_in_ms: beat.next_in_ms,
        sent: reading.clocks,
        loop_lag_max_us: beat.loop_lag_max_us,
        ticks_skipped: beat.ticks_skipped,
        heartbeats_sent: beat.heartbeats_sent,
        datagrams_dropped: reading.datagrams_dropped,
        echo_sequence: target.echo_sequence,
        echo_hold_us: if target.echo_sequence == 0 { 0 } else { echo_hold_us },
        pressure: reading.vitals.pressure,
        steal_us: reading.vitals.steal_us,
        progress: reading.progress,
        intent: beat.intent.clone(),
    }
}
