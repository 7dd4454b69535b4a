//! How a program ended and what it said. Owns the limit that no program may run over.

use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::PATIENCE;

/// A program that has ended.
#[derive(Debug, Clone)]
pub struct Ending {
    /// The command line.
    pub command: String,
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it printed for people beside that.
    pub stderr: String,
}

impl Ending {
    /// Runs `command` until it ends. One that does not is killed, and that is the error.
    pub fn of(mut command: Command) -> Result<Self> {
        let line = format!("{command:?}");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().with_context(|| format!("cannot start {line}"))?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || sender.send(child.wait_with_output()));
        let Ok(output) = ended.recv_timeout(PATIENCE) else {
            if let Some(pid) = pid {
                kill_process(pid, Signal::KILL)?;
            }
            let said = ended.recv().map(|output| output.map(|output| text(&output.stderr)));
            bail!("{line} did not end within {} s; it said {said:?}", PATIENCE.as_secs());
        };
        let Output { status, stdout, stderr } = output?;
        let (stdout, stderr) = (text(&stdout), text(&stderr));
        Ok(Self { command: line, code: status.code(), stdout, stderr })
    }

    /// It must have ended well.
    pub fn done(self) -> Result<Self> {
        ensure!(self.code == Some(0), "{self:?} did not end well");
        Ok(self)
    }

    /// It ended with `code` and said `word` on its standard output.
    pub fn refused_in_words(&self, code: i32, word: &str) -> Result<()> {
        ensure!(self.code == Some(code), "{self:?} did not end with {code}");
        ensure!(self.stdout.contains(word), "{self:?} did not say {word}");
        Ok(())
    }

    /// It ended well and printed one JSON value.
    pub fn json(self) -> Result<Value> {
        let ending = self.done()?;
        serde_json::from_str(&ending.stdout).with_context(|| format!("{ending:?}"))
    }

    /// It ended well and printed a JSON list.
    pub fn list(self) -> Result<Vec<Value>> {
        match self.json()? {
            Value::Array(values) => Ok(values),
            other => bail!("{other} is no list"),
        }
    }

    /// It ended with `code` and exactly one plain line on stderr, which names all of `words`.
    pub fn refused(&self, code: i32, words: &[&str]) -> Result<()> {
        ensure!(self.code == Some(code), "{self:?} did not end with {code}");
        ensure!(self.stdout.is_empty(), "{self:?} printed something");
        ensure!(self.stderr.lines().count() == 1, "{self:?} did not say one line");
        let is_plain = |sign: char| sign == '\n' || !sign.is_control();
        ensure!(self.stderr.chars().all(is_plain), "{self:?} is not plain");
        for word in words {
            ensure!(self.stderr.contains(word), "{:?} does not name {word:?}", self.stderr);
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
