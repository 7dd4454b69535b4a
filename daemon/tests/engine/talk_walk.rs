//! Random walks: connections break, receipts are lost, agents and the daemon die at any point, between a
//! decision and its commit too. In the end every host has everything once, in order, and so has the daemon.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use proptest::prelude::*;
use systole_common::ids::{BootId, ConnectionId, HostId, InstanceId, Role, SpoolEpoch};
use systole_common::time::{Mono, Now, UnixMs};
use systole_common::wire::control::{Ranges, Receipt, SequenceKind};
use systole_common::wire::hello::Clocks;
use systole_common::wire::talk::{Delivery, Message, Say};
use systole_daemon::engine::Engine;
use systole_daemon::engine::effect::{Effect, Outcome, Reply};
use systole_daemon::engine::input::{AgentHello, Gone, Input, Request};
use systole_daemon::engine::limits::DELIVERIES_IN_FLIGHT_MAX;
use systole_daemon::engine::settings::{Settings, TalkSettings};
use systole_daemon::engine::state::{Change, HostRow, Saved};

use crate::said::Said;
use crate::sim::{CONSOLE, DAEMON, SECOND, TALK_EPOCH};

const HOSTS: usize = 3;
const SPOOL: SpoolEpoch = SpoolEpoch(5);
/// Messages of an agent under way without a receipt.
const WINDOW: usize = 16;

#[derive(Debug, Clone, Copy)]
enum Step {
    SayTo(usize),
    SayToAll,
    Speak(usize),
    Commit,
    /// The agent takes the next frame, or the next confirmation.
    Down(usize),
    Confirmed(usize),
    /// The daemon takes the agent's next frame.
    Up(usize),
    Cut(usize),
    /// Dials; races what is there.
    Dial(usize),
    KillAgent(usize),
    KillDaemon,
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let host = 0..HOSTS;
    let step = prop_oneof![
        4 => host.clone().prop_map(Step::SayTo),
        2 => Just(Step::SayToAll),
        4 => host.clone().prop_map(Step::Speak),
        9 => Just(Step::Commit),
        6 => host.clone().prop_map(Step::Down),
        6 => host.clone().prop_map(Step::Confirmed),
        9 => host.clone().prop_map(Step::Up),
        1 => host.clone().prop_map(Step::Cut),
        2 => host.clone().prop_map(Step::Dial),
        1 => host.prop_map(Step::KillAgent),
        1 => Just(Step::KillDaemon),
        1 => Just(Step::Wait),
    ];
    prop::collection::vec(step, 0..300)
}

/// What is on the way between an agent and the daemon.
#[derive(Debug, Default)]
struct Wire {
    down: VecDeque<Delivery>,
    receipts: VecDeque<Receipt>,
    up: VecDeque<Up>,
}

#[derive(Debug)]
enum Up {
    Open,
    Said(Message),
    Have(Receipt),
}

/// An agent and its disk.
#[derive(Debug)]
struct Agent {
    instance: u64,
    connection: Option<ConnectionId>,
    wires: BTreeMap<ConnectionId, Wire>,
    inbox: Vec<(u64, String)>,
    outbox: VecDeque<Message>,
    spoken: u64,
    /// How many of the outbox were sent on this connection.
    sent: usize,
}

struct Walk {
    engine: Engine,
    now: Now,
    hosts: BTreeMap<HostId, HostRow>,
    said: Said,
    pending: VecDeque<Outcome>,
    agents: Vec<Agent>,
    replied: Vec<u64>,
    counter: u64,
}

fn name(host: usize) -> HostId {
    format!("host-{host}").parse().unwrap()
}

fn receipt(epoch: SpoolEpoch, ranges: Vec<(u64, u64)>) -> Receipt {
    Receipt { kind: SequenceKind::Messages.into(), epoch, ranges: Ranges(ranges) }
}

fn engine(saved: Saved, instance: u64, now: Now) -> Engine {
    let talk = TalkSettings { rate_per_s: 1e6, burst: 1e6, ..TalkSettings::default() };
    let settings = Settings { talk, ..Settings::default() };
    Engine::new(settings, saved, &DAEMON.parse().unwrap(), InstanceId(instance), now)
}

impl Walk {
    fn new() -> Self {
        let now = Now { mono: Mono(1_000_000_000_000), wall: UnixMs(1_795_000_000_000) };
        let agent = |instance: usize| Agent {
            instance: instance as u64,
            connection: None,
            wires: BTreeMap::new(),
            inbox: Vec::new(),
            outbox: VecDeque::new(),
            spoken: 0,
            sent: 0,
        };
        let saved = Saved { talk_epoch: TALK_EPOCH, ..Saved::default() };
        let mut walk = Self {
            engine: engine(saved, 1, now),
            now,
            hosts: BTreeMap::new(),
            said: Said::default(),
            pending: VecDeque::new(),
            agents: (0..HOSTS).map(agent).collect(),
            replied: Vec::new(),
            counter: 1_000,
        };
        walk.begin();
        (0..HOSTS).for_each(|host| walk.dial(host));
        walk.settle();
        walk
    }

