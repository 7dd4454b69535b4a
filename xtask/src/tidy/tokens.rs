//! The tokens of one source file in a flat row, with their lines.
//! Comments and the insides of string literals are no tokens, so whoever searches here
//! never trips over prose; what stands inside macro calls is here like any other code.

use std::ops::{Range, RangeInclusive};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One token and the line (from 1) that it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) line: usize,
}

/// What a token is; brackets are tokens of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Ident(String),
    Punct(char),
    Literal,
    Open(Delimiter),
    Close(Delimiter),
}

/// A `#[test]` function or a module that only tests compile.
#[derive(Debug, Default)]
pub(super) struct TestCode {
    /// Lines that `#[cfg(test)]` items cover.
    pub(super) lines: Vec<RangeInclusive<usize>>,
    /// Names of modules declared as `#[cfg(test)] mod name;`.
    pub(super) modules: Vec<String>,
    /// Names of functions that carry a test attribute.
    pub(super) functions: Vec<String>,
}

/// An attribute: the line of its `#`, whether it is an inner one, and where its content lies.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) line: usize,
    pub(super) inner: bool,
    pub(super) content: Range<usize>,
}

/// The tokens of one file.
#[derive(Debug)]
pub(super) struct Tokens(Vec<Token>);

impl Tokens {
    /// Cuts `text` into tokens; the error is the line that could not be read.
    pub(super) fn read(text: &str) -> Result<Self, usize> {
        let stream: TokenStream =
            text.parse().map_err(|error: proc_macro2::LexError| error.span().start().line)?;
        let mut row = Vec::new();
        flatten(stream, &mut row);
        Ok(Self(row))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The identifier at `index`, if it is one.
    pub(super) fn ident(&self, index: usize) -> Option<&str> {
        match self.0.get(index).map(|token| &token.kind) {
            Some(Kind::Ident(name)) => Some(name),
            Some(Kind::Punct(_) | Kind::Literal | Kind::Open(_) | Kind::Close(_)) | None => None,
        }
    }

    pub(super) fn is(&self, index: usize, punct: char) -> bool {
        self.kind_is(index, &Kind::Punct(punct))
    }

    pub(super) fn opens(&self, index: usize, delimiter: Delimiter) -> bool {
        self.kind_is(index, &Kind::Open(delimiter))
    }

    pub(super) fn closes(&self, index: usize, delimiter: Delimiter) -> bool {
        self.kind_is(index, &Kind::Close(delimiter))
    }

    /// Whether `::` begins at `index`.
    pub(super) fn is_separator(&self, index: usize) -> bool {
        self.is(index, ':') && self.is(index + 1, ':')
    }

    /// The line of the token at `index`; of the last one beyond the end.
    pub(super) fn line(&self, index: usize) -> usize {
        self.0.get(index).or(self.0.last()).map_or(1, |token| token.line)
    }

    /// Where the bracket opened at `open` is closed.
    pub(super) fn close_of(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for (index, token) in self.0.iter().enumerate().skip(open) {
            match token.kind {
                Kind::Open(_) => depth += 1,
                Kind::Close(_) => depth = depth.saturating_sub(1),
                Kind::Ident(_) | Kind::Punct(_) | Kind::Literal => {}
            }
            if depth == 0 {
                return index;
            }
        }
        self.0.len()
    }

    /// The attribute that begins at `index`.
    pub(super) fn attribute(&self, index: usize) -> Option<Attribute> {
        if !self.is(index, '#') {
            return None;
        }
        let inner = self.is(index + 1, '!');
        let open = if inner { index + 2 } else { index + 1 };
        self.opens(open, Delimiter::Bracket).then(|| Attribute {
            line: self.line(index),
            inner,
            content: open + 1..self.close_of(open),
        })
    }

    /// Every attribute of the file, those inside macro calls too.
    pub(super) fn attributes(&self) -> impl Iterator<Item = Attribute> + '_ {
        (0..self.len()).filter_map(|index| self.attribute(index))
    }

    /// The identifiers within a range, in order.
    pub(super) fn idents(&self, range: Range<usize>) -> Vec<&str> {
        range.filter_map(|index| self.ident(index)).collect()
    }

    /// What of this file only tests compile.
    pub(super) fn test_code(&self) -> TestCode {
        let mut found = TestCode::default();
        for attribute in self.attributes().filter(|attribute| !attribute.inner) {
            let words = self.idents(attribute.content.clone());
            let item = self.after_attributes(attribute.content.end + 1);
            match words.as_slice() {
                ["cfg", "test"] | ["cfg", "all", "test", ..] => {
                    let end = self.end_of_item(item);
                    found.lines.push(attribute.line..=self.line(end));
                    found.modules.extend(self.declared_module(item));
                }
                ["test", ..] | ["tokio", "test", ..] => {
                    let name = (item..self.end_of_item(item))
                        .find(|index| self.ident(*index) == Some("fn"))
                        .and_then(|index| self.ident(index + 1));
                    found.functions.extend(name.map(str::to_owned));
                }
                _ => {}
            }
        }
        found
    }

    /// The first token behind the attributes that begin at `index`.
    fn after_attributes(&self, mut index: usize) -> usize {
        while let Some(attribute) = self.attribute(index) {
            index = attribute.content.end + 1;
        }
        index
    }

    /// The last token of the item that begins at `start`: its body's brace, or its semicolon.
    fn end_of_item(&self, start: usize) -> usize {
        let mut index = start;
        while index < self.len() {
            if self.is(index, ';') {
                return index;
            }
            if self.opens(index, Delimiter::Brace) {
                return self.close_of(index);
            }
            let bracket =
                self.opens(index, Delimiter::Parenthesis) || self.opens(index, Delimiter::Bracket);
            index = if bracket { self.close_of(index) + 1 } else { index + 1 };
        }
        index
    }

    /// The name in `mod name;`, with or without a visibility before it.
    fn declared_module(&self, item: usize) -> Option<String> {
        let end = self.end_of_item(item);
        let keyword = (item..end).find(|index| self.ident(*index) == Some("mod"))?;
        self.is(end, ';').then(|| self.ident(keyword + 1).map(str::to_owned))?
    }

    fn kind_is(&self, index: usize, kind: &Kind) -> bool {
        self.0.get(index).is_some_and(|token| token.kind == *kind)
    }
}

fn flatten(stream: TokenStream, row: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Ident(ident) => {
                row.push(Token { kind: Kind::Ident(ident.to_string()), line });
            }
            TokenTree::Punct(punct) => row.push(Token { kind: Kind::Punct(punct.as_char()), line }),
            TokenTree::Literal(_) => row.push(Token { kind: Kind::Literal, line }),
            TokenTree::Group(group) => {
                row.push(Token { kind: Kind::Open(group.delimiter()), line });
                flatten(group.stream(), row);
                let line = group.span_close().start().line;
                row.push(Token { kind: Kind::Close(group.delimiter()), line });
            }
        }
    }
}
