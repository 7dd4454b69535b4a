//! `/proc/PID/mountinfo`: which file systems are real, and at which one place each is shown.
//!
//! Owns the choice: storage with room of its own, once per device, where this program can reach it.
//! The list of the first process says what people call the places; the own list says whether a sandbox
//! has put something else there. Refuses to touch a file system.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use systole_common::model::metric::INSTANCE_BYTES_MAX;

use super::fields::{lines, next_number, words};
use super::limits::MOUNTS_MAX;

/// One line of the mount list. Later lines lie over earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Number of the mount, good in its own list only.
    pub id: u64,
    /// Number of the mount that it stands in.
    pub parent: u64,
    /// `major:minor`, the same for all mounts of one file system.
    pub device: Vec<u8>,
    /// What part of the file system is mounted; `/` is all of it.
    pub root: Vec<u8>,
    /// Where.
    pub point: Vec<u8>,
    /// Kind, as `ext4`.
    pub kind: Vec<u8>,
    /// From where, as `/dev/sda1`.
    pub source: Vec<u8>,
}

/// A file system that gets series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The mount point as people read it: the instance of its series.
    pub name: Arc<str>,
    /// The mount point's bytes.
    pub point: Vec<u8>,
    /// Whether asking it may hang: it is on the network, or another program answers for it.
    pub remote: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Local,
    Remote,
}

/// Kernel kinds that live on other machines, or whose answer can be long in coming.
const REMOTE_KINDS: [&str; 20] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "9p",
    "virtiofs",
    "ceph",
    "glusterfs",
    "lustre",
    "gpfs",
    "beegfs",
    "afs",
    "ocfs2",
    "gfs2",
    "pvfs2",
    "orangefs",
    "fuse",
    "fuseblk",
];
/// Local kinds whose source is no path below `/dev`.
const LOCAL_KINDS: [&str; 5] = ["zfs", "btrfs", "bcachefs", "ubifs", "jffs2"];
/// Images that are full by construction: an alert on them could never end.
const IMAGE_KINDS: [&str; 6] = ["squashfs", "iso9660", "udf", "erofs", "cramfs", "romfs"];
/// Programs' views of things that are no storage.
const FUSE_VIEWS: [&str; 8] = [
    "fuse.gvfsd-fuse",
    "fuse.portal",
    "fuse.lxcfs",
    "fuse.snapfuse",
    "fuse.squashfuse",
    "fuse.squashfuse_ll",
    "fuse.archivemount",
    "fuse.rofiles-fuse",
];
/// Kernel kinds that live below `/dev` and have no room of their own.
const DEVICE_VIEWS: [&str; 3] = ["devtmpfs", "devpts", "tmpfs"];

/// Every mount of the text; broken lines are passed over.
pub fn parse(text: &[u8]) -> Vec<Mount> {
    lines(text).filter_map(parse_line).collect()
}

/// The file systems that get series, by name, and how many there are beyond the limit or out of
/// reach. `host` is the first process's list, `own` this program's. `is_directory` tells a mounted
/// directory from a mounted file; it is asked for local mounts only.
pub fn choose(
    host: &[Mount],
    own: &[Mount],
    is_directory: impl Fn(&Mount) -> bool,
) -> (Vec<Chosen>, usize) {
    let reach = Tree::new(own);
    let mut candidates: Vec<(Place, &Mount)> =
        host.iter().filter_map(|mount| place(mount).map(|place| (place, mount))).collect();
    candidates.sort_by_key(|(_, mount)| {
        (mount.root != b"/", mount.point.len(), mount.point.clone(), mount.device.clone())
    });
    let mut devices: BTreeMap<&[u8], Option<Chosen>> = BTreeMap::new();
    for (place, mount) in candidates {
        let chosen = devices.entry(&mount.device).or_default();
        let reachable = || reach.shows(mount) && (place == Place::Remote || is_directory(mount));
        if chosen.is_none() && mount.point.len() <= INSTANCE_BYTES_MAX && reachable() {
            *chosen = Some(Chosen::new(place, mount));
        }
    }
    let all = devices.len();
    let mut kept: Vec<Chosen> = devices.into_values().flatten().collect();
    kept.sort_by(|one, other| (one.remote, &one.name).cmp(&(other.remote, &other.name)));
    kept.truncate(MOUNTS_MAX);
    let skipped = all.saturating_sub(kept.len());
    (kept, skipped)
}

