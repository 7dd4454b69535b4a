//! One file stream, from its opening to the last word.
//!
//! Chunks must come in order, each whole and with its hash; anything else ends the transfer for good.
//! A stream that breaks off ends nothing: the agent opens another one and goes on where the bytes are
//! on the disk.

use std::sync::Arc;

use quinn::{ReadExactError, SendStream};
use systole_common::ids::{HostId, Identity};
use systole_common::model::file::{CHUNK_BYTES, HASH_BYTES};
use systole_common::net::framed::{FrameError, FrameReader, FrameWriter};
use systole_common::time::Mono;
use systole_common::wire::codec::decode;
use systole_common::wire::file::{Chunk, Decision};
use systole_common::wire::hello::StreamName;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::folder::FolderError;
use super::partial::{Found, Partial, PartialError, content, resume};
use super::writing::Writing;
use super::{Depot, Order};
use crate::engine::effect::TransferVerdict;
use crate::engine::input::Input;
use crate::engine::state::FileRow;
use crate::limits::{FILE_IDLE_MAX, FILE_ORDER_WAIT, FILE_PROGRESS_EVERY};
use crate::shell::agent_streams::AgentStreams;
use crate::shell::breach::Breach;
use crate::shell::clock;

/// How a stream ended other than by the engine's last word.
#[derive(Debug)]
enum End {
    /// The stream, its connection or the daemon ended: it may go on later.
    Broken,
    /// It can never succeed.
    Fatal(String),
    /// The agent broke the protocol as well.
    Breach(String, Breach),
}

impl End {
    /// The disk or the bytes are at fault: no further stream mends that.
    fn of(error: &PartialError) -> Self {
        Self::Fatal(error.to_string())
    }
}

/// Serves a file stream, of which the opening frame was read.
pub(in crate::shell) async fn receive(
    streams: &Arc<AgentStreams>,
    reader: &mut FrameReader,
    send: SendStream,
) -> Result<(), Breach> {
    let Identity::Agent(host) = streams.peer().leaf.identity.clone() else { return Ok(()) };
    let Some(first) = next_chunk(streams, reader).await? else { return Ok(()) };
    if first.length != 0 || first.offset != 0 {
        return Err(Breach::protocol("bytes of a file came before anybody wanted them"));
    }
    let depot = &streams.context().files;
    let Some((transfer, orders)) = depot.open() else {
        // The agent tries again; a fleet that sends at once goes one after the other.
        debug!(%host, "too many file streams at once");
        return Ok(());
    };
    let guard = Registered { depot, transfer };
    let mut stream = Stream {
        streams,
        reader,
        writer: FrameWriter::new(send, streams.peer().version),
        orders,
        transfer,
        file: first.file,
        host,
        told: clock::mono(),
        synced: None,
    };
    let end = stream.serve().await;
    let outcome = stream.close(end).await;
    drop(guard);
    outcome
}

/// Takes a stream off the list, however its task ends.
struct Registered<'a> {
    depot: &'a Depot,
    transfer: u64,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.depot.close(self.transfer);
    }
}

struct Stream<'a> {
    streams: &'a Arc<AgentStreams>,
    reader: &'a mut FrameReader,
    writer: FrameWriter,
    orders: mpsc::Receiver<Order>,
    transfer: u64,
    file: u64,
    host: HostId,
    /// When the engine was told how far it is.
    told: Mono,
    /// The synced bytes that it was told of.
    synced: Option<u64>,
}

/// What the engine wants next of a stream.
enum Wanted {
    Placed,
    Over(Decision),
}

