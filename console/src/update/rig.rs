//! A model under test: messages at moments, and what they made of it.

use systole_common::ids::{AlertId, InstanceId};
use systole_common::model::host::HostState;
use systole_common::wire::console::{AlertRecord, HostRecord};
use systole_common::wire::feed::{
    FeedSnapshot, FeedSummary, FeedTick, FeedValues, HostSummary, HostValues,
};
use systole_common::wire::file::{FeedFile, FileRecord};
use systole_common::wire::talk::{FeedMessage, MessageRecord};

use super::{next_deadline, update};
use crate::cmd::Cmd;
use crate::model::freshness::Peer;
use crate::model::host::Host;
use crate::model::screen::{Pane, Size, View};
use crate::model::{Dirty, Manners, Model};
use crate::msg::{FeedEvent, HostNews, Msg};
use crate::testing::{WALL, at, host, record};

/// A console of 80x24 and its clock in milliseconds.
pub(super) struct Rig {
    pub(super) model: Model,
    pub(super) ms: u64,
}

impl Rig {
    /// Not linked yet.
    pub(super) fn new() -> Self {
        let manners = Manners { bell: true, themes: Vec::new(), symbols: Vec::new() };
        let size = Size { width: 80, height: 24 };
        Self { model: Model::new(at(0), size, manners, None), ms: 0 }
    }

    /// Linked and live, with these hosts.
    pub(super) fn live(names: &[&str]) -> Self {
        let mut rig = Self::new();
        rig.link("mon-1");
        rig.picture(names, &[]);
        rig.tick();
        rig.painted();
        rig
    }

    pub(super) fn send(&mut self, msg: Msg) -> Vec<Cmd> {
        let cmds = update(&mut self.model, at(self.ms), msg);
        let due = next_deadline(&self.model, at(self.ms));
        assert!(due.is_none_or(|due| due > at(self.ms).mono), "a deadline that passed stays");
        cmds
    }

    pub(super) fn feed(&mut self, event: FeedEvent) -> Vec<Cmd> {
        self.send(Msg::Feed(event))
    }

    pub(super) fn link(&mut self, daemon: &str) -> Vec<Cmd> {
        let (daemon, role) = (daemon.to_owned(), "operator".to_owned());
        self.send(Msg::Linked(Peer { daemon, address: "127.0.0.1:1".to_owned(), role }))
    }

    pub(super) fn unlink(&mut self) -> Vec<Cmd> {
        self.send(Msg::Unlinked { why: "it is silent for 3 s".to_owned(), refused: None })
    }

    pub(super) fn picture(&mut self, names: &[&str], alerts: &[AlertRecord]) -> Vec<Cmd> {
        self.snapshot();
        let mut cmds = self.summaries(names.iter().map(|name| columns(name)).collect());
        for record in alerts {
            cmds.extend(self.alert(record.clone()));
        }
        cmds.extend(self.feed(FeedEvent::Complete));
        cmds
    }

    pub(super) fn snapshot(&mut self) -> Vec<Cmd> {
        self.feed(FeedEvent::Snapshot(FeedSnapshot {
            instance: InstanceId(1),
            at: WALL,
            hosts: 0,
            alerts: 0,
            after_overflow: false,
        }))
    }

    pub(super) fn summaries(&mut self, hosts: Vec<HostSummary>) -> Vec<Cmd> {
        self.feed(FeedEvent::Summary(FeedSummary { hosts, retired: Vec::new() }))
    }

    pub(super) fn retire(&mut self, name: &str) -> Vec<Cmd> {
        let retired = vec![name.to_owned()];
        self.feed(FeedEvent::Summary(FeedSummary { hosts: Vec::new(), retired }))
    }

    pub(super) fn state(&mut self, name: &str, state: HostState) -> Vec<Cmd> {
        self.summaries(vec![HostSummary { state: state.into(), ..columns(name) }])
    }

    pub(super) fn cpu(&mut self, values: &[(&str, f32)]) -> Vec<Cmd> {
        let changed = |(name, value): &(&str, f32)| HostSummary {
            cpu_percent: Some(*value),
            ..columns(name)
        };
        self.summaries(values.iter().map(changed).collect())
    }

