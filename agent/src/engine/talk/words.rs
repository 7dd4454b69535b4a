//! What a user of this host may write, to whom, and the sentences about it.

use std::time::Duration;

use systole_common::exit::Exit;
use systole_common::model::message::{self, MessageError};

use crate::engine::summary::span;
use crate::limits::{OUTBOX_AGE_MAX, OUTBOX_MESSAGES_MAX};

/// Everybody who reads along.
pub const OPS: &str = "#ops";

/// What somebody may do whose text begins with a place that a host does not write to.
const WAY_OUT: &str = "begin with `#ops ` for the operators, without a place for the own chat; before a text that must begin so put a blank";
/// Characters of a place that are shown when it is refused.
const GIVEN_CHARS_MAX: usize = 80;

/// Why a message is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSaid {
    /// The text cannot be sent.
    #[error(transparent)]
    Text(#[from] MessageError),
    /// A host does not write there.
    #[error(
        "a host writes only to its operators (#ops) and its own chat, {own}, not to {given:?}; nothing was sent: {WAY_OUT}"
    )]
    Place {
        /// The host's own place.
        own: String,
        /// As given, shortened.
        given: String,
    },
    /// The same, found before the agent was asked which host this is.
    #[error(
        "a host writes only to its operators (#ops) and its own chat, not to {given:?}; nothing was sent: {WAY_OUT}"
    )]
    Elsewhere {
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

impl NotSaid {
    /// How the command ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Text(_) | Self::Place { .. } | Self::Elsewhere { .. } => Exit::Usage,
            Self::Nameless => Exit::Refused,
            Self::Full => Exit::Failed,
        }
    }
}

/// Splits a line as it was typed into where it goes and what it says: `#ops ` or `@HOST ` at its
/// beginning sends it there, anything else goes to the host's own place (`None`). What begins with
/// another place is refused, since its writer takes it for one; a blank before it makes it a text.
pub fn addressed(line: &str) -> Result<(Option<&str>, &str), NotSaid> {
    if let Some(rest) = line.trim_start().strip_prefix(OPS)
        && (rest.is_empty() || rest.starts_with(char::is_whitespace))
    {
        return Ok((Some(OPS), rest.trim_start()));
    }
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if word.len() > 1 && word.starts_with('@') {
        return Ok((Some(word), rest.trim_start()));
    }
    match elsewhere(line, word) {
        Some(given) => Err(NotSaid::Elsewhere { given: shortened(given) }),
        None => Ok((None, line)),
    }
}

/// The place at the beginning of `line`, of which `word` is the first one, if it is one for operators
/// only or not quite `#ops`. JSON begins with a brace as well and is none.
fn elsewhere<'a>(line: &'a str, word: &'a str) -> Option<&'a str> {
    let is_all =
        |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || ['-', '_'].contains(&c));
    if word.starts_with(OPS) || word.strip_prefix("#all").is_some_and(is_all) {
        return Some(word);
    }
    let filter = line.lines().next()?.strip_prefix('{')?;
    let (inner, _) = filter.split_once('}')?;
    let is_filter = !inner.trim().is_empty() && !inner.trim_start().starts_with('"');
    is_filter.then(|| line.get(..inner.len() + 2)).flatten()
}

