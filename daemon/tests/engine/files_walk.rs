//! Random days of offers, decisions, transfers, breaks and restarts. What is always true must be true
//! of each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use systole_common::ids::HostId;
use systole_common::model::file::FileState;
use systole_common::wire::file::{Accept, Reject};
use systole_daemon::engine::effect::{Effect, TransferVerdict};
use systole_daemon::engine::input::{Input, Request};

use crate::files_sim::{ALEX, BO, FileSim, KIB, MIB};
use crate::sim::host;

const HOSTS: [&str; 2] = ["web-1", "web-2"];

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    /// Host, sequence, size in KiB, whether its name is good.
    Offer(usize, u64, u64, bool),
    Withdraw(usize, u64),
    Accept(bool, u64),
    Reject(bool, u64),
    /// What of the room that is asked for comes next: there is room, or not.
    Room(bool),
    /// A stream by this host for this file, whosever it is.
    Open(usize, u64),
    /// The n-th stream of all says this, open or not.
    Progress(usize, u64),
    Whole(usize),
    Placed(usize),
    Ended(usize, bool),
    Reconnect(usize),
    Refusing(bool),
    Restart(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (host, sequence, file) = (0usize..2, 1u64..7, 1u64..10);
    prop_oneof![
        3 => prop_oneof![0u64..100, 1_000u64..90_000].prop_map(Step::Wait),
        6 => (host.clone(), sequence.clone(), prop_oneof![Just(1), Just(100), Just(2 << 20)],
            prop::bool::weighted(0.9)).prop_map(|(a, b, c, d)| Step::Offer(a, b, c, d)),
        1 => (host.clone(), sequence).prop_map(|(a, b)| Step::Withdraw(a, b)),
        4 => (any::<bool>(), file.clone()).prop_map(|(a, b)| Step::Accept(a, b)),
        2 => (any::<bool>(), file.clone()).prop_map(|(a, b)| Step::Reject(a, b)),
        5 => prop::bool::weighted(0.8).prop_map(Step::Room),
        6 => (host.clone(), file).prop_map(|(a, b)| Step::Open(a, b)),
        4 => (0usize..6, 0u64..200_000).prop_map(|(a, b)| Step::Progress(a, b)),
        4 => (0usize..6).prop_map(Step::Whole),
        4 => (0usize..6).prop_map(Step::Placed),
        2 => ((0usize..6), prop::bool::weighted(0.3)).prop_map(|(a, b)| Step::Ended(a, b)),
        1 => host.prop_map(Step::Reconnect),
        1 => prop::bool::weighted(0.3).prop_map(Step::Refusing),
        1 => (0u64..4_000).prop_map(Step::Restart),
    ]
}

/// The sim, and what an onlooker remembers.
struct Walk {
    sim: FileSim,
    /// Room that was asked for and not answered.
    asked: Vec<u64>,
    /// All streams since the daemon's start: whose, for which file.
    streams: Vec<(u64, u64)>,
    /// Streams that may receive and had no last word and no end, by file.
    open: BTreeMap<u64, BTreeSet<u64>>,
    /// Streams that were told to give the file its name.
    placing: BTreeSet<u64>,
    /// Files that have it.
    placed: BTreeSet<u64>,
    owners: BTreeMap<u64, HostId>,
    last_stream: u64,
}

