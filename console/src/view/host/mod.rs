//! The open host: a line of tabs, and the part that is chosen. Values carry their worth everywhere.
//!
//! This file owns what all parts share: the host as it is shown, scrolling, the words for what was
//! asked. What a part says is in its own file.

pub mod alerts;
mod charts;
mod connections;
mod cores;
mod disks;
mod facts;
mod network;
mod overview;
mod processes;
mod quantity;
mod strip;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::time::Now;

use self::strip::Strip;
use super::figures::{clock, measured};
use super::fleet::letter;
use super::layout::Layout;
use super::text::{Pen, cells};
use super::theme::Theme;
use super::{files, talk};
use crate::model::Model;
use crate::model::fleet::{Row, Worth};
use crate::model::host_view::{HostView, Loaded, Tab};
use crate::model::talk::place_of;
use crate::tables::fleet::state_tone;
use crate::tone::Tone;

/// From this on a share is marked.
const HIGH_PERCENT: f64 = 90.0;
/// Between two tabs, where there is room and where there is less.
const TAB_GAPS: [usize; 2] = [2, 1];
/// What is said of an answer that is on its way.
const ASKED: &str = "asked ...";

/// Draws the open host.
pub(super) fn draw(model: &Model, now: Now, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some(view) = &model.host else { return };
    let row = model.shown_fleet().get(&view.host);
    heading(view, row, model.is_live(now), &mut Pen::on(buffer, theme, area));
    let area = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area };
    let Some(row) = row else {
        let words = Strip::of(format!(" {}", absent_words(model, view)), Tone::Warning);
        words.draw(&mut Pen::on(buffer, theme, area));
        return;
    };
    let shown = Shown::of(model, view, row, now, area);
    match view.tab {
        Tab::Charts => charts::draw(&shown, theme, area, buffer),
        Tab::Chat => talk::draw(model, now, theme, area, &place_of(&view.host), buffer),
        Tab::Files => files::draw(model, now, theme, area, buffer),
        Tab::Overview
        | Tab::Cores
        | Tab::Disks
        | Tab::Network
        | Tab::Processes
        | Tab::Alerts
        | Tab::Connections => shown.part().draw(&shown, theme, area, buffer),
    }
}

/// How many lines the shown part has, with those that stay: what is beyond the rows of the screen can
/// be scrolled. The same at any time.
pub fn lines(model: &Model) -> usize {
    let (heads, below) = extent(model);
    heads + below
}

/// Lines of the open host that stay while the others scroll, and those others.
pub fn extent(model: &Model) -> (usize, usize) {
    let main = Layout::of(model).main;
    let area = Rect { height: main.height.saturating_sub(1), ..main };
    let shown = model.host.as_ref().and_then(|view| {
        let row = model.shown_fleet().get(&view.host)?;
        Some((view, Shown::of(model, view, row, Now::default(), area)))
    });
    match shown {
        None => (0, 1),
        Some((view, shown)) if view.tab == Tab::Charts => (0, charts::lines(&shown)),
        Some((_, shown)) => {
            let part = shown.part();
            (part.heads.len(), part.total)
        }
    }
}

/// Why nothing is shown of the host.
fn absent_words(model: &Model, view: &HostView) -> String {
    match model.freshness.shown_at() {
        None => "nothing was heard yet".to_owned(),
        Some(_) => format!(
            "{} is not known any more: it was retired, or it never connected; q goes back",
            view.host
        ),
    }
}

/// The tabs and the state; where there is no room, host, tab and its place.
fn heading(view: &HostView, row: Option<&Row>, is_live: bool, pen: &mut Pen<'_>) {
    let titles: usize = Tab::ALL.iter().map(|tab| tab.title().len()).sum();
    let fits = |gap: &usize| titles + gap * (Tab::ALL.len() - 1) <= pen.room().saturating_sub(1);
    let gap = TAB_GAPS.into_iter().find(fits);
    let symbols = pen.theme().symbols;
    pen.skip(1);
    if let Some(gap) = gap {
        for (at, tab) in Tab::ALL.into_iter().enumerate() {
            pen.skip(if at > 0 { gap } else { 0 });
            // Capitals say it where there is neither colour nor bold.
            if tab == view.tab {
                pen.say(&tab.title().to_uppercase(), Tone::Strong);
            } else {
                pen.say(tab.title(), Tone::Quiet);
            }
        }
    } else {
        let place = Tab::ALL.iter().position(|tab| *tab == view.tab).unwrap_or(0) + 1;
        let tab = format!(" {} {place}/{}", view.tab.title().to_uppercase(), Tab::ALL.len());
        let room = pen.room().saturating_sub(cells(&tab, symbols));
        pen.say(&super::text::fit(&view.host, room, symbols), Tone::Plain);
        pen.say(&tab, Tone::Strong);
    }
    let Some(row) = row else { return };
    let state = row.summary.state;
    let tone = if is_live { state_tone(state) } else { Tone::Quiet };
    // What nobody hears of now was so.
    let was = if is_live { "" } else { "was " };
    let word = format!(" {} {was}{state} ", letter(state));
    if cells(&word, symbols) < pen.room() {
        pen.at_end(&word, tone);
    } else {
        pen.at_end(&format!(" {} ", letter(state)), tone);
    }
}

/// The host as it is shown.
struct Shown<'a> {
    model: &'a Model,
    view: &'a HostView,
    row: &'a Row,
    /// The moment that is shown.
    now: Now,
    is_live: bool,
    /// What its values are worth.
    worth: Worth,
    width: usize,
    /// Rows below the heading.
    rows: usize,
}

