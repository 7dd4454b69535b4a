//! Standard output: lines for people, JSON for programs, and whether a terminal is at its end.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::paint::{self, Attributes};
use crate::json;
use crate::view::Size;
use crate::view::line::Line;

/// Prints lines for people.
pub fn lines(lines: &[Line]) -> io::Result<()> {
    let attributes = attributes();
    let mut text = String::new();
    for line in lines {
        text.push_str(&paint::line(line, attributes));
        text.push('\n');
    }
    write(&text)
}

/// Prints one JSON value on a line of its own.
pub fn json(value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    let mut line = json::line(value).map_err(io::Error::other)?;
    line.push('\n');
    write(&line)
}

/// Prints text as it is.
pub fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// What standard output can show.
pub fn attributes() -> Attributes {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !io::stdout().is_terminal() || std::env::var_os("TERM").is_none_or(|term| term == "dumb") {
        Attributes::None
    } else if is_set("NO_COLOR") {
        Attributes::Mono
    } else {
        Attributes::Colours
    }
}

/// The size of the terminal at standard output; `None` if it is none.
pub fn size() -> Option<Size> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    let (width, height) = (usize::from(size.ws_col), usize::from(size.ws_row));
    (width > 0 && height > 0).then_some(Size { width, height })
}

/// The width of the terminal; `None` for as wide as it takes.
pub fn width() -> Option<usize> {
    size().map(|size| size.width)
}

/// Whether a screen can be drawn and keys can be read.
pub fn is_screen() -> bool {
    io::stdin().is_terminal() && attributes() != Attributes::None
}
