//! A scene: a daemon, agents and consoles in a folder of their own. Dropped, all of it is gone.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;
use systole_common::ids::Identity;
use tempfile::TempDir;
use xtask::certs::{self, Plan, leaf_files};
use xtask::demo::children::Children;
use xtask::demo::programs::{Programs, SYSTOLED, start_agent, start_daemon};
use xtask::demo::stage::{Stage, StagePlan};

use crate::ending::Ending;
use crate::journal::Journal;
use crate::scrape::Scrape;
use crate::watch::Watch;
use crate::{PATIENCE, until};

/// What every daemon of the tests has in its file: rules that a busy machine breaks within seconds are
/// off, and little room is kept, so that starts are quick.
const DAEMON_EXTRA: &str = "\
[rule.memory]
enabled = false
[rule.swap]
enabled = false
[rule.disk]
enabled = false
[rule.inodes]
enabled = false
[rule.iowait]
enabled = false
[storage]
reserve = \"4MiB\"
";

/// A stage and the programs that run on it.
#[derive(Debug)]
pub struct Scene {
    /// Files, ports and names.
    pub stage: Stage,
    /// Where the programs are.
    pub programs: Programs,
    children: Children,
    _folder: TempDir,
}

impl Scene {
    /// A stage for agents `demo-1` to `demo-COUNT`. Nothing runs yet.
    pub fn set(agents: usize) -> Result<Self> {
        Self::set_with(agents, |_| {})
    }

    /// [`Self::set`] with a plan that `change` has had its say in.
    pub fn set_with(agents: usize, change: impl FnOnce(&mut StagePlan)) -> Result<Self> {
        // Unix sockets need short paths.
        let folder = tempfile::Builder::new().prefix("e2e-").tempdir()?;
        let mut plan = StagePlan::demo(folder.path(), agents);
        DAEMON_EXTRA.clone_into(&mut plan.daemon_extra);
        change(&mut plan);
        let stage = Stage::set(&plan)?;
        let programs = Programs::beside_this()?;
        Ok(Self { stage, programs, children: Children::default(), _folder: folder })
    }

    /// [`Self::set`] with everything running and every host `online`.
    pub fn play(agents: usize) -> Result<Self> {
        let mut scene = Self::set(agents)?;
        scene.start_all()?;
        Ok(scene)
    }

    /// Starts the daemon and all agents, and waits until every host is `online`.
    pub fn start_all(&mut self) -> Result<()> {
        self.start_daemon()?;
        for agent in self.stage.agents.clone() {
            self.start_agent(&agent)?;
        }
        self.until_online(&self.stage.agents.clone())
    }

    /// Starts the daemon and waits until it is ready.
    pub fn start_daemon(&mut self) -> Result<()> {
        start_daemon(&mut self.children, &self.programs, &self.stage)
    }

    /// Starts the daemon and does not wait.
    pub fn start_unready(&mut self) -> Result<()> {
        self.start(SYSTOLED, self.programs.daemon(&self.stage))
    }

    /// Starts `command` in the place of a program.
    pub fn start(&mut self, name: &str, command: Command) -> Result<()> {
        self.children.start(name, command, &self.stage.log(name))
    }

    /// Starts an agent.
    pub fn start_agent(&mut self, name: &str) -> Result<()> {
        start_agent(&mut self.children, &self.programs, &self.stage, name)
    }

    /// Makes certificates beside those of the stage, valid for `days`.
    pub fn issue(&self, holder: Identity, days: u32) -> Result<()> {
        let certs = self.stage.dir.join("certs");
        let (cert, _) = leaf_files(&certs, &holder);
        if cert.exists() {
            fs::remove_file(cert)?;
        }
        let mut plan = Plan::new(certs, "demo".parse()?);
        plan.holders.push(holder);
        plan.days = days;
        certs::issue(&plan).map(drop)
    }

    /// Sends `signal` to a program.
    pub fn signal(&mut self, name: &str, signal: Signal) -> Result<()> {
        self.children.signal(name, signal)
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self, name: &str) -> Result<()> {
        self.signal(name, Signal::KILL)?;
        self.ended(name).map(drop)
    }

    /// SIGTERM. Returns how it ended, and how long that took.
    pub fn terminate(&mut self, name: &str) -> Result<(ExitStatus, Duration)> {
        let asked = Instant::now();
        self.signal(name, Signal::TERM)?;
        let status = self.ended(name)?;
        Ok((status, asked.elapsed()))
    }

    /// Waits for a program's end.
    pub fn ended(&mut self, name: &str) -> Result<ExitStatus> {
        let status = self.children.wait(name, PATIENCE)?;
        status.with_context(|| format!("{name} did not end within {} s", PATIENCE.as_secs()))
    }