impl Stream<'_> {
    /// `Ok` is the engine's last word.
    async fn serve(&mut self) -> Result<Decision, End> {
        let (host, transfer, file) = (self.host.clone(), self.transfer, self.file);
        self.tell(Input::TransferOpen { host, transfer, file }).await;
        let (row, mut decision) = match self.order().await? {
            Order::Verdict(TransferVerdict::Receive { row, decision }) => (row, decision),
            Order::Verdict(TransferVerdict::Refuse(decision)) | Order::Over(decision) => {
                return Ok(decision);
            }
            Order::Place => return Err(End::Broken),
        };
        let (folder, kept) = (self.depot().folder.clone(), row.clone());
        match self.blocking(move || resume(&folder, &kept)).await? {
            Found::Placed => {
                let name = row.placed.clone().unwrap_or_default();
                self.placed(&name).await
            }
            Found::Part(partial) => {
                decision.offset = partial.offset();
                self.write(&decision).await?;
                match self.bytes(&row, *partial).await? {
                    Ok(hash) => self.whole(&row, hash).await,
                    Err(decision) => Ok(decision),
                }
            }
        }
    }

    /// All bytes of the file, and their hash; or the engine's last word that came meanwhile.
    async fn bytes(
        &mut self,
        row: &FileRow,
        partial: Partial,
    ) -> Result<Result<[u8; HASH_BYTES], Decision>, End> {
        let mut writing = Writing::begin(partial);
        let ended = loop {
            match self.next_bytes(row, &mut writing).await {
                Ok(None) if writing.taken() >= row.size_bytes => break Ok(None),
                Ok(None) => {}
                ended => break ended,
            }
        };
        match ended {
            Ok(None) => writing.finish().await.map(Ok).map_err(|error| End::of(&error)),
            Ok(Some(decision)) => {
                writing.give_up().await;
                Ok(Err(decision))
            }
            Err(end) => {
                writing.give_up().await;
                Err(end)
            }
        }
    }

    /// One more chunk, if the file needs one; or the engine's last word.
    async fn next_bytes(
        &mut self,
        row: &FileRow,
        writing: &mut Writing,
    ) -> Result<Option<Decision>, End> {
        self.progress(writing).await;
        if writing.taken() >= row.size_bytes {
            return Ok(None);
        }
        let next = tokio::select! {
            order = self.orders.recv() => match order {
                Some(Order::Over(decision)) => return Ok(Some(decision)),
                // A chunk that was half read cannot be read on.
                Some(Order::Verdict(_) | Order::Place) | None => return Err(End::Broken),
            },
            chunk = timeout(FILE_IDLE_MAX, chunk(self.streams, self.reader)) => chunk,
        };
        let (header, bytes) = next.map_err(|_| End::Broken)??;
        self.expected(row, writing.taken(), &header)?;
        writing.write(bytes, header.blake3).await.map_err(|error| End::of(&error))?;
        Ok(None)
    }

    fn expected(&self, row: &FileRow, offset: u64, chunk: &Chunk) -> Result<(), End> {
        let left = row.size_bytes.saturating_sub(offset);
        let wrong = if chunk.file != self.file {
            "bytes of another file came"
        } else if chunk.offset != offset {
            "bytes came out of order"
        } else if u64::from(chunk.length) > left || chunk.length > CHUNK_BYTES {
            "more bytes came than were offered"
        } else if chunk.length == 0 {
            "a chunk without bytes came"
        } else {
            return Ok(());
        };
        Err(End::Breach(wrong.to_owned(), Breach::protocol(wrong)))
    }

    /// Every byte is there: it gets its name if its hash is right.
    async fn whole(&mut self, row: &FileRow, hash: [u8; HASH_BYTES]) -> Result<Decision, End> {
        if hash != row.blake3 {
            let text = "its bytes are not those that were offered: their hash is another one";
            return Err(End::Fatal(text.to_owned()));
        }
        loop {
            let (folder, host, wished) =
                (self.depot().folder.clone(), row.host.clone(), row.name.clone());
            let name = self
                .blocking(move || folder.free_name(&host, &wished).map_err(PartialError::from))
                .await?;
            let (transfer, file) = (self.transfer, self.file);
            self.tell(Input::TransferWhole { transfer, file, name: name.clone() }).await;
            if let Wanted::Over(decision) = self.wanted().await? {
                return Ok(decision);
            }
            let (folder, host, placed) =
                (self.depot().folder.clone(), row.host.clone(), name.clone());
            let result = self.blocking(move || match folder.place(file, &host, &placed) {
                Err(FolderError::Taken) => Ok(false),
                result => result.map(|()| true).map_err(PartialError::from),
            });
            if result.await? {
                return self.placed(&name).await;
            }
        }
    }

    /// It has its name: the engine is told, and says the last word.
    async fn placed(&mut self, name: &str) -> Result<Decision, End> {
        self.depot().release(self.file);
        let (folder, host, name) =
            (self.depot().folder.clone(), self.host.clone(), name.to_owned());
        let content = self.blocking(move || content(&folder, &host, &name)).await?;
        let (transfer, file) = (self.transfer, self.file);
        self.tell(Input::TransferPlaced { transfer, file, content }).await;
        match self.wanted().await? {
            Wanted::Over(decision) => Ok(decision),
            Wanted::Placed => Err(End::Broken),
        }
    }

    /// Writes the last word, or tells the engine that there is none.
    async fn close(mut self, end: Result<Decision, End>) -> Result<(), Breach> {
        let (transfer, file) = (self.transfer, self.file);
        let (fatal, breach) = match end {
            Ok(decision) => {
                let _ = self.write(&decision).await;
                let _ = self.writer.stream().finish();
                let _ = self.reader.stream().stop(quinn::VarInt::from_u32(0));
                return Ok(());
            }
            Err(End::Broken) => (None, Ok(())),
            Err(End::Fatal(why)) => (Some(why), Ok(())),
            Err(End::Breach(why, breach)) => (Some(why), Err(breach)),
        };
        let host = &self.host;
        if let Some(reason) = &fatal {
            warn!(%host, file, reason, "a file cannot be received");
        } else {
            debug!(%host, file, "a transfer broke off; it may go on");
        }
        let is_fatal = fatal.is_some();
        self.tell(Input::TransferEnded { transfer, file, fatal }).await;
        if is_fatal && breach.is_ok() {
            // The agent is told on this stream too, if it still listens.
            if let Ok(Order::Over(decision)) = self.order().await {
                let _ = self.write(&decision).await;
                let _ = self.writer.stream().finish();
            }
        }
        breach
    }

    /// Tells the engine what came, at the beginning, with each sync, and now and then.
    async fn progress(&mut self, writing: &Writing) {
        let (received_bytes, synced_bytes) = (writing.taken(), writing.synced());
        let is_due = clock::mono().since(self.told) >= FILE_PROGRESS_EVERY;
        if self.synced == Some(synced_bytes) && !is_due {
            return;
        }
        (self.told, self.synced) = (clock::mono(), Some(synced_bytes));
        let (transfer, file) = (self.transfer, self.file);
        let input = Input::TransferProgress { transfer, file, received_bytes, synced_bytes };
        self.tell(input).await;
    }

    async fn wanted(&mut self) -> Result<Wanted, End> {
        loop {
            match self.order().await? {
                Order::Place => return Ok(Wanted::Placed),
                Order::Over(decision) => return Ok(Wanted::Over(decision)),
                Order::Verdict(_) => {}
            }
        }
    }

    async fn order(&mut self) -> Result<Order, End> {
        let order = timeout(FILE_ORDER_WAIT, self.orders.recv()).await;
        order.ok().flatten().ok_or(End::Broken)
    }

    async fn write(&mut self, decision: &Decision) -> Result<(), End> {
        self.writer.write(decision).await.map_err(|_| End::Broken)
    }

    async fn tell(&self, input: Input) {
        self.streams.context().tell(input).await;
    }

    fn depot(&self) -> &Depot {
        &self.streams.context().files
    }

    /// Does work on the disk on a thread for it.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PartialError> + Send + 'static,
    ) -> Result<T, End> {
        let done = tokio::task::spawn_blocking(work).await.map_err(|_| End::Broken)?;
        done.map_err(|error| End::of(&error))
    }
}

