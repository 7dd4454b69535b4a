//! What hosts say: once each, in order, only where they may, confirmed when it is safe.

use std::time::Duration;

use systole_common::ids::{ConnectionId, SpoolEpoch};
use systole_common::time::UnixMs;
use systole_common::wire::control::SequenceKind;
use systole_common::wire::talk::Message;
use systole_daemon::engine::effect::{FeedFrame, Level};
use systole_daemon::engine::input::Input;

use crate::sim::{SECOND, Sim};
use crate::talk::SPOOL;

impl Sim {
    /// A user of a host speaks.
    pub(crate) fn speak(&mut self, name: &str, sequence: u64, to: &str, text: &str) {
        let connection = self.agents[name].connection;
        let message = self.message(sequence, to, text);
        self.speak_as(connection, SPOOL, message);
    }

    pub(crate) fn message(&self, sequence: u64, to: &str, text: &str) -> Message {
        let (to, text) = (to.to_owned(), text.to_owned());
        Message { sequence, time: self.now.wall, user: "bo".into(), to, text }
    }

    pub(crate) fn speak_as(&mut self, connection: ConnectionId, epoch: SpoolEpoch, said: Message) {
        self.give(Input::Message { connection, epoch, message: Box::new(said) });
    }

    /// The sequences that an agent was told to be safe, since the last call.
    pub(crate) fn safe_of(&mut self, name: &str) -> Vec<u64> {
        let connection = self.agents[name].connection;
        let of_agent = self.receipts.extract_if(.., |(to, receipt)| {
            *to == connection && receipt.kind == SequenceKind::Messages.into()
        });
        of_agent.flat_map(|(_, receipt)| receipt.ranges.0).flat_map(|(a, b)| a..=b).collect()
    }

    fn texts(&self) -> Vec<&str> {
        self.disk.said.messages.values().map(|kept| kept.row.text.as_str()).collect()
    }
}

#[test]
fn a_host_that_comes_back_hears_first_what_is_here_of_its_messages() {
    let mut sim = Sim::talking();
    assert!(sim.safe_of("web-1").is_empty(), "nothing is here");
    // More gaps than one receipt has room for.
    for sequence in (2..=100).step_by(2) {
        sim.speak("web-1", sequence, "#ops", "hello");
    }
    assert_eq!(sim.safe_of("web-1").len(), 50);
    sim.cut("web-1");
    sim.connect("web-1");
    sim.listen("web-1");
    let ranges_max = sim.receipts.iter().map(|(_, receipt)| receipt.ranges.0.len()).max();
    assert!(ranges_max <= Some(systole_common::wire::limits::RANGES_MAX), "{ranges_max:?}");
    let safe = sim.safe_of("web-1");
    assert!(safe.len() == 50 && safe.iter().all(|sequence| sequence % 2 == 0), "{safe:?}");
    assert!(sim.safe_of("web-2").is_empty());
}

#[test]
fn a_host_writes_to_its_own_chat_and_to_the_operators() {
    let mut sim = Sim::talking();
    sim.watch_feed();
    sim.speak("web-1", 1, "@web-1", "it is the raid controller");
    sim.speak("web-1", 2, "#ops", "anybody there?");
    assert_eq!(sim.safe_of("web-1"), [1, 2]);
    let row = &sim.disk.said.messages[&1].row;
    assert_eq!(row.id, format!("web-1-{SPOOL}-1"), "the same at every daemon");
    assert_eq!((row.from.as_str(), row.to.as_str()), ("web-1/bo", "@web-1"));
    assert_eq!(sim.marks(1), "waits | has | never", "nobody's host gets it");
    assert!(sim.deliveries.is_empty());
    let told: Vec<_> = sim
        .feed
        .iter()
        .filter_map(|frame| match frame {
            FeedFrame::Message(said) if said.is_new => Some(said.record.text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["it is the raid controller", "anybody there?"]);
}

#[test]
fn what_comes_twice_is_taken_once_and_confirmed_twice() {
    let mut sim = Sim::talking();
    sim.speak("web-1", 1, "#ops", "one");
    sim.speak("web-1", 2, "#ops", "two");
    assert_eq!(sim.safe_of("web-1"), [1, 2]);
    sim.restart_daemon(SECOND, SECOND);
    sim.listen("web-1");
    assert_eq!(sim.safe_of("web-1"), [1, 2], "what is here");
    sim.speak("web-1", 2, "#ops", "two");
    sim.speak("web-1", 3, "#ops", "three");
    assert_eq!(sim.safe_of("web-1"), [2, 3]);
    assert_eq!(sim.texts(), ["one", "two", "three"]);
    assert_eq!(sim.engine.gauges().counters.count("messages_repeated"), 1);
    // Another life of the spool counts anew, another host has numbers of its own.
    let connection = sim.agents["web-1"].connection;
    let said = sim.message(1, "#ops", "after a new disk");
    sim.speak_as(connection, SpoolEpoch(6), said);
    sim.speak("web-2", 1, "#ops", "me too");
    assert_eq!(sim.disk.said.messages.len(), 5);
}

#[test]
fn a_host_writes_nowhere_else() {
    let mut sim = Sim::talking();
    let refused = ["@web-2", "#all", "{role=web}", "@nobody", "web-1", "", "#web\u{1b}[2J"];
    for (sequence, place) in (1..).zip(refused) {
        sim.speak("web-1", sequence, place, "psst");
    }
    sim.speak("web-1", 8, "@web-1", " \n ");
    assert!(sim.disk.said.messages.is_empty());
    let expected: Vec<u64> = (1..=8).collect();
    assert_eq!(sim.safe_of("web-1"), expected, "confirmed, or it would come again for ever");
    assert_eq!(sim.engine.gauges().counters.count("messages_refused"), 8);
    let lines = sim.log.iter().filter(|line| line.event == "message of a host refused");
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), 1, "logged once");
    assert_eq!(lines[0].level, Level::Warning);
    assert!(lines[0].reason.contains("@web-2"), "{}", lines[0].reason);
    sim.speak("web-1", 9, "#ops", "sorry");
    assert_eq!(sim.texts(), ["sorry"]);
}

