//! Questions to the daemon, each a task of its own. Every one is answered: by the daemon, or by the
//! reason why it never will be.

use std::collections::BTreeMap;
use std::sync::Arc;

use systole_common::time::millis;
use systole_common::wire::codec::Body;
use systole_common::wire::console::{
    Ack, AlertTargets, AlertsQuery, ConnectionsQuery, Resolve, Retire, Unack,
};
use systole_common::wire::file::{Accept, FilesQuery, Reject};
use systole_common::wire::history::HistoryQuery;
use systole_common::wire::talk::{MessagesQuery, Say};
use tokio::task::{Id, JoinSet};

use super::link::{Link, LinkError};
use crate::cmd::Question;
use crate::error::ConsoleError;
use crate::limits::{CONNECTIONS_SHOWN_MAX, FILES_ASKED_MAX, MESSAGES_ASKED_MAX, REQUESTS_MAX};
use crate::model::requests::RequestId;
use crate::msg::{Answer, Msg, NoAnswer};

/// Questions under way.
#[derive(Debug, Default)]
pub(super) struct Asker {
    tasks: JoinSet<Result<Answer, NoAnswer>>,
    numbers: BTreeMap<Id, RequestId>,
}

impl Asker {
    /// Asks over `link` in the background.
    pub(super) fn ask(&mut self, link: Option<&Arc<Link>>, request: RequestId, question: Question) {
        let link = link.cloned();
        let is_full = self.numbers.len() >= REQUESTS_MAX;
        let task = self.tasks.spawn(async move {
            if is_full {
                let why = format!("{REQUESTS_MAX} questions wait for an answer; ask again then");
                return Err(NoAnswer::from(why));
            }
            let Some(link) = link else {
                let why = "no daemon is connected; ask again when it is LIVE".to_owned();
                return Err(NoAnswer::from(why));
            };
            match question {
                Question::Say { to, text, hosts } => say(&link, &Say { to, text, hosts }).await,
                other => answer(&link, other).await.map_err(|error| unanswered(&error)),
            }
        });
        self.numbers.insert(task.id(), request);
    }

    /// The next answer; never if nothing is asked. May be cancelled.
    pub(super) async fn answered(&mut self) -> Result<Msg, ConsoleError> {
        let Some(end) = self.tasks.join_next_with_id().await else {
            return std::future::pending().await;
        };
        // A task that did not end well has a fault of ours in it, and the terminal is given back already.
        let (task, answer) = end.map_err(|_| ConsoleError::FeedStopped)?;
        let request = self.numbers.remove(&task).ok_or(ConsoleError::FeedStopped)?;
        Ok(Msg::Reply { request, answer })
    }
}

/// A request that was not written whole is not done; one that was may be.
async fn say(link: &Link, request: &Say) -> Result<Answer, NoAnswer> {
    let unsent = |error: LinkError| NoAnswer { may_be_done: false, ..unanswered(&error) };
    let reply = link.ask(request).await.map_err(unsent)?;
    reply.messages().await.map(Answer::Messages).map_err(|error| unanswered(&error))
}

/// Only what was refused is not done for certain.
fn unanswered(error: &LinkError) -> NoAnswer {
    NoAnswer {
        why: error.to_string(),
        may_be_done: !matches!(error, LinkError::Refused { .. }),
        retry_after: error.retry_after(),
    }
}

async fn messages(link: &Link, request: &impl Body) -> Result<Answer, LinkError> {
    link.ask(request).await?.messages().await.map(Answer::Messages)
}

async fn files(link: &Link, request: &impl Body) -> Result<Answer, LinkError> {
    link.ask(request).await?.files().await.map(Answer::Files)
}

async fn answer(link: &Link, question: Question) -> Result<Answer, LinkError> {
    let of = |id| AlertTargets { ids: vec![id], host: None };
    match question {
        Question::Ack { id, note, span } => {
            let request = Ack { targets: of(id), note, for_ms: millis(span) };
            link.ask(&request).await?.alerts().await.map(Answer::Alerts)
        }
        Question::Unack { id } => {
            let request = Unack { targets: of(id) };
            link.ask(&request).await?.alerts().await.map(Answer::Alerts)
        }
        Question::Resolve { id, note } => {
            let request = Resolve { targets: of(id), note };
            link.ask(&request).await?.alerts().await.map(Answer::Alerts)
        }
        Question::Retire { host } => {
            link.ask(&Retire { host }).await?.hosts().await.map(|_| Answer::Done)
        }
        Question::Connections { host } => {
            let request = ConnectionsQuery { host, count_max: CONNECTIONS_SHOWN_MAX };
            link.ask(&request).await?.connections().await.map(Answer::Connections)
        }
        Question::Alerts { host } => {
            let request = AlertsQuery { open_only: false, since: None, host: Some(host) };
            link.ask(&request).await?.alerts().await.map(Answer::Alerts)
        }
        Question::Say { to, text, hosts } => messages(link, &Say { to, text, hosts }).await,
        Question::Messages { place, before, words } => {
            let count_max = MESSAGES_ASKED_MAX;
            messages(link, &MessagesQuery { place, since: None, before, words, count_max }).await
        }
        Question::Accept { file } => files(link, &Accept { file }).await,
        Question::Reject { file, why } => files(link, &Reject { file, why }).await,
        Question::Files { host } => {
            let count_max = FILES_ASKED_MAX;
            files(link, &FilesQuery { host, count_max, ..FilesQuery::default() }).await
        }
        Question::History { host, key, range, step } => {
            let request = HistoryQuery {
                host,
                metric: key.metric.to_string(),
                instance: key.instance.to_string(),
                from: range.from,
                to: range.to,
                step_ms: step.ms(),
            };
            link.ask(&request).await?.history().await.map(Answer::History)
        }
    }
}
