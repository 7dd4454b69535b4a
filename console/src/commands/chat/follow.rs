//! `systole chat --follow`: goes on with what is said, over lost links, each message once.
//!
//! The feed only tells that there is something new; what exactly is asked for, so that words and place
//! mean the same for old and new messages, and nothing is missed that was said without a link.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use systole_common::text::scrub;
use systole_common::time::UnixMs;

use super::{Said, Wanted, print};
use crate::cli::Common;
use crate::commands::{dialer, watch};
use crate::error::ConsoleError;
use crate::json::MessageJson;
use crate::limits::{CHAT_SHOWN_MAX, TALK_REMEMBERED_MAX};
use crate::msg::FeedEvent;
use crate::shell::link::Link;
use crate::shell::session::{self, SessionEvent};
use crate::shell::signals::Ending;
use crate::shell::{output, wishes};

pub(super) async fn run(common: &Common, wanted: &Wanted) -> Result<(), ConsoleError> {
    let mut ending = Ending::listen().map_err(ConsoleError::Output)?;
    let (_reins, mut events) = session::start(dialer(common)?, wishes::nothing());
    let mut follower =
        Follower { common, wanted, link: None, is_gone: false, printed: Printed::default() };
    let closed = watch::output_closed();
    let end = tokio::select! {
        () = ending.wait() => Ok(()),
        _ = closed => Ok(()),
        end = async {
            while let Some(event) = events.recv().await {
                follower.take(event).await?;
            }
            Err(ConsoleError::FeedStopped)
        } => end,
    };
    // The session would dial anew.
    drop(events);
    if let Some(link) = follower.link {
        link.farewell().await;
    }
    end
}

struct Follower<'a> {
    common: &'a Common,
    wanted: &'a Wanted,
    link: Option<Arc<Link>>,
    /// Whether it was said that the daemon is not heard.
    is_gone: bool,
    printed: Printed,
}

impl Follower<'_> {
    async fn take(&mut self, event: SessionEvent) -> Result<(), ConsoleError> {
        match event {
            SessionEvent::Linked(link) => {
                let daemon = &link.welcome.daemon;
                self.printed.linked(daemon);
                if std::mem::take(&mut self.is_gone) {
                    tell(&format!("{daemon} is back"));
                }
                self.link = Some(link);
                Ok(())
            }
            SessionEvent::Failed(error) if self.link.is_none() => Err(error.into()),
            SessionEvent::Unlinked(why) => {
                if !std::mem::replace(&mut self.is_gone, true) {
                    tell(&format!("{why}; trying again"));
                }
                Ok(())
            }
            SessionEvent::Feed(FeedEvent::Complete) => self.ask().await,
            SessionEvent::Feed(FeedEvent::Message(told))
                if told.is_new && self.printed.is_above(told.record.number) =>
            {
                self.ask().await?;
                // Also those that are not wanted are done with.
                self.printed.seen = self.printed.seen.max(told.record.number);
                Ok(())
            }
            SessionEvent::Feed(_) | SessionEvent::Failed(_) | SessionEvent::Dialling(_) => Ok(()),
        }
    }

    /// Asks for what is new, and prints it.
    async fn ask(&mut self) -> Result<(), ConsoleError> {
        let Some(link) = self.link.clone() else { return Ok(()) };
        let found = match self.printed.last {
            None => self.wanted.history(&link).await,
            Some(last) => {
                // Another daemon has numbers of its own, and the same times.
                let is_same = self.printed.seen > 0;
                let since = (!is_same).then(|| UnixMs(last.0.saturating_sub(1)));
                let (since, above) = (since.max(self.wanted.since), self.printed.seen);
                self.wanted.page(&link, since, above, CHAT_SHOWN_MAX).await
            }
        };
        match found {
            Ok(said) => {
                let news = self.printed.news(said);
                self.print(&news)
            }
            // A refusal stays one; a link that broke is dialled anew, and then it is asked again.
            Err(error) if error.refused().is_some() => Err(error.into()),
            Err(_) => Ok(()),
        }
    }

    fn print(&self, said: &[Said]) -> Result<(), ConsoleError> {
        if !self.common.json {
            return print(said);
        }
        said.iter().try_for_each(|(record, marks)| {
            output::json(&MessageJson::new(record, marks)).map_err(ConsoleError::Output)
        })
    }
}

/// What was printed, so that nothing is twice.
#[derive(Debug, Default)]
struct Printed {
    daemon: String,
    /// Up to this number nothing is new at that daemon.
    seen: u64,
    /// The time of the newest message; `None` before the first answer.
    last: Option<UnixMs>,
    ids: BTreeSet<(UnixMs, String)>,
}

impl Printed {
    fn linked(&mut self, daemon: &str) {
        if self.daemon != daemon {
            daemon.clone_into(&mut self.daemon);
            self.seen = 0;
        }
    }

    fn is_above(&self, number: u64) -> bool {
        number > self.seen
    }

    /// Those of `said` that were not printed.
    fn news(&mut self, said: Vec<Said>) -> Vec<Said> {
        // An empty answer is one: from now on only what is new is asked for.
        self.last = self.last.or(Some(UnixMs(0)));
        let news = said.into_iter().filter(|(record, _)| {
            self.seen = self.seen.max(record.number);
            self.last = self.last.max(Some(record.time));
            let is_new = self.ids.insert((record.time, record.id.clone()));
            if self.ids.len() > TALK_REMEMBERED_MAX {
                self.ids.pop_first();
            }
            is_new
        });
        news.collect()
    }
}

fn tell(sentence: &str) {
    // A closed terminal has nobody to tell.
    let _ = writeln!(std::io::stderr(), "systole: {}", scrub(sentence));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::message;

    fn said(numbers: &[u64]) -> Vec<Said> {
        numbers.iter().map(|number| (message(*number, "#ops", "hello"), Vec::new())).collect()
    }

    fn numbers(said: &[Said]) -> Vec<u64> {
        said.iter().map(|(record, _)| record.number).collect()
    }

    #[test]
    fn each_message_is_printed_once_also_by_another_daemon() {
        let mut printed = Printed::default();
        printed.linked("mon-1");
        assert_eq!(numbers(&printed.news(said(&[4, 5]))), [4, 5]);
        assert_eq!(numbers(&printed.news(said(&[5, 6]))), [6]);
        printed.linked("mon-1");
        assert!(!printed.is_above(6) && printed.is_above(7));
        printed.linked("mon-2");
        assert!(printed.is_above(1), "numbers of another daemon say nothing");
        let mut known = said(&[1]);
        known[0].0.id = message(6, "#ops", "").id;
        assert_eq!(numbers(&printed.news(known)), Vec::<u64>::new());
        assert_eq!(numbers(&printed.news(said(&[2]))), [2]);
    }
}
