//! Tokens to a tree. `or` binds loosest, then `and` or nothing, then `!`.

use std::ops::Range;

use super::ast::{Compare, Expr, Operator, Pattern};
use super::error::{FilterError, Problem};
use super::field::{self, Part};
use super::lexer::{Placed, Token, tokens};
use super::{DEPTH_MAX, TERMS_MAX, TEXT_BYTES_MAX};

/// What can begin a term.
const TERM: &str = "a word or a comparison such as cpu>80";

/// The tree of `text`; none if there is nothing in it.
pub(super) fn parse(text: &str) -> Result<Option<Expr>, FilterError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(FilterError::new(text, 0..0, Problem::TooLong));
    }
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { text, tokens: &tokens, terms: 0 };
    let expr = parser.any(0)?;
    match parser.peek() {
        None => Ok(Some(expr)),
        Some(Token::Close) => Err(parser.error(Problem::StrayBracket)),
        Some(_) => Err(parser.error(Problem::Expected(TERM))),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Placed],
    terms: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self, depth: usize) -> Result<Expr, FilterError> {
        let mut members = vec![self.all(depth)?];
        while self.peek() == Some(&Token::Or) {
            self.advance();
            members.push(self.all(depth)?);
        }
        Expr::any(members).ok_or_else(|| self.error(Problem::Expected(TERM)))
    }

    fn all(&mut self, depth: usize) -> Result<Expr, FilterError> {
        let mut members = vec![self.one(depth)?];
        loop {
            match self.peek() {
                Some(Token::And) => self.advance(),
                Some(Token::Open | Token::Not | Token::Word(_) | Token::Quoted(_)) => {}
                Some(Token::Close | Token::Or | Token::Operator(_)) | None => break,
            }
            members.push(self.one(depth)?);
        }
        Expr::all(members).ok_or_else(|| self.error(Problem::Expected(TERM)))
    }

    fn one(&mut self, depth: usize) -> Result<Expr, FilterError> {
        let Some((token, place)) = self.tokens.first() else {
            return Err(self.error(Problem::Expected(TERM)));
        };
        match token {
            Token::Not | Token::Open if depth >= DEPTH_MAX => Err(self.error(Problem::TooDeep)),
            Token::Not => {
                self.advance();
                Ok(Expr::Not(Box::new(self.one(depth + 1)?)))
            }
            Token::Open => {
                self.advance();
                let inner = self.any(depth + 1)?;
                match self.peek() {
                    Some(Token::Close) => self.advance(),
                    Some(_) => return Err(self.error(Problem::Expected(TERM))),
                    None => return Err(self.error_at(place, Problem::OpenBracket)),
                }
                Ok(inner)
            }
            Token::Word(word) => self.term(word, Pattern::bare(word.clone()), place),
            Token::Quoted(text) => self.term(text, Pattern::Exact(text.clone()), place),
            Token::Close if depth == 0 => Err(self.error(Problem::StrayBracket)),
            Token::Operator(_) => {
                Err(self.error(Problem::Expected("a field before this, as in cpu>80")))
            }
            Token::Close | Token::And | Token::Or => Err(self.error(Problem::Expected(TERM))),
        }
    }

    fn term(
        &mut self,
        name: &str,
        word: Pattern,
        place: &Range<usize>,
    ) -> Result<Expr, FilterError> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(self.error(Problem::TooManyTerms));
        }
        self.advance();
        let Some((Token::Operator(operator), operator_place)) = self.tokens.first() else {
            return Ok(Expr::Word(word));
        };
        self.advance();
        self.compare(name, place, *operator, operator_place).map(Expr::Compare)
    }

    fn compare(
        &mut self,
        name: &str,
        place: &Range<usize>,
        operator: Operator,
        operator_place: &Range<usize>,
    ) -> Result<Compare, FilterError> {
        let (value, value_place) = match self.tokens.first() {
            Some((Token::Word(word), place)) => (Pattern::bare(word.clone()), place),
            Some((Token::Quoted(text), place)) => (Pattern::Exact(text.clone()), place),
            Some((
                Token::Open
                | Token::Close
                | Token::Not
                | Token::And
                | Token::Or
                | Token::Operator(_),
                _,
            ))
            | None => return Err(self.error(Problem::Expected(field::expected_of(name)))),
        };
        let compare = field::compare(name, operator, &value).map_err(|(part, problem)| {
            let place = match part {
                Part::Name => place,
                Part::Operator => operator_place,
                Part::Value => value_place,
            };
            self.error_at(place, problem)
        })?;
        self.advance();
        Ok(compare)
    }

    fn peek(&self) -> Option<&'a Token> {
        self.tokens.first().map(|(token, _)| token)
    }

    fn advance(&mut self) {
        self.tokens = self.tokens.get(1..).unwrap_or_default();
    }

    /// An error at the next token, or at the end.
    fn error(&self, problem: Problem) -> FilterError {
        let end = self.text.trim_end().len();
        let place = self.tokens.first().map_or(end..end, |(_, place)| place.clone());
        self.error_at(&place, problem)
    }

    fn error_at(&self, place: &Range<usize>, problem: Problem) -> FilterError {
        FilterError::new(self.text, place.clone(), problem)
    }
}
