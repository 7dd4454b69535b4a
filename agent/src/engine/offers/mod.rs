//! Which file is offered to which daemon, and when its bytes go. Pure: time is an argument.
//!
//! [`Offers::handle`] takes one [`Input`] and gives the [`Effect`]s that it asks for;
//! [`Offers::next_deadline`] says when to call again. An offer lives as long as its user waits. It goes
//! to one daemon, the first connected one in the order of the configuration, is said again on each of
//! its main connections, and stays with it once it was accepted. One file at a time goes to a daemon;
//! a transfer that breaks off is tried again. Names, notes and bytes are the shell's.

mod event;
mod live;
pub mod pace;
#[cfg(test)]
mod tests;
mod withdrawals;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use systole_common::ids::{DaemonName, SpoolEpoch};
use systole_common::model::file::FileState;
use systole_common::time::Mono;
use systole_common::wire::file::Decision;

use super::input::ConnectionId;
use super::random::Random;
use crate::limits::{
    NO_DAEMON_TOLD, OFFER_ANSWER_WAIT, OFFER_CLAIM_WAIT, OFFER_MOVE_WAIT, OFFER_START_WAIT,
};
pub use event::{Effect, Input, Told, TransferEnd};
use live::{Live, Stage, Transfer};
use withdrawals::Withdrawals;

/// Everything that is known and decided about files on offer.
#[derive(Debug)]
pub struct Offers {
    epoch: SpoolEpoch,
    begun: Mono,
    daemons: Vec<DaemonName>,
    mains: BTreeMap<DaemonName, ConnectionId>,
    /// Since when daemons are without a main connection that had one.
    lost: BTreeMap<DaemonName, Mono>,
    live: BTreeMap<u64, Live>,
    withdrawals: Withdrawals,
    /// Open offers of before the start, of which daemons spoke: their users may come back.
    unclaimed: BTreeSet<(DaemonName, u64)>,
    attempts: u64,
    random: Random,
}

impl Offers {
    /// Nothing is on offer yet. `seed` must be random.
    pub fn new(now: Mono, epoch: SpoolEpoch, seed: u64) -> Self {
        Self {
            epoch,
            begun: now,
            daemons: Vec::new(),
            mains: BTreeMap::new(),
            lost: BTreeMap::new(),
            live: BTreeMap::new(),
            withdrawals: Withdrawals::default(),
            unclaimed: BTreeSet::new(),
            attempts: 0,
            random: Random::new(seed),
        }
    }

