//! Files: the list, one row each, and the card of the one under the cursor, which says all that a
//! decision needs. As a view, as a tab of a host, and as a pane beside the fleet.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::model::coded::Growing;
use systole_common::model::file::{FileState, hash_text};
use systole_common::time::Now;

use super::bar;
use super::figures::{age, clock, rate};
use super::layout::Layout;
use super::text::{Pen, Side, cells, fit};
use super::theme::{Symbols, Theme};
use crate::model::Model;
use crate::model::files::Known;
use crate::model::host_list::scrolled;
use crate::model::host_view::Tab;
use crate::model::prompt::PromptKind;
use crate::model::screen::{Focus, View};
use crate::tables::phrase;
use crate::tone::Tone;
use crate::update::files::{decided_words, listed_host};

/// Lines of a whole card.
pub const CARD_ROWS: u16 = 7;
/// With fewer lines a card says too little to decide.
const CARD_ROWS_MIN: u16 = 6;
/// From this height on there is room for a list above the card.
const LIST_HEIGHT_MIN: u16 = CARD_ROWS + 5;
/// From this width on a row has bars and words.
const WIDE_MIN: usize = 70;
/// Cells of what a row says of its file, where there is room and where there is less.
const INFO_CELLS: (usize, usize) = (42, 15);
const HOST_CELLS_MAX: usize = 16;

/// The file whose card is on the screen, whole enough to decide by it.
pub fn carded(model: &Model) -> Option<u64> {
    let layout = Layout::of(model);
    let tab = model.host.as_ref().map(|view| view.tab);
    let (rows, is_pane) = match model.screen.view {
        View::Files => (layout.main.height, false),
        View::Host if tab == Some(Tab::Files) => (layout.main.height.saturating_sub(1), false),
        View::Fleet => (layout.offers.height.saturating_sub(1), true),
        View::Host | View::Alerts | View::Chat => return None,
    };
    if rows < CARD_ROWS_MIN || model.screen.popup.is_some() {
        return None;
    }
    let listed = model.files.listed(listed_host(model));
    let (_, known) = model.files.selected(&listed)?;
    (!is_pane || known.is_waiting()).then_some(known.record.id)
}

/// `name` in at most `cells_max` cells: it is cut in its middle, so that its end can be seen, with at
/// least its extension.
pub fn fit_name(name: &str, cells_max: usize, symbols: Symbols) -> String {
    let all = cells(name, symbols);
    if all <= cells_max {
        return name.to_owned();
    }
    let cut = symbols.cut();
    let room = cells_max.saturating_sub(cells(cut, symbols));
    let extension = name.rfind('.').and_then(|at| name.get(at..)).unwrap_or_default();
    let tail_cells = cells(extension, symbols).max(room / 2).min(room);
    let mut tail_from = name.len();
    for (at, _) in name.char_indices().rev() {
        if cells(name.get(at..).unwrap_or_default(), symbols) > tail_cells {
            break;
        }
        tail_from = at;
    }
    let mut head_to = 0;
    for (at, c) in name.char_indices() {
        let end = at + c.len_utf8();
        if cells(name.get(..end).unwrap_or_default(), symbols) > room - tail_cells {
            break;
        }
        head_to = end;
    }
    let (head, tail) = (name.get(..head_to), name.get(tail_from..));
    format!("{}{cut}{}", head.unwrap_or_default(), tail.unwrap_or_default())
}

/// Draws the list and the card below it; where there is no room for both, the card.
pub(super) fn draw(model: &Model, now: Now, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let shown = Shown { model, now, theme, is_focused: true };
    let listed = model.files.listed(listed_host(model));
    let Some((row, known)) = model.files.selected(&listed) else {
        Pen::on(buffer, theme, area).say(shown.empty_words(), Tone::Quiet);
        return;
    };
    if area.height < LIST_HEIGHT_MIN {
        let place = format!("{}/{}", row + 1, listed.len());
        return shown.card(known, &place, area, buffer);
    }
    let list = Rect { height: area.height - CARD_ROWS - 1, ..area };
    shown.list(&listed, row, list, buffer);
    let heading = Rect { y: list.bottom(), height: 1, ..area };
    shown.rule(&format!(" FILE {} ", known.record.id), "", &mut Pen::on(buffer, theme, heading));
    let card = Rect { y: heading.bottom(), height: CARD_ROWS, ..area };
    shown.card(known, "", card, buffer);
}

/// Draws the offer that waits with a heading; without one, the newest files.
pub(super) fn pane(model: &Model, now: Now, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let is_focused = model.screen.focus() == Focus::Files;
    let shown = Shown { model, now, theme, is_focused };
    let moving = match model.files.moving() {
        0 => String::new(),
        moving => format!(" {moving} coming in "),
    };
    let words = format!(" OFFERS {} ", model.files.waiting());
    shown.rule(&words, &moving, &mut Pen::on(buffer, theme, area));
    let area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let listed = model.files.listed(None);
    match model.files.selected(&listed) {
        Some((row, known)) if known.is_waiting() => {
            let place = format!("{}/{}", row + 1, listed.len());
            shown.card(known, if listed.len() > 1 { &place } else { "" }, area, buffer);
        }
        Some((row, _)) => shown.rows(&listed, row, area, buffer),
        None => Pen::on(buffer, theme, area).say(shown.empty_words(), Tone::Quiet),
    }
}

