//! The characters that we draw with, for terminals that can do more or less.

/// Characters for what is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symbols {
    /// Braille dots for charts, blocks for bars.
    Braille,
    /// Blocks.
    Block,
    /// ASCII only.
    Ascii,
}

/// Choices in the configuration and of `:symbols`.
pub const SYMBOL_NAMES: [&str; 4] = ["auto", "braille", "block", "ascii"];

impl Symbols {
    /// The symbols that are called `name`; with `auto` or a name that is none, what the terminal can
    /// do. A terminal without Unicode gets ASCII whatever was chosen.
    pub fn named(name: &str, is_unicode: bool) -> Self {
        match name {
            _ if !is_unicode => Self::Ascii,
            "ascii" => Self::Ascii,
            "block" => Self::Block,
            _ => Self::Braille,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Braille => "braille",
            Self::Block => "block",
            Self::Ascii => "ascii",
        }
    }

    /// What stands for text that was cut.
    pub const fn cut(self) -> &'static str {
        match self {
            Self::Braille | Self::Block => "…",
            Self::Ascii => "..",
        }
    }

    /// A full and an empty cell of a bar.
    pub const fn bar(self) -> (char, char) {
        match self {
            Self::Braille | Self::Block => ('█', '·'),
            Self::Ascii => ('|', '.'),
        }
    }

    /// What stands for the end of a line within a line.
    pub const fn line_end(self) -> char {
        match self {
            Self::Braille | Self::Block => '↵',
            Self::Ascii => '|',
        }
    }

    /// A line across, and a line down.
    pub const fn rules(self) -> (char, char) {
        match self {
            Self::Braille | Self::Block => ('─', '│'),
            Self::Ascii => ('-', '|'),
        }
    }
}
