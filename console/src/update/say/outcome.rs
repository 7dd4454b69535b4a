//! What becomes of a line: it is sent, refused, or nobody knows; then it comes back as a draft, and
//! leaves it again when it turns out that it was sent.

use systole_common::model::coded::Growing;
use systole_common::model::host::HostState;
use systole_common::time::Now;
use systole_common::wire::talk::MessageRecord;

use super::{requests, short, talk};
use crate::model::fleet::Row;
use crate::model::prompt::{Prompt, PromptKind};
use crate::model::requests::RequestId;
use crate::model::screen::{Pane, View};
use crate::model::talk::returned::{Returned, without, woven};
use crate::model::talk::{OPS, Sending};
use crate::model::{Dirty, Model};
use crate::msg::{Answer, NoAnswer};
use crate::tables::phrase;
use crate::tone::Tone;
use crate::view::layout::Layout;

/// Characters of a line that are told again.
const TOLD_CHARS: usize = 24;

/// The daemon confirmed a line, or refused it, or was not heard any more.
pub(in crate::update) fn answered(
    model: &mut Model,
    now: Now,
    request: RequestId,
    to: &str,
    answer: Result<Answer, NoAnswer>,
) {
    let sending = &mut model.talk.sending;
    let at = sending.iter().position(|one| one.request == request);
    let line = at.map(|at| sending.remove(at));
    model.dirty = Dirty::Now;
    match (answer, line) {
        (Ok(Answer::Messages(messages)), line) => {
            let number = messages.first().map(|(record, _)| record.number);
            talk::keep(model, messages);
            sent(model, now, number, line);
        }
        (Ok(_), _) => {}
        (Err(_), Some(line)) if line.is_here.is_some() => {
            sent(model, now, line.is_here, Some(line));
        }
        (Err(no), line) => {
            let sentence = sentence(&no, to);
            if let Some(line) = line {
                let sent_after = no.may_be_done.then_some(line.after);
                let (to, text) = (line.to, line.text);
                give_back(model, Returned { request, to, text, sent_after });
            }
            let tone = if no.may_be_done { Tone::Warning } else { Tone::Bad };
            requests::say(model, now, tone, sentence);
        }
    }
}

/// What came of a line that has no answer, the important first.
fn sentence(no: &NoAnswer, to: &str) -> String {
    let (to, why) = (short(to), &no.why);
    if no.may_be_done {
        return format!("it is not known whether it was sent; kept as a draft of {to}: {why}");
    }
    let wait = no.retry_after.map(|wait| {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        format!("try again in {} s: ", seconds.max(1))
    });
    format!("NOT sent, kept as a draft of {to}: {}{why}", wait.unwrap_or_default())
}

/// The daemon has a line: says so where its chat is not on the screen.
fn sent(model: &mut Model, now: Now, number: Option<u64>, line: Option<Sending>) {
    let (Some(number), Some(line)) = (number, line) else { return };
    model.talk.is_for_these(number, line.hosts);
    let is_beside = model.screen.view == View::Fleet && Layout::of(model).has(Pane::Chat);
    if is_beside || talk::shown(model).as_ref() == Some(&line.to) {
        return;
    }
    if let Some((text, tone)) = model.talk.get(number).map(|said| told(model, &said.record)) {
        requests::say(model, now, tone, text);
    }
}

/// To whom a message goes, and who does not get it now.
fn told(model: &Model, record: &MessageRecord) -> (String, Tone) {
    let MessageRecord { targets, failed, .. } = *record;
    let said = model.talk.get(record.number);
    let all = model.fleet.rows().map(|row| row.summary.host.as_str());
    let waits = said.and_then(|said| said.waits_for(all)).unwrap_or_default();
    let away: Vec<&Row> = waits
        .iter()
        .filter_map(|host| model.fleet.get(host))
        .filter(|row| is_away(row.summary.state))
        .collect();
    match (targets, away.as_slice()) {
        (0, _) if record.to == OPS => ("sent to the operators".to_owned(), Tone::Good),
        (0, _) => (format!("sent to {}; no host is known yet", short(&record.to)), Tone::Warning),
        (1, _) if failed > 0 => {
            (format!("{} never gets it: too much waits for it", short(&record.to)), Tone::Bad)
        }
        (1, [row]) => {
            let (host, state) = (&row.summary.host, row.summary.state);
            (format!("{host} is away ({state}), gets it when it is back"), Tone::Warning)
        }
        (_, away) => {
            let count = phrase::count(usize::try_from(targets).unwrap_or(usize::MAX), "host");
            let mut text = format!("sent to {count}");
            if failed > 0 {
                text = format!("{text}; {failed} never get it: too much waits for them");
            }
            if !away.is_empty() {
                text = format!("{text}; {} away, to get it when back", away.len());
            }
            let tone = if failed > 0 { Tone::Bad } else { Tone::Good };
            (text, tone)
        }
    }
}

