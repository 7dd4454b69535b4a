//! The screen as a function of what is known. Pure: nothing is changed, slept on, logged or asked.

mod alerts;
pub mod bar;
pub mod chart;
pub mod detail;
pub mod figures;
mod file_card;
pub mod files;
mod fleet;
mod hints;
pub mod host;
pub mod layout;
mod peek;
mod popup;
mod prompt;
mod status;
pub mod symbols;
mod talk;
pub mod text;
pub mod theme;
mod waiting;
mod wrap;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::time::Now;

use self::layout::Layout;
use self::theme::Theme;
use crate::model::Model;
use crate::model::screen::View;
use crate::tone::Tone;

/// Draws the whole screen. Only rows that can be seen are looked at.
pub fn view(model: &Model, now: Now, theme: &Theme, frame: &mut Frame<'_>) {
    draw(model, now, theme, frame.buffer_mut());
}

/// The same into a buffer, which is empty.
pub fn draw(model: &Model, now: Now, theme: &Theme, buffer: &mut Buffer) {
    let layout = Layout::of(model);
    status::draw(model, now, theme, layout.status, buffer);
    status::tabs(model, theme, layout.tabs, layout.main_rows(), buffer);
    match model.screen.view {
        View::Fleet => {
            fleet::draw(model, now, theme, layout.main, buffer);
            peek::draw(model, now, theme, layout.chart, buffer);
            alerts::feed(model, now, theme, &layout, buffer);
            talk::pane(model, now, theme, layout.chat, buffer);
            files::pane(model, now, theme, layout.offers, buffer);
            divide(&layout, theme, buffer);
        }
        View::Alerts => alerts::draw(model, now, theme, layout.main, buffer),
        View::Chat => talk::draw(model, now, theme, layout.main, &model.talk.place, buffer),
        View::Files => files::draw(model, now, theme, layout.main, buffer),
        View::Host => host::draw(model, now, theme, layout.main, buffer),
    }
    if let Some(popup) = &model.screen.popup {
        popup::draw(model, now, popup, theme, body(&layout), buffer);
    }
    waiting::draw(model, now, theme, layout.waiting, buffer);
    match &model.prompt {
        Some(prompt) => prompt::draw(model, now, prompt, theme, layout.hints, buffer),
        None => hints::draw(model, now, theme, layout.hints, buffer),
    }
}

/// All between the lines at the top and those at the bottom.
fn body(layout: &Layout) -> Rect {
    layout.main.union(layout.feed).union(layout.offers).intersection(Rect {
        height: layout.waiting.y.saturating_sub(layout.main.y),
        width: layout.status.width,
        ..layout.main
    })
}

/// Cells of a line, and lines, of what lies over the view.
pub fn popup_size(model: &Model) -> (usize, usize) {
    popup::inner_size(body(&Layout::of(model)))
}

/// The line between the fleet and a feed beside it.
fn divide(layout: &Layout, theme: &Theme, buffer: &mut Buffer) {
    let (main, feed) = (layout.main, layout.feed);
    if feed.x <= main.right() || feed.height == 0 {
        return;
    }
    let (_, down) = theme.symbols.rules();
    for y in main.y..feed.bottom() {
        let place = Rect { x: main.right(), y, width: 1, height: 1 };
        text::Pen::on(buffer, theme, place).fill(down, 1, Tone::Quiet);
    }
}

#[cfg(test)]
mod tests;
