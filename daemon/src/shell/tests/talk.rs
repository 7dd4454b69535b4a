//! What is said between a host and the operators, over real connections: receipts after the commit,
//! each message once and in order over reconnects and restarts, and what too much comes to.

use bytes::Bytes;
use quinn::{Connection, RecvStream, SendStream};
use systole_common::ids::SpoolEpoch;
use systole_common::model::coded::Growing;
use systole_common::model::file::FileState;
use systole_common::net::framed::{FrameReader, FrameWriter};
use systole_common::time::UnixMs;
use systole_common::wire::codec::{Body, decode};
use systole_common::wire::console::Refused;
use systole_common::wire::control::{Ranges, Receipt, SequenceKind};
use systole_common::wire::file::{Decision, FilePage, FilesQuery, Offer, Withdraw};
use systole_common::wire::hello::{CloseCode, Purpose, RefusalCode, StreamName, StreamOpen};
use systole_common::wire::kind::Kind;
use systole_common::wire::talk::{
    Delivery, Message, MessageMarks, MessagePage, MessageRecord, MessagesQuery, Say,
};

use super::harness::{Client, Daemon, accept, ask, beat, closed, frame, open, raw, soon};

/// Hosts and operators may say what they like.
const FAST: &str = "[talk]\nrate = 1000000\nburst = 1000000\n";

/// An agent's main connection with its messages stream and its control stream.
struct Talker {
    connection: Connection,
    writer: FrameWriter,
    reader: FrameReader,
    control: FrameReader,
    _beats: FrameWriter,
}

impl Talker {
    /// Connects, and beats once so that the daemon knows the host.
    async fn connect(agent: &Client) -> Self {
        let connection = agent.connect(Purpose::Main).await;
        let mut beats = open(&connection, StreamName::Heartbeat).await;
        beats.write(&beat(1)).await.unwrap();
        let control = accept(&connection, StreamName::Control).await;
        let (writer, reader) = messages(&connection).await;
        Self { connection, writer, reader, control, _beats: beats }
    }

    async fn say(&mut self, sequence: u64, text: &str) {
        self.writer.write(&message(sequence, text)).await.unwrap();
    }

    /// Receipts of messages until they hold `sequence`.
    async fn receipted(&mut self, sequence: u64) {
        soon(async {
            loop {
                let (kind, body) = self.control.read().await.unwrap().unwrap();
                if kind != Kind::Receipt {
                    continue;
                }
                let receipt: Receipt = decode(&body).unwrap();
                let is_ours = receipt.kind == Growing::Known(SequenceKind::Messages);
                let mut ranges = receipt.ranges.0.iter();
                if is_ours && ranges.any(|(first, last)| (*first..=*last).contains(&sequence)) {
                    assert_eq!(receipt.epoch, SpoolEpoch(5));
                    return;
                }
            }
        })
        .await;
    }

    /// The next frame of its kind on the messages stream; decisions and deliveries may cross.
    async fn next<B: Body>(&mut self) -> B {
        soon(async {
            loop {
                let (kind, body) = self.reader.read().await.unwrap().unwrap();
                if kind == B::KIND {
                    return decode(&body).unwrap();
                }
            }
        })
        .await
    }

    async fn confirm(&mut self, epoch: SpoolEpoch, first: u64, last: u64) {
        let ranges = Ranges(vec![(first, last)]);
        let kind = SequenceKind::Messages.into();
        self.writer.write(&Receipt { kind, epoch, ranges }).await.unwrap();
    }
}

async fn messages(connection: &Connection) -> (FrameWriter, FrameReader) {
    let (send, receive): (SendStream, RecvStream) = connection.open_bi().await.unwrap();
    let mut writer = FrameWriter::new(send, 1);
    writer.write(&StreamOpen { stream: StreamName::Messages.into() }).await.unwrap();
    (writer, FrameReader::new(receive, 1))
}

fn message(sequence: u64, text: &str) -> Message {
    Message {
        sequence,
        time: UnixMs(0),
        user: "deploy".into(),
        to: "@web-1".into(),
        text: text.into(),
    }
}

fn offer(sequence: u64, size_bytes: u64) -> Offer {
    Offer {
        sequence,
        name: "core.dump".into(),
        size_bytes,
        blake3: [7; 32],
        content: String::new(),
        note: "from tonight".into(),
        user: "deploy".into(),
        time: UnixMs(0),
    }
}

