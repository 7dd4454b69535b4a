//! What operators say, who gets it, and what everybody is told of it.

use std::time::Duration;

use systole_common::ids::{Role, SpoolEpoch};
use systole_common::model::message::Place;
use systole_common::wire::console::{Retire, Subscribe};
use systole_common::wire::control::{Ranges, Receipt, SequenceKind};
use systole_common::wire::feed::FeedComplete;
use systole_common::wire::hello::RefusalCode;
use systole_common::wire::talk::{FeedMarks, MessageMarks, MessageRecord, MessagesQuery, Say};
use systole_daemon::engine::effect::{FeedFrame, Query, Reply};
use systole_daemon::engine::input::{Gone, Input, Request};
use systole_daemon::engine::settings::{Settings, TalkSettings};

use crate::sim::{CONSOLE, SECOND, Sim, TALK_EPOCH};

/// The life of the agents' spools.
pub(crate) const SPOOL: SpoolEpoch = SpoolEpoch(5);

impl Sim {
    /// Three hosts that listen, and an operator.
    pub(crate) fn talking() -> Self {
        Self::talking_with(TalkSettings::default())
    }

    pub(crate) fn talking_with(talk: TalkSettings) -> Self {
        let mut sim = Self::with(Settings { talk, ..Settings::default() });
        sim.open_console(Role::Operator);
        for name in ["web-1", "web-2", "web-3"] {
            sim.start(name);
            sim.listen(name);
        }
        sim.advance(10 * SECOND);
        sim
    }

    /// The agent opens its messages stream and says up to which number it has everything.
    pub(crate) fn listen_from(&mut self, name: &str, highest: u64) {
        let connection = self.agents[name].connection;
        self.give(Input::MessagesOpen { connection, epoch: SPOOL });
        if highest > 0 {
            self.confirm(name, &[(1, highest)]);
        }
    }

    /// The agent, which never got a message, opens its messages stream.
    pub(crate) fn listen(&mut self, name: &str) {
        self.listen_from(name, 0);
    }

    /// The agent has these numbers on its disk.
    pub(crate) fn confirm(&mut self, name: &str, ranges: &[(u64, u64)]) {
        let connection = self.agents[name].connection;
        let (kind, ranges) = (SequenceKind::Messages.into(), Ranges(ranges.to_vec()));
        let receipt = Receipt { kind, epoch: TALK_EPOCH, ranges };
        self.give(Input::Delivered { connection, receipt });
    }

    pub(crate) fn say_to(&mut self, to: &str, text: &str, hosts: &[&str]) -> Reply {
        let hosts = hosts.iter().map(ToString::to_string).collect();
        let (to, text) = (to.to_owned(), text.to_owned());
        self.ask(Request::Say(Box::new(Say { to, text, hosts })))
    }

    /// An operator speaks.
    pub(crate) fn say(&mut self, to: &str, text: &str) -> MessageRecord {
        match self.say_to(to, text, &[]) {
            Reply::Message(record, _) => *record,
            other => panic!("{other:?}"),
        }
    }

    /// An operator speaks and is refused: why, and how long to wait.
    pub(crate) fn unsaid(&mut self, to: &str, text: &str) -> (RefusalCode, String, u32) {
        match self.say_to(to, text, &[]) {
            Reply::Refused(no) => (no.code.known().unwrap(), no.text, no.retry_after_ms),
            other => panic!("{other:?}"),
        }
    }

    /// The numbers that were sent to an agent on its connection since the last call.
    pub(crate) fn sent_to(&mut self, name: &str) -> Vec<u64> {
        let connection = self.agents[name].connection;
        let of_agent = self.deliveries.extract_if(.., |(to, _)| *to == connection);
        of_agent.map(|(_, delivery)| delivery.sequence).collect()
    }

    /// The connection of an agent breaks.
    pub(crate) fn cut(&mut self, name: &str) {
        let connection = self.agents[name].connection;
        self.agents.get_mut(name).unwrap().accepted = false;
        self.gone(connection, Gone::TimedOut);
    }

    pub(crate) fn marks(&self, number: u64) -> String {
        self.disk.said.marks(number)
    }

    pub(crate) fn watch_feed(&mut self) {
        let none = Subscribe { all: false, hosts: Vec::new() };
        assert!(matches!(self.ask(Request::Subscribe(none)), Reply::Done));
        self.feed.clear();
    }
}

