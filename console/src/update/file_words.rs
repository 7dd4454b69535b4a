//! What became of a file, and what will, as a sentence. Of what was said once nothing counts on: it has
//! times of day, and no ages.

use systole_common::model::coded::Growing;
use systole_common::model::file::FileState;
use systole_common::time::Now;
use systole_common::wire::file::FileRecord;

use crate::model::Model;
use crate::model::files::{Known, is_away};
use crate::view::figures::when;

/// `bo accepted core.dump at 14:02:07`. Only what an operator or the policy decides has a name.
pub fn decided_words(known: &Known, now: Now) -> String {
    let FileRecord { name, state, finished_at, reason, .. } = &known.record;
    let heard = known.decided_at(now.mono).map(|at| now.wall.minus(now.mono.since(at)));
    let did = |word: &str| match known.record.decided_by.as_deref() {
        Some(who) => format!("{who} {word} {name}"),
        None => format!("{name} is {word}"),
    };
    let (what, at, has_reason) = match state {
        Growing::Known(FileState::Offered) => (format!("{name} waits for a decision"), None, false),
        Growing::Known(FileState::Accepted | FileState::Receiving) => {
            (did("accepted"), heard, false)
        }
        Growing::Known(FileState::Rejected) => (did("rejected"), finished_at.or(heard), true),
        Growing::Known(FileState::Verified) => (format!("{name} is verified"), *finished_at, false),
        Growing::Known(FileState::Failed) => (format!("{name} failed"), *finished_at, true),
        Growing::Known(FileState::Expired) => (format!("{name} expired"), *finished_at, true),
        Growing::Known(FileState::Withdrawn) => {
            (format!("{name} was withdrawn"), *finished_at, true)
        }
        Growing::Unknown(_) => (format!("{name} is {state}"), *finished_at, true),
    };
    let at = at.map(|at| format!(" at {}", when(at, now.wall))).unwrap_or_default();
    let why = if has_reason && !reason.is_empty() { format!(": {reason}") } else { String::new() };
    format!("{what}{at}{why}")
}

/// Why a file can no longer be decided on; `None` while it can.
pub fn ended(model: &Model, now: Now, id: u64) -> Option<String> {
    match model.files.get(id) {
        Some(known) if known.is_waiting() => None,
        Some(known) => Some(decided_words(known, now)),
        None => Some(format!("file {id} is no longer here")),
    }
}

/// `; db-1 is down: it comes when it is back, until tomorrow 17:46`.
pub(super) fn later(model: &Model, now: Now, known: &Known) -> Option<String> {
    let host = &known.record.host;
    let away = away(model, host).filter(|_| known.is_open() && !known.is_waiting())?;
    let until = when(known.record.expires_at, now.wall);
    Some(format!("; {host} is {away}: it comes when it is back, until {until}"))
}

/// What a host is that cannot send now, in a word.
pub fn away(model: &Model, host: &str) -> Option<String> {
    let state = model.fleet.get(host)?.summary.state;
    is_away(state).then(|| state.to_string())
}
