//! Files: what the feed and answers say of them, moving among them, and decisions. A decision needs a
//! card that somebody could read, two keys, a live link and the role for it.

use systole_common::ids::Role;
use systole_common::time::Now;
use systole_common::wire::file::{FeedFile, FileRecord};
use systole_common::wire::limits::REASON_BYTES_MAX;

use super::file_words::{decided_words, ended, later};
use super::lists::Move;
use super::{actions, prompt, requests, say, talk};
use crate::cmd::{Cmd, Question};
use crate::model::files::{Deed, Known, Taken};
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

/// Whether the keys are for files.
pub(super) fn has_keys(model: &Model) -> bool {
    let tab = model.host.as_ref().map(|view| view.tab);
    match model.screen.focus() {
        Focus::Files => true,
        Focus::Host => tab == Some(Tab::Files),
        Focus::Fleet | Focus::Feed | Focus::Alerts | Focus::Chat => false,
    }
}

/// The files that are shown here. Beside the fleet those that wait, as long as any does.
pub fn here(model: &Model) -> Vec<&Known> {
    let listed = model.files.listed(listed_host(model));
    let is_pane = model.screen.view == View::Fleet;
    if is_pane && listed.first().is_some_and(|first| first.is_waiting()) {
        return listed.into_iter().filter(|known| known.is_waiting()).collect();
    }
    listed
}

/// The row of the cursor among them, and the file there; without the keys the first one.
pub fn under_cursor<'a>(model: &Model, here: &[&'a Known]) -> Option<(usize, &'a Known)> {
    if model.screen.view == View::Fleet && !has_keys(model) {
        return here.first().map(|first| (0, *first));
    }
    model.files.selected(here)
}

/// The file under the cursor.
fn selected(model: &Model) -> Result<&Known, String> {
    let found = under_cursor(model, &here(model)).map(|(_, known)| known);
    found.ok_or_else(|| "no file is here".to_owned())
}

/// The file whose card is on the screen and has the keys.
pub fn card_with_keys(model: &Model) -> Option<&Known> {
    carded(model).filter(|_| has_keys(model)).and_then(|id| model.files.get(id))
}

/// Whether the file under the cursor waits for a decision that is one's own to take.
pub fn may_decide(model: &Model) -> bool {
    let is_free = |known: &Known| {
        known.is_waiting() && model.requests.pending_file(known.record.id).is_none()
    };
    is_operator(model) && selected(model).is_ok_and(is_free)
}

