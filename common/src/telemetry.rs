//! Logs of every program: to the journal, as JSON lines, or as text for people. One event is one line.
//!
//! Owns the choice of the output and the level; what a line looks like is `telemetry/line.rs`.
//! Whatever a peer sends into a field, it cannot start a second line or reach the terminal raw.

mod entry;
mod journal;
mod layer;
mod line;

use std::env;
use std::io::{IsTerminal, stderr};
use std::panic;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

use self::journal::Journal;
use self::layer::LineLayer;
use crate::exit::Exit;

/// The variable that beats the configured level: a level, or directives such as `info,quinn=debug`.
pub const LEVEL_VARIABLE: &str = "SYSTOLE_LOG";
/// The level when nobody asks for another.
pub const LEVEL_DEFAULT: &str = "info";
/// The words that `log.level` takes, beside directives.
pub const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// The words that `log.format` takes.
pub const FORMATS: [&str; 2] = ["text", "json"];

/// What `log.format` asks for. A program whose stderr is the journal writes to the journal instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Text for people, in local time.
    #[default]
    Text,
    /// One JSON object a line, in UTC.
    Json,
}

impl Format {
    /// The format called `name`, one of [`FORMATS`].
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Where log lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// To the journal, with each field as a field of its own.
    Journal,
    /// To stderr as JSON lines.
    Json,
    /// To stderr as text, with colours on a terminal.
    Text,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is no level and no directive.
    #[error("{origin} {given:?} is not understood: use one of {}, or directives such as info,quinn=debug", LEVELS.join(", "))]
    Level {
        /// The variable or key.
        origin: &'static str,
        /// The level as given, shortened.
        given: String,
    },
    /// Our bug: logging was set up twice.
    #[error("logging is set up already")]
    Twice,
    /// Our bug: what [`start`] set up is gone.
    #[error("logging has ended")]
    Ended,
}

impl TelemetryError {
    /// How a program that cannot go on because of this ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Level { .. } => Exit::Usage,
            Self::Twice | Self::Ended => Exit::Bug,
        }
    }
}

/// The handle of a program on its own logging.
#[derive(Debug, Clone)]
pub struct Telemetry {
    filter: reload::Handle<EnvFilter, Registry>,
    output: Output,
}

/// Sets up logging for `program` from now on, panics included. `level` is the configured one;
/// `SYSTOLE_LOG` beats it.
pub fn start(program: &str, format: Format, level: &str) -> Result<Telemetry, TelemetryError> {
    let (filter, handle) = reload::Layer::new(wanted(level)?);
    let (output, lines) = open(program, format);
    let subscriber = Registry::default().with(filter).with(lines);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::Twice)?;
    panic::set_hook(Box::new(log_panic));
    Ok(Telemetry { filter: handle, output })
}

impl Telemetry {
    /// Changes the level of a running program; an error leaves the old one in force.
    pub fn set_level(&self, level: &str) -> Result<(), TelemetryError> {
        self.filter.reload(wanted(level)?).map_err(|_| TelemetryError::Ended)
    }

    /// Where log lines go.
    pub fn output(&self) -> Output {
        self.output
    }
}

/// Whether `level` can be used as `log.level`; the error is what is expected.
pub fn check_level(level: &str) -> Result<(), String> {
    filter("log.level", level).map(drop).map_err(|_| {
        format!("one of {}, or directives such as info,quinn=debug", LEVELS.join(", "))
    })
}

fn wanted(level: &str) -> Result<EnvFilter, TelemetryError> {
    match env::var(LEVEL_VARIABLE) {
        Ok(given) if !given.is_empty() => filter(LEVEL_VARIABLE, &given),
        Ok(_) | Err(_) => filter("log.level", level),
    }
}

/// A bare level is meant for our own lines; the libraries below stay at warnings.
fn filter(origin: &'static str, given: &str) -> Result<EnvFilter, TelemetryError> {
    let directives = match given {
        "off" | "error" => given.to_owned(),
        level if LEVELS.contains(&level) => format!("warn,systole={level}"),
        other => other.to_owned(),
    };
    let refused =
        || TelemetryError::Level { origin, given: crate::text::scrub_to(given, 80).into_owned() };
    // The parser takes a bare word that is no level for the name of a module.
    if !directives.split(',').all(|part| part.contains(['=', '[']) || LEVELS.contains(&part)) {
        return Err(refused());
    }
    EnvFilter::builder().parse(directives).map_err(|_| refused())
}

fn open(program: &str, format: Format) -> (Output, LineLayer) {
    if stderr_is_journal()
        && let Ok(journal) = Journal::open(program)
    {
        return (Output::Journal, LineLayer::new(move |entry| journal.send(entry)));
    }
    match format {
        Format::Json => (Output::Json, LineLayer::new(|entry| print(&line::json(entry)))),
        Format::Text => {
            let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let colours = stderr().is_terminal() && !plain;
            (Output::Text, LineLayer::new(move |entry| print(&line::text(entry, colours))))
        }
    }
}

/// Writes a line to stderr in one piece. Without a reader there is nobody to tell.
fn print(line: &str) {
    use std::io::Write;
    let _ = stderr().lock().write_all(line.as_bytes());
}

/// systemd names device and inode of the stream that it connected to the journal.
fn stderr_is_journal() -> bool {
    let Ok(named) = env::var("JOURNAL_STREAM") else {
        return false;
    };
    rustix::fs::fstat(stderr())
        .is_ok_and(|stat| named == format!("{}:{}", stat.st_dev, stat.st_ino))
}

fn log_panic(info: &panic::PanicHookInfo<'_>) {
    let what = info.payload_as_str().unwrap_or("no message");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(what, place, "panic");
}

#[cfg(test)]
mod tests;
