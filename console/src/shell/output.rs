//! Standard output: lines for people, JSON for programs, and whether a terminal is at its end.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::paint::{self, Attributes};
use super::screen::Abilities;
use crate::json;
use crate::model::screen::Size;
use crate::tables::line::Line;

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

/// What a screen can show: colours unless `NO_COLOR` is set, Unicode if the language says UTF-8 and the
/// terminal is none of those that have no characters for it.
pub fn abilities() -> Abilities {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let language = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable);
    Abilities {
        colours: variable("NO_COLOR").is_none(),
        unicode: is_unicode(&language.unwrap_or_default(), &variable("TERM").unwrap_or_default()),
    }
}

fn is_unicode(language: &str, term: &str) -> bool {
    let language = language.to_ascii_lowercase();
    let is_utf8 = language.contains("utf-8") || language.contains("utf8");
    is_utf8 && !(term == "linux" || term == "dumb" || term.starts_with("vt1"))
}

/// The size of the terminal at standard output; `None` if it is none.
pub fn size() -> Option<Size> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    let (width, height) = (size.ws_col, size.ws_row);
    (width > 0 && height > 0).then_some(Size { width, height })
}

/// The width of the terminal; `None` for as wide as it takes.
pub fn width() -> Option<usize> {
    size().map(|size| usize::from(size.width))
}

/// Whether a screen can be drawn and keys can be read.
pub fn is_screen() -> bool {
    io::stdin().is_terminal() && attributes() != Attributes::None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unicode_is_drawn_where_it_can_be_read() {
        for (language, term, expected) in [
            ("en_GB.UTF-8", "xterm-256color", true),
            ("C.utf8", "tmux", true),
            ("C", "xterm", false),
            ("", "xterm", false),
            ("de_DE@euro", "xterm", false),
            ("en_GB.UTF-8", "linux", false),
            ("en_GB.UTF-8", "vt100", false),
        ] {
            assert_eq!(is_unicode(language, term), expected, "{language} {term}");
        }
    }
}