/// Whether a host in this state has no link.
fn is_away(state: Growing<HostState>) -> bool {
    let away = [HostState::Unreachable, HostState::Down, HostState::Left];
    state.known().is_some_and(|state| away.contains(&state))
}

/// One's own message is here: that of a line on its way, or of one that came back as a draft.
pub(in crate::update) fn is_here(model: &mut Model, now: Now, record: &MessageRecord) {
    let is_it = |one: &&mut Sending| {
        one.is_here.is_none()
            && record.number > one.after
            && one.to == record.to
            && one.text == record.text
    };
    if let Some(one) = model.talk.sending.iter_mut().find(is_it) {
        one.is_here = Some(record.number);
        return;
    }
    let Some(line) = model.talk.take_back(record) else { return };
    let is_taken = take_out(model, &line);
    let what = told_again(&line.text);
    let rest =
        if is_taken { "its draft is gone" } else { "what you made of its draft is still there" };
    let text = format!("it was sent after all: {what}; {rest}");
    requests::say(model, now, Tone::Good, text);
}

/// What was not sent is there to be sent again, before what was typed meanwhile.
fn give_back(model: &mut Model, line: Returned) {
    let text = line.text.clone();
    let to = line.to.clone();
    let earlier = model.talk.give_back(line);
    let earlier: Vec<&str> = earlier.iter().map(String::as_str).collect();
    if let Some(prompt) = open_line(model, &to) {
        let value = prompt.input.value();
        let (whole, at, added) = woven(value, &earlier, &text);
        let cursor = byte_of(value, prompt.input.cursor());
        let cursor = if cursor >= at { cursor + added } else { cursor };
        set(prompt, whole, cursor);
        return;
    }
    let draft = woven(model.talk.draft(&to), &earlier, &text).0;
    model.talk.keep_draft(&to, draft.trim_end_matches('\n'));
}

/// Takes a line out of the open line and its draft; false if it does not stand there as it was.
fn take_out(model: &mut Model, line: &Returned) -> bool {
    let draft = without(model.talk.draft(&line.to), &line.text);
    let is_draft = draft.is_some();
    if let Some((rest, _)) = draft {
        model.talk.keep_draft(&line.to, rest.trim_end_matches('\n'));
    }
    let Some(prompt) = open_line(model, &line.to) else { return is_draft };
    let value = prompt.input.value();
    let Some((rest, at)) = without(value, &line.text) else { return false };
    let cursor = byte_of(value, prompt.input.cursor());
    let gone = value.len() - rest.len();
    let cursor = if cursor > at { cursor.saturating_sub(gone).max(at) } else { cursor };
    set(prompt, rest, cursor);
    true
}

fn open_line<'a>(model: &'a mut Model, to: &str) -> Option<&'a mut Prompt> {
    let is_open =
        |prompt: &&mut Prompt| matches!(&prompt.kind, PromptKind::Say(other) if other == to);
    model.prompt.as_mut().filter(is_open)
}

/// The byte before which so many characters are.
fn byte_of(text: &str, chars: usize) -> usize {
    text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at)
}

fn set(prompt: &mut Prompt, text: String, cursor_byte: usize) {
    let cursor = text.get(..cursor_byte).unwrap_or(&text).chars().count();
    prompt.input = tui_input::Input::new(text).with_cursor(cursor);
}

/// The begin of a line.
fn told_again(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let begin: String = first.chars().take(TOLD_CHARS).collect();
    if begin.len() < text.len() { format!("{begin}…") } else { begin }
}
