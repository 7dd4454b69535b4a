//! Messages between hosts and operators, and how far each has come.
//!
//! A host's messages are sequenced in its spool epoch, the daemon's deliveries in the daemon's talk
//! epoch; each side confirms with a `Receipt` once a message is safe on its disk.

use serde::{Deserialize, Serialize};

use super::codec::{Body, WireError, at_most};
use super::kind::Kind;
use super::limits::{PAGE_RECORDS_MAX, REASON_BYTES_MAX, SAY_HOSTS_MAX, SENDER_BYTES_MAX};
use crate::ids::SpoolEpoch;
use crate::model::message::{PLACE_BYTES_MAX, TEXT_BYTES_MAX};
use crate::time::UnixMs;

/// A host or one of its users speaks. Kept by the agent until the daemon's receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Sequence of messages in the spool epoch of the hello.
    pub sequence: u64,
    /// When, by the agent's wall clock.
    pub time: UnixMs,
    /// The host's user, by the credentials of the local socket.
    pub user: String,
    /// `#ops`, or `@` and the host's own name.
    pub to: String,
    /// As it was typed.
    pub text: String,
}

/// A message for a host. Sent again until the agent's receipt of its epoch and sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The daemon's talk epoch.
    pub epoch: SpoolEpoch,
    /// Ascending for each host, with gaps.
    pub sequence: u64,
    /// `SENDER-EPOCH-SEQUENCE`, the same everywhere.
    pub id: String,
    /// When, by the daemon's wall clock.
    pub time: UnixMs,
    /// Who.
    pub from: String,
    /// Where it was written to.
    pub to: String,
    /// What it belongs to, such as `file 12`.
    pub thread: Option<String>,
    /// As it was typed.
    pub text: String,
}

/// Write a message. The reply is a [`MessagePage`] with it, and its marks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Say {
    /// `#all`, `#ops`, `@host` or `{filter}`.
    pub to: String,
    /// As it was typed.
    pub text: String,
    /// The hosts that the filter finds, where `to` is one: filters run in the console.
    pub hosts: Vec<String>,
}

/// Messages, newest first. The reply is [`MessagePage`]s, each followed by the [`MessageMarks`] of its
/// records that were written to hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MessagesQuery {
    /// Only those written to this place; for `@host` also those of `#all` and filters that reached it.
    pub place: Option<String>,
    /// Only those written after this.
    pub since: Option<UnixMs>,
    /// Only those with a lower number.
    pub before: Option<u64>,
    /// Only those that hold each of these words, in any case; empty for all.
    pub words: String,
    /// At most so many.
    pub count_max: u32,
}

/// A message as the daemon knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRecord {
    /// The daemon's number for it; grows with each.
    pub number: u64,
    /// `SENDER-EPOCH-SEQUENCE`.
    pub id: String,
    /// When.
    pub time: UnixMs,
    /// An operator, `host/user`, or the daemon itself.
    pub from: String,
    /// Where it was written to.
    pub to: String,
    /// As it was typed.
    pub text: String,
    /// What it belongs to, such as `file 12`.
    pub thread: Option<String>,
    /// How many hosts it is for.
    pub targets: u32,
    /// How many of them have it on their disk.
    pub delivered: u32,
    /// How many never will.
    pub failed: u32,
}

/// A page of messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagePage {
    /// In the order asked for.
    pub records: Vec<MessageRecord>,
}

/// Which hosts have a message, and which never will; those that are not named still wait. Several
/// frames for one message add up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageMarks {
    /// The message.
    pub number: u64,
    /// Hosts that have it.
    pub delivered_to: Vec<String>,
    /// Hosts that never will.
    pub failed_to: Vec<String>,
}

/// Somebody spoke; part of a picture, the newest last, and sent at once afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedMessage {
    /// Whether it is new, or part of a picture.
    pub is_new: bool,
    /// The message.
    pub record: MessageRecord,
}

/// A message came further. In a picture: all marks of the messages before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedMarks {
    /// The message.
    pub number: u64,
    /// How many hosts have it now.
    pub delivered: u32,
    /// How many never will.
    pub failed: u32,
    /// Those that came to have it since the frame before.
    pub delivered_to: Vec<String>,
    /// Those that failed since the frame before.
    pub failed_to: Vec<String>,
}

impl Body for Message {
    const KIND: Kind = Kind::Message;

    fn check(&self) -> Result<(), WireError> {
        words(Self::KIND, &[&self.user], &self.to, &self.text)
    }
}

impl Body for Delivery {
    const KIND: Kind = Kind::Delivery;

    fn check(&self) -> Result<(), WireError> {
        let thread = self.thread.as_deref().unwrap_or_default();
        words(Self::KIND, &[&self.from, &self.id, thread], &self.to, &self.text)
    }
}

impl Body for Say {
    const KIND: Kind = Kind::Say;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "hosts", self.hosts.len(), SAY_HOSTS_MAX)?;
        words(Self::KIND, &[], &self.to, &self.text)
    }
}

impl Body for MessagesQuery {
    const KIND: Kind = Kind::MessagesQuery;

    fn check(&self) -> Result<(), WireError> {
        let place = self.place.as_deref().unwrap_or_default();
        at_most(Self::KIND, "bytes in a place", place.len(), PLACE_BYTES_MAX)?;
        at_most(Self::KIND, "bytes to look for", self.words.len(), REASON_BYTES_MAX)
    }
}

impl Body for MessagePage {
    const KIND: Kind = Kind::MessagePage;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "records", self.records.len(), PAGE_RECORDS_MAX)?;
        self.records.iter().try_for_each(|record| record.check(Self::KIND))
    }
}

impl Body for MessageMarks {
    const KIND: Kind = Kind::MessageMarks;

    fn check(&self) -> Result<(), WireError> {
        let hosts = self.delivered_to.len() + self.failed_to.len();
        at_most(Self::KIND, "hosts", hosts, PAGE_RECORDS_MAX)
    }
}

impl Body for FeedMessage {
    const KIND: Kind = Kind::FeedMessage;

    fn check(&self) -> Result<(), WireError> {
        self.record.check(Self::KIND)
    }
}

impl Body for FeedMarks {
    const KIND: Kind = Kind::FeedMarks;

    fn check(&self) -> Result<(), WireError> {
        let hosts = self.delivered_to.len() + self.failed_to.len();
        at_most(Self::KIND, "hosts", hosts, PAGE_RECORDS_MAX)
    }
}

impl MessageRecord {
    fn check(&self, kind: Kind) -> Result<(), WireError> {
        let thread = self.thread.as_deref().unwrap_or_default();
        words(kind, &[&self.from, &self.id, thread], &self.to, &self.text)
    }
}

fn words(kind: Kind, names: &[&str], place: &str, text: &str) -> Result<(), WireError> {
    let longest = names.iter().map(|name| name.len()).max().unwrap_or(0);
    at_most(kind, "bytes in a name", longest, SENDER_BYTES_MAX)?;
    at_most(kind, "bytes in a place", place.len(), PLACE_BYTES_MAX)?;
    at_most(kind, "bytes in a text", text.len(), TEXT_BYTES_MAX)
}
