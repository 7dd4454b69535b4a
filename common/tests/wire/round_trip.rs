//! What is written is read, whatever the values; and random bytes never do harm.

use proptest::prelude::*;
use systole_common::ids::{BootId, InstanceId, SpoolEpoch};
use systole_common::model::coded::Growing;
use systole_common::wire::agent::{Live, SeriesValue};
use systole_common::wire::codec::{decode, encode_frame};
use systole_common::wire::console::NamedValue;
use systole_common::wire::every::{Made, decode_any};
use systole_common::wire::feed::{FeedFacts, FeedValues, HostFacts, HostValues};
use systole_common::wire::hello::{Clocks, Hello};
use systole_common::wire::kind::Kind;
use systole_common::wire::limits::{HEADER_BYTES, LARGE_BODY_BYTES_MAX};
use systole_common::wire::pages::{pages, split_host};

use crate::samples::{host_record, host_values};

fn clocks() -> impl Strategy<Value = Clocks> {
    (any::<u64>(), any::<u64>(), any::<i64>()).prop_map(|(mono_ns, boot_ns, wall_ms)| Clocks {
        mono_ns,
        boot_ns,
        wall_ms,
    })
}

fn hello() -> impl Strategy<Value = Hello> {
    let numbers = (any::<u8>(), any::<u8>(), any::<u16>(), any::<u64>(), any::<[u8; 16]>());
    let texts = (".{0,30}", ".{0,30}", prop::collection::vec((".{0,20}", ".{0,20}"), 0..32));
    (numbers, texts, clocks()).prop_map(|(numbers, texts, clocks)| Hello {
        version_min: numbers.0,
        version_max: numbers.1,
        software: texts.0,
        purpose: Growing::from_code(numbers.2),
        instance: InstanceId(numbers.3),
        boot_id: BootId(numbers.4),
        spool_epoch: SpoolEpoch(numbers.3),
        clocks,
        os: texts.1,
        labels: texts.2,
    })
}

proptest! {
    #[test]
    fn hellos_come_back_as_they_were(hello in hello()) {
        let frame = encode_frame(0, &hello).unwrap();
        prop_assert_eq!(decode::<Hello>(&frame[HEADER_BYTES..]).unwrap(), hello);
    }

    #[test]
    fn samples_come_back_bit_for_bit(
        at in clocks(), interval_ms in any::<u32>(),
        raw in prop::collection::vec((any::<u32>(), any::<u64>()), 0..1_024),
    ) {
        let values = raw.iter().map(|(id, bits)| SeriesValue { id: *id, value: f64::from_bits(*bits) });
        let live = Live { at, interval_ms, values: values.collect() };
        let frame = encode_frame(1, &live).unwrap();
        let read = decode::<Live>(&frame[HEADER_BYTES..]).unwrap();
        let bits: Vec<_> = read.values.iter().map(|one| (one.id, one.value.to_bits())).collect();
        prop_assert_eq!(bits, raw);
    }

    #[test]
    fn random_bytes_are_refused_or_read_and_written_alike(
        number in any::<u8>(), body in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        if let Some(kind) = Kind::from_number(number)
            && let Made::Message(written) = decode_any(kind, &body)
        {
            prop_assert_eq!(decode_any(kind, &written), Made::Message(written));
        }
    }

    #[test]
    fn a_host_of_any_size_travels_in_frames_below_the_limit(
        series in prop::collection::vec(("[a-z]{1,60}", ".{0,60}", any::<f64>()), 0..1_024),
    ) {
        let named = |(metric, instance, value): &(String, String, f64)| NamedValue {
            metric: metric.clone(), instance: instance.clone(), value: *value,
        };
        let mut record = host_record();
        record.series = series.iter().map(named).collect();
        let all = record.series.len();
        let (first, rest) = split_host(record);
        prop_assert!(encode_frame(1, &first).unwrap().len() <= LARGE_BODY_BYTES_MAX as usize);
        prop_assert_eq!(first.more, !rest.is_empty());
        let mut joined = first.series.len();
        for (index, page) in rest.iter().enumerate() {
            prop_assert!(encode_frame(1, page).is_ok());
            prop_assert_eq!(page.more, index + 1 < rest.len());
            joined += page.series.len();
        }
        prop_assert_eq!(joined, all);
    }

    #[test]
    fn pages_lose_nothing(texts in prop::collection::vec(".{0,400}", 0..700)) {
        let joined: Vec<String> = pages(texts.clone()).into_iter().flatten().collect();
        prop_assert_eq!(joined, texts);
    }

    #[test]
    fn values_come_back_as_they_were(
        raw in prop::collection::vec((".{0,60}", any::<Option<f32>>(), any::<Option<i64>>()), 0..256),
    ) {
        let of = |(host, value, offset): &(String, Option<f32>, Option<i64>)| HostValues {
            host: host.clone(),
            rx_bytes_per_s: *value,
            uptime_s: *value,
            clock_offset_ms: *offset,
            ..host_values()
        };
        let values = FeedValues { hosts: raw.iter().map(of).collect() };
        let frame = encode_frame(1, &values).unwrap();
        prop_assert_eq!(decode::<FeedValues>(&frame[HEADER_BYTES..]).unwrap(), values);
    }

    #[test]
    fn facts_with_the_largest_labels_travel_in_frames_below_the_limit(
        sizes in prop::collection::vec((0_usize..=32, 0_usize..=128), 0..300),
    ) {
        let of = |(count, bytes): &(usize, usize)| HostFacts {
            host: "n".repeat(63),
            certainty: None,
            agent_version: Some("v".repeat(128)),
            os: Some("o".repeat(128)),
            address: Some("a".repeat(128)),
            labels: vec![("k".repeat(*bytes), "v".repeat(*bytes)); *count],
        };
        let all: Vec<HostFacts> = sizes.iter().map(of).collect();
        let mut joined = Vec::new();
        for hosts in pages(all.clone()) {
            let frame = encode_frame(1, &FeedFacts { hosts }).unwrap();
            joined.extend(decode::<FeedFacts>(&frame[HEADER_BYTES..]).unwrap().hosts);
        }
        prop_assert_eq!(joined, all);
    }
}
