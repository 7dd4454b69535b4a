//! The files of the checkout as the rules see them: Rust sources with their tokens, and the
//! names of everything else. It reads files and judges nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::tokens::{TestCode, Tokens};

/// Everything below the root that the rules look at.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    /// Paths of all files, relative to the root, with `/`.
    pub(super) files: BTreeSet<String>,
    /// Paths of all folders, likewise.
    pub(super) folders: BTreeSet<String>,
    /// The Rust files that could be read as Rust, in order of their paths.
    pub(super) sources: Vec<Source>,
    /// Rust files that could not, with the line.
    pub(super) unreadable: Vec<(String, usize)>,
}

/// One Rust file.
#[derive(Debug)]
pub(super) struct Source {
    /// Relative to the root.
    pub(super) path: String,
    pub(super) text: String,
    pub(super) tokens: Tokens,
    pub(super) tests: TestCode,
    /// Whether the whole file is compiled for tests only.
    pub(super) only_tests: bool,
}

impl Tree {
    /// Reads the checkout at `root`.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self {
            root: root.to_path_buf(),
            files: BTreeSet::new(),
            folders: BTreeSet::new(),
            sources: Vec::new(),
            unreadable: Vec::new(),
        };
        tree.list(root, "")?;
        tree.read_sources()?;
        tree.mark_test_modules();
        Ok(tree)
    }

    /// The text of a file, or nothing when it is not there.
    pub(super) fn text(&self, path: &str) -> Result<Option<String>> {
        if !self.files.contains(path) {
            return Ok(None);
        }
        let whole = self.root.join(path);
        fs::read_to_string(&whole).map(Some).with_context(|| format!("cannot read {path}"))
    }

    fn list(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        let entries =
            fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_not_ours(&name, &entry.path()) {
                continue;
            }
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.list(&entry.path(), &format!("{path}/"))?;
                self.folders.insert(path);
            } else if kind.is_file() {
                self.files.insert(path);
            }
        }
        Ok(())
    }

    fn read_sources(&mut self) -> Result<()> {
        for path in &self.files {
            if Path::new(path).extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = fs::read_to_string(self.root.join(path))
                .with_context(|| format!("cannot read {path}"))?;
            match Tokens::read(&text) {
                Ok(tokens) => self.sources.push(Source {
                    tests: tokens.test_code(),
                    only_tests: is_test_path(path),
                    path: path.clone(),
                    text,
                    tokens,
                }),
                Err(line) => self.unreadable.push((path.clone(), line)),
            }
        }
        Ok(())
    }

    /// Carries `#[cfg(test)] mod name;` over to the files that the module consists of.
    fn mark_test_modules(&mut self) {
        let modules: Vec<String> = self
            .sources
            .iter()
            .flat_map(|source| {
                let folder = module_folder(&source.path);
                source.tests.modules.iter().map(move |name| format!("{folder}/{name}"))
            })
            .collect();
        for source in &mut self.sources {
            source.only_tests |= modules.iter().any(|module| is_module(&source.path, module));
        }
    }
}

impl Source {
    /// Whether only tests see this line.
    pub(super) fn is_test_line(&self, line: usize) -> bool {
        self.only_tests || self.tests.lines.iter().any(|lines| lines.contains(&line))
    }
}

/// Whether `path` is the file of the module at `module` (a path without `.rs`) or lies in its folder.
pub(super) fn is_module(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Whether an entry is no part of the product: version control, or a build's results.
fn is_not_ours(name: &str, entry: &Path) -> bool {
    name == ".git" || entry.join("CACHEDIR.TAG").is_file()
}

/// Whether the place of a file alone says that it is test code.
fn is_test_path(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "benches" | "fuzz" | "tests.rs"))
}

/// The folder that the modules declared in a file live in.
fn module_folder(path: &str) -> String {
    let stem = path.trim_end_matches(".rs");
    match stem.rsplit_once('/') {
        Some((folder, "mod" | "lib" | "main")) => folder.to_owned(),
        Some(_) | None => stem.to_owned(),
    }
}