fn line(to: &str, text: &str) -> Say {
    Say { to: to.into(), text: text.into(), hosts: Vec::new() }
}

/// The one message that a request was answered with.
fn said(frames: &[(Kind, Bytes)]) -> MessageRecord {
    assert_eq!(frames.last().map(|(kind, _)| *kind), Some(Kind::Done), "{frames:?}");
    let page: MessagePage = decode(&frames[0].1).unwrap();
    page.records[0].clone()
}

/// All that was said, oldest first, with who has it.
async fn history(console: &Connection) -> Vec<(MessageRecord, Vec<String>)> {
    let query = MessagesQuery { count_max: 10_000, ..MessagesQuery::default() };
    let mut all: Vec<(MessageRecord, Vec<String>)> = Vec::new();
    for (kind, body) in ask(console, &query).await {
        match kind {
            Kind::MessagePage => {
                let page: MessagePage = decode(&body).unwrap();
                all.extend(page.records.into_iter().map(|record| (record, Vec::new())));
            }
            Kind::MessageMarks => {
                let marks: MessageMarks = decode(&body).unwrap();
                let found = all.iter_mut().find(|(record, _)| record.number == marks.number);
                found.unwrap().1.extend(marks.delivered_to);
            }
            other => assert_eq!(other, Kind::Done),
        }
    }
    all.reverse();
    all
}

fn texts(history: &[(MessageRecord, Vec<String>)]) -> Vec<&str> {
    history.iter().map(|(record, _)| record.text.as_str()).collect()
}

