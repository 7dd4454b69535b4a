//! A feed that is kept up: dials, subscribes, follows, and dials anew when the daemon is not heard.
//!
//! A silent feed is not given up at once: a fresh link is dialled beside it, and whichever speaks
//! first is followed. Attempts back off; what happens is told on a bounded queue.

use std::sync::Arc;

use systole_common::backoff::Backoff;
use systole_common::wire::console::Subscribe;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, timeout};

use super::dial::Dialer;
use super::feed::Feed;
use super::link::{Link, LinkError};
use super::random;
use super::wishes::{Reins, Telling, Wishes};
use crate::limits::{EVENTS_WAITING_MAX, FEED_SILENCE_MAX};
use crate::msg::FeedEvent;

/// What a session tells.
#[derive(Debug)]
pub enum SessionEvent {
    /// An attempt begins; 1 for the first since the link is down.
    Dialling(u32),
    /// A feed is followed, or heard again.
    Linked(Arc<Link>),
    /// The feed says something.
    Feed(FeedEvent),
    /// The feed ended or fell silent.
    Unlinked(String),
    /// An attempt failed.
    Failed(LinkError),
}

/// Nobody listens to the session any more.
struct Unwanted;

/// Starts a session that wants `subscribe` at first; it ends when the receiver is dropped.
pub fn start(dialer: Dialer, subscribe: Subscribe) -> (Reins, mpsc::Receiver<SessionEvent>) {
    let (events, receiver) = mpsc::channel(EVENTS_WAITING_MAX);
    let (reins, wishes, redial) = Reins::new(subscribe);
    tokio::spawn(async move {
        let session = Session { dialer, events, wishes };
        let unwanted = session.events.clone();
        tokio::select! {
            _ = session.run(&redial) => {}
            () = unwanted.closed() => {}
        }
    });
    (reins, receiver)
}

struct Session {
    dialer: Dialer,
    events: mpsc::Sender<SessionEvent>,
    wishes: watch::Receiver<Wishes>,
}

impl Session {
    /// Keeps a feed up; begins anew when somebody wants that.
    async fn run(&self, redial: &Notify) -> Result<(), Unwanted> {
        loop {
            tokio::select! {
                end = self.keep() => return end,
                () = redial.notified() => {}
            }
            self.tell(SessionEvent::Unlinked("dialled anew by request".to_owned())).await?;
        }
    }

    async fn keep(&self) -> Result<(), Unwanted> {
        let mut feed = self.connect(true).await?;
        let mut heard = None;
        loop {
            (feed, heard) = self.follow(feed, heard).await?;
        }
    }

    /// Follows a feed to its end, and returns the one that follows it.
    async fn follow(
        &self,
        mut feed: Feed,
        heard: Option<FeedEvent>,
    ) -> Result<(Feed, Option<FeedEvent>), Unwanted> {
        let _telling =
            Telling::start(feed.link().clone(), self.wishes.clone(), feed.subscribed().clone());
        self.tell(SessionEvent::Linked(feed.link().clone())).await?;
        if let Some(event) = heard {
            self.tell(SessionEvent::Feed(event)).await?;
        }
        loop {
            match timeout(FEED_SILENCE_MAX, feed.next()).await {
                Ok(Ok(event)) => self.tell(SessionEvent::Feed(event)).await?,
                Ok(Err(error)) => {
                    self.tell(SessionEvent::Unlinked(error.to_string())).await?;
                    drop(feed);
                    return Ok((self.connect(false).await?, None));
                }
                Err(_) => return self.race(feed).await,
            }
        }
    }

    /// Dials beside a silent feed; the first of both that speaks is followed.
    async fn race(&self, mut silent: Feed) -> Result<(Feed, Option<FeedEvent>), Unwanted> {
        let daemon = &silent.link().welcome.daemon;
        let why = format!("{daemon} is silent for {} s", FEED_SILENCE_MAX.as_secs());
        self.tell(SessionEvent::Unlinked(why)).await?;
        let fresh = self.connect(false);
        tokio::pin!(fresh);
        tokio::select! {
            feed = &mut fresh => return Ok((feed?, None)),
            event = silent.next() => if let Ok(event) = event {
                return Ok((silent, Some(event)));
            }
        }
        drop(silent);
        Ok((fresh.await?, None))
    }

    /// Dials until a daemon welcomes us and opens a feed.
    async fn connect(&self, is_first: bool) -> Result<Feed, Unwanted> {
        let mut failures = 0;
        let mut told = None;
        loop {
            let random = random::number();
            match told.take() {
                Some(retry_after) => sleep(Backoff::CONSOLE.told(retry_after, random)).await,
                None if is_first && failures == 0 => {}
                None => sleep(Backoff::CONSOLE.delay(failures, random)).await,
            }
            failures += 1;
            self.tell(SessionEvent::Dialling(failures)).await?;
            match self.open().await {
                Ok(feed) => return Ok(feed),
                Err(error) => {
                    told = error.retry_after();
                    self.tell(SessionEvent::Failed(error)).await?;
                }
            }
        }
    }

    async fn open(&self) -> Result<Feed, LinkError> {
        let link = Arc::new(self.dialer.dial().await?);
        let subscribe = self.wishes.borrow().subscribe.clone();
        Feed::open(link, subscribe).await
    }

    async fn tell(&self, event: SessionEvent) -> Result<(), Unwanted> {
        self.events.send(event).await.map_err(|_| Unwanted)
    }
}
