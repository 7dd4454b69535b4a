//! Which part of the engine takes which input, and whose a connection is. Decides nothing itself.

use systole_common::ids::ConnectionId;
use systole_common::wire::agent::Heartbeat;
use systole_common::wire::hello::RefusalCode;

use super::desk::Desk;
use super::host::Host;
use super::input::{AgentHello, Gone, Input};
use super::sessions::Session;
use super::{Engine, actions, arrivals, beats, feeds, files, operators, rules, storage, talk};

impl Engine {
    /// Takes an input whose time has come.
    pub(super) fn apply(&mut self, input: Input) {
        let (fleet, desk) = (&mut self.fleet, &mut self.desk);
        match input {
            Input::Ready => self.ready(),
            Input::AgentHello(hello) => self.agent_hello(hello),
            Input::BulkHello { connection, host, instance } => {
                arrivals::bulk(fleet.get(&host), desk, connection, instance);
            }
            Input::Heartbeat { connection, beat } => self.heartbeat(connection, &beat),
            Input::Samples { connection, at, values } => {
                self.with_host(connection, |host, desk| {
                    beats::samples(host, desk, connection, (at, values));
                });
            }
            Input::Processes { connection, processes } => {
                self.with_host(connection, |host, desk| beats::processes(host, desk, processes));
            }
            Input::ProbeAnswer { connection, answer } => {
                self.with_host(connection, |host, desk| {
                    beats::probe_answer(host, desk, connection, answer);
                });
            }
            Input::Received { host, epoch, ranges } => {
                storage::received(fleet, desk, &host, epoch, &ranges);
            }
            Input::Health(health) => rules::own::judge(fleet, desk, &health),
            Input::AgentGone { connection, reason } => self.agent_gone(connection, &reason),
            other => self.apply_talk(other),
        }
    }

    /// What comes on an agent's messages stream.
    fn apply_talk(&mut self, input: Input) {
        match input {
            Input::MessagesOpen { connection, epoch } => {
                self.with_host(connection, |host, desk| {
                    talk::open(host, desk, connection, epoch);
                    files::open(host, desk, connection);
                });
            }
            Input::Message { connection, epoch, message } => {
                self.with_host(connection, |host, desk| {
                    talk::heard(host, desk, connection, epoch, &message);
                });
            }
            Input::Delivered { connection, receipt } => {
                self.with_host(connection, |host, desk| {
                    talk::receipt(host, desk, connection, &receipt);
                });
            }
            Input::Offer { connection, epoch, offer, certificate, free_bytes } => {
                self.with_host(connection, |host, desk| {
                    files::offer(host, desk, connection, epoch, &offer, &certificate, free_bytes);
                });
                files::tell(&self.fleet, &mut self.desk);
            }
            Input::Withdraw { connection, epoch, withdraw } => {
                self.with_host(connection, |host, desk| {
                    files::withdraw(host, desk, epoch, &withdraw);
                });
                files::tell(&self.fleet, &mut self.desk);
            }
            other => self.apply_transfer(other),
        }
    }

    /// What comes of the room and the bytes of files.
    fn apply_transfer(&mut self, input: Input) {
        let (fleet, desk) = (&self.fleet, &mut self.desk);
        match input {
            Input::Reserved { file, result } => files::reserved(fleet, desk, file, result),
            Input::TransferOpen { host, transfer, file } => {
                files::transfer_open(desk, &host, transfer, file);
            }
            Input::TransferProgress { transfer, file, received_bytes, synced_bytes } => {
                files::transfer_progress(desk, transfer, file, received_bytes, synced_bytes);
            }
            Input::TransferWhole { transfer, file, name } => {
                files::transfer_whole(desk, transfer, file, name);
            }
            Input::TransferPlaced { transfer, file, content } => {
                files::transfer_placed(fleet, desk, transfer, file, &content);
            }
            Input::TransferEnded { transfer, file, fatal } => {
                files::transfer_ended(fleet, desk, transfer, file, fatal.as_deref());
            }
            other => self.apply_console(other),
        }
    }

