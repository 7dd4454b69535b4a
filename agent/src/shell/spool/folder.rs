//! The spool folder: one agent at a time, and the random epoch in which its sequences count.
//!
//! The epoch is made with the folder and never changes; a folder that is lost gives a new one, so
//! that no sequence is ever used twice.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use systole_common::ids::SpoolEpoch;

use super::error::{SpoolError, unusable};
use crate::shell::host::{random, text_of};

/// Makes the folder if it is not there and keeps other agents out as long as the file is open.
pub(super) fn lock(folder: &Path) -> Result<File, SpoolError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable(folder))?;
    let path = folder.join("lock");
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(unusable(&path))?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Err(SpoolError::Locked { path: folder.to_owned() });
    }
    Ok(lock)
}

/// The epoch of the folder, made if it has none.
pub(super) fn epoch(folder: &Path) -> Result<SpoolEpoch, SpoolError> {
    let path = folder.join("epoch");
    match text_of(&path) {
        Ok(text) => match u64::from_str_radix(text.trim(), 16) {
            Ok(epoch) if epoch > 0 && text.trim().len() == 16 => Ok(SpoolEpoch(epoch)),
            Ok(_) | Err(_) => Err(SpoolError::Damaged { path }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let epoch = random()?;
            let text = format!("{epoch:016x}\n");
            write_whole(folder, &path, text.as_bytes()).map_err(unusable(&path))?;
            Ok(SpoolEpoch(epoch))
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(SpoolError::Damaged { path })
        }
        Err(error) => Err(unusable(&path)(error)),
    }
}

/// Writes a file so that it is there whole or as it was before, also after a power cut.
pub(super) fn write_whole(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_agents_cannot_share_one() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock(folder.path()).unwrap();
        assert!(matches!(lock(folder.path()), Err(SpoolError::Locked { .. })));
        drop(first);
        assert!(lock(folder.path()).is_ok());
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = lock(file.path()).unwrap_err();
        assert!(matches!(error, SpoolError::Unusable { .. }), "{error}");
    }

    #[test]
    fn damage_to_the_epoch_is_said_and_never_overwritten() {
        for text in ["", "0", "xyz", "0000000000000000", "123"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("epoch");
            fs::write(&path, text).unwrap();
            let error = epoch(folder.path()).unwrap_err();
            assert!(error.to_string().contains("move the folder away"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
