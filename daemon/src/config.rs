//! The daemon's settings: every key of daemon.toml, and the typed values that the program uses.
//!
//! Paths that nobody sets depend on who runs the daemon; that choice is made here, from a [`Place`].

mod rules;
mod talk;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use systole_common::config::{
    ByteSize, ConfigError, ConfigErrors, Key, Kind, Override, Schema, Settings,
};
use systole_common::ids::HostId;
use systole_common::net::certificates::TlsPaths;
use systole_common::net::identity::Fingerprint;
use systole_common::wire::limits::{
    HEARTBEAT_INTERVAL_MS_MAX, INTERVAL_MS_MIN, LABEL_BYTES_MAX, LABELS_MAX,
};

pub use talk::FileStore;

use crate::engine::settings::Settings as EngineSettings;
use crate::limits::RESERVE_BYTES;
use crate::shell::metrics::slot::Retention;

/// The configuration file that is shipped: every key with its default and what it means.
pub const DEFAULT_FILE: &str = include_str!("../../assets/daemon.toml");

/// Every key of daemon.toml.
pub static SCHEMA: Schema = Schema::new("daemon", &KEYS);

const MS: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_hours(24);
const YEARS: Duration = Duration::from_hours(10 * 365 * 24);
const MONTH: Duration = Duration::from_hours(30 * 24);
const INTERVAL_MIN: Duration = Duration::from_millis(INTERVAL_MS_MIN as u64);
const INTERVAL_MAX: Duration = Duration::from_millis(HEARTBEAT_INTERVAL_MS_MAX as u64);
const INTERVAL: Kind = Kind::duration(INTERVAL_MIN, INTERVAL_MAX);
/// Most fingerprints in `tls.revoked`.
const REVOKED_MAX: usize = 10_000;
/// What turns HTTP off.
const OFF: &str = "off";

const KEYS: [Key; 46] = [
    Key::new("listen", Kind::Address, "the UDP address for agents and operators")
        .preset("0.0.0.0:5001"),
    Key::new("http.listen", Kind::Text, "the loopback address of /healthz, /readyz and /metrics")
        .preset("127.0.0.1:5002")
        .checked(check_http),
    Key::new("state.path", Kind::Path, "the folder of what survives a restart"),
    Key::new("storage.reserve", Kind::size(RESERVE_BYTES.0, 1 << 40), "room kept for a full disk"),
    Key::new("storage.raw", Kind::duration(DAY, YEARS), "how long every sample is kept")
        .preset("30d"),
    Key::new("storage.minute", Kind::duration(DAY, YEARS), "how long one point a minute is kept")
        .preset("90d"),
    Key::new("storage.hour", Kind::duration(DAY, YEARS), "how long one point an hour is kept")
        .preset("730d"),
    Key::new("tls.cert", Kind::Path, "the daemon's certificate with its chain"),
    Key::new("tls.key", Kind::Path, "the key of the daemon's certificate"),
    Key::new("tls.ca", Kind::Path, "the folder of the CAs").preset("certs"),
    Key::new(
        "tls.revoked",
        Kind::List { items_max: REVOKED_MAX },
        "the SHA-256 fingerprints of certificates that are refused",
    )
    .checked(check_fingerprint),
    Key::new("heartbeat.interval", INTERVAL, "how often agents beat").preset("1s"),
    Key::new(
        "liveness.timeout",
        Kind::duration(Duration::from_millis(250), DAY),
        "silence after which a host is down, at least 2.5 heartbeat intervals",
    )
    .preset("5s"),
    Key::new(
        "liveness.start_grace",
        Kind::duration(MS, Duration::from_hours(1)),
        "how long a host not yet seen is given after a start of the daemon",
    )
    .preset("10s"),
    Key::new(
        "liveness.left_max",
        Kind::duration(Duration::from_secs(1), MONTH),
        "how long a goodbye without a lease is taken without a warning",
    )
    .preset("30m"),
    Key::new("metrics.live_interval", INTERVAL, "between samples of hosts on somebody's screen")
        .preset("1s"),
    Key::new("metrics.stored_interval", INTERVAL, "between samples of the other hosts")
        .preset("5s"),
    Key::new("metrics.processes_interval", INTERVAL, "between looks at the processes").preset("5s"),
    talk::RATE,
    talk::BURST,
    talk::WAITING,
    talk::WAITING_AGE,
    talk::PATH,
    talk::SIZE,
    talk::AUTO_ACCEPT,
    talk::PER_HOST,
    talk::OFFER_TTL,
    talk::PARTIAL_TTL,
    Key::new("hosts.max", Kind::integer(1, 100_000), "how many hosts are remembered at most")
        .preset("20000"),
    Key::new("limits.connections", Kind::integer(1, 200_000), "how many connections there may be")
        .preset("25000"),
    Key::new("limits.consoles", Kind::integer(1, 1_000), "how many consoles there may be")
        .preset("64"),
    Key::new("host.*.labels", Kind::Map { entries_max: LABELS_MAX }, "labels over the agent's own")
        .checked(check_label)
        .free_checked(check_host),
    rules::METRIC,
    rules::INSTANCE,
    rules::WARNING,
    rules::CRITICAL,
    rules::PER,
    rules::BELOW,
    rules::FOR,
    rules::CLEAR_WARNING,
    rules::CLEAR_CRITICAL,
    rules::HOLD,
    rules::FILTER,
    rules::ENABLED,
    Key::new(
        "log.level",
        Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
        "how much is logged",
    )
    .preset("info"),
    Key::new("log.format", Kind::Choice(&["text", "json"]), "how lines look outside the journal")
        .preset("text"),
];

