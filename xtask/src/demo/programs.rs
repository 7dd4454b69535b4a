//! Where the built programs are, how they are started on a stage, and when the daemon is ready.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::children::Children;
use super::stage::Stage;
use crate::workspace;

/// Name of the daemon among the children.
pub const SYSTOLED: &str = "systoled";
/// How long the daemon may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// The three programs.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Those of an earlier build, beside the running program or one folder above it (a test's).
    pub fn beside_this() -> Result<Self> {
        let own = std::env::current_exe().context("cannot tell where this program is")?;
        let folders = own.ancestors().skip(1).take(2);
        for folder in folders {
            if folder.join(SYSTOLED).exists() {
                return Ok(Self { folder: folder.to_path_buf() });
            }
        }
        bail!("no systoled near {}; build it with `cargo build --profile checked`", own.display())
    }

    /// Builds them, with cargo's own progress.
    pub fn build(root: &Path) -> Result<Self> {
        let mut cargo = workspace::cargo(root);
        cargo.args(["build", "--profile", workspace::PROFILE]);
        for package in ["systole-daemon", "systole-agent", "systole-console"] {
            cargo.args(["--package", package]);
        }
        let status = cargo.status().context("cannot run cargo")?;
        ensure!(status.success(), "the build failed; see above");
        Self::beside_this()
    }

    /// `systoled run` on a stage.
    pub fn daemon(&self, stage: &Stage) -> Command {
        self.command(SYSTOLED, stage, &stage.daemon_toml(), &["run"])
    }

    /// `systole-agent run` on a stage.
    pub fn agent(&self, stage: &Stage, name: &str) -> Command {
        self.command("systole-agent", stage, &stage.agent_toml(name), &["run"])
    }

    /// `systole-agent ARGS` on a stage.
    pub fn agent_command(&self, stage: &Stage, name: &str, args: &[&str]) -> Command {
        self.command("systole-agent", stage, &stage.agent_toml(name), args)
    }

    /// `systole ARGS` on a stage, as its admin.
    pub fn console(&self, stage: &Stage, args: &[&str]) -> Command {
        self.command("systole", stage, &stage.console_toml(), args)
    }

    /// `systole ARGS` on a stage, as its viewer.
    pub fn viewer(&self, stage: &Stage, args: &[&str]) -> Command {
        self.command("systole", stage, &stage.viewer_toml(), args)
    }

    fn command(&self, program: &str, stage: &Stage, config: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(self.folder.join(program));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SYSTOLE_") {
                command.env_remove(name);
            }
        }
        command.args(args).arg("--config").arg(config).current_dir(&stage.dir);
        command
    }
}

/// Starts the daemon and waits until it is ready.
pub fn start_daemon(children: &mut Children, programs: &Programs, stage: &Stage) -> Result<()> {
    let log = stage.log(SYSTOLED);
    children.start(SYSTOLED, programs.daemon(stage), &log)?;
    let end = Instant::now() + READY_WITHIN;
    while !is_ready(stage) {
        if let Some(status) = children.ended(SYSTOLED)? {
            bail!("systoled ended with {status}: {}", last_line(&log));
        }
        ensure!(Instant::now() < end, "systoled is not ready: {}", last_line(&log));
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Starts an agent.
pub fn start_agent(
    children: &mut Children,
    programs: &Programs,
    stage: &Stage,
    name: &str,
) -> Result<()> {
    children.start(name, programs.agent(stage, name), &stage.log(name))
}

/// Whether `/readyz` answers 200.
pub fn is_ready(stage: &Stage) -> bool {
    http_get(stage, "/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// A GET on the daemon's HTTP; the whole answer with its head.
pub fn http_get(stage: &Stage, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, stage.http_port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or("it said nothing").to_owned()
}
