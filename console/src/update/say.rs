//! Writing: the line with its target, to whom it goes, what becomes of it. Nothing that was typed is
//! lost: what is not sent is a draft again, and the reason is said.

use systole_common::ids::Role;
use systole_common::model::message::{Place, text};
use systole_common::time::Now;
use systole_common::wire::limits::SAY_HOSTS_MAX;

use super::{prompt, requests, talk};
use crate::cmd::{Cmd, Question};
use crate::limits::{HOSTS_UNASKED_MAX, LINES_UNCONFIRMED_MAX};
use crate::model::prompt::PromptKind;
use crate::model::requests::{Purpose, RequestId};
use crate::model::subject::RowSubject;
use crate::model::talk::Sending;
use crate::model::{Dirty, Model};
use crate::msg::Answer;
use crate::tables::phrase;
use crate::tone::Tone;

const NOT: &str = "not sent";

/// Opens the line in which a message is typed, with what was begun before.
pub(super) fn write(model: &mut Model) {
    let to = talk::place(model);
    let draft = model.talk.draft(&to).to_owned();
    prompt::open(model, PromptKind::Say(to), &draft);
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
    let question = Question::Say { to: to.clone(), text: line.to_owned(), hosts: names };
    let (request, cmd) = requests::ask(model, Purpose::Say(to.clone()), question)?;
    model.screen.typed.armed = None;
    model.talk.keep_draft(&to, "");
    model.talk.read(&to);
    model.talk.cursor = None;
    let sending = Sending { request, to, text: line.to_owned(), at: now.wall, is_here: false };
    model.talk.sending.push(sending);
    Ok(vec![cmd])
}

/// The line closes without being sent: what was typed is kept.
pub(super) fn put_aside(model: &mut Model, now: Now, to: &str, typed: &str) {
    model.talk.keep_draft(to, typed);
    if !typed.trim().is_empty() {
        requests::say(model, now, Tone::Quiet, format!("kept as a draft to {to}"));
    }
}

/// The daemon confirmed a line, or it never will.
pub(super) fn answered(
    model: &mut Model,
    now: Now,
    request: RequestId,
    to: &str,
    answer: Result<Answer, String>,
) {
    let sending = &mut model.talk.sending;
    let at = sending.iter().position(|one| one.request == request);
    let line = at.map(|at| sending.remove(at));
    model.dirty = Dirty::Now;
    match (answer, line) {
        (Ok(Answer::Messages(messages)), _) => {
            talk::keep(model, messages);
        }
        (Ok(_), _) => {}
        (Err(_), Some(line)) if line.is_here => {}
        (Err(why), line) => {
            if let Some(line) = line {
                give_back(model, to, &line.text);
            }
            let text = format!("{NOT} to {to}: {why}; it is kept as a draft");
            requests::say(model, now, Tone::Bad, text);
        }
    }
}

/// What was not sent is there to be sent again, before what was typed meanwhile.
fn give_back(model: &mut Model, to: &str, line: &str) {
    let is_open = |kind: &PromptKind| matches!(kind, PromptKind::Say(other) if other == to);
    if let Some(prompt) = model.prompt.as_mut().filter(|prompt| is_open(&prompt.kind)) {
        prompt.input = tui_input::Input::new(joined(line, prompt.input.value()));
        return;
    }
    let text = joined(line, model.talk.draft(to));
    model.talk.keep_draft(to, &text);
}

fn joined(line: &str, typed: &str) -> String {
    if typed.is_empty() { line.to_owned() } else { format!("{line}\n{typed}") }
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
