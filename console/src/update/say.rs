//! Writing: the line with its target, and to whom it goes. Nothing that was typed is lost: what is not
//! sent is a draft again, and the reason is said.

mod outcome;

use std::borrow::Cow;

use systole_common::ids::Role;
use systole_common::model::message::{Place, text};
use systole_common::time::Now;
use systole_common::wire::limits::SAY_HOSTS_MAX;

pub(super) use self::outcome::{answered, is_here};
use super::{prompt, requests, talk};
use crate::cmd::{Cmd, Question};
use crate::limits::{HOSTS_UNASKED_MAX, LINES_UNCONFIRMED_MAX, PLACE_CELLS_MAX};
use crate::model::Model;
use crate::model::prompt::PromptKind;
use crate::model::requests::Purpose;
use crate::model::subject::RowSubject;
use crate::model::talk::Sending;
use crate::tables::phrase;
use crate::tone::Tone;
use crate::view::symbols::Symbols;
use crate::view::text::fit_middle;

const NOT: &str = "not sent";

/// Opens the line in which a message is typed, with what was begun before.
pub(super) fn write(model: &mut Model, now: Now) {
    let to = talk::place(model);
    let mut draft = model.talk.draft(&to).to_owned();
    // What is typed now is not part of a line that came back.
    if model.talk.returned.iter().any(|one| one.to == to && draft.ends_with(&one.text)) {
        draft.push('\n');
    }
    if model.talk.is_doubtful(&to) {
        let text = "this may have been sent already: look before Enter sends it again".to_owned();
        requests::say(model, now, Tone::Warning, text);
    }
    prompt::open(model, PromptKind::Say(to), &draft);
}

/// A place in a sentence, its middle cut if it is long.
pub(super) fn short(place: &str) -> Cow<'_, str> {
    fit_middle(place, PLACE_CELLS_MAX, Symbols::Block)
}

/// To which hosts a place leads now: those that a filter finds by name, and how many in all.
pub fn hosts(model: &Model, now: Now, place: &Place) -> (Vec<String>, usize) {
    match place {
        Place::All => (Vec::new(), model.fleet.len()),
        Place::Ops => (Vec::new(), 0),
        Place::Host(_) => (Vec::new(), 1),
        Place::Filter(filter) => {
            let matching =
                model.fleet.rows().filter(|row| filter.matches(&RowSubject { row, now }));
            let names: Vec<String> = matching.map(|row| row.summary.host.clone()).collect();
            let count = names.len();
            (names, count)
        }
    }
}

/// Sends `line` to `to`. To many hosts only when it is asked for a second time.
pub(super) fn send(model: &mut Model, now: Now, to: &str, line: &str) -> Result<Vec<Cmd>, String> {
    let line = text(line).map_err(|error| error.to_string())?;
    let place = talk::checked(model, to)?;
    requests::may(model, now, Role::Operator, NOT)?;
    let (names, count) = hosts(model, now, &place);
    let is_filter = matches!(place, Place::Filter(_));
    if is_filter && count == 0 {
        return Err(format!("{NOT}: no host matches {to}"));
    }
    if names.len() > SAY_HOSTS_MAX {
        return Err(format!(
            "{NOT}: {count} hosts match, one message names at most {SAY_HOSTS_MAX}"
        ));
    }
    if model.talk.sending.len() >= LINES_UNCONFIRMED_MAX {
        return Err(format!("{NOT}: {LINES_UNCONFIRMED_MAX} lines wait for the daemon already"));
    }
    // Other hosts than those that were counted are asked about anew.
    let asked = format!("{to} {count} {}", names.join(" "));
    if count > HOSTS_UNASKED_MAX && model.screen.typed.armed.as_deref() != Some(&asked) {
        model.screen.typed.armed = Some(asked);
        return Err(format!("Enter again sends it to {count} hosts; Esc does not"));
    }
    let to = place.to_string();
    let hosts = names.clone();
    let question = Question::Say { to: to.clone(), text: line.to_owned(), hosts: names };
    let (request, cmd) = requests::ask(model, Purpose::Say(to.clone()), question)?;
    model.screen.typed.armed = None;
    // What was said before was about another line.
    model.requests.notice = None;
    model.talk.read(&to);
    model.talk.cursor = None;
    let (text, after) = (line.to_owned(), model.talk.heard());
    let sending = Sending { request, to, text, hosts, at: now.wall, after, is_here: None };
    model.talk.sending.push(sending);
    Ok(vec![cmd])
}

/// The line closes without being sent: what was typed is kept.
pub(super) fn put_aside(model: &mut Model, now: Now, to: &str, typed: &str) {
    model.talk.keep_draft(to, typed.trim_end_matches('\n'));
    if !typed.trim().is_empty() {
        requests::say(model, now, Tone::Quiet, format!("kept as a draft to {}", short(to)));
    }
}

/// `12 hosts` for a target that is more than one.
pub fn audience(model: &Model, now: Now, to: &str) -> String {
    match Place::parse(to) {
        Ok(place @ (Place::All | Place::Filter(_))) => {
            phrase::count(hosts(model, now, &place).1, "host")
        }
        Ok(Place::Ops | Place::Host(_)) | Err(_) => String::new(),
    }
}
