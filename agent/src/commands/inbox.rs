//! `systole-agent inbox`: what was written to this host, newest last.

use std::time::Duration;

use serde::Serialize;
use systole_common::exit::Exit;
use systole_common::text::{Lines, scrub, scrub_lines, to_json_line};
use systole_common::time::UnixMs;

use super::{INDENT, print};
use crate::error::AgentError;
use crate::limits::{INBOX_SHOWN, INBOX_SHOWN_MAX};
use crate::shell::clocks::clocks;
use crate::shell::local::client::Conversation;
use crate::shell::local::{Answer, MessageWords, Request};
use crate::shell::settings::Loader;

/// A message as `--json` prints it. Names are a contract.
#[derive(Debug, Serialize)]
struct MessageJson<'a> {
    id: &'a str,
    time: String,
    from: &'a str,
    to: &'a str,
    text: &'a str,
    thread: Option<&'a str>,
    /// This host, which has it.
    delivered_to: Vec<&'a str>,
    failed_to: Vec<&'a str>,
}

/// `inbox`; the newest hundred, or all that came within `since`.
pub fn inbox(loader: &Loader, since: Option<Duration>, json: bool) -> Result<Exit, AgentError> {
    let (_, config) = loader.load()?;
    let since_ms = since.map(|since| UnixMs(clocks().wall_ms).minus(since).0);
    let count = if since.is_some() { INBOX_SHOWN_MAX } else { INBOX_SHOWN };
    let mut agent = Conversation::open(&config.socket)?;
    agent.say(&Request::Status {})?;
    let Answer::Status(status) = agent.answer()? else { return Err(agent.strange().into()) };
    agent.say(&Request::Inbox { since_ms, count })?;
    let mut messages = Vec::new();
    loop {
        match agent.answer()? {
            Answer::Message(message) if messages.len() < INBOX_SHOWN_MAX as usize => {
                messages.push(message);
            }
            Answer::End(_) => break,
            _ => return Err(agent.strange().into()),
        }
    }
    if json {
        let host = status.host.as_deref();
        let records: Vec<_> = messages.iter().map(|message| record(message, host)).collect();
        print(&to_json_line(&records)?)?;
    } else {
        messages.iter().try_for_each(|message| print(&line(message)))?;
    }
    Ok(Exit::Done)
}

fn record<'a>(message: &'a MessageWords, host: Option<&'a str>) -> MessageJson<'a> {
    let MessageWords { id, time_ms, from, to, text, thread } = message;
    MessageJson {
        id,
        time: UnixMs(*time_ms).rfc3339(),
        from,
        to,
        text,
        thread: thread.as_deref(),
        delivered_to: host.into_iter().collect(),
        failed_to: Vec::new(),
    }
}

fn line(message: &MessageWords) -> String {
    let MessageWords { time_ms, from, to, text, .. } = message;
    let text = scrub_lines(text, Lines::Many).replace('\n', INDENT);
    format!("{}  {} to {}: {text}", UnixMs(*time_ms).local(), scrub(from), scrub(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> MessageWords {
        MessageWords {
            id: "mon-1-7-3".to_owned(),
            time_ms: 1_795_234_567_089,
            from: "bo".to_owned(),
            to: "@web-1".to_owned(),
            text: "look\u{1b}[2J\u{202e}".to_owned(),
            thread: None,
        }
    }

    #[test]
    fn the_json_has_every_name_of_the_contract_and_nothing_that_a_terminal_obeys() {
        let text = to_json_line(&record(&message(), Some("web-1"))).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        for name in ["id", "time", "from", "to", "text", "thread", "delivered_to", "failed_to"] {
            assert!(json.get(name).is_some(), "{name}");
        }
        assert_eq!(json["text"], "look\u{1b}[2J\u{202e}");
        assert_eq!(json["time"], "2026-11-21T04:16:07.089Z");
        assert_eq!(json["delivered_to"][0], "web-1");
        assert!(!text.contains(['\u{1b}', '\u{202e}']));
    }

    #[test]
    fn people_read_one_line_that_is_safe() {
        assert_eq!(line(&message()), "2026-11-21 04:16:07  bo to @web-1: look\\x1b[2J\\u{202e}");
        let two = MessageWords { text: "one\n\u{1b}two".to_owned(), ..message() };
        assert_eq!(line(&two), "2026-11-21 04:16:07  bo to @web-1: one\n         \\x1btwo");
    }
}
