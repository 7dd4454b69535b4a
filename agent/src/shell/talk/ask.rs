//! How other threads ask the talk's thread: a door with a queue, and a word when nobody answers.

use std::sync::Arc;
use std::time::Duration;

use systole_common::ids::SpoolEpoch;
use systole_common::time::UnixMs;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

pub use super::chats::{Heard, News};
pub use super::record::Shown;
use crate::limits::{LOCAL_ANSWER_WAIT, TALK_ASKS_WAITING_MAX};

/// What is asked of the talk's thread.
#[derive(Debug)]
pub enum Ask {
    /// Keep and send a message.
    Say(Speech, oneshot::Sender<Result<Reach, String>>),
    /// What came, newest last.
    Inbox {
        /// Not earlier than this.
        since: Option<UnixMs>,
        /// At most so many.
        count: usize,
        /// Who asks.
        reply: oneshot::Sender<Vec<Arc<Shown>>>,
    },
    /// The newest messages, and all that follow.
    Chat {
        /// The chat, whose own messages do not follow.
        speaker: u64,
        /// Who asks.
        reply: oneshot::Sender<Followed>,
    },
    /// The sequence of an offer: the former one if it is this spool's, else a new one.
    Offer {
        /// What a client comes back with.
        former: Option<(SpoolEpoch, u64)>,
        /// Who asks.
        reply: oneshot::Sender<Result<(SpoolEpoch, u64), String>>,
    },
}

/// Somebody speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speech {
    /// The chat in which it is said; 0 if in none.
    pub speaker: u64,
    /// This host's name.
    pub host: String,
    /// Who.
    pub user: String,
    /// To whom, checked.
    pub to: String,
    /// What, checked.
    pub text: String,
    /// How long a daemon's receipt is waited for. With none, what a connected daemon is about to get
    /// counts as sent.
    pub patience: Duration,
}

/// How far a message came; it is safe on the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// `HOST-EPOCH-SEQUENCE`.
    pub id: String,
    /// Daemons that have it.
    pub sent_to: Vec<String>,
    /// Daemons that lack it, and get it as soon as they are heard.
    pub kept_for: Vec<String>,
    /// Those of them that hear this host and have yet to take it.
    pub connected: Vec<String>,
    /// Messages that go to one of these before it.
    pub before: u64,
}

/// What a chat begins with and goes on with.
pub type Followed = (Vec<Arc<Shown>>, Heard);

/// Leads to the talk's thread. Its disk may hang: every question ends after some seconds.
#[derive(Debug, Clone)]
pub struct Door {
    asks: mpsc::Sender<Ask>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The talk's thread says no.
    #[error("{0}")]
    Refused(String),
    /// The disk cannot be used.
    #[error(
        "messages cannot be kept or read now because the disk of the spool fails; nothing was sent: look at the agent's log"
    )]
    NoDisk,
    /// The disk hangs.
    #[error(
        "the disk of the spool does not answer; the message may still be sent: look at `systole-agent inbox` and the agent's log later"
    )]
    Silent,
}

impl Door {
    /// A door, and where the questions arrive.
    pub fn new() -> (Self, mpsc::Receiver<Ask>) {
        let (asks, asked) = mpsc::channel(TALK_ASKS_WAITING_MAX);
        (Self { asks }, asked)
    }

    /// Keeps and sends a message: it is on the disk when this returns.
    pub async fn say(&self, speech: Speech) -> Result<Reach, NoAnswer> {
        let answer = self.ask(|reply| Ask::Say(speech, reply)).await?;
        answer.map_err(NoAnswer::Refused)
    }

    /// What came, newest last.
    pub async fn inbox(
        &self,
        since: Option<UnixMs>,
        count: usize,
    ) -> Result<Vec<Arc<Shown>>, NoAnswer> {
        self.ask(|reply| Ask::Inbox { since, count, reply }).await
    }

    /// The newest messages, and all that follow but those that `speaker` says.
    pub async fn chat(&self, speaker: u64) -> Result<Followed, NoAnswer> {
        self.ask(|reply| Ask::Chat { speaker, reply }).await
    }

    /// Epoch and sequence under which a file is offered. They are on the disk when this returns, and
    /// never used for another file. A client that comes back after a restart of the agent gives its
    /// `former` ones and keeps them if they are of this spool; that no other client offers under the
    /// same ones is the caller's to see to.
    pub async fn offer(
        &self,
        former: Option<(SpoolEpoch, u64)>,
    ) -> Result<(SpoolEpoch, u64), NoAnswer> {
        let answer = self.ask(|reply| Ask::Offer { former, reply }).await?;
        answer.map_err(NoAnswer::Refused)
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, NoAnswer> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.asks.send(ask(reply)).await.map_err(|_| NoAnswer::NoDisk)?;
            // It is dropped when the disk fails.
            answer.await.map_err(|_| NoAnswer::NoDisk)
        };
        timeout(LOCAL_ANSWER_WAIT, asked).await.unwrap_or(Err(NoAnswer::Silent))
    }
}
