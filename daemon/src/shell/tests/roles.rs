//! Every sender with every kind of frame: the role table over the wire, pair by pair.

use quinn::Connection;
use systole_common::ids::{AlertId, Role, SpoolEpoch};
use systole_common::model::coded::Growing;
use systole_common::role_table::{Sender, may_send};
use systole_common::time::UnixMs;
use systole_common::wire::agent::{Declare, Dropped, Live, Processes, Stored};
use systole_common::wire::codec::decode;
use systole_common::wire::console::{
    Ack, AlertTargets, AlertsQuery, AuditPage, AuditQuery, ConnectionsQuery, HostsQuery, LookingAt,
    Refused, Resolve, Retire, Subscribe, Unack,
};
use systole_common::wire::control::{Ranges, Receipt, SequenceKind};
use systole_common::wire::file::{Accept, Chunk, Fetch, FilesQuery, Offer, Reject, Withdraw};
use systole_common::wire::hello::{CloseCode, Purpose, RefusalCode, StreamName, StreamOpen};
use systole_common::wire::history::{HistoryQuery, SeriesQuery, StorageCleanUp, StorageQuery};
use systole_common::wire::kind::Kind;
use systole_common::wire::talk::{Message, MessagesQuery, Say};

use super::harness::{Daemon, ask, ask_raw, beat, closed, frame, hello, open, raw};
use crate::shell::clock;
use crate::shell::counters::rare;

/// A frame of `kind` with a body that makes sense where this version reads one.
fn sample(kind: Kind) -> Vec<u8> {
    let targets = AlertTargets { ids: vec![AlertId(999)], host: None };
    match kind {
        Kind::Heartbeat => frame(&beat(1)),
        Kind::Declare => frame(&Declare { series: Vec::new() }),
        Kind::Live => frame(&Live { at: clock::clocks(), interval_ms: 1_000, values: Vec::new() }),
        Kind::Stored => {
            frame(&Stored { sequence: 1, slot_ms: 0, interval_ms: 5_000, values: Vec::new() })
        }
        Kind::Dropped => frame(&Dropped {
            kind: SequenceKind::Samples.into(),
            epoch: SpoolEpoch(5),
            ranges: Ranges::default(),
        }),
        Kind::Processes => frame(&Processes { processes: Vec::new() }),
        Kind::Subscribe => frame(&Subscribe { all: false, hosts: Vec::new() }),
        Kind::HostsQuery => frame(&HostsQuery { hosts: Vec::new() }),
        Kind::ConnectionsQuery => frame(&ConnectionsQuery { host: "nobody".into(), count_max: 1 }),
        Kind::AlertsQuery => frame(&AlertsQuery { open_only: false, since: None, host: None }),
        Kind::AuditQuery => frame(&AuditQuery { since: None, count_max: 1 }),
        Kind::Ack => frame(&Ack { targets, note: String::new(), for_ms: 1_000 }),
        Kind::Unack => frame(&Unack { targets }),
        Kind::Resolve => frame(&Resolve { targets, note: String::new() }),
        Kind::Retire => frame(&Retire { host: "nobody".into() }),
        Kind::LookingAt => frame(&LookingAt { what: "fleet".into() }),
        Kind::SeriesQuery => frame(&SeriesQuery { hosts: Vec::new(), metric: None }),
        Kind::HistoryQuery => frame(&HistoryQuery {
            host: "nobody".into(),
            metric: "load1".into(),
            instance: String::new(),
            from: UnixMs(0),
            to: UnixMs(1),
            step_ms: 0,
        }),
        Kind::Message | Kind::Offer | Kind::Withdraw | Kind::Receipt | Kind::Chunk => said(kind),
        Kind::MessagesQuery => frame(&MessagesQuery::default()),
        Kind::Say => frame(&Say { to: "#ops".into(), text: "hello".into(), hosts: Vec::new() }),
        Kind::FilesQuery => frame(&FilesQuery::default()),
        Kind::Accept => frame(&Accept { file: 999 }),
        Kind::Reject => frame(&Reject { file: 999, why: String::new() }),
        Kind::Fetch => frame(&Fetch { file: 999 }),
        Kind::StorageQuery => frame(&StorageQuery { host: None, before: None }),
        Kind::StorageCleanUp => frame(&StorageCleanUp { host: None, before: UnixMs(0) }),
        other => raw(other.number(), &[]),
    }
}

/// What an agent says beside its metrics.
fn said(kind: Kind) -> Vec<u8> {
    match kind {
        Kind::Message => frame(&Message {
            sequence: 1,
            time: UnixMs(0),
            user: "deploy".into(),
            to: "#ops".into(),
            text: "hello".into(),
        }),
        Kind::Offer => frame(&Offer {
            sequence: 1,
            name: "../x".into(),
            size_bytes: 1,
            blake3: [0; 32],
            content: String::new(),
            note: String::new(),
            user: "deploy".into(),
            time: UnixMs(0),
        }),
        Kind::Withdraw => {
            frame(&Withdraw { sequence: 9, reason: String::new(), has_failed: false })
        }
        Kind::Receipt => frame(&Receipt {
            kind: SequenceKind::Messages.into(),
            epoch: SpoolEpoch(1),
            ranges: Ranges::default(),
        }),
        _ => frame(&Chunk { file: 999, offset: 0, length: 0, blake3: [0; 32] }),
    }
}