    /// Whether a program that was started still runs.
    pub fn runs(&mut self, name: &str) -> Result<bool> {
        Ok(self.children.ended(name)?.is_none())
    }

    /// The process id of a program.
    pub fn pid(&self, name: &str) -> Result<u32> {
        let pids = self.children.pids();
        pids.get(name).copied().with_context(|| format!("{name} was not started"))
    }

    /// `systole ARGS` as the admin.
    pub fn console(&self, args: &[&str]) -> Result<Ending> {
        Ending::of(self.programs.console(&self.stage, args))
    }

    /// `systole ARGS` as the viewer.
    pub fn viewer(&self, args: &[&str]) -> Result<Ending> {
        Ending::of(self.programs.viewer(&self.stage, args))
    }

    /// `systole-agent ARGS` beside the agent `name`.
    pub fn agent(&self, name: &str, args: &[&str]) -> Result<Ending> {
        Ending::of(self.programs.agent_command(&self.stage, name, args))
    }

    /// What `systole hosts --json` prints.
    pub fn hosts(&self) -> Result<Vec<Value>> {
        self.console(&["hosts", "--json"])?.list()
    }

    /// One host of [`Self::hosts`].
    pub fn host(&self, name: &str) -> Result<Value> {
        let hosts = self.hosts()?;
        let found = hosts.into_iter().find(|host| host["host"] == name);
        found.with_context(|| format!("no host {name}"))
    }

    /// Every alert there is, resolved ones too.
    pub fn alerts(&self) -> Result<Vec<Value>> {
        self.console(&["alerts", "--state", "all", "--json"])?.list()
    }

    /// Waits until all of `names` are `online` with a fresh heartbeat.
    pub fn until_online(&self, names: &[String]) -> Result<()> {
        until(&format!("{names:?} online"), PATIENCE, || {
            let hosts = self.hosts()?;
            let is_online = |name: &String| {
                let mut hosts = hosts.iter();
                hosts.any(|host| host["host"] == name.as_str() && host["state"] == "online")
            };
            Ok(names.iter().all(is_online).then_some(()))
        })
    }

    /// A `systole watch` that has printed the present state of all that is known.
    pub fn watch(&self) -> Result<Watch> {
        self.watch_with(&[])
    }

    /// [`Self::watch`] with more arguments.
    pub fn watch_with(&self, args: &[&str]) -> Result<Watch> {
        let args = [&["watch"], args].concat();
        let mut watch = Watch::start(self.programs.console(&self.stage, &args))?;
        watch.until("hello", |line| line["kind"] == "hello")?;
        Ok(watch)
    }

    /// The log of a program.
    pub fn journal(&self, name: &str) -> Journal {
        Journal::new(self.stage.log(name))
    }

    /// The log of the daemon.
    pub fn daemon_journal(&self) -> Journal {
        self.journal(SYSTOLED)
    }

    /// `/metrics`.
    pub fn scrape(&self) -> Result<Scrape> {
        Scrape::take(&self.stage)
    }

    /// Adds lines to the daemon's file and sends SIGHUP.
    pub fn reload_with(&mut self, lines: &str) -> Result<()> {
        append(&self.stage.daemon_toml(), lines)?;
        self.signal(SYSTOLED, Signal::HUP)
    }

    /// The daemon and all of `agents` must be as they were: running, `online`, without an alert.
    pub fn is_unharmed(&mut self, agents: &[&str]) -> Result<()> {
        ensure!(self.runs(SYSTOLED)?, "the daemon is gone");
        for agent in agents {
            ensure!(self.runs(agent)?, "{agent} is gone");
            let host = &self.host(agent)?;
            ensure!(host["state"] == "online", "{agent} suffers: {host}");
            let age_ms = host["heartbeat_age_ms"].as_f64().unwrap_or(f64::MAX);
            ensure!(age_ms < 2_000.0, "{agent} was heard {age_ms} ms ago");
        }
        let alerts = self.alerts()?;
        let theirs = alerts.iter().find(|alert| agents.iter().any(|agent| alert["host"] == *agent));
        ensure!(theirs.is_none(), "an honest host has an alert: {theirs:?}");
        Ok(())
    }
}

/// Adds `lines` to a file.
pub fn append(path: &Path, lines: &str) -> Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    Ok(writeln!(file, "{lines}")?)
}

/// Replaces `from`, which must be there, by `to` in a file.
pub fn replace(path: &Path, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(path)?;
    ensure!(text.contains(from), "{} has no {from:?}", path.display());
    Ok(fs::write(path, text.replace(from, to))?)
}
