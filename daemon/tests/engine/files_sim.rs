//! Hosts that offer files to an engine in virtual time, and a disk that keeps what was committed.

use std::collections::BTreeMap;
use std::time::Duration;

use systole_common::ids::{
    BootId, ConnectionId, DaemonName, HostId, InstanceId, OperatorName, Role, SpoolEpoch,
};
use systole_common::model::file::{FileState, HASH_BYTES};
use systole_common::time::{Mono, Now, UnixMs};
use systole_common::wire::control::SequenceKind;
use systole_common::wire::file::{Accept, Decision, FeedFile, FileRecord, Offer, Reject, Withdraw};
use systole_common::wire::hello::{Clocks, RefusalCode};
use systole_daemon::engine::Engine;
use systole_daemon::engine::effect::{Effect, FeedFrame, LogLine, Reply, TransferVerdict};
use systole_daemon::engine::input::{AgentHello, Input, Request};
use systole_daemon::engine::settings::Settings;
use systole_daemon::engine::state::{AuditRow, Change, FileRow, HostRow, MessageRow, Saved};

use crate::sim::{SECOND, host};

/// The spool's epoch of every host here.
pub(crate) const EPOCH: SpoolEpoch = SpoolEpoch(7);
/// The console of `bo`, and that of `alex`.
pub(crate) const BO: ConnectionId = ConnectionId(1_000);
pub(crate) const ALEX: ConnectionId = ConnectionId(1_001);
pub(crate) const KIB: u64 = 1 << 10;
pub(crate) const MIB: u64 = 1 << 20;

/// When each of these days begins.
const MONO: Mono = Mono(1_000_000_000_000);
const WALL: UnixMs = UnixMs(1_795_000_000_000);

type ReceivedKey = (HostId, SequenceKind, SpoolEpoch);

/// See the module's words.
pub(crate) struct FileSim {
    pub(crate) engine: Engine,
    pub(crate) now: Now,
    pub(crate) settings: Settings,
    pub(crate) hosts: BTreeMap<HostId, HostRow>,
    pub(crate) files: BTreeMap<u64, FileRow>,
    pub(crate) received: BTreeMap<ReceivedKey, Vec<(u64, u64)>>,
    pub(crate) audit: Vec<AuditRow>,
    pub(crate) chat: Vec<MessageRow>,
    /// What room is asked for comes to; `None` is that the answer is yet to come.
    pub(crate) room: Option<Result<(), String>>,
    /// Effects since the last call of [`Self::take`].
    pub(crate) effects: Vec<Effect>,
    pub(crate) log: Vec<LogLine>,
    connections: BTreeMap<&'static str, ConnectionId>,
    counter: u64,
}

