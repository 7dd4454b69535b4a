//! Does what the engine asks for. Nothing here waits: whatever cannot be taken at once is queued within
//! a bound or dropped, as its kind allows.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use systole_common::ids::{ConnectionId, HostId};
use systole_common::time::UnixMs;
use systole_common::wire::codec::{Body, WireError, encode_frame};
use systole_common::wire::control::{Echo, Probe};
use systole_common::wire::hello::CloseCode;
use systole_common::wire::pages::split_host;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::{debug, info, warn};

use super::context::Context;
use super::counters::rare;
use super::feed_queue::{Group, Part};
use super::metrics::reader::MetricsReaders;
use super::metrics::slot::Intake;
use super::peers::{AgentSide, Control, Peer, Response, Said, Side, Verdict};
use super::store::{Readers, Release, StoreError};
use crate::engine::effect::{Effect, FeedFrame, Level, LogLine, MetricsQuery, Query};

/// Does effects, on whatever thread.
#[derive(Debug, Clone)]
pub(super) struct Performer {
    context: Arc<Context>,
    readers: Arc<Readers>,
    metrics: Arc<MetricsReaders>,
    handle: Handle,
}

impl Release for Performer {
    fn release(&self, effects: Vec<Effect>) {
        for effect in effects {
            self.perform(effect);
        }
    }
}

impl Performer {
    /// A performer whose queries run on `handle`.
    pub(super) fn new(
        context: Arc<Context>,
        readers: Arc<Readers>,
        metrics: Arc<MetricsReaders>,
        handle: Handle,
    ) -> Self {
        Self { context, readers, metrics, handle }
    }

    /// Does one effect. A connection that is gone meanwhile is no error.
    pub(super) fn perform(&self, effect: Effect) {
        let files = &self.context.files;
        match effect {
            Effect::Accept { connection, policy } => {
                self.agent(connection, |_, side| side.answer(Verdict::Accepted(policy)));
            }
            Effect::Refuse { connection, refusal, code } => {
                self.agent(connection, |_, side| side.answer(Verdict::Refused(refusal, code)));
            }
            Effect::Close { connection, code, reason } => self.close(connection, code, &reason),
            Effect::Echo { connection, echo } => self.echo(connection, echo),
            Effect::Intervals { connection, intervals } => {
                self.tell(connection, |control| control.intervals = Some(intervals));
            }
            Effect::Receipt { connection, receipt } => {
                self.tell(connection, |control| control.receive(receipt));
            }
            Effect::Probe { connection, nonce } => self.probe(connection, nonce),
            Effect::Deliver { connection, delivery } => {
                self.say(connection, Said::Delivery(delivery));
            }
            Effect::Decide { connection, decision } => {
                self.say(connection, Said::Decision(decision));
            }
            Effect::Reserve { file, host, size_bytes } => files.reserve(file, host, size_bytes),
            Effect::Transfer { transfer, verdict } => files.verdict(transfer, *verdict),
            Effect::Place { transfer } => files.place(transfer),
            Effect::TransferOver { transfer, decision } => files.over(transfer, *decision),
            Effect::Discard { file } => files.discard(file),
            Effect::KeepPartials(kept) => files.keep_partials(kept),
            Effect::FindPlaced(row) => files.find_placed(row),
            Effect::Reply { session, request, reply } => {
                self.respond(session, request, Response::Engine(reply));
            }
            Effect::Fetch { session, request, host, name, record } => {
                self.respond(session, request, Response::Fetch { host, name, record });
            }
            Effect::Query { session, request, query } => self.query(session, request, query),
            Effect::MetricsQuery { session, request, query } => {
                self.metrics_query(session, request, query);
            }
            Effect::CleanUp { session, request, host, before } => {
                self.clean_up(session, request, host, before);
            }
            Effect::Feed { sessions, frame } => self.feed(&sessions, frame),
            Effect::Log(line) => log(&line),
        }
    }

    fn agent(&self, connection: ConnectionId, act: impl FnOnce(&Peer, &AgentSide)) {
        if let Some(peer) = self.context.peers.find(connection)
            && let Side::Agent(side) = &peer.side
        {
            act(&peer, side);
        }
    }

    fn tell(&self, connection: ConnectionId, put: impl FnOnce(&mut Control)) {
        self.agent(connection, |_, side| side.tell(put));
    }

    fn close(&self, connection: ConnectionId, code: CloseCode, reason: &str) {
        if let Some(peer) = self.context.peers.find(connection) {
            peer.close(code, reason);
        }
    }

    fn echo(&self, connection: ConnectionId, mut echo: Echo) {
        echo.loop_lag_us = self.context.lag.longest_us();
        self.tell(connection, |control| control.echo = Some(echo));
    }

    /// What an agent does not take it gets on its next connection.
    fn say(&self, connection: ConnectionId, said: Said) {
        self.agent(connection, |peer, side| {
            if !side.say(said) {
                let reason = "the agent takes no messages";
                warn!(address = %peer.address, who = %peer.leaf.identity, reason, "agent connection is closed");
                peer.close(CloseCode::Overload, reason);
            }
        });
    }

    fn respond(&self, session: ConnectionId, request: u64, response: Response) {
        if let Some(peer) = self.context.peers.find(session) {
            respond(&peer, request, Ok(response));
        }
    }

    fn probe(&self, connection: ConnectionId, nonce: u64) {
        self.agent(connection, |peer, _| match encode_frame(peer.version, &Probe { nonce }) {
            // A probe that finds no room is a probe without an answer.
            Ok(frame) => drop(peer.connection.send_datagram(frame.into())),
            Err(error) => self.unsendable(&error),
        });
    }