impl Walk {
    fn new() -> Self {
        let mut sim = FileSim::new(&HOSTS);
        sim.room = None;
        Self {
            sim,
            asked: Vec::new(),
            streams: Vec::new(),
            open: BTreeMap::new(),
            placing: BTreeSet::new(),
            placed: BTreeSet::new(),
            owners: BTreeMap::new(),
            last_stream: 0,
        }
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Wait(seconds) => self.sim.advance(Duration::from_secs(seconds)),
            Step::Offer(at, sequence, size, is_good) => {
                let name = if is_good { "a" } else { "../a" };
                self.sim.offer(HOSTS[at], sequence, name, size * KIB);
            }
            Step::Withdraw(at, sequence) => self.sim.withdraw(HOSTS[at], sequence, "why"),
            Step::Accept(is_bo, file) => self.ask(is_bo, Request::Accept(Accept { file })),
            Step::Reject(is_bo, file) => {
                self.ask(is_bo, Request::Reject(Reject { file, why: "no".into() }));
            }
            Step::Room(there_is) => {
                if let Some(file) = self.asked.pop() {
                    let result = if there_is { Ok(()) } else { Err("no room".to_owned()) };
                    self.sim.give(Input::Reserved { file, result });
                }
            }
            Step::Open(at, file) => {
                self.last_stream += 1;
                self.streams.push((self.last_stream, file));
                self.sim.open(HOSTS[at], self.last_stream, file);
            }
            Step::Reconnect(at) => self.sim.connect(HOSTS[at]),
            Step::Refusing(refusing) => self.sim.give(Input::StoreRefusing(refusing)),
            Step::Restart(seconds) => {
                self.asked.clear();
                self.streams.clear();
                self.open.clear();
                self.placing.clear();
                self.sim.restart(Duration::from_secs(seconds));
            }
            Step::Progress(..) | Step::Whole(_) | Step::Placed(_) | Step::Ended(..) => {
                self.stream_says(step);
            }
        }
        self.look();
    }

    fn stream_says(&mut self, step: &Step) {
        let stream = |at: usize| self.streams.iter().rev().nth(at).copied();
        match *step {
            Step::Progress(at, bytes) => {
                if let Some((transfer, file)) = stream(at) {
                    self.sim.progress(transfer, file, bytes, bytes / 2);
                }
            }
            Step::Whole(at) => {
                if let Some((transfer, file)) = stream(at) {
                    self.sim.whole(transfer, file, "a");
                }
            }
            // Only what was told to gets its name.
            Step::Placed(at) => {
                if let Some((transfer, file)) = stream(at)
                    && self.placing.remove(&transfer)
                {
                    self.placed.insert(file);
                    self.sim.placed(transfer, file);
                }
            }
            Step::Ended(at, is_fatal) => {
                if let Some((transfer, file)) = stream(at) {
                    self.placing.remove(&transfer);
                    self.open.entry(file).or_default().remove(&transfer);
                    self.sim.ended(transfer, file, is_fatal.then_some("wrong"));
                }
            }
            _ => {}
        }
    }

    fn ask(&mut self, is_bo: bool, body: Request) {
        let session = if is_bo { BO } else { ALEX };
        self.sim.give(Input::Request { session, request: 4, body });
    }

    /// Looks at each effect in its order.
    fn look(&mut self) {
        for effect in self.sim.take() {
            match effect {
                Effect::Reserve { file, .. } => self.asked.push(file),
                Effect::TransferOver { transfer, .. } => {
                    for open in self.open.values_mut() {
                        open.remove(&transfer);
                    }
                }
                Effect::Transfer { transfer, verdict } => {
                    if let TransferVerdict::Receive { row, .. } = *verdict {
                        let open = self.open.entry(row.id).or_default();
                        assert!(open.is_empty(), "{open:?} and {transfer} at once");
                        open.insert(transfer);
                        assert_eq!(row.state, FileState::Receiving, "never after a rejection");
                    }
                }
                Effect::Place { transfer } => {
                    self.placing.insert(transfer);
                }
                _ => {}
            }
        }
        self.check();
    }

    fn check(&mut self) {
        let sim = &self.sim;
        for row in sim.files.values() {
            let owner = self.owners.entry(row.id).or_insert_with(|| row.host.clone());
            assert_eq!(*owner, row.host, "a number is one file's for ever");
            if row.state == FileState::Verified {
                assert!(self.placed.contains(&row.id), "{row:?} never got its name");
            }
            assert_eq!(row.state.is_open(), row.finished_at.is_none());
            let about = format!("file {} of", row.id);
            let lines = |actions: &[&str]| {
                let done = sim.audit.iter().filter(|line| line.outcome == "done");
                done.filter(|line| {
                    actions.contains(&&*line.action) && line.target.starts_with(&about)
                })
                .count()
            };
            let thread = format!("file {}", row.id);
            let said = sim.chat.iter().filter(|line| line.thread.as_deref() == Some(&thread));
            let said: Vec<&str> = said.map(|line| line.text.as_str()).collect();
            let was_accepted = lines(&["accept"]);
            let ends = lines(&[
                "reject",
                "file-verified",
                "file-failed",
                "file-expired",
                "file-withdrawn",
            ]);
            assert!(was_accepted <= 1, "accepted once: {:?}", sim.trail());
            assert_eq!(ends, usize::from(!row.state.is_open()), "{row:?}: {:?}", sim.trail());
            assert_eq!(said.len(), was_accepted + ends, "a line of chat for each: {said:?}");
            let needs = matches!(row.state, FileState::Receiving | FileState::Verified);
            assert!(!needs || was_accepted == 1, "{row:?} was never accepted");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_files_are_what_was_decided(steps in prop::collection::vec(step(), 1..80)) {
        let mut walk = Walk::new();
        for step in &steps {
            walk.apply(step);
        }
        // Whatever is open has a deadline: with time alone all of it ends.
        walk.sim.advance(Duration::from_hours(26));
        walk.look();
        let open: Vec<_> = walk.sim.files.values().filter(|row| row.state.is_open()).collect();
        prop_assert!(open.is_empty(), "{:?}", open);
    }
}

#[test]
fn the_walk_reaches_what_it_is_to_check() {
    let mut walk = Walk::new();
    let steps = [
        Step::Offer(0, 1, 100, true),
        Step::Accept(true, 1),
        Step::Room(true),
        Step::Open(1, 1),
        Step::Open(0, 1),
        Step::Open(0, 1),
        Step::Whole(0),
        Step::Placed(0),
    ];
    for step in &steps {
        walk.apply(step);
    }
    assert_eq!(walk.sim.state(1), FileState::Verified);
    assert_eq!(walk.sim.files[&1].host, host("web-1"));
    assert!(walk.sim.files[&1].size_bytes < MIB);
}
