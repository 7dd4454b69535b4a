//! The filter language of lists, panes, exports and rules: text to a tree to yes or no.
//!
//! `web-* cpu>80 and (role=db or !state=online)`: words, comparisons, `and` (or a space), `or`, `!`,
//! brackets, quotes. Pure, and ignorant of hosts and alerts: a [`Subject`] answers for its fields.
//!
//! ```
//! use systole_common::filter::Filter;
//!
//! let filter: Filter = "state=late  CPU >= 80% (role=db or role=web)".parse().unwrap();
//! assert_eq!(filter.to_string(), "state=late cpu>=80 (label.role=db or label.role=web)");
//!
//! let error = "cpu>much".parse::<Filter>().unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "filter, column 5: expected a percentage such as 80 or 80%\n  cpu>much\n      ^^^^"
//! );
//! ```

mod ast;
mod error;
mod eval;
mod field;
mod lexer;
mod parser;

use std::fmt;
use std::str::FromStr;

pub use ast::{Compare, Expr, Operand, Operator, Pattern};
pub use error::{FilterError, Problem};
pub use eval::{Subject, Value, Word};
pub use field::{Field, FieldKind, fields};

/// Longest filter, in bytes, both as written and in its canonical form.
pub const TEXT_BYTES_MAX: usize = 4096;
/// Most words and comparisons in one filter.
pub const TERMS_MAX: usize = 64;
/// Deepest nesting of brackets and `!`.
pub const DEPTH_MAX: usize = 32;

/// A filter that parsed. The empty one matches everything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    expr: Option<Expr>,
}

impl Filter {
    /// Whether it matches everything because nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.expr.is_none()
    }

    /// The tree, unless the filter is empty.
    pub fn expr(&self) -> Option<&Expr> {
        self.expr.as_ref()
    }

    /// Whether `subject` is meant.
    pub fn matches(&self, subject: &(impl Subject + ?Sized)) -> bool {
        self.expr.as_ref().is_none_or(|expr| eval::matches(expr, subject))
    }

    /// Slips that still mean something: a label whose name is nearly that of a field. One sentence
    /// each, to show beside a filter that finds nothing.
    pub fn hints(&self) -> Vec<String> {
        let mut hints = Vec::new();
        if let Some(expr) = &self.expr {
            expr.visit(&mut |compare| hints.extend(field::hint(compare)));
        }
        hints.sort();
        hints.dedup();
        hints
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let filter = Self { expr: parser::parse(text)? };
        if filter.to_string().len() > TEXT_BYTES_MAX {
            return Err(FilterError::new(text, 0..0, Problem::TooLong));
        }
        Ok(filter)
    }
}

/// The canonical form; it parses to the same filter.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.as_ref().map_or(Ok(()), |expr| expr.fmt(f))
    }
}

#[cfg(test)]
mod tests;
