//! `systole-agent leave`: announces that the host will be away, or takes that back.

use std::time::Duration;

use systole_common::exit::Exit;
use systole_common::text::{scrub, to_json_line};
use systole_common::time::millis;

use super::{local, print};
use crate::error::AgentError;
use crate::shell::local::client::{ClientError, ask};
use crate::shell::local::{Absence, Answer, Request};
use crate::shell::settings::Loader;

/// `leave`, or `leave --cancel` without a lease. Ends with 69 if no daemon heard of it.
pub fn leave(
    loader: &Loader,
    lease: Option<Duration>,
    why: &str,
    json: bool,
) -> Result<Exit, AgentError> {
    let (_, config) = loader.load()?;
    let request = match lease {
        Some(lease) => Request::Leave { for_ms: millis(lease), why: why.to_owned() },
        None => Request::Return {},
    };
    let Answer::Absence(absence) = ask(&config.socket, &request)? else {
        return Err(ClientError::Strange { path: config.socket }.into());
    };
    if json {
        print(&to_json_line(&absence)?)?;
    } else {
        print(&absence_text(&absence))?;
    }
    Ok(if absence.told.is_empty() { Exit::Unreachable } else { Exit::Done })
}

/// What came of a `leave`, for people.
pub(super) fn absence_text(absence: &Absence) -> String {
    let what = match &absence.lease {
        Some(lease) => format!("absence announced until {}", local(&lease.until)),
        None => "no absence is announced any more".to_owned(),
    };
    let text = match (absence.told.as_slice(), absence.untold.as_slice()) {
        ([], _) => format!(
            "{what}, but no daemon knows of it yet; it is repeated until one does (see `systole-agent status`)"
        ),
        (told, []) => format!("{what}; known to {}", told.join(", ")),
        (told, untold) => format!(
            "{what}; known to {}; not yet to {}, which is told as soon as it is heard",
            told.join(", "),
            untold.join(", ")
        ),
    };
    scrub(&text).into_owned()
}