#[test]
fn a_message_reaches_its_host_and_is_delivered_when_its_disk_has_it() {
    let mut sim = Sim::talking();
    let record = sim.say("@web-2", "look at /var, please");
    assert_eq!(record.id, format!("mon-1-{TALK_EPOCH}-1"));
    assert_eq!((record.from.as_str(), record.to.as_str()), ("alex", "@web-2"));
    assert_eq!((record.targets, record.delivered, record.failed), (1, 0, 0));
    let (connection, delivery) = sim.deliveries.remove(0);
    assert_eq!(connection, sim.agents["web-2"].connection);
    assert!(sim.deliveries.is_empty(), "nobody else gets it");
    assert_eq!((delivery.epoch, delivery.sequence), (TALK_EPOCH, 1));
    assert_eq!((delivery.id, delivery.from), (record.id, record.from));
    assert_eq!((delivery.to.as_str(), delivery.text.as_str()), ("@web-2", "look at /var, please"));
    assert_eq!(sim.marks(1), "waits web-2 | has | never", "sent is not delivered");
    sim.confirm("web-2", &[(1, 1)]);
    assert_eq!(sim.marks(1), "waits | has web-2 | never");
    sim.confirm("web-2", &[(1, 1)]);
    assert_eq!(sim.marks(1), "waits | has web-2 | never", "a duplicate receipt says nothing new");
}

#[test]
fn places_decide_who_gets_it() {
    let mut sim = Sim::talking();
    assert_eq!(sim.say("#all", "maintenance in ten minutes").targets, 3);
    assert_eq!(sim.say("#ops", "who has the pager?").targets, 0);
    assert!(matches!(
        sim.say_to("{role=web}", "you two", &["web-3", "web-1", "web-3"]),
        Reply::Message(record, _) if record.targets == 2
    ));
    assert_eq!(sim.marks(1), "waits web-1 web-2 web-3 | has | never");
    assert_eq!(sim.marks(2), "waits | has | never");
    assert_eq!(sim.marks(3), "waits web-1 web-3 | has | never");
    assert_eq!(sim.sent_to("web-1"), [1, 3]);
    assert_eq!(sim.sent_to("web-2"), [1]);
}

#[test]
fn what_cannot_be_sent_is_refused_with_a_reason_and_nothing_is_sent() {
    let mut sim = Sim::talking();
    let before = sim.disk.said.messages.len();
    let (code, text, _) = sim.unsaid("@web-9", "hello?");
    assert_eq!(code, RefusalCode::NotFound);
    assert!(text.contains("no host is named \"web-9\"") && text.contains("nothing was sent"));
    for (to, words, part) in [
        ("@../x", "x", "use #all"),
        ("web-1", "x", "use #all"),
        ("{cpu>}", "x", "does not read"),
        ("@web-1", " \n\t ", "empty"),
        ("@web-1", &"x".repeat(4_097), "4097 bytes"),
    ] {
        let (code, text, _) = sim.unsaid(to, words);
        assert_eq!(code, RefusalCode::Invalid, "{to}");
        assert!(text.contains(part), "{text}");
    }
    let one_gone = sim.say_to("{role=web}", "x", &["web-1", "web-9"]);
    assert!(matches!(one_gone, Reply::Refused(no) if no.text.contains("web-9")));
    let nobody = sim.say_to("{role=mail}", "x", &[]);
    assert!(matches!(nobody, Reply::Refused(no) if no.text.contains("finds no host")));
    sim.give(Input::StoreRefusing(true));
    let (code, text, _) = sim.unsaid("@web-1", "x");
    assert_eq!(code, RefusalCode::Storage);
    assert!(text.contains("nothing was sent"), "{text}");
    assert_eq!(sim.disk.said.messages.len(), before);
    assert!(sim.deliveries.is_empty());
}

#[test]
fn texts_are_kept_and_sent_as_they_were_typed() {
    let mut sim = Sim::talking();
    let text = "\u{1b}[2J \u{202e}evil\u{200b} \r\n  kept  ";
    assert_eq!(sim.say("@web-1", text).text, text);
    assert_eq!(sim.deliveries[0].1.text, text);
    assert_eq!(sim.disk.said.messages[&1].row.text, text);
}

