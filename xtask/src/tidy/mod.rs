//! `cargo xtask tidy`: the house rules that a compiler does not check.
//!
//! Each rule lives in a file of its own subject, looks at one [`tree`] that was read once,
//! and answers with breaches; nothing here changes a file.

mod architecture;
mod manifests;
mod manners;
mod paths;
mod purity;
mod size;
mod tokens;
mod tree;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use tree::Tree;

/// One breach of one rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breach {
    /// Path from the root of the checkout.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Name of the rule.
    pub rule: &'static str,
    /// What is wrong and what to do about it.
    pub advice: String,
}

/// What is allowed to break a size rule; the list may only shrink.
#[derive(Debug, Clone, Copy)]
pub struct Exceptions {
    /// A file (`daemon/src/shell/mod.rs`) or a function (`daemon/src/shell/mod.rs run`) and
    /// exactly the lines it has; fewer lines ask for a smaller number here.
    pub sizes: &'static [(&'static str, usize)],
}

/// The exceptions of this checkout.
pub const EXCEPTIONS: Exceptions = Exceptions { sizes: &[] };

/// Runs the task: prints each breach on a line of its own.
pub fn run(root: &Path) -> Result<ExitCode> {
    let breaches = check(root, &EXCEPTIONS)?;
    for breach in &breaches {
        println!("{breach}");
    }
    match breaches.len() {
        0 => println!("tidy: no breach"),
        count => println!("tidy: {count} to mend"),
    }
    Ok(if breaches.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every breach in the checkout at `root`, in order of files and lines.
pub fn check(root: &Path, exceptions: &Exceptions) -> Result<Vec<Breach>> {
    let tree = Tree::read(root)?;
    let mut found = purity::check(&tree);
    found.extend(size::check(&tree, exceptions));
    found.extend(manners::check(&tree));
    found.extend(manifests::check(&tree)?);
    found.extend(architecture::check(&tree)?);
    found.sort();
    Ok(found)
}

impl Breach {
    fn new(file: &str, line: usize, rule: &'static str, advice: String) -> Self {
        Self { file: file.to_owned(), line, rule, advice }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}: {}", self.file, self.line, self.rule, self.advice)
    }
}
