//! The paths that a source file names, with imports followed and `self`, `super` and the
//! like turned into absolute ones. It judges nothing.

use std::collections::BTreeMap;

use proc_macro2::Delimiter;

use super::tokens::Tokens;

/// A path in the code: `["std", "time", "Instant", "now"]`, and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

impl Mention {
    /// Whether the path is `prefix` (written with `::`) or lies below it.
    pub(super) fn is_under(&self, prefix: &str) -> bool {
        let mut own = self.path.iter().map(String::as_str);
        prefix.split("::").all(|segment| own.next() == Some(segment))
    }
}

/// Every path of the file whose place in the module tree is `module`; a path of one segment
/// is given too.
pub(super) fn mentions(tokens: &Tokens, module: &[String]) -> Vec<Mention> {
    let uses = uses(tokens);
    let mut names = own_modules(tokens, module);
    let mut found = Vec::new();
    for statement in uses.values() {
        for import in &statement.imports {
            let path = absolute(import.path.clone(), module);
            names.insert(import.name.clone(), path.clone());
            found.push(Mention { path, line: import.line });
        }
    }
    let mut index = 0;
    while index < tokens.len() {
        if let Some(statement) = uses.get(&index) {
            index = statement.end;
        } else if tokens.ident(index) == Some("mod") {
            // A declaration is no use of what it declares.
            index += 2;
        } else if tokens.ident(index).is_some() {
            let (path, line, next) = path_at(tokens, index);
            found.push(Mention { path: resolve(path, &names, module), line });
            index = next;
        } else {
            index += 1;
        }
    }
    found
}

/// The module path of a file: `daemon/src/engine/alert.rs` is `["engine", "alert"]`.
pub(super) fn module_of(file: &str) -> Vec<String> {
    let inside = file.split_once("src/").map_or(file, |(_, inside)| inside);
    let mut segments: Vec<String> =
        inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if segments.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
        segments.pop();
    }
    segments
}

/// The modules that the file declares: their names win over crates of the same name.
fn own_modules(tokens: &Tokens, module: &[String]) -> BTreeMap<String, Vec<String>> {
    (1..tokens.len())
        .filter(|index| tokens.ident(index - 1) == Some("mod"))
        .filter_map(|index| tokens.ident(index))
        .map(|name| {
            let own = [&["crate".to_owned()], module, &[name.to_owned()]].concat();
            (name.to_owned(), own)
        })
        .collect()
}

struct UseStatement {
    imports: Vec<Import>,
    end: usize,
}

struct Import {
    path: Vec<String>,
    /// The name that the file knows it by.
    name: String,
    line: usize,
}

/// The `use` statements by the place of their keyword.
fn uses(tokens: &Tokens) -> BTreeMap<usize, UseStatement> {
    let mut found = BTreeMap::new();
    for start in 0..tokens.len() {
        // `impl Trait + use<'a>` is no import.
        if tokens.ident(start) == Some("use") && !tokens.is(start + 1, '<') {
            let mut imports = Vec::new();
            let end = use_tree(tokens, start + 1, &[], &mut imports);
            found.insert(start, UseStatement { imports, end });
        }
    }
    found
}

/// Reads one branch of a `use` tree; gives the place behind it.
fn use_tree(tokens: &Tokens, start: usize, prefix: &[String], found: &mut Vec<Import>) -> usize {
    let mut path = prefix.to_vec();
    let mut index = start;
    loop {
        if tokens.is_separator(index) {
            index += 2;
        } else if tokens.opens(index, Delimiter::Brace) {
            let close = tokens.close_of(index);
            index += 1;
            while index < close {
                index = use_tree(tokens, index, &path, found) + 1;
            }
            return close + 1;
        } else if tokens.ident(index) == Some("as") {
            let name = tokens.ident(index + 1).unwrap_or("_").to_owned();
            found.push(Import { path, name, line: tokens.line(index) });
            return index + 2;
        } else if let Some(segment) = tokens.ident(index) {
            path.push(segment.to_owned());
            index += 1;
        } else if tokens.is(index, '*') {
            found.push(Import { path, name: "*".to_owned(), line: tokens.line(index) });
            return index + 1;
        } else {
            break;
        }
    }
    if path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    if let Some(name) = path.last().cloned().filter(|_| index > start) {
        found.push(Import { path, name, line: tokens.line(index - 1) });
    }
    index
}

