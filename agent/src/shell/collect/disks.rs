//! File systems: the mount list, read again when it changes, and the figures of each at each tick.
//!
//! Owns when the list is read and whom a tick may ask itself: local file systems only.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::note::CollectNote;
use super::proc_file::{ProcFile, read_all};
use super::remote::RemoteDisks;
use crate::engine::collect::Samples;
use crate::engine::collect::disk::Usage;
use crate::engine::collect::limits::MOUNT_LIST_BYTES_MAX;
use crate::engine::collect::mounts::{Chosen, Mount, choose, parse};

/// The list is read again at least this often,
const LIST_EVERY_NS: u64 = 60_000_000_000;
/// and at most this often, however fast containers come and go.
const LIST_PAUSE_NS: u64 = 5_000_000_000;

/// The file systems of the host.
#[derive(Debug)]
pub(super) struct Disks {
    /// The first process's list: the host's own names, whatever sandbox this program runs in.
    host_list: ProcFile,
    own_list: ProcFile,
    listed_at_ns: Option<u64>,
    has_changed: bool,
    chosen: Vec<Chosen>,
    skipped: usize,
    failed: BTreeSet<Arc<str>>,
    remote: RemoteDisks,
}

impl Disks {
    pub(super) fn new(proc_root: &Path) -> Self {
        Self {
            host_list: ProcFile::new(proc_root.join("1/mountinfo")),
            own_list: ProcFile::new(proc_root.join("self/mountinfo")),
            listed_at_ns: None,
            has_changed: false,
            chosen: Vec::new(),
            skipped: 0,
            failed: BTreeSet::new(),
            remote: RemoteDisks::new(usage_of),
        }
    }

    /// Adds the series of all file systems; returns how many are left out.
    pub(super) fn tick(
        &mut self,
        now_ns: u64,
        samples: &mut Samples,
        notes: &mut Vec<CollectNote>,
    ) -> usize {
        if self.list_is_due(now_ns) {
            self.read_list(now_ns, notes);
        }
        let mut absent = self.skipped;
        for mount in self.chosen.iter().filter(|mount| !mount.remote) {
            match usage_of(&mount.point) {
                Ok(usage) => {
                    usage.sample(&mount.name, samples);
                    if self.failed.remove(&mount.name) {
                        notes.push(CollectNote::FileSystemAnswers {
                            mount: Arc::clone(&mount.name),
                        });
                    }
                }
                Err(source) => {
                    absent = absent.saturating_add(1);
                    if self.failed.insert(Arc::clone(&mount.name)) {
                        let mount = Arc::clone(&mount.name);
                        notes.push(CollectNote::FileSystemFailed { mount, source });
                    }
                }
            }
        }
        absent.saturating_add(self.remote.tick(now_ns, &self.chosen, samples, notes))
    }

    fn list_is_due(&mut self, now_ns: u64) -> bool {
        let Some(listed_at_ns) = self.listed_at_ns else {
            return true;
        };
        self.has_changed |= self.own_list.open().is_ok_and(|file| {
            let mut watched = [PollFd::new(file, PollFlags::PRI)];
            poll(&mut watched, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
        });
        let age_ns = now_ns.saturating_sub(listed_at_ns);
        age_ns >= LIST_EVERY_NS || (self.has_changed && age_ns >= LIST_PAUSE_NS)
    }

    fn read_list(&mut self, now_ns: u64, notes: &mut Vec<CollectNote>) {
        self.listed_at_ns = Some(now_ns);
        self.has_changed = false;
        let mut buffer = Vec::new();
        let own = self.own_list.read(now_ns, MOUNT_LIST_BYTES_MAX, &mut buffer, notes).map(parse);
        let Some(own) = own else {
            (self.chosen, self.skipped) = (Vec::new(), 0);
            return;
        };
        let host = self
            .host_list
            .open()
            .and_then(|file| read_all(file, MOUNT_LIST_BYTES_MAX, &mut buffer))
            .map(|len| parse(buffer.get(..len).unwrap_or_default()));
        let host = host.unwrap_or_default();
        let shown = if host.is_empty() { &own } else { &host };
        (self.chosen, self.skipped) = choose(shown, &own, is_directory);
        self.failed.retain(|name| self.chosen.iter().any(|mount| mount.name == *name));
    }
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

fn is_directory(mount: &Mount) -> bool {
    path(&mount.point).is_dir()
}

fn usage_of(point: &[u8]) -> io::Result<Usage> {
    let figures = rustix::fs::statvfs(path(point))?;
    let block_bytes = if figures.f_frsize > 0 { figures.f_frsize } else { figures.f_bsize };
    Ok(Usage {
        total_bytes: figures.f_blocks.saturating_mul(block_bytes),
        free_bytes: figures.f_bfree.saturating_mul(block_bytes),
        available_bytes: figures.f_bavail.saturating_mul(block_bytes),
        inodes_total: figures.f_files,
        inodes_free: figures.f_ffree,
    })
}
