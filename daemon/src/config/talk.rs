//! `[talk]` and `[files]` of daemon.toml: how much may be said, which files are taken, and where they go.

use std::path::{Path, PathBuf};
use std::time::Duration;

use systole_common::config::{ByteSize, ConfigError, Key, Kind, Settings};

use super::{DAY, MONTH};
use crate::engine::settings::{FileSettings, TalkSettings};

/// Most messages a second, or in one go, that a setting may allow.
const MESSAGES_MAX: i64 = 1_000_000;
/// Most messages that may wait for one host.
const WAITING_MAX: i64 = 100_000;
const SECOND: Duration = Duration::from_secs(1);
/// The largest size of files that a setting may name.
const FILES_BYTES_MAX: u64 = 1 << 50;
/// Where received files go in the state folder unless `files.path` names another place.
const FILES_FOLDER: &str = "received_files";

pub(super) const RATE: Key = Key::new(
    "talk.rate",
    Kind::integer(1, MESSAGES_MAX),
    "how many messages a second one host or operator may write in the long run",
)
.preset("5");
pub(super) const BURST: Key = Key::new(
    "talk.burst",
    Kind::integer(1, MESSAGES_MAX),
    "how many messages one host or operator may write in one go",
)
.preset("20");
pub(super) const WAITING: Key = Key::new(
    "talk.waiting_max",
    Kind::integer(1, WAITING_MAX),
    "how many messages wait for one host that is away",
)
.preset("1000");
pub(super) const WAITING_AGE: Key = Key::new(
    "talk.waiting_age",
    Kind::duration(SECOND, DAY.saturating_mul(90)),
    "how long a message waits for a host that is away",
)
.preset("7d");
pub(super) const PATH: Key = Key::new("files.path", Kind::Path, "the folder of received files");
pub(super) const SIZE: Key =
    Key::new("files.max_size", Kind::size(1, FILES_BYTES_MAX), "the largest file that is taken")
        .preset("1GiB");
pub(super) const AUTO_ACCEPT: Key = Key::new(
    "files.auto_accept_max",
    Kind::size(0, FILES_BYTES_MAX),
    "the largest file that is taken without asking an operator",
)
.preset("40KiB");
pub(super) const PER_HOST: Key = Key::new(
    "files.per_host",
    Kind::size(1, FILES_BYTES_MAX),
    "how much the received files of one host may take",
)
.preset("4GiB");
pub(super) const OFFER_TTL: Key = Key::new(
    "files.offer_ttl",
    Kind::duration(SECOND, MONTH),
    "how long an offer waits for an operator",
)
.preset("1h");
pub(super) const PARTIAL_TTL: Key = Key::new(
    "files.partial_ttl",
    Kind::duration(SECOND, MONTH),
    "how long a transfer that does not go on is waited for",
)
.preset("24h");

/// Where received files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStore {
    /// The folder.
    pub path: PathBuf,
    /// Bytes that the files of one host may take.
    pub per_host_bytes: u64,
}

pub(super) fn talk(settings: &Settings) -> Result<TalkSettings, ConfigError> {
    let rate: u32 = settings.get(RATE.name)?;
    let burst: u32 = settings.get(BURST.name)?;
    Ok(TalkSettings {
        rate_per_s: rate.into(),
        burst: burst.into(),
        waiting_max: settings.get(WAITING.name)?,
        waiting_age: settings.get(WAITING_AGE.name)?,
    })
}

pub(super) fn files(settings: &Settings) -> Result<FileSettings, ConfigError> {
    Ok(FileSettings {
        size_max_bytes: size(settings, &SIZE)?,
        auto_accept_max_bytes: size(settings, &AUTO_ACCEPT)?,
        offer_ttl: settings.get(OFFER_TTL.name)?,
        partial_ttl: settings.get(PARTIAL_TTL.name)?,
    })
}

/// Where received files go; in the state folder unless somebody set another place.
pub(super) fn store(settings: &Settings, state: &Path) -> Result<FileStore, ConfigError> {
    let path: Option<PathBuf> = settings.find(PATH.name)?;
    Ok(FileStore {
        path: path.unwrap_or_else(|| state.join(FILES_FOLDER)),
        per_host_bytes: size(settings, &PER_HOST)?,
    })
}

fn size(settings: &Settings, key: &Key) -> Result<u64, ConfigError> {
    settings.get::<ByteSize>(key.name).map(|size| size.0)
}
