//! Files of the certificate folder: whole or not there at all, keys readable by their owner only.
//!
//! A pair is written beside its place first and moved there when both files are on the disk. One run
//! at a time works in a folder.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};

const CERTIFICATE_MODE: u32 = 0o644;
const KEY_MODE: u32 = 0o600;

/// The folder, held by this run alone until it is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be and waits until no other run works in it.
    pub(super) fn open(path: &Path) -> Result<Self> {
        make_folder(path)?;
        let lock = File::open(path).with_context(|| path.display().to_string())?;
        flock(&lock, FlockOperation::LockExclusive)
            .with_context(|| format!("{}: cannot be locked", path.display()))?;
        Ok(Self { path: path.into(), _lock: lock })
    }

    /// A folder inside this one.
    pub(super) fn inside(&self, name: &Path) -> Result<Self> {
        Self::open(&self.path.join(name))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The text of a file; `None` if it is not there.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Whether others than its owner may use a file that is there.
pub(super) fn is_loose(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.mode() & 0o077 != 0)
}

/// Writes key and certificate, either of them optional, so that each is whole or not there.
pub(super) fn write_pair(key: Option<(&Path, &str)>, cert: (&Path, &str)) -> Result<()> {
    let key = key.map(|(path, pem)| Staged::new(path, pem, KEY_MODE)).transpose()?;
    let cert = Staged::new(cert.0, cert.1, CERTIFICATE_MODE)?;
    if let Some(key) = key {
        key.place()?;
    }
    cert.place()
}

/// A file written beside its place; removed again unless it is placed.
struct Staged {
    at: PathBuf,
    place: PathBuf,
}

impl Staged {
    fn new(place: &Path, text: &str, mode: u32) -> Result<Self> {
        let folder = place.parent().context("a file has a folder")?;
        make_folder(folder)?;
        let name = place.file_name().context("a file has a name")?.to_string_lossy();
        let at = folder.join(format!(".{name}.new"));
        let staged = Self { at, place: place.into() };
        staged.write(text, mode).with_context(|| staged.at.display().to_string())?;
        Ok(staged)
    }

    fn write(&self, text: &str, mode: u32) -> std::io::Result<()> {
        match fs::remove_file(&self.at) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&self.at)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }

    fn place(self) -> Result<()> {
        fs::rename(&self.at, &self.place).with_context(|| self.place.display().to_string())?;
        let folder = self.place.parent().context("a file has a folder")?;
        File::open(folder)?.sync_all().with_context(|| folder.display().to_string())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After `place` there is nothing left to remove; a failure leaves a dot file that the next run takes over.
        let _ = fs::remove_file(&self.at);
    }
}

fn make_folder(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .with_context(|| format!("{}: cannot be made", path.display()))
}
