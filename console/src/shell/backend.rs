//! Cells to the bytes of one frame. Nothing is written here: a frame is taken as a whole, and one in
//! which no cell changed has no bytes at all.

use std::io;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::queue;
use crossterm::terminal::{Clear, ClearType as CrosstermClear};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

/// Gathers the bytes of a frame.
#[derive(Debug)]
pub struct FrameBackend {
    size: Size,
    frame: Vec<u8>,
    /// Where the terminal's cursor is shown; `None`: it is hidden.
    shown: Option<Position>,
    /// Where it is to be shown after this frame.
    wanted: Option<Position>,
    /// The frame's cells moved the terminal's cursor.
    is_moved: bool,
}

impl FrameBackend {
    /// For a terminal of this size whose cursor is hidden.
    pub fn new(size: Size) -> Self {
        Self { size, frame: Vec::new(), shown: None, wanted: None, is_moved: false }
    }

    /// The terminal's size is this from the next frame on.
    pub fn resize(&mut self, size: Size) {
        self.size = size;
    }

    /// The terminal was left and entered again: its cursor is hidden and nothing waits.
    pub fn entered(&mut self) {
        self.frame.clear();
        (self.shown, self.wanted, self.is_moved) = (None, None, false);
    }

    /// Rings the bell with the next bytes that are taken.
    pub fn bell(&mut self) {
        self.frame.push(0x07);
    }

    /// The bytes that are to be written next; often none.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.frame)
    }
}

impl Backend for FrameBackend {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        if self.shown.take().is_some() {
            queue!(self.frame, Hide)?;
        }
        self.is_moved = true;
        CrosstermBackend::new(&mut self.frame).draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.wanted = None;
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.wanted = self.wanted.or(Some(Position::ORIGIN));
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.wanted.unwrap_or(Position::ORIGIN))
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        // Who hides the cursor does so after this.
        self.wanted = Some(position.into());
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        let clear = match clear_type {
            ClearType::All => CrosstermClear::All,
            ClearType::AfterCursor => CrosstermClear::FromCursorDown,
            ClearType::BeforeCursor => CrosstermClear::FromCursorUp,
            ClearType::CurrentLine => CrosstermClear::CurrentLine,
            ClearType::UntilNewLine => CrosstermClear::UntilNewLine,
        };
        queue!(self.frame, Clear(clear))
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::ZERO })
    }

    /// Ends the frame: the cursor goes where it is wanted, if it is not there.
    fn flush(&mut self) -> io::Result<()> {
        if self.wanted == self.shown && !self.is_moved {
            return Ok(());
        }
        match self.wanted {
            Some(at) => {
                queue!(self.frame, MoveTo(at.x, at.y))?;
                if self.shown.is_none() {
                    queue!(self.frame, Show)?;
                }
            }
            None if self.shown.is_some() => queue!(self.frame, Hide)?,
            None => {}
        }
        self.shown = self.wanted;
        self.is_moved = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::text::Line;

    use super::*;

    fn terminal() -> Terminal<FrameBackend> {
        Terminal::new(FrameBackend::new(Size::new(20, 3))).unwrap()
    }

    /// The bytes of a frame with `text` and the cursor at `cursor`.
    fn frame(terminal: &mut Terminal<FrameBackend>, text: &str, cursor: Option<u16>) -> String {
        let drawn = terminal.draw(|frame| {
            frame.render_widget(Line::from(text), frame.area());
            if let Some(x) = cursor {
                frame.set_cursor_position((x, 0));
            }
        });
        drawn.unwrap();
        String::from_utf8(terminal.backend_mut().take()).unwrap()
    }

    #[test]
    fn a_frame_without_a_change_has_no_bytes() {
        let mut terminal = terminal();
        assert!(frame(&mut terminal, "LIVE_1_s", None).contains("LIVE_1_s"));
        assert_eq!(frame(&mut terminal, "LIVE_1_s", None), "");
        let next = frame(&mut terminal, "LIVE_2_s", None);
        assert!(
            next.contains('2') && !next.contains("LIVE") && !next.contains("\x1b[?25"),
            "{next:?}"
        );
    }

    #[test]
    fn the_cursor_is_shown_where_something_is_typed() {
        let mut terminal = terminal();
        frame(&mut terminal, "/", None);
        let opened = frame(&mut terminal, "/cpu", Some(4));
        assert!(opened.ends_with("\x1b[1;5H\x1b[?25h"), "{opened:?}");
        assert_eq!(frame(&mut terminal, "/cpu", Some(4)), "");
        assert_eq!(frame(&mut terminal, "/cpu", Some(2)), "\x1b[1;3H");
        let typed = frame(&mut terminal, "/cpux", Some(5));
        assert!(
            typed.starts_with("\x1b[?25l") && typed.ends_with("\x1b[1;6H\x1b[?25h"),
            "{typed:?}"
        );
        assert_eq!(frame(&mut terminal, "/cpux", None), "\x1b[?25l");
        assert_eq!(frame(&mut terminal, "/cpux", None), "");
    }

    #[test]
    fn another_size_is_painted_as_a_whole() {
        let mut terminal = terminal();
        frame(&mut terminal, "LIVE", None);
        terminal.backend_mut().resize(Size::new(10, 2));
        let whole = frame(&mut terminal, "LIVE", None);
        assert!(whole.starts_with("\x1b[2J") && whole.contains("LIVE"), "{whole:?}");
        terminal.backend_mut().bell();
        assert_eq!(frame(&mut terminal, "LIVE", None), "\x07");
    }
}
