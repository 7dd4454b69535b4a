//! The metrics stream of one connection: declares series, then sends the newest values.
//!
//! While the stream is slow newer values take the place of those that wait; nothing queues up.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use quinn::Connection;
use systole_common::net::framed::{FrameError, FrameWriter};
use systole_common::wire::agent::Processes;
use systole_common::wire::hello::StreamName;
use tokio::sync::watch;

use super::line::open;
use crate::engine::series::{Reading, SeriesTable};
use crate::shell::shared::Shared;

/// What is there to send, from the moment on at which this was made.
pub(super) struct Newest {
    reading: watch::Receiver<Arc<Reading>>,
    processes: watch::Receiver<Arc<Processes>>,
}

impl Newest {
    /// The newest metrics are sent at once, the process list when it comes anew.
    pub(super) fn of(shared: &Shared) -> Self {
        let mut reading = shared.reading.subscribe();
        if !reading.borrow_and_update().samples.is_empty() {
            reading.mark_changed();
        }
        Self { reading, processes: shared.processes.subscribe() }
    }
}

/// Sends until the connection breaks.
pub(super) async fn send(
    connection: &Connection,
    version: u8,
    shared: &Shared,
    newest: Newest,
) -> FrameError {
    let Newest { mut reading, mut processes } = newest;
    let mut metrics = Metrics { connection, version, shared, stream: None };
    loop {
        let sent = tokio::select! {
            changed = reading.changed() => match changed {
                Ok(()) => {
                    let newest = reading.borrow_and_update().clone();
                    metrics.values(&newest).await
                }
                Err(_) => std::future::pending().await,
            },
            changed = processes.changed() => match changed {
                Ok(()) => {
                    let newest = processes.borrow_and_update().clone();
                    metrics.processes(&newest).await
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
    async fn values(&mut self, reading: &Arc<Reading>) -> Result<(), FrameError> {
        if let Some((writer, _)) = self.stream.take_if(|(_, table)| !table.fits(reading)) {
            finish(writer);
        }
        let (writer, table) = self.stream().await?;
        let frames = table.frames(reading);
        for declare in &frames.declares {
            writer.queue(declare)?;
        }
        writer.queue(&frames.live)?;
        writer.flush().await?;
        self.count(frames.declares.len() + 1);
        Ok(())
    }

    async fn processes(&mut self, processes: &Processes) -> Result<(), FrameError> {
        let (writer, _) = self.stream().await?;
        writer.write(processes).await?;
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

fn finish(mut writer: FrameWriter) {
    // Fails only if the daemon stopped the stream, and then it is over as well.
    let _ = writer.stream().finish();
}
