//! Offers and a clock; effects as short lines.

use systole_common::model::coded::Coded;
use systole_common::time::UnixMs;

use super::super::*;

pub(super) const EPOCH: SpoolEpoch = SpoolEpoch(77);
pub(super) const S: u64 = 1_000_000_000;

/// The name of the daemon number `index`.
pub(super) fn name(index: usize) -> DaemonName {
    format!("mon-{}", index + 1).parse().unwrap()
}

pub(super) fn decision(sequence: u64, state: FileState) -> Decision {
    Decision {
        epoch: EPOCH,
        sequence,
        file: 100 + sequence,
        state: state.into(),
        reason: String::new(),
        by: String::new(),
        offset: 0,
        path: String::new(),
        expires_at: UnixMs(0),
    }
}

pub(super) fn told(sequence: u64, state: &str, reason: &str) -> String {
    format!("over {sequence} {state}: {reason}")
}

pub(super) struct Rig {
    pub(super) now: u64,
    pub(super) offers: Offers,
    pub(super) effects: Vec<Effect>,
    connections: u64,
}

impl Rig {
    pub(super) fn new(daemons: usize) -> Self {
        let offers = Offers::new(Mono(0), EPOCH, 1);
        let mut rig = Self { now: 0, offers, effects: Vec::new(), connections: 0 };
        rig.input(Input::Follow((0..daemons).map(name).collect()));
        rig
    }

    pub(super) fn input(&mut self, input: Input) {
        self.effects.extend(self.offers.handle(Mono(self.now), input));
    }

    /// Lets time pass, deadline by deadline.
    pub(super) fn pass(&mut self, ns: u64) {
        let end = self.now + ns;
        for _ in 0..100_000 {
            let Some(due) = self.offers.next_deadline().filter(|due| due.0 <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(due.0);
            self.input(Input::Tick);
        }
        panic!("the engine is never done at {}", self.now);
    }

    pub(super) fn up(&mut self, daemon: usize) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        self.input(Input::MainUp { daemon: name(daemon), connection });
    }

    pub(super) fn down(&mut self, daemon: usize) {
        self.input(Input::MainDown { daemon: name(daemon) });
    }

    pub(super) fn offer(&mut self, sequence: u64) {
        self.input(Input::Offered { sequence });
    }

    pub(super) fn say(&mut self, daemon: usize, sequence: u64, state: FileState) {
        let (daemon, decision) = (name(daemon), decision(sequence, state));
        self.input(Input::Decided { daemon, decision });
    }

    pub(super) fn word(&mut self, sequence: u64, attempt: u64, state: FileState) {
        let end = TransferEnd::Word(decision(sequence, state));
        self.input(Input::Transferred { sequence, attempt, end });
    }

    pub(super) fn broken(&mut self, sequence: u64, attempt: u64, has_moved: bool) {
        let end = TransferEnd::Broken { has_moved };
        self.input(Input::Transferred { sequence, attempt, end });
    }

    /// What was done since the last time.
    pub(super) fn take(&mut self) -> Vec<String> {
        self.effects.drain(..).map(|effect| shown(&effect)).collect()
    }
}

fn shown(effect: &Effect) -> String {
    let words = |told: &Told| match told.reason.as_str() {
        "" => told.state.as_str().to_owned(),
        reason => format!("{}: {reason}", told.state.as_str()),
    };
    match effect {
        Effect::Offer { daemon, sequence, .. } => format!("offer {daemon} {sequence}"),
        Effect::Withdraw { daemon, withdraw, .. } => {
            let word = if withdraw.has_failed { "fail" } else { "withdraw" };
            format!("{word} {daemon} {}: {}", withdraw.sequence, withdraw.reason)
        }
        Effect::Transfer { daemon, sequence, file, attempt } => {
            format!("transfer {daemon} {sequence} file {file} try {attempt}")
        }
        Effect::Stop { sequence } => format!("stop {sequence}"),
        Effect::Tell { sequence, told } => format!("tell {sequence} {}", words(told)),
        Effect::Over { sequence, told } => format!("over {sequence} {}", words(told)),
    }
}
