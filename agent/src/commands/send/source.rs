//! The file that is sent: opened without waiting, looked at, hashed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use systole_common::content::{HEAD_BYTES, media_type};
use systole_common::exit::Exit;
use systole_common::model::file::{BadName, CHUNK_BYTES, check_name};
use systole_common::wire::limits::REASON_BYTES_MAX;

use crate::shell::send::{kind, modified_ns};

/// Why a file is not even offered.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// A directory, device, pipe or socket.
    #[error("{}: only regular files can be sent; this is {kind}", path.display())]
    Kind {
        /// The path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// Not there, or not to be read by this user.
    #[error("{}: cannot be read ({source}); nothing was sent", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody writes to it.
    #[error("{}: changed while it was read; send it again once nobody writes to it", path.display())]
    Changed {
        /// The path.
        path: PathBuf,
    },
    /// The name is no text.
    #[error("bad name: it is not UTF-8; copy or link the file under another name")]
    Name,
    /// No daemon takes a file under this name.
    #[error("{0}; copy or link the file under another name")]
    BadName(#[from] BadName),
    /// The note is too long.
    #[error("--note has {bytes} bytes, at most {REASON_BYTES_MAX} are taken; nothing was sent")]
    Note {
        /// Its length.
        bytes: usize,
    },
}

impl SendError {
    /// How the command ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Note { .. } => Exit::Usage,
            Self::Kind { .. }
            | Self::Unreadable { .. }
            | Self::Changed { .. }
            | Self::Name
            | Self::BadName(_) => Exit::Failed,
        }
    }
}

/// An open file and what it is.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) file: File,
    pub(super) name: String,
    pub(super) size_bytes: u64,
    pub(super) modified_ns: i64,
    /// In hexadecimal digits.
    pub(super) blake3: String,
    pub(super) content: &'static str,
}

impl Source {
    /// Opens and hashes `path`; `progress` hears how many of how many bytes are read.
    pub(super) fn open(path: &Path, mut progress: impl FnMut(u64, u64)) -> Result<Self, SendError> {
        let unreadable = |source| SendError::Unreadable { path: path.to_owned(), source };
        // Opening a device may do something to it, so its kind is looked at before.
        let metadata = fs::metadata(path).map_err(unreadable)?;
        refuse_kind(path, &metadata)?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let opened = rustix::fs::open(path, flags, Mode::empty());
        let mut file = File::from(opened.map_err(|error| unreadable(error.into()))?);
        let metadata = file.metadata().map_err(unreadable)?;
        refuse_kind(path, &metadata)?;
        let name = path.file_name().and_then(OsStr::to_str).ok_or(SendError::Name)?.to_owned();
        check_name(&name)?;
        let (size_bytes, modified) = (metadata.len(), modified_ns(&metadata));
        // One that grows faster than it is read has an end all the same.
        let bounded = (&mut file).take(size_bytes.saturating_add(1));
        let (hash, head, read_bytes) =
            hash(bounded, |read| progress(read, size_bytes)).map_err(unreadable)?;
        let after = file.metadata().map_err(unreadable)?;
        if read_bytes != size_bytes || (after.len(), modified_ns(&after)) != (size_bytes, modified)
        {
            return Err(SendError::Changed { path: path.to_owned() });
        }
        let (blake3, content) = (hash.to_hex().to_string(), media_type(&head));
        Ok(Self { file, name, size_bytes, modified_ns: modified, blake3, content })
    }
}

fn refuse_kind(path: &Path, metadata: &fs::Metadata) -> Result<(), SendError> {
    match kind(metadata) {
        Some(kind) => Err(SendError::Kind { path: path.to_owned(), kind }),
        None => Ok(()),
    }
}

/// The hash of all bytes, the first ones, and how many there are.
fn hash(
    mut file: impl Read,
    mut progress: impl FnMut(u64),
) -> io::Result<(blake3::Hash, Vec<u8>, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = vec![0; usize::try_from(CHUNK_BYTES).unwrap_or(HEAD_BYTES)];
    let (mut head, mut read_bytes) = (Vec::new(), 0);
    loop {
        let read = match file.read(&mut bytes) {
            Ok(0) => return Ok((hasher.finalize(), head, read_bytes)),
            Ok(read) => bytes.get(..read).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let missing = HEAD_BYTES.saturating_sub(head.len()).min(read.len());
        head.extend_from_slice(read.get(..missing).unwrap_or_default());
        hasher.update(read);
        read_bytes += read.len() as u64;
        progress(read_bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn open(path: &Path) -> Result<Source, SendError> {
        Source::open(path, |_, _| {})
    }

    #[test]
    fn a_file_is_hashed_and_named_by_its_last_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("core dump.png");
        let bytes = [&b"\x89PNG\r\n\x1a\n"[..], &vec![7; 3 << 20]].concat();
        fs::write(&path, &bytes).unwrap();
        let mut told = Vec::new();
        let source = Source::open(&path, |read, size| told.push((read, size))).unwrap();
        assert_eq!(source.name, "core dump.png");
        assert_eq!(source.size_bytes, bytes.len() as u64);
        assert_eq!(source.blake3, blake3::hash(&bytes).to_hex().to_string());
        assert_eq!(source.content, "image/png");
        assert_eq!(told.last(), Some(&(bytes.len() as u64, bytes.len() as u64)));
        fs::write(&path, "").unwrap();
        assert_eq!(open(&path).unwrap().size_bytes, 0);
    }

    #[test]
    fn what_is_no_file_or_cannot_be_read_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let said = |path: &Path| open(path).unwrap_err().to_string();
        assert!(said(folder.path()).contains("a directory"));
        assert!(said(&folder.path().join("..")).contains("a directory"));
        assert!(said(Path::new("/dev/zero")).contains("a device"));
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::RUSR).unwrap();
        assert!(said(&pipe).contains("a pipe"), "and nobody waits for its other end");
        let _listener = std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap();
        assert!(said(&folder.path().join("s")).contains("a socket"));
        assert!(said(&folder.path().join("none")).contains("cannot be read (No such file"));
        let odd = folder.path().join(OsStr::from_bytes(b"a\xff"));
        fs::write(&odd, "x").unwrap();
        assert!(said(&odd).starts_with("bad name"));
        for bad in ["-rf", "con", "trailing.", "a\nb"] {
            let path = folder.path().join(bad);
            fs::write(&path, "x").unwrap();
            let refused = Source::open(&path, |_, _| panic!("{bad:?} is read all the same"));
            assert!(refused.unwrap_err().to_string().starts_with("bad name: "));
        }
    }
}