#[test]
fn who_talks_too_fast_is_told_for_how_long_to_wait() {
    let mut sim = Sim::talking();
    for _ in 0..20 {
        sim.say("#ops", "x");
    }
    let (code, text, wait_ms) = sim.unsaid("#ops", "x");
    assert_eq!(code, RefusalCode::Overload);
    assert!(text.contains("talk.rate") && text.contains("nothing was sent"), "{text}");
    assert!((1..=201).contains(&wait_ms), "{wait_ms}");
    sim.advance(Duration::from_millis(wait_ms.into()));
    sim.say("#ops", "now it goes");
    assert_eq!(sim.unsaid("#ops", "x").0, RefusalCode::Overload, "not two");
    let talk = TalkSettings { rate_per_s: 1_000.0, burst: 50.0, ..TalkSettings::default() };
    sim.reload(Settings { talk, ..Settings::default() });
    sim.advance(SECOND);
    for _ in 0..50 {
        sim.say("#ops", "settings hold at once");
    }
    assert_eq!(sim.disk.said.messages.len(), 71);
}

#[test]
fn a_host_that_is_away_gets_everything_on_return_in_order_once() {
    let mut sim = Sim::talking();
    sim.cut("web-1");
    for text in ["one", "two", "three"] {
        sim.say("@web-1", text);
        sim.advance(SECOND);
    }
    assert!(sim.deliveries.is_empty());
    sim.restart_daemon(SECOND, SECOND);
    sim.open_console(Role::Operator);
    sim.advance(SECOND);
    assert!(sim.deliveries.is_empty(), "not before its messages stream is open");
    sim.listen("web-1");
    let texts = sim.deliveries.iter().map(|(_, one)| one.text.as_str()).collect::<Vec<_>>();
    assert_eq!(texts, ["one", "two", "three"]);
    assert_eq!(sim.sent_to("web-1"), [1, 2, 3]);
    sim.confirm("web-1", &[(1, 2)]);
    sim.cut("web-1");
    sim.connect("web-1");
    // It has the third as well; only the receipt was lost.
    sim.listen_from("web-1", 3);
    sim.say("@web-1", "four");
    assert_eq!(sim.marks(3), "waits | has web-1 | never");
    assert_eq!(sim.sent_to("web-1").last(), Some(&4));
}

#[test]
fn a_newer_stream_is_sent_everything_that_is_not_confirmed() {
    let mut sim = Sim::talking();
    sim.say("@web-1", "one");
    sim.say("@web-1", "two");
    let old = sim.agents["web-1"].connection;
    assert_eq!(sim.sent_to("web-1"), [1, 2]);
    sim.connect("web-1");
    sim.say("@web-1", "three");
    assert_eq!(sim.deliveries.remove(0).0, old, "the newest with an open stream");
    sim.listen("web-1");
    assert_eq!(sim.sent_to("web-1"), [1, 2, 3]);
    // A receipt that comes late on the old one counts all the same.
    let (kind, ranges) = (SequenceKind::Messages.into(), Ranges(vec![(1, 3)]));
    let receipt = Receipt { kind, epoch: TALK_EPOCH, ranges };
    sim.give(Input::Delivered { connection: old, receipt });
    assert_eq!(sim.marks(3), "waits | has web-1 | never");
    // The newer one breaks: the older one is used again.
    sim.cut("web-1");
    sim.say("@web-1", "four");
    assert_eq!(sim.deliveries.remove(0).0, old);
}

