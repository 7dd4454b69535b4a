//! Files: the list, one row each, and the card of the one under the cursor. As a view, as a tab of a
//! host, and as a pane beside the fleet.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::model::coded::Growing;
use systole_common::model::file::FileState;
use systole_common::time::{Now, UnixMs};

use super::bar;
use super::figures::{age, clock, day, rate};
use super::layout::Layout;
use super::text::{Pen, Side, cells};
use super::theme::{Symbols, Theme};
use crate::model::Model;
use crate::model::files::Known;
use crate::model::host_list::scrolled;
use crate::model::host_view::Tab;
use crate::model::screen::{Focus, View};
use crate::tone::Tone;
use crate::update::files::{here, under_cursor};

/// Lines of a whole card.
pub const CARD_ROWS: u16 = 7;
/// With fewer lines a card says too little to decide.
pub const CARD_ROWS_MIN: u16 = 6;
/// From this height on there is room for a list above the card.
const LIST_HEIGHT_MIN: u16 = CARD_ROWS + 5;
/// From this width on a row has times, bars and words.
const WIDE_MIN: usize = 70;
/// Cells of what a row says of its file, where there is room and where there is less.
const INFO_CELLS: (usize, usize) = (40, 15);
const HOST_CELLS_MAX: usize = 16;
/// Cells of the time at which a file was offered.
const TIME_CELLS: usize = 5;

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
    let here = here(model);
    let (_, known) = under_cursor(model, &here)?;
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
    let listed = here(model);
    let Some((row, known)) = under_cursor(model, &listed) else {
        Pen::on(buffer, theme, area).say(shown.empty_words(), Tone::Quiet);
        return;
    };
    if area.height < LIST_HEIGHT_MIN {
        return shown.card(known, &place(known, row, listed.len()), area, buffer);
    }
    let list = Rect { height: area.height - CARD_ROWS - 1, ..area };
    shown.list(&listed, row, list, buffer);
    let heading = Rect { y: list.bottom(), height: 1, ..area };
    shown.rule(&format!(" FILE {} ", known.record.id), "", &mut Pen::on(buffer, theme, heading));
    let card = Rect { y: heading.bottom(), height: CARD_ROWS, ..area };
    shown.card(known, "", card, buffer);
}

/// Draws the offer that waits longest with a heading; with the keys, that under the cursor; where none
/// waits, the newest files.
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
    let listed = here(model);
    match under_cursor(model, &listed) {
        Some((row, known)) if known.is_waiting() => {
            shown.card(known, &place(known, row, listed.len()), area, buffer);
        }
        Some((row, _)) => shown.rows(&listed, row, area, buffer),
        None => Pen::on(buffer, theme, area).say(shown.empty_words(), Tone::Quiet),
    }
}

/// `file 7`, and which one of how many it is.
fn place(known: &Known, row: usize, len: usize) -> String {
    let id = known.record.id;
    if len > 1 { format!("file {id}  {}/{len}", row + 1) } else { format!("file {id}") }
}

