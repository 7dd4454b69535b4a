//! An engine with a clock that tests move, and daemons that answer as the test says.

use std::time::Duration;

use systole_common::ids::InstanceId;
use systole_common::model::coded::Coded;
use systole_common::wire::control::{Echo, Intervals, Policy};
use systole_common::wire::hello::{Clocks, CloseCode, Refusal, RefusalCode};

use crate::engine::Engine;
use crate::engine::effect::{Beat, Effect, Notice};
use crate::engine::input::{Accepted, ConnectionId, DaemonAddress, Input, Loss};
use crate::engine::status::DaemonReport;

/// An engine, its clock, and everything that it asked for since the last look.
pub(super) struct Rig {
    pub(super) engine: Engine,
    pub(super) now_ms: u64,
    pub(super) effects: Vec<(u64, Effect)>,
    echoes: u64,
}

impl Rig {
    /// An engine that has a certificate and dials these daemons.
    pub(super) fn with(daemons: &[&str]) -> Self {
        let mut rig = Self::without_certificate(daemons);
        rig.input(Input::CertificateReady);
        rig
    }

    pub(super) fn without_certificate(daemons: &[&str]) -> Self {
        let engine = Engine::new(clocks(0), 7, Duration::from_secs(5));
        let mut rig = Self { engine, now_ms: 0, effects: Vec::new(), echoes: 0 };
        rig.input(Input::Daemons(daemons.iter().map(|name| address(name)).collect()));
        rig
    }

    /// One daemon, connected and confirmed at once.
    pub(super) fn connected() -> (Self, ConnectionId) {
        let mut rig = Self::with(&["mon-1"]);
        rig.advance(0);
        let connection = rig.last_dial();
        rig.accept(connection);
        rig.echo(connection);
        rig.look();
        (rig, connection)
    }

    pub(super) fn input(&mut self, input: Input) {
        let effects = self.engine.handle(clocks(self.now_ms), input);
        self.effects.extend(effects.into_iter().map(|effect| (self.now_ms, effect)));
    }

    /// Lets `ms` pass, with a tick at each deadline.
    pub(super) fn advance(&mut self, ms: u64) {
        self.advance_with(ms, |_| {});
    }

    /// The same, with something to do after each tick.
    pub(super) fn advance_with(&mut self, ms: u64, mut after: impl FnMut(&mut Self)) {
        let end = self.now_ms + ms;
        for _ in 0..1_000_000 {
            let Some(due) = self.engine.next_deadline() else {
                break;
            };
            let due_ms = due.0.div_ceil(1_000_000).max(self.now_ms);
            if due_ms > end {
                break;
            }
            self.now_ms = due_ms;
            self.input(Input::Tick);
            after(self);
        }
        self.now_ms = end;
    }

    /// The same, with the daemon echoing every heartbeat on `connection`.
    pub(super) fn advance_echoing(&mut self, ms: u64, connection: ConnectionId) {
        let mut seen = self.engine.heartbeats_sent();
        self.advance_with(ms, |rig| {
            if rig.engine.heartbeats_sent() > seen {
                rig.echo(connection);
                seen = rig.engine.heartbeats_sent();
            }
        });
    }

    /// Nothing runs for `ms`, as after SIGSTOP; then one tick.
    pub(super) fn freeze(&mut self, ms: u64) {
        self.now_ms += ms;
        self.input(Input::Tick);
    }

    pub(super) fn accept(&mut self, connection: ConnectionId) {
        self.accept_with(
            connection,
            Intervals { heartbeat_ms: 1000, live_ms: 5000, stored_ms: 5000 },
        );
    }

    pub(super) fn accept_with(&mut self, connection: ConnectionId, intervals: Intervals) {
        let policy = Policy { intervals, ..Policy::default() };
        let remote = "10.0.0.5:5001".to_owned();
        let accepted = Accepted { daemon: InstanceId(1), policy, remote };
        self.input(Input::Accepted { connection, accepted });
    }

