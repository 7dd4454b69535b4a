//! Files: what the feed and answers say of them, moving among them, and decisions. A decision needs a
//! card that somebody could read, two keys, a live link and the role for it.

use systole_common::ids::Role;
use systole_common::time::Now;
use systole_common::wire::file::{FeedFile, FileRecord};
use systole_common::wire::limits::REASON_BYTES_MAX;

use super::lists::Move;
use super::{prompt, requests, say, talk};
use crate::cmd::{Cmd, Question};
use crate::model::files::{Known, Taken};
use crate::model::host_view::Tab;
use crate::model::prompt::PromptKind;
use crate::model::requests::Purpose;
use crate::model::screen::{Focus, Popup, View};
use crate::model::talk::place_of;
use crate::model::{Dirty, Model, entry};
use crate::msg::Answer;
use crate::tables::phrase;
use crate::tone::Tone;
use crate::view::files::carded;

/// Files that a page key goes.
const PAGE: usize = 10;
const NOT_TAKEN: &str = "not accepted";
const NOT_REFUSED: &str = "not rejected";

/// The host whose files are listed here; `None`: those of all.
pub fn listed_host(model: &Model) -> Option<&str> {
    let view = model.host.as_ref().filter(|_| model.screen.view == View::Host);
    view.map(|view| view.host.as_str())
}

fn has_keys(model: &Model) -> bool {
    let tab = model.host.as_ref().map(|view| view.tab);
    match model.screen.focus() {
        Focus::Files => true,
        Focus::Host => tab == Some(Tab::Files),
        Focus::Fleet | Focus::Feed | Focus::Alerts | Focus::Chat => false,
    }
}

/// The file under the cursor.
fn selected(model: &Model) -> Result<&Known, String> {
    let listed = model.files.listed(listed_host(model));
    let found = model.files.selected(&listed).map(|(_, known)| known);
    found.ok_or_else(|| "no file is here".to_owned())
}

/// Takes a file of the feed.
pub(super) fn take(model: &mut Model, now: Now, event: FeedFile) {
    let record = entry::file(event.record);
    match keep(model, now, record) {
        Taken::Changed => model.touch(Dirty::Now),
        Taken::Bytes if model.frozen.is_none() => model.touch(Dirty::Data),
        Taken::Same | Taken::Bytes => {}
    }
}

/// Takes a file as it is now. Somebody who is about to decide on it is told that it is decided.
fn keep(model: &mut Model, now: Now, record: FileRecord) -> Taken {
    let id = record.id;
    let was_waiting = model.files.get(id).is_some_and(Known::is_waiting);
    let is_armed = model.files.armed == Some(id);
    let taken = model.files.take(record, now.mono);
    let Some(known) = model.files.get(id).filter(|known| was_waiting && !known.is_waiting()) else {
        return taken;
    };
    let is_asked = model.requests.pending_file(id).is_some();
    let is_typed = model.prompt.as_ref().is_some_and(|open| open.kind == PromptKind::RejectWhy(id));
    if (is_armed || is_typed) && !is_asked {
        let text = format!("{}; nothing was sent of yours", decided_words(known, now));
        if is_typed {
            model.prompt = None;
        }
        requests::say(model, now, Tone::Warning, text);
    }
    taken
}

/// `bo accepted core.dump 3 s ago`.
pub fn decided_words(known: &Known, now: Now) -> String {
    let record = &known.record;
    let who = record.decided_by.as_deref().map(|who| format!("{who}: ")).unwrap_or_default();
    let ago = known.decided(now.mono).map(|ago| format!(" {} ago", phrase::span(ago)));
    format!("{who}{} is {}{}", record.name, record.state, ago.unwrap_or_default())
}

/// Files were answered.
pub(super) fn answered(model: &mut Model, now: Now, answer: Result<Answer, String>) {
    match answer {
        Ok(Answer::Files(records)) => {
            for record in records {
                keep(model, now, record);
            }
        }
        Ok(_) => {}
        Err(why) => requests::say(model, now, Tone::Bad, format!("the files did not come: {why}")),
    }
    model.dirty = Dirty::Now;
}

/// To be called after every event: the list that is on the screen is asked for once a link.
pub(super) fn after(model: &mut Model, now: Now) -> Vec<Cmd> {
    if !has_keys(model) || model.screen.view == View::Fleet || !model.is_live(now) {
        return Vec::new();
    }
    let host = listed_host(model).map(str::to_owned);
    let key = host.clone().unwrap_or_default();
    if !model.files.asked.insert(key) {
        return Vec::new();
    }
    let asked = requests::ask(model, Purpose::Files, Question::Files { host });
    requests::or_say(model, now, asked.map(|(_, cmd)| vec![cmd]))
}

/// Something was painted: the card that is on the screen now takes keys a moment later, and the cursor
/// is on its file whatever comes above it.
pub fn painted(model: &mut Model, now: Now) {
    let card = carded(model);
    model.files.painted(card, now.mono);
    if has_keys(model) && model.files.cursor.is_none() {
        model.files.cursor = card;
    }
}

