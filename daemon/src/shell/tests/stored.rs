//! Stored samples over real connections: receipts after the commit, live and late, and what is asked
//! of them afterwards, also over a restart.

use quinn::Connection;
use systole_common::ids::SpoolEpoch;
use systole_common::model::coded::Growing;
use systole_common::model::metric::{MetricKind, Unit};
use systole_common::net::framed::{FrameReader, FrameWriter};
use systole_common::time::UnixMs;
use systole_common::wire::agent::{Declare, Dropped, SeriesDeclaration, SeriesValue, Stored};
use systole_common::wire::codec::decode;
use systole_common::wire::console::Refused;
use systole_common::wire::control::{Ranges, Receipt, SequenceKind};
use systole_common::wire::hello::{Purpose, RefusalCode, StreamName};
use systole_common::wire::history::{
    HistoryPage, HistoryPoint, HistoryQuery, SeriesPage, SeriesQuery, StorageCleanUp, StoragePage,
    StorageQuery,
};
use systole_common::wire::kind::Kind;

use super::harness::{Daemon, accept, ask, beat, open, soon};
use crate::shell::clock;

const STEP_MS: i64 = 5_000;

/// A slot of the recent past: number 0 is an hour ago.
fn slot_ms(number: i64) -> i64 {
    let hour_ago = clock::wall().0 - 3_600_000;
    hour_ago - hour_ago.rem_euclid(3_600_000) + number * STEP_MS
}

fn stored(sequence: u64, slot_ms: i64, value: f64) -> Stored {
    Stored { sequence, slot_ms, interval_ms: 5_000, values: vec![SeriesValue { id: 1, value }] }
}

async fn metrics(connection: &Connection) -> FrameWriter {
    let mut metrics = open(connection, StreamName::Metrics).await;
    let load = SeriesDeclaration {
        id: 1,
        metric: "load1".into(),
        instance: String::new(),
        unit: Unit::None.into(),
        kind: MetricKind::Gauge.into(),
    };
    metrics.write(&Declare { series: vec![load] }).await.unwrap();
    metrics
}

/// Receipts until they hold `sequence`; the ranges of the last one.
async fn received(control: &mut FrameReader, sequence: u64) -> Vec<(u64, u64)> {
    soon(async {
        loop {
            let (kind, body) = control.read().await.unwrap().unwrap();
            if kind != Kind::Receipt {
                continue;
            }
            let receipt: Receipt = decode(&body).unwrap();
            assert_eq!(receipt.kind, Growing::Known(SequenceKind::Samples));
            assert_eq!(receipt.epoch, SpoolEpoch(5));
            let ranges = receipt.ranges.0;
            if ranges.iter().any(|(first, last)| (*first..=*last).contains(&sequence)) {
                return ranges;
            }
        }
    })
    .await
}

