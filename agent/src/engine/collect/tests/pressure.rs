//! How long tasks waited, on several kernels' texts.

use super::super::Samples;
use super::super::pressure::{PressureTracker, Resource, Stalls, parse};
use super::{near, value};

const SECOND_NS: u64 = 1_000_000_000;

const THEN: &[u8] = b"some avg10=7.98 avg60=6.68 avg300=3.79 total=1345647661
full avg10=0.00 avg60=0.00 avg300=0.00 total=5000
";
const NOW: &[u8] = b"some avg10=0.00 avg60=0.00 avg300=0.00 total=1347647661
full avg10=0.00 avg60=0.00 avg300=0.00 total=505000
";

fn sampled(tracker: &mut PressureTracker, resource: Resource, text: &[u8], at_s: u64) -> Samples {
    let mut samples = Samples::default();
    tracker.sample(resource, text, at_s * SECOND_NS, &mut samples);
    samples
}

#[test]
fn a_share_is_stalled_time_over_the_time_between() {
    let mut tracker = PressureTracker::default();
    assert!(sampled(&mut tracker, Resource::Io, THEN, 10).list().is_empty());
    let samples = sampled(&mut tracker, Resource::Io, NOW, 15);
    assert!(near(value(&samples, "pressure_io_some_percent", ""), 40.0));
    assert!(near(value(&samples, "pressure_io_full_percent", ""), 10.0));
    assert_eq!(samples.list().len(), 2);
}

#[test]
fn every_resource_has_names_of_its_own() {
    let mut names = Vec::new();
    for resource in Resource::ALL {
        let mut tracker = PressureTracker::default();
        sampled(&mut tracker, resource, THEN, 1);
        let samples = sampled(&mut tracker, resource, NOW, 6);
        names.extend(samples.list().iter().map(|sample| sample.metric));
    }
    let expected = [
        "pressure_cpu_some_percent",
        "pressure_cpu_full_percent",
        "pressure_memory_some_percent",
        "pressure_memory_full_percent",
        "pressure_io_some_percent",
        "pressure_io_full_percent",
        "pressure_irq_full_percent",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_kernel_that_tells_only_of_some_has_only_that() {
    let mut tracker = PressureTracker::default();
    let text = |total: u64| format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={total}\n");
    sampled(&mut tracker, Resource::Cpu, text(0).as_bytes(), 1);
    let samples = sampled(&mut tracker, Resource::Cpu, text(250_000).as_bytes(), 2);
    assert!(near(value(&samples, "pressure_cpu_some_percent", ""), 25.0));
    assert_eq!(samples.list().len(), 1);
}

#[test]
fn it_is_never_more_than_all_and_a_total_that_runs_back_gives_nothing() {
    let mut tracker = PressureTracker::default();
    sampled(&mut tracker, Resource::Memory, THEN, 10);
    let samples = sampled(&mut tracker, Resource::Memory, NOW, 11);
    assert_eq!(value(&samples, "pressure_memory_some_percent", ""), Some(100.0));
    assert!(sampled(&mut tracker, Resource::Memory, THEN, 12).list().is_empty());
    assert!(sampled(&mut tracker, Resource::Memory, NOW, 12).list().is_empty(), "no time went by");
}

#[test]
fn a_file_that_was_away_begins_anew() {
    let mut tracker = PressureTracker::default();
    sampled(&mut tracker, Resource::Io, THEN, 10);
    tracker.forget();
    assert!(sampled(&mut tracker, Resource::Io, NOW, 15).list().is_empty());
}

#[test]
fn broken_lines_are_passed_over() {
    let text = b"some total=\nfull avg10=0.00 total=-4\nnone total=7\ntotal=9\n\xff\n";
    assert_eq!(parse(text), Stalls::default());
    let wide = b"some total=99999999999999999999\nfull total=18446744073709551615";
    assert_eq!(parse(wide), Stalls { some_us: None, full_us: Some(u64::MAX) });
}
