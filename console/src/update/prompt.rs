//! The line in which something is typed: editing it, recalling older ones, and what Enter and Esc do.
//!
//! A paste goes into an open line and nowhere else; it never runs anything.

use systole_common::text::{Lines, is_hidden, scrub_lines};
use systole_common::time::Now;
use tui_input::InputRequest;

use super::{commands, complete, files, filters, keys, lists, requests, say, talk};
use crate::cmd::Cmd;
use crate::keys::{KeyCode, KeyPress};
use crate::limits::{COMPLETIONS_MAX, LINE_BYTES_MAX};
use crate::model::prompt::{Prompt, PromptError, PromptKind};
use crate::model::screen::Focus;
use crate::model::{Dirty, Model};
use crate::tone::Tone;

/// Opens the line with `text` in it.
pub(super) fn open(model: &mut Model, kind: PromptKind, text: &str) {
    model.screen.typed.armed = None;
    model.prompt = Some(Prompt::new(kind, text));
    offer(model);
}

/// Opens the filter of the list that has the keys; what is on is there to be narrowed or changed.
pub(super) fn open_filter(model: &mut Model) {
    if talk::shown(model).is_some() {
        let before = model.talk.search.clone();
        let text = before.clone().unwrap_or_default();
        return open(model, PromptKind::Search { before }, &text);
    }
    if matches!(model.screen.focus(), Focus::Host | Focus::Files) {
        return;
    }
    let before = lists::filter_text(model).map(str::to_owned);
    let text = before.as_ref().map(|text| format!("{} ", text.trim_end())).unwrap_or_default();
    open(model, PromptKind::Filter { before }, &text);
}

/// What `press` does to the open line.
pub(super) fn key(model: &mut Model, now: Now, press: KeyPress) -> Vec<Cmd> {
    if let Some(cmd) = keys::terminal(press) {
        return vec![cmd];
    }
    model.attention.alarm = None;
    if press.code == KeyCode::Enter && !press.alt {
        return submit(model, now);
    }
    if press.code == KeyCode::Esc || press == KeyPress::ctrl('c') {
        cancel(model, now);
    } else if press.code == KeyCode::Tab {
        finish_word(model, now);
    } else if press.code == KeyCode::Up {
        recall(model, now, true);
    } else if press.code == KeyCode::Down {
        recall(model, now, false);
    } else if let Some(request) = edit(press) {
        apply(model, now, request);
    } else if press.code == KeyCode::Enter && has_lines(model) {
        apply(model, now, InputRequest::InsertChar('\n'));
    }
    Vec::new()
}

/// Whether what is typed may have several lines.
fn has_lines(model: &Model) -> bool {
    model.prompt.as_ref().is_some_and(|prompt| matches!(prompt.kind, PromptKind::Say(_)))
}

/// Pasted text goes into the open line; without one it goes nowhere, and that is said.
pub fn paste(model: &mut Model, now: Now, text: &str, cut_bytes: usize) -> Vec<Cmd> {
    model.dirty = Dirty::Now;
    let lines = if has_lines(model) { Lines::Many } else { Lines::One };
    let Some(prompt) = &mut model.prompt else {
        let why = "a paste goes into an open line only; / or : opens one".to_owned();
        requests::say(model, now, Tone::Warning, why);
        return Vec::new();
    };
    // Terminals send CR for the line ends of a paste.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let safe = scrub_lines(text.trim_end_matches('\n'), lines).into_owned();
    let room = LINE_BYTES_MAX.saturating_sub(prompt.input.value().len());
    let fitting = safe.get(..safe.floor_char_boundary(room)).unwrap_or_default();
    let left_out = cut_bytes + safe.len() - fitting.len();
    let at = prompt.input.cursor();
    let value: String = prompt.input.value().chars().take(at).collect();
    let rest: String = prompt.input.value().chars().skip(at).collect();
    let cursor = at + fitting.chars().count();
    prompt.input = tui_input::Input::new(format!("{value}{fitting}{rest}")).with_cursor(cursor);
    changed(model, now);
    if left_out > 0 {
        let text = format!("{left_out} bytes of the paste were left out: it is too long");
        requests::say(model, now, Tone::Warning, text);
    }
    Vec::new()
}