/// Files as they are shown.
struct Shown<'a> {
    model: &'a Model,
    now: Now,
    theme: &'a Theme,
    is_focused: bool,
}

impl Shown<'_> {
    fn empty_words(&self) -> &'static str {
        if self.model.freshness.shown_at().is_some() { " no file was offered" } else { "" }
    }

    fn rule(&self, words: &str, end: &str, pen: &mut Pen<'_>) {
        let (rule, _) = self.theme.symbols.rules();
        let tone = if self.is_focused { Tone::Strong } else { Tone::Quiet };
        pen.fill(rule, 2, tone);
        pen.say(words, tone);
        let rest = pen.room().saturating_sub(cells(end, self.theme.symbols) + 2);
        pen.fill(rule, rest, tone);
        pen.say(end, Tone::Plain);
        pen.fill(rule, 2, tone);
    }

    fn list(&self, listed: &[&Known], row: usize, area: Rect, buffer: &mut Buffer) {
        let (host, name, info) = columns(usize::from(area.width));
        let mut pen = Pen::on(buffer, self.theme, area);
        pen.skip(1);
        for (head, width) in [("HOST", host), ("FILE", name), ("STATE", info)] {
            pen.field(head, width, Side::Left, Tone::Strong);
            pen.skip(1);
        }
        let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        self.rows(listed, row, rows, buffer);
    }

    fn rows(&self, listed: &[&Known], row: usize, area: Rect, buffer: &mut Buffer) {
        let rows = usize::from(area.height);
        let first = scrolled(0, row, listed.len(), rows);
        let visible = listed.iter().enumerate().skip(first);
        for (y, (at, known)) in (area.y..area.bottom()).zip(visible) {
            let area = Rect { y, height: 1, ..area };
            let is_selected = at == row && self.is_focused;
            let mut pen = Pen::on(buffer, self.theme, area);
            pen.say(if is_selected { ">" } else { " " }, Tone::Strong);
            self.row(known, &mut pen);
            if is_selected {
                buffer.set_style(area, self.theme.style(Tone::Reversed));
            }
        }
    }

    fn row(&self, known: &Known, pen: &mut Pen<'_>) {
        let (host, name, _) = columns(pen.room() + 1);
        pen.field(&known.record.host, host, Side::Left, Tone::Plain);
        pen.skip(1);
        let text = fit_name(&known.record.name, name, self.theme.symbols);
        let tone = if known.is_open() { Tone::Plain } else { Tone::Quiet };
        pen.field(&text, name, Side::Left, tone);
        pen.skip(1);
        self.state(known, pen);
    }

    /// Where a file is; while its bytes come, how far.
    fn state(&self, known: &Known, pen: &mut Pen<'_>) {
        if let Some(words) = self.model.requests.pending_file(known.record.id) {
            return pen.say(words, Tone::Plain);
        }
        if known.is_moving() {
            return self.progress(known, pen);
        }
        let (words, tone) = state_words(known, self.model.shown_now(self.now));
        pen.say(&words, tone);
    }

    /// `[|||||...] 61% 734M/1.2G 18M/s eta 0:26`.
    fn progress(&self, known: &Known, pen: &mut Pen<'_>) {
        let record = &known.record;
        let is_live = self.model.is_live(self.now);
        let now = self.now.mono;
        let tone = if is_live { Tone::Plain } else { Tone::Quiet };
        if pen.room() >= INFO_CELLS.0 - 1 {
            pen.say("[", tone);
            bar::draw(pen, known.percent(), bar::BAR_CELLS, tone);
            pen.say("] ", tone);
        }
        let old = if is_live { "" } else { "~" };
        let (here, size) = (rate(record.received_bytes as f64), rate(record.size_bytes as f64));
        pen.say(&format!("{old}{:.0}% {here}/{size}", known.percent().floor()), tone);
        if !is_live {
            return;
        }
        if let Some(still) = known.still(now) {
            return pen.say(&format!(" no byte for {}", age(still)), Tone::Warning);
        }
        let speed = known.bytes_per_s(now).map(|speed| format!(" {}/s", rate(speed)));
        let left = known.left(now).map(|left| format!(" eta {}", minutes(left)));
        pen.say(&format!("{}{}", speed.unwrap_or_default(), left.unwrap_or_default()), tone);
        if known.is_resumed(now) {
            pen.say(" RESUMED", Tone::Strong);
        }
    }

    /// The card of a file; `place`: which one of how many it is.
    fn card(&self, known: &Known, place: &str, area: Rect, buffer: &mut Buffer) {
        let symbols = self.theme.symbols;
        let record = &known.record;
        let now = self.model.shown_now(self.now);
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
        let mut say = |text: String, tone| {
            let mut pen = Pen::on(buffer, self.theme, next());
            pen.skip(1);
            pen.say(&text, tone);
        };
        let width = usize::from(area.width).saturating_sub(1);
        let sender = format!("from {}  cert ", record.sender);
        let room = width.saturating_sub(cells(&sender, symbols)).max(8);
        say(format!("{sender}{}", middle(&record.certificate, room, symbols)), Tone::Plain);
        let content = if record.content.is_empty() { "type unknown" } else { &record.content };
        let room = width.saturating_sub(cells(content, symbols) + 9).max(8);
        let hash = middle(&hash_text(&record.blake3), room, symbols);
        say(format!("blake3 {hash}  {content}"), Tone::Plain);
        let path = fit_name(&record.path, width.saturating_sub(3), symbols);
        say(format!("to {path}"), Tone::Plain);
        let left = age(record.expires_at.since(now.wall));
        let free = rate(record.free_bytes as f64);
        let ends = if known.is_open() {
            format!("expires {left} at {}  free {free}", clock(record.expires_at))
        } else {
            format!("offered {}", record.offered_at.local())
        };
        say(ends, Tone::Plain);
        let note = if record.note.is_empty() { "-" } else { &record.note };
        say(format!("note: {note}"), Tone::Plain);
    }

    /// What can be done with the file, or what became of it.
    fn action(&self, known: &Known, pen: &mut Pen<'_>) {
        let id = known.record.id;
        pen.skip(1);
        let is_typed = self.model.prompt.as_ref().map(|prompt| &prompt.kind);
        if self.model.requests.pending_file(id).is_some() || !known.is_waiting() {
            self.state(known, pen);
            if known.decided(self.now.mono).is_some() && !known.is_moving() {
                pen.say(&format!("  ({})", decided_words(known, self.now)), Tone::Quiet);
            }
        } else if self.model.files.armed == Some(id) {
            pen.say("ARMED: Enter accepts it, Esc does not", Tone::Reversed);
        } else if is_typed == Some(&PromptKind::RejectWhy(id)) {
            pen.say("ARMED: Enter rejects it, Esc does not", Tone::Reversed);
        } else if self.is_focused {
            pen.say("y accept  n reject  v details  m ask", Tone::Strong);
        } else {
            pen.say("waits for a decision: [4], or Tab", Tone::Warning);
        }
    }
}