    fn query(&self, session: ConnectionId, request: u64, query: Query) {
        let Some(peer) = self.context.peers.find(session) else { return };
        let readers = self.readers.clone();
        self.handle.spawn(async move {
            let answer = readers.answer(query).await.map(Response::Store);
            respond(&peer, request, answer);
        });
    }

    fn metrics_query(&self, session: ConnectionId, request: u64, query: MetricsQuery) {
        let Some(peer) = self.context.peers.find(session) else { return };
        let readers = self.metrics.clone();
        self.handle.spawn(async move {
            let answer = readers.answer(query).await.map(Response::Metrics);
            respond(&peer, request, answer);
        });
    }

    fn clean_up(&self, session: ConnectionId, request: u64, host: Option<HostId>, before: UnixMs) {
        let Some(peer) = self.context.peers.find(session) else { return };
        let (queue, readers) = (self.context.metrics.clone(), self.metrics.clone());
        self.handle.spawn(async move {
            let (reply, deleted) = oneshot::channel();
            // Without a writer the reply's other end is gone, and that is the answer.
            queue.order(Intake::CleanUp { host, before, reply }).await;
            let records = deleted.await.unwrap_or(Err(StoreError::Closed));
            let answer = records.map(|records| readers.deleted(before, records));
            respond(&peer, request, answer.map(Response::Metrics));
        });
    }

    fn feed(&self, sessions: &[ConnectionId], mut frame: FeedFrame) {
        if let FeedFrame::Tick(tick) = &mut frame {
            tick.loop_lag_us = self.context.lag.longest_us();
        }
        let part = part(&frame);
        let mut groups: BTreeMap<u8, Group> = BTreeMap::new();
        for session in sessions {
            let Some(peer) = self.context.peers.find(*session) else { continue };
            let Side::Console(side) = &peer.side else { continue };
            let group = match groups.entry(peer.version) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => match encode_group(peer.version, &frame) {
                    Ok(group) => entry.insert(group),
                    Err(error) => return self.unsendable(&error),
                },
            };
            if !side.feed.push(group, part) {
                self.context.counters.add(rare::FEEDS_OVERFLOWED, "");
                warn!(address = %peer.address, "console is too slow: it loses events and gets a fresh picture");
            }
        }
    }

    fn unsendable(&self, error: &WireError) {
        self.context.counters.add(rare::FRAMES_UNSENDABLE, "");
        warn!(reason = %error, "frame cannot be sent");
    }
}

fn respond(peer: &Peer, request: u64, answer: Result<Response, StoreError>) {
    let response = answer.unwrap_or_else(|error| Response::Unreadable(error.to_string()));
    if let Side::Console(side) = &peer.side {
        side.respond(request, response);
    }
}

fn part(frame: &FeedFrame) -> Part {
    match frame {
        FeedFrame::Snapshot(_) => Part::Begin,
        FeedFrame::Complete(_) => Part::End,
        FeedFrame::Facts(_)
        | FeedFrame::Summary(_)
        | FeedFrame::Values(_)
        | FeedFrame::Operators(_)
        | FeedFrame::Detail(_)
        | FeedFrame::Tick(_)
        | FeedFrame::Host(_)
        | FeedFrame::Alert(_)
        | FeedFrame::Message(_)
        | FeedFrame::Marks(_)
        | FeedFrame::File(_) => Part::Within,
    }
}

fn encode_group(version: u8, frame: &FeedFrame) -> Result<Group, WireError> {
    let mut group = Frames { version, frames: Vec::new() };
    match frame {
        FeedFrame::Snapshot(body) => group.add(body)?,
        FeedFrame::Complete(body) => group.add(body)?,
        FeedFrame::Facts(body) => group.add(body)?,
        FeedFrame::Summary(body) => group.add(body)?,
        FeedFrame::Values(body) => group.add(body)?,
        FeedFrame::Operators(body) => group.add(body)?,
        FeedFrame::Tick(body) => group.add(body)?,
        FeedFrame::Alert(body) => group.add(&**body)?,
        FeedFrame::Message(body) => group.add(&**body)?,
        FeedFrame::Marks(body) => group.add(body)?,
        FeedFrame::File(body) => group.add(&**body)?,
        FeedFrame::Detail(body) => {
            let mut body = (**body).clone();
            let (record, more) = split_host(body.record);
            body.record = record;
            group.add(&body)?;
            more.iter().try_for_each(|page| group.add(page))?;
        }
        FeedFrame::Host(body) => {
            let mut body = (**body).clone();
            let (record, more) = split_host(body.record);
            body.record = record;
            group.add(&body)?;
            more.iter().try_for_each(|page| group.add(page))?;
        }
    }
    Ok(group.frames.into())
}

struct Frames {
    version: u8,
    frames: Vec<Box<[u8]>>,
}

impl Frames {
    fn add(&mut self, body: &impl Body) -> Result<(), WireError> {
        self.frames.push(encode_frame(self.version, body)?.into());
        Ok(())
    }
}

fn log(line: &LogLine) {
    let host = line.host.as_ref().map(tracing::field::display);
    let address = line.address.as_deref();
    let reason = (!line.reason.is_empty()).then_some(line.reason.as_str());
    match line.level {
        Level::Warning => warn!(host, address, reason, "{}", line.event),
        Level::Info => info!(host, address, reason, "{}", line.event),
        Level::Debug => debug!(host, address, reason, "{}", line.event),
    }
}
