//! The tree of a filter and its canonical print.
//!
//! Invariant: a list is never a direct child of its own kind, and has at least two members.

use std::fmt;

use super::lexer::{is_bare, is_keyword};
use crate::config::{ByteSize, duration_text};

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// All of these.
    And(Vec<Expr>),
    /// At least one of these.
    Or(Vec<Expr>),
    /// Not this.
    Not(Box<Expr>),
    /// A bare word or a text in quotes: found anywhere in what the subject says about itself.
    Word(Pattern),
    /// A field against a value.
    Compare(Compare),
}

/// A field against a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Compare {
    /// Canonical name, as [`super::Subject::field`] is asked: `cpu`, `disk[/var]`, `label.role`.
    pub field: String,
    /// How they are compared.
    pub operator: Operator,
    /// The value.
    pub operand: Operand,
}

/// How a field and a value are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Over,
    /// `>=`
    AtLeast,
    /// `<`
    Under,
    /// `<=`
    AtMost,
}

impl Operator {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Over => ">",
            Self::AtLeast => ">=",
            Self::Under => "<",
            Self::AtMost => "<=",
        }
    }

    /// Whether it asks for more or less.
    pub fn is_order(self) -> bool {
        match self {
            Self::Equal | Self::NotEqual => false,
            Self::Over | Self::AtLeast | Self::Under | Self::AtMost => true,
        }
    }
}

/// The value of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A pure number or a percentage from 0 to 100.
    Number(f64),
    /// Milliseconds.
    Milliseconds(f64),
    /// Bytes, or bytes in a second.
    Bytes(f64),
    /// A text.
    Text(Pattern),
}

/// A text to look for. Letters of ASCII match in either case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// Stands for itself.
    Exact(String),
    /// `*` stands for any text, `?` for one character.
    Glob(String),
}

impl Pattern {
    /// A bare word: a glob if it has a star or a question mark.
    pub fn bare(word: String) -> Self {
        if word.contains(['*', '?']) { Self::Glob(word) } else { Self::Exact(word) }
    }
}

impl Expr {
    /// All of `members`; the only one if there is one.
    pub(super) fn all(members: Vec<Self>) -> Option<Self> {
        let flat = members.into_iter().flat_map(|member| match member {
            Self::And(inner) => inner,
            other @ (Self::Or(_) | Self::Not(_) | Self::Word(_) | Self::Compare(_)) => vec![other],
        });
        one_or(flat.collect(), Self::And)
    }

    /// Any of `members`; the only one if there is one.
    pub(super) fn any(members: Vec<Self>) -> Option<Self> {
        let flat = members.into_iter().flat_map(|member| match member {
            Self::Or(inner) => inner,
            other @ (Self::And(_) | Self::Not(_) | Self::Word(_) | Self::Compare(_)) => vec![other],
        });
        one_or(flat.collect(), Self::Or)
    }

    /// Calls `seen` with every comparison.
    pub(super) fn visit(&self, seen: &mut impl FnMut(&Compare)) {
        match self {
            Self::And(members) | Self::Or(members) => {
                for member in members {
                    member.visit(seen);
                }
            }
            Self::Not(inner) => inner.visit(seen),
            Self::Word(_) => {}
            Self::Compare(compare) => seen(compare),
        }
    }

    fn fmt_in_brackets(&self, f: &mut fmt::Formatter<'_>, brackets: bool) -> fmt::Result {
        if brackets { write!(f, "({self})") } else { write!(f, "{self}") }
    }

    fn fmt_list(f: &mut fmt::Formatter<'_>, members: &[Self], between: &str) -> fmt::Result {
        for (place, member) in members.iter().enumerate() {
            if place > 0 {
                f.write_str(between)?;
            }
            let brackets = match member {
                Self::Or(_) => true,
                // `and` binds closer than `or`, so that it needs no brackets inside one.
                Self::And(_) | Self::Not(_) | Self::Word(_) | Self::Compare(_) => false,
            };
            member.fmt_in_brackets(f, brackets)?;
        }
        Ok(())
    }
}

fn one_or(mut members: Vec<Expr>, list: fn(Vec<Expr>) -> Expr) -> Option<Expr> {
    if members.len() > 1 { Some(list(members)) } else { members.pop() }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(members) => Self::fmt_list(f, members, " "),
            Self::Or(members) => Self::fmt_list(f, members, " or "),
            Self::Not(inner) => {
                f.write_str("!")?;
                let brackets = match **inner {
                    Self::And(_) | Self::Or(_) => true,
                    Self::Not(_) | Self::Word(_) | Self::Compare(_) => false,
                };
                inner.fmt_in_brackets(f, brackets)
            }
            Self::Word(pattern) => pattern.fmt(f),
            Self::Compare(compare) => compare.fmt(f),
        }
    }
}

impl fmt::Display for Compare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.chars().all(is_bare) {
            f.write_str(&self.field)?;
        } else {
            quote(f, &self.field)?;
        }
        write!(f, "{}{}", self.operator.as_str(), self.operand)
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Below this every whole number is exact.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let whole = |value: f64| {
            let is_whole = (0.0..EXACT).contains(&value) && value.fract() == 0.0;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
            is_whole.then_some(value as u64)
        };
        match self {
            Self::Number(value) => write!(f, "{value}"),
            Self::Milliseconds(value) => match whole(*value) {
                Some(ms) => f.write_str(&duration_text(std::time::Duration::from_millis(ms))),
                None => write!(f, "{value}ms"),
            },
            Self::Bytes(value) => match whole(*value) {
                Some(bytes) => write!(f, "{}", ByteSize(bytes)),
                None => write!(f, "{value}B"),
            },
            Self::Text(pattern) => pattern.fmt(f),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Glob(text) => f.write_str(text),
            Self::Exact(text) => {
                let is_plain = !text.is_empty()
                    && text.chars().all(|c| is_bare(c) && c != '*' && c != '?')
                    && !is_keyword(text);
                if is_plain { f.write_str(text) } else { quote(f, text) }
            }
        }
    }
}

fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
