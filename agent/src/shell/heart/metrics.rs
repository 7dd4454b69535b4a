//! The metrics stream of one connection: declares series, then sends the newest values, then what the
//! delivery wants on it: stored slots, and what will never come.
//!
//! While the stream is slow newer live values take the place of those that wait. What the delivery
//! wants waits in a short queue; what finds no room there goes by backfill.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use quinn::Connection;
use systole_common::net::framed::{FrameError, FrameWriter};
use systole_common::wire::agent::{Live, Processes, SeriesValue, Stored};
use systole_common::wire::codec::Body;
use systole_common::wire::hello::StreamName;
use tokio::sync::{mpsc, watch};

use super::line::open;
use crate::engine::collect::Sample;
use crate::engine::sampling::Slot;
use crate::engine::series::{Named, Reading, SeriesTable};
use crate::shell::delivery::outlet::Outgoing;
use crate::shell::shared::Shared;

/// What is there to send, from the moment on at which this was made.
pub(super) struct Newest {
    reading: watch::Receiver<Arc<Reading>>,
    processes: watch::Receiver<Arc<Processes>>,
    outgoing: mpsc::Receiver<Outgoing>,
}

impl Newest {
    /// The newest metrics are sent at once, the process list when it comes anew.
    pub(super) fn of(shared: &Shared, outgoing: mpsc::Receiver<Outgoing>) -> Self {
        let mut reading = shared.reading.subscribe();
        if !reading.borrow_and_update().samples.is_empty() {
            reading.mark_changed();
        }
        Self { reading, processes: shared.processes.subscribe(), outgoing }
    }
}

/// Sends until the connection breaks.
pub(super) async fn send(
    connection: &Connection,
    version: u8,
    shared: &Shared,
    newest: Newest,
) -> FrameError {
    let Newest { mut reading, mut processes, mut outgoing } = newest;
    let mut metrics = Metrics { connection, version, shared, stream: None };
    loop {
        let sent = tokio::select! {
            biased;
            changed = reading.changed() => match changed {
                Ok(()) => {
                    let newest = reading.borrow_and_update().clone();
                    metrics.values(&newest).await
                }
                Err(_) => std::future::pending().await,
            },
            Some(outgoing) = outgoing.recv() => metrics.deliver(&outgoing).await,
            changed = processes.changed() => match changed {
                Ok(()) => {
                    let newest = processes.borrow_and_update().clone();
                    metrics.write(&*newest).await
                }
                Err(_) => std::future::pending().await,
            },
        };
        if let Err(fault) = sent {
            return fault;
        }
    }
}

struct Metrics<'a> {
    connection: &'a Connection,
    version: u8,
    shared: &'a Shared,
    stream: Option<(FrameWriter, SeriesTable)>,
}

impl Metrics<'_> {
    async fn values(&mut self, reading: &Reading) -> Result<(), FrameError> {
        let Reading { at, interval_ms, .. } = *reading;
        let values = self.declared(&reading.samples).await?;
        self.write(&Live { at, interval_ms, values }).await
    }

    async fn deliver(&mut self, outgoing: &Outgoing) -> Result<(), FrameError> {
        match outgoing {
            Outgoing::Stored(kept) => {
                let Slot { slot_ms, interval_ms } = kept.deposit.slot;
                let values = self.declared(&kept.deposit.samples).await?;
                let sequence = kept.sequence;
                self.write(&Stored { sequence, slot_ms, interval_ms, values }).await
            }
            Outgoing::Dropped(dropped) => self.write(dropped).await,
        }
    }

    /// Declares what the stream does not know; all values by their ids.
    async fn declared(&mut self, samples: &[Sample]) -> Result<Vec<SeriesValue>, FrameError> {
        let named = || samples.iter().map(Named::from);
        if let Some((writer, _)) = self.stream.take_if(|(_, table)| !table.fits(named())) {
            finish(writer).await;
        }
        let (writer, table) = self.stream().await?;
        let frames = table.frames(named());
        for declare in &frames.declares {
            writer.queue(declare)?;
        }
        self.count(frames.declares.len());
        Ok(frames.values)
    }

    async fn write<B: Body>(&mut self, frame: &B) -> Result<(), FrameError> {
        let (writer, _) = self.stream().await?;
        writer.write(frame).await?;
        self.count(1);
        Ok(())
    }

    async fn stream(&mut self) -> Result<&mut (FrameWriter, SeriesTable), FrameError> {
        let stream = if let Some(stream) = self.stream.take() {
            stream
        } else {
            let writer = open(self.connection, self.version, StreamName::Metrics).await?;
            let series_max = self.shared.sampling.borrow().series_max;
            (writer, SeriesTable::new(series_max))
        };
        Ok(self.stream.insert(stream))
    }

    fn count(&self, frames: usize) {
        let frames = u64::try_from(frames).unwrap_or(0);
        self.shared.counters.sender.fetch_add(frames, Ordering::Relaxed);
    }
}

/// Ends a stream and waits until the daemon has its end: it refuses a second one beside it.
async fn finish(mut writer: FrameWriter) {
    // Fails only if the daemon stopped the stream, and then it is over as well.
    let _ = writer.stream().finish();
    let _ = writer.stream().stopped().await;
}
