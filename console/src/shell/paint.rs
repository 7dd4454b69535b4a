//! Lines as bytes for a terminal or a file: marks become attributes, or nothing.

use std::fmt::Write as _;

use crate::tables::line::Line;
use crate::tone::Tone;

/// What the place of output can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attributes {
    /// Plain text only: a file, a pipe.
    None,
    /// Bold, dim and reversed, no colours: `NO_COLOR` is set.
    Mono,
    /// The terminal's own 16 colours as well.
    Colours,
}

const RESET: &str = "\x1b[0m";

/// `line` without its end.
pub fn line(line: &Line, attributes: Attributes) -> String {
    let mut out = String::new();
    for span in &line.0 {
        match begin(span.tone, attributes) {
            "" => out.push_str(&span.text),
            begin => {
                let _ = write!(out, "{begin}{}{RESET}", span.text);
            }
        }
    }
    if attributes == Attributes::None { out.trim_end().to_owned() } else { out }
}

fn begin(tone: Tone, attributes: Attributes) -> &'static str {
    match (attributes, tone) {
        (Attributes::None, _)
        | (_, Tone::Plain)
        | (Attributes::Mono, Tone::Good | Tone::Warning) => "",
        (Attributes::Colours, Tone::Good) => "\x1b[32m",
        (Attributes::Colours, Tone::Warning) => "\x1b[33m",
        (Attributes::Colours, Tone::Bad) => "\x1b[1;31m",
        (Attributes::Mono, Tone::Bad) | (_, Tone::Strong) => "\x1b[1m",
        (_, Tone::Quiet) => "\x1b[2m",
        (_, Tone::Reversed) => "\x1b[7m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_used_where_they_can_be_shown() {
        let mut text = Line::of("down", Tone::Bad);
        text.push(" 12 s ", Tone::Plain);
        text.push("old", Tone::Good);
        assert_eq!(line(&text, Attributes::None), "down 12 s old");
        assert_eq!(line(&text, Attributes::Mono), "\x1b[1mdown\x1b[0m 12 s old");
        let colours = line(&text, Attributes::Colours);
        assert_eq!(colours, "\x1b[1;31mdown\x1b[0m 12 s \x1b[32mold\x1b[0m");
    }
}
