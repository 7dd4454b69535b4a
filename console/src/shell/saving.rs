//! A file that comes from a daemon, until it has its name: beside its target, for its user alone, checked,
//! and gone unless all of it was right.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with, statvfs};
use rustix::io::Errno;
use systole_common::model::file::{FILE_NAME_BYTES_MAX, HASH_BYTES, check_name};
use systole_common::text::{is_hidden, scrub};
use systole_common::wire::file::{FilePiece, FileRecord};

use super::random;
use crate::tables::phrase;

/// Why a file is not saved. Nothing of it stays.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// There is something of that name.
    #[error(
        "{}: exists already, and is left as it is; nothing was saved: name another file with --to",
        shown(path)
    )]
    Taken {
        /// Its name.
        path: PathBuf,
    },
    /// The folder is none, or cannot be written.
    #[error("{}: {source}; nothing was saved: name another place with --to", shown(path))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It does not fit.
    #[error("{}: {} are free, the file has {}; nothing was saved: free space, or name another place with --to", shown(path), size(*free_bytes), size(*size_bytes))]
    Room {
        /// The folder.
        path: PathBuf,
        /// What is free there.
        free_bytes: u64,
        /// What it needs.
        size_bytes: u64,
    },
    /// It could not be written.
    #[error("{}: {source}; nothing was saved", shown(path))]
    Write {
        /// The temporary file, or the target.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What came is not the file.
    #[error(
        "{what}; nothing was saved: fetch it again, and if that lasts look at the file on the monitor"
    )]
    Wrong {
        /// What is wrong with it.
        what: String,
    },
    /// Somebody ended it.
    #[error("interrupted; nothing was saved")]
    Interrupted,
}

