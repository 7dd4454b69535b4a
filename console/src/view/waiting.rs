//! The line above the hints: what waits for a human, or the last word about what somebody did. A word
//! that is longer than the line takes up to three.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::model::file::hash_text;
use systole_common::time::Now;

use super::alerts::severity;
use super::figures::{self, age};
use super::files;
use super::text::Pen;
use super::theme::{Symbols, Theme};
use super::wrap::wrap;
use crate::model::Model;
use crate::model::files::Known;
use crate::model::prompt::PromptKind;
use crate::tone::Tone;
use crate::update::file_words::away;
use crate::update::files::{card_with_keys, is_operator};

/// Cells of an offered name.
const NAME_CELLS: usize = 28;
/// Between two parts.
const GAP: usize = 3;
/// With less room there is one part only.
const SECOND_CELLS_MIN: usize = 20;

/// Most lines of a sentence that does not fit in one.
const ROWS_MAX: usize = 3;

/// What is said about what somebody did.
struct Word {
    text: String,
    tone: Tone,
    /// All of it is to be read, over several lines if need be.
    is_whole: bool,
}

/// Lines that it needs on a screen of this width: one, unless what is said is longer.
pub(super) fn rows(model: &Model, width: u16) -> u16 {
    let said = said(model).filter(|said| said.is_whole && model.alarm().is_none());
    let lines = said.map_or(1, |said| wrap(&said.text, room(width), Symbols::Block).len());
    u16::try_from(lines.min(ROWS_MAX)).unwrap_or(1)
}

/// Cells of a line for words.
fn room(width: u16) -> usize {
    usize::from(width).saturating_sub(1)
}

/// Draws it.
pub(super) fn draw(model: &Model, now: Now, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let waits = waits(model, now);
    let said = said(model);
    if area.height > 1
        && let Some(said) = said
    {
        return lines(&said, waits.as_ref(), theme, area, buffer);
    }
    let mut pen = Pen::on(buffer, theme, area);
    pen.skip(1);
    let said = said.map(|said| (said.text, said.tone));
    // What began after the last word comes before it; else it stands behind it.
    let is_newer = model.alarm().is_some();
    let parts = if is_newer { [waits, said] } else { [said, waits] };
    let parts: Vec<(String, Tone)> = parts.into_iter().flatten().collect();
    if parts.is_empty() && model.is_live(now) {
        pen.say(idle_words(model), Tone::Quiet);
    }
    for (at, (text, tone)) in parts.iter().enumerate() {
        pen.skip(if at > 0 { GAP } else { 0 });
        if at == 0 || pen.room() >= SECOND_CELLS_MIN {
            pen.say(text, *tone);
        }
    }
}

/// What is said where nothing else is: the offer whose card has the keys does wait.
fn idle_words(model: &Model) -> &'static str {
    let waits = card_with_keys(model).is_some_and(Known::is_waiting);
    if waits && is_operator(model) {
        "this offer waits for your decision"
    } else {
        "nothing waits for you"
    }
}

/// What is said over all lines of `area`, and behind it what waits.
fn lines(
    said: &Word,
    waits: Option<&(String, Tone)>,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    let lines = wrap(&said.text, room(area.width), theme.symbols);
    let last = usize::from(area.height) - 1;
    for (y, at) in (area.y..area.bottom()).zip(0..) {
        let text = if at < last {
            lines.get(at).cloned().unwrap_or_default()
        } else {
            lines.get(at..).unwrap_or_default().join(" ")
        };
        let mut pen = Pen::on(buffer, theme, Rect { y, height: 1, ..area });
        pen.skip(1);
        pen.say(&text, said.tone);
        pen.skip(GAP);
        if at == last
            && pen.room() >= SECOND_CELLS_MIN
            && let Some((text, tone)) = waits
        {
            pen.say(text, *tone);
        }
    }
}

