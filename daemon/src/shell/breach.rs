//! What a peer did that ends its connection: the close code, and the sentence that it and the log get.

use quinn::ReadError;
use systole_common::model::coded::Coded;
use systole_common::net::framed::FrameError;
use systole_common::wire::codec::WireError;
use systole_common::wire::hello::{CloseCode, StreamName};
use systole_common::wire::kind::Kind;

/// See the module's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(super) struct Breach {
    /// The code that the connection is closed with.
    pub(super) code: CloseCode,
    /// Why, for people.
    pub(super) text: String,
}

impl Breach {
    /// The peer broke the protocol.
    pub(super) fn protocol(text: impl Into<String>) -> Self {
        Self { code: CloseCode::Protocol, text: text.into() }
    }

    /// The peer met a limit.
    pub(super) fn overload(text: impl Into<String>) -> Self {
        Self { code: CloseCode::Overload, text: text.into() }
    }

    /// Nothing that the peer did: a fault of ours.
    pub(super) fn fault() -> Self {
        let text = "a fault of the daemon; its log says more".to_owned();
        Self { code: CloseCode::Goodbye, text }
    }

    /// A frame that this stream does not carry.
    pub(super) fn wrong_frame(stream: StreamName, kind: Kind) -> Self {
        let (stream, kind) = (stream.as_str(), kind.as_str());
        Self::protocol(format!("a {kind} frame does not belong on the {stream} stream"))
    }

    /// A stream that does not belong on this connection, in this direction or now.
    pub(super) fn wrong_stream(stream: StreamName, why: &str) -> Self {
        Self::protocol(format!("the {} stream {why}", stream.as_str()))
    }

    /// What an error of a stream means. `None`: the stream or the connection ended, which is no breach.
    pub(super) fn of(error: &FrameError) -> Option<Self> {
        match error {
            FrameError::Wire(error) => Some(error.clone().into()),
            FrameError::CutShort | FrameError::Ended { .. } => {
                Some(Self::protocol(error.to_string()))
            }
            FrameError::Read(ReadError::Reset(_) | ReadError::ConnectionLost(_))
            | FrameError::Write(_) => None,
            FrameError::Read(
                ReadError::ClosedStream
                | ReadError::IllegalOrderedRead
                | ReadError::ZeroRttRejected,
            )
            | FrameError::Full => Some(Self::protocol(error.to_string())),
        }
    }
}

impl From<WireError> for Breach {
    fn from(error: WireError) -> Self {
        Self::protocol(error.to_string())
    }
}
