//! A line of marked text, for the output of commands. Marks say what a text means.

use systole_common::text::{cells, scrub_to};

use crate::tone::Tone;

/// A piece of text with one meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The text, safe to show.
    pub text: String,
    /// Its meaning.
    pub tone: Tone,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line(pub Vec<Span>);

impl Line {
    /// A line of one piece.
    pub fn of(text: impl Into<String>, tone: Tone) -> Self {
        let mut line = Self::default();
        line.push(text, tone);
        line
    }

    /// Adds a piece. What is not safe to show becomes visible.
    pub fn push(&mut self, text: impl Into<String>, tone: Tone) {
        let text = text.into();
        let text = match scrub_to(&text, usize::MAX) {
            std::borrow::Cow::Borrowed(_) => text,
            std::borrow::Cow::Owned(scrubbed) => scrubbed,
        };
        if !text.is_empty() {
            self.0.push(Span { text, tone });
        }
    }

    /// Cells that it takes.
    pub fn cells(&self) -> usize {
        self.0.iter().map(|span| cells(&span.text)).sum()
    }

    /// The line with at most `cells_max` cells.
    #[must_use]
    pub fn cut(self, cells_max: usize) -> Self {
        if self.cells() <= cells_max {
            return self;
        }
        let mut room = cells_max;
        let mut kept = Self::default();
        for span in self.0 {
            let text = scrub_to(&span.text, room).into_owned();
            room = room.saturating_sub(cells(&span.text));
            if !text.is_empty() {
                kept.0.push(Span { text, tone: span.tone });
            }
            if room == 0 {
                break;
            }
        }
        kept
    }

    /// Its text without marks and without blanks at the end.
    pub fn plain(&self) -> String {
        let text: String = self.0.iter().map(|span| span.text.as_str()).collect();
        text.trim_end().to_owned()
    }
}
