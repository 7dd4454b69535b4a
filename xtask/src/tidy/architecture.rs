//! Rules `architecture` and `invariant`: what ARCHITECTURE.md says is there.
//!
//! A path in backticks, and the first word of a line in a fenced map, must exist when it
//! begins with an entry of the root or ends in `.rs`; a tail of a path (`engine/alert.rs`,
//! `codec.rs`) and braces (`engine/{mod,input}.rs`) will do. Under `## Invariants` each list
//! item names the tests that guard it:
//!
//! ```text
//! - **A sentence.** Why it matters. Guard: `common/tests/golden.rs` `hello_is_frozen`
//! ```
//!
//! with more pairs behind commas. The path is from the root, the function carries a test
//! attribute.

use anyhow::Result;

use super::Breach;
use super::tree::Tree;

/// Breaches of both rules.
pub(super) fn check(tree: &Tree) -> Result<Vec<Breach>> {
    let Some(text) = tree.text(PAGE)? else {
        let advice = "is missing: write the code map and the invariants".to_owned();
        return Ok(vec![Breach::new(PAGE, 1, "architecture", advice)]);
    };
    let mut found = missing_paths(tree, &text);
    found.extend(invariants(tree, &text));
    Ok(found)
}

fn missing_paths(tree: &Tree, text: &str) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (line, number) in text.lines().zip(1..) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let words = if fenced { line.split_whitespace().take(1).collect() } else { quoted(line) };
        for path in words.into_iter().flat_map(expand_braces) {
            if is_path(tree, &path) && !exists(tree, &path) {
                let advice = format!("`{path}` does not exist: name the file that does");
                found.push(Breach::new(PAGE, number, "architecture", advice));
            }
        }
    }
    found
}

fn invariants(tree: &Tree, text: &str) -> Vec<Breach> {
    let items = invariant_items(text);
    if items.is_empty() {
        let advice = "has no list under `## Invariants`: write it".to_owned();
        return vec![Breach::new(PAGE, 1, "invariant", advice)];
    }
    let mut found = Vec::new();
    for (item, line) in items {
        let guards = item.split_once("Guard:").map(|(_, guards)| quoted(guards));
        let guards = guards.unwrap_or_default();
        if guards.is_empty() || guards.len() % 2 == 1 {
            let advice = "end it with: Guard: `path/to/file.rs` `test_function`".to_owned();
            found.push(Breach::new(PAGE, line, "invariant", advice));
        }
        for pair in guards.chunks_exact(2) {
            if let [file, test] = pair
                && !has_test(tree, file, test)
            {
                let advice = format!("`{file}` has no test `{test}`: name the one that guards it");
                found.push(Breach::new(PAGE, line, "invariant", advice));
            }
        }
    }
    found
}

/// The list items of the section with the lines that they begin on; continuation lines are joined.
fn invariant_items(text: &str) -> Vec<(String, usize)> {
    let section = text
        .lines()
        .zip(1..)
        .skip_while(|(line, _)| line.trim_end() != "## Invariants")
        .skip(1)
        .take_while(|(line, _)| !line.starts_with("## "));
    let mut items: Vec<(String, usize)> = Vec::new();
    for (line, number) in section {
        if is_list_item(line) {
            items.push((line.to_owned(), number));
        } else if line.starts_with(' ')
            && let Some((item, _)) = items.last_mut()
        {
            item.push(' ');
            item.push_str(line.trim());
        }
    }
    items
}

fn is_list_item(line: &str) -> bool {
    let numbered = line.split_once(". ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
    numbered || line.starts_with("- ") || line.starts_with("* ")
}

fn has_test(tree: &Tree, file: &str, test: &str) -> bool {
    let mut sources = tree.sources.iter();
    sources
        .find(|source| source.path == file)
        .is_some_and(|source| source.tests.functions.iter().any(|function| function == test))
}

/// What stands between backticks.
fn quoted(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// `a/{b,c}.rs` means `a/b.rs` and `a/c.rs`.
fn expand_braces(path: &str) -> Vec<String> {
    let parts = path.split_once('{').and_then(|(before, rest)| {
        let (choices, after) = rest.split_once('}')?;
        Some((before, choices, after))
    });
    match parts {
        Some((before, choices, after)) => choices
            .split(',')
            .flat_map(|choice| expand_braces(&format!("{before}{choice}{after}")))
            .collect(),
        None => vec![path.to_owned()],
    }
}

/// Whether a word means a file or folder of the checkout.
fn is_path(tree: &Tree, word: &str) -> bool {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "._-/".contains(sign);
    let Some((first, _)) = word.split_once('/') else {
        return word.chars().all(plain) && is_rust(word);
    };
    let ours = tree.folders.contains(first) || is_rust(word);
    !first.is_empty() && word.chars().all(plain) && ours
}

fn is_rust(word: &str) -> bool {
    word.strip_suffix(".rs").is_some_and(|stem| !stem.is_empty())
}

fn exists(tree: &Tree, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let tail = format!("/{path}");
    let is_it = |entry: &String| entry == path || entry.ends_with(&tail);
    tree.files.iter().chain(&tree.folders).any(is_it)
}

const PAGE: &str = "ARCHITECTURE.md";
