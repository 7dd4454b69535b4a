//! `systole say TARGET TEXT… [--wait TIME]`: a message to hosts and operators.

mod marks;

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use systole_common::filter::Filter;
use systole_common::model::host::HostState;
use systole_common::model::message::{self, Place};
use systole_common::text::scrub;
use systole_common::wire::console::HostsQuery;
use systole_common::wire::limits::SAY_HOSTS_MAX;
use systole_common::wire::talk::{MessageMarks, MessageRecord, MessagesQuery, Say};
use tokio::time::{Instant, timeout_at};

use self::marks::Spread;
use super::{dialer, say, talk};
use crate::cli::{Common, SayArgs};
use crate::error::ConsoleError;
use crate::json::MessageJson;
use crate::limits::{NAMES_LISTED, TEXT_READ_MAX};
use crate::model::fleet::Row;
use crate::model::subject::{HOST_FIELDS, RowSubject, check_names};
use crate::msg::FeedEvent;
use crate::shell::link::{Link, LinkError};
use crate::shell::session::{self, SessionEvent};
use crate::shell::signals::Ending;
use crate::shell::{clock, output, wishes};
use crate::tables::phrase;

pub(super) async fn run(common: &Common, args: &SayArgs) -> Result<(), ConsoleError> {
    let place = Place::parse(&args.target)?;
    if let Place::Filter(filter) = &place {
        check_names(filter, typed(args), "hosts", HOST_FIELDS, None)?;
    }
    let line = Spoken { place, filter: typed(args), text: text(&args.text)? };
    let Some(span) = args.wait else {
        let said = talk(common, async |link| send(link, &line, false).await).await?;
        print(common, &said)?;
        return nobody(&said).map_or(Ok(()), |why| Err(ConsoleError::Undelivered(why)));
    };
    wait(common, &line, span).await
}

/// What is to be said.
struct Spoken<'a> {
    place: Place,
    /// The filter as it was typed, if there is one.
    filter: &'a str,
    text: String,
}

/// The filter as it was typed.
fn typed(args: &SayArgs) -> &str {
    args.target.trim_start_matches('{').trim_end_matches('}')
}

/// What to say: the words of the command line, or what standard input has.
fn text(words: &[String]) -> Result<String, ConsoleError> {
    let text = words.join(" ");
    if text != "-" {
        return Ok(message::text(&text)?.to_owned());
    }
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(TEXT_READ_MAX).read_to_end(&mut bytes);
    let text = read
        .ok()
        .and_then(|_| String::from_utf8(bytes).ok())
        .ok_or(ConsoleError::Usage("standard input is no text in UTF-8; nothing was sent"))?;
    Ok(message::text(&text)?.to_owned())
}

/// A message that the daemon has.
struct Said {
    record: MessageRecord,
    marks: Vec<MessageMarks>,
    /// The hosts that it is for, as far as they are known here.
    hosts: Vec<String>,
    /// Those of them that are away, with their states.
    away: Vec<(String, String)>,
}

/// Says it; with `is_named` the hosts are known by name also where the daemon chooses them.
async fn send(link: &Link, line: &Spoken<'_>, is_named: bool) -> Result<Said, ConsoleError> {
    let rows = match &line.place {
        Place::All if is_named => found(link, &Filter::default(), "").await?.0,
        Place::All | Place::Ops | Place::Host(_) => Vec::new(),
        Place::Filter(filter) => matching(link, filter, line.filter).await?,
    };
    let mut away: Vec<(String, String)> = rows.iter().filter_map(absent).collect();
    let hosts: Vec<String> = match &line.place {
        Place::Host(host) => vec![host.to_string()],
        Place::All | Place::Ops | Place::Filter(_) => {
            rows.into_iter().map(|row| row.summary.host).collect()
        }
    };
    let is_filter = matches!(line.place, Place::Filter(_));
    let request = Say {
        to: line.place.to_string(),
        text: line.text.clone(),
        hosts: if is_filter { hosts.clone() } else { Vec::new() },
    };
    let reply = link.ask(&request).await?;
    let mut written = reply.messages().await.map_err(unconfirmed)?;
    let (record, marks) = written.pop().ok_or_else(|| no_message(link))?;
    away.retain(|(host, _)| !marks.iter().any(|marks| marks.failed_to.contains(host)));
    if let (Place::Host(host), 0) = (&line.place, record.delivered + record.failed) {
        // It is sent; that its state is not known changes nothing.
        let query = HostsQuery { hosts: vec![host.to_string()] };
        let found = async { link.ask(&query).await?.hosts().await };
        let known = found.await.unwrap_or_default().into_iter();
        let own = known.filter(|one| one.record.host == host.as_str()).map(Row::of);
        away = own.filter_map(|row| absent(&row)).collect();
    }
    Ok(Said { record, marks, hosts, away })
}

