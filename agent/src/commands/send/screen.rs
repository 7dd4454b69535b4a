//! What `send` prints: the words that scripts read on standard output, all else on standard error.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use systole_common::exit::Exit;
use systole_common::model::coded::Coded;
use systole_common::model::file::FileState;
use systole_common::text::scrub;
use systole_common::time::UnixMs;

use super::super::print;
use crate::engine::moment;
use crate::engine::offers::pace::{Pace, line, percent};
use crate::error::AgentError;
use crate::limits::{HASHING_SHOWN, SEND_PROGRESS_EVERY};
use crate::shell::clocks::clocks;
use crate::shell::local::{DecisionWords, SendProgress};

/// The percents between two lines of progress where there is no terminal.
const STEP_PERCENT: u64 = 10;

pub(super) struct Screen {
    begun: Instant,
    is_terminal: bool,
    /// When the bar was painted last; `None` while there is none.
    bar: Option<Instant>,
    /// The percent of the last line.
    line_percent: u64,
    pace: Pace,
    is_ready: bool,
    said: String,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            is_terminal: io::stderr().is_terminal(),
            bar: None,
            line_percent: 0,
            pace: Pace::default(),
            is_ready: false,
            said: String::new(),
        }
    }

    /// So much of the file is hashed.
    pub(super) fn hashing(&mut self, read_bytes: u64, size_bytes: u64) {
        let is_due = self.bar.is_none_or(|at| at.elapsed() >= SEND_PROGRESS_EVERY);
        if self.is_terminal && is_due && self.begun.elapsed() >= HASHING_SHOWN {
            self.paint(&format!("{:>3} %  hashed", percent(read_bytes, size_bytes)));
        }
    }

    /// Whatever is painted on the last line goes away.
    pub(super) fn hashed(&mut self) {
        if self.bar.take().is_some() {
            // Without stderr nobody sees it.
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    /// How far the transfer is.
    pub(super) fn progress(&mut self, progress: &SendProgress) {
        let SendProgress { sent_bytes, size_bytes } = *progress;
        self.pace.note(moment(clocks()), sent_bytes);
        let percent = percent(sent_bytes, size_bytes);
        if self.is_terminal {
            self.paint(&line(sent_bytes, size_bytes, &self.pace));
            return;
        }
        if percent < self.line_percent {
            self.line_percent = 0;
        }
        if percent >= self.line_percent.saturating_add(STEP_PERCENT) {
            self.line_percent = percent - percent % STEP_PERCENT;
            let _ = writeln!(io::stderr(), "{}", line(sent_bytes, size_bytes, &self.pace));
        }
    }

    /// Says once why it takes time.
    pub(super) fn waits(&mut self, why: &str) {
        if self.said != why {
            why.clone_into(&mut self.said);
            self.hashed();
            let _ = writeln!(io::stderr(), "{}", scrub(why));
        }
    }

    /// Prints a word that scripts read.
    pub(super) fn line(&mut self, text: &str) -> Result<(), AgentError> {
        self.hashed();
        print(&scrub(text))
    }

    /// What became of the offer; how the command ends, if it does.
    pub(super) fn decided(&mut self, decision: &DecisionWords) -> Result<Option<Exit>, AgentError> {
        let DecisionWords { state, reason, path, file, expires_ms, .. } = decision;
        // What has no number is the agent's own word on why it takes time.
        let is_own = *file == 0;
        let Some(state) = FileState::from_name(state) else { return Ok(None) };
        match state {
            FileState::Offered if !is_own => {
                let until = UnixMs(*expires_ms).local();
                self.waits(&format!("waits for an operator as file {file}, expires {until}"));
            }
            FileState::Offered => self.waits(&format!("waits: {reason}")),
            FileState::Accepted | FileState::Receiving => {
                if is_own {
                    self.waits(reason);
                } else {
                    self.said.clear();
                    self.ready()?;
                }
            }
            FileState::Verified => {
                self.ready()?;
                self.line(&format!("VERIFIED {path}"))?;
                return Ok(Some(Exit::Done));
            }
            FileState::Rejected => return self.end("REJECT", reason),
            FileState::Failed => return self.end("FAILED", reason),
            FileState::Expired => {
                let why = if reason.is_empty() { "nobody decided in time" } else { reason };
                return self.end("EXPIRED", why);
            }
            FileState::Withdrawn => return self.end("WITHDRAWN", reason),
        }
        Ok(None)
    }

    fn end(&mut self, word: &str, why: &str) -> Result<Option<Exit>, AgentError> {
        self.line(format!("{word} {why}").trim_end())?;
        Ok(Some(Exit::Failed))
    }

    fn ready(&mut self) -> Result<(), AgentError> {
        if std::mem::replace(&mut self.is_ready, true) { Ok(()) } else { self.line("READY") }
    }

    /// Paints over the last line of the terminal.
    fn paint(&mut self, text: &str) {
        self.bar = Some(Instant::now());
        let mut output = io::stderr().lock();
        let _ = write!(output, "\r{text}\x1b[K");
        let _ = output.flush();
    }
}
