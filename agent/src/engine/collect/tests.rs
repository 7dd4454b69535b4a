//! Texts of several kernels, and what an operator reads from them.

mod catalogue;
mod garbage;
mod places;
mod pressure;
mod processor;
mod temperature;
mod throughput;

use super::{Samples, load, meminfo};

/// The value of `metric[instance]` among `samples`.
fn value(samples: &Samples, metric: &str, instance: &str) -> Option<f64> {
    let found = samples.list().iter().find(|s| s.metric == metric && *s.instance == *instance);
    found.map(|sample| sample.value)
}

fn near(one: Option<f64>, other: f64) -> bool {
    one.is_some_and(|one| (one - other).abs() < 1e-6)
}

const MEMINFO_6_1: &[u8] = b"MemTotal:       16303580 kB
MemFree:         1203580 kB
MemAvailable:   10303580 kB
Buffers:          203580 kB
Cached:          8000000 kB
SwapCached:            4 kB
Shmem:            300000 kB
SReclaimable:     500000 kB
SwapTotal:       2097148 kB
SwapFree:        1048572 kB
HugePages_Total:       0
DirectMap1G:     4194304 kB
";

const MEMINFO_2_6_32: &[u8] = b"MemTotal:        1000000 kB
MemFree:          100000 kB
Buffers:           50000 kB
Cached:           400000 kB
SwapCached:            0 kB
SwapTotal:             0 kB
SwapFree:              0 kB
Shmem:             30000 kB
SReclaimable:      80000 kB
";

#[test]
fn used_memory_is_what_no_program_could_have() {
    let memory = meminfo::parse(MEMINFO_6_1).unwrap();
    assert_eq!(memory.total_bytes, 16_303_580 * 1024);
    assert_eq!(memory.used_bytes, 6_000_000 * 1024);
    assert_eq!(memory.swap_total_bytes, 2_097_148 * 1024);
    assert_eq!(memory.swap_used_bytes, 1_048_576 * 1024);
}

#[test]
fn a_kernel_that_does_not_tell_what_is_available_is_estimated() {
    let memory = meminfo::parse(MEMINFO_2_6_32).unwrap();
    assert_eq!(
        memory.used_bytes,
        (1_000_000 - (100_000 + 50_000 + 400_000 + 80_000 - 30_000)) * 1024
    );
    assert_eq!((memory.swap_total_bytes, memory.swap_used_bytes), (0, 0));
}

#[test]
fn without_swap_its_series_are_zero_and_not_absent() {
    let mut samples = Samples::default();
    meminfo::sample(b"MemTotal: 10 kB\nMemAvailable: 4 kB\n", &mut samples);
    assert_eq!(value(&samples, "swap_total_bytes", ""), Some(0.0));
    assert_eq!(value(&samples, "swap_used_bytes", ""), Some(0.0));
    assert_eq!(value(&samples, "swap_used_percent", ""), None, "no swap, no share of it");
    assert_eq!(value(&samples, "memory_used_bytes", ""), Some(6.0 * 1024.0));
    assert_eq!(value(&samples, "memory_used_percent", ""), Some(60.0));
}

#[test]
fn shares_of_memory_and_swap_are_of_all_of_it() {
    let mut samples = Samples::default();
    meminfo::sample(MEMINFO_6_1, &mut samples);
    let memory = 100.0 * 6_000_000.0 / 16_303_580.0;
    assert!(near(value(&samples, "memory_used_percent", ""), memory));
    let swap = 100.0 * 1_048_576.0 / 2_097_148.0;
    assert!(near(value(&samples, "swap_used_percent", ""), swap));
    let mut samples = Samples::default();
    meminfo::sample(b"MemTotal: 0 kB\nMemAvailable: 0 kB\n", &mut samples);
    assert_eq!(value(&samples, "memory_used_percent", ""), None);
}

#[test]
fn more_available_than_there_is_means_nothing_used() {
    let memory = meminfo::parse(b"MemTotal: 10 kB\nMemAvailable: 40 kB\nSwapFree: 9 kB\n").unwrap();
    assert_eq!((memory.used_bytes, memory.swap_used_bytes), (0, 0));
    assert_eq!(meminfo::parse(b"MemFree: 10 kB\n"), None);
    assert_eq!(meminfo::parse(b"MemTotal: 10 kB\n"), None);
}

#[test]
fn loads_and_uptime_are_read_as_they_stand() {
    let mut samples = Samples::default();
    load::sample(b"0.52 1.08 2.59 3/467 81237\n", &mut samples);
    load::sample_uptime(b"350735.47 234388.90\n", &mut samples);
    let read: Vec<_> = samples.list().iter().map(|s| (s.metric, s.value)).collect();
    let expected = [("load1", 0.52), ("load5", 1.08), ("load15", 2.59), ("uptime_s", 350_735.47)];
    assert_eq!(read, expected);
}

#[test]
fn what_is_no_number_is_dropped_and_counted() {
    let mut samples = Samples::default();
    load::sample(b"nan inf 1.0 3/467 81237\n", &mut samples);
    load::sample_uptime(b"-inf 1\n", &mut samples);
    load::sample(b"one two three\n", &mut samples);
    let (list, dropped) = samples.into_parts();
    assert_eq!(list.len(), 1);
    assert_eq!(dropped, 3);
}