/// Only what was refused was not sent for certain.
fn unconfirmed(error: LinkError) -> ConsoleError {
    match error {
        LinkError::Refused { .. } => error.into(),
        other => ConsoleError::Unconfirmed(other.into()),
    }
}

/// The name and the state of a host that has no link.
fn absent(row: &Row) -> Option<(String, String)> {
    let state = row.summary.state;
    let away = [HostState::Unreachable, HostState::Down, HostState::Left];
    let is_away = state.known().is_some_and(|state| away.contains(&state));
    is_away.then(|| (row.summary.host.clone(), state.to_string()))
}

/// The hosts of a filter, as many as one message may name.
async fn matching(link: &Link, filter: &Filter, typed: &str) -> Result<Vec<Row>, ConsoleError> {
    let (found, known) = found(link, filter, typed).await?;
    let filter = format!("{{{}}}", scrub(typed));
    if found.is_empty() {
        return Err(ConsoleError::NobodyThere { filter, known });
    }
    if found.len() > SAY_HOSTS_MAX {
        return Err(ConsoleError::TooManyHosts { filter, found: found.len() });
    }
    Ok(found)
}

/// What a filter finds, by name, and how many hosts there are.
async fn found(
    link: &Link,
    filter: &Filter,
    typed: &str,
) -> Result<(Vec<Row>, usize), ConsoleError> {
    let hosts = link.ask(&HostsQuery { hosts: Vec::new() }).await?.hosts().await?;
    let labels: BTreeSet<String> = hosts
        .iter()
        .flat_map(|host| host.record.labels.iter().map(|(key, _)| key.clone()))
        .collect();
    let known = hosts.len();
    let labels = (known > 0).then_some(&labels);
    check_names(filter, typed, "hosts", HOST_FIELDS, labels)?;
    let now = clock::now();
    let rows = hosts.into_iter().map(Row::of);
    let mut found: Vec<Row> = rows.filter(|row| filter.matches(&RowSubject { row, now })).collect();
    found.sort_by(|a, b| a.summary.host.cmp(&b.summary.host));
    Ok((found, known))
}

fn print(common: &Common, said: &Said) -> Result<(), ConsoleError> {
    if common.json {
        let message = MessageJson::new(&said.record, &said.marks);
        return output::json(&[message]).map_err(ConsoleError::Output);
    }
    match nobody(said) {
        Some(_) => Ok(()),
        None => say(&sentence(said)),
    }
}

/// Why nobody gets it, if that is so.
fn nobody(said: &Said) -> Option<String> {
    let MessageRecord { targets, failed, ref to, .. } = said.record;
    if targets == 0 || failed < targets {
        return None;
    }
    let to = scrub(to);
    Some(match targets {
        1 => format!("{to} never gets it: too much waits for it already"),
        _ => {
            format!("none of {targets} hosts of {to} ever gets it: too much waits for them already")
        }
    })
}

