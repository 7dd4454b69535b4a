//! The terminal while the live table is on it, and how it gets back what it was.
//!
//! It is restored on every way out: the guard's drop, and the hook of a panic before its message.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::terminal::{
    Clear, ClearType, DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};

use super::paint::{self, Attributes};
use crate::view::line::Line;

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal is ours while this lives.
#[derive(Debug)]
pub struct Terminal {
    attributes: Attributes,
}

impl Terminal {
    /// Takes the terminal: raw keys, alternate screen, no cursor.
    pub fn take(attributes: Attributes) -> io::Result<Self> {
        enable_raw_mode()?;
        IS_TAKEN.store(true, Ordering::SeqCst);
        let terminal = Self { attributes };
        execute!(io::stdout(), EnterAlternateScreen, Hide, DisableLineWrap, Clear(ClearType::All))?;
        Ok(terminal)
    }

    /// Puts `lines` on the screen in one write.
    pub fn paint(&self, lines: &[Line]) -> io::Result<()> {
        let mut frame: Vec<u8> = Vec::new();
        for (row, line) in (0_u16..).zip(lines) {
            queue!(frame, MoveTo(0, row))?;
            frame.extend_from_slice(paint::line(line, self.attributes).as_bytes());
            queue!(frame, Clear(ClearType::UntilNewLine))?;
        }
        queue!(frame, Clear(ClearType::FromCursorDown))?;
        write(&frame)
    }

    /// Clears the screen; all of it is painted next.
    pub fn clear(&self) -> io::Result<()> {
        let mut frame: Vec<u8> = Vec::new();
        queue!(frame, Clear(ClearType::All))?;
        write(&frame)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back; does nothing if it was not taken.
pub fn restore() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        // A terminal that is gone needs no restoring.
        let _ = execute!(io::stdout(), EnableLineWrap, Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

/// Before a panic prints its message, the terminal is given back.
pub fn restore_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        print(panic);
    }));
}

fn write(frame: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(frame)?;
    stdout.flush()
}