    fn begin(&mut self) {
        self.give(Input::Ready);
        let operator = "alex".parse().unwrap();
        let address = String::new();
        self.give(Input::ConsoleOpened { session: CONSOLE, operator, role: Role::Admin, address });
    }

    fn number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn give(&mut self, input: Input) {
        let mut outcome = self.engine.handle(self.now, input);
        for effect in std::mem::take(&mut outcome.at_once) {
            self.perform(effect);
        }
        if outcome.changes.is_empty() && self.pending.is_empty() {
            outcome.after_commit.into_iter().for_each(|effect| self.perform(effect));
        } else {
            self.pending.push_back(outcome);
        }
    }

    fn commit(&mut self) {
        let Some(outcome) = self.pending.pop_front() else { return };
        for change in outcome.changes {
            match change {
                Change::Host(row) => drop(self.hosts.insert(row.host.clone(), *row)),
                Change::Message { .. } | Change::Marks { .. } | Change::Received { .. } => {
                    self.said.commit(change);
                }
                _ => {}
            }
        }
        outcome.after_commit.into_iter().for_each(|effect| self.perform(effect));
        self.marks_are_true();
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Deliver { connection, delivery } => {
                let has = |agent: &&mut Agent| agent.wires.contains_key(&connection);
                let Some(agent) = self.agents.iter_mut().find(has) else { return };
                let down = &mut agent.wires.get_mut(&connection).unwrap().down;
                down.push_back(*delivery);
                let highest = agent.inbox.last().map_or(0, |(number, _)| *number);
                let is_news = |delivery: &&Delivery| delivery.sequence > highest;
                assert!(down.iter().filter(is_news).count() <= DELIVERIES_IN_FLIGHT_MAX);
            }
            Effect::Receipt { connection, receipt } => {
                let mut wires = self.agents.iter_mut().map(|agent| &mut agent.wires);
                let wire = wires.find_map(|wires| wires.get_mut(&connection));
                if let Some(wire) = wire {
                    wire.receipts.push_back(receipt);
                }
            }
            Effect::Reply { reply: Reply::Message(record, _), .. } => {
                self.replied.push(record.number);
            }
            Effect::Reply { reply, .. } => panic!("{reply:?}"),
            _ => {}
        }
    }

    /// Every delivered mark is true, at every moment.
    fn marks_are_true(&self) {
        for (number, kept) in &self.said.messages {
            for host in &kept.delivered {
                let at = (0..HOSTS).find(|at| name(*at) == *host).unwrap();
                let has = self.agents[at]
                    .inbox
                    .iter()
                    .any(|(one, text)| one == number && *text == kept.row.text);
                assert!(has, "{host} does not have {number}");
            }
        }
    }

    fn say(&mut self, to: String) {
        let text = format!("text {}", self.number());
        let body = Request::Say(Box::new(Say { to, text, hosts: Vec::new() }));
        self.give(Input::Request { session: CONSOLE, request: 1, body });
    }

    fn dial(&mut self, host: usize) {
        let connection = ConnectionId(self.number());
        let agent = &mut self.agents[host];
        let highest = agent.inbox.last().map_or(0, |(number, _)| *number);
        let mut wire = Wire::default();
        wire.up.push_back(Up::Open);
        if highest > 0 {
            wire.up.push_back(Up::Have(receipt(TALK_EPOCH, vec![(1, highest)])));
        }
        agent.wires.insert(connection, wire);
        (agent.connection, agent.sent) = (Some(connection), 0);
        let hello = AgentHello {
            connection,
            host: name(host),
            instance: InstanceId(agent.instance),
            boot_id: BootId([7; 16]),
            clocks: Clocks::default(),
            software: String::new(),
            os: String::new(),
            labels: Vec::new(),
            address: String::new(),
            certificate_expires: self.now.wall.plus(Duration::from_hours(9_000)),
        };
        self.give(Input::AgentHello(hello));
        self.send(host);
    }

    fn send(&mut self, host: usize) {
        let agent = &mut self.agents[host];
        let Some(wire) = agent.connection.and_then(|id| agent.wires.get_mut(&id)) else { return };
        while agent.sent < WINDOW.min(agent.outbox.len()) {
            wire.up.push_back(Up::Said(agent.outbox[agent.sent].clone()));
            agent.sent += 1;
        }
    }

    /// All connections of a host end; what is on the way is lost.
    fn cut(&mut self, host: usize) {
        self.agents[host].connection = None;
        for (connection, _) in std::mem::take(&mut self.agents[host].wires) {
            self.give(Input::AgentGone { connection, reason: Gone::TimedOut });
        }
    }

    /// The next frame for an agent, on whichever of its connections has one.
    fn down(&mut self, host: usize) {
        let agent = &mut self.agents[host];
        let next = agent.wires.values_mut().find_map(|wire| Some((wire.down.pop_front()?, wire)));
        let Some((delivery, wire)) = next else { return };
        let number = delivery.sequence;
        let highest = agent.inbox.last().map_or(0, |(last, _)| *last).max(number);
        wire.up.push_back(Up::Have(receipt(delivery.epoch, vec![(1, highest)])));
        if agent.inbox.last().is_none_or(|(last, _)| number > *last) {
            agent.inbox.push((number, delivery.text));
        } else {
            let known =
                agent.inbox.iter().any(|(one, text)| *one == number && *text == delivery.text);
            assert!(known, "{number} was left out, or is another message");
        }
    }

    fn confirmed(&mut self, host: usize) {
        let agent = &mut self.agents[host];
        let Some(receipt) = agent.wires.values_mut().find_map(|wire| wire.receipts.pop_front())
        else {
            return;
        };
        assert_eq!(receipt.epoch, SPOOL);
        for (first, last) in receipt.ranges.0 {
            let held = agent.outbox.iter().take(agent.sent);
            let gone = held.filter(|said| (first..=last).contains(&said.sequence)).count();
            agent.outbox.retain(|said| !(first..=last).contains(&said.sequence));
            agent.sent -= gone;
        }
        self.send(host);
    }

    fn up(&mut self, host: usize) {
        let wires = self.agents[host].wires.iter_mut();
        let next = wires.rev().find_map(|(id, wire)| Some((*id, wire.up.pop_front()?)));
        let Some((connection, up)) = next else { return };
        self.give(match up {
            Up::Open => Input::MessagesOpen { connection, epoch: SPOOL },
            Up::Said(said) => Input::Message { connection, epoch: SPOOL, message: Box::new(said) },
            Up::Have(receipt) => Input::Delivered { connection, receipt },
        });
    }

    fn speak(&mut self, host: usize) {
        let time = self.now.wall;
        let agent = &mut self.agents[host];
        agent.spoken += 1;
        let (sequence, user) = (agent.spoken, "bo".to_owned());
        let (to, text) = ("#ops".to_owned(), format!("{} of {host}", agent.spoken));
        agent.outbox.push_back(Message { sequence, time, user, to, text });
        self.send(host);
    }

    fn kill_daemon(&mut self) {
        self.pending.clear();
        for agent in &mut self.agents {
            agent.wires.clear();
            agent.connection = None;
        }
        let hosts = self.hosts.values().cloned().collect();
        let instance = self.number();
        self.engine = engine(Saved { hosts, ..self.said.saved() }, instance, self.now);
        self.begin();
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::SayTo(host) => self.say(format!("@{}", name(host))),
            Step::SayToAll => self.say("#all".to_owned()),
            Step::Speak(host) => self.speak(host),
            Step::Commit => self.commit(),
            Step::Down(host) => self.down(host),
            Step::Confirmed(host) => self.confirmed(host),
            Step::Up(host) => self.up(host),
            Step::Cut(host) => self.cut(host),
            Step::Dial(host) => self.dial(host),
            Step::KillAgent(host) => {
                self.cut(host);
                self.agents[host].instance = self.number();
            }
            Step::KillDaemon => self.kill_daemon(),
            Step::Wait => {
                let (mono, wall) = (self.now.mono.plus(SECOND), self.now.wall.plus(SECOND));
                self.now = Now { mono, wall };
                self.give(Input::Tick);
            }
        }
    }

    /// Everything on the way arrives.
    fn settle(&mut self) {
        let is_busy =
            |wire: &Wire| !(wire.down.is_empty() && wire.receipts.is_empty() && wire.up.is_empty());
        while !self.pending.is_empty()
            || self.agents.iter().any(|agent| agent.wires.values().any(is_busy))
        {
            self.commit();
            for host in 0..HOSTS {
                self.up(host);
                self.down(host);
                self.confirmed(host);
            }
        }
    }

    /// Nothing is lost, nothing is double, everything is in order.
    fn all_is_well(&self) {
        for number in &self.replied {
            assert!(self.said.messages.contains_key(number), "{number} was promised");
        }
        for (host, agent) in self.agents.iter().enumerate() {
            let id = name(host);
            let kept = self.said.messages.values();
            let for_host = kept.filter(|kept| kept.delivered.contains(&id));
            let expected: Vec<_> =
                for_host.map(|kept| (kept.row.number, kept.row.text.clone())).collect();
            assert_eq!(agent.inbox, expected, "{id}");
            let own = self.said.messages.values();
            let own = own.filter(|kept| kept.row.from == format!("{id}/bo"));
            let heard: Vec<String> = own.map(|kept| kept.row.text.clone()).collect();
            let spoken: Vec<_> = (1..=agent.spoken).map(|n| format!("{n} of {host}")).collect();
            assert_eq!(heard, spoken, "{id}");
            assert!(agent.outbox.is_empty());
        }
        for kept in self.said.messages.values() {
            assert!(kept.waiting.is_empty() && kept.failed.is_empty(), "{kept:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn everything_arrives_once_and_in_order(steps in steps()) {
        let mut walk = Walk::new();
        for step in steps {
            walk.step(step);
        }
        for host in 0..HOSTS {
            walk.cut(host);
            walk.dial(host);
        }
        walk.settle();
        walk.all_is_well();
    }
}
