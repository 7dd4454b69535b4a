//! One file of a log: its name, its header, its records, and where it stops being right.
//!
//! A record is length u32, CRC-32 u32 (of kind and payload), kind u8, payload; numbers are little
//! endian. A file is read as a stream: nothing that it claims takes more memory than one record may.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::{RECORD_BYTES_MAX, Tag};

/// Bytes before the first record.
pub(super) const HEADER_BYTES: u64 = 16;
/// Bytes of a record before its payload.
pub(super) const RECORD_HEAD_BYTES: u64 = 9;
/// Bytes that are searched for a good record behind a bad one.
const SEARCH_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes whose checksum is computed in such a search.
const SEARCH_SUMMED_BYTES_MAX: u64 = 256 * 1024 * 1024;
const MAGIC: [u8; 8] = *b"SYSTLOG\0";
const VERSION: u16 = 1;

/// The name of a segment's file.
pub(super) fn file_name(number: u64) -> String {
    format!("{number:010}.log")
}

/// The number in a file's name, if it has the name of a segment or of one set aside.
pub(super) fn number_of(name: &str) -> Option<(u64, bool)> {
    let (digits, rest) = name.split_once('.')?;
    let number = digits.parse().ok().filter(|number| format!("{number:010}") == digits)?;
    match rest {
        "log" => Some((number, true)),
        _ if rest.starts_with("damaged-") => Some((number, false)),
        _ => None,
    }
}

/// The first bytes of every segment.
pub(super) fn header(tag: Tag) -> [u8; 16] {
    let mut header = [0; 16];
    let parts = MAGIC.into_iter().chain(VERSION.to_le_bytes()).chain(tag);
    for (byte, part) in header.iter_mut().zip(parts) {
        *byte = part;
    }
    header
}

/// Appends a record to `bytes`.
pub(super) fn encode(kind: u8, payload: &[u8], bytes: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&checksum(kind, payload).to_le_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(payload);
}

fn checksum(kind: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(payload);
    hasher.finalize()
}

/// The next thing in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A good record of this kind; its payload is in [`Source::payload`].
    Record(u8),
    /// The end, where it should be.
    End,
    /// Not a record.
    Bad,
}

/// A segment that is read record by record.
#[derive(Debug)]
pub(super) struct Source {
    reader: BufReader<File>,
    /// Where the next record begins, in bytes.
    pub(super) at: u64,
    end: u64,
    /// The payload of the record read last.
    pub(super) payload: Vec<u8>,
}

impl Source {
    /// The records in the first `end` bytes of `file`, whose header was judged before.
    pub(super) fn open(path: &Path, end: u64) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(64 * 1024, File::open(path)?);
        reader.seek(SeekFrom::Start(HEADER_BYTES))?;
        Ok(Self { reader, at: HEADER_BYTES, end, payload: Vec::new() })
    }

    /// Reads the next record.
    pub(super) fn next(&mut self) -> io::Result<Step> {
        let left = self.end.saturating_sub(self.at);
        if left == 0 {
            return Ok(Step::End);
        }
        let mut head = [0u8; 9];
        if left < RECORD_HEAD_BYTES || !self.fill(&mut head)? {
            return Ok(Step::Bad);
        }
        let Some((length, sum, kind)) = split_head(&head) else { return Ok(Step::Bad) };
        let bytes = RECORD_HEAD_BYTES + u64::from(length);
        if length as usize > RECORD_BYTES_MAX || bytes > left {
            return Ok(Step::Bad);
        }
        let mut payload = std::mem::take(&mut self.payload);
        payload.resize(length as usize, 0);
        let filled = self.fill(&mut payload);
        self.payload = payload;
        if !filled? || checksum(kind, &self.payload) != sum {
            return Ok(Step::Bad);
        }
        self.at += bytes;
        Ok(Step::Record(kind))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<bool> {
        match self.reader.read_exact(bytes) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Length of the payload, checksum, kind.
fn split_head(bytes: &[u8]) -> Option<(u32, u32, u8)> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    Some((u32::from_le_bytes(*length), u32::from_le_bytes(*sum), *rest.first()?))
}

/// What is wrong with a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It ends in the middle of what was being written.
    Torn,
    /// It is damaged, and why.
    Damaged(String),
}

/// What a segment holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    /// Its length in bytes.
    pub(super) length: u64,
    /// Bytes before the first flaw; 0 if its header is not right.
    pub(super) good: u64,
    /// What is wrong behind them.
    pub(super) flaw: Option<Flaw>,
}

/// Reads a whole segment. Only the last one may be torn.
pub(super) fn judge(path: &Path, tag: Tag, is_last: bool) -> io::Result<Judgement> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if let Some(flaw) = header_flaw(&mut file, length, tag, is_last) {
        return Ok(Judgement { length, good: 0, flaw: Some(flaw) });
    }
    let mut source = Source::open(path, length)?;
    let flaw = loop {
        match source.next() {
            Ok(Step::Record(_)) => {}
            Ok(Step::End) => break None,
            Ok(Step::Bad) if is_last && !has_record_behind(&mut file, source.at, length)? => {
                break Some(Flaw::Torn);
            }
            Ok(Step::Bad) => {
                break Some(Flaw::Damaged(format!("is damaged at byte {}", source.at)));
            }
            Err(error) => {
                break Some(Flaw::Damaged(format!(
                    "cannot be read at byte {}: {error}",
                    source.at
                )));
            }
        }
    };
    Ok(Judgement { length, good: source.at, flaw })
}

fn header_flaw(file: &mut File, length: u64, tag: Tag, is_last: bool) -> Option<Flaw> {
    let damaged = |why: &str| Some(Flaw::Damaged(why.to_owned()));
    if length < HEADER_BYTES {
        return if is_last { Some(Flaw::Torn) } else { damaged("ends in its header") };
    }
    let mut found = [0u8; 16];
    if let Err(error) = file.read_exact(&mut found) {
        return Some(Flaw::Damaged(format!("cannot be read: {error}")));
    }
    let expected = header(tag);
    if found == expected {
        return None;
    }
    if found == [0; 16] && is_last && !has_record_behind(file, HEADER_BYTES, length).ok()? {
        return Some(Flaw::Torn);
    }
    if found.first_chunk() != Some(&MAGIC) {
        return damaged("does not begin as a log does");
    }
    match found.get(8..10) == expected.get(8..10) {
        false => damaged("is of another version of the log"),
        true if found.get(10..14) != expected.get(10..14) => damaged("is of another log"),
        true => damaged("has a damaged header"),
    }
}

/// Whether a good record begins anywhere behind the bad one at `from`. Too much to search is taken
/// for yes: the file is then set aside and not cut.
fn has_record_behind(file: &mut File, from: u64, length: u64) -> io::Result<bool> {
    if length.saturating_sub(from) > SEARCH_BYTES_MAX {
        return Ok(true);
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(SEARCH_BYTES_MAX).read_to_end(&mut bytes)?;
    let mut summed = 0u64;
    let mut rest = bytes.as_slice();
    while let Some((_, behind)) = rest.split_first() {
        rest = behind;
        let Some((length, sum, kind)) = split_head(rest) else { return Ok(false) };
        let payload = rest.get(9..).unwrap_or_default();
        let Some(payload) = payload.get(..length as usize) else { continue };
        if length as usize > RECORD_BYTES_MAX {
            continue;
        }
        summed = summed.saturating_add(u64::from(length));
        if checksum(kind, payload) == sum || summed > SEARCH_SUMMED_BYTES_MAX {
            return Ok(true);
        }
    }
    Ok(false)
}
