//! The screen: the terminal that is ours, the frame on it, the writer behind it.

use std::io;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Size as Cells;
use ratatui::style::Color;
use ratatui::{Frame, Terminal};

use super::backend::FrameBackend;
use super::terminal::{self, Taken};
use super::tty::Tty;
use super::writer::Writer;
use crate::limits::FRAME_END_MAX;
use crate::model::screen::Size;

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Colours, and somebody wants them.
    pub colours: bool,
    /// Characters beyond ASCII.
    pub unicode: bool,
}

/// The screen.
#[derive(Debug)]
pub(super) struct Screen {
    tty: Arc<Tty>,
    abilities: Abilities,
    canvas: Terminal<FrameBackend>,
    writer: Writer,
    /// `None` while somebody else has the terminal.
    taken: Option<Taken>,
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn take(tty: Arc<Tty>, abilities: Abilities) -> io::Result<Self> {
        let taken = Some(Taken::take(&tty)?);
        let canvas = Terminal::new(FrameBackend::new(cells(tty.size())))?;
        Ok(Self { writer: Writer::start(tty.clone()), tty, abilities, canvas, taken })
    }

    /// Whether a frame can be painted now: the terminal is ours, and it has taken the one before.
    pub(super) fn is_free(&self) -> bool {
        self.taken.is_some() && self.writer.is_free()
    }

    /// Paints what `draw` draws; only what changed is written, and nothing if nothing did.
    pub(super) fn paint(
        &mut self,
        size: Size,
        draw: impl FnOnce(&mut Frame<'_>),
    ) -> io::Result<()> {
        self.canvas.backend_mut().resize(cells(size));
        let abilities = self.abilities;
        self.canvas.draw(|frame| {
            draw(frame);
            abilities.keep_to(frame.buffer_mut());
        })?;
        let frame = self.canvas.backend_mut().take();
        self.writer.write(frame)
    }

    /// The next frame paints all of it.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.canvas.clear()
    }

    /// Rings the bell with the next frame.
    pub(super) fn bell(&mut self) {
        self.canvas.backend_mut().bell();
    }

    /// The terminal's size.
    pub(super) fn size(&self) -> Size {
        self.tty.size()
    }

    /// Returns when the frame under way is written; an error if the terminal is gone. May be cancelled.
    pub(super) async fn written(&mut self) -> io::Result<()> {
        self.writer.written().await
    }

    /// Gives the terminal back.
    pub(super) async fn leave(&mut self) {
        self.writer.settle(FRAME_END_MAX).await;
        self.taken = None;
    }

    /// Gives the terminal back and stops until somebody continues us; `false` if nobody would.
    pub(super) async fn stop(&mut self) -> io::Result<bool> {
        if !terminal::can_stop() {
            return Ok(false);
        }
        self.leave().await;
        terminal::stop()?;
        Ok(true)
    }

    /// Takes the terminal again, whatever others did with it; all of it is painted next.
    pub(super) async fn return_to(&mut self) -> io::Result<()> {
        self.writer.settle(FRAME_END_MAX).await;
        match &self.taken {
            Some(taken) => taken.again(&self.tty)?,
            None => self.taken = Some(Taken::take(&self.tty)?),
        }
        self.canvas.clear()?;
        self.canvas.backend_mut().entered();
        Ok(())
    }
}

impl Abilities {
    /// Leaves nothing in `buffer` that the terminal cannot show.
    fn keep_to(self, buffer: &mut Buffer) {
        if self.colours && self.unicode {
            return;
        }
        for cell in &mut buffer.content {
            if !self.colours {
                (cell.fg, cell.bg) = (Color::Reset, Color::Reset);
            }
            if !self.unicode && !cell.symbol().is_ascii() {
                cell.set_symbol("?");
            }
        }
    }
}

fn cells(size: Size) -> Cells {
    Cells::new(size.width, size.height)
}
