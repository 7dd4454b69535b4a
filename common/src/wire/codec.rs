//! The only user of bincode. Bodies in, bytes out; always with the kind's limit, always the whole body.
//!
//! Why bincode is pinned and how to leave it: docs/adr/0001-bincode-pin.md.

use bincode::config::{Configuration, Limit, LittleEndian, Varint, standard};
use bincode::error::DecodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::header::Header;
use super::kind::{Kind, Size};
use super::limits::{
    HEADER_BYTES, LARGE_BODY_BYTES_MAX, MEDIUM_BODY_BYTES_MAX, SMALL_BODY_BYTES_MAX,
};

/// Why bytes are not a frame of ours, or a value may not be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The header's version is not the negotiated one.
    #[error("frame of protocol version {found}, agreed on was {expected}")]
    Version {
        /// The version agreed on in the hello.
        expected: u8,
        /// The version in the header.
        found: u8,
    },
    /// The header claims more than the kind may have.
    #[error("{kind} frame claims {length} bytes, at most {length_max} are allowed")]
    TooLong {
        /// The kind's name.
        kind: &'static str,
        /// The claimed length in bytes.
        length: u32,
        /// The limit in bytes.
        length_max: u32,
    },
    /// The kind does not belong here.
    #[error("unexpected {found} frame where {expected} belongs")]
    Kind {
        /// The kind's name that belongs here.
        expected: &'static str,
        /// The kind's name that came.
        found: &'static str,
    },
    /// The body is cut short or garbled.
    #[error("{kind} frame does not decode: {reason}")]
    Body {
        /// The kind's name.
        kind: &'static str,
        /// What is wrong with it.
        reason: BodyFault,
    },
    /// A list or text in the body is longer than its limit.
    #[error("{kind} frame has {count} {what}, at most {count_max} are allowed")]
    TooMany {
        /// The kind's name.
        kind: &'static str,
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// The limit.
        count_max: usize,
    },
}

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// It ends in the middle of a value.
    #[error("cut short")]
    CutShort,
    /// Bytes are left over after the last value.
    #[error("trailing bytes")]
    Trailing,
    /// A length inside claims more than the limit.
    #[error("a length in it is over the limit")]
    Limit,
    /// A text in it is not UTF-8.
    #[error("a text in it is not UTF-8")]
    Utf8,
    /// A value in it is not of its type.
    #[error("a value in it is not of its type")]
    Value,
    /// The value does not fit the limit and was not sent.
    #[error("it would be over the limit")]
    Unsendable,
}

/// A message: one kind, one frozen struct.
pub trait Body: Serialize + DeserializeOwned {
    /// Its kind.
    const KIND: Kind;

    /// Checks what the types cannot say: counts and text lengths.
    fn check(&self) -> Result<(), WireError> {
        Ok(())
    }
}

/// Appends header and body of `message` to `out`. On an error `out` is as it was.
pub fn encode<B: Body>(version: u8, message: &B, out: &mut Vec<u8>) -> Result<(), WireError> {
    message.check()?;
    let fault = |reason| WireError::Body { kind: B::KIND.as_str(), reason };
    let body = bincode::serde::encode_to_vec(message, standard())
        .map_err(|_| fault(BodyFault::Unsendable))?;
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    if length > B::KIND.size().bytes_max() {
        return Err(fault(BodyFault::Unsendable));
    }
    let header = Header { kind: B::KIND.number(), version, flags: 0, length };
    out.reserve(HEADER_BYTES + body.len());
    out.extend_from_slice(&header.to_bytes());
    out.extend_from_slice(&body);
    Ok(())
}

/// [`encode`] into bytes of its own.
pub fn encode_frame<B: Body>(version: u8, message: &B) -> Result<Vec<u8>, WireError> {
    let mut out = Vec::new();
    encode(version, message, &mut out)?;
    Ok(out)
}

/// Reads a body of kind `B::KIND`. The whole of `body` must be consumed.
pub fn decode<B: Body>(body: &[u8]) -> Result<B, WireError> {
    let fault = |reason| WireError::Body { kind: B::KIND.as_str(), reason };
    let size = B::KIND.size();
    if body.len() > usize::try_from(size.bytes_max()).unwrap_or(usize::MAX) {
        return Err(fault(BodyFault::Limit));
    }
    let (message, used) = match size {
        Size::Small => limited::<B, { SMALL_BODY_BYTES_MAX as usize }>(body),
        Size::Medium => limited::<B, { MEDIUM_BODY_BYTES_MAX as usize }>(body),
        Size::Large => limited::<B, { LARGE_BODY_BYTES_MAX as usize }>(body),
    }
    .map_err(|error| fault(classify(&error)))?;
    if used != body.len() {
        return Err(fault(BodyFault::Trailing));
    }
    message.check()?;
    Ok(message)
}

/// Reads one whole frame, header included, as a datagram carries it.
pub fn decode_datagram<B: Body>(version: u8, frame: &[u8]) -> Result<B, WireError> {
    let fault = |reason| WireError::Body { kind: B::KIND.as_str(), reason };
    let (header, body) =
        frame.split_first_chunk::<HEADER_BYTES>().ok_or_else(|| fault(BodyFault::CutShort))?;
    let header = Header::from_bytes(*header);
    match header.check(version)? {
        super::header::Incoming::Body(kind, length) if kind == B::KIND => {
            if length == body.len() {
                decode(body)
            } else {
                Err(fault(BodyFault::CutShort))
            }
        }
        super::header::Incoming::Body(kind, _) => {
            Err(WireError::Kind { expected: B::KIND.as_str(), found: kind.as_str() })
        }
        super::header::Incoming::Skip(..) => {
            Err(WireError::Kind { expected: B::KIND.as_str(), found: "unknown" })
        }
    }
}

/// How many bytes `value` takes inside a body.
pub(crate) fn encoded_bytes<T: Serialize>(value: &T) -> usize {
    bincode::serde::encode_to_vec(value, standard()).map_or(usize::MAX, |bytes| bytes.len())
}

type Limited<const N: usize> = Configuration<LittleEndian, Varint, Limit<N>>;

fn limited<B: Body, const N: usize>(body: &[u8]) -> Result<(B, usize), DecodeError> {
    let configuration: Limited<N> = standard().with_limit::<N>();
    bincode::serde::decode_from_slice(body, configuration)
}

fn classify(error: &DecodeError) -> BodyFault {
    match error {
        DecodeError::UnexpectedEnd { .. } => BodyFault::CutShort,
        DecodeError::LimitExceeded => BodyFault::Limit,
        DecodeError::Utf8 { .. } => BodyFault::Utf8,
        _ => BodyFault::Value,
    }
}

/// Fails if a list or text is over its limit.
pub(crate) fn at_most(
    kind: Kind,
    what: &'static str,
    count: usize,
    count_max: usize,
) -> Result<(), WireError> {
    if count <= count_max {
        return Ok(());
    }
    Err(WireError::TooMany { kind: kind.as_str(), what, count, count_max })
}
