//! What comes on an agent's connection: heartbeats, samples, processes, probe answers.
//!
//! Every authenticated heartbeat is life. What it claims is bounded by a written rule and never makes
//! a false verdict: a promised interval is clamped, a sequence is only counted, a clock is only compared.

use std::sync::Arc;
use std::time::Duration;

use systole_common::ids::ConnectionId;
use systole_common::model::metric::SeriesKey;
use systole_common::time::millis;
use systole_common::wire::agent::{Heartbeat, IntentKind, ProbeAnswer, ProcessSample};
use systole_common::wire::control::Echo;
use systole_common::wire::hello::Clocks;
use systole_common::wire::limits::{HEARTBEAT_INTERVAL_MS_MAX, INTERVAL_MS_MIN};

use super::absence;
use super::arrivals;
use super::columns::Columns;
use super::desk::Desk;
use super::effect::Effect;
use super::freshness::Freshness;
use super::host::Host;
use super::limits::{
    CLOCK_OFFSET_BEATS, CLOCK_OFFSET_BEATS_MIN, ECHOES_KEPT, LIVE_LATE_MIN, SAMPLES_MISSED,
    SEQUENCE_JUMP_MAX,
};
use super::rules;
use super::verdicts;

/// A heartbeat.
pub(super) fn heartbeat(
    host: &mut Host,
    desk: &mut Desk,
    connection: ConnectionId,
    beat: &Heartbeat,
) {
    desk.counters.add("heartbeats");
    arrivals::incumbent_is_alive(host, desk);
    let newest = host.link.as_ref().is_some_and(|link| link.connection == connection);
    if newest {
        count_sequence(host, desk, beat.sequence);
        take_content(host, desk, beat);
    }
    echo(host, desk, connection, beat.sequence, newest);
    host.beat_at = Some(desk.now.mono);
    host.row.heard_at = Some(desk.now.wall);
    let promised_ms = host.row.heartbeat_interval_ms.unwrap_or(HEARTBEAT_INTERVAL_MS_MAX);
    host.watch.heard(desk.now.mono, Duration::from_millis(promised_ms.into()));
    let stopping = beat.intent.kind.known() == Some(IntentKind::Stopping);
    verdicts::alive(host, desk, stopping);
    verdicts::schedule(host, desk);
    desk.sessions.touch(host.id());
}

/// Rule: repeats and steps back are counted and do not move the sequence; a jump is counted, not
/// taken for missed heartbeats; nothing of it is a verdict.
fn count_sequence(host: &mut Host, desk: &mut Desk, sequence: u64) {
    let Some(link) = host.link.as_mut() else {
        return;
    };
    let step = sequence.checked_sub(link.sequence);
    match step {
        None => desk.counters.add("heartbeat_sequence_back"),
        Some(0) => desk.counters.add("heartbeat_sequence_repeated"),
        Some(1) => {}
        Some(_) if link.sequence == 0 => {}
        Some(step) if step > SEQUENCE_JUMP_MAX => desk.counters.add("heartbeat_sequence_jumped"),
        Some(step) => desk.counters.add_many("heartbeats_missed", step - 1),
    }
    link.sequence = sequence;
}

fn take_content(host: &mut Host, desk: &mut Desk, beat: &Heartbeat) {
    let promised_ms = beat.next_in_ms.clamp(INTERVAL_MS_MIN, HEARTBEAT_INTERVAL_MS_MAX);
    if promised_ms != beat.next_in_ms {
        desk.counters.add("heartbeat_interval_clamped");
    }
    host.row.heartbeat_interval_ms = Some(promised_ms);
    if host.row.instance != Some(beat.instance) {
        desk.counters.add("heartbeat_instance_foreign");
    }
    measure_round_trip(host, desk, beat);
    measure_clock(host, desk, beat.sent.wall_ms);
    host.way.beat(desk.now.mono, desk.settings.heartbeat_interval / 2, beat.sent);
    absence::intent(host, desk, &beat.intent);
}

