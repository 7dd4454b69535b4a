//! One agent's connection, main or bulk, from its hello to its end.
//!
//! It asks the engine whether the agent is welcome, serves its streams, sees to its limits, and tells
//! the engine when and how it ended. What the streams carry is read in [`super::agent_streams`].

use std::sync::Arc;

use bytes::Bytes;
use quinn::{Connection, ConnectionError};
use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::model::coded::Coded;
use systole_common::net::framed::{FrameError, FrameWriter};
use systole_common::wire::agent::ProbeAnswer;
use systole_common::wire::codec::decode_datagram;
use systole_common::wire::hello::{CloseCode, Purpose, RefusalCode, StreamName, StreamOpen};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use super::agent_streams::AgentStreams;
use super::breach::Breach;
use super::bucket::Bucket;
use super::clock;
use super::context::Context;
use super::counters::rare;
use super::handshake::{Greeted, refusal};
use super::metrics::slot::Intake;
use super::peers::{AgentSide, Peer, Side, Verdict};
use crate::engine::input::{AgentHello, Gone, Input};
use crate::limits::{
    AGENT_PIECES_BURST, AGENT_PIECES_CHECK, AGENT_PIECES_PER_S, OVERLOAD_RETRY_MS,
    STREAM_OPENS_BURST, STREAM_OPENS_PER_S, VERDICT_TIMEOUT,
};

/// Serves an agent's connection until its end.
pub(super) async fn run(context: &Arc<Context>, greeted: Greeted, host: HostId, purpose: Purpose) {
    let (side, verdict) = AgentSide::new();
    let peer = Peer::new(
        context.peers.number(),
        greeted.connection.clone(),
        greeted.leaf.clone(),
        greeted.version,
        Side::Agent(side),
    );
    context.peers.add(&peer, usize::MAX);
    let host_of_peer = host.clone();
    context.tell(hello_input(&peer, &greeted, host, purpose)).await;
    let greet = Intake::Greet { host: host_of_peer, epoch: greeted.hello.spool_epoch };
    let served = serve(context.clone(), peer.clone(), greeted, purpose, greet, verdict);
    let gone = peer.ended(context.contain("agent", served).await);
    if let Gone::ByUs(code, _) = &gone {
        context.counters.add(rare::CONNECTIONS_CLOSED, code.as_str());
    }
    context.peers.remove(peer.id);
    context.tell(Input::AgentGone { connection: peer.id, reason: gone }).await;
}

fn hello_input(peer: &Peer, greeted: &Greeted, host: HostId, purpose: Purpose) -> Input {
    let hello = &greeted.hello;
    match purpose {
        Purpose::Bulk => Input::BulkHello { connection: peer.id, host, instance: hello.instance },
        Purpose::Main | Purpose::Console => Input::AgentHello(AgentHello {
            connection: peer.id,
            host,
            instance: hello.instance,
            boot_id: hello.boot_id,
            clocks: hello.clocks,
            software: hello.software.clone(),
            os: hello.os.clone(),
            labels: hello.labels.clone(),
            address: peer.address.clone(),
            certificate_expires: peer.leaf.not_after,
        }),
    }
}

async fn serve(
    context: Arc<Context>,
    peer: Arc<Peer>,
    greeted: Greeted,
    purpose: Purpose,
    greet: Intake,
    verdict: oneshot::Receiver<Verdict>,
) -> ConnectionError {
    let verdict = tokio::select! {
        error = peer.connection.closed() => return error,
        verdict = tokio::time::timeout(VERDICT_TIMEOUT, verdict) => verdict,
    };
    let (refused, code) = match verdict {
        Ok(Ok(Verdict::Accepted(policy))) => {
            let epoch = greeted.hello.spool_epoch;
            // If the answer cannot be written, the connection is at its end.
            let _ = greeted.welcome(&context, policy).await;
            if purpose == Purpose::Main && !context.metrics.offer(greet) {
                context.counters.add(rare::SLOTS_LEFT, "greeting");
            }
            return AgentConnection::new(context, peer, purpose, epoch).run().await;
        }
        Ok(Ok(Verdict::Refused(refused, code))) => (refused, code),
        Ok(Err(_)) | Err(_) => {
            let text = "this daemon is too busy to answer the hello; try again";
            (refusal(RefusalCode::Overload, text, OVERLOAD_RETRY_MS), CloseCode::Overload)
        }
    };
    let label = refused.code.known().map_or("unknown", Coded::as_str);
    context.counters.add(rare::HELLOS_REFUSED, label);
    let text = refused.text.clone();
    greeted.refuse(&context, refused, code).await;
    peer.close(code, &text);
    peer.connection.closed().await
}

/// An accepted connection and the limits that hold for it.
struct AgentConnection {
    context: Arc<Context>,
    peer: Arc<Peer>,
    streams: Arc<AgentStreams>,
    purpose: Purpose,
    tasks: JoinSet<Result<(), Breach>>,
    opens: Bucket,
    pieces: Bucket,
    pieces_seen: u64,
}