/// Keys whose change is taken over only by a restart.
pub const RESTART_KEYS: [&str; 6] =
    ["listen", "http.listen", "state.path", "storage.reserve", "files.path", "log.format"];

/// Who runs the program and where that user's folders are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Root, or a configuration below `/etc/systole`: the machine's own daemon.
    pub is_system: bool,
    /// `$XDG_STATE_HOME`, or `~/.local/state`.
    pub state_folder: Option<PathBuf>,
}

/// How many may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// All connections together.
    pub connections: usize,
    /// Operators' connections.
    pub consoles: usize,
}

/// The settings in the types that the program uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// UDP address.
    pub listen: SocketAddr,
    /// HTTP address on loopback; `None` if it is off.
    pub http: Option<SocketAddr>,
    /// The state folder.
    pub state: PathBuf,
    /// Bytes of the reserve; `None` for 1 % of the file system.
    pub reserve: Option<u64>,
    /// How long each tier of the metric store is kept.
    pub retention: Retention,
    /// Where received files go.
    pub files: FileStore,
    /// Certificate, key and CAs.
    pub tls: TlsPaths,
    /// Whose certificates are refused.
    pub revoked: BTreeSet<Fingerprint>,
    /// How many may connect.
    pub limits: ConnectionLimits,
    /// What the engine may be told.
    pub engine: EngineSettings,
    /// How much is logged.
    pub log_level: String,
    /// How lines look outside the journal.
    pub log_format: String,
}

impl Config {
    /// Types what `settings` say; the paths that nobody set come from `place`.
    pub fn new(settings: &Settings, place: &Place) -> Result<Self, ConfigErrors> {
        let state: PathBuf = settings.find("state.path")?.unwrap_or_else(|| place.state());
        let files = talk::store(settings, &state)?;
        Ok(Self {
            listen: settings.get("listen")?,
            http: http(settings)?,
            state,
            reserve: settings.find::<ByteSize>("storage.reserve")?.map(|size| size.0),
            retention: retention(settings)?,
            tls: TlsPaths {
                cert: settings.find("tls.cert")?,
                key: settings.find("tls.key")?,
                ca: settings.get("tls.ca")?,
            },
            revoked: revoked(settings)?,
            limits: ConnectionLimits {
                connections: settings.get("limits.connections")?,
                consoles: settings.get("limits.consoles")?,
            },
            engine: engine(settings, &files)?,
            files,
            log_level: settings.get("log.level")?,
            log_format: settings.get("log.format")?,
        })
    }
}

impl Place {
    /// The state folder where nobody set one.
    pub fn state(&self) -> PathBuf {
        match &self.state_folder {
            Some(folder) if !self.is_system => folder.join("systole/daemon"),
            Some(_) | None => Path::new("/var/lib/systole/daemon").to_owned(),
        }
    }
}