    pub(super) fn detail(&mut self, record: HostRecord) -> Vec<Cmd> {
        let host: Host = host(record, self.ms);
        self.feed(FeedEvent::Host(Box::new(HostNews { at: None, retired: false, host })))
    }

    pub(super) fn values(&mut self, values: HostValues) -> Vec<Cmd> {
        self.feed(FeedEvent::Values(FeedValues { hosts: vec![values] }))
    }

    pub(super) fn alert(&mut self, record: AlertRecord) -> Vec<Cmd> {
        self.feed(FeedEvent::Alert { at: WALL, record: Box::new(record) })
    }

    pub(super) fn said(&mut self, is_new: bool, record: MessageRecord) -> Vec<Cmd> {
        self.feed(FeedEvent::Message(Box::new(FeedMessage { is_new, record })))
    }

    pub(super) fn file(&mut self, record: FileRecord) -> Vec<Cmd> {
        let event = FeedFile { at: WALL, is_new: false, previous: None, record };
        self.feed(FeedEvent::File(Box::new(event)))
    }

    /// The shell painted, and time enough passed to read it.
    pub(super) fn read(&mut self) {
        super::files::painted(&mut self.model, at(self.ms));
        self.run(400, true);
    }

    pub(super) fn tick(&mut self) -> Vec<Cmd> {
        self.feed(FeedEvent::Tick(FeedTick { sequence: 1, at: WALL, loop_lag_us: 0 }))
    }

    /// Time goes on: every deadline is kept, and ticks come each second if the daemon `is_heard`.
    pub(super) fn run(&mut self, ms: u64, is_heard: bool) -> Vec<Cmd> {
        let end = self.ms + ms;
        let mut cmds = Vec::new();
        loop {
            let tick = if is_heard { self.ms / 1_000 * 1_000 + 1_000 } else { u64::MAX };
            let due = next_deadline(&self.model, at(self.ms));
            let due = due.map_or(u64::MAX, |due| (due.0 - at(0).mono.0).div_ceil(1_000_000));
            let next = tick.min(due.max(self.ms + 1));
            if next > end {
                self.ms = end;
                return cmds;
            }
            self.ms = next;
            cmds.extend(if next == tick { self.tick() } else { self.send(Msg::Deadline) });
        }
    }

    /// The shell painted. Returns what it was to paint.
    pub(super) fn painted(&mut self) -> Dirty {
        std::mem::take(&mut self.model.dirty)
    }

    pub(super) fn order(&self) -> Vec<&str> {
        self.model.list.order.iter().map(String::as_str).collect()
    }

    pub(super) fn alerts(&self) -> Vec<u64> {
        self.model.feed.order.iter().map(|id| id.0).collect()
    }

    /// Puts the fleet's cursor on a host, as a key does.
    pub(super) fn cursor(&mut self, name: &str) {
        let row = self.model.list.order.iter().position(|one| one == name).unwrap();
        self.model.list.move_to(row, at(self.ms).mono);
    }

    pub(super) fn alert_cursor(&mut self, id: u64) {
        let row = self.model.feed.order.iter().position(|one| *one == AlertId(id)).unwrap();
        self.model.feed.move_to(row);
    }

    pub(super) fn show(&mut self, view: View) {
        self.model.screen.view = view;
        self.model.screen.pane = Pane::Main;
    }
}

/// The columns of a host that is well.
pub(super) fn columns(name: &str) -> HostSummary {
    host(record(name), 0).summary()
}

/// Names from `web-0000` on.
pub(super) fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("web-{n:04}")).collect()
}

/// The hosts that are asked for, if any are.
pub(super) fn interests(cmds: &[Cmd]) -> Vec<Vec<String>> {
    let hosts = |cmd: &Cmd| if let Cmd::Interest(hosts) = cmd { Some(hosts.clone()) } else { None };
    cmds.iter().filter_map(hosts).collect()
}