impl FileSim {
    /// A daemon with two consoles, and these hosts.
    pub(crate) fn new(hosts: &[&'static str]) -> Self {
        Self::with(Settings::default(), hosts)
    }

    pub(crate) fn with(settings: Settings, hosts: &[&'static str]) -> Self {
        let now = Now { mono: MONO, wall: WALL };
        let mut sim = Self {
            engine: engine(&settings, Saved::default(), now),
            now,
            settings,
            hosts: BTreeMap::new(),
            files: BTreeMap::new(),
            received: BTreeMap::new(),
            audit: Vec::new(),
            chat: Vec::new(),
            room: Some(Ok(())),
            effects: Vec::new(),
            log: Vec::new(),
            connections: BTreeMap::new(),
            counter: 10,
        };
        sim.begin(hosts);
        sim
    }

    fn begin(&mut self, hosts: &[&'static str]) {
        self.give(Input::Ready);
        for (session, name) in [(BO, "bo"), (ALEX, "alex")] {
            let operator: OperatorName = name.parse().unwrap();
            let (role, address) = (Role::Admin, String::new());
            self.give(Input::ConsoleOpened { session, operator, role, address });
        }
        for name in hosts {
            self.connect(name);
        }
        self.audit.retain(|row| row.action != "new-host");
    }

    /// The agent dials and opens its messages stream.
    pub(crate) fn connect(&mut self, name: &'static str) {
        self.counter += 1;
        let connection = ConnectionId(self.counter);
        self.connections.insert(name, connection);
        self.give(Input::AgentHello(AgentHello {
            connection,
            host: host(name),
            instance: InstanceId(1),
            boot_id: BootId([7; 16]),
            clocks: Clocks::default(),
            software: "0.1.0".into(),
            os: "Debian 12".into(),
            labels: Vec::new(),
            address: "10.0.0.1:4000".into(),
            certificate_expires: self.now.wall.plus(Duration::from_hours(397 * 24)),
        }));
        self.give(Input::MessagesOpen { connection, epoch: EPOCH });
    }

    pub(crate) fn connection(&self, name: &str) -> ConnectionId {
        self.connections[name]
    }

    /// kill -9 of the daemon, and its start on what it had committed; the hosts come back.
    pub(crate) fn restart(&mut self, away: Duration) {
        self.move_to(self.now.mono.plus(away));
        let over = self.files.values().rev().filter(|row| !row.state.is_open()).take(64);
        let open = self.files.values().filter(|row| row.state.is_open());
        let mut files: Vec<FileRow> = over.chain(open).cloned().collect();
        files.sort_by_key(|row| row.id);
        let received = self.received.iter();
        let saved = Saved {
            hosts: self.hosts.values().cloned().collect(),
            message_last: u64::try_from(self.chat.len()).unwrap(),
            received: received
                .map(|((host, kind, epoch), ranges)| (host.clone(), *kind, *epoch, ranges.clone()))
                .collect(),
            file_id_last: self.files.keys().last().copied().unwrap_or(0),
            files,
            ..Saved::default()
        };
        self.engine = engine(&self.settings, saved, self.now);
        let names: Vec<_> = self.connections.keys().copied().collect();
        self.begin(&names);
    }

    /// Lets time pass; deadlines are kept to the nanosecond.
    pub(crate) fn advance(&mut self, span: Duration) {
        let end = self.now.mono.plus(span);
        while let Some(at) = self.engine.next_deadline().filter(|at| *at <= end) {
            self.move_to(at);
            self.give(Input::Tick);
        }
        self.move_to(end);
    }

    /// Both clocks go on by the same span; a deadline may have passed while the daemon was away.
    fn move_to(&mut self, at: Mono) {
        let mono = self.now.mono.max(at);
        self.now = Now { mono, wall: WALL.plus(mono.since(MONO)) };
    }

    /// Gives an input, commits what it changes, and answers for the disk.
    pub(crate) fn give(&mut self, input: Input) {
        let outcome = self.engine.handle(self.now, input);
        for change in outcome.changes {
            self.commit(change);
        }
        let mut reserves = Vec::new();
        for effect in outcome.at_once.into_iter().chain(outcome.after_commit) {
            match &effect {
                Effect::Log(line) => self.log.push(line.clone()),
                Effect::Reserve { file, .. } => reserves.push(*file),
                _ => {}
            }
            self.effects.push(effect);
        }
        for file in reserves {
            if let Some(result) = self.room.clone() {
                self.give(Input::Reserved { file, result });
            }
        }
    }

    fn commit(&mut self, change: Change) {
        match change {
            Change::Host(row) => {
                self.hosts.insert(row.host.clone(), *row);
            }
            Change::RetireHost(host) => {
                self.hosts.remove(&host);
            }
            Change::Audit(row) => self.audit.push(row),
            Change::Message { row, .. } => self.chat.push((*row).clone()),
            Change::Received { host, kind, epoch, ranges } => {
                self.received.insert((host, kind, epoch), ranges);
            }
            Change::File(row) => {
                self.files.insert(row.id, *row);
            }
            Change::Heard(_) | Change::Connection(..) | Change::Alert(_) | Change::Marks { .. } => {
            }
        }
    }

    /// An offer as it is sent.
    pub(crate) fn offered(sequence: u64, name: &str, size_bytes: u64) -> Offer {
        Offer {
            sequence,
            name: name.into(),
            size_bytes,
            blake3: [5; HASH_BYTES],
            content: "application/zstd".into(),
            note: "from the crash at noon".into(),
            user: "kim".into(),
            time: UnixMs(0),
        }
    }

    pub(crate) fn offer(&mut self, from: &str, sequence: u64, name: &str, size_bytes: u64) {
        self.offer_as(from, Self::offered(sequence, name, size_bytes));
    }

    pub(crate) fn offer_as(&mut self, from: &str, offer: Offer) {
        let (connection, certificate) = (self.connection(from), "ab:cd".to_owned());
        let (offer, free_bytes) = (Box::new(offer), 9 * MIB);
        self.give(Input::Offer { connection, epoch: EPOCH, offer, certificate, free_bytes });
    }

    pub(crate) fn withdraw(&mut self, from: &str, sequence: u64, reason: &str) {
        let (connection, reason) = (self.connection(from), reason.to_owned());
        let withdraw = Withdraw { sequence, reason, has_failed: false };
        self.give(Input::Withdraw { connection, epoch: EPOCH, withdraw });
    }

    /// A request; its reply, if it has come.
    pub(crate) fn ask(&mut self, session: ConnectionId, body: Request) -> Option<Reply> {
        self.effects.clear();
        self.give(Input::Request { session, request: 4, body });
        self.reply()
    }

    pub(crate) fn reply(&mut self) -> Option<Reply> {
        let replies = self.effects.iter().filter_map(|effect| match effect {
            Effect::Reply { reply, request: 4, .. } => Some(reply.clone()),
            _ => None,
        });
        let replies: Vec<Reply> = replies.collect();
        assert!(replies.len() <= 1, "one reply a request: {replies:?}");
        replies.into_iter().next()
    }

    pub(crate) fn accept(&mut self, session: ConnectionId, file: u64) -> Result<FileRecord, No> {
        let reply = self.ask(session, Request::Accept(Accept { file }));
        one_file(reply.unwrap())
    }

    pub(crate) fn reject(
        &mut self,
        session: ConnectionId,
        file: u64,
        why: &str,
    ) -> Result<FileRecord, No> {
        let reply = self.ask(session, Request::Reject(Reject { file, why: why.into() }));
        one_file(reply.unwrap())
    }

    pub(crate) fn open(&mut self, from: &str, transfer: u64, file: u64) {
        self.give(Input::TransferOpen { host: host(from), transfer, file });
    }

    pub(crate) fn progress(&mut self, transfer: u64, file: u64, received: u64, synced: u64) {
        let (received_bytes, synced_bytes) = (received, synced);
        self.give(Input::TransferProgress { transfer, file, received_bytes, synced_bytes });
    }

    pub(crate) fn whole(&mut self, transfer: u64, file: u64, name: &str) {
        self.give(Input::TransferWhole { transfer, file, name: name.into() });
    }

    pub(crate) fn placed(&mut self, transfer: u64, file: u64) {
        self.give(Input::TransferPlaced { transfer, file, content: "text/plain".into() });
    }

    pub(crate) fn ended(&mut self, transfer: u64, file: u64, fatal: Option<&str>) {
        self.give(Input::TransferEnded { transfer, file, fatal: fatal.map(str::to_owned) });
    }

    /// What happened since the last call.
    pub(crate) fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The decisions that agents were told, on messages streams.
    pub(crate) fn decisions(&self) -> Vec<Decision> {
        let told = self.effects.iter().filter_map(|effect| match effect {
            Effect::Decide { decision, .. } => Some((**decision).clone()),
            _ => None,
        });
        told.collect()
    }

    /// The last words on file streams.
    pub(crate) fn overs(&self) -> Vec<(u64, FileState)> {
        let told = self.effects.iter().filter_map(|effect| match effect {
            Effect::TransferOver { transfer, decision } => {
                Some((*transfer, decision.state.known().unwrap()))
            }
            _ => None,
        });
        told.collect()
    }

    /// The verdicts on file streams.
    pub(crate) fn verdicts(&self) -> Vec<(u64, TransferVerdict)> {
        let told = self.effects.iter().filter_map(|effect| match effect {
            Effect::Transfer { transfer, verdict } => Some((*transfer, (**verdict).clone())),
            _ => None,
        });
        told.collect()
    }

    pub(crate) fn discarded(&self) -> Vec<u64> {
        let told = self.effects.iter().filter_map(|effect| match effect {
            Effect::Discard { file } => Some(*file),
            _ => None,
        });
        told.collect()
    }

    pub(crate) fn fed(&self) -> Vec<FeedFile> {
        let told = self.effects.iter().filter_map(|effect| match effect {
            Effect::Feed { sessions, frame: FeedFrame::File(event) } => {
                assert_eq!(sessions.len(), 1, "one console subscribed");
                Some((**event).clone())
            }
            _ => None,
        });
        told.collect()
    }

    pub(crate) fn state(&self, file: u64) -> FileState {
        self.files[&file].state
    }

    /// Lines of chat as `from: text`.
    pub(crate) fn said(&self) -> Vec<String> {
        self.chat.iter().map(|row| format!("{}: {}", row.from, row.text)).collect()
    }

    /// Lines of the trail as `operator action outcome`.
    pub(crate) fn trail(&self) -> Vec<String> {
        let line = |row: &AuditRow| format!("{} {} {}", row.operator, row.action, row.outcome);
        self.audit.iter().map(line).collect()
    }

    /// A file of 3 MiB that `web-1` offered and `bo` accepted, as number 1.
    pub(crate) fn accepted() -> Self {
        let mut sim = Self::new(&["web-1", "web-2"]);
        sim.offer("web-1", 1, "core.dump.zst", 3 * MIB);
        sim.accept(BO, 1).unwrap();
        sim.take();
        sim
    }

    pub(crate) fn second(&mut self) {
        self.advance(SECOND);
    }
}

pub(crate) type No = (RefusalCode, String);

pub(crate) fn one_file(reply: Reply) -> Result<FileRecord, No> {
    match reply {
        Reply::Files(mut records) => {
            assert_eq!(records.len(), 1);
            Ok(records.remove(0))
        }
        Reply::Refused(refusal) => Err((refusal.code.known().unwrap(), refusal.text)),
        other => panic!("neither a file nor a refusal: {other:?}"),
    }
}

fn engine(settings: &Settings, saved: Saved, now: Now) -> Engine {
    let name: DaemonName = "mon-1".parse().unwrap();
    Engine::new(settings.clone(), saved, &name, InstanceId(1), now)
}
