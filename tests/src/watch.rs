//! A running `systole watch`: its lines are read as they are printed and kept.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use systole_common::time::UnixMs;

use crate::PATIENCE;

/// A `systole watch` that runs until this is dropped.
#[derive(Debug)]
pub struct Watch {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<Value>,
}

impl Watch {
    /// Starts it.
    pub fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let stdout = child.stdout.take().context("no output to read")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, lines, seen: Vec::new() })
    }

    /// Reads on until a line that is `wanted`.
    pub fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        self.until_within(what, PATIENCE, wanted)
    }

    /// [`Self::until`] with another limit against hanging.
    pub fn until_within(
        &mut self,
        what: &str,
        limit: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let end = Instant::now() + limit;
        loop {
            match self.next(end)? {
                Some(line) if wanted(&line) => return Ok(line),
                Some(_) => {}
                None => bail!("watch did not say: {what}; it said {}", self.told()),
            }
        }
    }

    /// Reads until `host` is `state`.
    pub fn until_host(&mut self, host: &str, state: &str) -> Result<Value> {
        self.until(&format!("{host} is {state}"), |line| is_host(line, host, state))
    }

    /// Reads until an alert about `host` by `rule` is `state`.
    pub fn until_alert(&mut self, host: &str, rule: &str, state: &str) -> Result<Value> {
        self.until(&format!("alert {rule} of {host} is {state}"), |line| {
            is_alert(line) && line["host"] == host && line["rule"] == rule && line["state"] == state
        })
    }

    /// Reads everything that comes within `span`.
    pub fn listen(&mut self, span: Duration) -> Result<()> {
        let end = Instant::now() + span;
        while self.next(end)?.is_some() {}
        Ok(())
    }

    /// Every line that was read so far.
    pub fn seen(&self) -> &[Value] {
        &self.seen
    }

    /// Sends `signal` to it.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        Ok(kill_process(pid.context("no process id")?, signal)?)
    }

    /// Sends `signal` to it and waits for its end.
    pub fn stop(&mut self, signal: Signal) -> Result<ExitStatus> {
        self.signal(signal)?;
        let child = &mut self.child;
        crate::until("the end of watch", PATIENCE, || Ok(child.try_wait()?))
    }

    fn next(&mut self, end: Instant) -> Result<Option<Value>> {
        match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                let value: Value =
                    serde_json::from_str(&line).with_context(|| format!("watch said {line}"))?;
                self.seen.push(value.clone());
                Ok(Some(value))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                bail!("watch has ended with {:?} after {}", self.child.wait(), self.told())
            }
        }
    }

    /// What it said, shortened to what tells lines apart.
    fn told(&self) -> String {
        let short = |line: &Value| {
            let of = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
            ["at", "kind", "host", "rule", "state"].map(of).join(" ")
        };
        let lines: Vec<String> = self.seen.iter().map(short).collect();
        format!("{lines:#?}")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Whether a line of `watch` says that `host` is `state`.
pub fn is_host(line: &Value, host: &str, state: &str) -> bool {
    line["kind"] == "host" && line["host"] == host && line["state"] == state
}

/// Whether a line of `watch` is about an alert.
pub fn is_alert(line: &Value) -> bool {
    line["kind"] == "alert"
}

/// The time in `field`, as RFC 3339 says it.
pub fn time(value: &Value, field: &str) -> Result<UnixMs> {
    let text = value[field].as_str().with_context(|| format!("no {field} in {value}"))?;
    UnixMs::parse(text).with_context(|| format!("{text} is no time"))
}
