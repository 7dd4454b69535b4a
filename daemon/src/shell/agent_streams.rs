//! What an agent's streams carry: each frame is allowed by the role table and belongs to its stream,
//! or the connection ends. Texts are scrubbed here, once, and series get their names.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use quinn::{RecvStream, SendStream};
use systole_common::ids::{Identity, SpoolEpoch};
use systole_common::model::coded::Growing;
use systole_common::net::framed::FrameReader;
use systole_common::role_table::{Sender, may_send};
use systole_common::text::{scrub, scrub_to};
use systole_common::wire::agent::{Declare, Dropped, Heartbeat, Live, Processes, Stored};
use systole_common::wire::codec::decode;
use systole_common::wire::control::SequenceKind;
use systole_common::wire::hello::{Purpose, StreamName, StreamOpen};
use systole_common::wire::kind::Kind;
use systole_common::wire::limits::{HEADER_BYTES, PROCESS_NAME_BYTES_MAX, REASON_BYTES_MAX};
use tracing::{info, warn};

use super::breach::Breach;
use super::bucket::Bucket;
use super::clock;
use super::context::Context;
use super::counters::rare;
use super::metrics::slot::{Intake, Origin, Slot};
use super::peers::Peer;
use super::samples::{Declared, LeftOut, NotDeclared};
use super::{files, messages};
use crate::engine::input::Input;
use crate::limits::{AGENT_BYTES_BURST, AGENT_BYTES_PER_S, FILE_BYTES_BURST, FILE_BYTES_PER_S};

/// The streams of one agent's connection.
#[derive(Debug)]
pub(super) struct AgentStreams {
    context: Arc<Context>,
    peer: Arc<Peer>,
    purpose: Purpose,
    epoch: SpoolEpoch,
    open: Mutex<BTreeSet<StreamName>>,
    budget: Mutex<Bucket>,
    file_budget: Mutex<Bucket>,
    told_left: AtomicBool,
    told_series: AtomicBool,
}

impl AgentStreams {
    /// The streams of `peer`'s connection, whose sequences count in `epoch`.
    pub(super) fn new(
        context: Arc<Context>,
        peer: Arc<Peer>,
        purpose: Purpose,
        epoch: SpoolEpoch,
    ) -> Arc<Self> {
        let now = clock::mono();
        let budget = Bucket::new(AGENT_BYTES_BURST, AGENT_BYTES_PER_S, now);
        let file_budget = Bucket::new(FILE_BYTES_BURST, FILE_BYTES_PER_S, now);
        Arc::new(Self {
            context,
            peer,
            purpose,
            epoch,
            open: Mutex::default(),
            budget: Mutex::new(budget),
            file_budget: Mutex::new(file_budget),
            told_left: AtomicBool::new(false),
            told_series: AtomicBool::new(false),
        })
    }

    /// Reads a stream in one direction until its end.
    pub(super) async fn uni(self: Arc<Self>, receive: RecvStream) -> Result<(), Breach> {
        self.stream(receive, &[StreamName::Heartbeat, StreamName::Metrics]).await
    }

    /// Serves a stream in both directions until its end.
    pub(super) async fn bidi(
        self: Arc<Self>,
        send: SendStream,
        receive: RecvStream,
    ) -> Result<(), Breach> {
        let mut reader = FrameReader::new(receive, self.peer.version);
        match self.opening(&mut reader, &[StreamName::Messages, StreamName::File]).await? {
            // One each connection: a second one would be told from the middle.
            Some(StreamName::Messages) => messages::serve(&self, &mut reader, send).await,
            Some(StreamName::File) => files::receive(&self, &mut reader, send).await,
            Some(
                StreamName::Hello
                | StreamName::Heartbeat
                | StreamName::Metrics
                | StreamName::Control
                | StreamName::Request
                | StreamName::Feed,
            )
            | None => Ok(()),
        }
    }

