//! A bulk connection: dialled to where the main connection goes, it carries slots from the spool, and
//! files that others send on it.
//!
//! One task each, on the spool's thread. It sends what it is handed, no faster than the daemon takes
//! it, and says so; what is sent is decided elsewhere. However it ends, its close never looks like a
//! goodbye of the host.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, VarInt};
use systole_common::ids::DaemonName;
use systole_common::model::coded::Coded;
use systole_common::model::metric::SERIES_PER_AGENT_MAX;
use systole_common::net::endpoint::ClientEndpoint;
use systole_common::net::framed::{FrameError, FrameWriter};
use systole_common::net::tls::ClientTls;
use systole_common::wire::agent::Stored;
use systole_common::wire::hello::{CloseCode, HelloAnswer, Purpose, Refusal, StreamName};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{debug, info};

use super::outlet::BulkLink;
use crate::engine::delivery::{BulkId, Input};
use crate::engine::series::{Named, SeriesTable};
use crate::limits::{ATTEMPT_MAX, BULK_WINDOW_BYTES, HELLO_HOLD_MAX, KEEP_ALIVE};
use crate::shell::heart::attempt::{AttemptError, Introduction, checked, say_hello};
use crate::shell::heart::endpoints::Endpoints;
use crate::shell::heart::line::open;
use crate::shell::shared::Shared;
use crate::shell::spool::SpooledSlot;

/// Why, for people, a bulk connection that is not needed any more is closed.
const OVER: &[u8] = b"nothing is left to send";

/// What one bulk connection needs.
#[derive(Debug)]
pub(super) struct Bulk {
    pub(super) id: BulkId,
    pub(super) daemon: DaemonName,
    pub(super) address: SocketAddr,
    pub(super) tls: ClientTls,
    pub(super) introduction: Introduction,
    pub(super) endpoints: Arc<Endpoints>,
    pub(super) events: mpsc::Sender<Input>,
    pub(super) shared: Arc<Shared>,
}

/// Slots to be sent together.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) slots: Vec<SpooledSlot>,
    /// What was asked for, as far as it is in here.
    pub(super) first: u64,
    pub(super) last: u64,
    /// What of that the spool does not have.
    pub(super) absent: Vec<(u64, u64)>,
}

