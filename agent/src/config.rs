//! The agent's settings: every key of agent.toml, and the typed values that the program uses.
//!
//! Paths that nobody sets depend on who runs the agent; that choice is made here, from a [`Place`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use systole_common::config::{ByteSize, ConfigErrors, Key, Kind, Override, Schema, Settings};
use systole_common::ids::DaemonName;
use systole_common::net::certificates::TlsPaths;
use systole_common::telemetry::{self, Format, LEVEL_DEFAULT};
use systole_common::wire::limits::{LABEL_BYTES_MAX, LABELS_MAX};

use crate::engine::input::DaemonAddress;
use crate::limits::{
    DAEMONS_MAX, SOCKET_PATH_BYTES_MAX, SPOOL_AGE_MAX, SPOOL_AGE_MIN, SPOOL_BYTES_MAX,
    SPOOL_BYTES_MIN,
};
use crate::shell::spool::SpoolBounds;

/// The configuration file that is shipped: every key with its default and what it means.
pub const DEFAULT_FILE: &str = include_str!("../../assets/agent.toml");

/// Every key of agent.toml.
pub static SCHEMA: Schema = Schema::new("agent", &KEYS);

const KEYS: [Key; 12] = [
    Key::new(
        "daemons",
        Kind::List { items_max: DAEMONS_MAX },
        "the daemons to report to, each as \"NAME=HOST:PORT\"",
    )
    .required()
    .checked(check_daemon),
    Key::new("tls.cert", Kind::Path, "the agent's certificate with its chain"),
    Key::new("tls.key", Kind::Path, "the key of the agent's certificate"),
    Key::new("tls.ca", Kind::Path, "the folder of the CAs").preset("certs"),
    Key::new("labels", Kind::Map { entries_max: LABELS_MAX }, "what operators filter hosts by")
        .checked(check_label),
    Key::new("spool.path", Kind::Path, "the folder of what waits for a daemon"),
    Key::new(
        "spool.max_bytes",
        Kind::size(SPOOL_BYTES_MIN, SPOOL_BYTES_MAX),
        "what the spool may take of the disk",
    )
    .preset("64MiB"),
    Key::new(
        "spool.max_age",
        Kind::duration(SPOOL_AGE_MIN, SPOOL_AGE_MAX),
        "how long a sample waits for a daemon",
    )
    .preset("24h"),
    Key::new("spool.ledger", Kind::Path, "the file in which drills find what was spooled"),
    Key::new("socket", Kind::Path, "the Unix socket of `status` and `leave`"),
    Key::new("log.level", Kind::Text, "how much is logged")
        .preset(LEVEL_DEFAULT)
        .checked(telemetry::check_level),
    Key::new("log.format", Kind::Choice(&telemetry::FORMATS), "how lines look outside the journal")
        .preset("text"),
];

/// Keys whose change is taken over only by a restart.
pub const RESTART_KEYS: [&str; 6] =
    ["spool.path", "spool.max_bytes", "spool.max_age", "spool.ledger", "socket", "log.format"];

/// Who runs the program and where that user's folders are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Root, or a configuration below `/etc/systole`: the host's own agent.
    pub is_system: bool,
    /// `$XDG_RUNTIME_DIR`.
    pub runtime_folder: Option<PathBuf>,
    /// `$XDG_STATE_HOME`, or `~/.local/state`.
    pub state_folder: Option<PathBuf>,
}

/// The settings in the types that the program uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The daemons, in the order of the file.
    pub daemons: Vec<DaemonAddress>,
    /// Certificate, key and CAs.
    pub tls: TlsPaths,
    /// Labels, by their keys.
    pub labels: Vec<(String, String)>,
    /// Folder of the spool.
    pub spool: PathBuf,
    /// What it may hold.
    pub spool_bounds: SpoolBounds,
    /// Where drills write down what was spooled and received.
    pub spool_ledger: Option<PathBuf>,
    /// The Unix socket.
    pub socket: PathBuf,
    /// How much is logged.
    pub log_level: String,
    /// How lines look outside the journal.
    pub log_format: Format,
}

impl Config {
    /// The names of the daemons.
    pub fn daemon_names(&self) -> Vec<DaemonName> {
        self.daemons.iter().map(|daemon| daemon.name.clone()).collect()
    }

