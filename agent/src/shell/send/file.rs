//! A file that a user handed over: whether it can be sent, and its bytes as long as it stays the same.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};

use rustix::fs::{OFlags, fcntl_getfl};
use systole_common::model::file::HASH_BYTES;
use systole_common::wire::limits::{
    FACT_BYTES_MAX, FILE_PATH_BYTES_MAX, REASON_BYTES_MAX, SENDER_BYTES_MAX,
};

use crate::shell::local::SendRequest;

/// Nanoseconds of a second.
const NS: i64 = 1_000_000_000;

/// An open regular file and what it was when it was offered.
#[derive(Debug)]
pub(super) struct SentFile {
    file: File,
    size_bytes: u64,
    modified_ns: i64,
}

/// A piece of a file and its hash.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    pub(super) blake3: [u8; HASH_BYTES],
}

/// Why a file cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// A directory, device, pipe or socket.
    #[error("only regular files can be sent; this is {0}")]
    Kind(&'static str),
    /// Opened to be written, or not at all.
    #[error("the file was not opened to be read")]
    NotReadable,
    /// Not what the client says, or not any more.
    #[error("the file changed while it was sent")]
    Changed,
    /// The same before anybody wanted its bytes.
    #[error("the file changed while it waited")]
    ChangedWaiting,
    /// The disk.
    #[error("the file cannot be read ({0})")]
    Read(#[from] io::Error),
    /// Something in the request is too long or no hash.
    #[error("{0}; use the systole-agent of the same version")]
    Request(&'static str),
}

impl SentFile {
    /// Takes over what a client sent, if it is what the client says. Waits for the file's disk.
    pub(super) fn check(descriptor: OwnedFd, request: &SendRequest) -> Result<Self, FileError> {
        let file = File::from(descriptor);
        let metadata = file.metadata()?;
        if let Some(kind) = kind(&metadata) {
            return Err(FileError::Kind(kind));
        }
        let flags = fcntl_getfl(&file).map_err(io::Error::from)?;
        if flags.contains(OFlags::PATH) || flags & OFlags::ACCMODE == OFlags::WRONLY {
            return Err(FileError::NotReadable);
        }
        let SendRequest { size_bytes, modified_ns, .. } = *request;
        let sent = Self { file, size_bytes, modified_ns };
        sent.is_same(&metadata)?;
        Ok(sent)
    }

    /// Whether it is still what was offered. Waits for the file's disk.
    pub(super) fn look(&self) -> Result<(), FileError> {
        self.is_same(&self.file.metadata()?)
    }

    /// The bytes from `offset` on. Waits for the file's disk.
    pub(super) fn piece(&self, offset: u64, length: usize) -> Result<Piece, FileError> {
        self.look()?;
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => FileError::Changed,
            _ => FileError::Read(error),
        })?;
        let blake3 = *blake3::hash(&bytes).as_bytes();
        Ok(Piece { bytes, blake3 })
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn is_same(&self, metadata: &Metadata) -> Result<(), FileError> {
        let is_same =
            metadata.len() == self.size_bytes && modified_ns(metadata) == self.modified_ns;
        if is_same { Ok(()) } else { Err(FileError::Changed) }
    }
}

/// What is none of a regular file's kind, for people.
pub fn kind(metadata: &Metadata) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a directory; pack it first, for instance with tar")
    } else if kind.is_fifo() {
        Some("a pipe; write what comes out of it into a file first")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device; write what is on it into a file first")
    }
}

/// When the file was changed last, in nanoseconds since 1970.
pub fn modified_ns(metadata: &Metadata) -> i64 {
    metadata.mtime().saturating_mul(NS).saturating_add(metadata.mtime_nsec())
}

