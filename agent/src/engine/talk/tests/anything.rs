//! Whatever happens to streams, receipts and programs: each message arrives once and in order.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const EPOCH: SpoolEpoch = SpoolEpoch(77);

#[derive(Debug, Clone, Copy)]
enum Act {
    Say,
    DaemonSays(u8),
    Up(u8),
    Down(u8),
    Receipt(u8),
    LoseReceipt(u8),
    DoubleReceipt(u8),
    Connect(u8),
    Drop(u8),
    Restart,
    Save,
    Wait(u16),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let number = || 1u8..=2;
    let act = prop_oneof![
        4 => Just(Act::Say),
        4 => number().prop_map(Act::DaemonSays),
        8 => number().prop_map(Act::Up),
        8 => number().prop_map(Act::Down),
        4 => number().prop_map(Act::Receipt),
        1 => number().prop_map(Act::LoseReceipt),
        1 => number().prop_map(Act::DoubleReceipt),
        2 => number().prop_map(Act::Connect),
        1 => number().prop_map(Act::Drop),
        1 => Just(Act::Restart),
        1 => Just(Act::Save),
        1 => (1u16..2_000).prop_map(Act::Wait),
    ];
    prop::collection::vec(act, 0..200)
}

/// A daemon, and the streams of its newest connection.
#[derive(Debug, Default)]
struct Peer {
    connection: Option<ConnectionId>,
    /// From the agent: messages, and confirmations of deliveries.
    up: VecDeque<Result<u64, u64>>,
    deliveries: VecDeque<u64>,
    receipts: VecDeque<Vec<(u64, u64)>>,
    /// This host's messages, in the order in which they came first.
    has: Vec<u64>,
    /// Its own messages: the last, the last that is confirmed, the last that was sent.
    number: u64,
    confirmed: u64,
    sent: u64,
}

impl Peer {
    fn deliver(&mut self) {
        while self.connection.is_some()
            && self.sent < self.number
            && self.sent < self.confirmed + 16
        {
            self.sent += 1;
            self.deliveries.push_back(self.sent);
        }
    }

    /// The stream is gone, and all that is on it.
    fn drop_streams(&mut self) {
        self.connection = None;
        self.up.clear();
        self.deliveries.clear();
        self.receipts.clear();
        self.sent = self.confirmed;
    }
}

struct World {
    now: Now,
    talk: Talk,
    /// The disk: every message, and the marks that were written last.
    said: Vec<Arc<Message>>,
    settled: BTreeMap<DaemonName, RangeSet>,
    inbox: Inbox,
    shown: Vec<(u8, u64)>,
    peers: BTreeMap<u8, Peer>,
    connections: u64,
}

impl World {
    fn new() -> Self {
        let peers = [(1, Peer::default()), (2, Peer::default())].into();
        let mut world = Self {
            now: T0,
            talk: Talk::new(T0, Left::default()),
            said: Vec::new(),
            settled: BTreeMap::new(),
            inbox: Inbox::default(),
            shown: Vec::new(),
            peers,
            connections: 0,
        };
        world.handle(Input::Follow(vec![daemon(1), daemon(2)]));
        world
    }

    fn peer(&mut self, number: u8) -> &mut Peer {
        self.peers.get_mut(&number).unwrap()
    }

    fn handle(&mut self, input: Input) {
        for effect in self.talk.handle(self.now, input) {
            match effect {
                Effect::Send { daemon, connection, message } => {
                    self.write(&daemon, Some(connection), Ok(message.sequence));
                }
                Effect::Confirm { daemon, epoch, highest } => {
                    assert_eq!(epoch, EPOCH);
                    self.write(&daemon, None, Err(highest));
                }
                Effect::Save => {}
                Effect::SkipTo { .. } | Effect::Crowded { .. } | Effect::Expired { .. } => {
                    panic!("{effect:?}")
                }
            }
        }
    }