/// Whether the own role decides on files, as far as it is known.
pub fn is_operator(model: &Model) -> bool {
    model.freshness.role().is_none_or(|role| role >= Role::Operator)
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
    // A line in which a reason is typed stays open and says itself that the offer is over.
    if is_armed && model.requests.pending_file(id).is_none() {
        let text = format!("{}; nothing was sent of yours", decided_words(known, now));
        requests::say(model, now, Tone::Warning, text);
    }
    taken
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

/// To be called after every event: what is armed is the card that has the keys, or nothing; the list
/// that is on the screen is asked for once a link.
pub(super) fn after(model: &mut Model, now: Now) -> Vec<Cmd> {
    if model.files.armed.is_some() && model.files.armed != key_card(model) {
        model.files.armed = None;
    }
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

/// Something was painted: the card that is on the screen now takes keys a moment later, what is armed
/// takes Enter a moment later, and the cursor is on its file whatever comes above it.
pub fn painted(model: &mut Model, now: Now) {
    let (card, key_card) = (carded(model), key_card(model));
    let typed = model.prompt.as_ref().map(|prompt| &prompt.kind);
    let deed = if let Some(PromptKind::RejectWhy(id)) = typed {
        Some(Deed::Reject(*id))
    } else {
        model.files.armed.filter(|armed| Some(*armed) == key_card).map(Deed::Accept)
    };
    model.files.painted(card, deed, now.mono);
    model.files.cursor = key_card.or(model.files.cursor);
}

fn key_card(model: &Model) -> Option<u64> {
    card_with_keys(model).map(|known| known.record.id)
}

/// Opens the files, on the offer that waits longest if one waits: the one that is named above the keys.
pub(super) fn open(model: &mut Model) {
    actions::show(model, View::Files);
    if let Some(id) = model.files.next_waiting().map(|known| known.record.id) {
        model.files.cursor = Some(id);
    }
}

/// Moves the cursor.
pub(super) fn go(model: &mut Model, way: Move) {
    model.files.armed = None;
    let here = here(model);
    let at = under_cursor(model, &here).map_or(0, |(row, _)| row);
    let to = way.from(at, PAGE, here.len());
    let cursor = here.get(to).map(|known| known.record.id);
    model.files.cursor = cursor.or(model.files.cursor);
}

/// The file that may be decided on now.
fn decidable(model: &Model, now: Now, id: u64, not: &str) -> Result<(), String> {
    if model.files.get(id).is_none() {
        return Err(format!("{not}: no file has the number {id}"));
    }
    if let Some(words) = ended(model, now, id) {
        return Err(format!("{not}: {words}"));
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
        Ok(id) => set_armed(model, Deed::Accept(id), id),
        Err(why) => requests::say(model, now, Tone::Warning, why),
    }
}

/// Asks for the reason for which the file under the cursor is refused.
pub(super) fn ask_why(model: &mut Model, now: Now) {
    match offered(model, now, NOT_REFUSED) {
        Ok(id) => {
            set_armed(model, Deed::Reject(id), id);
            prompt::open(model, PromptKind::RejectWhy(id), "");
        }
        Err(why) => requests::say(model, now, Tone::Warning, why),
    }
}

/// What was said before is not said beside it.
fn set_armed(model: &mut Model, deed: Deed, id: u64) {
    model.files.arm(deed);
    model.files.cursor = Some(id);
    model.requests.notice = None;
}

/// Enter: the armed file is accepted if it is still the one under the cursor, and the screen has said for
/// a moment that Enter does that.
pub(super) fn confirm(model: &mut Model, now: Now) -> Vec<Cmd> {
    let Some(armed) = model.files.armed else {
        details(model, now);
        return Vec::new();
    };
    let is_same = selected(model).is_ok_and(|known| known.record.id == armed);
    let done = if !is_same {
        Err(format!("{NOT_TAKEN}: another file is under the cursor now"))
    } else if !model.files.is_meant(Deed::Accept(armed), now.mono) {
        let text = format!("{NOT_TAKEN} yet: it was armed this moment; Enter again");
        requests::say(model, now, Tone::Warning, text);
        return Vec::new();
    } else {
        accept(model, now, armed)
    };
    model.files.armed = None;
    requests::or_say(model, now, done)
}

/// Enter in the line for the reason: the file is refused, unless the offer is over.
pub(super) fn reject(model: &mut Model, now: Now, id: u64, why: &str) -> Result<Vec<Cmd>, String> {
    if let Some(words) = ended(model, now, id) {
        requests::say(model, now, Tone::Warning, format!("{NOT_REFUSED}: {words}"));
        return Ok(Vec::new());
    }
    if !model.files.is_meant(Deed::Reject(id), now.mono) {
        return Err(format!("{NOT_REFUSED} yet: this line came this moment; Enter again"));
    }
    refuse(model, now, id, why)
}

/// Takes a file.
pub(super) fn accept(model: &mut Model, now: Now, id: u64) -> Result<Vec<Cmd>, String> {
    decidable(model, now, id, NOT_TAKEN)?;
    let (_, cmd) = requests::ask(model, Purpose::Accept(id), Question::Accept { file: id })?;
    requests::say(model, now, Tone::Quiet, format!("accepting {} ...", name(model, id)));
    Ok(vec![cmd])
}

/// Refuses a file.
pub(super) fn refuse(model: &mut Model, now: Now, id: u64, why: &str) -> Result<Vec<Cmd>, String> {
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
            let later = model.files.get(id).and_then(|known| later(model, now, known));
            let text = format!("{done} {} ({size}){}", name(model, id), later.unwrap_or_default());
            requests::say(model, now, Tone::Good, text);
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

/// A list of files has no filter.
pub(super) fn say_where_to_look(model: &mut Model, now: Now) {
    let text = "files have no filter here: those of one host are in its FILES tab (:host NAME), \
                and `systole files HOST --since 2d` lists them for grep";
    requests::say(model, now, Tone::Plain, text.to_owned());
}

/// Talks to the host of the file under the cursor.
pub(super) fn ask_sender(model: &mut Model, now: Now) {
    match selected(model).map(|known| place_of(&known.record.host)) {
        Ok(place) => {
            talk::open(model, &place);
            say::write(model, now);
        }
        Err(why) => requests::say(model, now, Tone::Warning, why),
    }
}

fn name(model: &Model, id: u64) -> String {
    model.files.get(id).map_or_else(|| format!("file {id}"), |known| known.record.name.clone())
}
