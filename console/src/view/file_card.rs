//! The card of a file: all that a decision needs, and what can be done or became of it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::model::coded::Growing;
use systole_common::model::file::{FileState, hash_text};
use systole_common::wire::file::FileRecord;

use super::figures::{age, rate, when};
use super::files::{Shown, fit_name};
use super::text::{Pen, cells, fit};
use super::theme::Symbols;
use crate::model::files::Known;
use crate::model::prompt::PromptKind;
use crate::tables::phrase;
use crate::tone::Tone;
use crate::update::file_words::away;
use crate::update::files::is_operator;

impl Shown<'_> {
    /// The card of a file; `place`: its number, and which one of how many it is.
    pub(super) fn card(&self, known: &Known, place: &str, area: Rect, buffer: &mut Buffer) {
        let symbols = self.theme.symbols;
        let record = &known.record;
        let mut lines = (area.y..area.bottom()).map(|y| Rect { y, height: 1, ..area });
        let mut next = || lines.next().unwrap_or(Rect { height: 0, ..area });
        let mut pen = Pen::on(buffer, self.theme, next());
        pen.say(if self.is_focused { ">" } else { " " }, Tone::Strong);
        let size = format!("  {}", phrase::bytes(record.size_bytes as f64));
        let behind = cells(&size, symbols) + cells(place, symbols) + 2;
        let name = fit_name(&record.name, pen.room().saturating_sub(behind), symbols);
        pen.say(&name, Tone::Strong);
        pen.say(&size, Tone::Plain);
        pen.at_end(place, Tone::Quiet);
        self.action(known, &mut Pen::on(buffer, self.theme, next()));
        let width = usize::from(area.width).saturating_sub(1);
        let away = away(self.model, &record.host).filter(|_| known.is_open());
        let away = away.map(|state| format!("host {state}; ")).unwrap_or_default();
        for (text, tone) in [
            (sender(record, width, symbols), Tone::Plain),
            (content(record, width, symbols), Tone::Plain),
            (target(record, width, symbols), Tone::Plain),
            (self.ends(known, !away.is_empty()), Tone::Plain),
            (
                format!("{away}note: {}", or_dash(&record.note)),
                if away.is_empty() { Tone::Plain } else { Tone::Warning },
            ),
        ] {
            let mut pen = Pen::on(buffer, self.theme, next());
            pen.skip(1);
            pen.say(&text, tone);
        }
    }

    /// What can be done with the file, or what became of it.
    fn action(&self, known: &Known, pen: &mut Pen<'_>) {
        let id = known.record.id;
        pen.skip(1);
        let is_typed = self.model.prompt.as_ref().map(|prompt| &prompt.kind);
        if self.model.requests.pending_file(id).is_some() || !known.is_waiting() {
            self.state(known, pen);
            pen.say(&self.since(known).unwrap_or_default(), Tone::Quiet);
        } else if self.is_focused && self.model.files.armed == Some(id) {
            pen.say("ARMED: Enter accepts it, Esc does not", Tone::Reversed);
        } else if is_typed == Some(&PromptKind::RejectWhy(id)) {
            pen.say("ARMED: Enter rejects it, Esc does not", Tone::Reversed);
        } else if self.is_focused && is_operator(self.model) {
            pen.say("y accept  n reject  v details  m ask", Tone::Strong);
        } else if self.is_focused {
            pen.say("waits for an operator  v details", Tone::Warning);
        } else {
            pen.say("waits for a decision: [4], or Tab", Tone::Warning);
        }
    }

    /// When it came to where it is.
    fn since(&self, known: &Known) -> Option<String> {
        let now = self.model.shown_now(self.now);
        let is_decided = self.model.requests.pending_file(known.record.id).is_none();
        if let Some(at) = known.record.finished_at.filter(|_| is_decided) {
            return Some(format!("  ({})", when(at, now.wall)));
        }
        let heard = known.decided_at(now.mono).filter(|_| is_decided && !known.is_moving())?;
        Some(format!("  ({} ago)", phrase::span(now.mono.since(heard))))
    }

    /// When the offer, or what was accepted, expires, and how much room there was for it.
    fn ends(&self, known: &Known, is_away: bool) -> String {
        let record = &known.record;
        let now = self.model.shown_now(self.now).wall;
        let until = when(record.expires_at, now);
        let free = rate(record.free_bytes as f64);
        if known.is_waiting() {
            format!("free {free}  expires {}, {until}", age(record.expires_at.since(now)))
        } else if known.is_open() && is_away && known.bytes_per_s(self.now.mono).is_none() {
            format!("comes when it is back, until {until}")
        } else if known.is_open() {
            format!("free {free}  without a byte until {until} it ends")
        } else {
            format!("offered {}", record.offered_at.local())
        }
    }
}

/// Who offers it, and the certificate of that host.
fn sender(record: &FileRecord, width: usize, symbols: Symbols) -> String {
    let sender = format!("from {}  cert ", record.sender);
    let room = width.saturating_sub(cells(&sender, symbols)).max(8);
    format!("{sender}{}", middle(&record.certificate, room, symbols))
}

fn content(record: &FileRecord, width: usize, symbols: Symbols) -> String {
    let content = if record.content.is_empty() { "type unknown" } else { &record.content };
    let room = width.saturating_sub(cells(content, symbols) + 9).max(8);
    format!("blake3 {}  {content}", middle(&hash_text(&record.blake3), room, symbols))
}

/// Where it is saved, or would be.
fn target(record: &FileRecord, width: usize, symbols: Symbols) -> String {
    let word = match record.state {
        Growing::Known(FileState::Verified) => "saved as ",
        Growing::Known(FileState::Offered | FileState::Accepted | FileState::Receiving)
        | Growing::Unknown(_) => "to ",
        Growing::Known(
            FileState::Rejected | FileState::Failed | FileState::Expired | FileState::Withdrawn,
        ) => return "nothing of it is saved".to_owned(),
    };
    let path = fit_name(&record.path, width.saturating_sub(word.len()), symbols);
    format!("{word}{}", or_dash(&path))
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// `text` with its middle left out where it is too long.
fn middle(text: &str, cells_max: usize, symbols: Symbols) -> String {
    fit(&fit_name(text, cells_max, symbols), cells_max, symbols).into_owned()
}
