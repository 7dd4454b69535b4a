//! The folder of received files, reached by descriptors only: no path of a peer is ever joined to one.
//!
//! `ROOT/.partial/ID` is what has come so far, `ROOT/HOST/NAME` what is whole. Neither the root nor a
//! host's folder may be a symbolic link, each time it is used. Files are 0600, folders 0700.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FallocateFlags, FileType, Mode, OFlags, RenameFlags, fallocate, fstat,
    fsync, linkat, mkdirat, openat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;
use systole_common::ids::HostId;

use super::names::free_name;
use crate::limits::FOLDER_ENTRIES_MAX;

const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
const PARTIALS: &str = ".partial";

/// Why a file cannot be received or read. Each says what to do next.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderError {
    /// Something else is in the place of a folder.
    #[error("{}: is a symbolic link or no folder; put a folder there that belongs to systoled", path.display())]
    NotAFolder {
        /// What.
        path: PathBuf,
    },
    /// There is no room.
    #[error("there is no room for it on the monitor; an operator must make room below {}", path.display())]
    Full {
        /// Where.
        path: PathBuf,
    },
    /// The name was taken meanwhile.
    #[error("the name is taken")]
    Taken,
    /// It was received, and somebody removed it since.
    #[error("{} is not there any more; somebody removed it on the monitor", path.display())]
    Gone {
        /// What.
        path: PathBuf,
    },
    /// So many files have a name like it that none is left.
    #[error("{}: too many files have that name or the folder is too large; remove some", path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{}: {what} failed ({source}); check the folder's owner and its disk", path.display())]
    Failed {
        /// What.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// See the module's words.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder at `root`; it is made when it is first needed.
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.root
    }

    /// Makes what is missing and opens the folder of the partial files.
    pub(super) fn partials(&self) -> Result<OwnedFd, FolderError> {
        let root = self.open_root()?;
        self.open_below(&root, PARTIALS)
    }

    /// Makes what is missing and opens the folder of a host.
    pub(super) fn host(&self, host: &HostId) -> Result<OwnedFd, FolderError> {
        let root = self.open_root()?;
        self.open_below(&root, host.as_str())
    }

    /// The partial file of `id`, made with room for `size_bytes` if it is not there.
    pub(super) fn partial(&self, id: u64, size_bytes: u64) -> Result<File, FolderError> {
        let partials = self.partials()?;
        let (name, path) = (id.to_string(), self.partial_path(id));
        let file = match open_file(&partials, &name, OFlags::RDWR) {
            Err(Errno::NOENT) => {
                let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
                let made = open_file(&partials, &name, flags);
                made.map_err(|errno| failed(&path, "making it", errno))?
            }
            opened => opened.map_err(|errno| failed(&path, "opening it", errno))?,
        };
        let taken =
            take_room(&file, size_bytes).map_err(|errno| failed(&path, "taking room", errno));
        if let Err(error) = taken {
            self.discard(id);
            return Err(error);
        }
        sync(&partials, &path)?;
        Ok(file.into())
    }

    /// The partial file of `id`, if it is there.
    pub(super) fn find_partial(&self, id: u64) -> Result<Option<File>, FolderError> {
        let partials = self.partials()?;
        match open_file(&partials, &id.to_string(), OFlags::RDWR) {
            Ok(file) => Ok(Some(file.into())),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(failed(&self.partial_path(id), "opening it", errno)),
        }
    }

    /// Removes the partial file of `id`. What cannot be removed now is removed at the next start.
    pub(super) fn discard(&self, id: u64) {
        if let Ok(partials) = self.partials() {
            let _ = unlinkat(&partials, id.to_string(), AtFlags::empty());
        }
    }

    /// Removes all partial files but those of `kept`.
    pub(super) fn keep_partials(&self, kept: &[u64]) -> Result<(), FolderError> {
        let partials = self.partials()?;
        for name in Self::names(&partials, &self.root.join(PARTIALS))? {
            if !name.parse().is_ok_and(|id: u64| kept.contains(&id)) {
                let _ = unlinkat(&partials, name.as_str(), AtFlags::empty());
            }
        }
        Ok(())
    }

    /// A name like `name` that no file of the host has, in no case and no Unicode form.
    pub(super) fn free_name(&self, host: &HostId, name: &str) -> Result<String, FolderError> {
        let path = self.root.join(host.as_str());
        let names = Self::names(&self.host(host)?, &path)?;
        free_name(&names, name).ok_or(FolderError::TooMany { path })
    }

    /// Gives a whole partial file its name: at once and for good, or not at all.
    pub(super) fn place(&self, id: u64, host: &HostId, name: &str) -> Result<(), FolderError> {
        let (partials, folder) = (self.partials()?, self.host(host)?);
        let from = id.to_string();
        let path = self.root.join(host.as_str()).join(name);
        let renamed = renameat_with(&partials, &from, &folder, name, RenameFlags::NOREPLACE);
        match renamed {
            Ok(()) => {}
            // A file system that cannot do that can link, which does not replace either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                linkat(&partials, &from, &folder, name, AtFlags::empty())
                    .and_then(|()| unlinkat(&partials, &from, AtFlags::empty()))
                    .map_err(|errno| failed(&path, "giving it its name", errno))?;
            }
            Err(errno) => return Err(failed(&path, "giving it its name", errno)),
        }
        sync(&folder, &path)?;
        sync(&partials, &path)
    }

    /// A received file, to be read.
    pub(super) fn received(&self, host: &HostId, name: &str) -> Result<File, FolderError> {
        let folder = self.host(host)?;
        let path = self.root.join(host.as_str()).join(name);
        match open_file(&folder, name, OFlags::RDONLY) {
            Ok(file) => Ok(file.into()),
            Err(Errno::NOENT) => Err(FolderError::Gone { path }),
            Err(errno) => Err(failed(&path, "opening it", errno)),
        }
    }

    /// Bytes of the files in a host's folder.
    pub(super) fn used_bytes(&self, host: &HostId) -> Result<u64, FolderError> {
        let folder = self.host(host)?;
        let names = Self::names(&folder, &self.root.join(host.as_str()))?;
        let size = |name: &String| statat(&folder, name.as_str(), AtFlags::SYMLINK_NOFOLLOW).ok();
        let sizes =
            names.iter().filter_map(size).map(|stat| u64::try_from(stat.st_size).unwrap_or(0));
        Ok(sizes.fold(0, u64::saturating_add))
    }

    /// Bytes that the file system has for us; 0 if that cannot be known.
    pub(super) fn free_bytes(&self) -> u64 {
        let there = self.root.ancestors().find_map(|path| rustix::fs::statvfs(path).ok());
        there.map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Where the partial file of `id` is, for people.
    pub(super) fn partial_path(&self, id: u64) -> PathBuf {
        self.root.join(PARTIALS).join(id.to_string())
    }

    fn open_root(&self) -> Result<OwnedFd, FolderError> {
        match openat(CWD, &self.root, FOLDER_FLAGS, Mode::empty()) {
            Err(Errno::NOENT) => {
                std::fs::create_dir_all(&self.root).map_err(|source| FolderError::Failed {
                    path: self.root.clone(),
                    what: "making it",
                    source,
                })?;
                let opened = openat(CWD, &self.root, FOLDER_FLAGS, Mode::empty());
                opened.map_err(|errno| failed(&self.root, "opening it", errno))
            }
            opened => opened.map_err(|errno| failed(&self.root, "opening it", errno)),
        }
    }

    fn open_below(&self, root: &OwnedFd, name: &str) -> Result<OwnedFd, FolderError> {
        let path = self.root.join(name);
        match mkdirat(root, name, Mode::RWXU) {
            Ok(()) => sync(root, &path)?,
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed(&path, "making it", errno)),
        }
        openat(root, name, FOLDER_FLAGS, Mode::empty())
            .map_err(|errno| failed(&path, "opening it", errno))
    }

    fn names(folder: &OwnedFd, path: &Path) -> Result<Vec<String>, FolderError> {
        let unread = |errno| failed(path, "reading it", errno);
        let mut names = Vec::new();
        for entry in Dir::read_from(folder).map_err(unread)? {
            let entry = entry.map_err(unread)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
            if names.len() > FOLDER_ENTRIES_MAX {
                return Err(FolderError::TooMany { path: path.to_owned() });
            }
        }
        Ok(names)
    }
}

