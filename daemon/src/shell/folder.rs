//! The state folder: one daemon at a time, and nothing left behind by a start that failed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::store::StoreError;
use crate::error::DaemonError;

const LOCK_FILE: &str = "lock";

/// The folder, locked as long as this lives.
#[derive(Debug)]
pub(super) struct StateFolder {
    path: PathBuf,
    made: Made,
    _lock: File,
}

/// What this start has made so far; taken back unless the start is complete.
#[derive(Debug, Default)]
struct Made {
    paths: Vec<PathBuf>,
}

impl StateFolder {
    /// Locks a folder that has been used before; `None` if it has not. Makes nothing.
    pub(super) fn reopen(path: &Path) -> Result<Option<Self>, DaemonError> {
        let lock = path.join(LOCK_FILE);
        match OpenOptions::new().read(true).write(true).open(&lock) {
            Ok(file) => Self::locked(path, file, Made::default()).map(Some),
            Err(error) if is_absent(&error) => Ok(None),
            Err(source) => Err(failed(&lock, "opening", source)),
        }
    }

    /// Makes the folder and what is missing above it, and locks it.
    pub(super) fn create(path: &Path) -> Result<Self, DaemonError> {
        let mut made = Made::default();
        made.folders(path).map_err(|source| failed(path, "making the folder", source))?;
        let lock = path.join(LOCK_FILE);
        let was_there = lock.exists();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock)
            .map_err(|source| failed(&lock, "making the file", source))?;
        if !was_there {
            made.paths.push(lock);
        }
        Self::locked(path, file, made)
    }

    fn locked(path: &Path, mut lock: File, mut made: Made) -> Result<Self, DaemonError> {
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                made.keep();
                let pid = holder(&mut lock);
                return Err(DaemonError::Locked { path: path.into(), pid });
            }
            Err(errno) => return Err(failed(path, "locking", errno.into())),
        }
        // Only for the message of a second daemon; the lock itself does not need it.
        let _ = lock.set_len(0).and_then(|()| lock.rewind());
        let _ = writeln!(lock, "{}", std::process::id());
        Ok(Self { path: path.into(), made, _lock: lock })
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes a file that this start is about to make, if it is not there yet.
    pub(super) fn will_make(&mut self, name: &str) {
        let path = self.path.join(name);
        if !path.exists() {
            self.made.paths.push(path);
        }
    }

    /// The start is complete: everything stays.
    pub(super) fn keep(&mut self) {
        self.made.keep();
    }
}

impl Made {
    fn folders(&mut self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
            self.folders(above)?;
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => self.paths.push(path.into()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn keep(&mut self) {
        self.paths.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.paths.drain(..).rev() {
            let _ = if path.is_dir() { fs::remove_dir(&path) } else { fs::remove_file(&path) };
        }
    }
}

/// ` (process N)`, if the lock file says so.
fn holder(lock: &mut File) -> String {
    let mut text = String::new();
    let read = lock.take(32).read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(pid) if read.is_ok() => format!(" (process {pid})"),
        Ok(_) | Err(_) => String::new(),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn failed(path: &Path, what: &'static str, source: io::Error) -> DaemonError {
    if source.kind() == io::ErrorKind::StorageFull {
        return StoreError::Full { path: path.into() }.into();
    }
    DaemonError::Folder { path: path.into(), what, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_told_who_has_the_folder() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a/b");
        assert!(StateFolder::reopen(&path).unwrap().is_none());
        assert!(!base.path().join("a").exists(), "looking makes nothing");
        let mut first = StateFolder::create(&path).unwrap();
        first.keep();
        let pid = format!("process {}", std::process::id());
        for second in [StateFolder::create(&path).map(Some), StateFolder::reopen(&path)] {
            let error = second.unwrap_err().to_string();
            assert!(error.contains(&pid) && error.contains("a/b"), "{error}");
        }
        drop(first);
        assert!(StateFolder::reopen(&path).unwrap().is_some());
    }

    #[test]
    fn a_start_that_fails_leaves_nothing() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a/b");
        let mut folder = StateFolder::create(&path).unwrap();
        folder.will_make("keys");
        fs::write(path.join("keys"), "x").unwrap();
        drop(folder);
        assert!(!base.path().join("a").exists());
    }

    #[test]
    fn a_start_that_fails_leaves_what_was_there() {
        let base = tempfile::tempdir().unwrap();
        fs::write(base.path().join("keys"), "x").unwrap();
        let mut folder = StateFolder::create(base.path()).unwrap();
        folder.will_make("keys");
        drop(folder);
        assert!(base.path().join("keys").exists());
        assert!(!base.path().join(LOCK_FILE).exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let error = StateFolder::create(Path::new("/dev/null/state")).unwrap_err().to_string();
        assert!(error.contains("/dev/null/state") && error.contains("state.path"), "{error}");
    }
}
