//! Claims that no honest agent makes: bounded by a written rule, counted, never a false verdict.

use anyhow::{Result, ensure};
use systole_common::model::metric::{MetricKind, Unit};
use systole_common::wire::VERSION_MAX;
use systole_common::wire::agent::{
    Declare, Dropped, Heartbeat, Live, SeriesDeclaration, SeriesValue, Stored,
};
use systole_common::wire::control::{Ranges, SequenceKind};
use systole_common::wire::header::Header;
use systole_common::wire::hello::StreamName;
use systole_tests::machine::clocks;
use systole_tests::rogue::{Contact, Control, Rogue};
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};

/// The last millisecond of the year 9999.
const YEAR_9999_MS: i64 = 253_402_300_799_999;
/// A year is longer than the field can say; this is the longest that it can, seven weeks.
const LONGEST_MS: u32 = u32::MAX;
/// Thirty days.
const MONTH_MS: u32 = 2_592_000_000;

/// Two honest agents, and a third identity without one.
fn scene() -> Result<Scene> {
    let mut scene = Scene::set(3)?;
    scene.start_daemon()?;
    scene.start_agent("demo-1")?;
    scene.start_agent("demo-2")?;
    scene.until_online(&["demo-1".to_owned(), "demo-2".to_owned()])?;
    Ok(scene)
}

/// Says `beat` and waits until the daemon has taken it.
fn beat(
    contact: &Contact<'_>,
    control: &Control,
    stream: &mut quinn::SendStream,
    beat: &Heartbeat,
) -> Result<()> {
    contact.say(stream, beat)?;
    control.echo(beat.sequence).map(drop)
}

#[test]
fn kinds_of_a_newer_version_are_skipped_and_the_rest_still_counts() -> Result<()> {
    let mut scene = scene()?;
    let rogue = Rogue::new(&scene.stage, "demo-3")?;
    let contact = rogue.connect()?;
    let control = contact.control();
    let mut beats = contact.stream(StreamName::Heartbeat)?;
    for (kind, length) in [(200, 0), (201, 1_000), (255, 100_000)] {
        let header = Header { kind, version: VERSION_MAX, flags: 0xffff, length };
        contact.write(&mut beats, &header.to_bytes());
        contact.write(&mut beats, &vec![0xaa; usize::try_from(length)?]);
    }
    beat(&contact, &control, &mut beats, &rogue.beat(1))?;
    let skipped = scene.scrape()?.count("systole_frames_skipped_total", &[]);
    ensure!(skipped == 3, "{skipped} were counted");
    ensure!(!contact.is_closed(), "a newer agent is no enemy");
    scene.is_unharmed(&["demo-1", "demo-2"])
}

#[test]
fn values_without_a_declaration_and_bad_names_are_counted_and_left_out() -> Result<()> {
    let mut scene = scene()?;
    let rogue = Rogue::new(&scene.stage, "demo-3")?;
    let contact = rogue.connect()?;
    let control = contact.control();
    let mut metrics = contact.stream(StreamName::Metrics)?;
    let series = |id, metric: &str| SeriesDeclaration {
        id,
        metric: metric.to_owned(),
        instance: String::new(),
        unit: Unit::Percent.into(),
        kind: MetricKind::Gauge.into(),
    };
    let declare = Declare { series: vec![series(1, "cpu_percent"), series(2, "CPU Percent!")] };
    contact.say(&mut metrics, &declare)?;
    let value = |id, value| SeriesValue { id, value };
    let values = vec![
        value(1, 42.0),
        value(2, 1.0),
        value(7, 1.0),
        value(u32::MAX, f64::NAN),
        value(1, 43.0),
    ];
    contact.say(&mut metrics, &Live { at: clocks(), interval_ms: 1_000, values })?;
    let mut beats = contact.stream(StreamName::Heartbeat)?;
    beat(&contact, &control, &mut beats, &rogue.beat(1))?;
    let counted = until("the values", PATIENCE, || {
        let count =
            scene.scrape()?.count("systole_series_refused_total", &[("reason", "undeclared")]);
        Ok((count > 0).then_some(count))
    })?;
    ensure!(counted == 3, "{counted} values had no declaration");
    let names = scene.scrape()?.count("systole_series_refused_total", &[("reason", "name")]);
    ensure!(names == 1, "{names} bad names");
    scene.daemon_journal().only(&["WARN", "series of an agent are not taken", "demo-3"])?;
    let host = scene.host("demo-3")?;
    ensure!(host["metrics"]["cpu_percent"] == 43.0, "{host}");
    ensure!(!contact.is_closed());
    scene.is_unharmed(&["demo-1", "demo-2"])
}

