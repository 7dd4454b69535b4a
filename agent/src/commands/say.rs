//! `systole-agent say`: one message of whoever calls it, as arguments or on standard input.

use std::io::{self, Read};

use systole_common::exit::Exit;
use systole_common::model::message::{MessageError, TEXT_BYTES_MAX, text};
use systole_common::text::{scrub, to_json_line};

use super::print;
use crate::engine::talk::words::{NotSaid, addressed};
use crate::error::AgentError;
use crate::limits::SAY_INPUT_BYTES_MAX;
use crate::shell::local::client::{ClientError, ask};
use crate::shell::local::{Answer, Request};
use crate::shell::settings::Loader;

/// Why there is nothing to send.
#[derive(Debug, thiserror::Error)]
pub enum SayError {
    /// The text cannot be sent.
    #[error(transparent)]
    Text(#[from] MessageError),
    /// A host does not write there.
    #[error(transparent)]
    Place(#[from] NotSaid),
    /// It is no text.
    #[error("standard input is not text in UTF-8; nothing was sent: send it as a file")]
    NotText,
    /// Standard input cannot be read.
    #[error("standard input cannot be read ({source}); nothing was sent")]
    Input {
        /// What the system said.
        source: io::Error,
    },
}

/// `say TEXT…`; `-` reads standard input.
pub fn say(loader: &Loader, words: &[String], json: bool) -> Result<Exit, AgentError> {
    let (_, config) = loader.load()?;
    let given = match words {
        [one] if one == "-" => input(io::stdin().lock())?,
        words => words.join(" "),
    };
    let (to, line) = addressed(&given).map_err(SayError::Place)?;
    let line = text(line).map_err(SayError::Text)?;
    let request = Request::Say { to: to.map(str::to_owned), text: line.to_owned() };
    let Answer::Said(said) = ask(&config.socket, &request)? else {
        return Err(ClientError::Strange { path: config.socket }.into());
    };
    if json {
        print(&to_json_line(&said)?)?;
    } else {
        print(&scrub(&said.sentence()))?;
    }
    Ok(Exit::Done)
}

/// All of the input, or how long it is if that is too long.
fn input(mut from: impl Read) -> Result<String, SayError> {
    let broken = |source| SayError::Input { source };
    let mut bytes = Vec::new();
    // Blanks around the text do not count.
    let kept_max = 2 * TEXT_BYTES_MAX as u64;
    from.by_ref().take(kept_max).read_to_end(&mut bytes).map_err(broken)?;
    let rest = io::copy(&mut from.take(SAY_INPUT_BYTES_MAX), &mut io::sink()).map_err(broken)?;
    if rest > 0 {
        let bytes = bytes.len().saturating_add(usize::try_from(rest).unwrap_or(usize::MAX));
        return Err(MessageError::TooLong { bytes }.into());
    }
    String::from_utf8(bytes).map_err(|_| SayError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_input_is_text_within_a_bound() {
        assert_eq!(input(&b"hello\n"[..]).unwrap(), "hello\n");
        assert!(matches!(input(&b"\xff"[..]), Err(SayError::NotText)));
        let megabyte = vec![b'x'; 1 << 20];
        let refused = input(megabyte.as_slice()).unwrap_err().to_string();
        assert!(refused.contains("has 1048576 bytes, at most 4096"), "{refused}");
        assert!(input(io::repeat(b'x')).is_err(), "an endless one ends as well");
    }
}
