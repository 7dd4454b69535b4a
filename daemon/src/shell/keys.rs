//! The endpoint's keys, kept so that peers of the last run learn at once that the daemon restarted.
//!
//! Nobody else may read them. A file that is damaged or loose is replaced: peers then only learn later.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use systole_common::net::endpoint::EndpointKeys;
use tracing::warn;

use super::store::StoreError;
use crate::error::DaemonError;

/// The file in the state folder.
pub(super) const FILE: &str = "keys";
const TEMPORARY: &str = "keys.new";

/// The keys of this run, and whether they have to be kept yet.
#[derive(Debug)]
pub(super) struct Keys {
    /// For the endpoint.
    pub(super) endpoint: EndpointKeys,
    is_fresh: bool,
}

impl Keys {
    /// The keys in `folder`, or fresh ones. Writes nothing.
    pub(super) fn load(folder: &Path) -> Result<Self, DaemonError> {
        if let Some(endpoint) = read(&folder.join(FILE)) {
            return Ok(Self { endpoint, is_fresh: false });
        }
        Ok(Self { endpoint: EndpointKeys::generate()?, is_fresh: true })
    }

    /// Keeps fresh keys in `folder`: whole or not at all.
    pub(super) fn keep(&self, folder: &Path) -> Result<(), DaemonError> {
        if !self.is_fresh {
            return Ok(());
        }
        let temporary = folder.join(TEMPORARY);
        let _ = fs::remove_file(&temporary);
        write(&temporary, &self.endpoint.to_bytes())
            .and_then(|()| fs::rename(&temporary, folder.join(FILE)))
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(|source| {
                let _ = fs::remove_file(&temporary);
                let path = folder.join(FILE);
                if source.kind() == io::ErrorKind::StorageFull {
                    return DaemonError::Store(StoreError::Full { path });
                }
                DaemonError::Folder { path, what: "writing the keys", source }
            })
    }
}

fn read(path: &Path) -> Option<EndpointKeys> {
    let file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let mut bytes = Vec::new();
    file.take(EndpointKeys::BYTES as u64 + 1).read_to_end(&mut bytes).ok()?;
    let keys = EndpointKeys::from_bytes(&bytes);
    if keys.is_none() || metadata.mode() & 0o077 != 0 {
        warn!(
            file = %path.display(),
            "keys are damaged or can be read by others and are replaced; agents learn of this restart only later"
        );
        return None;
    }
    keys
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_outlive_a_restart_and_are_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::load(folder.path()).unwrap();
        first.keep(folder.path()).unwrap();
        let second = Keys::load(folder.path()).unwrap();
        assert_eq!(first.endpoint, second.endpoint);
        assert!(!second.is_fresh);
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn damaged_and_loose_keys_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, [1; 10]).unwrap();
        Keys::load(folder.path()).unwrap().keep(folder.path()).unwrap();
        let before = fs::read(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        Keys::load(folder.path()).unwrap().keep(folder.path()).unwrap();
        assert_ne!(fs::read(&path).unwrap(), before);
    }
}