/// Cells of host, name and the rest in a row of `width`.
fn columns(width: usize) -> (usize, usize, usize) {
    let info = if width >= WIDE_MIN { INFO_CELLS.0 } else { INFO_CELLS.1 };
    let rest = width.saturating_sub(info + 3);
    let host = (rest / 3).min(HOST_CELLS_MAX);
    (host, rest - host, info)
}

/// Where a file is, in words; the most important first.
fn state_words(known: &Known, now: Now) -> (String, Tone) {
    let record = &known.record;
    let size = rate(record.size_bytes as f64);
    let by = record.decided_by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    let why = if record.reason.is_empty() { String::new() } else { format!(": {}", record.reason) };
    match record.state {
        Growing::Known(FileState::Offered) => {
            let left = age(record.expires_at.since(now.wall));
            (format!("OFFERED {size}, expires {left}"), Tone::Warning)
        }
        Growing::Known(FileState::Accepted) => (format!("accepted{by}, {size}"), Tone::Plain),
        Growing::Known(FileState::Receiving) => (format!("receiving {size}"), Tone::Plain),
        Growing::Known(FileState::Verified) => (format!("VERIFIED {size}{by}"), Tone::Good),
        Growing::Known(FileState::Rejected) => (format!("rejected{by}{why}"), Tone::Quiet),
        Growing::Known(FileState::Failed) => (format!("FAILED{why}"), Tone::Bad),
        Growing::Known(FileState::Expired) => (format!("expired{why}"), Tone::Quiet),
        Growing::Known(FileState::Withdrawn) => (format!("withdrawn{why}"), Tone::Quiet),
        Growing::Unknown(_) => (record.state.to_string(), Tone::Plain),
    }
}

/// `text` with its middle left out where it is too long.
fn middle(text: &str, cells_max: usize, symbols: Symbols) -> String {
    fit(&fit_name(text, cells_max, symbols), cells_max, symbols).into_owned()
}

/// `0:26`, `1:02:03`.
fn minutes(span: Duration) -> String {
    let seconds = span.as_secs().min(359_999);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_end_and_its_extension() {
        let fit = |name, cells_max| fit_name(name, cells_max, Symbols::Block);
        assert_eq!(fit("core.dump.zst", 13), "core.dump.zst");
        assert_eq!(fit("core.dump.zst", 9), "core….zst");
        assert_eq!(fit("invoice.pdf                          .exe", 14), "invoice…  .exe");
        for cells_max in 1..20 {
            let shown = fit("a-report-of-the-quarter-数据.tar.gz", cells_max);
            assert!(cells(&shown, Symbols::Block) <= cells_max, "{shown}");
            assert!(cells_max < 4 || shown.contains(".gz"), "{shown}");
        }
    }

    #[test]
    fn times_that_are_left_are_read_as_a_clock() {
        let said = [26, 61, 3_723, 9_999_999].map(|s| minutes(Duration::from_secs(s)));
        assert_eq!(said, ["0:26", "1:01", "1:02:03", "99:59:59"]);
    }
}