/// The next header of a chunk; `None` at the end of the stream.
async fn next_chunk(
    streams: &AgentStreams,
    reader: &mut FrameReader,
) -> Result<Option<Chunk>, Breach> {
    match streams.next(reader, StreamName::File).await? {
        // The stream carries no other kind.
        Some((_, body)) => Ok(Some(decode(&body)?)),
        None => Ok(None),
    }
}

/// The next chunk with its bytes.
async fn chunk(streams: &AgentStreams, reader: &mut FrameReader) -> Result<(Chunk, Vec<u8>), End> {
    let header = next_chunk(streams, reader).await;
    let header = header.map_err(|breach| End::Breach(breach.text.clone(), breach))?;
    let header = header.ok_or(End::Broken)?;
    let length = usize::try_from(header.length).map_err(|_| End::Broken)?;
    streams.charge_file(length).await;
    let mut bytes = vec![0; length];
    match reader.stream().read_exact(&mut bytes).await {
        Ok(()) => Ok((header, bytes)),
        Err(ReadExactError::FinishedEarly(_)) => {
            let cut = FrameError::CutShort.to_string();
            Err(End::Breach(cut.clone(), Breach::protocol(cut)))
        }
        Err(ReadExactError::ReadError(_)) => Err(End::Broken),
    }
}
