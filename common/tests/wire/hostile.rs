//! The hostile twins of every golden frame: each is refused with a typed error, at once, in bounded memory.

use systole_common::ids::{InstanceId, SpoolEpoch};
use systole_common::model::coded::Growing;
use systole_common::time::UnixMs;
use systole_common::wire::agent::{Declare, Heartbeat, SeriesDeclaration};
use systole_common::wire::codec::{BodyFault, WireError, decode, decode_datagram, encode_frame};
use systole_common::wire::console::LookingAt;
use systole_common::wire::control::{Probe, Ranges, Receipt};
use systole_common::wire::every::{Made, decode_any};
use systole_common::wire::feed::{
    FeedFacts, FeedOperators, FeedValues, HostFacts, HostValues, OperatorPresence,
};
use systole_common::wire::header::{Header, Incoming};
use systole_common::wire::hello::{Hello, StreamOpen};
use systole_common::wire::history::{HistoryPage, HistoryPoint};
use systole_common::wire::kind::Kind;
use systole_common::wire::limits::{
    HEADER_BYTES, HISTORY_PAGE_POINTS_MAX, LABELS_MAX, LOOKING_AT_BYTES_MAX, PAGE_RECORDS_MAX,
    SKIP_BYTES_MAX,
};

use crate::samples::{VERSION, answer, frames, heartbeat, history_page, host_values};

fn body(frame: &[u8]) -> &[u8] {
    &frame[HEADER_BYTES..]
}

#[test]
fn a_body_cut_short_at_any_byte_is_refused() {
    for (kind, frame) in frames() {
        let body = body(&frame);
        for length in 0..body.len() {
            let made = decode_any(kind, &body[..length]);
            assert!(matches!(made, Made::Refused(_)), "{} cut at {length}", kind.as_str());
        }
    }
}

#[test]
fn a_trailing_byte_is_refused() {
    for (kind, frame) in frames() {
        let mut longer = body(&frame).to_vec();
        longer.push(0);
        let fault = WireError::Body { kind: kind.as_str(), reason: BodyFault::Trailing };
        assert_eq!(decode_any(kind, &longer), Made::Refused(fault));
    }
}

#[test]
fn a_huge_length_at_any_place_is_refused_without_taking_memory() {
    let lengths: [u64; 4] = [1 << 17, 1 << 31, 1 << 45, u64::MAX];
    for (kind, frame) in frames() {
        let body = body(&frame);
        for at in 0..body.len() {
            for length in lengths {
                let mut bomb = body[..at].to_vec();
                bomb.push(253);
                bomb.extend_from_slice(&length.to_le_bytes());
                bomb.extend_from_slice(&body[at..]);
                let _made = decode_any(kind, &bomb);
            }
        }
    }
}

#[test]
fn nine_bytes_that_claim_a_huge_text_are_refused() {
    let mut bomb = vec![1, 1, 253];
    bomb.extend_from_slice(&(1u64 << 45).to_le_bytes());
    let error = decode::<Hello>(&bomb).unwrap_err();
    assert_eq!(error, WireError::Body { kind: "hello", reason: BodyFault::Limit });
}

#[test]
fn claimed_frame_lengths_are_judged_before_a_byte_is_buffered() {
    for kind in Kind::ALL {
        let limit = kind.size().bytes_max();
        let header = |length| Header { kind: kind.number(), version: 1, flags: 0, length };
        assert_eq!(header(0).check(1), Ok(Incoming::Body(*kind, 0)));
        assert_eq!(header(limit).check(1), Ok(Incoming::Body(*kind, limit as usize)));
        for length in [limit + 1, u32::MAX] {
            assert!(matches!(header(length).check(1), Err(WireError::TooLong { .. })));
        }
    }
}

#[test]
fn unknown_kinds_are_skipped_up_to_a_limit() {
    let unknown = |length| Header { kind: 250, version: 1, flags: 0, length };
    assert_eq!(unknown(900).check(1), Ok(Incoming::Skip(250, 900)));
    assert!(unknown(SKIP_BYTES_MAX + 1).check(1).is_err());
}

#[test]
fn a_frame_of_another_version_is_refused() {
    for (_, frame) in frames() {
        let header = Header::from_bytes(frame[..HEADER_BYTES].try_into().unwrap());
        let error = header.check(header.version + 1).unwrap_err();
        assert!(matches!(error, WireError::Version { .. }));
    }
}

#[test]
fn unknown_members_of_lists_are_kept_as_unknown() {
    let open = StreamOpen { stream: Growing::Unknown(999) };
    let frame = encode_frame(0, &open).unwrap();
    assert_eq!(decode::<StreamOpen>(body(&frame)).unwrap(), open);
    let mut beat = heartbeat();
    beat.intent.kind = Growing::Unknown(u16::MAX);
    let frame = encode_frame(1, &beat).unwrap();
    let read = decode::<Heartbeat>(body(&frame)).unwrap();
    assert_eq!(read.intent.kind.known(), None);
    assert_eq!(read.intent.kind.to_string(), "unknown-65535");
}

#[test]
fn texts_that_are_not_utf8_are_refused() {
    let mut frame = encode_frame(0, &answer(None)).unwrap();
    let at = frame.windows(5).position(|window| window == b"mon-1").unwrap();
    frame[at] = 0xff;
    assert!(matches!(decode_any(Kind::HelloAnswer, body(&frame)), Made::Refused(_)));
}