impl AgentConnection {
    fn new(context: Arc<Context>, peer: Arc<Peer>, purpose: Purpose, epoch: SpoolEpoch) -> Self {
        let now = clock::mono();
        Self {
            streams: AgentStreams::new(context.clone(), peer.clone(), purpose, epoch),
            context,
            peer,
            purpose,
            tasks: JoinSet::new(),
            opens: Bucket::new(STREAM_OPENS_BURST, STREAM_OPENS_PER_S, now),
            pieces: Bucket::new(AGENT_PIECES_BURST, AGENT_PIECES_PER_S, now),
            pieces_seen: 0,
        }
    }

    /// Until the connection ends. Stream tasks end with it.
    async fn run(mut self) -> ConnectionError {
        if self.purpose == Purpose::Main {
            self.tasks.spawn(control(self.peer.clone()));
        }
        let connection = self.peer.connection.clone();
        let mut check = interval(AGENT_PIECES_CHECK);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let result = tokio::select! {
                error = connection.closed() => return error,
                stream = connection.accept_uni() => stream.map(|receive| {
                    self.opened().map(|()| drop(self.tasks.spawn(self.streams.clone().uni(receive))))
                }),
                stream = connection.accept_bi() => stream.map(|(send, receive)| {
                    let task = self.streams.clone().bidi(send, receive);
                    self.opened().map(|()| drop(self.tasks.spawn(task)))
                }),
                datagram = connection.read_datagram() => match datagram {
                    Ok(datagram) => Ok(self.datagram(&datagram).await),
                    Err(error) => Err(error),
                },
                Some(ended) = self.tasks.join_next() => Ok(self.ended(ended)),
                _ = check.tick() => Ok(self.check_pieces(&connection)),
            };
            match result {
                Ok(Ok(())) => {}
                Ok(Err(breach)) => self.punish(&breach),
                Err(error) => return error,
            }
        }
    }

    fn punish(&self, breach: &Breach) {
        let who = self.peer.leaf.identity.to_string();
        warn!(address = %self.peer.address, who, reason = %breach, "agent connection is closed");
        self.peer.close(breach.code, &breach.text);
    }

    fn opened(&mut self) -> Result<(), Breach> {
        if self.opens.take(1.0, clock::mono()) {
            return Ok(());
        }
        Err(Breach::overload("streams are opened faster than this daemon allows"))
    }

    fn ended(
        &self,
        ended: Result<Result<(), Breach>, tokio::task::JoinError>,
    ) -> Result<(), Breach> {
        ended.unwrap_or_else(|_| {
            self.context.counters.add(rare::TASKS_FAILED, "stream");
            Err(Breach::fault())
        })
    }

    async fn datagram(&self, datagram: &Bytes) -> Result<(), Breach> {
        match decode_datagram::<ProbeAnswer>(self.peer.version, datagram) {
            Ok(answer) => {
                self.context.counters.frame(systole_common::wire::kind::Kind::ProbeAnswer);
                self.context.tell(Input::ProbeAnswer { connection: self.peer.id, answer }).await;
            }
            // A datagram may come from a newer agent or late: it is counted, no more.
            Err(_) => self.context.counters.add(rare::DATAGRAMS_REFUSED, "agent"),
        }
        Ok(())
    }

    /// Everything that came on streams, read, skipped or reset, in pieces of at most one packet.
    fn check_pieces(&mut self, connection: &Connection) -> Result<(), Breach> {
        let frames = connection.stats().frame_rx;
        let seen = frames.stream.saturating_add(frames.reset_stream);
        let pieces = seen.saturating_sub(self.pieces_seen);
        self.pieces_seen = seen;
        if self.purpose != Purpose::Main || self.pieces.take(pieces as f64, clock::mono()) {
            return Ok(());
        }
        Err(Breach::overload("more comes on this connection than this daemon allows"))
    }
}

/// Writes the control stream: of each kind of frame only the newest, of receipts all.
async fn control(peer: Arc<Peer>) -> Result<(), Breach> {
    match write_control(&peer).await {
        Ok(()) => Ok(()),
        Err(error) => Breach::of(&error).map_or(Ok(()), Err),
    }
}

async fn write_control(peer: &Peer) -> Result<(), FrameError> {
    let Side::Agent(side) = &peer.side else { return Ok(()) };
    let Ok(stream) = peer.connection.open_uni().await else { return Ok(()) };
    let _ = stream.set_priority(1);
    let mut writer = FrameWriter::new(stream, peer.version);
    writer.write(&StreamOpen { stream: StreamName::Control.into() }).await?;
    loop {
        let control = side.told().await;
        if let Some(intervals) = control.intervals {
            writer.queue(&intervals)?;
        }
        if let Some(echo) = control.echo {
            writer.queue(&echo)?;
        }
        for receipt in &control.receipts {
            writer.queue(receipt)?;
        }
        writer.flush().await?;
    }
}