#[test]
fn values_that_are_no_numbers_are_dropped() -> Result<()> {
    let mut scene = scene()?;
    let rogue = Rogue::new(&scene.stage, "demo-3")?;
    let contact = rogue.connect()?;
    let mut metrics = contact.stream(StreamName::Metrics)?;
    let metric = |id, metric: &str| SeriesDeclaration {
        id,
        metric: metric.to_owned(),
        instance: String::new(),
        unit: Unit::Percent.into(),
        kind: MetricKind::Gauge.into(),
    };
    let names = ["cpu_percent", "iowait_percent", "steal_percent", "load1"];
    let series = names.iter().zip(1..).map(|(name, id)| metric(id, name)).collect();
    contact.say(&mut metrics, &Declare { series })?;
    let readings = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.5];
    let values = readings.iter().zip(1..).map(|(value, id)| SeriesValue { id, value: *value });
    let live = Live { at: clocks(), interval_ms: 1_000, values: values.collect() };
    contact.say(&mut metrics, &live)?;
    let host = until("the values", PATIENCE, || {
        let host = scene.host("demo-3")?;
        Ok((host["metrics"]["load1"] == 0.5).then_some(host))
    })?;
    for name in ["cpu_percent", "iowait_percent", "steal_percent"] {
        ensure!(host["metrics"][name].is_null(), "{name}: {host}");
    }
    let dropped = scene.scrape()?.count("systole_values_not_finite_total", &[]);
    ensure!(dropped == 3, "{dropped} were counted");
    scene.is_unharmed(&["demo-1", "demo-2"])
}

#[test]
fn stored_slots_of_strange_times_are_counted_and_disturb_nobody() -> Result<()> {
    let mut scene = scene()?;
    let rogue = Rogue::new(&scene.stage, "demo-3")?;
    let contact = rogue.connect()?;
    let mut metrics = contact.stream(StreamName::Metrics)?;
    let hello = rogue.hello();
    for (sequence, slot_ms) in [(1, 0), (u64::MAX, YEAR_9999_MS), (1, i64::MIN), (2, i64::MAX)] {
        let stored = Stored { sequence, slot_ms, interval_ms: 0, values: Vec::new() };
        contact.say(&mut metrics, &stored)?;
    }
    let ranges = Ranges(vec![(0, u64::MAX)]);
    let kind = SequenceKind::Samples.into();
    contact.say(&mut metrics, &Dropped { kind, epoch: hello.spool_epoch, ranges })?;
    until("all of them counted", PATIENCE, || {
        let scrape = scene.scrape()?;
        let strange = scrape.count("systole_metrics_slots_out_of_time_total", &[]);
        let twice = scrape.count("systole_metrics_slots_duplicate_total", &[]);
        Ok(((strange, twice) == (3, 1)).then_some(()))
    })?;
    ensure!(!contact.is_closed());
    scene.is_unharmed(&["demo-1", "demo-2"])
}

