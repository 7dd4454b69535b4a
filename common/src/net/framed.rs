//! Frames on quinn streams: header first, its kind's limit checked before a byte is buffered.
//!
//! Reading and writing may be cancelled at any await and go on where they stopped. Kinds that this
//! program does not know are skipped by their length and counted. Bodies are decoded elsewhere.

use bytes::{Bytes, BytesMut};
use quinn::{ConnectionError, ReadError, RecvStream, SendStream, WriteError};

use super::limits::WRITER_BYTES_MAX;
use crate::wire::codec::{Body, WireError, decode, encode};
use crate::wire::header::{Header, Incoming};
use crate::wire::kind::Kind;
use crate::wire::limits::HEADER_BYTES;

/// Why a stream of frames ended otherwise than between two frames.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The peer broke the protocol.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame")]
    CutShort,
    /// The stream ended where a frame was due.
    #[error("the stream ended where a {expected} frame was due")]
    Ended {
        /// The kind's name.
        expected: &'static str,
    },
    /// The stream or its connection broke while reading.
    #[error("reading failed: {0}")]
    Read(#[from] ReadError),
    /// The stream or its connection broke while writing.
    #[error("writing failed: {0}")]
    Write(#[from] WriteError),
    /// The peer takes frames more slowly than they are made.
    #[error("the peer takes no more: {WRITER_BYTES_MAX} bytes wait")]
    Full,
}

impl FrameError {
    /// The connection's own error if that is what broke; see [`super::refusal::explain`].
    pub fn connection(&self) -> Option<&ConnectionError> {
        match self {
            Self::Read(ReadError::ConnectionLost(error))
            | Self::Write(WriteError::ConnectionLost(error)) => Some(error),
            Self::Wire(_)
            | Self::CutShort
            | Self::Ended { .. }
            | Self::Read(_)
            | Self::Write(_)
            | Self::Full => None,
        }
    }
}

/// Reads frames from a stream.
#[derive(Debug)]
pub struct FrameReader {
    stream: RecvStream,
    version: u8,
    skipped: u64,
    part: Part,
}

/// How far the present frame has come.
#[derive(Debug)]
enum Part {
    Header([u8; HEADER_BYTES], usize),
    Body(Kind, usize, BytesMut),
    Skip(usize),
}

const START: Part = Part::Header([0; HEADER_BYTES], 0);

impl FrameReader {
    /// Reads frames of `version`: 0 until the hello is answered.
    pub fn new(stream: RecvStream, version: u8) -> Self {
        Self { stream, version, skipped: 0, part: START }
    }

    /// Sets the version that was negotiated.
    pub fn set_version(&mut self, version: u8) {
        self.version = version;
    }

    /// Frames of unknown kinds that were skipped.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The stream, to stop it or to read raw bytes that follow a frame.
    pub fn stream(&mut self) -> &mut RecvStream {
        &mut self.stream
    }

    /// The next frame of a known kind; `None` when the stream ends between frames.
    pub async fn read(&mut self) -> Result<Option<(Kind, Bytes)>, FrameError> {
        loop {
            match &mut self.part {
                Part::Header(bytes, filled) => {
                    let missing = bytes.get_mut(*filled..).unwrap_or_default();
                    let Some(chunk) = self.stream.read_chunk(missing.len(), true).await? else {
                        return if *filled == 0 { Ok(None) } else { Err(FrameError::CutShort) };
                    };
                    for (to, from) in missing.iter_mut().zip(&chunk.bytes) {
                        *to = *from;
                    }
                    *filled += chunk.bytes.len();
                    if *filled == HEADER_BYTES {
                        let header = Header::from_bytes(*bytes);
                        self.begin_body(header)?;
                    }
                }
                Part::Body(kind, length, body) => {
                    if body.len() == *length {
                        let frame = (*kind, body.split().freeze());
                        self.part = START;
                        return Ok(Some(frame));
                    }
                    let missing = *length - body.len();
                    let chunk = self.stream.read_chunk(missing, true).await?;
                    body.extend_from_slice(&chunk.ok_or(FrameError::CutShort)?.bytes);
                }
                Part::Skip(0) => self.part = START,
                Part::Skip(left) => {
                    let chunk = self.stream.read_chunk(*left, true).await?;
                    *left -= chunk.ok_or(FrameError::CutShort)?.bytes.len();
                }
            }
        }
    }

    /// The next frame, which must be of kind `B`.
    pub async fn expect<B: Body>(&mut self) -> Result<B, FrameError> {
        let expected = B::KIND.as_str();
        match self.read().await? {
            Some((kind, body)) if kind == B::KIND => Ok(decode(&body)?),
            Some((kind, _)) => Err(WireError::Kind { expected, found: kind.as_str() }.into()),
            None => Err(FrameError::Ended { expected }),
        }
    }

    fn begin_body(&mut self, header: Header) -> Result<(), WireError> {
        self.part = match header.check(self.version)? {
            Incoming::Body(kind, length) => Part::Body(kind, length, BytesMut::new()),
            Incoming::Skip(_, length) => {
                self.skipped += 1;
                Part::Skip(length)
            }
        };
        Ok(())
    }
}

/// Writes frames to a stream.
#[derive(Debug)]
pub struct FrameWriter {
    stream: SendStream,
    version: u8,
    waiting: Vec<u8>,
    sent: usize,
}

impl FrameWriter {
    /// Writes frames of `version`: 0 until the hello is answered.
    pub fn new(stream: SendStream, version: u8) -> Self {
        Self { stream, version, waiting: Vec::new(), sent: 0 }
    }

    /// Sets the version that was negotiated.
    pub fn set_version(&mut self, version: u8) {
        self.version = version;
    }

    /// The stream, to set its priority, finish or reset it.
    pub fn stream(&mut self) -> &mut SendStream {
        &mut self.stream
    }

    /// Bytes that wait to be sent.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting.len() - self.sent
    }

    /// Adds a frame to what waits; [`Self::flush`] sends it. Nothing is added on an error.
    pub fn queue<B: Body>(&mut self, message: &B) -> Result<(), FrameError> {
        self.forget_sent();
        let before = self.waiting.len();
        encode(self.version, message, &mut self.waiting)?;
        if self.waiting_bytes() > WRITER_BYTES_MAX {
            self.waiting.truncate(before);
            return Err(FrameError::Full);
        }
        Ok(())
    }

    /// Adds a frame that was encoded before, for several streams.
    pub fn queue_encoded(&mut self, frame: &[u8]) -> Result<(), FrameError> {
        self.forget_sent();
        if self.waiting_bytes() + frame.len() > WRITER_BYTES_MAX {
            return Err(FrameError::Full);
        }
        self.waiting.extend_from_slice(frame);
        Ok(())
    }

    /// Hands all that waits to quinn. Cancelled, the rest keeps waiting.
    pub async fn flush(&mut self) -> Result<(), FrameError> {
        while let Some(rest) = self.waiting.get(self.sent..).filter(|rest| !rest.is_empty()) {
            self.sent += self.stream.write(rest).await?;
        }
        self.waiting.clear();
        self.sent = 0;
        Ok(())
    }

    /// Sends one frame.
    pub async fn write<B: Body>(&mut self, message: &B) -> Result<(), FrameError> {
        self.queue(message)?;
        self.flush().await
    }

    fn forget_sent(&mut self) {
        self.waiting.drain(..self.sent);
        self.sent = 0;
    }
}