/// Keys that edit, and what they do.
const EDITS: &[(KeyPress, InputRequest)] = &[
    (KeyPress::ctrl('a'), InputRequest::GoToStart),
    (KeyPress::ctrl('e'), InputRequest::GoToEnd),
    (KeyPress::ctrl('b'), InputRequest::GoToPrevChar),
    (KeyPress::ctrl('f'), InputRequest::GoToNextChar),
    (KeyPress::ctrl('w'), InputRequest::DeletePrevWord),
    (KeyPress::ctrl('u'), InputRequest::DeleteFromStart),
    (KeyPress::ctrl('k'), InputRequest::DeleteTillEnd),
    (KeyPress::ctrl('y'), InputRequest::Yank),
    (KeyPress::ctrl('h'), InputRequest::DeletePrevChar),
    (KeyPress::ctrl('d'), InputRequest::DeleteNextChar),
    (KeyPress::plain(KeyCode::Backspace), InputRequest::DeletePrevChar),
    (KeyPress::plain(KeyCode::Delete), InputRequest::DeleteNextChar),
    (KeyPress::plain(KeyCode::Left), InputRequest::GoToPrevChar),
    (KeyPress::plain(KeyCode::Right), InputRequest::GoToNextChar),
    (KeyPress::plain(KeyCode::Home), InputRequest::GoToStart),
    (KeyPress::plain(KeyCode::End), InputRequest::GoToEnd),
];

fn edit(press: KeyPress) -> Option<InputRequest> {
    if let KeyCode::Char(c) = press.code
        && !press.ctrl
        && !press.alt
    {
        return (!is_hidden(c)).then_some(InputRequest::InsertChar(c));
    }
    EDITS.iter().find(|(key, _)| *key == press).map(|(_, request)| *request)
}

fn apply(model: &mut Model, now: Now, request: InputRequest) {
    let Some(prompt) = &mut model.prompt else { return };
    if let InputRequest::InsertChar(c) = request
        && prompt.input.value().len() + c.len_utf8() > LINE_BYTES_MAX
    {
        let text = format!("a line has at most {LINE_BYTES_MAX} bytes");
        return requests::say(model, now, Tone::Warning, text);
    }
    match prompt.input.handle(request) {
        Some(change) if change.value => changed(model, now),
        Some(_) => offer(model),
        None => {}
    }
}

/// The text is another one: a filter holds at once, what was wrong is judged anew.
fn changed(model: &mut Model, now: Now) {
    model.screen.typed.armed = None;
    let Some(prompt) = &mut model.prompt else { return };
    (prompt.error, prompt.is_waiting) = (None, false);
    let text = prompt.input.value().to_owned();
    if let PromptKind::Filter { .. } = prompt.kind {
        let is_alerts = model.screen.focus() != Focus::Fleet;
        match filters::check(model, is_alerts, &text) {
            // Half a word may be the begin of anything: what leaves nothing waits for its end.
            Ok(filter)
                if filters::is_half(&text)
                    && filters::leaves_nothing(model, now, is_alerts, &filter) =>
            {
                set_waits(model);
            }
            Ok(filter) => lists::set_filter(model, now, Some((text.trim().to_owned(), filter))),
            Err(error) => set_error(model, error),
        }
    } else if let PromptKind::Search { .. } = prompt.kind {
        talk::search(model, Some(text));
    }
    offer(model);
}

fn set_error(model: &mut Model, error: PromptError) {
    if let Some(prompt) = &mut model.prompt {
        prompt.error = Some(error);
    }
}

fn set_waits(model: &mut Model) {
    if let Some(prompt) = &mut model.prompt {
        prompt.is_waiting = true;
    }
}

/// The text before the cursor.
fn before_cursor(prompt: &Prompt) -> String {
    prompt.input.value().chars().take(prompt.input.cursor()).collect()
}

/// Finds how the word can go on.
fn offer(model: &mut Model) {
    let Some(prompt) = &model.prompt else { return };
    let before = before_cursor(prompt);
    let mut words = complete::complete(model, &prompt.kind, &before).words;
    let more = words.len().saturating_sub(COMPLETIONS_MAX);
    words.truncate(COMPLETIONS_MAX);
    words.extend((more > 0).then(|| format!("and {more} more")));
    if let Some(prompt) = &mut model.prompt {
        prompt.completions = words;
    }
}

/// Tab: as far as all ways to go on agree, and to its end if there is one way only.
fn finish_word(model: &mut Model, now: Now) {
    let Some(prompt) = &model.prompt else { return };
    let before = before_cursor(prompt);
    let way = complete::complete(model, &prompt.kind, &before);
    let mut whole = complete::common_start(&way.words);
    if way.words.len() == 1 && way.has_space {
        whole.push(' ');
    }
    let Some(added) = whole.strip_prefix(way.begun).filter(|added| !added.is_empty()) else {
        return;
    };
    let requests: Vec<InputRequest> = added.chars().map(InputRequest::InsertChar).collect();
    if let Some(prompt) = &mut model.prompt {
        for request in requests {
            prompt.input.handle(request);
        }
    }
    changed(model, now);
}