#[test]
fn a_feed_is_told_of_each_message_and_each_mark() {
    let mut sim = Sim::talking();
    sim.watch_feed();
    sim.say("#all", "hello");
    sim.confirm("web-1", &[(1, 1)]);
    sim.confirm("web-3", &[(1, 1)]);
    match sim.feed.as_slice() {
        [FeedFrame::Message(said), FeedFrame::Marks(first), FeedFrame::Marks(second)] => {
            assert!(said.is_new && said.record.targets == 3);
            let web_1 = vec!["web-1".to_owned()];
            let expected = FeedMarks {
                number: 1,
                delivered: 1,
                failed: 0,
                delivered_to: web_1,
                failed_to: vec![],
            };
            assert_eq!(*first, expected);
            assert_eq!(
                (second.delivered, second.delivered_to.as_slice()),
                (2, &["web-3".to_owned()][..])
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_picture_has_the_newest_messages_with_their_marks() {
    let talk = TalkSettings { rate_per_s: 1e6, burst: 1e6, ..TalkSettings::default() };
    let mut sim = Sim::talking_with(talk);
    for count in 0..300 {
        sim.say("@web-1", &format!("message {count}"));
        sim.confirm("web-1", &[(count + 1, count + 1)]);
    }
    sim.restart_daemon(SECOND, SECOND);
    sim.open_console(Role::Viewer);
    let none = Subscribe { all: false, hosts: Vec::new() };
    assert!(matches!(sim.ask(Request::Subscribe(none)), Reply::Done));
    let mut shown = Vec::new();
    for frame in &sim.feed {
        match frame {
            FeedFrame::Message(said) => {
                assert!(!said.is_new);
                assert_eq!((said.record.delivered, said.record.targets), (1, 1));
                shown.push(said.record.number);
            }
            FeedFrame::Marks(marks) => {
                assert_eq!(shown.last(), Some(&marks.number));
                assert_eq!(marks.delivered_to, ["web-1"]);
            }
            FeedFrame::Complete(FeedComplete { picture }) => assert_eq!(*picture, 1),
            _ => {}
        }
    }
    assert_eq!(shown, (45..=300).collect::<Vec<u64>>(), "the newest last");
    assert!(matches!(sim.feed.last(), Some(FeedFrame::Complete(_))));
}

#[test]
fn a_retired_host_gets_nothing_and_the_marks_say_so() {
    let mut sim = Sim::talking();
    sim.give(Input::ConsoleGone { session: CONSOLE });
    sim.open_console(Role::Admin);
    sim.cut("web-1");
    sim.say("#all", "one");
    sim.confirm("web-2", &[(1, 1)]);
    sim.watch_feed();
    assert!(matches!(sim.ask(Request::Retire(Retire { host: "web-1".into() })), Reply::Hosts(_)));
    assert_eq!(sim.marks(1), "waits web-3 | has web-2 | never web-1");
    let told = sim.feed.iter().any(|frame| {
        matches!(frame, FeedFrame::Marks(marks) if marks.failed_to == ["web-1"] && marks.failed == 1)
    });
    assert!(told);
    sim.connect("web-1");
    sim.listen("web-1");
    assert!(sim.sent_to("web-1").is_empty(), "the new host under the name has no old mail");
    sim.say("@web-1", "welcome");
    assert_eq!(sim.sent_to("web-1"), [2]);
}

#[test]
fn the_reply_to_a_message_names_those_that_will_never_get_it() {
    let talk = TalkSettings { waiting_max: 2, ..TalkSettings::default() };
    let mut sim = Sim::talking_with(talk);
    sim.cut("web-2");
    sim.say("@web-2", "one");
    sim.say("@web-2", "two");
    match sim.say_to("#all", "three", &[]) {
        Reply::Message(record, marks) => {
            assert_eq!((record.targets, record.delivered, record.failed), (3, 0, 1));
            let never = vec!["web-2".to_owned()];
            let expected = MessageMarks { number: 3, delivered_to: vec![], failed_to: never };
            assert_eq!(marks, [expected]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(sim.marks(3), "waits web-1 web-3 | has | never web-2");
    sim.connect("web-2");
    sim.listen("web-2");
    assert_eq!(sim.sent_to("web-2"), [1, 2]);
    sim.confirm("web-2", &[(1, 2)]);
    sim.say("@web-2", "there is room again");
    assert_eq!(sim.sent_to("web-2"), [4]);
}

#[test]
fn what_is_asked_of_old_messages_goes_to_the_store() {
    let mut sim = Sim::talking();
    let query = MessagesQuery {
        place: Some("@web-1".into()),
        words: " disk  FULL ".into(),
        count_max: 1_000_000,
        ..MessagesQuery::default()
    };
    sim.give(Input::Request { session: CONSOLE, request: 8, body: Request::Messages(query) });
    match sim.queries.pop() {
        Some(Query::Messages { place: Some(Place::Host(host)), words, count_max, .. }) => {
            assert_eq!((host.as_str(), count_max), ("web-1", 10_000));
            assert_eq!(words, ["disk", "FULL"]);
        }
        other => panic!("{other:?}"),
    }
    let bad = MessagesQuery { place: Some("web-1".into()), ..MessagesQuery::default() };
    assert!(matches!(sim.ask(Request::Messages(bad)), Reply::Refused(_)));
}