/// Sends `kind` on the stream that carries it, or on the heartbeat stream if none does.
async fn send_as_agent(connection: &Connection, kind: Kind) {
    let bytes = sample(kind);
    match kind {
        Kind::Declare | Kind::Live | Kind::Stored | Kind::Dropped | Kind::Processes => {
            let mut writer = open(connection, StreamName::Metrics).await;
            writer.queue_encoded(&bytes).unwrap();
            writer.flush().await.unwrap();
        }
        Kind::Message | Kind::Offer | Kind::Withdraw | Kind::Receipt => {
            send_both_ways(connection, StreamName::Messages, &bytes).await;
        }
        Kind::Chunk => send_both_ways(connection, StreamName::File, &bytes).await,
        Kind::ProbeAnswer => connection.send_datagram(bytes.into()).unwrap(),
        _ => {
            let mut writer = open(connection, StreamName::Heartbeat).await;
            writer.queue_encoded(&bytes).unwrap();
            writer.flush().await.unwrap();
            // Keeps the stream open until the daemon has judged the frame.
            std::mem::forget(writer);
        }
    }
}

async fn send_both_ways(connection: &Connection, stream: StreamName, bytes: &[u8]) {
    let (mut send, receive) = connection.open_bi().await.unwrap();
    send.write_all(&frame(&StreamOpen { stream: stream.into() })).await.unwrap();
    send.write_all(bytes).await.unwrap();
    drop((send, receive));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_may_send_what_the_table_says_and_nothing_else() {
    let daemon = Daemon::start().await;
    let agent = daemon.agent("web-1");
    let main = agent.connect(Purpose::Main).await;
    for kind in Kind::ALL.iter().copied() {
        let purpose = if kind == Kind::Chunk { Purpose::Bulk } else { Purpose::Main };
        let connection = agent.connect(purpose).await;
        let is_first = matches!(kind, Kind::Hello | Kind::StreamOpen);
        send_as_agent(&connection, kind).await;
        if may_send(Sender::Agent, kind) && !is_first {
            // Whatever the daemon does not like would have closed the connection before this.
            let (mut send, mut receive) = connection.open_bi().await.unwrap();
            send.write_all(&frame(&StreamOpen { stream: Growing::Unknown(99) })).await.unwrap();
            let _ = super::harness::soon(receive.read_to_end(10)).await;
            assert_eq!(connection.close_reason(), None, "{}", kind.as_str());
            connection.close(1_u32.into(), b"");
            continue;
        }
        let (code, reason) = closed(&connection).await;
        assert_eq!(code, CloseCode::Protocol, "{}: {reason}", kind.as_str());
        assert_eq!(reason.contains("may not send"), !is_first, "{}: {reason}", kind.as_str());
    }
    assert_eq!(main.close_reason(), None, "the others are not its fault");
    assert!(daemon.count(rare::FRAMES_REFUSED) > 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_may_ask_what_the_role_allows_and_refusals_are_in_the_trail() {
    let daemon = Daemon::start().await;
    for role in Role::ALL {
        let operator = daemon.operator(role.as_str(), "alex");
        let connection = operator.connect(Purpose::Console).await;
        let mut denied = 0;
        for kind in Kind::ALL.iter().copied() {
            let reply = ask_raw(&connection, &sample(kind)).await;
            let (last, body) = reply.last().expect("every request has a reply");
            let refused: Option<Refused> = (*last == Kind::Refused).then(|| decode(body).unwrap());
            let code = refused.as_ref().map(|refused| refused.refusal.code);
            let is_role = code == Some(RefusalCode::Role.into());
            let allowed = may_send(Sender::Operator(role), kind);
            assert_eq!(is_role, !allowed, "{role} {}: {refused:?}", kind.as_str());
            denied += u64::from(is_role);
        }
        assert_eq!(connection.close_reason(), None);
        assert_eq!(refused_lines(&connection, role).await, denied);
        connection.close(1_u32.into(), b"");
    }
}

/// Lines of the trail by this role that say `refused` for the role's sake.
async fn refused_lines(connection: &Connection, role: Role) -> u64 {
    let frames = ask(connection, &AuditQuery { since: None, count_max: 1_000 }).await;
    let pages = frames.iter().filter(|(kind, _)| *kind == Kind::AuditPage);
    let lines = pages.flat_map(|(_, body)| decode::<AuditPage>(body).unwrap().records);
    let is_ours = |line: &systole_common::wire::console::AuditRecord| {
        let by_role = line.reason.contains("needs role") || line.reason.contains("may not send");
        line.role == role.as_str() && line.outcome == "refused" && by_role
    };
    u64::try_from(lines.filter(is_ours).count()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_opens_only_its_own_kind_of_connection() {
    let daemon = Daemon::start().await;
    let agent = daemon.agent("web-1");
    let admin = daemon.operator("admin", "alex");
    for (client, purpose) in [
        (&agent, Growing::Known(Purpose::Console)),
        (&admin, Growing::Known(Purpose::Main)),
        (&admin, Growing::Known(Purpose::Bulk)),
        (&agent, Growing::Unknown(77)),
    ] {
        let mut hello = hello(Purpose::Main);
        hello.purpose = purpose;
        let (connection, answer) = client.greet(&hello).await;
        let refusal = answer.refused.unwrap();
        assert_eq!(refusal.code, RefusalCode::Role.into(), "{}", refusal.text);
        let (code, reason) = closed(&connection).await;
        assert_eq!((code, reason), (CloseCode::Refused, refusal.text));
    }
    assert_eq!(daemon.count(rare::HELLOS_REFUSED), 4);
}
