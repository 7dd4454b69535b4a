//! The programs of a stage as children: started in groups of their own, watched, stopped in order.
//! Knows their names and processes, not what they do.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// How often a stop looks whether a child has ended.
const POLL: Duration = Duration::from_millis(20);

/// The children of one stage by name.
#[derive(Debug, Default)]
pub struct Children {
    all: BTreeMap<String, Child>,
}

impl Children {
    /// Starts `command` as `name`; its output goes to `log`. Ctrl-c at the terminal does not reach it.
    pub fn start(&mut self, name: &str, mut command: Command, log: &Path) -> Result<()> {
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).process_group(0);
        let program = command.get_program().to_owned();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", Path::new(&program).display()))?;
        self.all.insert(name.to_owned(), child);
        Ok(())
    }

    /// The process id of each child, running or not.
    pub fn pids(&self) -> BTreeMap<String, u32> {
        self.all.iter().map(|(name, child)| (name.clone(), child.id())).collect()
    }

    /// How `name` ended; `None` while it runs. Also takes ended children out of the process table.
    pub fn ended(&mut self, name: &str) -> Result<Option<ExitStatus>> {
        match self.all.get_mut(name) {
            Some(child) => Ok(child.try_wait()?),
            None => Ok(None),
        }
    }

    /// Takes ended children out of the process table.
    pub fn reap(&mut self) {
        for child in self.all.values_mut() {
            let _state = child.try_wait();
        }
    }

    /// Sends `signal` to `name` if it still runs.
    pub fn signal(&mut self, name: &str, signal: Signal) -> Result<()> {
        let Some(child) = self.all.get_mut(name) else { return Ok(()) };
        if child.try_wait()?.is_none()
            && let Some(pid) = pid(child)
        {
            kill_process(pid, signal)?;
        }
        Ok(())
    }

    /// Waits until `name` has ended.
    pub fn wait(&mut self, name: &str, limit: Duration) -> Result<Option<ExitStatus>> {
        let end = Instant::now() + limit;
        loop {
            let status = self.ended(name)?;
            if status.is_some() || Instant::now() >= end {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
    }

    /// Asks `names` to stop, and kills those that take longer than `limit`.
    pub fn stop(&mut self, names: &[String], limit: Duration) {
        for name in names {
            let _gone = self.signal(name, Signal::TERM);
        }
        let end = Instant::now() + limit;
        for name in names {
            let left = end.saturating_duration_since(Instant::now());
            if let Ok(None) = self.wait(name, left) {
                let _gone = self.signal(name, Signal::KILL);
                let _ended = self.wait(name, limit);
            }
        }
    }

    /// Stops everything: agents first, so that they can say goodbye, then the daemon.
    pub fn stop_all(&mut self, daemon: &str, limit: Duration) {
        let agents: Vec<String> = self.all.keys().filter(|name| *name != daemon).cloned().collect();
        self.stop(&agents, limit);
        self.stop(&[daemon.to_owned()], limit);
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for child in self.all.values_mut() {
            if let Ok(None) = child.try_wait() {
                let _gone = child.kill();
                let _status = child.wait();
            }
        }
    }
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}
