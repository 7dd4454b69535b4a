//! The eight bytes before each body: kind, version, flags, length. Read without any codec.

use super::codec::WireError;
use super::kind::Kind;
use super::limits::{HEADER_BYTES, SKIP_BYTES_MAX};

/// A frame's header: `kind u8, version u8, flags u16, length u32`, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The number of the kind, known or not.
    pub kind: u8,
    /// The negotiated version; 0 in the hello and its answer.
    pub version: u8,
    /// No flag is defined; senders write 0, readers ignore them.
    pub flags: u16,
    /// Bytes of the body.
    pub length: u32,
}

/// What to do with the body that follows a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming {
    /// Read so many bytes and decode them.
    Body(Kind, usize),
    /// A kind of a newer version: skip so many bytes and count it.
    Skip(u8, usize),
}

impl Header {
    /// The bytes of the header.
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let [f0, f1] = self.flags.to_le_bytes();
        let [l0, l1, l2, l3] = self.length.to_le_bytes();
        [self.kind, self.version, f0, f1, l0, l1, l2, l3]
    }

    /// Reads the bytes of a header. Any eight bytes are one; [`Self::check`] judges it.
    pub fn from_bytes(bytes: [u8; HEADER_BYTES]) -> Self {
        let [kind, version, f0, f1, l0, l1, l2, l3] = bytes;
        Self {
            kind,
            version,
            flags: u16::from_le_bytes([f0, f1]),
            length: u32::from_le_bytes([l0, l1, l2, l3]),
        }
    }

    /// Judges version and length before a byte of the body is buffered.
    pub fn check(self, version: u8) -> Result<Incoming, WireError> {
        if self.version != version {
            return Err(WireError::Version { expected: version, found: self.version });
        }
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        match Kind::from_number(self.kind) {
            Some(kind) if self.length <= kind.size().bytes_max() => {
                Ok(Incoming::Body(kind, length))
            }
            Some(kind) => Err(WireError::TooLong {
                kind: kind.as_str(),
                length: self.length,
                length_max: kind.size().bytes_max(),
            }),
            None if self.length <= SKIP_BYTES_MAX => Ok(Incoming::Skip(self.kind, length)),
            None => Err(WireError::TooLong {
                kind: "unknown",
                length: self.length,
                length_max: SKIP_BYTES_MAX,
            }),
        }
    }
}