#[test]
fn lists_over_their_limit_are_refused_on_both_sides() {
    let one = SeriesDeclaration {
        id: 1,
        metric: "a".into(),
        instance: String::new(),
        unit: Growing::Unknown(1),
        kind: Growing::Unknown(1),
    };
    let declare = Declare { series: vec![one; 1_025] };
    let error = encode_frame(VERSION, &declare).unwrap_err();
    assert!(matches!(error, WireError::TooMany { what: "series", count: 1_025, .. }));

    let mut body = vec![251, 1, 4];
    for _ in 0..1_025 {
        body.extend_from_slice(&[1, 1, b'a', 0, 1, 1]);
    }
    let error = decode::<Declare>(&body).unwrap_err();
    assert!(matches!(error, WireError::TooMany { what: "series", count: 1_025, .. }));
}

#[test]
fn what_consoles_say_and_see_of_each_other_is_bounded() {
    let longest = LookingAt { what: "x".repeat(LOOKING_AT_BYTES_MAX) };
    assert!(encode_frame(VERSION, &longest).is_ok());
    let longer = LookingAt { what: "x".repeat(LOOKING_AT_BYTES_MAX + 1) };
    let error = encode_frame(VERSION, &longer).unwrap_err();
    assert!(matches!(error, WireError::TooMany { kind: "looking-at", count: 129, .. }));
    // The same, sent by somebody who does not check.
    let mut body = vec![129];
    body.extend_from_slice(&[b'x'; 129]);
    let error = decode::<LookingAt>(&body).unwrap_err();
    assert!(matches!(error, WireError::TooMany { kind: "looking-at", count: 129, .. }));
    let one = |looking_at: String| OperatorPresence {
        session: u64::MAX,
        operator: "n".repeat(63),
        role: "operator".into(),
        since: UnixMs(i64::MAX),
        looking_at,
    };
    let many = |count| FeedOperators {
        operators: vec![one("x".repeat(LOOKING_AT_BYTES_MAX)); count],
        own: u64::MAX,
    };
    assert!(encode_frame(VERSION, &many(PAGE_RECORDS_MAX)).is_ok(), "a full page fits its frame");
    let error = encode_frame(VERSION, &many(PAGE_RECORDS_MAX + 1)).unwrap_err();
    assert!(matches!(error, WireError::TooMany { what: "operators", .. }));
    let told = FeedOperators { operators: vec![one("x".repeat(129))], own: 1 };
    assert!(encode_frame(VERSION, &told).is_err());
}

#[test]
fn pages_of_facts_and_values_are_bounded() {
    let widest = HostValues {
        host: "n".repeat(63),
        metrics_age_ms: Some(u64::MAX),
        steal_percent: Some(1.0),
        clock_offset_ms: Some(i64::MIN),
        ..host_values()
    };
    let values = |count| FeedValues { hosts: vec![widest.clone(); count] };
    assert!(encode_frame(VERSION, &values(PAGE_RECORDS_MAX)).is_ok(), "a full page fits its frame");
    assert!(encode_frame(VERSION, &values(PAGE_RECORDS_MAX + 1)).is_err());
    let facts = |labels, hosts| {
        let label = ("k".to_owned(), "v".to_owned());
        let one = HostFacts {
            host: "web-1".into(),
            certainty: None,
            agent_version: None,
            os: None,
            address: None,
            labels: vec![label; labels],
        };
        encode_frame(VERSION, &FeedFacts { hosts: vec![one; hosts] })
    };
    assert!(facts(LABELS_MAX, PAGE_RECORDS_MAX).is_ok());
    for error in [facts(LABELS_MAX + 1, 1), facts(0, PAGE_RECORDS_MAX + 1)] {
        assert!(matches!(error, Err(WireError::TooMany { kind: "feed-facts", .. })));
    }
}

#[test]
fn a_full_page_of_history_fits_its_frame_and_one_point_more_is_refused() {
    let point = HistoryPoint {
        at: UnixMs(i64::MIN),
        min: f64::MIN,
        max: f64::MAX,
        mean: -f64::MIN_POSITIVE,
        count: u64::MAX,
    };
    let mut page = history_page(vec![point; HISTORY_PAGE_POINTS_MAX]);
    let frame = encode_frame(VERSION, &page).unwrap();
    assert_eq!(decode::<HistoryPage>(body(&frame)).unwrap(), page);
    page.points.push(point);
    let error = encode_frame(VERSION, &page).unwrap_err();
    assert!(matches!(error, WireError::TooMany { what: "points", count: 1_025, .. }));
}

#[test]
fn ranges_must_be_ascending_apart_and_few() {
    let receipt = |ranges: Vec<(u64, u64)>| Receipt {
        kind: Growing::Unknown(1),
        epoch: SpoolEpoch(1),
        ranges: Ranges(ranges),
    };
    assert!(encode_frame(1, &receipt(vec![(1, 1), (3, 9)])).is_ok());
    for bad in [vec![(2, 1)], vec![(1, 5), (5, 9)], vec![(7, 9), (1, 2)], vec![(0, 0); 33]] {
        assert!(encode_frame(1, &receipt(bad.clone())).is_err(), "{bad:?}");
    }
}

#[test]
fn a_datagram_is_exactly_one_frame() {
    let frame = encode_frame(1, &Probe { nonce: 5 }).unwrap();
    assert_eq!(decode_datagram::<Probe>(1, &frame).unwrap().nonce, 5);
    let mut longer = frame.clone();
    longer.push(0);
    for bad in [&frame[..4], &frame[..frame.len() - 1], &longer] {
        assert!(decode_datagram::<Probe>(1, bad).is_err());
    }
    let beat = encode_frame(1, &heartbeat()).unwrap();
    assert!(matches!(decode_datagram::<Probe>(1, &beat), Err(WireError::Kind { .. })));
    assert_ne!(InstanceId(1), InstanceId(2));
}
