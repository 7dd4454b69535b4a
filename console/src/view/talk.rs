//! What was said: as a view of one place, and as a pane beside the fleet with the newest of all places.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::time::{Now, UnixMs};

use super::figures::clock;
use super::text::{Pen, Side, cells, fit, fit_middle};
use super::theme::Theme;
use super::wrap::wrap;
use crate::model::Model;
use crate::model::screen::{Focus, View};
use crate::model::talk::{Said, Spot, Stream, Tick};
use crate::tone::Tone;
use crate::update::requests::own_name;
use crate::update::talk::place;

/// From this width on a time has seconds.
const SECONDS_WIDTH_MIN: usize = 50;
/// Cells of a time with seconds, and without.
const TIME_CELLS: (usize, usize) = (8, 5);
/// Cells of an unread place in the heading.
const HOT_CELLS_MAX: usize = 24;
/// Cursor, tick and a blank before the time.
const FRONT_CELLS: usize = 3;

/// One line of a chat.
enum Line {
    /// Something that divides, with its words.
    Rule(String, Tone),
    /// A line of a message.
    Text {
        /// Of the message under the cursor.
        is_selected: bool,
        /// Its mark and its time, on its first line.
        head: Option<((char, Tone), UnixMs)>,
        /// How many bytes at its beginning are a name.
        name: usize,
        text: String,
        tone: Tone,
    },
}

/// Draws the chat of `place` with its heading.
pub(super) fn draw(
    model: &Model,
    now: Now,
    theme: &Theme,
    area: Rect,
    place: &str,
    buffer: &mut Buffer,
) {
    let is_focused = matches!(model.screen.view, View::Chat | View::Host);
    let chat = Chat { model, now, theme, stream: Stream::Of(place), place, is_focused };
    chat.draw(area, buffer);
}

/// Draws the newest of all places with its heading.
pub(super) fn pane(model: &Model, now: Now, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let is_focused = model.screen.focus() == Focus::Chat;
    // With the keys, lines go to the place of the message under the cursor.
    let place = if is_focused { place(model) } else { model.talk.place.clone() };
    let chat = Chat { model, now, theme, stream: Stream::All, place: &place, is_focused };
    chat.draw(area, buffer);
}

/// A chat as it is shown.
struct Chat<'a> {
    model: &'a Model,
    now: Now,
    theme: &'a Theme,
    stream: Stream<'a>,
    /// Where lines are written to.
    place: &'a str,
    is_focused: bool,
}

