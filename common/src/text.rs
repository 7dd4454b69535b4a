//! Text from elsewhere made safe to show, without hiding what was sent.
//!
//! Owns the one rule of what a terminal, a log or a mail may be given: no control character, no bidi
//! control, nothing without a width of its own except a few combining marks. What breaks it is shown
//! as `\x1b`, beyond Latin-1 as `\u{202e}`. Wire and store keep the text as sent; this is for the
//! last step before an eye.

use std::borrow::Cow;
use std::fmt::Write;
use std::io;

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};
use unicode_width::UnicodeWidthChar;

/// Most combining marks that one character keeps; the rest is cut and shown as `…`.
pub const COMBINING_MARKS_MAX: usize = 4;
/// What stands for text that was cut.
pub const CUT: char = '…';
/// Cells that a tab takes where several lines are allowed.
const TAB: &str = "    ";
/// What a combining mark without a base is put on.
const BASE: &str = "◌";

/// What becomes of line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lines {
    /// The result is one line: line ends and tabs are shown as `\n`, `\r`, `\t`.
    #[default]
    One,
    /// Line ends stay (`\r\n` becomes `\n`), tabs become four spaces.
    Many,
}

/// One line that is safe to show. Costs nothing when the text was harmless.
pub fn scrub(text: &str) -> Cow<'_, str> {
    scrub_lines(text, Lines::One)
}

/// Text that is safe to show, in one line or several.
pub fn scrub_lines(text: &str, lines: Lines) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(Scrubber::new(lines, usize::MAX).run(text))
}

/// One line that is safe to show and takes at most `cells_max` terminal cells; cut text ends in `…`.
pub fn scrub_to(text: &str, cells_max: usize) -> Cow<'_, str> {
    if text.len() <= cells_max && is_plain(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(Scrubber::new(Lines::One, cells_max).run(text))
}

/// Terminal cells that scrubbed text takes.
pub fn cells(text: &str) -> usize {
    text.chars().map(char_cells).sum()
}

/// Whether a character is never shown as it is: controls, bidi and zero-width characters, variation
/// selectors, tags, private and unassigned code points. Combining marks are not hidden.
pub fn is_hidden(c: char) -> bool {
    match c {
        // The wide and narrow spaces only look like one; harmless, and common in people's writing.
        ' '..='~' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            false
        }
        '\0'..='\u{9f}' => true,
        _ => is_ignorable(c) || !is_assigned(c),
    }
}

/// `value` as one line of JSON, in which hidden characters inside strings are `\uXXXX`: the receiver
/// reads exactly what was sent, a terminal that shows the line is safe.
///
/// Fails only for what JSON cannot say, such as a map whose keys are no strings.
pub fn to_json_line(value: &(impl Serialize + ?Sized)) -> serde_json::Result<String> {
    let mut bytes = Vec::with_capacity(256);
    value.serialize(&mut Serializer::with_formatter(&mut bytes, VisibleJson))?;
    String::from_utf8(bytes).map_err(|error| serde::ser::Error::custom(error.utf8_error()))
}

/// Writes `text` with each hidden character as JSON's `\uXXXX`; for text that is JSON already and
/// has such characters inside its strings only.
pub fn escape_hidden(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) {
            push_json_escape(&mut escaped, c);
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// A `serde_json` formatter that writes compact JSON without a hidden character; see [`to_json_line`].
#[derive(Debug, Clone, Copy, Default)]
pub struct VisibleJson;

impl Formatter for VisibleJson {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        writer.write_all(escape_hidden(fragment).as_bytes())
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        CompactFormatter.write_char_escape(writer, escape)
    }
}

fn push_json_escape(out: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = write!(out, "\\u{unit:04x}");
    }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' '..=b'~'))
}

/// Characters that are assigned and yet paint nothing or change how others are painted.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{1680}'
        | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether the standard library's table calls `c` printable: assigned, and neither a control, a
/// format, a private nor a surrogate code point. The table is reached through `escape_debug`, which
/// leaves combining marks alone after a base.
fn is_assigned(c: char) -> bool {
    let mut buffer = [b'a'; 5];
    let Some(tail) = buffer.get_mut(1..) else {
        return false;
    };
    let length = 1 + c.encode_utf8(tail).len();
    let pair = buffer.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok());
    pair.is_some_and(|pair| pair.escape_debug().nth(1) == Some(c))
}

fn is_combining(c: char) -> bool {
    c >= '\u{300}' && (c.width() == Some(0) || c.escape_debug().next() == Some('\\'))
}

fn char_cells(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// One pass over a text.
struct Scrubber {
    lines: Lines,
    cells_max: usize,
    out: String,
    cells: usize,
    marks: usize,
    /// Where to cut so that the mark of a cut still fits: length of `out` at `cells_max - 1` cells.
    cut_at: usize,
}

impl Scrubber {
    fn new(lines: Lines, cells_max: usize) -> Self {
        Self { lines, cells_max, out: String::new(), cells: 0, marks: 0, cut_at: 0 }
    }

    fn run(mut self, text: &str) -> String {
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let before_line_end = c == '\r' && chars.peek() == Some(&'\n');
            let fits = match self.lines {
                Lines::Many if before_line_end => true,
                Lines::Many if c == '\n' => self.push_space("\n"),
                Lines::Many if c == '\t' => self.push_space(TAB),
                Lines::Many | Lines::One => self.push_char(c),
            };
            if !fits {
                self.out.truncate(self.cut_at);
                if self.cells_max > 0 {
                    self.out.push(CUT);
                }
                break;
            }
        }
        self.out
    }

    fn push_space(&mut self, space: &str) -> bool {
        self.marks = 0;
        self.push(space)
    }

    fn push_char(&mut self, c: char) -> bool {
        if is_hidden(c) {
            self.marks = 0;
            return match c {
                '\n' | '\r' | '\t' => self.push(&c.escape_default().to_string()),
                '\0'..='\u{ff}' => self.push(&format!("\\x{:02x}", u32::from(c))),
                _ => self.push(&c.escape_unicode().to_string()),
            };
        }
        if is_combining(c) {
            return self.push_mark(c);
        }
        self.marks = 0;
        self.push(c.encode_utf8(&mut [0; 4]))
    }

    fn push_mark(&mut self, c: char) -> bool {
        self.marks = self.marks.saturating_add(1);
        if self.marks > COMBINING_MARKS_MAX {
            return self.marks > COMBINING_MARKS_MAX + 1 || self.push(CUT.encode_utf8(&mut [0; 4]));
        }
        // A mark without a base would sit on whatever is printed before this text.
        let has_base = !(self.out.is_empty() || self.out.ends_with('\n'));
        (has_base || self.push(BASE)) && self.push(c.encode_utf8(&mut [0; 4]))
    }

    /// Adds `piece` whole, or says that it does not fit.
    fn push(&mut self, piece: &str) -> bool {
        let cells = self.cells + cells(piece);
        if cells > self.cells_max {
            return false;
        }
        self.out.push_str(piece);
        self.cells = cells;
        if cells < self.cells_max {
            self.cut_at = self.out.len();
        }
        true
    }
}

#[cfg(test)]
mod tests;