/// Where `record` is to be saved: in the folder `to`, or as `to`. Refused where something is already.
pub fn target(to: Option<&Path>, record: &FileRecord) -> Result<PathBuf, SaveError> {
    let to = to.unwrap_or(Path::new("."));
    let is_folder = to.is_dir() || to.as_os_str().as_encoded_bytes().ends_with(b"/");
    let path = if is_folder { to.join(plain_name(record)) } else { to.to_owned() };
    match path.symlink_metadata() {
        Ok(_) => Err(SaveError::Taken { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path),
        Err(source) => Err(SaveError::Folder { path, source }),
    }
}

/// The name of a file as one that can be typed and is a single component of a path.
pub fn plain_name(record: &FileRecord) -> String {
    if check_name(&record.name).is_ok() {
        return record.name.clone();
    }
    let is_odd = |c: char| is_hidden(c) || c == '/' || c == '\\';
    let plain: String = record.name.chars().map(|c| if is_odd(c) { '_' } else { c }).collect();
    let plain = plain.trim_matches(['.', '-', '~', ' ']);
    let plain = plain.get(..plain.floor_char_boundary(FILE_NAME_BYTES_MAX)).unwrap_or_default();
    if check_name(plain).is_ok() { plain.to_owned() } else { format!("file-{}", record.id) }
}

/// A file that is being written.
#[derive(Debug)]
pub struct Partial {
    file: File,
    path: PathBuf,
    target: PathBuf,
    size_bytes: u64,
    blake3: [u8; HASH_BYTES],
    written_bytes: u64,
    hasher: blake3::Hasher,
    /// Whether it has its name and stays.
    is_kept: bool,
}

impl Partial {
    /// Begins, if there is room beside `target`.
    pub fn begin(target: PathBuf, record: &FileRecord) -> Result<Self, SaveError> {
        let folder = folder_of(&target);
        let free = statvfs(&folder)
            .map_err(|error| SaveError::Folder { path: folder.clone(), source: error.into() })?;
        let free_bytes = free.f_bavail.saturating_mul(free.f_frsize);
        if free_bytes < record.size_bytes {
            let size_bytes = record.size_bytes;
            return Err(SaveError::Room { path: folder, free_bytes, size_bytes });
        }
        let path = folder.join(format!(".systole-fetch-{}-{:016x}", record.id, random::number()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|source| SaveError::Folder { path: folder, source })?;
        Ok(Self {
            file,
            path,
            target,
            size_bytes: record.size_bytes,
            blake3: record.blake3,
            written_bytes: 0,
            hasher: blake3::Hasher::new(),
            is_kept: false,
        })
    }

    /// Bytes that are written.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Adds the next bytes.
    pub fn append(&mut self, piece: &FilePiece) -> Result<(), SaveError> {
        let length = u64::try_from(piece.bytes.len()).unwrap_or(u64::MAX);
        let end = self.written_bytes.saturating_add(length);
        if piece.offset != self.written_bytes || length == 0 || end > self.size_bytes {
            let what = format!(
                "the daemon sent {length} bytes at {} where {} of {} were due",
                piece.offset,
                self.size_bytes - self.written_bytes,
                self.size_bytes
            );
            return Err(SaveError::Wrong { what });
        }
        self.file.write_all(&piece.bytes).map_err(|source| self.failed(source))?;
        self.hasher.update(&piece.bytes);
        self.written_bytes = end;
        Ok(())
    }

    /// Gives it its name if it is whole and right. Returns where it is.
    pub fn finish(mut self) -> Result<PathBuf, SaveError> {
        if self.written_bytes != self.size_bytes {
            let what = format!("{} of {} bytes came", self.written_bytes, self.size_bytes);
            return Err(SaveError::Wrong { what });
        }
        if self.hasher.finalize() != blake3::Hash::from_bytes(self.blake3) {
            let what = "what came is not the file: its BLAKE3 is another".to_owned();
            return Err(SaveError::Wrong { what });
        }
        self.file.sync_all().map_err(|source| self.failed(source))?;
        self.place()?;
        self.is_kept = true;
        let folder = File::open(folder_of(&self.target)).and_then(|folder| folder.sync_all());
        // It has its name; a folder that cannot be synced is no reason to take it away.
        let _ = folder;
        Ok(self.target.clone())
    }

    fn place(&self) -> Result<(), SaveError> {
        let renamed = renameat_with(CWD, &self.path, CWD, &self.target, RenameFlags::NOREPLACE);
        let placed = match renamed {
            // The file system cannot rename so; a second name does the same.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                std::fs::hard_link(&self.path, &self.target)
                    .and_then(|()| std::fs::remove_file(&self.path))
            }
            renamed => renamed.map_err(io::Error::from),
        };
        placed.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => SaveError::Taken { path: self.target.clone() },
            _ => SaveError::Write { path: self.target.clone(), source },
        })
    }

    fn failed(&self, source: io::Error) -> SaveError {
        SaveError::Write { path: self.target.clone(), source }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_kept {
            // There is nothing more to do about a file that cannot be removed.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

fn shown(path: &Path) -> String {
    scrub(&path.display().to_string()).into_owned()
}

fn size(bytes: u64) -> String {
    phrase::bytes(bytes as f64)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use systole_common::model::file::FileState;

    use super::*;
    use crate::testing::file;

    const BYTES: &[u8] = b"0123456789";

    fn record() -> FileRecord {
        let blake3 = *blake3::hash(BYTES).as_bytes();
        FileRecord { size_bytes: 10, blake3, ..file(12, FileState::Verified) }
    }

    fn piece(offset: u64, bytes: &[u8]) -> FilePiece {
        FilePiece { offset, bytes: bytes.to_vec() }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_whole_file_gets_its_name_and_is_for_its_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = target(Some(folder.path()), &record()).unwrap();
        let mut partial = Partial::begin(path.clone(), &record()).unwrap();
        assert!(!path.exists() && names(folder.path()).len() == 1, "not before it is whole");
        partial.append(&piece(0, &BYTES[..4])).unwrap();
        partial.append(&piece(4, &BYTES[4..])).unwrap();
        assert_eq!(partial.finish().unwrap(), path);
        assert_eq!(std::fs::read(&path).unwrap(), BYTES);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(folder.path()), ["core.dump.zst"]);
    }

    #[test]
    fn of_a_wrong_one_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let begin = || Partial::begin(folder.path().join("x"), &record()).unwrap();
        for pieces in [vec![piece(0, b"012345678X")], vec![piece(0, b"012")], vec![]] {
            let mut partial = begin();
            for piece in &pieces {
                partial.append(piece).unwrap();
            }
            assert!(matches!(partial.finish(), Err(SaveError::Wrong { .. })));
        }
        for strange in [piece(1, b"1"), piece(0, b""), piece(0, b"0123456789A")] {
            assert!(matches!(begin().append(&strange), Err(SaveError::Wrong { .. })));
        }
        drop(begin());
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn what_exists_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("core.dump.zst");
        let mut partial = Partial::begin(path.clone(), &record()).unwrap();
        partial.append(&piece(0, BYTES)).unwrap();
        std::os::unix::fs::symlink("/nonexistent", &path).unwrap();
        assert!(matches!(partial.finish(), Err(SaveError::Taken { .. })), "came meanwhile");
        let error = target(Some(folder.path()), &record()).unwrap_err();
        assert!(error.to_string().contains("exists already"), "{error}");
        assert!(target(Some(&path), &record()).is_err(), "a link is something too");
        assert_eq!(names(folder.path()), ["core.dump.zst"]);
    }

    #[test]
    fn room_and_folder_are_checked_first() {
        let folder = tempfile::tempdir().unwrap();
        let huge = FileRecord { size_bytes: u64::MAX / 2, ..record() };
        let error = Partial::begin(folder.path().join("x"), &huge).unwrap_err();
        assert!(matches!(error, SaveError::Room { .. }), "{error}");
        let nowhere = folder.path().join("none/x");
        assert!(matches!(Partial::begin(nowhere, &record()), Err(SaveError::Folder { .. })));
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn no_name_leads_elsewhere() {
        let named = |name: &str| plain_name(&FileRecord { name: name.to_owned(), ..record() });
        assert_eq!(named("core.dump.zst"), "core.dump.zst");
        assert_eq!(named("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(named("/etc/passwd"), "_etc_passwd");
        assert_eq!(named("a\u{1b}[2J\nb"), "a_[2J_b");
        assert_eq!(named("-rf"), "rf");
        for empty in ["", "..", "nul", "  "] {
            assert_eq!(named(empty), "file-12", "{empty:?}");
        }
        assert!(named(&"x/".repeat(300)).len() <= 255);
    }
}
