//! Entries to the journal by its own protocol: one datagram each, fields apart from the message.
//!
//! The message holds the fields too, so that plain `journalctl` shows them, and is scrubbed, so that
//! it is one line there. `journalctl SYSTOLE_HOST=web-1` finds the lines of a host. A journal that
//! does not keep up is never waited for: what it misses is counted and told with the next line.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::Level;

use super::entry::Entry;
use super::line::sentence;

/// Where the journal listens.
const SOCKET: &str = "/run/systemd/journal/socket";
/// What our fields begin with in the journal.
const FIELD_PREFIX: &str = "SYSTOLE_";
/// Longest message, in terminal cells.
const MESSAGE_CELLS_MAX: usize = 8192;

/// A way to the journal.
pub(super) struct Journal {
    socket: UnixDatagram,
    path: PathBuf,
    program: String,
    missed: AtomicU64,
}

impl Journal {
    pub(super) fn open(program: &str) -> io::Result<Self> {
        Self::open_at(Path::new(SOCKET), program)
    }

    pub(super) fn open_at(path: &Path, program: &str) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        // The journal ignores an empty datagram; an error says that nobody listens.
        socket.send_to(&[], path)?;
        Ok(Self {
            socket,
            path: path.to_path_buf(),
            program: program.to_owned(),
            missed: AtomicU64::new(0),
        })
    }

    /// Sends one entry. By path each time, since the journal may be restarted.
    pub(super) fn send(&self, entry: &Entry) {
        let missed = self.missed.swap(0, Ordering::Relaxed);
        if self.socket.send_to(&self.datagram(entry, missed), &self.path).is_err() {
            self.missed.fetch_add(missed + 1, Ordering::Relaxed);
        }
    }

    fn datagram(&self, entry: &Entry, missed: u64) -> Vec<u8> {
        let mut message = sentence(entry);
        if missed > 0 {
            message = format!("{message} ({missed} lines before this one were lost)");
        }
        let message = crate::text::scrub_to(&message, MESSAGE_CELLS_MAX);
        let mut bytes = Vec::with_capacity(512);
        put(&mut bytes, "MESSAGE", &message);
        put(&mut bytes, "PRIORITY", priority(entry.level));
        put(&mut bytes, "SYSLOG_IDENTIFIER", &self.program);
        put(&mut bytes, "TARGET", entry.target);
        for (name, datum) in entry.fields.iter() {
            put(&mut bytes, &field_name(name), &datum.to_string());
        }
        bytes
    }
}

/// The name, a line end, the length of the value as eight bytes, the value, a line end: safe for
/// whatever the value holds.
fn put(bytes: &mut Vec<u8>, name: &str, value: &str) {
    bytes.extend_from_slice(name.as_bytes());
    bytes.push(b'\n');
    bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
    bytes.extend_from_slice(value.as_bytes());
    bytes.push(b'\n');
}

/// The journal takes upper-case letters, digits and `_`.
fn field_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    FIELD_PREFIX.chars().chain(name.chars().map(plain)).collect()
}

/// The numbers of syslog.
fn priority(level: Level) -> &'static str {
    if level == Level::ERROR {
        "3"
    } else if level == Level::WARN {
        "4"
    } else if level == Level::INFO {
        "6"
    } else {
        "7"
    }
}