/// What the flags say; `set` are the `KEY=VALUE` of `--set`.
pub fn overrides(
    listen: Option<&str>,
    http: Option<&str>,
    state: Option<&Path>,
    set: &[String],
) -> Result<Vec<Override>, SetError> {
    let mut overrides = Vec::new();
    for text in set {
        let (key, value) = text.split_once('=').ok_or_else(|| SetError { given: text.clone() })?;
        overrides.push(Override::new("--set", key.trim(), value.trim()));
    }
    overrides.extend(listen.map(|text| Override::new("--listen", "listen", text)));
    overrides.extend(http.map(|text| Override::new("--http", "http.listen", text)));
    overrides
        .extend(state.map(|path| Override::new("--state", "state.path", path.to_string_lossy())));
    Ok(overrides)
}

/// A `--set` that sets nothing.
#[derive(Debug, thiserror::Error)]
#[error("--set {given:?} is not of the form KEY=VALUE; try --set log.level=debug")]
pub struct SetError {
    given: String,
}

fn engine(settings: &Settings, files: &FileStore) -> Result<EngineSettings, ConfigErrors> {
    let interval: Duration = settings.get("heartbeat.interval")?;
    let timeout: Duration = settings.get("liveness.timeout")?;
    let labels: BTreeMap<String, BTreeMap<String, String>> = settings.each("host.*.labels")?;
    let named = |(host, labels): (String, _)| host.parse::<HostId>().ok().map(|id| (id, labels));
    Ok(EngineSettings {
        heartbeat_interval: interval,
        timeout: timeout.max(interval * 5 / 2),
        start_grace: settings.get("liveness.start_grace")?,
        left_max: settings.get("liveness.left_max")?,
        live_interval: settings.get("metrics.live_interval")?,
        stored_interval: settings.get("metrics.stored_interval")?,
        processes_interval: settings.get("metrics.processes_interval")?,
        hosts_max: settings.get("hosts.max")?,
        labels: labels.into_iter().filter_map(named).collect(),
        rules: rules::rules(settings)?,
        talk: talk::talk(settings)?,
        files: talk::files(settings)?,
        files_path: files.path.display().to_string(),
    })
}

fn retention(settings: &Settings) -> Result<Retention, ConfigError> {
    let ms = |key| {
        let span: Duration = settings.get(key)?;
        Ok(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
    };
    Ok(Retention {
        raw_ms: ms("storage.raw")?,
        minute_ms: ms("storage.minute")?,
        hour_ms: ms("storage.hour")?,
    })
}

fn http(settings: &Settings) -> Result<Option<SocketAddr>, ConfigError> {
    let text: String = settings.get("http.listen")?;
    if text == OFF {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| settings.refuse("http.listen", HTTP_FORM))
}

const HTTP_FORM: &str = "a loopback address with port such as \"127.0.0.1:5002\" or \"[::1]:5002\", or \"off\"; what others are to read goes through a proxy of yours";

fn check_http(text: &str) -> Result<(), String> {
    let is_loopback = text.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
    if is_loopback || text == OFF { Ok(()) } else { Err(HTTP_FORM.to_owned()) }
}

fn revoked(settings: &Settings) -> Result<BTreeSet<Fingerprint>, ConfigError> {
    let texts: Vec<String> = settings.find("tls.revoked")?.unwrap_or_default();
    Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

fn check_fingerprint(text: &str) -> Result<(), String> {
    let read = text.parse::<Fingerprint>();
    read.map(|_| ()).map_err(|_| {
        "fingerprints of 64 hexadecimal digits, as `openssl x509 -noout -fingerprint -sha256` prints them".to_owned()
    })
}

fn check_label(text: &str) -> Result<(), String> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    if key.is_empty() || key.len() > LABEL_BYTES_MAX || value.len() > LABEL_BYTES_MAX {
        return Err(format!("labels of 1 to {LABEL_BYTES_MAX} bytes, values of as many"));
    }
    Ok(())
}

fn check_host(name: &str) -> Result<(), String> {
    name.parse::<HostId>().map(|_| ()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
