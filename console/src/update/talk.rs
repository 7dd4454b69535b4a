//! What is said: messages of the feed and of answers, which ones are unread, moving among them.

mod pages;

use std::collections::BTreeSet;

use systole_common::model::message::Place;
use systole_common::time::Now;
use systole_common::wire::talk::{FeedMarks, FeedMessage, MessageMarks, MessageRecord};

pub(super) use self::pages::{after, answered, search_further};
use super::lists::Move;
use super::{actions, filters, prompt, requests, say};
use crate::cmd::Cmd;
use crate::model::host_view::Tab;
use crate::model::prompt::PromptKind;
use crate::model::screen::{Focus, Popup, View};
use crate::model::talk::{ALL, Stream, place_of};
use crate::model::{Dirty, Model, entry};
use crate::tone::Tone;

/// Messages that a page key goes.
const PAGE: usize = 10;

/// The place that lines are written to from here: that of the open host, or of the message under the
/// cursor where those of all places are shown, else the one that was chosen.
pub fn place(model: &Model) -> String {
    match (&model.host, model.screen.focus()) {
        (Some(view), Focus::Host) => place_of(&view.host),
        (_, Focus::Chat) if is_pane(model) => {
            let under_cursor = model.talk.cursor.and_then(|cursor| model.talk.get(cursor));
            under_cursor.map_or_else(|| model.talk.place.clone(), |said| said.record.to.clone())
        }
        (_, Focus::Fleet) => {
            model.list.selected().map_or_else(|| model.talk.place.clone(), place_of)
        }
        _ => model.talk.place.clone(),
    }
}

/// The place whose chat has the keys.
pub fn shown(model: &Model) -> Option<String> {
    let tab = model.host.as_ref().map(|view| view.tab);
    match model.screen.focus() {
        Focus::Chat => Some(model.talk.place.clone()),
        Focus::Host if tab == Some(Tab::Chat) => Some(place(model)),
        Focus::Host | Focus::Fleet | Focus::Feed | Focus::Alerts | Focus::Files => None,
    }
}

/// Whether the keys are in a stream of all places: the pane of the fleet view.
fn is_pane(model: &Model) -> bool {
    model.screen.view == View::Fleet
}

/// The stream that has the keys, by the place that it is of.
fn stream<'a>(model: &Model, place: &'a str) -> Stream<'a> {
    if is_pane(model) { Stream::All } else { Stream::Of(place) }
}

/// The messages that the cursor moves among, the oldest first.
fn numbers(model: &Model) -> Vec<u64> {
    let place = place(model);
    model.talk.stream(stream(model, &place)).map(|said| said.record.number).collect()
}

/// The message under the cursor.
fn selected(model: &Model) -> Result<u64, String> {
    let numbers = numbers(model);
    let at = model.talk.cursor.filter(|cursor| numbers.contains(cursor));
    at.or_else(|| numbers.last().copied()).ok_or_else(|| "no message is here".to_owned())
}

/// Takes a message of the feed.
pub(super) fn take(model: &mut Model, now: Now, message: FeedMessage) {
    let record = entry::message(message.record);
    let is_own = is_own(model, &record);
    let is_trail = record.thread.is_some() && !record.from.contains('/');
    // What was there before the console was read elsewhere.
    let is_unread = !is_own && !is_trail && model.attention.has_picture;
    model.talk.hear(record.number, message.is_new);
    let is_fresh = model.talk.take(record.clone(), is_unread);
    if message.is_new && record.to == ALL {
        let hosts = model.fleet.rows().map(|row| row.summary.host.clone());
        let hosts: BTreeSet<String> = hosts.collect();
        // Else some came or went at that moment.
        if u32::try_from(hosts.len()) == Ok(record.targets) {
            model.talk.is_for_everyone(record.number, hosts);
        }
    }
    if is_own && is_fresh {
        say::is_here(model, now, &record);
    }
    model.touch(Dirty::Now);
}

/// Whether this operator wrote it.
fn is_own(model: &Model, record: &MessageRecord) -> bool {
    requests::own_name(model).as_ref() == Some(&record.from)
}

/// A message came further.
pub(super) fn mark(model: &mut Model, mut marks: FeedMarks) {
    let named = MessageMarks {
        number: marks.number,
        delivered_to: std::mem::take(&mut marks.delivered_to),
        failed_to: std::mem::take(&mut marks.failed_to),
    };
    model.talk.mark(marks);
    model.talk.name(entry::marks(named));
    model.touch(Dirty::Now);
}

/// Messages were answered. They were said before, so nobody has to be told of them.
pub(super) fn keep(model: &mut Model, messages: Vec<(MessageRecord, Vec<MessageMarks>)>) {
    for (record, named) in messages {
        model.talk.take(record, false);
        for marks in named {
            model.talk.name(marks);
        }
    }
}