/// The path that begins with the identifier at `start`, its line and the place behind it.
/// Where generics stand within a path, what follows them counts to it as well.
fn path_at(tokens: &Tokens, start: usize) -> (Vec<String>, usize, usize) {
    let mut path = Vec::new();
    let mut index = start;
    // `<T as Trait>::now` and `Vec::<T>::now` go on behind the `>`.
    if start >= 3 && tokens.is_separator(start - 2) && tokens.is(start - 3, '>') {
        path.push("_".to_owned());
    }
    while let Some(segment) = tokens.ident(index) {
        path.push(segment.to_owned());
        index += 1;
        if !tokens.is_separator(index) || tokens.ident(index + 2).is_none() {
            break;
        }
        index += 2;
    }
    (path, tokens.line(start), index.max(start + 1))
}

fn resolve(
    path: Vec<String>,
    names: &BTreeMap<String, Vec<String>>,
    module: &[String],
) -> Vec<String> {
    match path.split_first() {
        Some((first, rest)) if names.contains_key(first) => {
            let mut full = names.get(first).cloned().unwrap_or_default();
            full.extend(rest.iter().cloned());
            full
        }
        Some(_) | None => absolute(path, module),
    }
}

/// `super::x` in module `a::b` becomes `crate::a::x`; `core` and `alloc` are called `std`.
fn absolute(path: Vec<String>, module: &[String]) -> Vec<String> {
    let mut rest = path.as_slice();
    let mut base = module.to_vec();
    let mut relative = false;
    while let Some((first, tail)) = rest.split_first() {
        match first.as_str() {
            "self" => {}
            "super" => {
                base.pop();
            }
            "core" | "alloc" if !relative => {
                return [&["std".to_owned()], tail].concat();
            }
            _ => break,
        }
        relative = true;
        rest = tail;
    }
    if relative && !rest.is_empty() {
        return [&["crate".to_owned()], base.as_slice(), rest].concat();
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, file: &str, expected: &[&str]) {
        let tokens = Tokens::read(code).expect("the test's own code is sound");
        let found: Vec<String> = mentions(&tokens, &module_of(file))
            .iter()
            .map(|mention| mention.path.join("::"))
            .filter(|path| path.contains("::"))
            .collect();
        assert_eq!(found, expected, "{code}");
    }

    #[test]
    fn imports_are_followed_through_groups_renames_and_globs() {
        check(
            "use std::{fs, io::{self, Read}, time as t, net::*}; fn f() { t::Instant::now(); fs::read(); io::stdin() }",
            "common/src/a.rs",
            &[
                "std::fs",
                "std::io",
                "std::io::Read",
                "std::time",
                "std::net",
                "std::time::Instant::now",
                "std::fs::read",
                "std::io::stdin",
            ],
        );
    }

    #[test]
    fn relative_paths_become_absolute() {
        let file = "daemon/src/engine/alert/rule.rs";
        check("use super::super::shell::Store;", file, &["crate::engine::shell::Store"]);
        check("use super::super::super::shell::Store;", file, &["crate::shell::Store"]);
        check("use self::inner::X;", "daemon/src/engine/mod.rs", &["crate::engine::inner::X"]);
        check("use core::net::UdpSocket;", file, &["std::net::UdpSocket"]);
    }

    #[test]
    fn macro_arguments_and_qualified_paths_count() {
        check("fn f() { vec![Instant::now()] }", "a.rs", &["Instant::now"]);
        check("fn f() { <Clock as Time>::now() }", "a.rs", &["_::now"]);
    }

    #[test]
    fn an_own_module_wins_over_a_crate_of_its_name() {
        let code = "mod ring; fn f() { ring::Ring::new() }";
        check(code, "common/src/a.rs", &["crate::a::ring::Ring::new"]);
    }

    #[test]
    fn text_and_comments_do_not_count() {
        check("//! std::fs\n/* std::net */ const A: &str = \"std::env::var\";", "a.rs", &[]);
    }
}
