//! The records of the talk's log: what was said and heard, and what each side has of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use systole_common::ids::{DaemonName, SpoolEpoch};
use systole_common::ranges::RangeSet;
use systole_common::time::UnixMs;
use systole_common::wire::talk::{Delivery, Message};

use crate::engine::talk::{Inbox, Talk};

/// A message of this host: [`Said`].
pub(super) const SAID: u8 = 1;
/// The same, written again because the file that it was in goes.
pub(super) const SAID_AGAIN: u8 = 2;
/// A delivery: [`Received`].
pub(super) const RECEIVED: u8 = 3;
/// What each side has: [`Marks`].
pub(super) const MARKS: u8 = 4;
/// The sequence of an offer is used: its number, little-endian.
pub(super) const OFFERED: u8 = 5;

/// Bytes of a record beside its text, its names included, at most.
const RECORD_REST_BYTES: u64 = 512;

/// A message of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    /// The host's name when it was said.
    pub(super) host: String,
    pub(super) message: Message,
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Received {
    pub(super) daemon: String,
    pub(super) delivery: Delivery,
}

/// What each side has; takes the place of earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks {
    /// The last sequences that were used.
    pub(super) newest: u64,
    pub(super) offers: u64,
    /// What each daemon has of this host's messages.
    settled: Vec<(String, Vec<(u64, u64)>)>,
    /// The highest delivery of each daemon and epoch.
    heard: Vec<(String, SpoolEpoch, u64)>,
}

/// A message as users of this host see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// `SENDER-EPOCH-SEQUENCE`, the same everywhere.
    pub id: String,
    /// When, by the clock of whoever took it first.
    pub time: UnixMs,
    /// Who.
    pub from: String,
    /// Where it was written to.
    pub to: String,
    /// As it was typed.
    pub text: String,
    /// What it belongs to.
    pub thread: Option<String>,
}

impl Marks {
    pub(super) fn of(talk: &Talk, offers: u64) -> Self {
        let settled = talk.settled().iter();
        let heard = talk.inbox().all();
        Self {
            newest: talk.newest(),
            offers,
            settled: settled.map(|(name, set)| (name.to_string(), set.ranges().into())).collect(),
            heard: heard.map(|(name, epoch, highest)| (name.to_string(), epoch, highest)).collect(),
        }
    }

    /// What the daemons have; names that are none are left out.
    pub(super) fn settled(&self) -> BTreeMap<DaemonName, RangeSet> {
        let one = |(name, ranges): &(String, Vec<(u64, u64)>)| {
            Some((name.parse().ok()?, RangeSet::from_ranges(ranges.iter().copied())))
        };
        self.settled.iter().filter_map(one).collect()
    }

    /// Adds what was heard.
    pub(super) fn hear(&self, inbox: &mut Inbox) {
        for (name, epoch, highest) in &self.heard {
            if let Ok(daemon) = name.parse() {
                inbox.take(&daemon, *epoch, *highest);
            }
        }
    }
}

impl Said {
    /// As users see it.
    pub(super) fn shown(&self, epoch: SpoolEpoch) -> Shown {
        let Message { sequence, time, user, to, text } = &self.message;
        let host = &self.host;
        Shown {
            id: format!("{host}-{epoch}-{sequence}"),
            time: *time,
            from: format!("{host}/{user}"),
            to: to.clone(),
            text: text.clone(),
            thread: None,
        }
    }
}

impl From<&Delivery> for Shown {
    fn from(delivery: &Delivery) -> Self {
        let Delivery { id, time, from, to, thread, text, .. } = delivery.clone();
        Self { id, time, from, to, text, thread }
    }
}

/// At most so many bytes does a message take in the log.
pub(super) fn bytes_of(message: &Arc<Message>) -> u64 {
    let escaped = message.text.bytes().filter(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'));
    (message.text.len() + 5 * escaped.count()) as u64 + RECORD_REST_BYTES
}

/// The record's bytes. What is written here can always be said in JSON.
pub(super) fn encode(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).unwrap_or_default()
}

/// `None` for what is not understood.
pub(super) fn decode<R: DeserializeOwned>(payload: &[u8]) -> Option<R> {
    serde_json::from_slice(payload).ok()
}