/// The hash in a request, of which all lengths are right.
pub(super) fn checked(request: &SendRequest, user: &str) -> Result<[u8; HASH_BYTES], FileError> {
    let SendRequest { name, content, note, blake3, .. } = request;
    let lengths = [
        (name.len(), FILE_PATH_BYTES_MAX, "the name is too long"),
        (content.len(), FACT_BYTES_MAX, "the type is too long"),
        (note.len(), REASON_BYTES_MAX, "the note is too long"),
        (user.len(), SENDER_BYTES_MAX, "the user's name is too long"),
    ];
    if let Some((_, _, what)) = lengths.into_iter().find(|(length, max, _)| length > max) {
        return Err(FileError::Request(what));
    }
    let hash = blake3::Hash::from_hex(blake3);
    hash.map(|hash| *hash.as_bytes()).map_err(|_| FileError::Request("the hash is none"))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn request(size_bytes: u64, modified_ns: i64) -> SendRequest {
        SendRequest {
            name: "a".to_owned(),
            size_bytes,
            modified_ns,
            blake3: blake3::hash(b"abc").to_hex().to_string(),
            content: String::new(),
            note: String::new(),
            offer: None,
        }
    }

    #[test]
    fn what_is_no_readable_regular_file_is_refused_with_its_kind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "abc").unwrap();
        let check = |file: OwnedFd| {
            SentFile::check(file, &request(3, 0)).map(drop).unwrap_err().to_string()
        };
        assert!(check(File::open(folder.path()).unwrap().into()).contains("a directory"));
        assert!(check(File::open("/dev/null").unwrap().into()).contains("a device"));
        assert!(check(UnixStream::pair().unwrap().0.into()).contains("a socket"));
        assert!(check(std::io::pipe().unwrap().0.into()).contains("a pipe"));
        let write_only = OpenOptions::new().write(true).open(&path).unwrap();
        assert!(check(write_only.into()).contains("not opened to be read"));
        let by_path = rustix::fs::open(&path, OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
        assert!(check(by_path).contains("not opened to be read"));
        assert!(
            check(File::open(&path).unwrap().into()).contains("changed"),
            "a lie about its time"
        );
    }

    #[test]
    fn its_bytes_come_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "abcdef").unwrap();
        let time = modified_ns(&path.metadata().unwrap());
        let open = || OwnedFd::from(File::open(&path).unwrap());
        assert!(matches!(SentFile::check(open(), &request(7, time)), Err(FileError::Changed)));
        let sent = SentFile::check(open(), &request(6, time)).unwrap();
        let piece = sent.piece(2, 3).unwrap();
        assert_eq!(
            (piece.bytes.as_slice(), piece.blake3),
            (&b"cde"[..], *blake3::hash(b"cde").as_bytes())
        );
        assert!(sent.look().is_ok(), "reading it changes nothing");
        for change in ["abcdefg", "abc", "ghijkl"] {
            fs::write(&path, change).unwrap();
            let later = std::time::SystemTime::now() + std::time::Duration::from_secs(9);
            File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
            assert!(matches!(sent.piece(0, 1), Err(FileError::Changed)), "{change}");
            assert!(matches!(sent.look(), Err(FileError::Changed)), "{change}");
        }
    }

    #[test]
    fn what_the_wire_does_not_carry_is_refused() {
        let good = request(3, 0);
        assert_eq!(checked(&good, "bo").unwrap(), *blake3::hash(b"abc").as_bytes());
        let bad = [
            SendRequest { name: "x".repeat(FILE_PATH_BYTES_MAX + 1), ..good.clone() },
            SendRequest { note: "x".repeat(REASON_BYTES_MAX + 1), ..good.clone() },
            SendRequest { content: "x".repeat(FACT_BYTES_MAX + 1), ..good.clone() },
            SendRequest { blake3: "12".to_owned(), ..good.clone() },
        ];
        assert!(bad.iter().all(|request| checked(request, "bo").is_err()));
        assert!(checked(&good, &"x".repeat(SENDER_BYTES_MAX + 1)).is_err());
        let longest = SendRequest { note: "x".repeat(REASON_BYTES_MAX), ..good };
        assert!(checked(&longest, "").is_ok());
    }
}
