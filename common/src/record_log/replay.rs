//! What a log still holds when it is opened: torn tails are cut, damaged files are set aside.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};

use super::segment::{self, Flaw, HEADER_BYTES, Judgement, Source, Step};
use super::{Disk, HostDisk, LogError, Tag, is_disk_full};

/// Names under which one segment can be set aside.
const ASIDE_MAX: u32 = 1_000;
/// Bytes that are written again in one go.
const PIECE_BYTES: usize = 1024 * 1024;

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The number of its segment.
    pub segment: u64,
    /// Its kind, of the application's choice.
    pub kind: u8,
    /// Its bytes.
    pub payload: &'a [u8],
}

/// Records in the order in which they were written.
#[derive(Debug)]
pub struct Records {
    waiting: VecDeque<(u64, PathBuf, u64)>,
    open: Option<(u64, PathBuf, Source)>,
}

impl Records {
    pub(super) fn new(folder: &Path, segments: impl Iterator<Item = (u64, u64)>) -> Self {
        let path = |number| folder.join(segment::file_name(number));
        let waiting = segments.map(|(number, end)| (number, path(number), end)).collect();
        Self { waiting, open: None }
    }

    /// The next record; `None` after the last.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, LogError> {
        let (number, kind) = loop {
            let Some((number, path, source)) = &mut self.open else {
                let Some((number, path, end)) = self.waiting.pop_front() else { return Ok(None) };
                let source = Source::open(&path, end).map_err(unusable(&path))?;
                self.open = Some((number, path, source));
                continue;
            };
            match source.next().map_err(unusable(path))? {
                Step::Record(kind) => break (*number, kind),
                Step::End => self.open = None,
                Step::Bad => {
                    let source = io::Error::new(io::ErrorKind::InvalidData, "has changed");
                    return Err(LogError::Unusable { path: path.clone(), source });
                }
            }
        };
        let payload = self.open.as_ref().map_or(&[][..], |(_, _, source)| &source.payload);
        Ok(Some(Record { segment: number, kind, payload }))
    }
}

/// All records that were found when the log was opened. Read it to its end before segments are deleted.
#[derive(Debug)]
pub struct Replay {
    /// The records.
    pub records: Records,
    /// Bytes at the end that were being written when the program or the host stopped, and were cut off.
    pub torn_bytes: u64,
    /// What is damaged, one line for each file: what was lost, and where the file is now.
    pub losses: Vec<String>,
}

impl Replay {
    /// The next record; `None` after the last.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, LogError> {
        self.records.next_record()
    }
}

/// The files of a log after its repair.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Number and bytes of each segment.
    pub(super) segments: BTreeMap<u64, u64>,
    /// The number of the segment to write to; it may be there already.
    pub(super) number: u64,
    pub(super) torn_bytes: u64,
    pub(super) losses: Vec<String>,
}

/// Writes the good bytes of a segment over themselves and returns when they are on the disk. After an
/// fsync that failed they may stand in memory alone, as if they had been written, and only a fresh
/// write makes the kernel write them.
pub(super) fn write_again(
    folder: &Path,
    number: u64,
    bytes: u64,
    disk: &mut dyn Disk,
) -> Result<(), LogError> {
    let path = folder.join(segment::file_name(number));
    let file = OpenOptions::new().read(true).write(true).open(&path).map_err(unusable(&path))?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = 0;
    while at < bytes {
        let left = usize::try_from(bytes - at).unwrap_or(PIECE_BYTES);
        piece.truncate(left);
        file.read_exact_at(&mut piece, at).map_err(unusable(&path))?;
        disk.write(&file, &piece, at).map_err(unwritten(&path))?;
        at += piece.len() as u64;
    }
    disk.sync(&file).map_err(unwritten(&path))?;
    disk.sync_folder(folder).map_err(unwritten(folder))
}

fn unwritten(path: &Path) -> impl Fn(io::Error) -> LogError + use<> {
    let path = path.to_owned();
    move |source| {
        let path = path.clone();
        if is_disk_full(&source) {
            LogError::Full { path, source }
        } else {
            LogError::Failed { path, source }
        }
    }
}