/// `sent to 3 hosts: web-1, web-2, web-3`.
fn sentence(said: &Said) -> String {
    let MessageRecord { targets, delivered, failed, .. } = said.record;
    if targets == 0 {
        let whom = scrub(&said.record.to);
        return match said.record.to.as_str() {
            "#ops" => "sent to the operators".to_owned(),
            _ => format!("sent to {whom}; no host is known yet"),
        };
    }
    if let (1, [(host, state)]) = (targets, said.away.as_slice()) {
        return format!("{} is away ({}), gets it when it is back", scrub(host), scrub(state));
    }
    let count = phrase::count(usize::try_from(targets).unwrap_or(usize::MAX), "host");
    let names = match said.hosts.as_slice() {
        [] => String::new(),
        names => format!(": {}", listed(names)),
    };
    let verb = |count: u32, one, more| if count == 1 { one } else { more };
    let mut marks = String::new();
    if delivered > 0 {
        marks = format!("; {delivered} of them already {} it", verb(delivered, "has", "have"));
    }
    if !said.away.is_empty() {
        let names: Vec<String> = said.away.iter().map(|(host, _)| host.clone()).collect();
        marks = format!("{marks}; away, to get it when back: {}", listed(&names));
    }
    if failed > 0 {
        let gets = verb(failed, "gets", "get");
        let named: Vec<String> =
            said.marks.iter().flat_map(|marks| marks.failed_to.iter().cloned()).collect();
        let who = if named.is_empty() { String::new() } else { format!(" ({})", listed(&named)) };
        let why = "too much waits for";
        let them = verb(failed, "it", "them");
        marks = format!("{marks}; {failed} of them never {gets} it{who}: {why} {them}");
    }
    format!("sent to {count}{names}{marks}")
}

/// `a, b and 3 more`.
fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_LISTED).map(String::as_str).collect();
    let shown = scrub(&shown.join(", ")).into_owned();
    match names.len().saturating_sub(NAMES_LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Says it and waits until every host has it.
async fn wait(common: &Common, line: &Spoken<'_>, span: Duration) -> Result<(), ConsoleError> {
    let mut ending = Ending::listen().map_err(ConsoleError::Output)?;
    let (_reins, mut events) = session::start(dialer(common)?, wishes::nothing());
    let mut waiter = Waiter { common, link: None, daemon: String::new(), said: None };
    let mut until = None;
    let end = loop {
        let next = async {
            match until {
                Some(until) => timeout_at(until, events.recv()).await.ok(),
                // The first attempt to reach a daemon ends by itself.
                None => Some(events.recv().await),
            }
        };
        let event = tokio::select! {
            event = next => event,
            () = ending.wait() => None,
        };
        let Some(event) = event else { break waiter.end() };
        let Some(event) = event else { break Err(ConsoleError::FeedStopped) };
        match waiter.take(event, line).await {
            Ok(true) => break waiter.end(),
            Ok(false) => {}
            Err(error) => break Err(error),
        }
        if waiter.said.is_some() {
            until = until.or(Some(Instant::now() + span));
        }
    };
    // The session would dial anew.
    drop(events);
    if let Some(link) = waiter.link {
        link.farewell().await;
    }
    end
}

struct Waiter<'a> {
    common: &'a Common,
    link: Option<Arc<Link>>,
    /// The daemon that has the message: numbers are its own.
    daemon: String,
    said: Option<(Said, Spread)>,
}