impl Chat<'_> {
    fn draw(&self, area: Rect, buffer: &mut Buffer) {
        if area.height == 0 {
            return;
        }
        let area_below = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let (lines, newer) = self.lines(usize::from(area.width), usize::from(area_below.height));
        self.heading(newer, &mut Pen::on(buffer, self.theme, area));
        if lines.is_empty() {
            Pen::on(buffer, self.theme, area_below).say(self.empty_words(), Tone::Quiet);
        }
        for (y, line) in (area_below.y..area_below.bottom()).zip(&lines) {
            let area = Rect { y, height: 1, ..area };
            self.line(line, &mut Pen::on(buffer, self.theme, area));
            let is_selected = matches!(line, Line::Text { is_selected: true, .. });
            if is_selected {
                buffer.set_style(area, self.theme.style(Tone::Reversed));
            }
        }
    }

    fn empty_words(&self) -> &'static str {
        match (&self.model.talk.search, self.model.freshness.shown_at()) {
            (_, None) => "",
            (Some(_), Some(_)) => " no message here has these words; Esc shows all",
            (None, Some(_)) => " nothing was said here yet",
        }
    }

    /// `── CHAT to @web-1 ──────── @db-1 2  #ops 1 ──`.
    fn heading(&self, newer: usize, pen: &mut Pen<'_>) {
        let symbols = self.theme.symbols;
        let (rule, _) = symbols.rules();
        let tone = if self.is_focused { Tone::Strong } else { Tone::Quiet };
        let draft = match self.model.talk.draft(self.place) {
            "" => "",
            _ if self.model.talk.is_doubtful(self.place) => " (draft, perhaps sent)",
            _ => " (draft)",
        };
        let half = (pen.room() / 2).saturating_sub(draft.len());
        let place = fit_middle(self.place, half, symbols);
        let words = format!(" CHAT to {place}{draft}");
        let hot: Vec<String> = match newer {
            0 => {
                let hot = self.model.talk.hotlist().into_iter();
                let place = |place| fit_middle(place, HOT_CELLS_MAX, symbols);
                hot.map(|(hot, count)| format!("{} {count}", place(hot))).collect()
            }
            newer => vec![format!("{newer} newer below, Esc shows them")],
        };
        pen.fill(rule, 2, tone);
        pen.say(&fit(&words, pen.room().saturating_sub(3), symbols), tone);
        pen.skip(1);
        let hot = hot.join("  ");
        let room = pen.room().saturating_sub(5);
        let hot =
            if hot.is_empty() { String::new() } else { format!(" {} ", fit(&hot, room, symbols)) };
        pen.fill(rule, pen.room().saturating_sub(cells(&hot, symbols) + 2), tone);
        pen.say(&hot, Tone::Strong);
        pen.fill(rule, 2, tone);
    }

    /// The lines on a screen of `rows`, and how many messages are below it: the message under the cursor
    /// is the last one, unless there are too few above it.
    fn lines(&self, width: usize, rows: usize) -> (Vec<Line>, usize) {
        let talk = &self.model.talk;
        let mut above: Vec<&Said> = Vec::new();
        let mut newer = 0;
        let cursor = talk.cursor.filter(|_| self.is_focused);
        for said in talk.stream(self.stream).rev() {
            if above.is_empty() && cursor.is_some_and(|cursor| said.record.number > cursor) {
                newer += 1;
                continue;
            }
            above.push(said);
            // Each has a line at least; one more tells whether a day began.
            if above.len() > rows {
                break;
            }
        }
        let mut lines: Vec<Line> = Vec::new();
        if cursor.is_none() || newer == 0 {
            lines = self.unconfirmed(width);
        }
        for (at, said) in above.iter().enumerate() {
            if lines.len() >= rows {
                break;
            }
            let mut all = self.rules(said, above.get(at + 1).copied());
            all.extend(self.said(said, width, cursor == Some(said.record.number)));
            all.append(&mut lines);
            lines = all;
        }
        // Where too few lie above, those below fill the screen, their ends beyond it.
        let has_room = lines.len() < rows;
        let mut later = talk.stream(self.stream).rev().take(newer).collect::<Vec<_>>();
        while lines.len() < rows
            && let Some(said) = later.pop()
        {
            newer -= 1;
            if self.rule() == Some(said.record.number) {
                lines.push(Line::Rule("unread".to_owned(), Tone::Warning));
            }
            lines.extend(self.said(said, width, false));
        }
        if has_room {
            lines.truncate(rows);
        } else {
            let surplus = lines.len().saturating_sub(rows);
            lines.drain(..surplus);
        }
        (lines, newer)
    }

    /// The day, and where the unread ones begin.
    fn rules(&self, said: &Said, before: Option<&Said>) -> Vec<Line> {
        let day = |at: UnixMs| at.local().get(..10).unwrap_or_default().to_owned();
        let own = day(said.record.time);
        let today = day(self.now.wall);
        let is_new = match before {
            Some(before) => day(before.record.time) != own,
            None => own != today,
        };
        let mut rules = Vec::new();
        if is_new {
            rules.push(Line::Rule(own, Tone::Quiet));
        }
        if self.rule() == Some(said.record.number) {
            rules.push(Line::Rule("unread".to_owned(), Tone::Warning));
        }
        rules
    }

    /// The first message that was unread when the chat was opened.
    fn rule(&self) -> Option<u64> {
        let talk = &self.model.talk;
        match self.stream {
            Stream::Of(place) => talk.spot(place)?.rule,
            Stream::All => {
                let spots = talk.hotlist().into_iter();
                spots
                    .filter_map(|(place, _)| talk.spot(place).and_then(|spot: &Spot| spot.rule))
                    .min()
            }
        }
    }

    fn said(&self, said: &Said, width: usize, is_selected: bool) -> Vec<Line> {
        let record = &said.record;
        let tick = said.tick();
        let mark = match tick {
            None => (' ', Tone::Plain),
            Some(Tick::Daemon | Tick::Partly(..)) => ('>', Tone::Quiet),
            Some(Tick::Delivered) => ('v', Tone::Good),
            Some(Tick::Failed(..)) => ('!', Tone::Bad),
        };
        let behind = match tick {
            Some(Tick::Partly(here, all)) if all > 1 => format!("  [{here}/{all} have it]"),
            Some(Tick::Failed(failed, all)) => format!("  [! {failed}/{all} failed, Enter: who]"),
            Some(Tick::Daemon | Tick::Delivered | Tick::Partly(..)) | None => String::new(),
        };
        let tone = if said.is_trail() { Tone::Quiet } else { Tone::Plain };
        let thread = record.thread.as_ref().map(|thread| format!("  [{thread}]"));
        let text = format!("{}{}{behind}", record.text, thread.unwrap_or_default());
        let name = self.name(&record.from, &record.to);
        self.message(mark, record.time, &name, &text, tone, (width, is_selected))
    }

    /// `bo`, and where it was written to unless that is what the chat is about.
    fn name(&self, from: &str, to: &str) -> String {
        let is_own = match self.stream {
            Stream::All => to == crate::model::talk::ALL,
            Stream::Of(place) => place == to,
        };
        let is_home = from.split('/').next().is_some_and(|host| to.strip_prefix('@') == Some(host));
        if is_own || is_home { from.to_owned() } else { format!("{from} to {to}") }
    }

    /// Lines that the daemon has not confirmed.
    fn unconfirmed(&self, width: usize) -> Vec<Line> {
        let own = own_name(self.model).unwrap_or_else(|| "you".to_owned());
        let is_ours = |to: &str| match self.stream {
            Stream::All => true,
            Stream::Of(place) => place == to,
        };
        let sending = self.model.talk.sending.iter();
        let waiting = sending.filter(|one| one.is_here.is_none() && is_ours(&one.to));
        let lines = waiting.flat_map(|one| {
            let name = self.name(&own, &one.to);
            self.message(('.', Tone::Quiet), one.at, &name, &one.text, Tone::Quiet, (width, false))
        });
        lines.collect()
    }

    fn message(
        &self,
        mark: (char, Tone),
        time: UnixMs,
        name: &str,
        text: &str,
        tone: Tone,
        (width, is_selected): (usize, bool),
    ) -> Vec<Line> {
        let room = width.saturating_sub(FRONT_CELLS + time_cells(width) + 1);
        let lines = wrap(&format!("{name} > {text}"), room, self.theme.symbols);
        let line = |(at, text): (usize, String)| {
            let is_first = at == 0;
            let head = is_first.then_some((mark, time));
            let name = if is_first && text.starts_with(name) { name.len() } else { 0 };
            Line::Text { is_selected, head, name, text, tone }
        };
        lines.into_iter().enumerate().map(line).collect()
    }

    fn line(&self, line: &Line, pen: &mut Pen<'_>) {
        let (rule, _) = self.theme.symbols.rules();
        match line {
            Line::Rule(words, tone) => {
                pen.skip(1);
                pen.fill(rule, 4, Tone::Quiet);
                pen.say(&format!(" {words} "), *tone);
                pen.fill(rule, pen.room(), Tone::Quiet);
            }
            Line::Text { is_selected, head, name, text, tone } => {
                let time = time_cells(pen.room());
                pen.say(if *is_selected && head.is_some() { ">" } else { " " }, Tone::Strong);
                match head {
                    Some(((mark, mark_tone), at)) => {
                        pen.fill(*mark, 1, *mark_tone);
                        pen.skip(1);
                        let at = clock(*at);
                        let at = at.get(..time).unwrap_or(&at);
                        pen.field(at, time, Side::Left, Tone::Quiet);
                    }
                    None => pen.skip(2 + time),
                }
                pen.skip(1);
                let (name, rest) = text.split_at_checked(*name).unwrap_or(("", text));
                pen.say(name, if *tone == Tone::Plain { Tone::Strong } else { *tone });
                pen.say(rest, *tone);
            }
        }
    }
}

fn time_cells(width: usize) -> usize {
    if width >= SECONDS_WIDTH_MIN { TIME_CELLS.0 } else { TIME_CELLS.1 }
}
