//! Rules about Cargo.toml and Cargo.lock: `reason` (each dependency says why it is here),
//! `versions` (in one place), `lints`, `layers` (who may depend on whom) and `lock` (crates
//! that must not be in the tree).

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::Breach;
use super::tree::Tree;

/// Breaches of these rules.
pub(super) fn check(tree: &Tree) -> Result<Vec<Breach>> {
    let mut found = Vec::new();
    let Some(root) = tree.text(ROOT)? else {
        return Ok(vec![Breach::new(ROOT, 1, "reason", "is missing: write it".to_owned())]);
    };
    found.extend(reasons(&root));
    for member in members(&root)? {
        let path = format!("{member}/{ROOT}");
        if let Some(text) = tree.text(&path)? {
            found.extend(check_member(&member, &path, &text)?);
        } else {
            let advice = format!("the member {member} has no Cargo.toml: write it");
            found.push(Breach::new(ROOT, line_of(&root, "members"), "versions", advice));
        }
    }
    match tree.text(LOCK)? {
        Some(lock) => found.extend(locked(&lock)),
        None => found.push(Breach::new(LOCK, 1, "lock", "is missing: commit it".to_owned())),
    }
    Ok(found)
}

/// Every dependency of the workspace has a comment that says why; our own parts need none.
fn reasons(manifest: &str) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut inside = false;
    let mut lines = manifest.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let code = line.trim();
        if let Some(header) = code.strip_prefix('[') {
            inside = header.starts_with("workspace.dependencies]");
            if header.starts_with("workspace.dependencies.") && comment(line).is_none() {
                found.push(no_reason(header.trim_end_matches(']'), number));
            }
            continue;
        }
        let Some((name, _)) = code.split_once('=').filter(|_| inside && !code.starts_with('#'))
        else {
            continue;
        };
        // An entry may go over several lines; a comment on any of them will do.
        let mut entry = vec![line];
        while open_brackets(&entry) > 0
            && let Some((next, _)) = lines.next()
        {
            entry.push(next);
        }
        let ours = entry.iter().any(|line| line.contains("path ="));
        if !ours && !entry.iter().any(|line| comment(line).is_some()) {
            found.push(no_reason(name.trim(), number));
        }
    }
    found
}

fn no_reason(name: &str, line: usize) -> Breach {
    let advice = format!("say why `{name}` is here in a comment on its line");
    Breach::new(ROOT, line, "reason", advice)
}

fn check_member(member: &str, path: &str, text: &str) -> Result<Vec<Breach>> {
    let manifest: Table = text.parse().with_context(|| format!("cannot read {path}"))?;
    let mut found = Vec::new();
    let mut report = |needle: &str, rule, advice: String| {
        found.push(Breach::new(path, line_of(text, needle), rule, advice));
    };
    let inherited = Value::Table(Table::from_iter([("workspace".to_owned(), true.into())]));
    if manifest.get("lints") != Some(&inherited) {
        report("[lints", "lints", "say only `workspace = true` under `[lints]`".to_owned());
    }
    for (name, value) in dependencies(&manifest) {
        let shared = value.get("workspace").and_then(Value::as_bool) == Some(true);
        if !shared {
            let advice = format!("move `{name}` to [workspace.dependencies] with its reason");
            report(name, "versions", advice);
        }
        if BELOW_TESTS.contains(&member) && NEVER_USED.contains(&name.as_str()) {
            let advice = format!("{member} must not depend on {name}: share it through common");
            report(name, "layers", advice);
        }
        if name.starts_with("bincode") && member != "common" {
            report(name, "bincode", "only common depends on bincode: take it out".to_owned());
        }
    }
    Ok(found)
}

/// All dependencies of a manifest, of every kind and for every target.
fn dependencies(manifest: &Table) -> Vec<(&String, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let of_targets = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    std::iter::once(manifest)
        .chain(of_targets)
        .flat_map(|table| KINDS.iter().filter_map(|kind| table.get(*kind)?.as_table()))
        .flat_map(Table::iter)
        .collect()
}

/// Crates in the lock file that must not be there.
fn locked(lock: &str) -> Vec<Breach> {
    let lines: Vec<&str> = lock.lines().collect();
    let value = |line: Option<&&str>, key: &str| {
        let text = line?.strip_prefix(key)?.trim_start_matches([' ', '=']);
        Some(text.trim_matches('"').to_owned())
    };
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = value(Some(line), "name") else {
            continue;
        };
        let version = value(lines.get(index + 1), "version").unwrap_or_default();
        let advice = if BANNED.contains(&name.as_str()) {
            format!("{name} must not be in the tree: find who asks with `cargo tree -i {name}`")
        } else if name == "bincode" && version != BINCODE {
            format!("bincode {version} must not be in the tree: only {BINCODE} is wanted")
        } else {
            continue;
        };
        found.push(Breach::new(LOCK, index + 1, "lock", advice));
    }
    found
}

fn members(root: &str) -> Result<Vec<String>> {
    let manifest: Table = root.parse().with_context(|| format!("cannot read {ROOT}"))?;
    let members = manifest.get("workspace").and_then(|workspace| workspace.get("members"));
    let names = members.and_then(Value::as_array).into_iter().flatten();
    Ok(names.filter_map(Value::as_str).map(str::to_owned).collect())
}

/// The comment at the end of a line, when it says something.
fn comment(line: &str) -> Option<&str> {
    let start = bare(line).find(|(_, sign)| *sign == '#')?.0;
    let text = line.get(start + 1..)?.trim();
    (!text.is_empty()).then_some(text)
}

/// Brackets that these lines open and do not close.
fn open_brackets(lines: &[&str]) -> i64 {
    let signs = lines.iter().flat_map(|line| bare(line).take_while(|(_, sign)| *sign != '#'));
    signs
        .map(|(_, sign)| match sign {
            '[' | '{' => 1,
            ']' | '}' => -1,
            _ => 0,
        })
        .sum()
}

/// The characters of a line outside of strings, with their places in bytes.
fn bare(line: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let mut quoted = false;
    line.char_indices().filter(move |(_, sign)| {
        quoted ^= *sign == '"';
        !quoted
    })
}

fn line_of(text: &str, needle: &str) -> usize {
    text.lines().position(|line| line.trim_start().starts_with(needle)).map_or(1, |line| line + 1)
}

const ROOT: &str = "Cargo.toml";
const LOCK: &str = "Cargo.lock";

/// The tables that hold dependencies.
const KINDS: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

/// Members that must not know each other's programs.
const BELOW_TESTS: &[&str] = &["common", "daemon", "agent", "console"];

/// The programs, and what sees all of them.
const NEVER_USED: &[&str] =
    &["systole-daemon", "systole-agent", "systole-console", "systole-tests", "xtask"];

/// Crates with a second crypto provider or a system library.
const BANNED: &[&str] = &["aws-lc-rs", "aws-lc-sys", "openssl-sys", "bincode-next"];

/// The only version of the codec; see docs/adr/0001.
const BINCODE: &str = "2.0.1";