/// How a bulk connection ended without our doing.
#[derive(Debug, thiserror::Error)]
enum BulkError {
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    #[error("no answer within {} s", (ATTEMPT_MAX + HELLO_HOLD_MAX).as_secs())]
    Silent,
    #[error("refused: {}", .0.text)]
    Refused(Refusal),
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl Bulk {
    /// Sends what comes through `batches`; reports the end unless it is aborted.
    pub(super) async fn run(self, batches: mpsc::Receiver<Batch>) {
        let (daemon, bulk) = (self.daemon.clone(), self.id);
        let Err(error) = self.serve(batches).await;
        let retry_after = match &error {
            BulkError::Refused(refusal) => {
                info!(%daemon, "the backfill has to wait: {error}");
                Some(Duration::from_millis(refusal.retry_after_ms.into()))
            }
            BulkError::Attempt(_) | BulkError::Silent | BulkError::Frame(_) => {
                debug!(%daemon, "the bulk connection ended: {error}");
                None
            }
        };
        // The thread is gone only at the end of the program, when nobody cares any more.
        let _ = self.events.send(Input::BulkDown { daemon, bulk, retry_after }).await;
    }

    async fn serve(
        &self,
        mut batches: mpsc::Receiver<Batch>,
    ) -> Result<std::convert::Infallible, BulkError> {
        let dialled = timeout(ATTEMPT_MAX + HELLO_HOLD_MAX, self.dial()).await;
        let (guarded, answer) = dialled.map_err(|_| BulkError::Silent)??;
        let connection = &guarded.connection;
        connection.set_send_window(BULK_WINDOW_BYTES);
        let series_max = usize::try_from(answer.policy.series_max).unwrap_or(0);
        let series_max = if series_max == 0 { SERIES_PER_AGENT_MAX } else { series_max };
        let series_max = series_max.min(SERIES_PER_AGENT_MAX);
        let _handed_out = HandedOut::new(self, connection, answer.version);
        let mut way = Way { connection, version: answer.version, series_max, stream: None };
        let (daemon, bulk) = (self.daemon.clone(), self.id);
        let _ = self.events.send(Input::BulkUp { daemon, bulk }).await;
        loop {
            tokio::select! {
                error = connection.closed() => return Err(FrameError::Read(error.into()).into()),
                Some(batch) = batches.recv() => self.send(batch, &mut way).await?,
            }
        }
    }

    async fn dial(&self) -> Result<(Guarded, HelloAnswer), BulkError> {
        let endpoint = self.endpoints.fresh(self.address).map_err(AttemptError::from)?;
        let dial = endpoint.dial(&self.tls, &self.daemon, self.address, Some(KEEP_ALIVE));
        let connection = dial.await.map_err(AttemptError::from)?;
        let guarded = Guarded { connection, _endpoint: endpoint };
        let peer = format!("{} ({})", self.daemon, self.address);
        let hello = self.introduction.hello(Purpose::Bulk);
        let answer = say_hello(&guarded.connection, &hello)
            .await
            .map_err(|e| AttemptError::frame(&peer, e))?;
        match checked(answer).map_err(|version| AttemptError::Version { peer, version })? {
            Ok(answer) => Ok((guarded, answer)),
            Err(refusal) => Err(BulkError::Refused(refusal)),
        }
    }

    /// Sends what the stream takes. When its table of series is full it is ended, and the rest waits
    /// for the word that a fresh one may begin.
    async fn send(&self, batch: Batch, way: &mut Way<'_>) -> Result<(), BulkError> {
        let Batch { slots, first, mut last, absent } = batch;
        let mut is_full = false;
        for slot in &slots {
            let (writer, table) = way.stream().await?;
            if !table.fits(named(slot)) {
                way.finish();
                is_full = true;
                last = slot.sequence.saturating_sub(1);
                break;
            }
            let frames = table.frames(named(slot));
            for declare in &frames.declares {
                writer.write(declare).await?;
            }
            let SpooledSlot { sequence, slot_ms, interval_ms, .. } = *slot;
            writer.write(&Stored { sequence, slot_ms, interval_ms, values: frames.values }).await?;
        }
        let (daemon, bulk) = (self.daemon.clone(), self.id);
        let sent = Input::Sent { daemon, bulk, first, last, absent, is_full };
        let _ = self.events.send(sent).await;
        Ok(())
    }
}

/// The metrics stream of a bulk connection, and after its end the next one.
struct Way<'a> {
    connection: &'a Connection,
    version: u8,
    series_max: usize,
    stream: Option<(FrameWriter, SeriesTable)>,
}

impl Way<'_> {
    async fn stream(&mut self) -> Result<&mut (FrameWriter, SeriesTable), FrameError> {
        let stream = if let Some(stream) = self.stream.take() {
            stream
        } else {
            let writer = open(self.connection, self.version, StreamName::Metrics).await?;
            (writer, SeriesTable::new(self.series_max))
        };
        Ok(self.stream.insert(stream))
    }

    fn finish(&mut self) {
        if let Some((mut writer, _)) = self.stream.take() {
            // Fails only if the daemon stopped the stream, and then it is over as well.
            let _ = writer.stream().finish();
        }
    }
}

/// A connection that others may use while this exists.
struct HandedOut<'a>(&'a Bulk);

impl<'a> HandedOut<'a> {
    fn new(bulk: &'a Bulk, connection: &Connection, version: u8) -> Self {
        let link = BulkLink { bulk: bulk.id, connection: connection.clone(), version };
        bulk.shared.bulks.send_modify(|links| {
            links.insert(bulk.daemon.clone(), link);
        });
        Self(bulk)
    }
}

impl Drop for HandedOut<'_> {
    fn drop(&mut self) {
        let bulk = self.0;
        bulk.shared.bulks.send_if_modified(|links| {
            let is_ours = links.get(&bulk.daemon).is_some_and(|link| link.bulk == bulk.id);
            is_ours && links.remove(&bulk.daemon).is_some()
        });
    }
}

/// A connection that is closed with its reason when nobody needs it any more.
struct Guarded {
    connection: Connection,
    /// Until then its socket is in use.
    _endpoint: Arc<ClientEndpoint>,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.connection.close(VarInt::from_u32(CloseCode::Replaced.code().into()), OVER);
    }
}

fn named(slot: &SpooledSlot) -> impl Iterator<Item = Named<'_>> {
    slot.shape.series.iter().zip(&slot.values).map(|(series, value)| Named {
        metric: &series.metric,
        instance: &series.instance,
        unit: series.unit,
        kind: series.kind,
        value: *value,
    })
}
