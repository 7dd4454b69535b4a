//! Text to tokens, each with its place.

use std::ops::Range;

use super::ast::Operator;
use super::error::{FilterError, Problem};

/// The smallest piece of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Open,
    Close,
    Not,
    And,
    Or,
    Operator(Operator),
    /// A bare word; `*` and `?` stand for others.
    Word(String),
    /// A text in quotes; stands for itself.
    Quoted(String),
}

/// A token and where it stands, in bytes.
pub(super) type Placed = (Token, Range<usize>);

/// Whether a character can be part of a bare word.
pub(super) fn is_bare(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '(' | ')' | '!' | '=' | '<' | '>' | '"')
}

/// Whether a bare word is read as something else than itself.
pub(super) fn is_keyword(word: &str) -> bool {
    keyword(word).is_some()
}

fn keyword(word: &str) -> Option<Token> {
    if word.eq_ignore_ascii_case("and") {
        Some(Token::And)
    } else if word.eq_ignore_ascii_case("or") {
        Some(Token::Or)
    } else if word.eq_ignore_ascii_case("not") {
        Some(Token::Not)
    } else {
        None
    }
}

/// All tokens of `text`.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, FilterError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..)
        && let Some(first) = rest.chars().next()
    {
        let (token, length) = match first {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '"' => quoted(text, at)?,
            '!' | '=' | '<' | '>' => operator(rest),
            _ => {
                let length = rest.find(|c| !is_bare(c)).unwrap_or(rest.len());
                let word = rest.get(..length).unwrap_or_default();
                (keyword(word).unwrap_or_else(|| Token::Word(word.to_owned())), length)
            }
        };
        found.push((token, at..at + length));
        at += length;
    }
    Ok(found)
}

fn operator(rest: &str) -> (Token, usize) {
    let table = [
        ("!=", Operator::NotEqual),
        (">=", Operator::AtLeast),
        ("<=", Operator::AtMost),
        ("==", Operator::Equal),
        ("=", Operator::Equal),
        (">", Operator::Over),
        ("<", Operator::Under),
    ];
    let found = table.into_iter().find(|(sign, _)| rest.starts_with(sign));
    found.map_or((Token::Not, 1), |(sign, operator)| (Token::Operator(operator), sign.len()))
}

/// The text in quotes that begins at `start`; `\"` and `\\` stand for `"` and `\`.
fn quoted(text: &str, start: usize) -> Result<(Token, usize), FilterError> {
    let mut inner = String::new();
    let mut chars = text.char_indices().skip_while(|(at, _)| *at <= start);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((Token::Quoted(inner), at + 1 - start)),
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\\'))) => inner.push(escaped),
                Some((next, other)) => {
                    let range = at..next + other.len_utf8();
                    return Err(FilterError::new(text, range, Problem::Escape));
                }
                None => break,
            },
            c => inner.push(c),
        }
    }
    Err(FilterError::new(text, start..text.len(), Problem::OpenQuote))
}