/// Moves the cursor.
pub(super) fn go(model: &mut Model, way: Move) {
    model.files.armed = None;
    let listed = model.files.listed(listed_host(model));
    let at = model.files.selected(&listed).map_or(0, |(row, _)| row);
    let to = way.from(at, PAGE, listed.len());
    let cursor = listed.get(to).map(|known| known.record.id);
    model.files.cursor = cursor.or(model.files.cursor);
}

/// The file that may be decided on now.
fn decidable(model: &Model, now: Now, id: u64, not: &str) -> Result<(), String> {
    let known = model.files.get(id).ok_or_else(|| format!("{not}: no file has the number {id}"))?;
    if !known.is_waiting() {
        return Err(format!("{not}: {}", decided_words(known, now)));
    }
    if model.requests.pending_file(id).is_some() {
        return Err(format!("{not}: an answer about it is still awaited"));
    }
    requests::may(model, now, Role::Operator, not)
}

/// The file whose card takes a key now.
fn offered(model: &Model, now: Now, not: &str) -> Result<u64, String> {
    let id = selected(model)?.record.id;
    decidable(model, now, id, not)?;
    if !model.files.is_readable(id, now.mono) {
        return Err(format!("{not}: the card came this moment; look at it first"));
    }
    Ok(id)
}

/// Enter accepts the file under the cursor from now on.
pub(super) fn arm(model: &mut Model, now: Now) {
    match offered(model, now, NOT_TAKEN) {
        Ok(id) => (model.files.armed, model.files.cursor) = (Some(id), Some(id)),
        Err(why) => requests::say(model, now, Tone::Warning, why),
    }
}

/// Asks for the reason for which the file under the cursor is refused.
pub(super) fn ask_why(model: &mut Model, now: Now) {
    match offered(model, now, NOT_REFUSED) {
        Ok(id) => {
            (model.files.armed, model.files.cursor) = (None, Some(id));
            prompt::open(model, PromptKind::RejectWhy(id), "");
        }
        Err(why) => requests::say(model, now, Tone::Warning, why),
    }
}

/// Enter: the armed file is accepted if it is still the one under the cursor.
pub(super) fn confirm(model: &mut Model, now: Now) -> Vec<Cmd> {
    let Some(armed) = model.files.armed.take() else {
        details(model, now);
        return Vec::new();
    };
    let is_same = selected(model).is_ok_and(|known| known.record.id == armed);
    let done = if is_same {
        accept(model, now, armed)
    } else {
        Err(format!("{NOT_TAKEN}: another file is under the cursor now"))
    };
    requests::or_say(model, now, done)
}

/// Takes a file.
pub(super) fn accept(model: &mut Model, now: Now, id: u64) -> Result<Vec<Cmd>, String> {
    decidable(model, now, id, NOT_TAKEN)?;
    let (_, cmd) = requests::ask(model, Purpose::Accept(id), Question::Accept { file: id })?;
    requests::say(model, now, Tone::Quiet, format!("accepting {} ...", name(model, id)));
    Ok(vec![cmd])
}

/// Refuses a file.
pub(super) fn reject(model: &mut Model, now: Now, id: u64, why: &str) -> Result<Vec<Cmd>, String> {
    decidable(model, now, id, NOT_REFUSED)?;
    if why.len() > REASON_BYTES_MAX {
        return Err(format!("{} bytes are more than {REASON_BYTES_MAX}; shorten it", why.len()));
    }
    let question = Question::Reject { file: id, why: why.to_owned() };
    let (_, cmd) = requests::ask(model, Purpose::Reject(id), question)?;
    requests::say(model, now, Tone::Quiet, format!("rejecting {} ...", name(model, id)));
    Ok(vec![cmd])
}

/// The daemon decided as it was asked, or says why not.
pub(super) fn decided(
    model: &mut Model,
    now: Now,
    id: u64,
    not: &'static str,
    answer: Result<Answer, String>,
) {
    match answer {
        Ok(answer) => {
            answered(model, now, Ok(answer));
            let size = model.files.get(id).map(|known| known.record.size_bytes as f64);
            let size = phrase::bytes(size.unwrap_or_default());
            let done = not.strip_prefix("not ").unwrap_or(not);
            requests::say(model, now, Tone::Good, format!("{done} {} ({size})", name(model, id)));
        }
        Err(why) => requests::say(model, now, Tone::Bad, format!("{not}: {why}")),
    }
}

/// The words for a decision that did not happen.
pub(super) const fn not(is_accept: bool) -> &'static str {
    if is_accept { NOT_TAKEN } else { NOT_REFUSED }
}

/// All that is known of the file under the cursor.
pub(super) fn details(model: &mut Model, now: Now) {
    match selected(model).map(|known| known.record.id) {
        Ok(id) => model.screen.popup = Some(Popup::File { id, offset: 0 }),
        Err(why) => requests::say(model, now, Tone::Warning, why),
    }
}

/// Talks to the host of the file under the cursor.
pub(super) fn ask_sender(model: &mut Model, now: Now) {
    match selected(model).map(|known| place_of(&known.record.host)) {
        Ok(place) => {
            talk::open(model, &place);
            say::write(model);
        }
        Err(why) => requests::say(model, now, Tone::Warning, why),
    }
}

fn name(model: &Model, id: u64) -> String {
    model.files.get(id).map_or_else(|| format!("file {id}"), |known| known.record.name.clone())
}
