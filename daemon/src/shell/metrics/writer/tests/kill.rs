//! Killed at any point, by signal or by power cut: nothing receipted is lost, nothing is there twice.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};

use super::*;

/// Pseudo-random numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// An agent that sends until it has a receipt.
struct Agent {
    host: HostId,
    shape: Arc<Shape>,
    made: u64,
    given_up: BTreeSet<u64>,
}

impl Agent {
    fn send(&mut self, stage: &Stage, dice: &mut Dice) -> Vec<Intake> {
        self.made += dice.below(220);
        if dice.one_in(4) {
            self.shape = shape(0, 1 + usize::try_from(dice.below(4)).unwrap());
        }
        let received = stage.told(&self.host, EPOCH);
        let mut unsafe_ones: Vec<u64> = received
            .missing(1, self.made)
            .into_iter()
            .flat_map(|range| range.0..=range.1)
            .collect();
        let mut intakes = Vec::new();
        if dice.one_in(12) && !unsafe_ones.is_empty() {
            let first = unsafe_ones[0];
            let last = first + dice.below(9);
            self.made = self.made.max(last);
            self.given_up.extend(unsafe_ones.iter().filter(|one| **one <= last));
            self.given_up.extend(first..=last);
            let (host, ranges) = (self.host.clone(), vec![(first, last)]);
            intakes.push(Intake::Dropped { host, epoch: EPOCH, ranges });
        }
        unsafe_ones.retain(|one| !self.given_up.contains(one));
        if dice.one_in(3) {
            unsafe_ones.reverse();
        }
        let skip = usize::try_from(dice.below(20)).unwrap();
        for (at, sequence) in unsafe_ones.into_iter().enumerate() {
            if at % 21 == skip {
                continue;
            }
            let mut slot = slot(&self.host, sequence, &self.shape);
            slot.origin = if sequence % 3 == 0 { Origin::Backfill } else { Origin::Live };
            intakes.push(Intake::Slot(slot));
        }
        if self.made > 5 && dice.one_in(3) {
            let again = 1 + dice.below(self.made);
            if !self.given_up.contains(&again) {
                intakes.push(Intake::Slot(slot(&self.host, again, &self.shape)));
            }
        }
        intakes
    }

    fn check(&self, stage: &Stage, writer: &TestWriter, seed: u64) {
        let found = stage.found(writer, &self.host);
        for range in stage.told(&self.host, EPOCH).ranges() {
            for sequence in range.0..=range.1 {
                let slot = slot(&self.host, sequence, &self.shape);
                let value = found.get(&slot.slot_ms);
                let is_there = value == Some(&(sequence as f64));
                let is_given_up = self.given_up.contains(&sequence);
                assert!(is_there || is_given_up, "seed {seed}: {sequence} is lost: {value:?}");
            }
        }
    }
}

/// What is on the disk after a power cut: what was synced, and some of what was written since.
fn cut_power(stage: &Stage, synced: &[(u64, u64)], dice: &mut Dice) {
    let folder = stage.folder.path().join(LOG_FOLDER);
    let newest = synced.last().map_or(0, |(number, _)| *number);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let number: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        if number < newest {
            continue;
        }
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let there = file.metadata().unwrap().len();
        let kept = synced.iter().find(|one| one.0 == number).map_or(0, |one| one.1);
        file.set_len(kept + dice.below(there - kept + 1)).unwrap();
    }
    let mut double = stage.memory.lock();
    double.now = double.synced.clone();
}

fn set_faults(stage: &Stage, dice: &mut Dice) {
    let mut double = stage.memory.lock();
    double.is_full = dice.one_in(6);
    double.is_busy = dice.one_in(4);
    double.dies_in = dice.one_in(3).then(|| u32::try_from(dice.below(6)).unwrap());
    let dies = dice.one_in(6);
    let room = dice.one_in(6).then(|| dice.below(30_000));
    drop(double);
    stage.disk.set_room_bytes(room);
    if dies {
        stage.disk.fail_sync(1);
    }
    set_free(if dice.one_in(10) { 10 } else { u64::MAX });
}

fn one_life(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let stage = Stage::new(20_000 + dice.below(60_000));
    let agent =
        |name| Agent { host: host(name), shape: shape(0, 2), made: 0, given_up: BTreeSet::new() };
    let mut agents = [agent("web-1"), agent("web-2")];
    let mut writer = stage.open();
    for _ in 0..24 {
        set_faults(&stage, &mut dice);
        set_now(NOW.get() + i64::try_from(dice.below(400_000)).unwrap());
        let intakes = agents.iter_mut().flat_map(|one| one.send(&stage, &mut dice)).collect();
        let done = writer.turn(intakes);
        if done.is_err() || dice.one_in(5) {
            let synced = writer.log.files().segments();
            if done.is_err() {
                let told = stage.agents.calls.lock().unwrap().len();
                let more = vec![Intake::Slot(slot(&agents[0].host, 1, &agents[0].shape))];
                assert!(writer.turn(more).is_err());
                assert_eq!(stage.agents.calls.lock().unwrap().len(), told);
            }
            drop(writer);
            if dice.one_in(2) {
                cut_power(&stage, &synced, &mut dice);
            }
            stage.disk.set_room_bytes(None);
            stage.memory.lock().dies_in = None;
            writer = stage.open();
        }
        for agent in &agents {
            agent.check(&stage, &writer, seed);
        }
    }
    finish(&stage, writer, &mut agents, seed);
}

/// Room again: all is received, stored by an orderly stop, and there after the next start.
fn finish(stage: &Stage, mut writer: TestWriter, agents: &mut [Agent], seed: u64) {
    let mut double = stage.memory.lock();
    (double.dies_in, double.is_full, double.is_busy) = (None, false, false);
    drop(double);
    stage.disk.set_room_bytes(None);
    set_free(u64::MAX);
    let mut calm = Dice(1);
    for _ in 0..8 {
        let intakes = agents.iter_mut().flat_map(|one| one.send(stage, &mut calm)).collect();
        let _before_a_leftover_fault = writer.turn(intakes).is_ok() || {
            writer = stage.open();
            true
        };
    }
    for agent in agents.iter_mut() {
        let left: Vec<Intake> = stage
            .told(&agent.host, EPOCH)
            .missing(1, agent.made)
            .into_iter()
            .flat_map(|range| range.0..=range.1)
            .map(|sequence| Intake::Slot(slot(&agent.host, sequence, &agent.shape)))
            .collect();
        agent.given_up.clear();
        let before = stage.found(&writer, &agent.host);
        writer.turn(left).unwrap();
        assert!(stage.found(&writer, &agent.host).len() >= before.len());
        assert_eq!(stage.told(&agent.host, EPOCH).missing(1, agent.made), [], "seed {seed}");
    }
    let found: Vec<_> = agents.iter().map(|agent| stage.found(&writer, &agent.host)).collect();
    writer.close(Duration::MAX).unwrap();
    let writer = stage.open();
    for (agent, found) in agents.iter().zip(found) {
        assert_eq!(stage.found(&writer, &agent.host), found, "seed {seed}");
        assert_eq!(writer.windows.times(&agent.host), [], "seed {seed}: left open");
    }
}

#[test]
fn killed_at_any_point_nothing_receipted_is_lost_and_nothing_is_double() {
    (0..240).for_each(one_life);
}
