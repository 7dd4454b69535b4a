//! Rules `file-length` and `function-length`: a file is one subject, a function one thought.
//! Test code is not counted.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::tree::{Source, Tree};
use super::{Breach, Exceptions};

/// Most lines of a file, its test modules aside.
const FILE_LINES_MAX: usize = 400;
/// Most lines of a function, from its signature to its closing brace.
const FUNCTION_LINES_MAX: usize = 50;

/// Breaches of both rules, and exceptions that are larger than what they excuse.
pub(super) fn check(tree: &Tree, exceptions: &Exceptions) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut excused = Vec::new();
    for source in tree.sources.iter().filter(|source| !source.only_tests) {
        let subject = source.path.clone();
        let lines = own_lines(source);
        judge(source, 1, ("file-length", &subject, lines), exceptions, &mut excused, &mut found);
        match syn::parse_file(&source.text) {
            Ok(file) => {
                for function in functions(&file) {
                    if !source.is_test_line(function.line) {
                        let subject = format!("{} {}", source.path, function.name);
                        let measure = ("function-length", subject.as_str(), function.lines);
                        judge(source, function.line, measure, exceptions, &mut excused, &mut found);
                    }
                }
            }
            Err(error) => {
                let line = error.span().start().line;
                let advice = format!("cannot be read ({error}): mend it");
                found.push(Breach::new(&source.path, line, "syntax", advice));
            }
        }
    }
    found.extend(needless(exceptions, &excused));
    found
}

/// One measure (rule, subject, lines) against its limit or its exception.
fn judge(
    source: &Source,
    line: usize,
    (rule, subject, lines): (&'static str, &str, usize),
    exceptions: &Exceptions,
    excused: &mut Vec<String>,
    found: &mut Vec<Breach>,
) {
    let limit = if rule == "file-length" { FILE_LINES_MAX } else { FUNCTION_LINES_MAX };
    let exception = exceptions.sizes.iter().find(|(name, _)| *name == subject);
    let advice = match exception {
        Some((_, granted)) if lines == *granted && lines > limit => {
            excused.push(subject.to_owned());
            return;
        }
        Some((_, granted)) if lines < *granted && lines > limit => {
            excused.push(subject.to_owned());
            format!("{lines} lines now: shrink its exception from {granted} to {lines}")
        }
        Some(_) | None if lines > limit => {
            format!(
                "{lines} lines, at most {}: split it by subject",
                exception.map_or(limit, |e| e.1)
            )
        }
        Some(_) | None => return,
    };
    found.push(Breach::new(&source.path, line, rule, advice));
}

/// Exceptions that nothing needs any more.
fn needless(exceptions: &Exceptions, excused: &[String]) -> Vec<Breach> {
    exceptions
        .sizes
        .iter()
        .filter(|(name, _)| !excused.iter().any(|subject| subject == name))
        .map(|(name, _)| {
            let advice = format!("the exception for `{name}` excuses nothing: take it out");
            Breach::new("xtask/src/tidy/mod.rs", 1, "exceptions", advice)
        })
        .collect()
}

/// The lines of a file that are not test code.
fn own_lines(source: &Source) -> usize {
    (1..=source.text.lines().count()).filter(|line| !source.is_test_line(*line)).count()
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

fn functions(file: &syn::File) -> Vec<Function> {
    let mut finder = Finder { found: Vec::new() };
    finder.visit_file(file);
    finder.found
}

struct Finder {
    found: Vec<Function>,
}

impl Finder {
    fn note(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let line = signature.span().start().line;
        let last = body.brace_token.span.close().end().line;
        let name = signature.ident.to_string();
        self.found.push(Function { name, line, lines: last + 1 - line });
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.note(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.note(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.note(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}
