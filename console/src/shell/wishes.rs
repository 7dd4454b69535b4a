//! What a daemon is to be told as long as a link lasts: whose details are wanted, what is looked at.
//! The newest takes the place of what waits; a new link hears all of it.

use std::sync::Arc;

use systole_common::wire::codec::Body;
use systole_common::wire::console::{LookingAt, Subscribe};
use systole_common::wire::limits::LOOKING_AT_BYTES_MAX;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::link::Link;

/// What a daemon is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wishes {
    /// Whose details are wanted.
    pub(super) subscribe: Subscribe,
    /// What is looked at, in our words; `None`: nobody looks.
    pub(super) looking_at: Option<String>,
}

/// Details of every host.
pub fn everything() -> Subscribe {
    Subscribe { all: true, hosts: Vec::new() }
}

/// Details of nobody.
pub fn nothing() -> Subscribe {
    of(Vec::new())
}

fn of(hosts: Vec<String>) -> Subscribe {
    Subscribe { all: false, hosts }
}

/// Steers a session while it runs. None of it waits.
#[derive(Debug)]
pub struct Reins {
    wishes: watch::Sender<Wishes>,
    redial: Arc<Notify>,
}

impl Reins {
    /// With the ends for the session.
    pub(super) fn new(subscribe: Subscribe) -> (Self, watch::Receiver<Wishes>, Arc<Notify>) {
        let (wishes, receiver) = watch::channel(Wishes { subscribe, looking_at: None });
        let redial = Arc::new(Notify::new());
        (Self { wishes, redial: redial.clone() }, receiver, redial)
    }

    /// From now on details of these hosts.
    pub fn detail(&self, hosts: Vec<String>) {
        self.wishes.send_modify(|wishes| wishes.subscribe = of(hosts));
    }

    /// From now on this is looked at.
    pub fn look_at(&self, mut what: String) {
        what.truncate(what.floor_char_boundary(LOOKING_AT_BYTES_MAX));
        self.wishes.send_modify(|wishes| wishes.looking_at = Some(what));
    }

    /// Leave the link, if there is one, and dial at once.
    pub fn redial(&self) {
        self.redial.notify_one();
    }
}

/// Tells the daemon of a link what changes; ends when this is dropped.
#[derive(Debug)]
pub(super) struct Telling(JoinHandle<()>);

impl Telling {
    /// The daemon was told `subscribe` already.
    pub(super) fn start(
        link: Arc<Link>,
        wishes: watch::Receiver<Wishes>,
        subscribe: Subscribe,
    ) -> Self {
        let told = Wishes { subscribe, looking_at: None };
        Self(tokio::spawn(tell(link, wishes, told)))
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn tell(link: Arc<Link>, mut wishes: watch::Receiver<Wishes>, mut told: Wishes) {
    // An older daemon does not know it, and need not be told again.
    let mut is_told_what = true;
    loop {
        let wanted = wishes.borrow_and_update().clone();
        // A link that is lost is noticed by its feed.
        if wanted.subscribe != told.subscribe {
            let _ = ask_done(&link, &wanted.subscribe).await;
        }
        if let Some(what) = wanted.looking_at.clone()
            && wanted.looking_at != told.looking_at
            && is_told_what
        {
            is_told_what = ask_done(&link, &LookingAt { what }).await;
        }
        told = wanted;
        if wishes.changed().await.is_err() {
            return;
        }
    }
}

async fn ask_done(link: &Link, request: &impl Body) -> bool {
    match link.ask(request).await {
        Ok(reply) => reply.done().await.is_ok(),
        Err(_) => false,
    }
}
