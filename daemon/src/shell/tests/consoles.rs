//! Operators' connections: requests, limits, the feed and what a slow console does to it.

use systole_common::model::host::HostState;
use systole_common::net::framed::FrameWriter;
use systole_common::wire::codec::decode;
use systole_common::wire::console::{
    AuditPage, AuditQuery, ConnectionPage, ConnectionsQuery, Done, HostRecord, HostsQuery,
    LookingAt, Refused, Retire, Subscribe,
};
use systole_common::wire::feed::{FeedOperators, FeedSnapshot, FeedSummary, FeedTick};
use systole_common::wire::hello::{CloseCode, Purpose, RefusalCode, StreamName};
use systole_common::wire::kind::Kind;
use systole_common::wire::limits::LOOKING_AT_BYTES_MAX;

use super::harness::{Daemon, accept, ask, ask_raw, beat, closed, hello, open, raw, soon};
use crate::limits::{FEED_BYTES_MAX, FEED_FRAMES_MAX};
use crate::shell::counters::rare;
use crate::shell::feed_queue::Part;
use crate::shell::peers::Side;

const EVERYTHING: Subscribe = Subscribe { all: true, hosts: Vec::new() };

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_seen_its_connections_are_logged_and_it_can_be_retired() {
    let daemon = Daemon::start().await;
    let agent = daemon.agent("web-1").connect(Purpose::Main).await;
    let mut beats = open(&agent, StreamName::Heartbeat).await;
    for sequence in 1..=3 {
        beats.write(&beat(sequence)).await.unwrap();
    }
    let mut control = accept(&agent, StreamName::Control).await;
    while soon(control.expect::<systole_common::wire::control::Echo>())
        .await
        .unwrap()
        .heartbeat_sequence
        < 3
    {}
    let admin = daemon.operator("admin", "alex").connect(Purpose::Console).await;
    let reply = ask(&admin, &HostsQuery { hosts: Vec::new() }).await;
    assert_eq!(
        reply.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
        [Kind::HostRecord, Kind::Done]
    );
    let record: HostRecord = decode(&reply[0].1).unwrap();
    assert_eq!((record.host.as_str(), record.state), ("web-1", HostState::Online.into()));
    assert_eq!(record.agent_version.as_deref(), Some("test 1"));
    agent.close(1_u32.into(), b"off\x1b[2J duty");
    let log = soon(async {
        loop {
            let query = ConnectionsQuery { host: "web-1".into(), count_max: 10 };
            let reply = ask(&admin, &query).await;
            if reply[0].0 == Kind::ConnectionPage {
                let page: ConnectionPage = decode(&reply[0].1).unwrap();
                if page.records.len() == 2 {
                    return page.records;
                }
            }
        }
    })
    .await;
    assert!(!log[0].connected && log[1].connected, "newest first");
    assert_eq!(log[0].reason, "goodbye: off\\x1b[2J duty");
    assert!(log[0].address.starts_with("127.0.0.1:"));
    let reply = ask(&admin, &Retire { host: "web-1".into() }).await;
    assert_eq!(reply[0].0, Kind::HostRecord);
    let reply = ask(&admin, &HostsQuery { hosts: Vec::new() }).await;
    assert_eq!(decode::<Done>(&reply[0].1).unwrap().count, 0);
    let reply = ask(&admin, &AuditQuery { since: None, count_max: 1 }).await;
    let line = decode::<AuditPage>(&reply[0].1).unwrap().records.remove(0);
    assert_eq!((line.action.as_str(), line.operator.as_str()), ("retire", "alex"));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_make_no_sense_are_answered_or_end_the_connection() {
    let daemon = Daemon::start().await;
    let client = daemon.operator("viewer", "vera");
    let console = client.connect(Purpose::Console).await;
    let reply = ask_raw(&console, &raw(240, b"from the future")).await;
    let refused: Refused = decode(&reply[0].1).unwrap();
    assert_eq!(refused.refusal.code, RefusalCode::Invalid.into());
    assert!(refused.refusal.text.contains("upgrade the daemon"));
    let (mut send, _receive) = console.open_bi().await.unwrap();
    send.write_all(&raw(Kind::HostsQuery.number(), &[])).await.unwrap();
    let (code, reason) = closed(&console).await;
    assert_eq!(code, CloseCode::Protocol, "{reason}");
    let console = client.connect(Purpose::Console).await;
    open(&console, StreamName::Heartbeat).await;
    let (code, reason) = closed(&console).await;
    assert_eq!(code, CloseCode::Protocol, "{reason}");
    let console = client.connect(Purpose::Console).await;
    let (send, _receive) = console.open_bi().await.unwrap();
    let mut writer = FrameWriter::new(send, 1);
    let open = systole_common::wire::hello::StreamOpen { stream: StreamName::Request.into() };
    writer.write(&open).await.unwrap();
    writer.queue_encoded(&raw(Kind::HostsQuery.number(), &vec![0xff; 70_000])[..8]).unwrap();
    writer.flush().await.unwrap();
    let (code, reason) = closed(&console).await;
    assert_eq!(code, CloseCode::Protocol);
    assert!(reason.contains("claims 70000 bytes"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_consoles() {
    let daemon = Daemon::start_with("limits.consoles = 1").await;
    let first = daemon.operator("viewer", "vera").connect(Purpose::Console).await;
    let second = daemon.operator("admin", "alex");
    let (connection, answer) = second.greet(&hello(Purpose::Console)).await;
    let refusal = answer.refused.unwrap();
    assert_eq!(refusal.code, RefusalCode::Overload.into());
    assert!(refusal.text.contains("limits.consoles") && refusal.retry_after_ms > 0);
    assert_eq!(closed(&connection).await.0, CloseCode::Overload);
    assert_eq!(first.close_reason(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_begins_with_a_picture_and_ticks() {
    let daemon = Daemon::start().await;
    let _agent = daemon.agent("web-1").connect(Purpose::Main).await;
    let console = daemon.operator("viewer", "vera").connect(Purpose::Console).await;
    assert_eq!(ask(&console, &EVERYTHING).await[0].0, Kind::Done);
    let mut feed = accept(&console, StreamName::Feed).await;
    let snapshot: FeedSnapshot = soon(feed.expect()).await.unwrap();
    assert_eq!((snapshot.hosts, snapshot.after_overflow), (1, false));
    let mut kinds = Vec::new();
    while kinds.last() != Some(&Kind::FeedTick) {
        kinds.push(soon(feed.read()).await.unwrap().unwrap().0);
    }
    let picture = [
        Kind::FeedFacts,
        Kind::FeedSummary,
        Kind::FeedValues,
        Kind::FeedDetail,
        Kind::FeedOperators,
        Kind::FeedComplete,
    ];
    for kind in picture {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    // Subscribing again changes the feed and opens no second one.
    ask(&console, &Subscribe { all: false, hosts: vec!["web-1".into()] }).await;
    let (kind, _) = soon(feed.read()).await.unwrap().unwrap();
    assert_ne!(kind, Kind::StreamOpen);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_looks_at_is_shown_to_the_others_safely() {
    let daemon = Daemon::start().await;
    let vera = daemon.operator("viewer", "vera").connect(Purpose::Console).await;
    ask(&vera, &EVERYTHING).await;
    let mut feed = accept(&vera, StreamName::Feed).await;
    let mallory = daemon.operator("viewer", "mallory").connect(Purpose::Console).await;
    // Escaped it would be four times as long as it may be.
    let what = "\u{202e}".repeat(LOOKING_AT_BYTES_MAX / 3);
    assert_eq!(ask(&mallory, &LookingAt { what }).await[0].0, Kind::Done);
    ask(&mallory, &EVERYTHING).await;
    let told = soon(async {
        loop {
            let (kind, body) = feed.read().await.unwrap().unwrap();
            if kind == Kind::FeedOperators {
                let told: FeedOperators = decode(&body).unwrap();
                if told.operators.len() == 2 {
                    return told;
                }
            }
        }
    })
    .await;
    let names: Vec<_> = told.operators.iter().map(|one| one.operator.as_str()).collect();
    assert_eq!(names, ["vera", "mallory"], "in the order in which they came");
    let words = &told.operators[1].looking_at;
    assert!(words.starts_with("\\u{202e}") && words.len() <= LOOKING_AT_BYTES_MAX, "{words}");
    assert_eq!(told.own, told.operators[0].session);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_console_loses_events_and_gets_a_fresh_picture_and_others_do_not_wait() {
    let daemon = Daemon::start().await;
    let slow = daemon.operator("viewer", "slow").connect(Purpose::Console).await;
    ask(&slow, &EVERYTHING).await;
    let mut feed = accept(&slow, StreamName::Feed).await;
    let peer = daemon
        .running
        .context
        .peers
        .find(systole_common::ids::ConnectionId(1))
        .expect("the only connection");
    let Side::Console(side) = &peer.side else { panic!() };
    let event: crate::shell::feed_queue::Group = {
        let names = (0..200).map(|n| format!("{n:0200}")).collect();
        let summary = FeedSummary { hosts: Vec::new(), retired: names };
        std::sync::Arc::from([super::harness::frame(&summary).into_boxed_slice()])
    };
    // Far more than the queue, the stream's window and the send window hold together.
    let many = (FEED_BYTES_MAX + 8 * 1024 * 1024) / event[0].len();
    let mut overflowed = 0;
    for _ in 0..many {
        if !side.feed.push(&event, Part::Within) {
            overflowed += 1;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(overflowed, 1, "told once");
    assert!(side.feed.waiting() <= FEED_FRAMES_MAX);
    let other = daemon.operator("viewer", "quick").connect(Purpose::Console).await;
    assert_eq!(ask(&other, &HostsQuery { hosts: Vec::new() }).await[0].0, Kind::Done);
    let after = soon(async {
        loop {
            let (kind, body) = feed.read().await.unwrap().unwrap();
            if kind == Kind::FeedSnapshot {
                let snapshot: FeedSnapshot = decode(&body).unwrap();
                if snapshot.after_overflow {
                    return;
                }
            }
        }
    });
    after.await;
    soon(async { while feed.expect::<FeedTick>().await.is_err() {} }).await;
    assert_eq!(slow.close_reason(), None);
    assert!(daemon.count(rare::FEEDS_OVERFLOWED) <= 1);
}