/// Files as they are shown.
pub(super) struct Shown<'a> {
    pub(super) model: &'a Model,
    pub(super) now: Now,
    pub(super) theme: &'a Theme,
    pub(super) is_focused: bool,
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
        let columns = Columns::of(usize::from(area.width), listed);
        let mut pen = Pen::on(buffer, self.theme, area);
        pen.skip(1);
        let heads = [
            ("ID", columns.id, Side::Right),
            ("TIME", columns.time, Side::Left),
            ("HOST", columns.host, Side::Left),
            ("FILE", columns.name, Side::Left),
            ("STATE", columns.info, Side::Left),
        ];
        for (head, width, side) in heads.into_iter().filter(|(_, width, _)| *width > 0) {
            pen.field(head, width, side, Tone::Strong);
            pen.skip(1);
        }
        let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        self.rows(listed, row, rows, buffer);
    }

    fn rows(&self, listed: &[&Known], row: usize, area: Rect, buffer: &mut Buffer) {
        let rows = usize::from(area.height);
        let columns = Columns::of(usize::from(area.width), listed);
        let first = scrolled(0, row, listed.len(), rows);
        let visible = listed.iter().enumerate().skip(first);
        for (y, (at, known)) in (area.y..area.bottom()).zip(visible) {
            let area = Rect { y, height: 1, ..area };
            let is_selected = at == row && self.is_focused;
            let mut pen = Pen::on(buffer, self.theme, area);
            pen.say(if is_selected { ">" } else { " " }, Tone::Strong);
            self.row(known, &columns, &mut pen);
            if is_selected {
                buffer.set_style(area, self.theme.style(Tone::Reversed));
            }
        }
    }

    fn row(&self, known: &Known, columns: &Columns, pen: &mut Pen<'_>) {
        let record = &known.record;
        pen.field(&record.id.to_string(), columns.id, Side::Right, Tone::Plain);
        pen.skip(1);
        if columns.time > 0 {
            let offered = offered_words(record.offered_at, self.model.shown_now(self.now).wall);
            pen.field(&offered, columns.time, Side::Left, Tone::Quiet);
            pen.skip(1);
        }
        pen.field(&record.host, columns.host, Side::Left, Tone::Plain);
        pen.skip(1);
        let text = fit_name(&record.name, columns.name, self.theme.symbols);
        let tone = if known.is_open() { Tone::Plain } else { Tone::Quiet };
        pen.field(&text, columns.name, Side::Left, tone);
        pen.skip(1);
        self.state(known, pen);
    }

    /// Where a file is; while its bytes come, how far.
    pub(super) fn state(&self, known: &Known, pen: &mut Pen<'_>) {
        if let Some(words) = self.model.requests.pending_file(known.record.id) {
            return pen.say(words, Tone::Plain);
        }
        if known.is_moving() {
            return self.progress(known, pen);
        }
        let (words, tone) = state_words(known, self.model.shown_now(self.now));
        pen.say(&words, tone);
    }

    /// `[|||||...] 61% 734M/1.2G 18M/s eta 0:26`; what there is no room for is left out, the bar first.
    fn progress(&self, known: &Known, pen: &mut Pen<'_>) {
        let record = &known.record;
        let is_live = self.model.is_live(self.now);
        let tone = if is_live { Tone::Plain } else { Tone::Quiet };
        let old = if is_live { "" } else { "~" };
        let (here, size) = (rate(record.received_bytes as f64), rate(record.size_bytes as f64));
        let mut parts = vec![(format!("{old}{:.0}% {here}/{size}", known.percent().floor()), tone)];
        if is_live {
            parts.extend(pace_words(known, self.now));
        }
        let width =
            |parts: &[(String, Tone)]| -> usize { parts.iter().map(|(text, _)| text.len()).sum() };
        while parts.len() > 1 && width(&parts) > pen.room() {
            parts.pop();
        }
        if pen.room() >= width(&parts) + bar::BAR_CELLS + 3 {
            pen.say("[", tone);
            bar::draw(pen, known.percent(), bar::BAR_CELLS, tone);
            pen.say("] ", tone);
        }
        for (text, tone) in parts {
            pen.say(&text, tone);
        }
    }
}

/// How fast the bytes of a file come, the most important first.
fn pace_words(known: &Known, now: Now) -> Vec<(String, Tone)> {
    if let Some(still) = known.still(now.mono) {
        return vec![(format!(" no byte for {}", age(still)), Tone::Warning)];
    }
    let speed = known.bytes_per_s(now.mono).map(|speed| format!(" {}/s", rate(speed)));
    let resumed = known.is_resumed(now.mono).then(|| (" RESUMED".to_owned(), Tone::Strong));
    let left = known.left(now.mono).map(|left| format!(" eta {}", minutes(left)));
    let plain = |text: Option<String>| text.map(|text| (text, Tone::Plain));
    [plain(speed), resumed, plain(left)].into_iter().flatten().collect()
}

/// Cells of the parts of a row; 0: it is left out.
struct Columns {
    id: usize,
    time: usize,
    host: usize,
    name: usize,
    info: usize,
}

impl Columns {
    /// For rows of `width` cells.
    fn of(width: usize, listed: &[&Known]) -> Self {
        let is_wide = width >= WIDE_MIN;
        let id = listed.iter().map(|known| known.record.id).max().unwrap_or_default();
        let id = id.to_string().len().max(2);
        let time = if is_wide { TIME_CELLS } else { 0 };
        let info = if is_wide { INFO_CELLS.0 } else { INFO_CELLS.1 };
        let gaps = 4 + usize::from(is_wide);
        let rest = width.saturating_sub(id + time + info + gaps);
        let host = (rest / 3).min(HOST_CELLS_MAX);
        Self { id, time, host, name: rest - host, info }
    }
}

/// When a file was offered: `14:02` today, else `11-20`; local.
fn offered_words(at: UnixMs, now: UnixMs) -> String {
    let (date, time) = (day(at), clock(at));
    let words = if date == day(now) { time.get(..TIME_CELLS) } else { date.get(TIME_CELLS..) };
    words.unwrap_or_default().to_owned()
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
        Growing::Known(FileState::Verified) => {
            let by = if by.is_empty() { by } else { format!(", accepted{by}") };
            (format!("VERIFIED {size}{by}"), Tone::Good)
        }
        Growing::Known(FileState::Rejected) => (format!("rejected{by}{why}"), Tone::Quiet),
        Growing::Known(FileState::Failed) => (format!("FAILED{why}"), Tone::Bad),
        Growing::Known(FileState::Expired) => (format!("expired{why}"), Tone::Quiet),
        Growing::Known(FileState::Withdrawn) => (format!("withdrawn{why}"), Tone::Quiet),
        Growing::Unknown(_) => (record.state.to_string(), Tone::Plain),
    }
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
