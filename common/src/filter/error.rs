//! What is wrong with a filter, where, and what was expected; the line is shown with the place marked.

use std::fmt;
use std::ops::Range;

use super::{DEPTH_MAX, TERMS_MAX, TEXT_BYTES_MAX};
use crate::text::{cells, scrub};

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// More text than a filter may have.
    #[error("longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// More words and comparisons than a filter may have.
    #[error("more than {TERMS_MAX} words and comparisons")]
    TooManyTerms,
    /// Deeper than a filter may be.
    #[error("brackets and `!` nested deeper than {DEPTH_MAX}")]
    TooDeep,
    /// A quote without its end.
    #[error("this quote has no end, expected `\"`")]
    OpenQuote,
    /// A backslash in quotes that escapes nothing.
    #[error("expected `\\\"` or `\\\\` after the backslash")]
    Escape,
    /// Something is missing or stands where nothing can.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A bracket without its end.
    #[error("this `(` is not closed, expected `)`")]
    OpenBracket,
    /// A bracket that closes nothing.
    #[error("this `)` closes nothing")]
    StrayBracket,
    /// `<` or `>` on a name that is no field.
    #[error("unknown field, {}", near_text(near.as_deref()))]
    UnknownField {
        /// The field that was probably meant.
        near: Option<&'static str>,
    },
    /// `<` or `>` on a field that has no order.
    #[error("`{field}` takes only = and !=")]
    NoOrder {
        /// The field.
        field: &'static str,
    },
    /// A word that the field never is.
    #[error("`{field}` is never that, expected one of {}{}", words.join(", "), meant(near.as_deref()))]
    UnknownWord {
        /// The field.
        field: &'static str,
        /// What it can be.
        words: Vec<&'static str>,
        /// What was probably meant.
        near: Option<&'static str>,
    },
    /// `[instance]` on a field that has none.
    #[error("`{field}` has no parts in square brackets")]
    NoInstance {
        /// The field.
        field: &'static str,
    },
}

fn near_text(near: Option<&str>) -> String {
    match near {
        Some(name) => format!("did you mean `{name}`?"),
        None => "expected a number field such as cpu, or label.NAME".to_owned(),
    }
}

fn meant(near: Option<&str>) -> String {
    near.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// A filter that did not parse. Prints three lines: the problem, the filter, a mark under the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    text: String,
    at: Range<usize>,
    problem: Problem,
}

impl FilterError {
    pub(super) fn new(text: &str, at: Range<usize>, problem: Problem) -> Self {
        // What is too long to parse is too long to show.
        let is_shown = problem != Problem::TooLong;
        let text = if is_shown { text.to_owned() } else { String::new() };
        Self { text, at, problem }
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The part of the filter that is wrong, in bytes; empty at its end if something is missing.
    pub fn range(&self) -> Range<usize> {
        self.at.clone()
    }

    /// The sentence alone, without the filter and the mark.
    pub fn sentence(&self) -> String {
        if self.problem == Problem::TooLong {
            return format!("filter: {}", self.problem);
        }
        let before = self.text.get(..self.at.start).unwrap_or_default();
        format!("filter, column {}: {}", before.chars().count() + 1, self.problem)
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())?;
        if self.problem == Problem::TooLong {
            return Ok(());
        }
        let width = |part: Option<&str>| cells(&scrub(part.unwrap_or_default()));
        let before = width(self.text.get(..self.at.start));
        let marked = width(self.text.get(self.at.clone())).max(1);
        write!(f, "\n  {}\n  {:before$}{}", scrub(&self.text), "", "^".repeat(marked))
    }
}

impl std::error::Error for FilterError {}
