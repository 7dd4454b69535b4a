//! Rules that hold for every Rust file: `module-doc`, `name`, `allow`, `lints`, `ignore`, and
//! `bincode`, the codec that one file alone may know.

use super::Breach;
use super::paths::{mentions, module_of};
use super::tree::{Source, Tree};

/// Breaches of these rules.
pub(super) fn check(tree: &Tree) -> Vec<Breach> {
    let unreadable = tree.unreadable.iter().map(|(path, line)| {
        Breach::new(path, *line, "syntax", "cannot be read as Rust: mend it".to_owned())
    });
    let sources = tree.sources.iter().flat_map(|source| {
        let mut found = attributes(source);
        found.extend(module_doc(source));
        found.extend(names(source));
        found.extend(codec(source));
        found
    });
    unreadable.chain(sources).collect()
}

fn module_doc(source: &Source) -> Option<Breach> {
    let first = source.text.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//!").is_some_and(|text| !text.trim().is_empty());
    let advice = "open with `//!`: what the file owns and what it refuses to know";
    (!says).then(|| Breach::new(&source.path, 1, "module-doc", advice.to_owned()))
}

/// Names of files, folders and modules that say nothing.
fn names(source: &Source) -> Vec<Breach> {
    let tokens = &source.tokens;
    let advice = |name: &str| format!("`{name}` says nothing: name it after what it owns");
    let file = source
        .path
        .split('/')
        .map(|part| part.trim_end_matches(".rs"))
        .filter(|part| is_empty_name(part))
        .map(|part| Breach::new(&source.path, 1, "name", advice(part)));
    let modules = (1..tokens.len())
        .filter(|index| tokens.ident(index - 1) == Some("mod"))
        .filter_map(|index| Some((index, tokens.ident(index)?)))
        .filter(|(_, name)| is_empty_name(name))
        .map(|(index, name)| Breach::new(&source.path, tokens.line(index), "name", advice(name)));
    file.chain(modules).collect()
}

fn attributes(source: &Source) -> Vec<Breach> {
    let tokens = &source.tokens;
    let mut found = Vec::new();
    let mut report = |line, rule, advice: &str| {
        found.push(Breach::new(&source.path, line, rule, advice.to_owned()));
    };
    for attribute in tokens.attributes() {
        let words = tokens.idents(attribute.content.clone());
        let conditional = words.first() == Some(&"cfg_attr");
        let says =
            |lint: &str| words.first() == Some(&lint) || (conditional && words.contains(&lint));
        if says("allow") {
            report(
                attribute.line,
                "allow",
                "write `#[expect(lint, reason = \"…\")]`, or mend the code",
            );
        }
        if attribute.inner && ["warn", "deny", "forbid"].into_iter().any(says) {
            report(
                attribute.line,
                "lints",
                "set lints in `[workspace.lints]` of the root Cargo.toml",
            );
        }
        if says("ignore") {
            report(
                attribute.line,
                "ignore",
                "a test runs or reports its skip: take `#[ignore]` out",
            );
        }
    }
    found
}

fn codec(source: &Source) -> Vec<Breach> {
    if source.path == CODEC {
        return Vec::new();
    }
    mentions(&source.tokens, &module_of(&source.path))
        .into_iter()
        .filter(|mention| mention.path.len() > 1 && mention.is_under("bincode"))
        .map(|mention| {
            let advice = format!("only {CODEC} names bincode: call its encode and decode");
            Breach::new(&source.path, mention.line, "bincode", advice)
        })
        .collect()
}

fn is_empty_name(name: &str) -> bool {
    name.split(['_', '-']).any(|word| EMPTY_NAMES.contains(&word))
}

/// The one file that may name the codec crate.
const CODEC: &str = "common/src/wire/codec.rs";

/// Words that make a name empty.
const EMPTY_NAMES: &[&str] = &["util", "utils", "manager", "managers", "helper", "helpers"];
