//! A program's log file, read while it is written. Knows lines, not their meaning.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::{PATIENCE, until};

/// The log of one program.
#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
}

impl Journal {
    /// The log in the file at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Its complete lines so far.
    pub fn lines(&self) -> Result<Vec<String>> {
        let bytes = fs::read(&self.path).with_context(|| self.path.display().to_string())?;
        let text = String::from_utf8_lossy(&bytes);
        let whole = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
        Ok(whole.lines().map(str::to_owned).collect())
    }

    /// Its lines so far with all of `words` in them.
    pub fn with(&self, words: &[&str]) -> Result<Vec<String>> {
        let mut lines = self.lines()?;
        lines.retain(|line| words.iter().all(|word| line.contains(word)));
        Ok(lines)
    }

    /// Waits for a line with all of `words` in it and returns the first one.
    pub fn until(&self, words: &[&str]) -> Result<String> {
        let what = format!("a line with {words:?} in {}", self.path.display());
        until(&what, PATIENCE, || Ok(self.with(words)?.into_iter().next()))
    }

    /// Waits for a line with all of `words` in it; there must be no second one.
    pub fn only(&self, words: &[&str]) -> Result<String> {
        let line = self.until(words)?;
        let lines = self.with(words)?;
        ensure!(lines.len() == 1, "not one line with {words:?} but {lines:#?}");
        Ok(line)
    }
}
