//! A Debian in a container with systemd as its first process, so that units are started for real.
//!
//! It needs root, `systemd-nspawn` and `debootstrap`; it has no network but its own loopback, and
//! what it writes goes away with it. Knows nothing of Systole.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::ending::Ending;
use crate::until;

/// Debian's name for what the image is made of.
const RELEASE: &str = "bookworm";
/// How long a start, or an end, may take on a machine that has more to do.
const BOOT: Duration = Duration::from_mins(3);
/// Where programs are, here and in it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Programs without which there is no container.
const TOOLS: [(&str, &str); 2] =
    [("systemd-nspawn", "systemd-container"), ("debootstrap", "debootstrap")];

/// Why no container can be had here; `None` if one can.
pub fn lacks() -> Option<String> {
    if !geteuid().is_root() {
        return Some("only root may start a container".to_owned());
    }
    let missing = TOOLS.into_iter().find(|(tool, _)| !is_installed(tool));
    missing.map(|(tool, package)| format!("{tool} is missing; apt-get install {package}"))
}

/// Makes an image in `folder`, unless there is one. Takes minutes and needs Debian's mirror.
pub fn make_image(folder: &Path) -> Result<()> {
    if folder.join("usr/lib/systemd/systemd").exists() {
        return Ok(());
    }
    // What was begun and broken off is begun anew.
    let half = folder.with_extension("half");
    if half.exists() {
        fs::remove_dir_all(&half)?;
    }
    let status = Command::new("debootstrap")
        .args(["--variant=minbase", "--include=systemd,systemd-sysv", RELEASE])
        .arg(&half)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "debootstrap: {status}; see {}", half.join("debootstrap").display());
    fs::rename(&half, folder)?;
    Ok(())
}

/// A container that runs; it is shut down when this is dropped.
#[derive(Debug)]
pub struct Container {
    nspawn: Child,
    /// Its first process, as this machine counts.
    first: u32,
}

impl Container {
    /// Starts `image` with `stage` readable in it as `/stage`, and waits until it is up.
    pub fn boot(image: &Path, stage: &Path) -> Result<Self> {
        let log = stage.with_extension("boot.log");
        let nspawn = Command::new("systemd-nspawn")
            .args(["--quiet", "--boot", "--register=no", "--keep-unit", "--volatile=overlay"])
            .args(["--private-network", "--console=pipe"])
            .arg(format!("--directory={}", image.display()))
            .arg(format!("--bind-ro={}:/stage", stage.display()))
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .spawn()?;
        let mut container = Self { nspawn, first: 0 };
        until("the container is up", BOOT, || container.is_up())
            .with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        Ok(container)
    }

    /// Runs a command in it, as root and with nothing of this program's environment, until it ends.
    pub fn run(&self, words: &[&str]) -> Result<Ending> {
        let first = self.first.to_string();
        let mut command = Command::new("nsenter");
        command
            .env_clear()
            .env("PATH", PATH)
            .args(["--target", &first, "--mount", "--uts", "--ipc", "--net", "--pid", "--root"])
            .args(["--wd=/", "--"])
            .args(words);
        Ending::of(command)
    }

    /// The same with a line for its shell, which must end well; returns what it printed.
    pub fn shell(&self, line: &str) -> Result<String> {
        Ok(self.run(&["/bin/sh", "-ec", line])?.done()?.stdout.trim_end().to_owned())
    }

    fn is_up(&mut self) -> Result<Option<()>> {
        if let Some(status) = self.nspawn.try_wait()? {
            anyhow::bail!("systemd-nspawn ended: {status}");
        }
        let nspawn = self.nspawn.id();
        let children = fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children"))?;
        let Some(first) = children.split_whitespace().last() else { return Ok(None) };
        self.first = first.parse()?;
        if fs::read_to_string(format!("/proc/{first}/comm")).unwrap_or_default() != "systemd\n" {
            return Ok(None);
        }
        let said = self.run(&["/bin/systemctl", "is-system-running"])?.stdout;
        Ok(matches!(said.trim(), "running" | "degraded").then_some(()))
    }

    /// Shuts it down as a host is shut down, and waits for the end.
    pub fn power_off(&mut self) -> Result<()> {
        let pid = i32::try_from(self.nspawn.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("no process")?, Signal::TERM)?;
        until("the container is down", BOOT, || Ok(self.nspawn.try_wait()?.map(drop)))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if matches!(self.nspawn.try_wait(), Ok(None)) && self.power_off().is_err() {
            // All of the container dies with it.
            let _dead = self.nspawn.kill();
            let _gone = self.nspawn.wait();
        }
    }
}

fn is_installed(tool: &str) -> bool {
    std::env::split_paths(PATH).any(|folder| folder.join(tool).exists())
}