/// The link is new: what was asked over the one before may be incomplete.
pub(super) fn linked(model: &mut Model) {
    model.talk.break_off();
    model.files.asked = BTreeSet::new();
}

/// Moves the cursor; from the first message on, older ones are asked for.
pub(super) fn go(model: &mut Model, now: Now, way: Move) -> Vec<Cmd> {
    let numbers = numbers(model);
    let Some(last) = numbers.len().checked_sub(1) else { return pages::older(model, now, None) };
    let here = model.talk.cursor;
    let at = numbers.iter().position(|number| Some(*number) == here).unwrap_or(last);
    let to = way.from(at, PAGE, numbers.len());
    // On the newest message it stays with whatever is newest.
    model.talk.cursor = (to != last).then(|| numbers.get(to).copied()).flatten();
    let is_up = matches!(way, Move::Up | Move::PageUp | Move::HalfUp | Move::First);
    if is_up && at == 0 {
        model.talk.cursor = numbers.first().copied();
        return pages::older(model, now, numbers.first().copied());
    }
    Vec::new()
}

/// Looks for words among what is here, as they are typed.
pub(super) fn search(model: &mut Model, words: Option<String>) {
    model.talk.forget_found();
    model.talk.search = words.filter(|words| !words.trim().is_empty());
    model.talk.cursor = None;
}

/// The chat of the next place, or of the one before.
pub(super) fn turn(model: &mut Model, is_forward: bool) {
    let places = model.talk.places();
    let at = places.iter().position(|place| *place == model.talk.place).unwrap_or(0);
    let count = places.len().max(1);
    let next = if is_forward { at + 1 } else { at + count - 1 } % count;
    if let Some(place) = places.get(next).map(|place| (*place).to_owned()) {
        model.talk.go_to(&place);
    }
}

/// Sets everything from the message under the cursor on unread.
pub(super) fn set_unread(model: &mut Model, now: Now) {
    match selected(model) {
        Ok(number) => {
            model.talk.set_unread(number);
            requests::say(model, now, Tone::Plain, "unread from here on".to_owned());
        }
        Err(why) => requests::say(model, now, Tone::Warning, why),
    }
}

/// To the newest message that nobody read: the chat of its place.
pub(super) fn newest_unread(model: &mut Model, now: Now) {
    let Some(place) = model.talk.newest_unread().map(|said| said.record.to.clone()) else {
        return requests::say(model, now, Tone::Good, "no message is unread".to_owned());
    };
    open(model, &place);
}

/// The newest message that nobody read in another place than the one that is shown.
fn unread_elsewhere(model: &Model) -> Option<String> {
    let shown = shown(model);
    let hot = model.talk.hotlist().into_iter().map(|(place, _)| place);
    hot.into_iter().find(|place| shown.as_deref() != Some(*place)).map(str::to_owned)
}

/// To the newest place with something unread; where there is none, asks whom to talk to.
pub(super) fn target(model: &mut Model) {
    match unread_elsewhere(model) {
        Some(place) => open(model, &place),
        None => prompt::open(model, PromptKind::Target, "@"),
    }
}

/// Opens the chat view: for the first time where something is unread.
pub(super) fn open_view(model: &mut Model) {
    let is_first = !std::mem::replace(&mut model.talk.was_opened, true);
    let is_read = model.talk.spot(&model.talk.place).is_none_or(|spot| spot.unread() == 0);
    let unread = model.talk.hotlist().first().map(|(place, _)| (*place).to_owned());
    match unread.filter(|_| is_first && is_read) {
        Some(place) => open(model, &place),
        None => actions::show(model, View::Chat),
    }
}

/// Who has the message under the cursor.
pub(super) fn message(model: &mut Model, now: Now) {
    match selected(model) {
        Ok(number) => model.screen.popup = Some(Popup::Message { number, offset: 0 }),
        Err(why) => requests::say(model, now, Tone::Warning, why),
    }
}

/// Opens the chat of a place.
pub(super) fn open(model: &mut Model, place: &str) {
    model.talk.was_opened = true;
    model.talk.go_to(place);
    if !(is_pane(model) && model.screen.focus() == Focus::Chat) {
        actions::show(model, View::Chat);
    }
}

/// The place that `text` names, if it can be written to.
pub(super) fn checked(model: &Model, text: &str) -> Result<Place, String> {
    let place = Place::parse(text.trim()).map_err(|error| error.to_string())?;
    match &place {
        Place::All | Place::Ops => {}
        Place::Host(host) => requests::known_host(model, host.as_str())?,
        Place::Filter(_) => {
            let inner = text.trim().trim_start_matches('{').trim_end_matches('}');
            filters::check(model, false, inner).map_err(|error| error.text)?;
        }
    }
    Ok(place)
}
