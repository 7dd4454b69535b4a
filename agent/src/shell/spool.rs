//! The spool folder: one agent at a time, and the random epoch in which its sequences count.
//!
//! The epoch is made with the folder and never changes; a folder that is lost gives a new one, so
//! that no sequence is ever used twice.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use systole_common::exit::Exit;
use systole_common::ids::SpoolEpoch;

use super::host::{NoRandom, random, text_of};

/// Why the spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// A folder or file in it cannot be made, read or written.
    #[error("{}: {source}; the agent needs a folder of its own here, or set spool.path to one", path.display())]
    Unusable {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another agent has it.
    #[error("{}: an agent with this spool is already running; stop it, or set spool.path to another folder", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The epoch in it is not one.
    #[error("{}: is damaged; move the folder away, and the agent begins a new one", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

impl SpoolError {
    /// How the program ends.
    pub fn exit(&self) -> Exit {
        Exit::Failed
    }
}

/// The open spool. Dropping it lets another agent in.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    epoch: SpoolEpoch,
    _lock: File,
}

impl Spool {
    /// Opens the spool in `folder`; makes it, and its epoch, if it is not there.
    pub fn open(folder: &Path) -> Result<Self, SpoolError> {
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |source| SpoolError::Unusable { path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable(folder))?;
        let lock_path = folder.join("lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(unusable(&lock_path))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(SpoolError::Locked { path: folder.to_owned() });
        }
        let epoch = epoch(folder)?;
        Ok(Self { folder: folder.to_owned(), epoch, _lock: lock })
    }

    /// The epoch of its sequences.
    pub fn epoch(&self) -> SpoolEpoch {
        self.epoch
    }

    /// Bytes of its files.
    pub fn bytes(&self) -> u64 {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok()).map(|found| found.len()).sum()
    }
}

fn epoch(folder: &Path) -> Result<SpoolEpoch, SpoolError> {
    let path = folder.join("epoch");
    let unusable = |source| SpoolError::Unusable { path: path.clone(), source };
    match text_of(&path) {
        Ok(text) => match u64::from_str_radix(text.trim(), 16) {
            Ok(epoch) if epoch > 0 && text.trim().len() == 16 => Ok(SpoolEpoch(epoch)),
            Ok(_) | Err(_) => Err(SpoolError::Damaged { path }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let epoch = random()?;
            write_once(folder, &path, &format!("{epoch:016x}\n")).map_err(unusable)?;
            Ok(SpoolEpoch(epoch))
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(SpoolError::Damaged { path })
        }
        Err(error) => Err(unusable(error)),
    }
}

/// Writes a file so that it is there whole or not at all, also after a power cut.
fn write_once(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_is_made_once_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/spool");
        let first = Spool::open(&path).unwrap();
        let epoch = first.epoch();
        assert_ne!(epoch, SpoolEpoch(0));
        drop(first);
        assert_eq!(Spool::open(&path).unwrap().epoch(), epoch);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 2, "nothing half-made stays");
        fs::remove_dir_all(&path).unwrap();
        assert_ne!(Spool::open(&path).unwrap().epoch(), epoch);
    }

    #[test]
    fn two_agents_cannot_share_one() {
        let folder = tempfile::tempdir().unwrap();
        let first = Spool::open(folder.path()).unwrap();
        assert!(matches!(Spool::open(folder.path()), Err(SpoolError::Locked { .. })));
        drop(first);
        assert!(Spool::open(folder.path()).is_ok());
    }

    #[test]
    fn damage_is_said_and_never_overwritten() {
        for text in ["", "0", "xyz", "0000000000000000", "123"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("epoch");
            fs::write(&path, text).unwrap();
            let error = Spool::open(folder.path()).unwrap_err();
            assert!(error.to_string().contains("move the folder away"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Spool::open(file.path()).unwrap_err();
        assert!(matches!(error, SpoolError::Unusable { .. }), "{error}");
    }
}