#[test]
fn a_time_that_cannot_be_is_replaced_by_that_of_the_arrival() {
    let mut sim = Sim::talking();
    let connection = sim.agents["web-1"].connection;
    let hour = Duration::from_hours(1);
    let now = sim.now.wall;
    let times = [UnixMs(0), now.minus(hour), now.plus(SECOND), now.plus(hour), UnixMs(i64::MAX)];
    for (sequence, time) in (1..).zip(times) {
        let said = Message { time, ..sim.message(sequence, "#ops", "x") };
        sim.speak_as(connection, SPOOL, said);
    }
    let kept: Vec<UnixMs> = sim.disk.said.messages.values().map(|kept| kept.row.time).collect();
    assert_eq!(kept, [now, now.minus(hour), now.plus(SECOND), now, now]);
}

#[test]
fn a_users_name_is_cut_to_what_the_wire_takes() {
    let mut sim = Sim::talking();
    let connection = sim.agents["web-1"].connection;
    for (sequence, user) in (1..).zip(["é".repeat(80), String::new()]) {
        let said = Message { user, ..sim.message(sequence, "#ops", "x") };
        sim.speak_as(connection, SPOOL, said);
    }
    let from = |number: u64| sim.disk.said.messages[&number].row.from.clone();
    assert!(from(1).len() <= 160 && from(1).starts_with("web-1/éé"));
    assert_eq!(from(2), "web-1/unknown");
}

#[test]
fn nothing_is_taken_from_an_agent_that_is_not_the_host() {
    let mut sim = Sim::talking();
    let clone = sim.start_clone("web-1");
    let said = sim.message(1, "#ops", "I am web-1, too");
    sim.speak_as(clone, SpoolEpoch(6), said);
    sim.give(Input::MessagesOpen { connection: clone, epoch: SpoolEpoch(6) });
    sim.say("@web-1", "secret");
    let mine = sim.agents["web-1"].connection;
    assert!(sim.deliveries.iter().all(|(to, _)| *to == mine));
    assert_eq!(sim.texts(), ["secret"]);
    assert_eq!(sim.engine.gauges().counters.count("talk_of_strangers"), 2);
    let said = sim.message(1, "#ops", "nobody knows me");
    sim.speak_as(ConnectionId(424_242), SPOOL, said);
    assert_eq!(sim.texts(), ["secret"]);
}

#[test]
fn while_nothing_can_be_written_hosts_are_heard_up_to_a_bound_and_nothing_is_lost() {
    let mut sim = Sim::talking();
    sim.give(Input::StoreRefusing(true));
    let text = "x".repeat(4_096);
    let fitting = 16 * 1024 * 1024 / 4_096;
    for sequence in 1..=fitting + 3 {
        sim.speak("web-1", sequence, "#ops", &text);
    }
    sim.speak("web-2", 1, "#ops", "a short one");
    assert_eq!(sim.safe_of("web-1").len(), usize::try_from(fitting).unwrap());
    assert!(sim.safe_of("web-2").is_empty());
    sim.give(Input::StoreRefusing(false));
    let mut closed: Vec<_> = sim.closed.iter().map(|(connection, _)| *connection).collect();
    closed.sort();
    let expected = ["web-1", "web-2"].map(|name| sim.agents[name].connection);
    assert_eq!(closed, expected, "they dial anew and send it once more");
    for name in ["web-1", "web-2"] {
        sim.cut(name);
        sim.connect(name);
        sim.listen(name);
    }
    assert_eq!(sim.safe_of("web-1").last(), Some(&fitting), "what is here");
    for sequence in fitting + 1..=fitting + 3 {
        sim.speak("web-1", sequence, "#ops", &text);
    }
    sim.speak("web-2", 1, "#ops", "a short one");
    assert_eq!(sim.safe_of("web-1").len(), 3);
    assert_eq!(sim.disk.said.messages.len(), usize::try_from(fitting + 4).unwrap());
}