const FOLDER_FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a regular file with one name, never through a link.
fn open_file(folder: &OwnedFd, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = openat(folder, name, flags, FILE_MODE)?;
    let stat = fstat(&file)?;
    let is_plain = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if is_plain && stat.st_nlink <= 1 { Ok(file) } else { Err(Errno::NOTSUP) }
}

/// Takes the blocks of a whole file, so that nobody else can have them.
fn take_room(file: &OwnedFd, size_bytes: u64) -> Result<(), Errno> {
    if size_bytes == 0 {
        return Ok(());
    }
    match fallocate(file, FallocateFlags::KEEP_SIZE, 0, size_bytes) {
        // Such a file system takes room as it comes.
        Err(Errno::NOTSUP | Errno::NOSYS) => Ok(()),
        taken => taken,
    }
}

fn sync(folder: &OwnedFd, path: &Path) -> Result<(), FolderError> {
    let folder: BorrowedFd<'_> = folder.as_fd();
    fsync(folder).map_err(|errno| failed(path, "syncing its folder", errno))
}

fn failed(path: &Path, what: &'static str, errno: Errno) -> FolderError {
    let path = path.to_owned();
    match errno {
        Errno::LOOP | Errno::NOTDIR => FolderError::NotAFolder { path },
        Errno::NOSPC | Errno::DQUOT => FolderError::Full { path },
        Errno::EXIST => FolderError::Taken,
        errno => FolderError::Failed { path, what, source: errno.into() },
    }
}
