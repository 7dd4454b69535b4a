//! What is said: messages of the feed and of answers, which ones are unread, moving among them, and
//! asking the daemon for what is not here.

use std::collections::BTreeSet;

use systole_common::model::message::Place;
use systole_common::time::Now;
use systole_common::wire::talk::{FeedMarks, FeedMessage, MessageMarks, MessageRecord};

use super::lists::Move;
use super::{actions, filters, requests};
use crate::cmd::{Cmd, Question};
use crate::limits::{MESSAGES_ASKED_MAX, MESSAGES_MAX};
use crate::model::host_view::Tab;
use crate::model::requests::{Purpose, RequestId};
use crate::model::screen::{Focus, Popup, View};
use crate::model::talk::{Stream, place_of};
use crate::model::{Dirty, Model, entry};
use crate::msg::Answer;
use crate::tone::Tone;

/// Messages that a page key goes.
const PAGE: usize = 10;

/// The place that lines are written to from here: that of the open host, else the one that was chosen.
pub(super) fn place(model: &Model) -> String {
    match (&model.host, model.screen.focus()) {
        (Some(view), Focus::Host) => place_of(&view.host),
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

/// The messages that the cursor moves among, the oldest first.
fn numbers(model: &Model) -> Vec<u64> {
    let place = place(model);
    let stream = if is_pane(model) { Stream::All } else { Stream::Of(&place) };
    model.talk.stream(stream).map(|said| said.record.number).collect()
}

/// The message under the cursor.
fn selected(model: &Model) -> Result<u64, String> {
    let numbers = numbers(model);
    let at = model.talk.cursor.filter(|cursor| numbers.contains(cursor));
    at.or_else(|| numbers.last().copied()).ok_or_else(|| "no message is here".to_owned())
}

/// Takes a message of the feed.
pub(super) fn take(model: &mut Model, message: FeedMessage) {
    let record = entry::message(message.record);
    let own = requests::own_name(model);
    let is_own = own.as_ref() == Some(&record.from);
    let is_trail = record.thread.is_some() && !record.from.contains('/');
    // What was there before the console was read elsewhere.
    let is_unread = !is_own && !is_trail && model.attention.has_picture;
    if is_own {
        let sending = model.talk.sending.iter_mut();
        let same = |one: &&mut crate::model::talk::Sending| {
            !one.is_here && one.to == record.to && one.text == record.text
        };
        if let Some(one) = sending.into_iter().find(same) {
            one.is_here = true;
        }
    }
    model.talk.take(record, is_unread);
    model.touch(Dirty::Now);
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
pub(super) fn keep(model: &mut Model, messages: Vec<(MessageRecord, Vec<MessageMarks>)>) -> usize {
    let mut fresh = 0;
    for (record, named) in messages {
        fresh += usize::from(model.talk.take(record, false));
        for marks in named {
            model.talk.name(marks);
        }
    }
    fresh
}

/// The answer to a question for a stream.
pub(super) fn answered(
    model: &mut Model,
    now: Now,
    stream: &str,
    is_older: bool,
    answer: Result<Answer, String>,
) {
    match answer {
        Ok(Answer::Messages(messages)) => {
            let is_all = messages.len() < MESSAGES_ASKED_MAX as usize;
            let oldest = messages.last().map(|(record, _)| record.number);
            keep(model, messages);
            if is_all && model.talk.search.is_none() {
                model.talk.whole.insert(stream.to_owned());
            }
            match oldest {
                Some(oldest) if is_older && model.talk.cursor.is_some() => {
                    step_to_older(model, oldest);
                }
                None if is_older => {
                    requests::say(model, now, Tone::Plain, "this is the first message".to_owned());
                }
                Some(_) | None => {}
            }
        }
        Ok(_) => {}
        Err(why) => {
            requests::say(model, now, Tone::Bad, format!("the messages did not come: {why}"));
        }
    }
    model.dirty = Dirty::Now;
}

/// The cursor goes to the message before the one that it was on, now that there is one.
fn step_to_older(model: &mut Model, oldest: u64) {
    let numbers = numbers(model);
    let at = numbers.iter().position(|number| Some(*number) == model.talk.cursor);
    let before = at.and_then(|at| at.checked_sub(1)).and_then(|at| numbers.get(at));
    if before.is_some_and(|before| *before >= oldest) {
        model.talk.cursor = before.copied();
    }
}

/// To be called after every event: what is on the screen is read, and asked for if it is not here.
pub(super) fn after(model: &mut Model, now: Now) -> Vec<Cmd> {
    let shown = shown(model);
    model.talk.look(shown.as_deref());
    if !model.is_live(now) || is_pane(model) {
        return Vec::new();
    }
    let Some(place) = shown.filter(|place| !model.talk.asked.contains(place)) else {
        return Vec::new();
    };
    let asked = ask(model, Stream::Of(&place), None, false);
    model.talk.asked.insert(place);
    requests::or_say(model, now, asked)
}

/// The link is new: what was asked over the one before may be incomplete.
pub(super) fn linked(model: &mut Model) {
    model.talk.asked = BTreeSet::new();
    model.files.asked = BTreeSet::new();
}

fn ask(
    model: &mut Model,
    stream: Stream<'_>,
    before: Option<u64>,
    is_older: bool,
) -> Result<Vec<Cmd>, String> {
    let words = model.talk.search.clone().unwrap_or_default();
    let question = Question::Messages { place: stream.place(), before, words };
    let purpose = Purpose::Messages { stream: stream.key(), is_older };
    if is_older && model.requests.pending.values().any(|other| *other == purpose) {
        return Ok(Vec::new());
    }
    requests::ask(model, purpose, question).map(|(_, cmd): (RequestId, Cmd)| vec![cmd])
}

/// Moves the cursor; from the first message on, older ones are asked for.
pub(super) fn go(model: &mut Model, now: Now, way: Move) -> Vec<Cmd> {
    let numbers = numbers(model);
    let Some(last) = numbers.len().checked_sub(1) else { return older(model, now, None) };
    let here = model.talk.cursor;
    let at = numbers.iter().position(|number| Some(*number) == here).unwrap_or(last);
    let to = way.from(at, PAGE, numbers.len());
    // On the newest message it stays with whatever is newest.
    model.talk.cursor = (to != last).then(|| numbers.get(to).copied()).flatten();
    let is_up = matches!(way, Move::Up | Move::PageUp | Move::HalfUp | Move::First);
    if is_up && at == 0 {
        model.talk.cursor = numbers.first().copied();
        return older(model, now, numbers.first().copied());
    }
    Vec::new()
}

fn older(model: &mut Model, now: Now, before: Option<u64>) -> Vec<Cmd> {
    let place = place(model);
    let stream = if is_pane(model) { Stream::All } else { Stream::Of(&place) };
    let asked = if model.talk.search.is_none() && model.talk.whole.contains(&stream.key()) {
        Err("this is the first message".to_owned())
    } else if model.talk.len() >= MESSAGES_MAX {
        Err(format!("{MESSAGES_MAX} messages are here; / looks for older ones"))
    } else if model.is_live(now) {
        ask(model, stream, before, true)
    } else {
        Err("older messages are with the daemon, which is not heard".to_owned())
    };
    requests::or_say(model, now, asked)
}

/// Looks for words among what is here, as they are typed.
pub(super) fn search(model: &mut Model, words: Option<String>) {
    model.talk.search = words.filter(|words| !words.trim().is_empty());
    model.talk.cursor = None;
}

/// Looks for them with the daemon as well.
pub(super) fn search_further(model: &mut Model, now: Now) -> Vec<Cmd> {
    if model.talk.search.is_none() || !model.is_live(now) {
        return Vec::new();
    }
    let place = place(model);
    let stream = if is_pane(model) { Stream::All } else { Stream::Of(&place) };
    let asked = ask(model, stream, None, false);
    requests::or_say(model, now, asked)
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

/// Who has the message under the cursor.
pub(super) fn message(model: &mut Model, now: Now) {
    match selected(model) {
        Ok(number) => model.screen.popup = Some(Popup::Message { number, offset: 0 }),
        Err(why) => requests::say(model, now, Tone::Warning, why),
    }
}

/// Opens the chat of a place.
pub(super) fn open(model: &mut Model, place: &str) {
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
