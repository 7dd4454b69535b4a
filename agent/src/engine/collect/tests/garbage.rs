//! No bytes make a parser panic, give a value that is no number, or break the bound on series.

use proptest::prelude::*;

use super::super::pressure::{PressureTracker, Resource};
use super::super::rates::{Tracker, per_second, percent};
use super::super::stat::CpuTracker;
use super::super::{Samples, block, load, meminfo, mounts, network, process, temperature};
use systole_common::model::metric::SERIES_PER_AGENT_MAX;

/// Bytes that look enough like `/proc` to get past the first word.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(b"cpu".to_vec()),
        Just(b"cpu7".to_vec()),
        Just(b"MemTotal:".to_vec()),
        Just(b"eth0:".to_vec()),
        Just(b"sda".to_vec()),
        Just(b"some".to_vec()),
        Just(b"total=7".to_vec()),
        Just(b"/".to_vec()),
        Just(b"/a\\04".to_vec()),
        Just(b"- ext4 /dev/sda".to_vec()),
        Just(b"18446744073709551615".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"1 (".to_vec()),
        Just(b") R".to_vec()),
        any::<u64>().prop_map(|number| number.to_string().into_bytes()),
        (0_u64..4).prop_map(|number| number.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(word, 0..120).prop_map(|words| words.join(&b' '))
}

proptest! {
    #[test]
    fn no_text_panics_or_gives_a_value_that_is_no_number(one in text(), two in text()) {
        let mut samples = Samples::default();
        let (mut cpu, mut disks, mut interfaces) =
            (CpuTracker::default(), Tracker::default(), Tracker::default());
        let mut pressure = PressureTracker::default();
        for (at_ns, bytes) in [(1, &one), (2, &two), (2, &one), (0, &two)] {
            cpu.sample(bytes, &mut samples);
            meminfo::sample(bytes, &mut samples);
            load::sample(bytes, &mut samples);
            load::sample_uptime(bytes, &mut samples);
            block::sample(bytes, at_ns, &mut disks, &mut samples);
            network::sample(bytes, at_ns, &mut interfaces, &mut samples);
            pressure.sample(Resource::Cpu, bytes, at_ns, &mut samples);
        }
        prop_assert!(samples.list().iter().all(|sample| sample.value.is_finite()));
        prop_assert!(samples.list().len() <= 4 * SERIES_PER_AGENT_MAX);
        let (host, own) = (mounts::parse(&one), mounts::parse(&two));
        mounts::choose(&host, &own, |_| true);
        mounts::choose(&host, &host, |_| true);
        process::parse(&one);
        prop_assert!(temperature::parse(&one).is_none_or(f64::is_finite));
        temperature::number_of(&two);
    }

    #[test]
    fn a_rate_is_finite_and_never_below_zero(then: u64, now: u64, elapsed_ns: u64) {
        let rate = per_second(then, now, elapsed_ns);
        prop_assert_eq!(rate.is_some(), now >= then && elapsed_ns > 0);
        prop_assert!(rate.is_none_or(|rate| rate.is_finite() && rate >= 0.0));
        let share = percent(then, now);
        prop_assert!(share.is_none_or(|share| (0.0..=100.0).contains(&share)));
    }
}
