//! Files that users of this host offer: what the local socket hands over, and what it is told back.
//!
//! A thread of its own: its disks may be slow or hang, and neither heartbeats nor the spool wait for
//! them. The descriptors come from the users, opened with their rights; this program opens no path.

mod file;
mod transfer;
mod watch;

use std::os::fd::OwnedFd;
use std::sync::Arc;

use systole_common::ids::SpoolEpoch;
use tokio::sync::{mpsc, oneshot};

use super::local::{Answer, SendRequest};
use super::shared::Shared;
use super::talk::ask::Door;
use super::talk::outlet::Decided;
pub use file::{kind, modified_ns};
use watch::Watch;

/// A user of this host wants to send a file.
#[derive(Debug)]
pub struct Asked {
    /// What it is, as the client says.
    pub request: SendRequest,
    /// The user, by the credentials of the socket.
    pub user: String,
    /// The file, opened by its user.
    pub file: OwnedFd,
    /// Each answer becomes a line for the client. Dropping it ends the connection; it is closed
    /// (see [`mpsc::Sender::closed`]) once the client has gone.
    pub answers: mpsc::Sender<Answer>,
}

/// What the files' thread begins with.
#[derive(Debug)]
pub struct FileKeeper {
    /// Links to the daemons.
    pub shared: Arc<Shared>,
    /// Gives out the offers' sequences.
    pub talk: Door,
    /// The spool's epoch.
    pub epoch: SpoolEpoch,
    /// Users who want to send files.
    pub asked: mpsc::Receiver<Asked>,
    /// What daemons say of offers.
    pub decisions: mpsc::Receiver<Decided>,
}

impl FileKeeper {
    /// Offers and sends until `end` says so. Offers are not taken back then: their users come back to
    /// the next agent.
    pub async fn run(self, end: oneshot::Receiver<()>) {
        Watch::new(self).run(end).await;
    }
}