impl<'a> Shown<'a> {
    fn of(model: &'a Model, view: &'a HostView, row: &'a Row, now: Now, area: Rect) -> Self {
        let is_live = model.is_live(now);
        let now = model.shown_now(now);
        Self {
            model,
            view,
            row,
            now,
            is_live,
            worth: row.worth(now.mono, is_live),
            width: usize::from(area.width),
            rows: usize::from(area.height),
        }
    }

    fn part(&self) -> Part {
        match self.view.tab {
            Tab::Overview => overview::part(self),
            Tab::Cores => cores::part(self),
            Tab::Disks => disks::part(self),
            Tab::Network => network::part(self),
            Tab::Processes => processes::part(self),
            Tab::Charts | Tab::Chat | Tab::Files => Part::default(),
            Tab::Alerts => alerts::part(self),
            Tab::Connections => connections::part(self),
        }
    }

    /// A value of the whole host; `None` where it does not measure it or no detail is here.
    fn value(&self, metric: &str, instance: &str) -> Option<f64> {
        self.row.detail.as_ref()?.metrics.value(metric, instance)
    }

    /// A measured value: as it is, behind `~`, or `-`.
    fn say(&self, value: Option<f64>, say: fn(f64) -> String) -> (String, Tone) {
        (measured(value, self.worth, say), self.tone(value))
    }

    /// A share, marked where it is high.
    fn share(&self, percent: Option<f64>) -> (String, Tone) {
        let (text, tone) = self.say(percent, super::figures::percent);
        let is_high = percent.is_some_and(|percent| percent >= HIGH_PERCENT);
        (text, if is_high && tone == Tone::Plain { Tone::Warning } else { tone })
    }

    /// A bar of a share; nothing where the share is not of now.
    fn bar(&self, percent: Option<f64>) -> Option<f64> {
        percent.filter(|_| self.worth == Worth::Fresh)
    }

    fn tone(&self, value: Option<f64>) -> Tone {
        match (value, self.worth) {
            (Some(_), Worth::Fresh) => Tone::Plain,
            (Some(_), Worth::Old | Worth::Withdrawn) | (None, _) => Tone::Quiet,
        }
    }

    /// What is said where no values are here.
    fn missing(&self, what: &str) -> Part {
        let words = match (&self.row.detail, self.is_live) {
            (Some(_), _) => format!("no {what} reported"),
            (None, true) => format!("the {what} are asked for ..."),
            (None, false) => format!("the {what} were not here when the link went down"),
        };
        Part::of(vec![Strip::of(format!(" {words}"), Tone::Quiet)])
    }

    /// A heading, and how old the values below it are unless they are of now.
    fn title(&self, text: String) -> Strip {
        let strip = Strip::of(text, Tone::Strong);
        match self.worth {
            Worth::Fresh => strip,
            Worth::Old | Worth::Withdrawn => {
                strip.text(format!("; values {}", self.age_words()), Tone::Warning)
            }
        }
    }

    /// How old the values are.
    fn age_words(&self) -> String {
        let age = crate::tables::phrase::span(self.row.values_age(self.now.mono));
        let withdrawn = if self.worth == Worth::Withdrawn { ", withdrawn" } else { "" };
        format!("{age} old{withdrawn}")
    }

    /// What is said of an answer, as far as it is not here or empty.
    fn asked_words<T>(&self, loaded: &Loaded<Vec<T>>, empty: &str) -> Option<String> {
        match loaded {
            Loaded::Unasked if !self.is_live => {
                Some("asked as soon as the daemon is heard".to_owned())
            }
            Loaded::Unasked => Some(ASKED.to_owned()),
            Loaded::Failed(why) => Some(format!("not here: {why}")),
            Loaded::Asked(..) | Loaded::Here(..) => match loaded.value() {
                None => Some(ASKED.to_owned()),
                Some(records) => records.is_empty().then(|| empty.to_owned()),
            },
        }
    }

    /// `as of 04:16:07` where what was answered is not of now.
    fn as_of<T>(&self, loaded: &Loaded<T>) -> Option<String> {
        match loaded {
            Loaded::Here(_, at) | Loaded::Asked(_, Some((_, at))) if !self.is_live => {
                Some(format!("as of {}", clock(*at)))
            }
            Loaded::Here(..) | Loaded::Unasked | Loaded::Asked(..) | Loaded::Failed(_) => None,
        }
    }

    /// The first of `total` lines that a screen with `heads` lines that stay shows.
    fn first(&self, total: usize, heads: usize) -> usize {
        let rows = self.rows.saturating_sub(heads).max(1);
        self.view.offset.min(total.saturating_sub(rows))
    }
}

/// Lines of a part: those that stay, and those that scroll.
#[derive(Default)]
struct Part {
    heads: Vec<Strip>,
    /// Lines that scroll, all of them.
    total: usize,
    /// Which one of them `strips` begins with.
    first: usize,
    strips: Vec<Strip>,
}

impl Part {
    /// Lines that all scroll.
    fn of(strips: Vec<Strip>) -> Self {
        Self::below(Vec::new(), strips)
    }

    /// Lines below some that stay.
    fn below(heads: Vec<Strip>, strips: Vec<Strip>) -> Self {
        Self { heads, total: strips.len(), first: 0, strips }
    }

    fn draw(&self, shown: &Shown<'_>, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let first = shown.first(self.total, self.heads.len());
        let body = self.strips.iter().skip(first.saturating_sub(self.first));
        for (y, strip) in (area.top()..area.bottom()).zip(self.heads.iter().chain(body)) {
            let line = Rect { y, height: 1, ..area };
            strip.draw(&mut Pen::on(buffer, theme, line));
            if strip.is_reversed() {
                buffer.set_style(line.intersection(buffer.area), theme.style(Tone::Reversed));
            }
        }
    }
}

#[cfg(test)]
mod tests;