    /// What all streams on this connection share.
    pub(super) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Whose they are.
    pub(super) fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }

    /// The epoch of the agent's hello.
    pub(super) fn epoch(&self) -> SpoolEpoch {
        self.epoch
    }

    /// The next frame of `stream`: counted, allowed, and paid from the connection's budget. `None` when the
    /// stream ends or breaks.
    pub(super) async fn next(
        &self,
        reader: &mut FrameReader,
        stream: StreamName,
    ) -> Result<Option<(Kind, Bytes)>, Breach> {
        let skipped = reader.skipped();
        let frame = reader.read().await;
        let skipped = reader.skipped() - skipped;
        self.context.counters.add_many(rare::FRAMES_SKIPPED, "agent", skipped);
        let (kind, body) = match frame {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(None),
            Err(error) => return Breach::of(&error).map_or(Ok(None), Err),
        };
        self.context.counters.frame(kind);
        self.allow(stream, kind)?;
        self.charge(HEADER_BYTES + body.len()).await?;
        Ok(Some((kind, body)))
    }

    /// Takes raw bytes of a file from the connection's budget for such; waits while there is none.
    pub(super) async fn charge_file(&self, bytes: usize) {
        let wait = lock(&self.file_budget).borrow(bytes as f64, clock::mono());
        tokio::time::sleep(wait).await;
    }

    /// A frame of a part that this version does not have: counted, and said once a connection.
    pub(super) fn leave(&self, kind: Kind) {
        self.context.counters.add(rare::FRAMES_LEFT, kind.as_str());
        if !self.told_left.swap(true, Ordering::Relaxed) {
            info!(
                who = %self.peer.leaf.identity,
                address = %self.peer.address,
                kind = kind.as_str(),
                "this version of systoled does not take such frames; the agent keeps what needs a receipt"
            );
        }
    }

    async fn stream(&self, receive: RecvStream, direction: &[StreamName]) -> Result<(), Breach> {
        let mut reader = FrameReader::new(receive, self.peer.version);
        let Some(name) = self.opening(&mut reader, direction).await? else { return Ok(()) };
        let result = self.frames(&mut reader, name).await;
        lock(&self.open).remove(&name);
        result
    }

    /// Which stream it is, if it is one that this version knows and that may be opened here and now.
    async fn opening(
        &self,
        reader: &mut FrameReader,
        direction: &[StreamName],
    ) -> Result<Option<StreamName>, Breach> {
        let open = match reader.expect::<StreamOpen>().await {
            Ok(open) => open,
            Err(error) => return Breach::of(&error).map_or(Ok(None), Err),
        };
        self.context.counters.frame(Kind::StreamOpen);
        let Some(name) = open.stream.known() else {
            // A stream of a newer agent: it is left unread.
            self.context.counters.add(rare::FRAMES_LEFT, "unknown stream");
            return Ok(None);
        };
        if !direction.contains(&name) {
            return Err(Breach::wrong_stream(name, "was opened in the wrong direction"));
        }
        if !belongs(name, self.purpose) {
            let why = format!("does not belong on a {} connection", self.purpose);
            return Err(Breach::wrong_stream(name, &why));
        }
        if name != StreamName::File && !lock(&self.open).insert(name) {
            let was_open = name == StreamName::Messages;
            let why = if was_open { "was opened before" } else { "is open already" };
            return Err(Breach::wrong_stream(name, why));
        }
        Ok(Some(name))
    }

    async fn frames(&self, reader: &mut FrameReader, name: StreamName) -> Result<(), Breach> {
        let mut declared = Declared::default();
        while let Some((kind, body)) = self.next(reader, name).await? {
            self.frame(kind, &body, &mut declared).await?;
        }
        Ok(())
    }

    /// The role table first, then whether the frame belongs to its stream.
    fn allow(&self, stream: StreamName, kind: Kind) -> Result<(), Breach> {
        if may_send(Sender::Agent, kind) && carries(stream).contains(&kind) {
            return Ok(());
        }
        self.context.counters.add(rare::FRAMES_REFUSED, kind.as_str());
        if may_send(Sender::Agent, kind) {
            return Err(Breach::wrong_frame(stream, kind));
        }
        Err(Breach::protocol(format!("an agent may not send {} frames", kind.as_str())))
    }

    /// Takes a frame's bytes from the budget: a main connection over it ends, a bulk one waits.
    async fn charge(&self, bytes: usize) -> Result<(), Breach> {
        let now = clock::mono();
        if self.purpose == Purpose::Main {
            if lock(&self.budget).take(bytes as f64, now) {
                return Ok(());
            }
            return Err(Breach::overload("more bytes come than this daemon allows an agent"));
        }
        let wait = lock(&self.budget).borrow(bytes as f64, now);
        tokio::time::sleep(wait).await;
        Ok(())
    }

    async fn frame(&self, kind: Kind, body: &Bytes, declared: &mut Declared) -> Result<(), Breach> {
        match kind {
            Kind::Heartbeat => self.heartbeat(decode(body)?).await,
            Kind::Declare => self.declare(&decode(body)?, declared),
            Kind::Live => self.live(decode(body)?, declared).await,
            Kind::Processes => self.processes(decode(body)?).await,
            Kind::Stored => self.stored(&decode(body)?, declared).await,
            Kind::Dropped => self.dropped(decode(body)?).await,
            // Agents keep what needs a receipt, so that nothing is lost by leaving it.
            other => self.leave(other),
        }
        Ok(())
    }

    async fn heartbeat(&self, mut beat: Heartbeat) {
        beat.intent.why = scrub_to(&beat.intent.why, REASON_BYTES_MAX / 2).into_owned();
        let connection = self.peer.id;
        self.context.tell(Input::Heartbeat { connection, beat: Box::new(beat) }).await;
    }

    fn declare(&self, declare: &Declare, declared: &mut Declared) {
        for series in &declare.series {
            match declared.declare(series) {
                Ok(()) => {}
                Err(NotDeclared::Name) => {
                    self.refuse_series("name", "a metric name is not valid");
                }
                Err(NotDeclared::TooMany) => self
                    .refuse_series("too many", "more series are declared than an agent may have"),
            }
        }
    }

    async fn live(&self, live: Live, declared: &Declared) {
        let (values, left_out) = declared.live(&live.values);
        self.count(left_out);
        let connection = self.peer.id;
        self.context.tell(Input::Samples { connection, at: live.at, values }).await;
    }

    async fn stored(&self, stored: &Stored, declared: &mut Declared) {
        let Identity::Agent(host) = &self.peer.leaf.identity else { return };
        let (shape, values, left_out) = declared.stored(&stored.values);
        self.count(left_out);
        let origin = if self.purpose == Purpose::Bulk { Origin::Backfill } else { Origin::Live };
        self.hand_over(Intake::Slot(Slot {
            host: host.clone(),
            epoch: self.epoch,
            sequence: stored.sequence,
            slot_ms: stored.slot_ms,
            origin,
            shape,
            values,
        }))
        .await;
    }

    async fn dropped(&self, dropped: Dropped) {
        let Identity::Agent(host) = &self.peer.leaf.identity else { return };
        if dropped.kind != Growing::Known(SequenceKind::Samples) {
            self.leave(Kind::Dropped);
            return;
        }
        let (host, ranges) = (host.clone(), dropped.ranges.0);
        self.hand_over(Intake::Dropped { host, epoch: dropped.epoch, ranges }).await;
    }

    /// Hands samples to the metric store. Live ones never wait for it, for live values and processes
    /// come on the same stream: what finds no room gets no receipt and is sent again.
    async fn hand_over(&self, intake: Intake) {
        let handed = if self.purpose == Purpose::Bulk {
            self.context.metrics.bring(intake).await
        } else {
            self.context.metrics.offer(intake)
        };
        if !handed {
            self.context.counters.add(rare::SLOTS_LEFT, "");
        }
    }

    fn count(&self, left_out: LeftOut) {
        let counters = &self.context.counters;
        counters.add_many(rare::SERIES_REFUSED, "undeclared", left_out.undeclared);
        counters.add_many(rare::SERIES_REFUSED, "repeated", left_out.repeated);
        counters.add_many(rare::SERIES_REFUSED, "not finite", left_out.not_finite);
        counters.add_many(rare::SERIES_REFUSED, "negative counter", left_out.negative);
    }

    async fn processes(&self, frame: Processes) {
        let mut processes = frame.processes;
        processes.retain(|process| process.cpu_percent.is_finite());
        for process in &mut processes {
            process.name = scrub_to(&process.name, PROCESS_NAME_BYTES_MAX).into_owned();
        }
        self.context.tell(Input::Processes { connection: self.peer.id, processes }).await;
    }

    fn refuse_series(&self, label: &'static str, reason: &str) {
        self.context.counters.add(rare::SERIES_REFUSED, label);
        if !self.told_series.swap(true, Ordering::Relaxed) {
            let who = scrub(&self.peer.leaf.identity.to_string()).into_owned();
            warn!(who, reason, "series of an agent are not taken");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn belongs(stream: StreamName, purpose: Purpose) -> bool {
    match stream {
        StreamName::Heartbeat | StreamName::Messages => purpose == Purpose::Main,
        StreamName::Metrics => matches!(purpose, Purpose::Main | Purpose::Bulk),
        StreamName::File => purpose == Purpose::Bulk,
        StreamName::Hello | StreamName::Control | StreamName::Request | StreamName::Feed => false,
    }
}

/// The kinds that a stream carries from an agent.
fn carries(stream: StreamName) -> &'static [Kind] {
    match stream {
        StreamName::Heartbeat => &[Kind::Heartbeat],
        StreamName::Metrics => {
            &[Kind::Declare, Kind::Live, Kind::Stored, Kind::Dropped, Kind::Processes]
        }
        StreamName::Messages => &[Kind::Message, Kind::Offer, Kind::Withdraw, Kind::Receipt],
        StreamName::File => &[Kind::Chunk],
        StreamName::Hello | StreamName::Control | StreamName::Request | StreamName::Feed => &[],
    }
}