    /// Types what `settings` say; the paths that nobody set come from `place`.
    pub fn new(settings: &Settings, place: &Place) -> Result<Self, ConfigErrors> {
        let socket = match settings.find("socket")? {
            Some(path) => path,
            None => place.socket(),
        };
        if socket.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
            let expected = format!("a path of at most {SOCKET_PATH_BYTES_MAX} bytes");
            return Err(settings.refuse("socket", expected).into());
        }
        Ok(Self {
            daemons: daemons(settings)?,
            tls: TlsPaths {
                cert: settings.find("tls.cert")?,
                key: settings.find("tls.key")?,
                ca: settings.get("tls.ca")?,
            },
            labels: settings
                .find::<BTreeMap<String, String>>("labels")?
                .unwrap_or_default()
                .into_iter()
                .collect(),
            spool: settings.find("spool.path")?.unwrap_or_else(|| place.spool()),
            spool_bounds: SpoolBounds {
                bytes: settings.get::<ByteSize>("spool.max_bytes")?.0,
                age: settings.get("spool.max_age")?,
            },
            spool_ledger: settings.find("spool.ledger")?,
            socket,
            log_level: settings.get("log.level")?,
            log_format: log_format(settings)?,
        })
    }
}

impl Place {
    /// The socket where nobody set one.
    pub fn socket(&self) -> PathBuf {
        match &self.runtime_folder {
            Some(folder) if !self.is_system => folder.join("systole/agent.sock"),
            Some(_) | None => Path::new("/run/systole/agent.sock").to_owned(),
        }
    }

    /// The spool where nobody set one.
    pub fn spool(&self) -> PathBuf {
        match &self.state_folder {
            Some(folder) if !self.is_system => folder.join("systole/agent/spool"),
            Some(_) | None => Path::new("/var/lib/systole/agent/spool").to_owned(),
        }
    }
}

/// What the flags say; `set` are the `KEY=VALUE` of `--set`.
pub fn overrides(
    daemons: &[String],
    socket: Option<&Path>,
    set: &[String],
) -> Result<Vec<Override>, SetError> {
    let mut overrides = Vec::new();
    for text in set {
        let (key, value) = text.split_once('=').ok_or_else(|| SetError { given: text.clone() })?;
        overrides.push(Override::new("--set", key.trim(), value.trim()));
    }
    if !daemons.is_empty() {
        overrides.push(Override::new("--daemon", "daemons", daemons.join(",")));
    }
    if let Some(path) = socket {
        overrides.push(Override::new("--socket", "socket", path.to_string_lossy()));
    }
    Ok(overrides)
}

/// A `--set` that sets nothing.
#[derive(Debug, thiserror::Error)]
#[error("--set {given:?} is not of the form KEY=VALUE; try --set log.level=debug")]
pub struct SetError {
    given: String,
}

fn log_format(settings: &Settings) -> Result<Format, ConfigErrors> {
    let name: String = settings.get("log.format")?;
    let expected = || format!("one of {}", telemetry::FORMATS.join(", "));
    Format::from_name(&name).ok_or_else(|| settings.refuse("log.format", expected()).into())
}

fn daemons(settings: &Settings) -> Result<Vec<DaemonAddress>, ConfigErrors> {
    let texts: Vec<String> = settings.get("daemons")?;
    let mut daemons: Vec<DaemonAddress> = Vec::new();
    for text in &texts {
        let Some(daemon) = parse_daemon(text) else {
            return Err(settings.refuse("daemons", DAEMON_FORM).into());
        };
        if daemons.iter().any(|known| known.name == daemon.name) {
            let expected = format!("each name once; {} is there twice", daemon.name);
            return Err(settings.refuse("daemons", expected).into());
        }
        daemons.push(daemon);
    }
    if daemons.is_empty() {
        return Err(settings.refuse("daemons", DAEMON_FORM).into());
    }
    Ok(daemons)
}

const DAEMON_FORM: &str =
    "at least one \"NAME=HOST:PORT\" such as \"mon-1=10.0.0.5:5001\" or \"mon-1=[fd00::5]:5001\"";

fn check_daemon(text: &str) -> Result<(), String> {
    parse_daemon(text).map(|_| ()).ok_or_else(|| DAEMON_FORM.to_owned())
}

fn parse_daemon(text: &str) -> Option<DaemonAddress> {
    let (name, address) = text.split_once('=')?;
    let name: DaemonName = name.trim().parse().ok()?;
    let address = address.trim();
    let (host, port) = address.rsplit_once(':')?;
    let is_v6 = host.starts_with('[') && host.ends_with(']');
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_host = if is_v6 {
        address.parse::<std::net::SocketAddrV6>().is_ok()
    } else {
        !host.is_empty() && host.len() <= 253 && host.chars().all(plain)
    };
    let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
    (is_host && is_port).then(|| DaemonAddress { name, address: address.to_owned() })
}

fn check_label(text: &str) -> Result<(), String> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    if key.is_empty() || key.len() > LABEL_BYTES_MAX || value.len() > LABEL_BYTES_MAX {
        return Err(format!("labels of 1 to {LABEL_BYTES_MAX} bytes, values of as many"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
