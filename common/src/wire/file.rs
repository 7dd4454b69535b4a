//! Files that hosts offer: the offer, what becomes of it, and its bytes.
//!
//! An offer is sequenced in the agent's spool epoch and sent again on each new connection while its
//! sender waits; the daemon answers each time with the [`Decision`] as it stands. The bytes go on a
//! `file` stream of a bulk connection: the agent opens it with a [`Chunk`] of length 0, the daemon
//! answers with a [`Decision`] that says at which offset to begin, then each chunk is a header and its
//! raw bytes behind it. The agent finishes its side after the last; the daemon's last word is a
//! [`Decision`] as well.

use serde::{Deserialize, Serialize};

use super::codec::{Body, WireError, at_most};
use super::kind::Kind;
use super::limits::{
    FACT_BYTES_MAX, FILE_PATH_BYTES_MAX, PAGE_RECORDS_MAX, PIECE_BYTES_MAX, REASON_BYTES_MAX,
    SENDER_BYTES_MAX,
};
use crate::ids::SpoolEpoch;
use crate::model::coded::Growing;
use crate::model::file::{CHUNK_BYTES, FileState, HASH_BYTES};
use crate::time::UnixMs;

/// A file on offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Sequence of offers in the spool epoch of the hello.
    pub sequence: u64,
    /// The name under which it is offered, as its user gave it; not checked yet.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// BLAKE3 of the whole file.
    pub blake3: [u8; HASH_BYTES],
    /// Its type by its content, as the agent sees it: a media type, or empty.
    pub content: String,
    /// What its sender says about it.
    pub note: String,
    /// The host's user, by the credentials of the local socket.
    pub user: String,
    /// When it was offered, by the agent's wall clock.
    pub time: UnixMs,
}

/// The offer ends: its sender left, or the file changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdraw {
    /// The offer.
    pub sequence: u64,
    /// Why, for people.
    pub reason: String,
    /// Whether it can never be sent, as when the file changed; else its sender left.
    pub has_failed: bool,
}

/// What became of an offer, or where its bytes are to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The offer's spool epoch.
    pub epoch: SpoolEpoch,
    /// The offer.
    pub sequence: u64,
    /// The daemon's number for it; 0 if it was refused before it got one.
    pub file: u64,
    /// Where it is.
    pub state: Growing<FileState>,
    /// Why, for people.
    pub reason: String,
    /// Who decided: an operator, or `policy`; empty while nobody has.
    pub by: String,
    /// Bytes that are safe with the daemon; on a file stream: where to begin.
    pub offset: u64,
    /// Where it is saved, once it is.
    pub path: String,
    /// When it expires.
    pub expires_at: UnixMs,
}

/// The header of a chunk; `length` raw bytes follow the frame. A length of 0 asks where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The daemon's number for the file.
    pub file: u64,
    /// Where in the file.
    pub offset: u64,
    /// Bytes that follow, at most [`CHUNK_BYTES`].
    pub length: u32,
    /// BLAKE3 of those bytes.
    pub blake3: [u8; HASH_BYTES],
}

/// Offered and received files, newest first. The reply is [`FilePage`]s.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FilesQuery {
    /// Only of this host.
    pub host: Option<String>,
    /// Only those to which something can still happen.
    pub open_only: bool,
    /// Only those offered after this.
    pub since: Option<UnixMs>,
    /// Only this one.
    pub file: Option<u64>,
    /// At most so many.
    pub count_max: u32,
}

/// Take a file. The reply is a [`FilePage`] with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accept {
    /// Which.
    pub file: u64,
}

/// Refuse a file. The reply is a [`FilePage`] with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Which.
    pub file: u64,
    /// Why, for its sender and the trail.
    pub why: String,
}

/// Bring a received file. The reply is a [`FilePage`] with it, then its bytes as [`FilePiece`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// Which.
    pub file: u64,
}

/// A file as the daemon knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// The daemon's number for it, never used again.
    pub id: u64,
    /// Who offers it.
    pub host: String,
    /// Under which name.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// BLAKE3 of the whole file, as its sender says; right once it is verified.
    pub blake3: [u8; HASH_BYTES],
    /// Its type by content: a media type, or empty. Of a verified file as the daemon sees it.
    pub content: String,
    /// What its sender says about it.
    pub note: String,
    /// `host/user`.
    pub sender: String,
    /// Fingerprint of the certificate that the host showed.
    pub certificate: String,
    /// Where it is.
    pub state: Growing<FileState>,
    /// Why it is there; empty while there is nothing to say.
    pub reason: String,
    /// Who decided: an operator, or `policy`.
    pub decided_by: Option<String>,
    /// Bytes that have come.
    pub received_bytes: u64,
    /// Where it is saved, or will be.
    pub path: String,
    /// Room that the daemon had for files when the offer came.
    pub free_bytes: u64,
    /// When it was offered, by the daemon's wall clock.
    pub offered_at: UnixMs,
    /// When it expires undecided, or unfinished.
    pub expires_at: UnixMs,
    /// When it was over.
    pub finished_at: Option<UnixMs>,
}