/// What a prompt has to say comes first, then the last word, then the link.
fn said(model: &Model) -> Option<Word> {
    let whole = |text: &str, tone| Some(Word { text: text.to_owned(), tone, is_whole: true });
    if let Some(prompt) = &model.prompt {
        if let Some(text) = over(model, &prompt.kind) {
            return whole(&text, Tone::Bad);
        }
        if let Some(error) = &prompt.error {
            return whole(&error.text, Tone::Bad);
        }
        if !prompt.completions.is_empty() {
            let text = format!("Tab: {}", prompt.completions.join("  "));
            return Some(Word { text, tone: Tone::Quiet, is_whole: false });
        }
    }
    if model.screen.leaving_until.is_some() {
        return whole("q again leaves", Tone::Warning);
    }
    if let Some(notice) = &model.requests.notice {
        return whole(&notice.text, notice.tone);
    }
    model.freshness.trouble.as_ref().and_then(|why| whole(why, Tone::Warning))
}

/// What is said while a reason is typed for an offer that is over.
fn over(model: &Model, kind: &PromptKind) -> Option<String> {
    let PromptKind::RejectWhy(id) = kind else { return None };
    let how = match model.files.get(*id) {
        Some(known) if known.is_waiting() => return None,
        Some(known) => format!("{} is {}", known.record.name, known.record.state),
        None => format!("file {id} is gone"),
    };
    Some(format!("the offer is over, {how}: nothing is sent; Enter or Esc closes"))
}

/// What waits: a critical alert that has just begun; else the newest of an alert that nobody has, an offer
/// that nobody decided, an unread message.
fn waits(model: &Model, now: Now) -> Option<(String, Tone)> {
    if model.alarm().is_some() {
        return alert(model, now);
    }
    let alert_at = model.newest_waiting().map(|alert| alert.since);
    // Who has the keys on the card of an offer reads it there.
    let is_read = card_with_keys(model).is_some_and(Known::is_waiting);
    let offer_at = model.files.newest_offered_at().filter(|_| !is_read);
    let spoken_at = model.talk.newest_unread().map(|said| said.record.time);
    let newest = alert_at.into_iter().chain(offer_at).chain(spoken_at).max()?;
    if Some(newest) == offer_at {
        offer(model, now)
    } else if Some(newest) == spoken_at {
        spoken(model)
    } else {
        alert(model, now)
    }
}

/// `offer: web-0142 core.dump.zst 1.2G [4] decides  expires 4m12  blake3 9f2c..a1`: the one that waits
/// longest, to which the key leads.
fn offer(model: &Model, now: Now) -> Option<(String, Tone)> {
    let known = model.files.next_waiting()?;
    let record = &known.record;
    let hash = hash_text(&record.blake3);
    let (head, tail) = (hash.get(..4).unwrap_or_default(), hash.get(62..).unwrap_or_default());
    let name = files::fit_name(&record.name, NAME_CELLS, Symbols::Ascii);
    let size = figures::rate(record.size_bytes as f64);
    let left = age(record.expires_at.since(model.shown_now(now).wall));
    let others = others(model.files.waiting());
    let does = if is_operator(model) { "decides" } else { "shows it" };
    let state =
        away(model, &record.host).map(|state| format!("host {state}, ")).unwrap_or_default();
    let text = format!(
        "offer: {} {name} {size} [4] {does}{others}  {state}expires {left}  blake3 {head}..{tail}",
        record.host
    );
    Some((text, Tone::Strong))
}

/// `chat: db-1/root > the fan is loud  [@] reads`.
fn spoken(model: &Model) -> Option<(String, Tone)> {
    let said = model.talk.newest_unread()?;
    let record = &said.record;
    let others = others(model.talk.unread());
    let text = record.text.replace('\n', " ");
    Some((format!("chat: {} > {text}{others}  [@] reads", record.from), Tone::Strong))
}

fn others(all: usize) -> String {
    if all > 1 { format!(" (+{})", all - 1) } else { String::new() }
}

fn alert(model: &Model, now: Now) -> Option<(String, Tone)> {
    let alert = model.newest_waiting()?;
    let others = model.alerts.len() - model.alerts.count_acked() - 1;
    let others = if others > 0 { format!("  (+{others})") } else { String::new() };
    let (letter, tone) = severity(alert);
    let since = age(model.shown_now(now).wall.since(alert.since));
    let what = match alert.host.as_deref() {
        Some(host) if !alert.summary.contains(host) => format!("{host}: {}", alert.summary),
        Some(_) | None => alert.summary.clone(),
    };
    Some((format!("! {letter} {since} {what}{others}"), tone))
}