#[test]
fn sequences_that_repeat_run_back_or_jump_are_counted_and_no_verdict() -> Result<()> {
    let mut scene = scene()?;
    let rogue = Rogue::new(&scene.stage, "demo-3")?;
    let contact = rogue.connect()?;
    let control = contact.control();
    let mut beats = contact.stream(StreamName::Heartbeat)?;
    for sequence in [1, 2, 2, 1, 2, 5, 1 << 63, u64::MAX, 0, 1] {
        beat(&contact, &control, &mut beats, &rogue.beat(sequence))?;
    }
    let scrape = scene.scrape()?;
    for (name, least) in [
        ("systole_heartbeat_sequence_repeated_total", 1),
        ("systole_heartbeat_sequence_back_total", 2),
        ("systole_heartbeat_sequence_jumped_total", 2),
        ("systole_heartbeats_missed_total", 2),
    ] {
        let count = scrape.count(name, &[]);
        ensure!(count >= least, "{name} is {count}");
    }
    let host = scene.host("demo-3")?;
    ensure!(host["state"] == "online", "every authenticated beat is life: {host}");
    ensure!(!contact.is_closed());
    scene.is_unharmed(&["demo-1", "demo-2"])
}

#[test]
fn promised_intervals_of_nothing_and_of_a_year_are_bounded() -> Result<()> {
    let mut scene = scene()?;
    let rogue = Rogue::new(&scene.stage, "demo-3")?;
    let contact = rogue.connect()?;
    let control = contact.control();
    let mut beats = contact.stream(StreamName::Heartbeat)?;
    for (sequence, (promised_ms, taken_ms)) in
        (1..).zip([(0, 100), (MONTH_MS, 60_000), (LONGEST_MS, 60_000), (1_000, 1_000)])
    {
        let said = Heartbeat { next_in_ms: promised_ms, ..rogue.beat(sequence) };
        beat(&contact, &control, &mut beats, &said)?;
        let host = scene.host("demo-3")?;
        ensure!(host["heartbeat_interval_ms"] == taken_ms, "{promised_ms}: {host}");
        ensure!(matches!(host["state"].as_str(), Some("new" | "online" | "late")), "{host}");
    }
    let clamped = scene.scrape()?.count("systole_heartbeat_interval_clamped_total", &[]);
    ensure!(clamped == 3, "{clamped} were counted");
    let down = scene.alerts()?.into_iter().find(|alert| alert["rule"] == "host_down");
    ensure!(down.is_none(), "{down:?}");
    scene.is_unharmed(&["demo-1", "demo-2"])
}

#[test]
fn clocks_of_1970_and_9999_are_shown_and_warned_of_and_no_verdict() -> Result<()> {
    let mut scene = scene()?;
    let mut watch = scene.watch()?;
    let rogue = Rogue::new(&scene.stage, "demo-3")?;
    let contact = rogue.connect()?;
    let control = contact.control();
    let mut beats = contact.stream(StreamName::Heartbeat)?;
    let mut sequence = 0;
    for wall_ms in [0, YEAR_9999_MS, i64::MIN, i64::MAX] {
        for _ in 0..10 {
            sequence += 1;
            let mut said = rogue.beat(sequence);
            said.sent.wall_ms = wall_ms;
            beat(&contact, &control, &mut beats, &said)?;
        }
        let host = scene.host("demo-3")?;
        ensure!(host["state"] == "online", "{wall_ms}: {host}");
        let offset_ms = host["clock_offset_ms"].as_f64().unwrap_or(0.0);
        ensure!(offset_ms.abs() > 1e9 && (offset_ms < 0.0) == (wall_ms <= 0), "{host}");
    }
    let alert = watch.until("a warning", |line| {
        line["kind"] == "alert" && line["host"] == "demo-3" && line["severity"] == "warning"
    })?;
    ensure!(alert["summary"].as_str().unwrap_or("").contains("clock of demo-3"), "{alert}");
    for _ in 0..10 {
        sequence += 1;
        beat(&contact, &control, &mut beats, &rogue.beat(sequence))?;
    }
    let rule = alert["rule"].as_str().unwrap_or_default();
    watch.until_alert("demo-3", rule, "resolved")?;
    scene.is_unharmed(&["demo-1", "demo-2"])
}
