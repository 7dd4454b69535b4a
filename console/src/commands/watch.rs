//! `systole watch`: the present state and every change, one JSON object a line.

use std::io;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use systole_common::wire::console::AlertsQuery;
use systole_common::wire::file::FilesQuery;
use systole_common::wire::talk::MessagesQuery;
use tokio::io::{AsyncWriteExt, Stdout};
use tokio::sync::oneshot;

use super::dialer;
use crate::cli::Common;
use crate::error::ConsoleError;
use crate::limits::{CHAT_SHOWN_MAX, FILES_LISTED_MAX};
use crate::shell::clock;
use crate::shell::link::{Link, LinkError};
use crate::shell::session::{self, SessionEvent};
use crate::shell::signals::Ending;
use crate::shell::wishes;
use crate::watch::{Daemon, Step, Watch};

pub(super) async fn run(common: &Common, with_metrics: bool) -> Result<(), ConsoleError> {
    let dialer = dialer(common)?;
    let mut ending = Ending::listen().map_err(ConsoleError::Output)?;
    let (_reins, mut events) = session::start(dialer, wishes::everything());
    let mut watcher = Watcher::new(with_metrics);
    let closed = output_closed();
    let end = tokio::select! {
        () = ending.wait() => Ok(()),
        // Whoever read this has enough: as quiet as the error of a write would be.
        _ = closed => Ok(()),
        end = async {
            while let Some(event) = events.recv().await {
                watcher.take(event).await?;
            }
            Err(ConsoleError::FeedStopped)
        } => end,
    };
    // The session would dial anew.
    drop(events);
    if let Some(link) = watcher.link {
        link.farewell().await;
    }
    end
}

struct Watcher {
    watch: Watch,
    output: Stdout,
    /// The link, once there was one.
    link: Option<Arc<Link>>,
}

impl Watcher {
    fn new(with_metrics: bool) -> Self {
        Self { watch: Watch::new(with_metrics), output: tokio::io::stdout(), link: None }
    }

    async fn take(&mut self, event: SessionEvent) -> Result<(), ConsoleError> {
        let now = clock::now();
        let steps = match event {
            SessionEvent::Linked(link) => {
                let daemon = daemon(&link);
                self.link = Some(link);
                self.watch.linked(now, &daemon)
            }
            SessionEvent::Unlinked(why) => self.watch.unlinked(now, &why),
            SessionEvent::Feed(event) => self.watch.feed(now, event),
            SessionEvent::Failed(error) if self.link.is_none() => return Err(error.into()),
            SessionEvent::Failed(_) | SessionEvent::Dialling(_) => Vec::new(),
        };
        self.perform(steps).await
    }

    async fn perform(&mut self, steps: Vec<Step>) -> Result<(), ConsoleError> {
        for step in steps {
            let missed = match step {
                Step::Print(line) => vec![Step::Print(line)],
                // Without an answer the next picture asks again.
                asked => self.ask(asked).await.unwrap_or_default(),
            };
            for step in missed {
                if let Step::Print(line) = step {
                    self.print(&line).await.map_err(ConsoleError::Output)?;
                }
            }
        }
        Ok(())
    }

    /// Asks for what was missed; returns what there is to print of it.
    async fn ask(&mut self, step: Step) -> Result<Vec<Step>, LinkError> {
        let Some(link) = self.link.clone() else { return Ok(Vec::new()) };
        let now = clock::now();
        Ok(match step {
            Step::Print(_) => Vec::new(),
            Step::AskAlerts { since } => {
                let query = AlertsQuery { open_only: false, since: Some(since), host: None };
                self.watch.missed(link.ask(&query).await?.alerts().await?)
            }
            Step::AskMessages { above, before } => {
                let missing = before.saturating_sub(above).saturating_sub(1);
                let count_max = u32::try_from(missing).unwrap_or(u32::MAX).min(CHAT_SHOWN_MAX);
                let before = Some(before);
                let query = MessagesQuery { before, count_max, ..MessagesQuery::default() };
                let mut said = link.ask(&query).await?.messages().await?;
                said.retain(|(record, _)| record.number > above);
                self.watch.missed_messages(now, said)
            }
            Step::AskFiles { since } => {
                let (since, count_max) = (Some(since), FILES_LISTED_MAX);
                let query = FilesQuery { since, count_max, ..FilesQuery::default() };
                self.watch.missed_files(now, link.ask(&query).await?.files().await?)
            }
        })
    }

    async fn print(&mut self, line: &str) -> io::Result<()> {
        self.output.write_all(format!("{line}\n").as_bytes()).await?;
        self.output.flush().await
    }
}

fn daemon(link: &Link) -> Daemon {
    Daemon {
        daemon: link.welcome.daemon.clone(),
        address: link.welcome.address.clone(),
        role: link.welcome.role.clone(),
        version: link.welcome.software.clone(),
    }
}

/// Tells when nobody reads the output any more, also while nothing is printed.
pub(super) fn output_closed() -> oneshot::Receiver<()> {
    let (closed, wait) = oneshot::channel();
    // Ends with the program; it holds nothing.
    std::thread::spawn(move || {
        let stdout = io::stdout();
        let mut ends = [PollFd::new(&stdout, PollFlags::empty())];
        // Without events asked for, poll returns only when the other end is gone.
        while let Err(error) = poll(&mut ends, None) {
            if error != rustix::io::Errno::INTR {
                break;
            }
        }
        let _ = closed.send(());
    });
    wait
}