/// A page of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePage {
    /// In the order asked for.
    pub records: Vec<FileRecord>,
}

/// The next bytes of a file that is fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePiece {
    /// Where in the file.
    pub offset: u64,
    /// At most [`PIECE_BYTES_MAX`] of them.
    pub bytes: Vec<u8>,
}

/// What a file was before an event; `None` for what did not change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileBefore {
    /// The state before.
    pub state: Option<Growing<FileState>>,
    /// The reason before.
    pub reason: Option<String>,
    /// Who had decided before; the inner `None` is "nobody".
    pub decided_by: Option<Option<String>>,
    /// The bytes before.
    pub received_bytes: Option<u64>,
}

/// A file changed, or is part of a picture (`previous` is `None` and it is not new). Of its bytes at
/// most one a second is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedFile {
    /// When.
    pub at: UnixMs,
    /// Whether it was just offered.
    pub is_new: bool,
    /// What it was; `None` if it was not known.
    pub previous: Option<FileBefore>,
    /// What it is.
    pub record: FileRecord,
}

impl Body for Offer {
    const KIND: Kind = Kind::Offer;

    fn check(&self) -> Result<(), WireError> {
        // A name that is too long for a file system is refused with a reason, not as a breach.
        at_most(Self::KIND, "bytes in a name", self.name.len(), FILE_PATH_BYTES_MAX)?;
        at_most(Self::KIND, "bytes in a type", self.content.len(), FACT_BYTES_MAX)?;
        at_most(Self::KIND, "bytes in a user's name", self.user.len(), SENDER_BYTES_MAX)?;
        at_most(Self::KIND, "bytes in a note", self.note.len(), REASON_BYTES_MAX)
    }
}

impl Body for Withdraw {
    const KIND: Kind = Kind::Withdraw;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "bytes in a reason", self.reason.len(), REASON_BYTES_MAX)
    }
}

impl Body for Decision {
    const KIND: Kind = Kind::Decision;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "bytes in a reason", self.reason.len(), REASON_BYTES_MAX)?;
        at_most(Self::KIND, "bytes in a name", self.by.len(), SENDER_BYTES_MAX)?;
        at_most(Self::KIND, "bytes in a path", self.path.len(), FILE_PATH_BYTES_MAX)
    }
}

impl Body for Chunk {
    const KIND: Kind = Kind::Chunk;

    fn check(&self) -> Result<(), WireError> {
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        at_most(Self::KIND, "bytes behind it", length, CHUNK_BYTES as usize)
    }
}

impl Body for FilesQuery {
    const KIND: Kind = Kind::FilesQuery;
}

impl Body for Accept {
    const KIND: Kind = Kind::Accept;
}

impl Body for Reject {
    const KIND: Kind = Kind::Reject;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "bytes in a reason", self.why.len(), REASON_BYTES_MAX)
    }
}

impl Body for Fetch {
    const KIND: Kind = Kind::Fetch;
}

impl Body for FilePage {
    const KIND: Kind = Kind::FilePage;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "records", self.records.len(), PAGE_RECORDS_MAX)?;
        self.records.iter().try_for_each(|record| record.check(Self::KIND))
    }
}

impl Body for FilePiece {
    const KIND: Kind = Kind::FilePiece;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "bytes", self.bytes.len(), PIECE_BYTES_MAX)
    }
}

impl Body for FeedFile {
    const KIND: Kind = Kind::FeedFile;

    fn check(&self) -> Result<(), WireError> {
        self.record.check(Self::KIND)
    }
}

impl FileRecord {
    fn check(&self, kind: Kind) -> Result<(), WireError> {
        at_most(kind, "bytes in a name", self.name.len(), FILE_PATH_BYTES_MAX)?;
        at_most(kind, "bytes in a path", self.path.len(), FILE_PATH_BYTES_MAX)?;
        at_most(kind, "bytes in a note", self.note.len(), REASON_BYTES_MAX)?;
        at_most(kind, "bytes in a reason", self.reason.len(), REASON_BYTES_MAX)?;
        let facts = [&self.content, &self.certificate].map(String::len);
        at_most(kind, "bytes in a fact", facts.into_iter().max().unwrap_or(0), FACT_BYTES_MAX)?;
        at_most(kind, "bytes in a sender", self.sender.len(), SENDER_BYTES_MAX)
    }
}
