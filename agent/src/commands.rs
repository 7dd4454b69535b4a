//! The commands beside `run`: what they ask, and what they print for people and for programs.

mod chat;
mod check_config;
mod inbox;
mod leave;
mod say;
mod send;
mod status;

use std::io::{self, Write};

use systole_common::time::UnixMs;

use crate::error::AgentError;
pub use chat::chat;
pub use check_config::check_config;
pub use inbox::inbox;
pub use leave::leave;
pub use say::{SayError, say};
pub use send::{SendError, send};
pub use status::status;

/// The end of a line and the cells before the next one of the same message, so that nobody takes it for
/// another message.
const INDENT: &str = "\n         ";

fn local(rfc3339: &str) -> String {
    UnixMs::parse(rfc3339).map_or_else(|| rfc3339.to_owned(), UnixMs::local)
}

/// Prints a line at once. Somebody who closes the output early has seen enough.
fn print(text: &str) -> Result<(), AgentError> {
    let mut output = io::stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(AgentError::Output { source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