    /// What operators do, and what the daemon learns of itself.
    fn apply_console(&mut self, input: Input) {
        let (fleet, desk) = (&mut self.fleet, &mut self.desk);
        match input {
            Input::ConsoleOpened { session, operator, role, address: _ } => {
                let (since, looking_at) = (desk.now.wall, String::new());
                let session_of = Session { operator, role, since, looking_at, subscription: None };
                desk.sessions.open(session, session_of);
            }
            Input::ConsoleGone { session } => feeds::close(fleet, desk, session),
            Input::Request { session, request, body } => {
                operators::request(fleet, desk, session, request, body);
            }
            Input::Denied { session, action, body, reason } => {
                actions::denied(desk, session, action, body.as_ref(), &reason);
            }
            Input::FeedOverflowed { session } => feeds::picture(fleet, desk, session, true),
            Input::Settings(settings) => self.change_settings(*settings),
            Input::OwnCertificates(certificates) => {
                self.own_certificates = certificates;
                self.check_certificates();
            }
            Input::StoreRefusing(refusing) => talk::store_refusing(fleet, desk, refusing),
            // Timers have run already, and the rest was taken before.
            Input::OwnPause { .. }
            | Input::SocketDrained
            | Input::Tick
            | Input::Ready
            | Input::AgentHello(_)
            | Input::BulkHello { .. }
            | Input::Heartbeat { .. }
            | Input::Samples { .. }
            | Input::Processes { .. }
            | Input::ProbeAnswer { .. }
            | Input::Received { .. }
            | Input::Health(_)
            | Input::AgentGone { .. }
            | Input::MessagesOpen { .. }
            | Input::Message { .. }
            | Input::Delivered { .. }
            | Input::Offer { .. }
            | Input::Withdraw { .. }
            | Input::Reserved { .. }
            | Input::TransferOpen { .. }
            | Input::TransferProgress { .. }
            | Input::TransferWhole { .. }
            | Input::TransferPlaced { .. }
            | Input::TransferEnded { .. } => {}
        }
    }

    fn heartbeat(&mut self, connection: ConnectionId, beat: &Heartbeat) {
        self.with_host(connection, |host, desk| beats::heartbeat(host, desk, connection, beat));
        self.heard.extend(self.connections.get(&connection).cloned());
    }

    fn agent_gone(&mut self, connection: ConnectionId, reason: &Gone) {
        self.with_host(connection, |host, desk| {
            arrivals::gone(host, desk, connection, reason);
            talk::gone(host.id(), desk, connection);
        });
        self.connections.remove(&connection);
    }

    /// Runs `act` on the host behind a connection; what comes on an unknown one is counted.
    fn with_host(&mut self, connection: ConnectionId, act: impl FnOnce(&mut Host, &mut Desk)) {
        let id = self.connections.get(&connection);
        match id.and_then(|id| self.fleet.get_mut(id)) {
            Some(host) => act(host, &mut self.desk),
            None => self.desk.counters.add("frames_of_unknown_connections"),
        }
    }

    fn agent_hello(&mut self, hello: AgentHello) {
        let (connection, id) = (hello.connection, hello.host.clone());
        if !self.fleet.contains_key(&id) {
            if self.fleet.len() >= self.desk.settings.hosts_max {
                let text = "this daemon knows as many hosts as `hosts.max` allows; \
                            retire some or raise it";
                let text = text.to_owned();
                arrivals::refuse(&mut self.desk, connection, RefusalCode::Overload, text);
                return;
            }
            let mut host = arrivals::appear(&mut self.desk, &id);
            rules::adopt(&mut host, &mut self.desk);
            talk::appear(&mut self.desk, &id);
            self.fleet.insert(id.clone(), host);
        }
        self.connections.insert(connection, id);
        self.with_host(connection, |host, desk| arrivals::hello(host, desk, hello));
    }
}