/// An older or a newer line of the same kind; beyond the newest is what was typed.
fn recall(model: &mut Model, now: Now, is_older: bool) {
    let typed = &mut model.screen.typed;
    let Some(prompt) = &mut model.prompt else { return };
    let count = typed.lines(&prompt.kind).len();
    let Some(oldest) = count.checked_sub(1) else { return };
    let next = match (prompt.recalled, is_older) {
        (None, true) => Some(0),
        (Some(place), true) => Some((place + 1).min(oldest)),
        (Some(place), false) => place.checked_sub(1),
        (None, false) => return,
    };
    if prompt.recalled.is_none() {
        prompt.input.value().clone_into(&mut typed.draft);
    }
    let line = match next {
        Some(place) => typed.lines(&prompt.kind).get(oldest - place).cloned().unwrap_or_default(),
        None => std::mem::take(&mut typed.draft),
    };
    prompt.recalled = next;
    prompt.input = tui_input::Input::new(line);
    changed(model, now);
}

/// Esc: the line closes without an effect; a filter is the one before again, a message a draft.
fn cancel(model: &mut Model, now: Now) {
    model.screen.typed.armed = None;
    let Some(prompt) = model.prompt.take() else { return };
    match prompt.kind {
        PromptKind::Filter { before } => {
            let is_alerts = model.screen.focus() != Focus::Fleet;
            let filter = before.and_then(|text| {
                let filter = filters::check(model, is_alerts, &text).ok()?;
                Some((text, filter))
            });
            lists::set_filter(model, now, filter);
        }
        PromptKind::Search { before } => talk::search(model, before),
        PromptKind::Say(to) => say::put_aside(model, now, &to, prompt.input.value()),
        PromptKind::Command
        | PromptKind::AckNote(_)
        | PromptKind::ResolveNote(_)
        | PromptKind::Target
        | PromptKind::RejectWhy(_) => {}
    }
}

/// Enter: what was typed holds or runs; what is wrong stays open with the reason.
fn submit(model: &mut Model, now: Now) -> Vec<Cmd> {
    let Some(prompt) = model.prompt.take() else { return Vec::new() };
    let text = prompt.input.value().to_owned();
    match done(model, now, &prompt, &text) {
        Ok(cmds) => {
            model.screen.typed.armed = None;
            model.screen.typed.remember(&prompt.kind, &text);
            cmds
        }
        Err(error) => {
            model.prompt = Some(Prompt { error: Some(error), ..prompt });
            Vec::new()
        }
    }
}

/// Does what the line is for.
fn done(model: &mut Model, now: Now, prompt: &Prompt, text: &str) -> Result<Vec<Cmd>, PromptError> {
    let words = text.trim();
    let wrong = |why| whole(text, why);
    match &prompt.kind {
        PromptKind::Filter { .. } => {
            hold(model, now, prompt, text);
            prompt.error.clone().map_or(Ok(Vec::new()), Err)
        }
        PromptKind::Command if words.is_empty() => Ok(Vec::new()),
        PromptKind::Command => commands::run(model, now, text),
        PromptKind::AckNote(id) => requests::ack(model, now, *id, words).map_err(wrong),
        PromptKind::ResolveNote(id) => requests::resolve(model, now, *id, words).map_err(wrong),
        PromptKind::Say(to) if words.is_empty() => {
            model.talk.keep_draft(to, "");
            Ok(Vec::new())
        }
        PromptKind::Say(to) => {
            let cmds = say::send(model, now, to, text).map_err(wrong)?;
            model.talk.keep_draft(to, "");
            Ok(cmds)
        }
        PromptKind::Target if words == "@" => {
            talk::newest_unread(model, now);
            Ok(Vec::new())
        }
        PromptKind::Target => {
            let place = talk::checked(model, words).map_err(wrong)?;
            talk::open(model, &place.to_string());
            Ok(Vec::new())
        }
        PromptKind::Search { .. } => Ok(talk::search_further(model, now)),
        PromptKind::RejectWhy(id) => files::reject(model, now, *id, words).map_err(wrong),
    }
}

/// A filter that waited for the end of its last word holds.
fn hold(model: &mut Model, now: Now, prompt: &Prompt, text: &str) {
    let is_alerts = model.screen.focus() != Focus::Fleet;
    if prompt.is_waiting
        && let Ok(filter) = filters::check(model, is_alerts, text)
    {
        lists::set_filter(model, now, Some((text.trim().to_owned(), filter)));
    }
}

/// Something is wrong with all of it.
fn whole(text: &str, why: String) -> PromptError {
    PromptError { text: why, from: 0, to: text.chars().count() }
}
