//! A received file for an operator: its record, its bytes in pieces, and that it was all.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use systole_common::ids::HostId;
use systole_common::net::framed::{FrameError, FrameWriter};
use systole_common::wire::codec::Body;
use systole_common::wire::console::{Done, Refused};
use systole_common::wire::file::{FilePage, FilePiece, FileRecord};
use systole_common::wire::hello::RefusalCode;
use systole_common::wire::limits::PIECE_BYTES_MAX;
use tokio::time::timeout;
use tracing::warn;

use super::Depot;
use crate::limits::FEED_STUCK;
use crate::shell::handshake::refusal;

/// Writes the reply to a fetch of `name` below the folder of `host`.
pub(in crate::shell) async fn serve_fetch(
    writer: &mut FrameWriter,
    depot: &Arc<Depot>,
    host: &HostId,
    name: &str,
    record: FileRecord,
) -> Result<(), FrameError> {
    let (folder, host, name) = (depot.folder.clone(), host.clone(), name.to_owned());
    let opened = tokio::task::spawn_blocking(move || folder.received(&host, &name)).await;
    let file = match opened {
        Ok(Ok(file)) => Arc::new(file),
        Ok(Err(error)) => return unreadable(writer, &error.to_string()).await,
        Err(_) => return unreadable(writer, "it cannot be read; the daemon's log says why").await,
    };
    let size_bytes = record.size_bytes;
    one(writer, &FilePage { records: vec![record] }).await?;
    let (mut offset, mut pieces) = (0, 0);
    while offset < size_bytes {
        let file = file.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; PIECE_BYTES_MAX];
            let read = file.read_at(&mut bytes, offset)?;
            bytes.truncate(read);
            std::io::Result::Ok(bytes)
        });
        let bytes = match read.await {
            Ok(Ok(bytes)) if !bytes.is_empty() => bytes,
            Ok(Ok(_)) => return unreadable(writer, "it is shorter than it was").await,
            Ok(Err(error)) => return unreadable(writer, &error.to_string()).await,
            Err(_) => return unreadable(writer, "it cannot be read").await,
        };
        let next = offset + u64::try_from(bytes.len()).unwrap_or(0);
        one(writer, &FilePiece { offset, bytes }).await?;
        offset = next;
        pieces += 1;
    }
    one(writer, &Done { count: pieces }).await
}

async fn unreadable(writer: &mut FrameWriter, reason: &str) -> Result<(), FrameError> {
    warn!(reason, "a received file cannot be read");
    let text = format!("the received file cannot be read on the monitor: {reason}");
    one(writer, &Refused { refusal: refusal(RefusalCode::Storage, &text, 0) }).await
}

async fn one(writer: &mut FrameWriter, body: &impl Body) -> Result<(), FrameError> {
    writer.queue(body)?;
    timeout(FEED_STUCK, writer.flush()).await.unwrap_or(Err(FrameError::Full))
}
