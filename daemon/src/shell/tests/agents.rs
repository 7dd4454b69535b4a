//! Agents' connections: heartbeats and echoes, hostile frames, limits, revocation.

use systole_common::model::coded::Growing;
use systole_common::model::metric::{MetricKind, Unit};
use systole_common::wire::agent::{Declare, Live, SeriesDeclaration, SeriesValue};
use systole_common::wire::codec::decode;
use systole_common::wire::console::{HostRecord, HostsQuery};
use systole_common::wire::control::Echo;
use systole_common::wire::header::Header;
use systole_common::wire::hello::{CloseCode, Purpose, RefusalCode, StreamName, StreamOpen};
use systole_common::wire::kind::Kind;

use super::harness::{Daemon, accept, ask, beat, closed, frame, hello, open, raw, soon};
use crate::shell::clock;
use crate::shell::counters::rare;

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_is_echoed_and_unknown_frames_before_it_are_skipped() {
    let daemon = Daemon::start().await;
    let connection = daemon.agent("web-1").connect(Purpose::Main).await;
    let mut beats = open(&connection, StreamName::Heartbeat).await;
    beats.queue_encoded(&raw(250, &vec![9; 70_000])).unwrap();
    beats.queue_encoded(&raw(251, &[])).unwrap();
    beats.write(&beat(41)).await.unwrap();
    let mut control = accept(&connection, StreamName::Control).await;
    let echo: Echo = soon(control.expect()).await.unwrap();
    assert_eq!(echo.heartbeat_sequence, 41);
    assert_eq!(daemon.count(rare::FRAMES_SKIPPED), 2);
    assert_eq!(connection.close_reason(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_under_the_names_that_their_stream_declared() {
    let daemon = Daemon::start().await;
    let connection = daemon.agent("web-1").connect(Purpose::Main).await;
    let mut beats = open(&connection, StreamName::Heartbeat).await;
    let mut metrics = open(&connection, StreamName::Metrics).await;
    let series = |id, metric: &str, instance: &str| SeriesDeclaration {
        id,
        metric: metric.into(),
        instance: instance.into(),
        unit: Unit::Percent.into(),
        kind: MetricKind::Gauge.into(),
    };
    let declare = Declare {
        series: vec![
            series(1, "cpu_percent", ""),
            series(2, "disk_used_percent", "/a\u{1b}b"),
            series(3, "Bad Name", ""),
        ],
    };
    metrics.write(&declare).await.unwrap();
    let value = |id| SeriesValue { id, value: f64::from(id) };
    let live = Live {
        at: clock::clocks(),
        interval_ms: 1_000,
        values: vec![value(1), value(2), value(3), value(9)],
    };
    metrics.write(&live).await.unwrap();
    beats.write(&beat(1)).await.unwrap();
    let mut control = accept(&connection, StreamName::Control).await;
    soon(control.expect::<Echo>()).await.unwrap();
    let viewer = daemon.operator("viewer", "vera").connect(Purpose::Console).await;
    let record = soon(async {
        loop {
            let reply = ask(&viewer, &HostsQuery { hosts: vec!["web-1".into()] }).await;
            let record: HostRecord = decode(&reply[0].1).unwrap();
            if !record.series.is_empty() {
                return record;
            }
        }
    })
    .await;
    let found: Vec<_> = record
        .series
        .iter()
        .map(|one| (one.metric.as_str(), one.instance.as_str(), one.value))
        .collect();
    assert_eq!(found, [("cpu_percent", "", 1.0), ("disk_used_percent", "/a\\x1bb", 2.0)]);
    assert_eq!(record.labels, [("role".to_owned(), "\\x1b[31mdb".to_owned())]);
    assert_eq!(daemon.count(rare::SERIES_REFUSED), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_and_streams_end_the_connection_with_the_reason() {
    let daemon = Daemon::start().await;
    let agent = daemon.agent("web-1");
    let huge = |length| {
        let header = Header { kind: Kind::Heartbeat.number(), version: 1, flags: 0, length };
        header.to_bytes().to_vec()
    };
    let mut cut = frame(&beat(1));
    cut.truncate(cut.len() - 1);
    let mut other_version = frame(&beat(1));
    other_version[1] = 9;
    let mut trailing = frame(&beat(1))[8..].to_vec();
    trailing.push(0);
    for (bytes, expected) in [
        (huge(1_025), "claims 1025 bytes"),
        (huge(u32::MAX), "claims 4294967295 bytes"),
        (raw(250, &[0; 9])[..8].iter().copied().chain([]).collect(), "inside a frame"),
        (cut, "inside a frame"),
        (other_version, "protocol version 9"),
        (raw(Kind::Heartbeat.number(), &[0xff; 20]), "does not decode"),
        (raw(Kind::Heartbeat.number(), &trailing), "trailing bytes"),
        (raw(Kind::Live.number(), &[]), "does not belong on the heartbeat stream"),
    ] {
        let connection = agent.connect(Purpose::Main).await;
        let mut beats = open(&connection, StreamName::Heartbeat).await;
        beats.queue_encoded(&bytes).unwrap();
        beats.flush().await.unwrap();
        beats.stream().finish().unwrap();
        let (code, reason) = closed(&connection).await;
        assert_eq!(code, CloseCode::Protocol, "{reason}");
        assert!(reason.contains(expected), "{expected:?} is not in {reason:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_in_the_wrong_place_end_the_connection() {
    let daemon = Daemon::start().await;
    let agent = daemon.agent("web-1");
    let main = agent.connect(Purpose::Main).await;
    for (purpose, is_uni, names, expected) in [
        (Purpose::Main, true, &[StreamName::Heartbeat, StreamName::Heartbeat][..], "open already"),
        (Purpose::Main, true, &[StreamName::Messages], "wrong direction"),
        (Purpose::Main, true, &[StreamName::Control], "wrong direction"),
        (Purpose::Main, false, &[StreamName::Heartbeat], "wrong direction"),
        (Purpose::Main, false, &[StreamName::File], "does not belong on a main"),
        (Purpose::Bulk, true, &[StreamName::Heartbeat], "does not belong on a bulk"),
    ] {
        let connection = agent.connect(purpose).await;
        let mut streams = Vec::new();
        for name in names {
            if is_uni {
                streams.push(open(&connection, *name).await);
            } else {
                let (mut send, _) = connection.open_bi().await.unwrap();
                send.write_all(&frame(&StreamOpen { stream: (*name).into() })).await.unwrap();
            }
        }
        let (code, reason) = closed(&connection).await;
        assert_eq!(code, CloseCode::Protocol, "{reason}");
        assert!(reason.contains(expected), "{expected:?} is not in {reason:?}");
    }
    assert_eq!(main.close_reason(), None);
    let unknown = agent.connect(Purpose::Main).await;
    let mut stream = unknown.open_uni().await.unwrap();
    stream.write_all(&frame(&StreamOpen { stream: Growing::Unknown(50) })).await.unwrap();
    assert!(soon(stream.stopped()).await.is_ok(), "a newer stream is left unread");
    assert_eq!(unknown.close_reason(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_of_anything_ends_the_connection() {
    let daemon = Daemon::start().await;
    let agent = daemon.agent("web-1");
    let connection = agent.connect(Purpose::Main).await;
    for _ in 0..100 {
        let Ok(mut stream) = connection.open_uni().await else { break };
        let _ = stream.write_all(&[0]).await;
        let _ = stream.reset(0_u32.into());
    }
    let (code, reason) = closed(&connection).await;
    assert_eq!(code, CloseCode::Overload, "{reason}");
    let connection = agent.connect(Purpose::Main).await;
    let mut metrics = open(&connection, StreamName::Metrics).await;
    let values = (0..1_024).map(|id| SeriesValue { id, value: 0.1 }).collect();
    let filler = frame(&Live { at: clock::clocks(), interval_ms: 1_000, values });
    let flood = async {
        loop {
            if metrics.queue_encoded(&filler).is_err() || metrics.flush().await.is_err() {
                return;
            }
        }
    };
    soon(flood).await;
    let (code, reason) = closed(&connection).await;
    assert_eq!(code, CloseCode::Overload, "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_of_another_time_is_told_which_side_to_upgrade() {
    let daemon = Daemon::start().await;
    let agent = daemon.agent("web-1");
    for (least, most, expected) in
        [(2, 9, "upgrade the daemon"), (0, 0, "upgrade the peer"), (9, 1, "is empty")]
    {
        let mut hello = hello(Purpose::Main);
        (hello.version_min, hello.version_max) = (least, most);
        let (connection, answer) = agent.greet(&hello).await;
        let refusal = answer.refused.unwrap();
        assert_eq!(refusal.code, RefusalCode::Version.into());
        assert!(refusal.text.contains(expected), "{}", refusal.text);
        assert_eq!(answer.version, 0);
        assert_eq!(closed(&connection).await.0, CloseCode::Refused);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_connection_needs_its_main() {
    let daemon = Daemon::start().await;
    let agent = daemon.agent("web-1");
    let (connection, answer) = agent.greet(&hello(Purpose::Bulk)).await;
    assert_eq!(answer.refused.unwrap().code, RefusalCode::Instance.into());
    assert_eq!(closed(&connection).await.0, CloseCode::Refused);
    let _main = agent.connect(Purpose::Main).await;
    agent.connect(Purpose::Bulk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_is_cut_and_never_returns() {
    let daemon = Daemon::start().await;
    let agent = daemon.agent("web-1");
    let operator = daemon.operator("admin", "alex");
    let other = daemon.agent("web-2").connect(Purpose::Main).await;
    let connection = agent.connect(Purpose::Main).await;
    let console = operator.connect(Purpose::Console).await;
    let list = format!("\"sha256:{}\", \"{}\"", agent.fingerprint, operator.fingerprint);
    let begin = std::time::Instant::now();
    daemon.reload(&format!("tls.revoked = [{list}]")).await;
    for cut in [&connection, &console] {
        assert_eq!(closed(cut).await.0, CloseCode::Revoked);
    }
    assert!(begin.elapsed().as_millis() < 2_000);
    for client in [&agent, &operator] {
        // A client may believe in its connection until the daemon's refusal is there.
        let refused = match client.dial().await {
            Ok(connection) => soon(connection.closed()).await.to_string(),
            Err(text) => text,
        };
        assert!(refused.to_lowercase().contains("revoked"), "{refused}");
    }
    assert_eq!(other.close_reason(), None);
    assert!(daemon.count(rare::HANDSHAKES_REFUSED) >= 2);
}