fn measure_round_trip(host: &mut Host, desk: &Desk, beat: &Heartbeat) {
    let Some(link) = host.link.as_mut() else {
        return;
    };
    let sent = link.echoes.iter().find(|(sequence, _)| *sequence == beat.echo_sequence);
    let Some((_, sent_at)) = sent else { return };
    let total = desk.now.mono.since(*sent_at);
    let hold = Duration::from_micros(beat.echo_hold_us);
    let Some(round_trip) = total.checked_sub(hold) else {
        return;
    };
    let sample = u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX);
    host.rtt_us = Some(match host.rtt_us {
        None => sample,
        Some(smooth) => smooth - smooth / 8 + sample / 8,
    });
}

fn measure_clock(host: &mut Host, desk: &mut Desk, sent_wall_ms: i64) {
    let delay_ms = i64::try_from(host.rtt_us.unwrap_or(0) / 2_000).unwrap_or(0);
    let arrived = sent_wall_ms.saturating_add(delay_ms);
    host.offsets_ms.push_back(arrived.saturating_sub(desk.now.wall.0));
    if host.offsets_ms.len() > CLOCK_OFFSET_BEATS {
        host.offsets_ms.pop_front();
    }
    if host.offsets_ms.len() >= CLOCK_OFFSET_BEATS_MIN {
        verdicts::clock(host, desk);
    }
}

fn echo(host: &mut Host, desk: &mut Desk, connection: ConnectionId, sequence: u64, newest: bool) {
    let mut echo_sequence = 0;
    if let (true, Some(link)) = (newest, host.link.as_mut()) {
        link.echo_sequence += 1;
        echo_sequence = link.echo_sequence;
        link.echoes.push_back((echo_sequence, desk.now.mono));
        if link.echoes.len() > ECHOES_KEPT {
            link.echoes.pop_front();
        }
    }
    let interval_ms = millis(desk.settings.heartbeat_interval);
    let echo = Echo {
        epoch: desk.instance,
        sequence: echo_sequence,
        heartbeat_sequence: sequence,
        hold_us: 0,
        loop_lag_us: 0,
        wanted_interval_ms: u32::try_from(interval_ms).unwrap_or(u32::MAX),
    };
    desk.at_once(Effect::Echo { connection, echo });
}

/// Live values: they replace the ones before. Those that were held up on their way, and those of a
/// connection that is no longer the host's, are counted and say nothing.
pub(super) fn samples(
    host: &mut Host,
    desk: &mut Desk,
    connection: ConnectionId,
    (at, values): (Clocks, Vec<(Arc<SeriesKey>, f64)>),
) {
    let limit = rules::asked(host, desk).saturating_mul(SAMPLES_MISSED).max(LIVE_LATE_MIN);
    let freshness = if host.is_mine(connection) {
        host.way.judge(desk.now.mono, at, limit)
    } else {
        Freshness::Overtaken
    };
    match freshness {
        Freshness::Fresh => {}
        Freshness::Late => return desk.counters.add("samples_late"),
        Freshness::Overtaken => return desk.counters.add("samples_overtaken"),
    }
    let left_out = host.metrics.replace(values);
    host.columns = Columns::of(&host.metrics);
    if left_out > 0 {
        let count = u64::try_from(left_out).unwrap_or(u64::MAX);
        desk.counters.add_many("values_not_finite", count);
    }
    host.metrics_at = Some(desk.now.mono);
    rules::samples(host, desk);
    desk.sessions.touch(host.id());
}

/// The top processes.
pub(super) fn processes(host: &mut Host, desk: &mut Desk, processes: Vec<ProcessSample>) {
    host.processes = processes;
    desk.sessions.touch(host.id());
}

/// A probe came back: a sign of life of that connection's agent.
pub(super) fn probe_answer(
    host: &mut Host,
    desk: &mut Desk,
    connection: ConnectionId,
    answer: ProbeAnswer,
) {
    let awaited = host.newcomer.as_ref().is_some_and(|one| one.nonce == answer.nonce);
    if host.is_mine(connection) && awaited {
        arrivals::incumbent_is_alive(host, desk);
    }
}