    fn write(&mut self, to: &DaemonName, on: Option<ConnectionId>, frame: Result<u64, u64>) {
        let peer = self.peers.iter_mut().find(|(number, _)| daemon(**number) == *to).unwrap().1;
        if peer.connection.is_some() && (on.is_none() || on == peer.connection) {
            peer.up.push_back(frame);
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Say => {
                let said = message(self.said.len() as u64 + 1);
                self.said.push(said.clone());
                self.handle(Input::Said(said));
            }
            Act::DaemonSays(number) => {
                let peer = self.peer(number);
                peer.number += 1;
                peer.deliver();
            }
            Act::Up(number) => self.heard_by(number),
            Act::Down(number) => self.delivered_by(number),
            Act::Receipt(number) | Act::DoubleReceipt(number) => {
                let Some(ranges) = self.peer(number).receipts.pop_front() else { return };
                let times = if matches!(act, Act::DoubleReceipt(_)) { 2 } else { 1 };
                for _ in 0..times {
                    let (daemon, ranges) = (daemon(number), ranges.clone());
                    self.handle(Input::Receipt { daemon, ranges });
                }
            }
            Act::LoseReceipt(number) => drop(self.peer(number).receipts.pop_front()),
            Act::Connect(number) => self.connect(number),
            Act::Drop(number) => {
                self.peer(number).drop_streams();
                self.handle(Input::MainDown { daemon: daemon(number) });
            }
            Act::Restart => self.restart(),
            Act::Save => self.settled = self.talk.settled().clone(),
            Act::Wait(seconds) => {
                self.now = self.now.plus(Duration::from_secs(seconds.into()));
                self.handle(Input::Tick);
            }
        }
    }

    /// The daemon reads a frame.
    fn heard_by(&mut self, number: u8) {
        let peer = self.peer(number);
        match peer.up.pop_front() {
            Some(Ok(sequence)) => {
                if !peer.has.contains(&sequence) {
                    peer.has.push(sequence);
                }
                peer.receipts.push_back(vec![(sequence, sequence)]);
            }
            Some(Err(highest)) => {
                assert!(highest <= peer.number, "confirmed what was never sent");
                peer.confirmed = peer.confirmed.max(highest);
                peer.sent = peer.sent.max(highest);
                peer.deliver();
            }
            None => {}
        }
    }

    /// The agent reads a delivery, and its disk has it.
    fn delivered_by(&mut self, number: u8) {
        let Some(sequence) = self.peer(number).deliveries.pop_front() else { return };
        let daemon = daemon(number);
        if !self.talk.inbox().has(&daemon, EPOCH, sequence) {
            self.shown.push((number, sequence));
        }
        self.handle(Input::Taken { daemon, epoch: EPOCH, sequence });
        self.inbox = self.talk.inbox().clone();
    }

    fn connect(&mut self, number: u8) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let peer = self.peer(number);
        peer.drop_streams();
        peer.connection = Some(connection);
        peer.deliver();
        self.handle(Input::MainUp { daemon: daemon(number), connection });
    }

    fn restart(&mut self) {
        self.peers.values_mut().for_each(Peer::drop_streams);
        let all_have = |sequence| {
            self.settled.len() == 2 && self.settled.values().all(|one| one.contains(sequence))
        };
        let waits = |message: &&Arc<Message>| !all_have(message.sequence);
        let left = Left {
            messages: self.said.iter().filter(waits).cloned().collect(),
            settled: self.settled.clone(),
            inbox: self.inbox.clone(),
            newest: self.said.len() as u64,
        };
        self.talk = Talk::new(self.now, left);
        self.handle(Input::Follow(vec![daemon(1), daemon(2)]));
    }

    /// Everything is well from now on.
    fn settle(&mut self) {
        for number in [1, 2] {
            self.connect(number);
        }
        for round in 0..4_000 {
            for number in [1, 2] {
                self.act(Act::Up(number));
                self.act(Act::Down(number));
                self.act(Act::Receipt(number));
            }
            if round % 500 == 499 {
                self.act(Act::Wait(700));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_message_arrives_once_and_in_order(acts in acts()) {
        let mut world = World::new();
        for act in acts {
            world.act(act);
            for peer in world.peers.values() {
                prop_assert!(peer.deliveries.len() <= 16);
            }
        }
        world.settle();
        for (number, peer) in &world.peers {
            let all: Vec<u64> = (1..=world.said.len() as u64).collect();
            prop_assert_eq!(&peer.has, &all, "of {} messages", world.said.len());
            let shown: Vec<u64> =
                world.shown.iter().filter(|one| one.0 == *number).map(|one| one.1).collect();
            prop_assert_eq!(shown, (1..=peer.number).collect::<Vec<u64>>());
            prop_assert_eq!(peer.confirmed, peer.number, "every mark is true and there");
        }
        prop_assert_eq!(world.talk.waiting().count(), 0);
        prop_assert!(world.talk.next_deadline().is_none());
    }
}
