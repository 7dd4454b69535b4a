//! What goes over the local socket about messages and files. Names are a contract with other versions.

use serde::{Deserialize, Serialize};

use crate::engine::status::Hearing;
use crate::engine::talk::words::{queued, reached};
use crate::shell::talk::ask::{Reach, Shown};

/// A file that a user wants to send; one descriptor of it comes with the first byte of the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendRequest {
    /// The name under which it is offered.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// When it was changed last, in nanoseconds since 1970.
    pub modified_ns: i64,
    /// BLAKE3 of the whole file, in hexadecimal digits.
    pub blake3: String,
    /// Its type by content: a media type, or empty.
    pub content: String,
    /// What its sender says about it.
    pub note: String,
    /// The offer of an earlier life of the agent, if the client comes back.
    pub offer: Option<Offered>,
}

/// Under which number a file is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// The spool's epoch.
    pub epoch: u64,
    /// The offer's sequence in it.
    pub sequence: u64,
}

/// What became of an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionWords {
    /// Where it is, as `accepted`.
    pub state: String,
    /// Why.
    pub reason: String,
    /// Who decided: an operator or `policy`; empty while nobody has.
    pub by: String,
    /// Where it is saved, once it is.
    pub path: String,
    /// The daemon's number for it.
    pub file: u64,
    /// When it expires, in milliseconds since 1970.
    pub expires_ms: i64,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendProgress {
    /// Bytes that were sent.
    pub sent_bytes: u64,
    /// Bytes of the file.
    pub size_bytes: u64,
}

/// A message is safe on this host's disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidWords {
    /// `HOST-EPOCH-SEQUENCE`.
    pub id: String,
    /// Daemons that have it, or are about to.
    pub sent_to: Vec<String>,
    /// Daemons that get it as soon as they are heard.
    pub kept_for: Vec<String>,
    /// Those of them that hear this host and have yet to take it.
    #[serde(default)]
    pub connected: Vec<String>,
    /// Messages that go to one of these before it.
    #[serde(default)]
    pub before: u64,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageWords {
    /// `SENDER-EPOCH-SEQUENCE`.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub time_ms: i64,
    /// Who.
    pub from: String,
    /// Where it was written to.
    pub to: String,
    /// As it was typed.
    pub text: String,
    /// What it belongs to.
    pub thread: Option<String>,
}

/// A chat is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatWords {
    /// This host.
    pub host: Option<String>,
    /// The user as the others see it.
    pub user: String,
    /// Who hears this host.
    #[serde(default)]
    pub link: Option<LinkWords>,
}

/// Which daemons hear this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkWords {
    /// Those that do.
    pub connected: Vec<String>,
    /// The other ones.
    pub away: Vec<String>,
}

/// How many there are, or were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountWords {
    /// So many.
    pub count: u64,
}

impl From<&Shown> for MessageWords {
    fn from(shown: &Shown) -> Self {
        let Shown { id, time, from, to, text, thread } = shown.clone();
        Self { id, time_ms: time.0, from, to, text, thread }
    }
}

impl SaidWords {
    /// How far it came, for people.
    pub fn sentence(&self) -> String {
        if self.sent_to.is_empty() && !self.connected.is_empty() {
            queued(&self.connected, self.before)
        } else {
            reached(&self.sent_to, &self.kept_for)
        }
    }
}

impl From<Reach> for SaidWords {
    fn from(reach: Reach) -> Self {
        let Reach { id, sent_to, kept_for, connected, before } = reach;
        Self { id, sent_to, kept_for, connected, before }
    }
}

impl From<&Hearing> for LinkWords {
    fn from(hearing: &Hearing) -> Self {
        let [connected, away] = [&hearing.near, &hearing.away]
            .map(|daemons| daemons.iter().map(ToString::to_string).collect());
        Self { connected, away }
    }
}
