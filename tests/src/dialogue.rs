//! A program that is talked with line by line while it runs. Dropped, it is gone.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::{PATIENCE, until};

/// A running program, what it says, and its standard input.
#[derive(Debug)]
pub struct Dialogue {
    child: Child,
    input: Option<ChildStdin>,
    said: Arc<Mutex<Vec<String>>>,
    told: Arc<Mutex<Vec<String>>>,
    /// What reads its two outputs to their ends.
    readers: [JoinHandle<()>; 2],
}

impl Dialogue {
    /// Starts `command`.
    pub fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let (said, output) = gather(child.stdout.take().context("no output")?);
        let (told, errors) = gather(child.stderr.take().context("no error output")?);
        let input = child.stdin.take();
        Ok(Self { child, input, said, told, readers: [output, errors] })
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("its input is closed")?;
        writeln!(input, "{line}")?;
        Ok(input.flush()?)
    }

    /// Closes its input.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Lines of its standard output so far.
    pub fn said(&self) -> Vec<String> {
        lock(&self.said).clone()
    }

    /// Lines of its error output so far.
    pub fn told(&self) -> Vec<String> {
        lock(&self.told).clone()
    }

    /// Waits until a line of its standard output holds `text`, and returns that line.
    pub fn until_says(&self, text: &str) -> Result<String> {
        let found =
            until(text, PATIENCE, || Ok(self.said().into_iter().find(|line| line.contains(text))));
        found.with_context(|| format!("it said {:?} and told {:?}", self.said(), self.told()))
    }

    /// Waits until a line of its error output holds `text`, and returns that line.
    pub fn until_tells(&self, text: &str) -> Result<String> {
        let found =
            until(text, PATIENCE, || Ok(self.told().into_iter().find(|line| line.contains(text))));
        found.with_context(|| format!("it said {:?} and told {:?}", self.said(), self.told()))
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        Ok(kill_process(pid.context("no process id")?, signal)?)
    }

    /// Waits for its end and its last words; its exit code, `None` after a signal.
    pub fn ended(&mut self) -> Result<Option<i32>> {
        let ended = until("its end", PATIENCE, || Ok(self.child.try_wait()?));
        let status = ended
            .with_context(|| format!("it said {:?} and told {:?}", self.said(), self.told()))?;
        until("its last words", PATIENCE, || {
            Ok(self.readers.iter().all(JoinHandle::is_finished).then_some(()))
        })?;
        Ok(status.code())
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gather(output: impl Read + Send + 'static) -> (Arc<Mutex<Vec<String>>>, JoinHandle<()>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let into = lines.clone();
    let reader = thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            lock(&into).push(String::from_utf8_lossy(&line).into_owned());
        }
    });
    (lines, reader)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