impl Chosen {
    fn new(place: Place, mount: &Mount) -> Self {
        Self {
            name: Arc::from(String::from_utf8_lossy(&mount.point)),
            point: mount.point.clone(),
            remote: place == Place::Remote,
        }
    }
}

/// Where the file system of `mount` lives; `None` for one that is no storage.
fn place(mount: &Mount) -> Option<Place> {
    let kind = std::str::from_utf8(&mount.kind).ok()?;
    let is_image = IMAGE_KINDS.contains(&kind) || FUSE_VIEWS.contains(&kind);
    if is_image || DEVICE_VIEWS.contains(&kind) {
        return None;
    }
    if REMOTE_KINDS.contains(&kind) || kind.starts_with("fuse.") {
        return Some(Place::Remote);
    }
    let is_local = mount.source.starts_with(b"/dev/") || LOCAL_KINDS.contains(&kind);
    let is_container_root = kind == "overlay" && mount.point == b"/";
    (is_local || is_container_root).then_some(Place::Local)
}

/// id parent major:minor root point options [tags] - kind source `super_options`
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = words(line);
    let id = next_number(&mut fields)?;
    let parent = next_number(&mut fields)?;
    let device = fields.next()?.to_vec();
    let root = unescape(fields.next()?);
    let point = unescape(fields.next()?);
    fields.find(|word| *word == b"-")?;
    let kind = unescape(fields.next()?);
    let source = fields.next().map(unescape).unwrap_or_default();
    Some(Mount { id, parent, device, root, point, kind, source })
}

/// `\040` and its like stand for one byte.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, tail)) = rest.split_first() {
        let octal = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if *first == b'\\' => {
                bytes.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            Some(_) | None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

/// The mounts of one list by the mount and the place that they stand on.
struct Tree<'m> {
    mounts: &'m [Mount],
    top: Option<&'m Mount>,
    standing: BTreeMap<(u64, &'m [u8]), &'m Mount>,
}

impl<'m> Tree<'m> {
    fn new(mounts: &'m [Mount]) -> Self {
        let ids: BTreeSet<u64> = mounts.iter().map(|mount| mount.id).collect();
        let is_top = |mount: &&Mount| {
            mount.point == b"/" && (mount.parent == mount.id || !ids.contains(&mount.parent))
        };
        let standing =
            mounts.iter().map(|mount| ((mount.parent, mount.point.as_slice()), mount)).collect();
        Self { mounts, top: mounts.iter().find(is_top), standing }
    }

    /// Whether a look-up of the mount point of `mount` ends in its file system, not in one that lies
    /// over it. Without a root in the list (a changed root) the same place and device must be there.
    fn shows(&self, mount: &Mount) -> bool {
        match self.top {
            Some(top) => {
                self.reached(top, &mount.point).is_some_and(|at| at.device == mount.device)
            }
            None => {
                self.mounts.iter().any(|own| own.point == mount.point && own.device == mount.device)
            }
        }
    }

    /// Walks `path` down from `top`, stepping onto whatever is mounted on the way.
    fn reached(&self, top: &'m Mount, path: &[u8]) -> Option<&'m Mount> {
        let ends = path.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/');
        let prefixes =
            ends.map(|(end, _)| end).chain([path.len()]).filter_map(|end| path.get(..end));
        let mut at = self.highest(top, b"/")?;
        for prefix in prefixes {
            at = self.highest(at, prefix)?;
        }
        Some(at)
    }

    /// The uppermost of the mounts that are stacked on `at` at `point`; `None` if the list is circular.
    fn highest(&self, mut at: &'m Mount, point: &[u8]) -> Option<&'m Mount> {
        for _ in 0..=self.mounts.len() {
            match self.standing.get(&(at.id, point)) {
                Some(next) if next.id != at.id => at = next,
                Some(_) | None => return Some(at),
            }
        }
        None
    }
}