/// The first refusal among the frames.
fn refusal(frames: &[(Kind, Bytes)]) -> (Growing<RefusalCode>, String) {
    let (kind, body) = frames.last().unwrap();
    assert_eq!(*kind, Kind::Refused);
    let refused: Refused = decode(body).unwrap();
    (refused.refusal.code, refused.refusal.text)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_says_is_kept_once_and_receipted() {
    let daemon = Daemon::start().await;
    let agent = daemon.agent("web-1");
    let mut talker = Talker::connect(&agent).await;
    let strange = "\u{1b}[31mhello\u{202e}";
    talker.say(4, strange).await;
    talker.say(5, "second").await;
    talker.receipted(5).await;
    talker.say(4, strange).await;
    talker.receipted(4).await;
    talker.connection.close(0_u32.into(), b"");
    let mut talker = Talker::connect(&agent).await;
    talker.say(5, "second").await;
    talker.say(6, "third").await;
    talker.receipted(6).await;
    let daemon = daemon.restart().await;
    let mut talker = Talker::connect(&daemon.agent("web-1")).await;
    talker.say(6, "third").await;
    talker.receipted(6).await;
    let viewer = daemon.operator("viewer", "vera").connect(Purpose::Console).await;
    let history = history(&viewer).await;
    assert_eq!(texts(&history), [strange, "second", "third"], "as sent, each once");
    let first = &history[0].0;
    assert_eq!((first.from.as_str(), first.to.as_str()), ("web-1/deploy", "@web-1"));
    assert_eq!(first.id, format!("web-1-{}-4", SpoolEpoch(5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_is_told_is_delivered_once_confirmed_also_over_a_reconnect() {
    let daemon = Daemon::start_with(FAST).await;
    let agent = daemon.agent("web-1");
    let mut talker = Talker::connect(&agent).await;
    let operator = daemon.operator("operator", "bo").connect(Purpose::Console).await;
    let record = said(&ask(&operator, &line("@web-1", "one")).await);
    assert_eq!((record.targets, record.delivered), (1, 0));
    let one: Delivery = talker.next().await;
    assert_eq!((one.from.as_str(), one.text.as_str()), ("bo", "one"));
    assert_eq!((one.id.as_str(), one.sequence), (record.id.as_str(), record.number));
    talker.connection.close(0_u32.into(), b"");
    said(&ask(&operator, &line("#all", "two")).await);
    let mut talker = Talker::connect(&agent).await;
    let again: Delivery = talker.next().await;
    assert_eq!(again, one, "nobody has confirmed it");
    talker.confirm(one.epoch, 1, one.sequence).await;
    let two: Delivery = talker.next().await;
    assert_eq!((two.text.as_str(), two.to.as_str()), ("two", "#all"));
    assert_eq!(texts(&delivered(&operator, 1).await), ["one", "two"]);
    let daemon = daemon.restart().await;
    let mut talker = Talker::connect(&daemon.agent("web-1")).await;
    assert_eq!(talker.next::<Delivery>().await, two, "the first is not told again");
    talker.confirm(two.epoch, two.sequence, two.sequence).await;
    let viewer = daemon.operator("viewer", "vera").connect(Purpose::Console).await;
    let history = delivered(&viewer, 2).await;
    assert!(history.iter().all(|(_, hosts)| hosts[..] == ["web-1"]));
}

/// All that was said, once so many deliveries are confirmed.
async fn delivered(console: &Connection, count: usize) -> Vec<(MessageRecord, Vec<String>)> {
    soon(async {
        loop {
            let history = history(console).await;
            if history.iter().map(|(_, hosts)| hosts.len()).sum::<usize>() == count {
                return history;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_messages_arrive_in_order_though_the_connection_breaks() {
    let daemon = Daemon::start_with(FAST).await;
    let agent = daemon.agent("web-1");
    drop(Talker::connect(&agent).await);
    let operator = daemon.operator("operator", "bo").connect(Purpose::Console).await;
    // Requests have a rate of their own, so that few are made of many words.
    let count = 40;
    for number in 0..count {
        said(&ask(&operator, &line("@web-1", &format!("{number}"))).await);
    }
    let mut got: Vec<Delivery> = Vec::new();
    let mut talker = Talker::connect(&agent).await;
    while got.len() < count {
        let delivery: Delivery = talker.next().await;
        if got.last().is_some_and(|last| delivery.sequence <= last.sequence) {
            continue;
        }
        let (epoch, sequence) = (delivery.epoch, delivery.sequence);
        got.push(delivery);
        if got.len().is_multiple_of(7) {
            talker.connection.close(0_u32.into(), b"");
            talker = Talker::connect(&agent).await;
        }
        talker.confirm(epoch, 1, sequence).await;
    }
    let texts: Vec<usize> = got.iter().map(|one| one.text.parse().unwrap()).collect();
    assert_eq!(texts, (0..count).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_long_ends_the_connection_with_the_reason() {
    let daemon = Daemon::start().await;
    let agent = daemon.agent("web-1");
    let mut talker = Talker::connect(&agent).await;
    talker.say(1, &"x".repeat(4_096)).await;
    talker.receipted(1).await;
    // What no honest program encodes: one byte more, in the same body.
    let mut body = frame(&message(2, &"x".repeat(4_096)))[8..].to_vec();
    let length = body.windows(2).rposition(|two| two == 4_096_u16.to_le_bytes());
    let at = length.expect("the length of the text stands before it");
    body.splice(at..at + 2, 4_097_u16.to_le_bytes());
    body.push(b'x');
    talker.writer.queue_encoded(&raw(Kind::Message.number(), &body)).unwrap();
    talker.writer.flush().await.unwrap();
    let (code, reason) = closed(&talker.connection).await;
    assert_eq!(code, CloseCode::Protocol, "{reason}");
    assert!(reason.contains("bytes in a text"), "{reason}");
    let viewer = daemon.operator("viewer", "vera").connect(Purpose::Console).await;
    assert_eq!(history(&viewer).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_says_ten_thousand_a_second_is_only_read_more_slowly() {
    let daemon = Daemon::start_with("[talk]\nrate = 20\nburst = 10\n").await;
    let agent = daemon.agent("web-1");
    let talker = Talker::connect(&agent).await;
    let Talker { connection, mut writer, reader: _reader, mut control, _beats: mut beats } = talker;
    // As fast as it can, whatever it is told.
    let flood = tokio::spawn(async move {
        for sequence in 1..=10_000 {
            if writer.write(&message(sequence, "again")).await.is_err() {
                return;
            }
        }
        std::future::pending::<()>().await;
    });
    let begun = std::time::Instant::now();
    let (mut echoed, mut sequence) = (0, 1);
    while begun.elapsed() < std::time::Duration::from_secs(2) {
        sequence += 1;
        beats.write(&beat(sequence)).await.unwrap();
        while echoed < sequence {
            let (kind, body) = soon(control.read()).await.unwrap().unwrap();
            if kind == Kind::Echo {
                echoed = decode::<systole_common::wire::control::Echo>(&body)
                    .unwrap()
                    .heartbeat_sequence;
            }
        }
    }
    assert_eq!(connection.close_reason(), None, "nothing is lost, heartbeats go on");
    let viewer = daemon.operator("viewer", "vera").connect(Purpose::Console).await;
    let count = history(&viewer).await.len();
    assert!((10..200).contains(&count), "{count} messages in two seconds");
    flood.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_messages_stream_is_opened_once_a_connection() {
    let daemon = Daemon::start().await;
    let mut talker = Talker::connect(&daemon.agent("web-1")).await;
    talker.say(1, "hello").await;
    talker.receipted(1).await;
    talker.writer.stream().finish().unwrap();
    assert_eq!(soon(talker.reader.read()).await, Ok(None), "the daemon ends its side as well");
    let (_writer, _reader) = messages(&talker.connection).await;
    let (code, reason) = closed(&talker.connection).await;
    assert_eq!(code, CloseCode::Protocol, "{reason}");
    assert!(reason.contains("was opened before"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_said_is_refused_with_the_next_step() {
    let daemon = Daemon::start_with("[talk]\nrate = 1\nburst = 2\n").await;
    let operator = daemon.operator("operator", "bo").connect(Purpose::Console).await;
    let (code, text) = refusal(&ask(&operator, &line("@nobody", "hello")).await);
    assert_eq!(code, Growing::Known(RefusalCode::NotFound), "{text}");
    assert!(text.contains("nobody") && text.contains("nothing was sent"), "{text}");
    let mut codes = Vec::new();
    for _ in 0..4 {
        let frames = ask(&operator, &line("#ops", "hello")).await;
        if frames[0].0 == Kind::Refused {
            codes.push(refusal(&frames));
        }
    }
    let (code, text) = &codes[0];
    assert_eq!(*code, Growing::Known(RefusalCode::Overload), "{text}");
    assert!(text.contains("talk.rate"), "{text}");
    daemon.reload(FAST).await;
    soon(async { while ask(&operator, &line("#ops", "now")).await[0].0 == Kind::Refused {} }).await;
    let viewer = daemon.operator("viewer", "vera").connect(Purpose::Console).await;
    let (code, _) = refusal(&ask(&viewer, &line("#ops", "hello")).await);
    assert_eq!(code, Growing::Known(RefusalCode::Role));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_answered_each_time_and_ends_when_it_is_withdrawn() {
    let daemon = Daemon::start().await;
    let agent = daemon.agent("web-1");
    let mut talker = Talker::connect(&agent).await;
    talker.writer.write(&offer(1, 41 << 10)).await.unwrap();
    let first: Decision = talker.next().await;
    assert_eq!(first.state, FileState::Offered.into(), "{}", first.reason);
    talker.writer.write(&offer(2, 2 << 30)).await.unwrap();
    let large: Decision = talker.next().await;
    assert_eq!((large.sequence, large.state), (2, FileState::Rejected.into()));
    assert!(large.reason.contains("files.max_size"), "{}", large.reason);
    talker.connection.close(0_u32.into(), b"");
    let mut talker = Talker::connect(&agent).await;
    let open: Decision = talker.next().await;
    assert_eq!((open.file, open.state), (first.file, first.state), "it is told what is open");
    talker.writer.write(&offer(1, 41 << 10)).await.unwrap();
    let again: Decision = talker.next().await;
    assert_eq!((again.file, again.state), (first.file, first.state), "it is the same offer");
    let reason = "its user ended it".to_owned();
    talker.writer.write(&Withdraw { sequence: 1, reason, has_failed: false }).await.unwrap();
    let over: Decision = talker.next().await;
    assert_eq!(over.state, FileState::Withdrawn.into());
    let daemon = daemon.restart().await;
    let viewer = daemon.operator("viewer", "vera").connect(Purpose::Console).await;
    let query = FilesQuery { count_max: 10, ..FilesQuery::default() };
    let frames = ask(&viewer, &query).await;
    let page: FilePage = decode(&frames[0].1).unwrap();
    let states: Vec<_> = page.records.iter().map(|one| (one.id, one.state)).collect();
    let rejected = (large.file, FileState::Rejected.into());
    assert_eq!(states, [rejected, (first.file, FileState::Withdrawn.into())]);
    assert_eq!(page.records[1].certificate, agent.fingerprint.to_string());
}