    /// The daemon echoes the newest heartbeat.
    pub(super) fn echo(&mut self, connection: ConnectionId) {
        self.echo_of(connection, self.engine.heartbeats_sent());
    }

    pub(super) fn echo_of(&mut self, connection: ConnectionId, heartbeat_sequence: u64) {
        self.echoes += 1;
        let echo = Echo {
            epoch: InstanceId(1),
            sequence: self.echoes,
            heartbeat_sequence,
            hold_us: 0,
            loop_lag_us: 0,
            wanted_interval_ms: 0,
        };
        self.input(Input::Echoed { connection, echo });
    }

    pub(super) fn fail(&mut self, connection: ConnectionId) {
        self.input(Input::Failed { connection, why: "no answer".to_owned(), refused: false });
    }

    pub(super) fn lose(&mut self, connection: ConnectionId, loss: Loss) {
        self.input(Input::Lost { connection, loss });
    }

    pub(super) fn refuse(&mut self, connection: ConnectionId, code: RefusalCode, after_ms: u32) {
        let text = format!("refused: {}", code.as_str());
        let refusal = Refusal { code: code.into(), text, retry_after_ms: after_ms };
        self.input(Input::Refused { connection, refusal });
    }

    /// Everything asked for since the last look.
    pub(super) fn look(&mut self) -> Vec<(u64, Effect)> {
        std::mem::take(&mut self.effects)
    }

    /// The dials since the last look, with their times.
    pub(super) fn dials(&self) -> Vec<(u64, ConnectionId)> {
        let dial = |(at, effect): &(u64, Effect)| match effect {
            Effect::Dial { connection, .. } => Some((*at, *connection)),
            _ => None,
        };
        self.effects.iter().filter_map(dial).collect()
    }

    pub(super) fn last_dial(&self) -> ConnectionId {
        self.dials().last().expect("a dial").1
    }

    pub(super) fn beats(&self) -> Vec<(u64, Beat)> {
        let beat = |(at, effect): &(u64, Effect)| match effect {
            Effect::Beat(beat) => Some((*at, beat.clone())),
            _ => None,
        };
        self.effects.iter().filter_map(beat).collect()
    }

    pub(super) fn closes(&self) -> Vec<(ConnectionId, CloseCode)> {
        let close = |(_, effect): &(u64, Effect)| match effect {
            Effect::Close { connection, code, .. } => Some((*connection, *code)),
            _ => None,
        };
        self.effects.iter().filter_map(close).collect()
    }

    pub(super) fn abandons(&self) -> Vec<ConnectionId> {
        let abandon = |(_, effect): &(u64, Effect)| match effect {
            Effect::Abandon { connection } => Some(*connection),
            _ => None,
        };
        self.effects.iter().filter_map(abandon).collect()
    }

    pub(super) fn notices(&self) -> Vec<(u64, Notice)> {
        let notice = |(at, effect): &(u64, Effect)| match effect {
            Effect::Note(notice) => Some((*at, notice.clone())),
            _ => None,
        };
        self.effects.iter().filter_map(notice).collect()
    }

    pub(super) fn daemon(&self) -> DaemonReport {
        self.engine.report(clocks(self.now_ms)).daemons.remove(0)
    }
}

/// All clocks `ms` after their start; the wall clock stands 1,000 s later.
pub(super) fn clocks(ms: u64) -> Clocks {
    let ns = ms * 1_000_000;
    Clocks { mono_ns: ns, boot_ns: ns, wall_ms: 1_000_000 + i64::try_from(ms).unwrap() }
}

pub(super) fn address(name: &str) -> DaemonAddress {
    DaemonAddress { name: name.parse().unwrap(), address: "10.0.0.5:5001".to_owned() }
}

pub(super) fn closed(code: CloseCode) -> Loss {
    Loss::Closed { code: code.into(), text: String::new() }
}

pub(super) fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}
