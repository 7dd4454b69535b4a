//! Whatever happens in whatever order: each file ends once, and no daemon keeps one that nobody sends.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::rig::{Rig, S, decision, name};
use super::*;

#[derive(Debug, Clone)]
enum Step {
    Offer,
    Leave(u64),
    Spoil(u64),
    Up(usize),
    Down(usize),
    Decide(usize, u64, bool),
    Break(bool),
    Finish,
    Loses(bool),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Offer),
        1 => (1_u64..20).prop_map(Step::Leave),
        1 => (1_u64..20).prop_map(Step::Spoil),
        3 => (0_usize..2).prop_map(Step::Up),
        2 => (0_usize..2).prop_map(Step::Down),
        4 => (0_usize..2, 1_u64..20, any::<bool>()).prop_map(|(d, s, yes)| Step::Decide(d, s, yes)),
        2 => any::<bool>().prop_map(Step::Break),
        2 => Just(Step::Finish),
        1 => any::<bool>().prop_map(Step::Loses),
        4 => (1_u64..40).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..80)
}

/// Two daemons that remember offers, and what the user was told.
struct World {
    rig: Rig,
    /// What each daemon thinks of each offer.
    books: [BTreeMap<u64, FileState>; 2],
    connected: [bool; 2],
    /// Whether frames to daemons get lost, as when a connection breaks under them.
    loses: bool,
    /// Connections that lost something are about to break.
    breaking: [bool; 2],
    running: BTreeMap<u64, (usize, u64)>,
    over: BTreeSet<u64>,
    left: BTreeSet<u64>,
    last: u64,
}

impl World {
    fn number(daemon: &DaemonName) -> usize {
        usize::from(*daemon == name(1))
    }

    fn input(&mut self, input: Input) {
        self.rig.input(input);
        self.perform();
    }

    fn perform(&mut self) {
        while !self.rig.effects.is_empty() {
            for effect in std::mem::take(&mut self.rig.effects) {
                self.one(effect);
            }
        }
    }

    fn one(&mut self, effect: Effect) {
        match effect {
            Effect::Offer { daemon, sequence, .. } => {
                let at = Self::number(&daemon);
                assert!(self.connected[at]);
                if !self.loses {
                    let state = *self.books[at].entry(sequence).or_insert(FileState::Offered);
                    self.rig.say(at, sequence, state);
                }
            }
            Effect::Withdraw { daemon, withdraw, .. } => {
                let at = Self::number(&daemon);
                assert!(self.connected[at]);
                self.breaking[at] |= self.loses;
                let known = self.books[at].get_mut(&withdraw.sequence);
                if let Some(state) = known.filter(|state| !self.loses && state.is_open()) {
                    let has_failed = withdraw.has_failed;
                    *state = if has_failed { FileState::Failed } else { FileState::Withdrawn };
                    let state = *state;
                    self.rig.say(at, withdraw.sequence, state);
                }
            }
            Effect::Transfer { daemon, sequence, file, attempt } => {
                let at = Self::number(&daemon);
                assert_eq!(file, 100 + sequence);
                assert!(self.running.values().all(|(other, _)| *other != at), "two at a time");
                assert!(self.running.insert(sequence, (at, attempt)).is_none());
            }
            Effect::Stop { sequence } => {
                assert!(self.running.remove(&sequence).is_some(), "nothing to stop");
            }
            Effect::Tell { sequence, .. } => assert!(!self.over.contains(&sequence)),
            Effect::Over { sequence, told } => {
                assert!(!told.state.is_open());
                assert!(self.over.insert(sequence), "it ended twice");
                assert!(!self.left.contains(&sequence));
            }
        }
    }

    fn finish(&mut self) {
        let Some((sequence, (at, attempt))) = self.running.pop_first() else { return };
        let state = self.books[at].entry(sequence).or_insert(FileState::Failed);
        if state.is_open() {
            *state = FileState::Verified;
        }
        let end = TransferEnd::Word(decision(sequence, *state));
        self.input(Input::Transferred { sequence, attempt, end });
    }

    fn decide(&mut self, at: usize, sequence: u64, yes: bool) {
        let Some(state) = self.books[at].get_mut(&sequence) else { return };
        if *state == FileState::Offered {
            *state = if yes { FileState::Accepted } else { FileState::Rejected };
            let state = *state;
            if self.connected[at] && !self.loses {
                self.rig.say(at, sequence, state);
                self.perform();
            }
        }
    }

    fn down(&mut self, at: usize) {
        self.connected[at] = false;
        self.rig.down(at);
        self.perform();
    }

    /// Lets time pass; a connection that loses something breaks soon after.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            for at in [0, 1] {
                if std::mem::take(&mut self.breaking[at]) {
                    self.down(at);
                }
            }
            self.rig.pass(S);
            self.perform();
        }
    }

    fn up(&mut self, at: usize) {
        self.connected[at] = true;
        self.rig.up(at);
        self.perform();
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Offer => {
                self.last += 1;
                let sequence = self.last;
                assert!(self.rig.offers.is_free(sequence));
                self.input(Input::Offered { sequence });
            }
            Step::Leave(sequence) if sequence <= self.last && !self.over.contains(&sequence) => {
                self.left.insert(sequence);
                self.input(Input::Left { sequence });
            }
            Step::Spoil(sequence) if sequence <= self.last && !self.left.contains(&sequence) => {
                self.input(Input::Spoiled { sequence, reason: "x".to_owned() });
                assert!(self.over.contains(&sequence), "its user is not told");
            }
            Step::Leave(_) | Step::Spoil(_) => {}
            Step::Up(at) => self.up(at),
            Step::Down(at) => self.down(at),
            Step::Decide(at, sequence, yes) => self.decide(at, sequence, yes),
            Step::Break(has_moved) => {
                if let Some((sequence, (_, attempt))) = self.running.pop_first() {
                    let end = TransferEnd::Broken { has_moved };
                    self.input(Input::Transferred { sequence, attempt, end });
                }
            }
            Step::Finish => self.finish(),
            Step::Loses(loses) => self.loses = loses,
            Step::Pass(seconds) => self.pass(seconds),
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_each_file_ends_once_and_nothing_stays_open(steps in steps()) {
        let mut world = World {
            rig: Rig::new(2),
            books: [BTreeMap::new(), BTreeMap::new()],
            connected: [false; 2],
            loses: false,
            breaking: [false; 2],
            running: BTreeMap::new(),
            over: BTreeSet::new(),
            left: BTreeSet::new(),
            last: 0,
        };
        for step in steps {
            world.step(&step);
        }
        world.loses = false;
        for _ in 0..3 {
            world.up(0);
            world.up(1);
            for at in [0, 1] {
                for sequence in 1..=world.last {
                    world.decide(at, sequence, true);
                }
            }
            for _ in 0..=world.last {
                world.pass(20);
                world.finish();
            }
        }
        let settled: Vec<u64> = world.over.union(&world.left).copied().collect();
        prop_assert_eq!(settled, (1..=world.last).collect::<Vec<_>>());
        for book in &world.books {
            let open: Vec<_> = book.iter().filter(|(_, state)| state.is_open()).collect();
            prop_assert!(open.is_empty(), "{open:?}");
        }
        prop_assert_eq!(world.rig.offers.next_deadline(), None);
    }
}