/// Makes the folder if it is not there, reads and repairs every segment.
pub(super) fn find(folder: &Path, tag: Tag, disk: &mut dyn Disk) -> Result<Found, LogError> {
    make_folder(folder).map_err(unusable(folder))?;
    let (numbers, highest) = list(folder).map_err(unusable(folder))?;
    let last = numbers.last().copied();
    let mut found = Found { number: highest.saturating_add(1), ..Found::default() };
    for number in numbers {
        let path = folder.join(segment::file_name(number));
        let is_last = Some(number) == last;
        let judgement = segment::judge(&path, tag, is_last).map_err(unusable(&path))?;
        match &judgement.flaw {
            None => {}
            Some(Flaw::Torn) => {
                found.torn_bytes = judgement.length - judgement.good;
                cut(&path, judgement.good, disk).map_err(unusable(&path))?;
            }
            Some(Flaw::Damaged(why)) => {
                found.losses.push(set_aside(folder, number, &judgement, why));
            }
        }
        if judgement.good >= HEADER_BYTES {
            found.segments.insert(number, judgement.good);
        }
        if is_last && !matches!(judgement.flaw, Some(Flaw::Damaged(_))) && number == highest {
            found.number = number;
        }
    }
    Ok(found)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    match folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => HostDisk.sync_folder(parent),
        None => Ok(()),
    }
}

/// The segments, ascending, and the highest number that was ever used.
fn list(folder: &Path) -> io::Result<(Vec<u64>, u64)> {
    let (mut numbers, mut highest) = (Vec::new(), 0);
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some((number, is_segment)) = name.to_str().and_then(segment::number_of) else {
            continue;
        };
        highest = highest.max(number);
        if is_segment {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok((numbers, highest))
}

fn cut(path: &Path, good: u64, disk: &mut dyn Disk) -> io::Result<()> {
    if good < HEADER_BYTES {
        return disk.remove(path);
    }
    let file = OpenOptions::new().write(true).open(path)?;
    // It is the last segment: it is synced when it is written again.
    disk.truncate(&file, good)
}

/// Keeps the damaged file under another name and its good beginning under its own. What it says is
/// for people.
fn set_aside(folder: &Path, number: u64, judgement: &Judgement, why: &str) -> String {
    let name = segment::file_name(number);
    let lost = judgement.length - judgement.good;
    let kept = match try_set_aside(folder, number, judgement.good) {
        Ok(aside) => format!("the file is kept as {aside}"),
        Err(error) => format!("the file stays where it is: {error}"),
    };
    format!("{}: {why}; {lost} bytes of it are lost, {kept}", folder.join(name).display())
}

fn try_set_aside(folder: &Path, number: u64, good: u64) -> io::Result<String> {
    let path = folder.join(segment::file_name(number));
    let free = |name: &String| fs::symlink_metadata(folder.join(name)).is_err();
    let mut names = (1..=ASIDE_MAX).map(|nth| format!("{number:010}.damaged-{nth}"));
    let aside = names.find(free).ok_or(io::ErrorKind::AlreadyExists)?;
    if good <= HEADER_BYTES {
        fs::rename(&path, folder.join(&aside))?;
        if good == HEADER_BYTES {
            copy_beginning(&folder.join(&aside), &path, good)?;
        }
    } else {
        let fresh = folder.join(format!("{number:010}.new"));
        copy_beginning(&path, &fresh, good)?;
        fs::hard_link(&path, folder.join(&aside))?;
        fs::rename(&fresh, &path)?;
    }
    HostDisk.sync_folder(folder)?;
    Ok(aside)
}

fn copy_beginning(from: &Path, to: &Path, bytes: u64) -> io::Result<()> {
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) | Ok(()) => {}
    }
    let mut copy = HostDisk.create(to)?;
    io::copy(&mut File::open(from)?.take(bytes), &mut copy)?;
    copy.sync_all()
}

pub(super) fn unusable(path: &Path) -> impl Fn(io::Error) -> LogError + use<> {
    let path = path.to_owned();
    move |source| LogError::Unusable { path: path.clone(), source }
}