fn shortened(given: &str) -> String {
    given.chars().take(GIVEN_CHARS_MAX).collect()
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
        Some(to) => Err(NotSaid::Place { own, given: shortened(to) }),
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

/// What became of a message that nobody has yet although some daemon is connected; so many others go
/// before it.
pub fn queued(connected: &[String], before: u64) -> String {
    match before {
        0 => format!("kept; {} has yet to confirm it", connected.join(" or ")),
        1 => "kept; 1 message goes before it".to_owned(),
        _ => format!("kept; {before} messages go before it"),
    }
}

/// Nobody hears this host: the daemons that are away.
pub fn unheard(away: &[String]) -> String {
    match away {
        [one] => format!("{one} is not connected; what you write is kept until it is heard"),
        several => format!(
            "no daemon is connected; what you write is kept until one is heard: {}",
            several.join(", ")
        ),
    }
}

/// Somebody hears this host again.
pub fn heard(connected: &[String]) -> String {
    let verb = if connected.len() == 1 { "is" } else { "are" };
    format!("{} {verb} connected; what was kept is on its way", connected.join(", "))
}

/// What a chat did not show.
pub fn missed(count: u64) -> String {
    let messages = if count == 1 { "message" } else { "messages" };
    format!("{count} {messages} came too fast; see `systole-agent inbox`")
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
        assert_eq!(addressed("#ops disk is full"), Ok((Some("#ops"), "disk is full")));
        assert_eq!(addressed("  #ops\tx"), Ok((Some("#ops"), "x")));
        assert_eq!(addressed("#ops"), Ok((Some("#ops"), "")), "and says nothing");
        assert!(addressed("#opsx y").is_err());
        assert_eq!(addressed("see #ops x"), Ok((None, "see #ops x")));
        assert!(is_leaving("bye\n") && is_leaving("END") && !is_leaving("bye bye"));
    }

    #[test]
    fn what_begins_with_a_place_is_never_taken_for_a_text() {
        assert_eq!(addressed("@web-2 hi\n"), Ok((Some("@web-2"), "hi\n")), "the agent judges it");
        assert_eq!(addressed("@web-1"), Ok((Some("@web-1"), "")));
        for (line, given) in [
            ("#all hi", "#all"),
            ("#all: hi", "#all:"),
            ("#all", "#all"),
            ("#opshelp", "#opshelp"),
            ("#ops: hi", "#ops:"),
            ("{role=db} hi", "{role=db}"),
            ("{role=db and state=online}hi", "{role=db and state=online}"),
        ] {
            let refused = addressed(line).unwrap_err();
            assert_eq!(refused, NotSaid::Elsewhere { given: given.to_owned() });
            assert_eq!(refused.exit(), Exit::Usage);
            let why = refused.to_string();
            assert!(why.starts_with("a host writes only to its operators (#ops) and its own chat"));
            assert!(why.contains("nothing was sent") && why.contains("put a blank"), "{why}");
            let quoted = format!(" {line}");
            assert_eq!(addressed(&quoted), Ok((None, quoted.as_str())), "a blank before it");
        }
        let texts = [
            "# a comment",
            "#allocator",
            "@ 5 pm",
            "@",
            "{\"a\": 1}",
            "{}",
            "{ x",
            "a {b=c}",
            "{\n}",
        ];
        for text in texts {
            assert_eq!(addressed(text), Ok((None, text)));
        }
    }

    #[test]
    fn a_host_writes_to_ops_and_to_itself() {
        let host = Some("web-1");
        assert_eq!(permitted(host, None, " x "), Ok(("@web-1".to_owned(), "x")));
        assert_eq!(permitted(host, Some("#ops"), "x"), Ok(("#ops".to_owned(), "x")));
        assert!(permitted(host, Some("@web-1"), "x").is_ok());
        for place in ["#all", "@web-2", "{cpu>1}", ""] {
            let refused = permitted(host, Some(place), "x").unwrap_err().to_string();
            assert!(refused.contains("its own chat, @web-1, not to"), "{refused}");
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

    #[test]
    fn whether_somebody_hears_it_is_said() {
        let (one, both) = (["mon-1".to_owned()], ["mon-1".to_owned(), "mon-2".to_owned()]);
        assert_eq!(queued(&one, 0), "kept; mon-1 has yet to confirm it");
        assert_eq!(queued(&one, 1), "kept; 1 message goes before it");
        assert_eq!(queued(&both, 200), "kept; 200 messages go before it");
        assert!(unheard(&one).starts_with("mon-1 is not connected; what you write is kept until"));
        assert!(unheard(&both).ends_with("until one is heard: mon-1, mon-2"));
        assert!(heard(&one).starts_with("mon-1 is connected"));
        assert!(heard(&both).starts_with("mon-1, mon-2 are connected"));
        assert!(
            missed(1).starts_with("1 message came") && missed(2).starts_with("2 messages came")
        );
    }
}
