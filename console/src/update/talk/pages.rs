//! Asking the daemon for messages that are not here: the newest of a place that is opened, older ones,
//! those with the words that are looked for. What comes of it.

use systole_common::time::Now;
use systole_common::wire::talk::{MessageMarks, MessageRecord};

use super::{is_own, is_pane, keep, numbers, place, requests, say, shown, stream};
use crate::cmd::{Cmd, Question};
use crate::limits::{MARKS_OF_SHORT_PAGE_MAX, MESSAGES_ASKED_MAX};
use crate::model::requests::{PageOf, Purpose};
use crate::model::talk::Stream;
use crate::model::{Dirty, Model};
use crate::msg::Answer;
use crate::tone::Tone;

type Messages = Vec<(MessageRecord, Vec<MessageMarks>)>;

/// To be called after every event: what is on the screen is read, and asked for if it is not here.
pub(in crate::update) fn after(model: &mut Model, now: Now) -> Vec<Cmd> {
    let shown = shown(model);
    model.talk.look(shown.as_deref());
    if !model.is_live(now) || is_pane(model) {
        return Vec::new();
    }
    let Some(place) = shown.filter(|place| !model.talk.asked.contains(place)) else {
        return Vec::new();
    };
    let asked = ask(model, Stream::Of(&place), None, String::new(), false);
    model.talk.asked.insert(place);
    requests::or_say(model, now, asked)
}

fn ask(
    model: &mut Model,
    stream: Stream<'_>,
    before: Option<u64>,
    words: String,
    is_older: bool,
) -> Result<Vec<Cmd>, String> {
    let question = Question::Messages { place: stream.place(), before, words: words.clone() };
    let purpose = Purpose::Messages(PageOf { stream: stream.key(), before, words, is_older });
    if is_older && model.requests.pending.values().any(|other| *other == purpose) {
        return Ok(Vec::new());
    }
    requests::ask(model, purpose, question).map(|(_, cmd)| vec![cmd])
}

/// Asks for the messages before the first one that is here.
pub(super) fn older(model: &mut Model, now: Now, before: Option<u64>) -> Vec<Cmd> {
    let place = place(model);
    let stream = stream(model, &place);
    let words = model.talk.search.clone();
    let asked = if words.is_none() && model.talk.whole.contains(&stream.key()) {
        Err("this is the first message".to_owned())
    } else if let Some(count) = model.talk.is_full(stream) {
        Err(match words {
            Some(_) => format!("{count} messages with these words are here; give more words"),
            None => format!("{count} messages are here; / looks for older ones"),
        })
    } else if model.is_live(now) {
        ask(model, stream, before, words.unwrap_or_default(), true)
    } else {
        Err("older messages are with the daemon, which is not heard".to_owned())
    };
    requests::or_say(model, now, asked)
}

/// Looks for words with the daemon as well.
pub(in crate::update) fn search_further(model: &mut Model, now: Now) -> Vec<Cmd> {
    let Some(words) = model.talk.search.clone().filter(|_| model.is_live(now)) else {
        return Vec::new();
    };
    let place = place(model);
    let stream = stream(model, &place);
    let asked = ask(model, stream, None, words, false);
    requests::or_say(model, now, asked)
}

/// The answer to a question for a stream.
pub(in crate::update) fn answered(
    model: &mut Model,
    now: Now,
    page: &PageOf,
    answer: Result<Answer, String>,
) {
    match answer {
        Ok(Answer::Messages(messages)) => {
            let oldest = messages.last().map(|(record, _)| record.number);
            if page.words.is_empty() {
                history(model, now, page, messages);
            } else {
                found(model, page, messages);
            }
            match oldest {
                Some(oldest) if page.is_older && model.talk.cursor.is_some() => {
                    step_to_older(model, oldest);
                }
                None if page.is_older => {
                    let words = if page.words.is_empty() {
                        "this is the first message"
                    } else {
                        "no older message has these words"
                    };
                    requests::say(model, now, Tone::Plain, words.to_owned());
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

/// A part of what was said in a stream, without a gap.
fn history(model: &mut Model, now: Now, page: &PageOf, messages: Messages) {
    let oldest = messages.last().map(|(record, _)| record.number);
    let oldest = oldest.filter(|_| !is_last(&messages));
    let records: Vec<MessageRecord> = messages.iter().map(|(record, _)| record.clone()).collect();
    let fresh = records.iter().filter(|record| model.talk.get(record.number).is_none());
    let own: Vec<MessageRecord> = fresh.filter(|record| is_own(model, record)).cloned().collect();
    // What is too much leaves again, and moves the begin of what is here.
    model.talk.reach(&page.stream, page.before, oldest);
    keep(model, messages);
    if let Some(host) = page.stream.strip_prefix('@') {
        for record in &records {
            model.talk.is_for_host(record.number, host);
        }
    }
    for record in &own {
        say::is_here(model, now, record);
    }
}

/// What the daemon found by words.
fn found(model: &mut Model, page: &PageOf, messages: Messages) {
    let is_all = is_last(&messages);
    let records = messages.iter().map(|(record, _)| record.clone()).collect();
    model.talk.find(&page.stream, &page.words, records, is_all);
    let host = page.stream.strip_prefix('@');
    for (record, named) in messages {
        if let Some(host) = host {
            model.talk.is_for_host(record.number, host);
        }
        for marks in named {
            model.talk.name(marks);
        }
    }
}

/// Whether nothing comes after a page: the daemon ends one early only for its many marks.
fn is_last(messages: &Messages) -> bool {
    let marks = |record: &MessageRecord| u64::from(record.delivered) + u64::from(record.failed);
    let named: u64 = messages.iter().map(|(record, _)| marks(record)).sum();
    messages.len() < MESSAGES_ASKED_MAX as usize && named < MARKS_OF_SHORT_PAGE_MAX
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
