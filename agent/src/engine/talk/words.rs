//! What a user of this host may write, to whom, and the sentences about it.

use std::time::Duration;

use systole_common::model::message::{self, MessageError};

use crate::engine::summary::span;
use crate::limits::{OUTBOX_AGE_MAX, OUTBOX_MESSAGES_MAX};

/// Everybody who reads along.
pub const OPS: &str = "#ops";

/// Why a message is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSaid {
    /// The text cannot be sent.
    #[error(transparent)]
    Text(#[from] MessageError),
    /// A host does not write there.
    #[error("a host writes to #ops and to its own place {own}, not to {given:?}; nothing was sent")]
    Place {
        /// The host's own place.
        own: String,
        /// As given, shortened.
        given: String,
    },
    /// Nobody knows which host this is.
    #[error(
        "this agent has no usable certificate, so that its host has no name; nothing was sent (see `systole-agent status`)"
    )]
    Nameless,
    /// Too many wait.
    #[error(
        "{OUTBOX_MESSAGES_MAX} messages wait already and no daemon takes them; nothing was sent (see `systole-agent status`)"
    )]
    Full,
}

/// Splits a line as it was typed into where it goes and what it says: `#ops ` at its beginning sends
/// it there, anything else goes to the host's own place (`None`).
pub fn addressed(line: &str) -> (Option<&'static str>, &str) {
    match line.trim_start().strip_prefix(OPS) {
        Some(rest) if rest.starts_with(char::is_whitespace) => (Some(OPS), rest.trim_start()),
        Some(_) | None => (None, line),
    }
}

/// Whether a line of a chat ends it.
pub fn is_leaving(line: &str) -> bool {
    ["bye", "END"].contains(&line.trim())
}

/// Where a message of `host` goes, and its text, if it may be sent.
pub fn permitted<'a>(
    host: Option<&str>,
    to: Option<&str>,
    text: &'a str,
) -> Result<(String, &'a str), NotSaid> {
    let own =
        host.filter(|host| !host.contains(char::is_whitespace)).map(|host| format!("@{host}"));
    let own = own.ok_or(NotSaid::Nameless)?;
    let text = message::text(text)?;
    match to {
        None => Ok((own, text)),
        Some(to) if to == OPS || to == own => Ok((to.to_owned(), text)),
        Some(to) => Err(NotSaid::Place { own, given: to.chars().take(80).collect() }),
    }
}

/// What became of a message so far: who has it, and who gets it later.
pub fn reached(sent_to: &[String], kept_for: &[String]) -> String {
    let until = |names: &[String]| match names {
        [one] => format!("kept until {one} is heard"),
        names => format!("kept until one of {} is heard", names.join(", ")),
    };
    match (sent_to, kept_for) {
        ([], kept_for) => until(kept_for),
        (sent_to, []) => format!("sent to {}", sent_to.join(", ")),
        (sent_to, kept_for) => {
            let later = kept_for.join(", ");
            format!("sent to {}, kept for {later}", sent_to.join(", "))
        }
    }
}

/// Messages that are given up because newer ones needed the room.
pub fn crowded(count: usize) -> String {
    format!(
        "{count} messages of this host are given up for the daemons that lack them; others have them"
    )
}

/// Messages that are given up because nobody took them.
pub fn expired(count: usize) -> String {
    let waited: Duration = OUTBOX_AGE_MAX;
    format!("{count} messages of this host are given up: they waited {} for a daemon", span(waited))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_to_ops_only_with_a_blank_behind_it() {
        assert_eq!(addressed("#ops disk is full"), (Some("#ops"), "disk is full"));
        assert_eq!(addressed("  #ops\tx"), (Some("#ops"), "x"));
        assert_eq!(addressed("#opsx y"), (None, "#opsx y"));
        assert_eq!(addressed("see #ops x"), (None, "see #ops x"));
        assert!(is_leaving("bye\n") && is_leaving("END") && !is_leaving("bye bye"));
    }

    #[test]
    fn a_host_writes_to_ops_and_to_itself() {
        let host = Some("web-1");
        assert_eq!(permitted(host, None, " x "), Ok(("@web-1".to_owned(), "x")));
        assert_eq!(permitted(host, Some("#ops"), "x"), Ok(("#ops".to_owned(), "x")));
        assert!(permitted(host, Some("@web-1"), "x").is_ok());
        for place in ["#all", "@web-2", "{cpu>1}", ""] {
            let refused = permitted(host, Some(place), "x").unwrap_err().to_string();
            assert!(refused.contains("its own place @web-1"), "{refused}");
        }
        assert_eq!(permitted(None, None, "x"), Err(NotSaid::Nameless));
        assert!(matches!(permitted(host, None, "\n"), Err(NotSaid::Text(MessageError::Empty))));
        assert!(permitted(host, None, "\u{301}\u{301}").is_ok(), "marks alone are a text");
    }

    #[test]
    fn who_has_it_is_said() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (none, one, both) = (names(&[]), names(&["mon-1"]), names(&["mon-1", "mon-2"]));
        assert_eq!(reached(&one, &none), "sent to mon-1");
        assert_eq!(reached(&none, &one), "kept until mon-1 is heard");
        assert_eq!(reached(&none, &both), "kept until one of mon-1, mon-2 is heard");
        assert_eq!(reached(&one, &names(&["mon-2"])), "sent to mon-1, kept for mon-2");
    }
}