    /// Takes in what happened and says what is to be done, in this order.
    pub fn handle(&mut self, now: Mono, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Tick => {}
            Input::Follow(daemons) => self.follow(daemons, &mut effects),
            Input::MainUp { daemon, connection } => {
                if self.daemons.contains(&daemon) {
                    self.lost.remove(&daemon);
                    self.of(&daemon).for_each(|(_, one)| one.offered_at = None);
                    self.mains.insert(daemon, connection);
                }
            }
            Input::MainDown { daemon } => self.main_down(now, &daemon, &mut effects),
            Input::Offered { sequence } => self.offered(now, sequence),
            Input::Left { sequence } => {
                if let Some(Live { daemon: Some(daemon), .. }) = self.forget(sequence, &mut effects)
                {
                    self.withdrawals.add(daemon, sequence, words::LEFT);
                }
            }
            Input::Spoiled { sequence, reason } => self.spoiled(sequence, reason, &mut effects),
            Input::Decided { daemon, decision } => {
                self.decided(now, daemon, decision, &mut effects);
            }
            Input::Transferred { sequence, attempt, end } => {
                self.transferred(now, (sequence, attempt), end, &mut effects);
            }
        }
        self.settle(now, &mut effects);
        effects
    }

    /// When [`Input::Tick`] is due, if ever.
    pub fn next_deadline(&self) -> Option<Mono> {
        let live = self.live.values().filter_map(|one| self.due(one)).min();
        let claim = (!self.unclaimed.is_empty()).then(|| self.begun.plus(OFFER_CLAIM_WAIT));
        [live, claim, self.withdrawals.next_deadline(&self.mains)].into_iter().flatten().min()
    }

    /// Whether a file may be offered under this sequence, which was used before the agent's start.
    pub fn is_free(&self, sequence: u64) -> bool {
        !self.live.contains_key(&sequence) && !self.withdrawals.has(sequence)
    }

    /// The daemons that are to get bytes, so that a bulk connection to each is needed.
    pub fn wanting(&self) -> BTreeSet<DaemonName> {
        let wants = |one: &&Live| one.transfer != Transfer::None;
        let daemons = self.live.values().filter(wants).filter_map(|one| one.daemon.clone());
        daemons.filter(|daemon| self.mains.contains_key(daemon)).collect()
    }

    /// The offers that are with a daemon.
    fn of(&mut self, daemon: &DaemonName) -> impl Iterator<Item = (&u64, &mut Live)> {
        self.live.iter_mut().filter(move |(_, one)| one.daemon.as_ref() == Some(daemon))
    }

    fn follow(&mut self, daemons: Vec<DaemonName>, effects: &mut Vec<Effect>) {
        self.withdrawals.follow(&daemons);
        self.unclaimed.retain(|(daemon, _)| daemons.contains(daemon));
        self.lost.retain(|daemon, _| daemons.contains(daemon));
        self.mains.retain(|daemon, _| daemons.contains(daemon));
        self.daemons = daemons;
        let mut over = Vec::new();
        for (sequence, one) in &mut self.live {
            let Some(daemon) = one.daemon.clone() else { continue };
            if self.daemons.contains(&daemon) {
                continue;
            }
            one.stop(*sequence, effects);
            match one.stage {
                Stage::Open => one.daemon = None,
                Stage::Wanted { .. } => over.push((*sequence, words::not_configured(&daemon))),
            }
        }
        for (sequence, reason) in over {
            self.live.remove(&sequence);
            let told = Told::own(FileState::Failed, reason);
            effects.push(Effect::Over { sequence, told });
        }
    }

    fn main_down(&mut self, now: Mono, daemon: &DaemonName, effects: &mut Vec<Effect>) {
        if self.mains.remove(daemon).is_none() {
            return;
        }
        self.lost.insert(daemon.clone(), now);
        for (sequence, one) in self.of(daemon) {
            one.stop(*sequence, effects);
            if let Stage::Wanted { .. } = one.stage {
                one.transfer = Transfer::Due(now);
                let told = Told::own(FileState::Receiving, words::gone(daemon));
                effects.push(Effect::Tell { sequence: *sequence, told });
            }
        }
    }

    /// A user offers a file, or came back to it after the agent's start: it stays with the daemon that
    /// spoke of it.
    fn offered(&mut self, now: Mono, sequence: u64) {
        let spoke = |daemon: &&DaemonName| self.unclaimed.contains(&((*daemon).clone(), sequence));
        let mut spoke = self.daemons.iter().filter(spoke).cloned().collect::<Vec<_>>().into_iter();
        self.unclaimed.retain(|(_, unclaimed)| *unclaimed != sequence);
        let daemon = spoke.next();
        spoke.for_each(|other| self.withdrawals.add(other, sequence, words::ELSEWHERE));
        self.live.entry(sequence).or_insert_with(|| Live::new(now, daemon));
    }

    /// Takes an offer out, if there is one.
    fn forget(&mut self, sequence: u64, effects: &mut Vec<Effect>) -> Option<Live> {
        let mut one = self.live.remove(&sequence)?;
        one.stop(sequence, effects);
        Some(one)
    }

    /// The file can never be sent: its user and its daemon hear that it failed.
    fn spoiled(&mut self, sequence: u64, reason: String, effects: &mut Vec<Effect>) {
        let Some(one) = self.forget(sequence, effects) else { return };
        if let Some(daemon) = one.daemon {
            self.withdrawals.fail(daemon, sequence, &reason);
        }
        let told = Told::own(FileState::Failed, reason);
        effects.push(Effect::Over { sequence, told });
    }

    fn decided(
        &mut self,
        now: Mono,
        daemon: DaemonName,
        decision: Decision,
        effects: &mut Vec<Effect>,
    ) {
        let (sequence, file) = (decision.sequence, decision.file);
        let Some(state) = decision.state.known() else { return };
        if decision.epoch != self.epoch || !self.daemons.contains(&daemon) {
            return;
        }
        let is_taken_back = self.withdrawals.is_for(&daemon, sequence);
        let mut found = self.live.get_mut(&sequence);
        if let Some(one) = &mut found
            && one.daemon.is_none()
            && state.is_open()
            && !is_taken_back
        {
            // It has it from before the agent's start.
            (one.daemon, one.offered_at) = (Some(daemon.clone()), Some(now));
        }
        let Some(one) = found.filter(|one| one.daemon.as_ref() == Some(&daemon)) else {
            self.unheld(now, daemon, sequence, state);
            return;
        };
        one.is_answered = true;
        if !state.is_open() {
            one.stop(sequence, effects);
            self.live.remove(&sequence);
            effects.push(Effect::Over { sequence, told: Told::of(state, decision) });
            return;
        }
        if matches!(state, FileState::Accepted | FileState::Receiving) {
            one.stage = Stage::Wanted { file };
            if one.transfer == Transfer::None {
                one.transfer = Transfer::Due(now);
            }
        }
        effects.push(Effect::Tell { sequence, told: Told::of(state, decision) });
    }

    /// A daemon speaks of an offer that is none of its live ones.
    fn unheld(&mut self, now: Mono, daemon: DaemonName, sequence: u64, state: FileState) {
        if !state.is_open() {
            self.unclaimed.remove(&(daemon.clone(), sequence));
            self.withdrawals.settled(&daemon, sequence);
        } else if self.live.contains_key(&sequence) {
            self.withdrawals.add(daemon, sequence, words::ELSEWHERE);
        } else if now < self.begun.plus(OFFER_CLAIM_WAIT) && !self.withdrawals.has(sequence) {
            withdrawals::bounded(&mut self.unclaimed);
            self.unclaimed.insert((daemon, sequence));
        } else {
            self.withdrawals.add(daemon, sequence, words::NOBODY);
        }
    }

    fn transferred(
        &mut self,
        now: Mono,
        (sequence, attempt): (u64, u64),
        end: TransferEnd,
        effects: &mut Vec<Effect>,
    ) {
        let random = self.random.draw();
        let running = Transfer::Running { attempt };
        let Some(one) = self.live.get_mut(&sequence).filter(|one| one.transfer == running) else {
            return;
        };
        match end {
            TransferEnd::Word(decision) => match decision.state.known() {
                Some(state) if !state.is_open() => {
                    self.live.remove(&sequence);
                    effects.push(Effect::Over { sequence, told: Told::of(state, decision) });
                }
                Some(_) | None => one.retry(now, false, random),
            },
            TransferEnd::Broken { has_moved } => one.retry(now, has_moved, random),
        }
    }

    /// What follows from everything.
    fn settle(&mut self, now: Mono, effects: &mut Vec<Effect>) {
        if self.begun.plus(OFFER_CLAIM_WAIT) <= now {
            for (daemon, sequence) in std::mem::take(&mut self.unclaimed) {
                self.withdrawals.add(daemon, sequence, words::NOBODY);
            }
        }
        self.leave_lost(now);
        self.place(now, effects);
        self.start(now, effects);
        self.withdrawals.settle(now, &self.mains, effects);
    }

    /// The daemon that new offers go to. Just after the start the first one gets time to be connected:
    /// it may have offers of before.
    fn chosen(&self, now: Mono) -> Option<&DaemonName> {
        let chosen = self.daemons.iter().find(|daemon| self.mains.contains_key(daemon))?;
        let is_first = self.daemons.first() == Some(chosen);
        (is_first || self.begun.plus(OFFER_START_WAIT) <= now).then_some(chosen)
    }

    /// Offers that nobody accepted leave a daemon that is gone for long, if there is another.
    fn leave_lost(&mut self, now: Mono) {
        if self.mains.is_empty() {
            return;
        }
        for (sequence, one) in &mut self.live {
            let Some(since) = one.daemon.as_ref().and_then(|daemon| self.lost.get(daemon)) else {
                continue;
            };
            if one.stage == Stage::Open
                && since.plus(OFFER_MOVE_WAIT) <= now
                && let Some(daemon) = one.daemon.take()
            {
                self.withdrawals.add(daemon, *sequence, words::ELSEWHERE);
            }
        }
    }

    /// Offers what is with no daemon, or is to be said again to its own.
    fn place(&mut self, now: Mono, effects: &mut Vec<Effect>) {
        let chosen = self.chosen(now).cloned();
        for (sequence, one) in &mut self.live {
            if one.daemon.is_none() {
                one.daemon.clone_from(&chosen);
                one.offered_at = None;
            }
            let sequence = *sequence;
            let main =
                one.daemon.as_ref().and_then(|daemon| Some((daemon, *self.mains.get(daemon)?)));
            if let Some((daemon, connection)) = main {
                let is_lost = !one.is_answered
                    && one.offered_at.is_some_and(|at| at.plus(OFFER_ANSWER_WAIT) <= now);
                if one.offered_at.is_none() || is_lost {
                    (one.offered_at, one.is_answered) = (Some(now), false);
                    let daemon = daemon.clone();
                    effects.push(Effect::Offer { daemon, connection, sequence });
                }
            } else if one.daemon.is_none()
                && !one.is_told_alone
                && self.mains.is_empty()
                && one.since.plus(NO_DAEMON_TOLD) <= now
            {
                one.is_told_alone = true;
                let told = Told::own(FileState::Offered, words::NO_DAEMON.to_owned());
                effects.push(Effect::Tell { sequence, told });
            }
        }
    }

    /// Begins the next transfer to each daemon that gets none.
    fn start(&mut self, now: Mono, effects: &mut Vec<Effect>) {
        for daemon in self.mains.keys() {
            let own = self.live.iter_mut().filter(|(_, one)| one.daemon.as_ref() == Some(daemon));
            let own: Vec<_> = own.collect();
            if own.iter().any(|(_, one)| matches!(one.transfer, Transfer::Running { .. })) {
                continue;
            }
            let due = own
                .into_iter()
                .filter_map(|(sequence, one)| Some((one.due_at(now)?, *sequence, one)));
            let Some((_, sequence, one)) = due.min_by_key(|(at, sequence, _)| (*at, *sequence))
            else {
                continue;
            };
            if let Stage::Wanted { file } = one.stage {
                self.attempts += 1;
                one.transfer = Transfer::Running { attempt: self.attempts };
                let (daemon, attempt) = (daemon.clone(), self.attempts);
                effects.push(Effect::Transfer { daemon, sequence, file, attempt });
            }
        }
    }

    /// When something is to be done about an offer.
    fn due(&self, one: &Live) -> Option<Mono> {
        let Some(daemon) = &one.daemon else {
            let placed = self.daemons.iter().any(|daemon| self.mains.contains_key(daemon));
            let told = (!one.is_told_alone).then(|| one.since.plus(NO_DAEMON_TOLD));
            return if placed { Some(self.begun.plus(OFFER_START_WAIT)) } else { told };
        };
        if !self.mains.contains_key(daemon) {
            let may_leave = one.stage == Stage::Open && !self.mains.is_empty();
            let since = self.lost.get(daemon).filter(|_| may_leave)?;
            return Some(since.plus(OFFER_MOVE_WAIT));
        }
        let answer =
            one.offered_at.filter(|_| !one.is_answered).map(|at| at.plus(OFFER_ANSWER_WAIT));
        let is_busy = || {
            let own = self.live.values().filter(|other| other.daemon.as_ref() == Some(daemon));
            own.into_iter().any(|other| matches!(other.transfer, Transfer::Running { .. }))
        };
        let transfer = match one.transfer {
            Transfer::Due(at) if !is_busy() => Some(at),
            Transfer::Due(_) | Transfer::None | Transfer::Running { .. } => None,
        };
        [answer, transfer].into_iter().flatten().min()
    }
}