async fn history(daemon: &Daemon, step_ms: u64) -> Vec<HistoryPoint> {
    let viewer = daemon.operator("viewer", "vera").connect(Purpose::Console).await;
    let query = HistoryQuery {
        host: "web-1".into(),
        metric: "load1".into(),
        instance: String::new(),
        from: UnixMs(slot_ms(0)),
        to: UnixMs(slot_ms(12)),
        step_ms,
    };
    let frames = ask(&viewer, &query).await;
    assert_eq!(frames.last().map(|(kind, _)| *kind), Some(Kind::Done));
    let page: HistoryPage = decode(&frames[0].1).unwrap();
    page.points
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_receipted_is_there_once_also_after_a_restart() {
    let daemon = Daemon::start().await;
    let agent = daemon.agent("web-1");
    let main = agent.connect(Purpose::Main).await;
    let mut beats = open(&main, StreamName::Heartbeat).await;
    beats.write(&beat(1)).await.unwrap();
    let mut control = accept(&main, StreamName::Control).await;
    let mut live = metrics(&main).await;
    for sequence in [7, 8, 8] {
        let slot = slot_ms(i64::try_from(sequence).unwrap());
        live.write(&stored(sequence, slot, sequence as f64)).await.unwrap();
    }
    assert_eq!(received(&mut control, 8).await, [(7, 8)]);
    let bulk = agent.connect(Purpose::Bulk).await;
    let mut late = metrics(&bulk).await;
    for sequence in [5, 3, 7] {
        let slot = slot_ms(i64::try_from(sequence).unwrap());
        late.write(&stored(sequence, slot, sequence as f64)).await.unwrap();
    }
    let dropped = Dropped {
        kind: SequenceKind::Samples.into(),
        epoch: SpoolEpoch(5),
        ranges: Ranges(vec![(1, 2), (4, 4)]),
    };
    live.write(&dropped).await.unwrap();
    received(&mut control, 5).await;
    let values = |points: &[HistoryPoint]| points.iter().map(|one| one.mean).collect::<Vec<_>>();
    assert_eq!(values(&history(&daemon, 0).await), [3.0, 5.0, 7.0, 8.0]);
    let daemon = daemon.restart().await;
    assert_eq!(values(&history(&daemon, 0).await), [3.0, 5.0, 7.0, 8.0]);
    let points = history(&daemon, 60_000).await;
    assert_eq!((points.len(), points[0].count, points[0].mean), (1, 4, 5.75));
    let main = daemon.agent("web-1").connect(Purpose::Main).await;
    let mut control = accept(&main, StreamName::Control).await;
    let known = received(&mut control, 8).await;
    assert_eq!(known, [(1, 5), (7, 8)], "an agent is told on its hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_what_is_stored_and_only_admins_delete_it() {
    let daemon = Daemon::start().await;
    let main = daemon.agent("web-1").connect(Purpose::Main).await;
    let mut control = accept(&main, StreamName::Control).await;
    let mut live = metrics(&main).await;
    let old = clock::wall().0 - 3 * 86_400_000;
    live.write(&stored(1, old - old.rem_euclid(STEP_MS), 1.0)).await.unwrap();
    live.write(&stored(2, slot_ms(0), 2.0)).await.unwrap();
    received(&mut control, 2).await;
    let viewer = daemon.operator("viewer", "vera").connect(Purpose::Console).await;
    let reply = ask(&viewer, &SeriesQuery { hosts: Vec::new(), metric: None }).await;
    let series: SeriesPage = decode(&reply[0].1).unwrap();
    assert_eq!((series.records.len(), series.records[0].metric.as_str()), (1, "load1"));
    let before = UnixMs(clock::wall().0 - 86_400_000);
    let preview = ask(&viewer, &StorageQuery { host: None, before: Some(before) }).await;
    let preview: StoragePage = decode(&preview[0].1).unwrap();
    assert_eq!(preview.records[0].tiers[0].records, 1);
    let clean_up = StorageCleanUp { host: None, before };
    let reply = ask(&viewer, &clean_up).await;
    let refused: Refused = decode(&reply[0].1).unwrap();
    assert_eq!(refused.refusal.code, Growing::Known(RefusalCode::Role));
    let admin = daemon.operator("admin", "ada").connect(Purpose::Console).await;
    let reply = ask(&admin, &clean_up).await;
    let deleted: StoragePage = decode(&reply[0].1).unwrap();
    assert_eq!(deleted.records[0].tiers[0].records, 1);
    let reply = ask(&viewer, &StorageQuery { host: None, before: None }).await;
    let left: StoragePage = decode(&reply[0].1).unwrap();
    assert_eq!(left.records[0].tiers[0].records, 1);
    assert_eq!(left.records[0].received, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_questions_about_history_are_answered_with_the_reason() {
    let daemon = Daemon::start().await;
    let viewer = daemon.operator("viewer", "vera").connect(Purpose::Console).await;
    let good = HistoryQuery {
        host: "web-1".into(),
        metric: "load1".into(),
        instance: String::new(),
        from: UnixMs(0),
        to: UnixMs(1),
        step_ms: 0,
    };
    for (query, code) in [
        (good.clone(), RefusalCode::NotFound),
        (HistoryQuery { host: "../x".into(), ..good.clone() }, RefusalCode::NotFound),
        (HistoryQuery { metric: "A b".into(), ..good.clone() }, RefusalCode::Invalid),
        (HistoryQuery { to: UnixMs(0), ..good.clone() }, RefusalCode::Invalid),
    ] {
        let reply = ask(&viewer, &query).await;
        let refused: Refused = decode(&reply[0].1).unwrap();
        assert_eq!(refused.refusal.code, Growing::Known(code), "{}", refused.refusal.text);
    }
}
