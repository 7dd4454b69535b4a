//! Every bit comes back, and whatever else stands in a blob is damage.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::shell::metrics::points::Bucket;

fn summary(values: &[f64]) -> Summary {
    Bucket::of_all(values).unwrap().summary()
}

/// What agents send and what they may send: levels, counters, constants, anything finite.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0u32..10_000).prop_map(|n| f64::from(n) / 100.0),
        2 => (0i64..1 << 40).prop_map(|n| n as f64 * 4096.0),
        2 => Just(16e9),
        1 => any::<f64>().prop_filter("finite", |value| value.is_finite()),
        1 => prop_oneof![
            Just(0.0), Just(-0.0), Just(f64::MIN_POSITIVE / 8.0), Just(f64::MAX), Just(f64::MIN)
        ],
    ]
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #[test]
    fn every_bit_comes_back(
        cells in vec(proptest::option::weighted(0.9, value()), 1..600), best in any::<bool>()
    ) {
        let effort = if best { Effort::Best } else { Effort::Quick };
        let values: Vec<f64> = cells.iter().copied().flatten().collect();
        prop_assume!(!values.is_empty());
        let present: Vec<bool> = cells.iter().map(Option::is_some).collect();
        let is_whole = values.len() == cells.len();
        let mask = (!is_whole).then_some(present.as_slice());
        let summary = summary(&values);
        let data = chunk(&values, mask, &summary, effort);
        let samples = open_chunk(&data, cells.len(), &summary).unwrap();
        prop_assert_eq!(bits(&samples.values), bits(&values));
        prop_assert_eq!(samples.present.as_deref(), mask);
        prop_assert_eq!(samples.cells(), cells);
    }

    #[test]
    fn times_come_back(first in 0i64..1 << 45, steps in vec(1i64..20_000, 0..500)) {
        let mut all = vec![first];
        for step in steps {
            all.push(all.last().unwrap() + step);
        }
        let data = times(&all, Effort::Quick);
        prop_assert_eq!(open_times(&data, all.len()).unwrap(), all);
    }

    #[test]
    fn ranges_come_back(all in vec(any::<(u64, u64)>(), 0..40)) {
        let set = RangeSet::from_ranges(all);
        prop_assert_eq!(open_ranges(&ranges(&set)).unwrap(), set);
    }

    #[test]
    fn rubbish_is_damage_and_never_a_panic(body in vec(any::<u8>(), 0..300), slots in 0usize..3_000) {
        // With a checksum that is right, so that what lies behind it is reached.
        let sealed = |beside: &[u8]| {
            let mut blob = Blob::default();
            blob.bytes.clone_from(&body);
            blob.seal(beside)
        };
        let summary = Summary { min: 0.0, max: 0.0, mean: 0.0, count: 4 };
        let _ = open_chunk(&sealed(&summary_bytes(&summary)), slots, &summary);
        let _ = open_times(&sealed(&length(slots).to_le_bytes()), slots);
        let _ = open_ranges(&sealed(&[]));
        let mut opened = Opened { rest: &body };
        let _ = opened.mask(slots).and_then(|_| opened.values(slots));
    }
}

fn wave(slots: u32) -> Vec<f64> {
    (0..slots).map(|at| (f64::from(at) / 9.0).sin().mul_add(30.0, 50.0).round() / 4.0).collect()
}

#[test]
fn cut_and_flipped_blobs_are_damage() {
    let values = wave(360);
    let summary = summary(&values);
    let sound = chunk(&values, None, &summary, Effort::Best);
    for cut in 0..sound.len() {
        assert_eq!(open_chunk(&sound[..cut], 360, &summary), Err(Damage), "cut at {cut}");
    }
    for at in 0..sound.len() {
        for bit in 0..8 {
            let mut flipped = sound.clone();
            flipped[at] ^= 1 << bit;
            assert_eq!(open_chunk(&flipped, 360, &summary), Err(Damage), "byte {at} bit {bit}");
        }
    }
    let times_ms: Vec<i64> = (0..100).map(|at| at * 5_000 + at % 3).collect();
    let sound = times(&times_ms, Effort::Best);
    for at in 0..sound.len() {
        let mut flipped = sound.clone();
        flipped[at] ^= 0x10;
        assert_eq!(open_times(&flipped, 100), Err(Damage), "byte {at}");
        assert_eq!(open_times(&sound[..at], 100), Err(Damage), "cut at {at}");
    }
}

#[test]
fn the_summary_is_covered_by_the_checksum() {
    let values = wave(100);
    let right = summary(&values);
    let data = chunk(&values, None, &right, Effort::Quick);
    assert_eq!(check_chunk(&data, &right), Ok(()));
    for wrong in [
        Summary { min: right.min - 1.0, ..right },
        Summary { max: right.max + 1.0, ..right },
        Summary { mean: right.mean + 0.5, ..right },
        Summary { count: right.count + 1, ..right },
    ] {
        assert_eq!(check_chunk(&data, &wrong), Err(Damage));
    }
}

#[test]
fn what_does_not_change_takes_no_room() {
    let values = vec![16e9; 1_440];
    let data = chunk(&values, None, &summary(&values), Effort::Best);
    assert!(data.len() <= 15, "{} bytes", data.len());
    let grid: Vec<i64> = (0..1_440).map(|at| 1_800_000_000_000 + at * 5_000).collect();
    let data = times(&grid, Effort::Best);
    assert!(data.len() <= 21, "{} bytes", data.len());
}
