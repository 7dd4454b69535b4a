//! Where the time went: the processor formula on several kernels' texts.

use super::super::stat::{CpuTimes, CpuTracker, parse, shares};
use super::super::{Samples, limits::CORES_MAX};
use super::{near, value};

const THEN: &[u8] = b"cpu  1000 100 500 8000 400 10 20 30 200 50
cpu0 500 50 250 4000 200 5 10 15 100 25
cpu1 500 50 250 4000 200 5 10 15 100 25
intr 271824 0 0 9
ctxt 304472
btime 1763697600
procs_running 3
";
const NOW: &[u8] = b"cpu  1040 100 510 8100 430 10 20 50 240 50
cpu0 540 50 260 4000 200 5 10 15 140 25
cpu1 500 50 250 4100 230 5 10 35 100 25
intr 271999 0 0 9
";

fn sampled(tracker: &mut CpuTracker, text: &[u8]) -> Samples {
    let mut samples = Samples::default();
    tracker.sample(text, &mut samples);
    samples
}

#[test]
fn busy_is_all_but_idle_and_waiting_and_guests_count_once() {
    let mut tracker = CpuTracker::default();
    let first = sampled(&mut tracker, THEN);
    assert_eq!(value(&first, "cpu_percent", ""), None, "a first reading has no rates");
    assert_eq!(value(&first, "cores", ""), Some(2.0));
    let second = sampled(&mut tracker, NOW);
    // 40 user (guest among them), 10 system, 100 idle, 30 waiting, 20 stolen: 200 ticks.
    assert!(near(value(&second, "cpu_percent", ""), 35.0));
    assert!(near(value(&second, "iowait_percent", ""), 15.0));
    assert!(near(value(&second, "steal_percent", ""), 10.0));
    assert!(near(value(&second, "cpu_core_percent", "0"), 100.0));
    assert!(near(value(&second, "cpu_core_percent", "1"), 100.0 * 20.0 / 150.0));
}

#[test]
fn a_kernel_with_four_columns_is_read() {
    let stat = parse(b"cpu  10 20 30 40\ncpu0 10 20 30 40\n");
    let times = CpuTimes { busy: 60, idle: 40, iowait: 0, steal: 0 };
    assert_eq!(stat.total, Some(times));
    assert_eq!(stat.cores.len(), 1);
}

#[test]
fn a_reset_gives_no_sample_and_the_next_pair_counts_again() {
    let mut tracker = CpuTracker::default();
    sampled(&mut tracker, NOW);
    let reset = sampled(&mut tracker, THEN);
    assert_eq!(value(&reset, "cpu_percent", ""), None);
    let after = sampled(&mut tracker, NOW);
    assert!(near(value(&after, "cpu_percent", ""), 35.0));
}

#[test]
fn iowait_that_runs_back_a_little_costs_only_its_own_sample() {
    let then = CpuTimes { busy: 100, idle: 100, iowait: 50, steal: 0 };
    let now = CpuTimes { busy: 150, idle: 150, iowait: 49, steal: 0 };
    let shares = shares(then, now).unwrap();
    assert!(near(Some(shares.cpu_percent), 50.0));
    assert_eq!(shares.iowait_percent, None);
}

#[test]
fn without_a_tick_between_there_is_no_share() {
    let mut tracker = CpuTracker::default();
    sampled(&mut tracker, NOW);
    let samples = sampled(&mut tracker, NOW);
    let metrics: Vec<_> = samples.list().iter().map(|sample| sample.metric).collect();
    assert_eq!(metrics, ["cores"]);
}

#[test]
fn a_core_that_was_taken_out_and_in_starts_anew() {
    let mut tracker = CpuTracker::default();
    sampled(&mut tracker, THEN);
    sampled(
        &mut tracker,
        b"cpu  1020 100 505 8050 415 10 20 40\ncpu0 540 50 260 4000 200 5 10 15\n",
    );
    let samples = sampled(&mut tracker, NOW);
    assert_eq!(value(&samples, "cpu_core_percent", "1"), None);
    assert_eq!(value(&samples, "cores", ""), Some(2.0));
}

#[test]
fn more_cores_than_the_limit_are_counted_and_only_their_own_series_are_left_out() {
    let text = |busy: u32| {
        let cores = (0..300).map(|core| format!("cpu{core} {busy} 0 0 {busy} 0 0 0 0 0 0\n"));
        format!("cpu  {busy} 0 0 {busy} 0 0 0 0 0 0\n{}", cores.collect::<String>())
    };
    let mut tracker = CpuTracker::default();
    sampled(&mut tracker, text(100).as_bytes());
    let mut samples = Samples::default();
    assert_eq!(tracker.sample(text(200).as_bytes(), &mut samples), 300 - CORES_MAX);
    assert_eq!(value(&samples, "cores", ""), Some(300.0));
    let cores = samples.list().iter().filter(|s| s.metric == "cpu_core_percent").count();
    assert_eq!(cores, CORES_MAX);
}