impl Waiter<'_> {
    /// Takes what happened; true once every host has the message or never will.
    async fn take(&mut self, event: SessionEvent, line: &Spoken<'_>) -> Result<bool, ConsoleError> {
        match event {
            SessionEvent::Linked(link) => {
                self.link = Some(link.clone());
                if self.said.is_none() {
                    self.daemon.clone_from(&link.welcome.daemon);
                    let said = send(&link, line, true).await?;
                    if !self.common.json {
                        print(self.common, &said)?;
                    }
                    let spread = Spread::new(&said.record, &said.marks, &said.hosts);
                    self.said = Some((said, spread));
                }
            }
            SessionEvent::Failed(error) if self.link.is_none() => return Err(error.into()),
            SessionEvent::Feed(FeedEvent::Complete) => self.look().await,
            SessionEvent::Feed(FeedEvent::Marks(marks)) if self.is_its_daemon() => {
                if let Some((_, spread)) = &mut self.said {
                    spread.add(marks);
                }
            }
            SessionEvent::Feed(_)
            | SessionEvent::Failed(_)
            | SessionEvent::Dialling(_)
            | SessionEvent::Unlinked(_) => {}
        }
        Ok(self.said.as_ref().is_some_and(|(_, spread)| spread.is_over()))
    }

    /// Asks how far the message is: marks may have come while nobody listened.
    async fn look(&mut self) {
        let link = self.link.clone().filter(|_| self.is_its_daemon());
        let (Some(link), Some((said, spread))) = (link, &mut self.said) else { return };
        let before = Some(said.record.number.saturating_add(1));
        let query = MessagesQuery { before, count_max: 1, ..MessagesQuery::default() };
        // Without an answer the next picture asks again.
        if let Ok(found) = messages(&link, &query).await {
            for (record, marks) in &found {
                spread.look(record, marks);
            }
        }
    }

    fn is_its_daemon(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.welcome.daemon == self.daemon)
    }

    /// How it ends: done if every host has the message.
    fn end(&self) -> Result<(), ConsoleError> {
        let Some((said, spread)) = &self.said else {
            return Err(ConsoleError::Undelivered(
                "interrupted before a daemon was reached; nothing was sent".to_owned(),
            ));
        };
        if self.common.json {
            let marks = spread.marks();
            let message = MessageJson::new(&spread.record(&said.record), &[marks]);
            output::json(&[message]).map_err(ConsoleError::Output)?;
        }
        match spread.lacking() {
            Some(sentence) => Err(ConsoleError::Undelivered(sentence)),
            None if self.common.json || said.record.targets == 0 => Ok(()),
            None => say("every one of them has it"),
        }
    }
}

async fn messages(
    link: &Link,
    query: &MessagesQuery,
) -> Result<Vec<(MessageRecord, Vec<MessageMarks>)>, LinkError> {
    link.ask(query).await?.messages().await
}

fn no_message(link: &Link) -> ConsoleError {
    let expected = systole_common::wire::kind::Kind::MessagePage.as_str();
    let fault = systole_common::net::framed::FrameError::Ended { expected };
    link.lost(fault).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::message;

    fn said(to: &str, targets: u32, hosts: &[&str]) -> Said {
        let mut record = message(7, to, "hello");
        record.targets = targets;
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Said { record, marks: Vec::new(), hosts, away: Vec::new() }
    }

    #[test]
    fn the_count_shown_is_the_count_sent() {
        assert_eq!(sentence(&said("@web-1", 1, &["web-1"])), "sent to 1 host: web-1");
        assert_eq!(sentence(&said("#all", 300, &[])), "sent to 300 hosts");
        assert_eq!(sentence(&said("#ops", 0, &[])), "sent to the operators");
        assert_eq!(sentence(&said("#all", 0, &[])), "sent to #all; no host is known yet");
        let mut some = said("{rack=7}", 2, &["a", "b"]);
        (some.record.delivered, some.record.failed) = (1, 1);
        assert_eq!(
            sentence(&some),
            "sent to 2 hosts: a, b; 1 of them already has it; 1 of them never gets it: too much \
             waits for it"
        );
        let many: Vec<String> = (10..25).map(|n| format!("h{n}")).collect();
        assert!(listed(&many).ends_with("h21 and 3 more"));
    }

    #[test]
    fn who_is_away_and_who_never_gets_it_is_said() {
        let mut one = said("@web-5", 1, &["web-5"]);
        one.away = vec![("web-5".to_owned(), "down".to_owned())];
        assert_eq!(sentence(&one), "web-5 is away (down), gets it when it is back");
        let mut some = said("{rack=7}", 3, &["a", "b", "c"]);
        some.away = vec![("b".to_owned(), "left".to_owned())];
        assert_eq!(sentence(&some), "sent to 3 hosts: a, b, c; away, to get it when back: b");
        assert_eq!(nobody(&some), None);
        let mut full = said("@db-01", 1, &["db-01"]);
        full.record.failed = 1;
        assert_eq!(nobody(&full).unwrap(), "@db-01 never gets it: too much waits for it already");
    }

    #[test]
    fn words_are_joined_and_judged_before_anybody_is_dialled() {
        let words =
            |words: &[&str]| text(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&["a", "b "]).unwrap(), "a b");
        assert!(words(&[" "]).unwrap_err().to_string().contains("empty"));
        assert!(words(&[&"x".repeat(4097)]).unwrap_err().to_string().contains("4097"));
    }
}
