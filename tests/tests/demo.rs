//! `cargo xtask demo` as people run it: it shows Systole on this machine's real metrics, and leaves nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use systole_common::time::UnixMs;
use systole_tests::ending::Ending;
use systole_tests::machine::{
    ProcessorTime, memory_total_bytes, now, open_files, processes_with, runs,
};
use systole_tests::watch::{Watch, time};
use systole_tests::{PATIENCE, programs_folder, until};
use tempfile::TempDir;

/// Demos build the programs first, and everybody's in one folder: one after the other.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A demo that runs, with the first line that it has printed.
struct Demo {
    child: Child,
    lines: BufReader<ChildStdout>,
    dir: PathBuf,
    pids: BTreeMap<String, u32>,
}

impl Demo {
    fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?);
        let mut line = String::new();
        // Whatever is built first is built by now: `cargo xtask test` has done so, or the test waits.
        lines.read_line(&mut line)?;
        let first: &Value =
            &serde_json::from_str(&line).with_context(|| format!("first: {line:?}"))?;
        let pids = first["pids"].as_object().context("no pids")?;
        let pid = |value: &Value| u32::try_from(value.as_u64().unwrap_or(0)).unwrap_or(0);
        let pids = pids.iter().map(|(name, value)| (name.clone(), pid(value))).collect();
        let dir = PathBuf::from(first["dir"].as_str().context("no dir")?);
        for port in ["port", "http_port"] {
            let number = first[port].as_u64().unwrap_or(0);
            ensure!((1..=65_535).contains(&number), "{port}: {first}");
        }
        Ok(Self { child, lines, dir, pids })
    }

    /// Its last line and how it ended.
    fn end(&mut self) -> Result<(Value, ExitStatus)> {
        let mut last = String::new();
        for line in (&mut self.lines).lines() {
            last = line?;
        }
        let child = &mut self.child;
        let status = until("its end", PATIENCE, || Ok(child.try_wait()?))?;
        Ok((serde_json::from_str(&last).with_context(|| format!("last: {last:?}"))?, status))
    }

    fn console(&self, args: &[&str]) -> Result<Command> {
        let mut command = Command::new(programs_folder()?.join("systole"));
        command.args(args).arg("--config").arg(self.dir.join("console.toml"));
        Ok(command)
    }

    fn leaves_no_process(&self) -> Result<()> {
        for (name, pid) in &self.pids {
            ensure!(!runs(*pid), "{name} still runs");
        }
        let left = processes_with(&self.dir)?;
        ensure!(left.is_empty(), "{left:?} still run on {}", self.dir.display());
        Ok(())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Asked to stop, it takes its children with it.
        if let Ok(None) = self.child.try_wait() {
            let _gone = send(self.child.id(), Signal::TERM);
        }
        let _status = self.child.wait();
    }
}

fn send(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("no pid")?;
    Ok(kill_process(pid, signal)?)
}

/// `xtask demo --headless --json ARGS`, with a home of its own that must stay empty.
fn demo(args: &[&str], home: &Path) -> Result<Command> {
    let mut command = Command::new(programs_folder()?.join("xtask"));
    command.args(["demo", "--headless", "--json"]).args(args);
    // What builds is not what is looked at: the tool chain stays where it is.
    let old_home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let kept = std::env::var_os(name).map_or_else(|| old_home.join(folder), PathBuf::from);
        command.env(name, kept);
    }
    let xdg =
        ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"];
    for name in xdg {
        command.env(name, home.join(name));
    }
    command.env("HOME", home).env("TMPDIR", home);
    Ok(command)
}

/// What this machine's processors did, noted several times a second.
struct Load {
    end: Arc<AtomicBool>,
    noted: thread::JoinHandle<Result<Vec<(UnixMs, ProcessorTime)>>>,
}

impl Load {
    fn note() -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let seen = end.clone();
        let noted = thread::spawn(move || {
            let mut noted = Vec::new();
            while !seen.load(Ordering::Relaxed) {
                noted.push((now(), ProcessorTime::read()?));
                thread::sleep(Duration::from_millis(50));
            }
            Ok(noted)
        });
        Self { end, noted }
    }

    fn taken(self) -> Result<Vec<(UnixMs, ProcessorTime)>> {
        self.end.store(true, Ordering::Relaxed);
        self.noted.join().map_err(|_| anyhow::anyhow!("the noting thread failed"))?
    }
}

/// One core's worth of work until it is dropped.
struct BusyCore(Arc<AtomicBool>);

impl BusyCore {
    fn start() -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let seen = end.clone();
        thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        Self(end)
    }
}

impl Drop for BusyCore {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn twenty_seconds_of_it_show_three_hosts_and_leave_nothing() -> Result<()> {
    let _turn = turn();
    let home = tempfile::tempdir()?;
    let mut demo = Demo::start(demo(&["--for", "20s"], home.path())?)?;
    let names: Vec<&str> = demo.pids.keys().map(String::as_str).collect();
    ensure!(names == ["demo-1", "demo-2", "demo-3", "systoled"], "{names:?}");
    ensure!(demo.dir.ends_with("target/demo"), "{}", demo.dir.display());
    follows_a_busy_core(&demo)?;
    for (name, pid) in &demo.pids {
        let strays = open_files(*pid)?;
        let stray = strays.iter().find(|path| !path.starts_with(&demo.dir) && !is_program(path));
        ensure!(stray.is_none(), "{name} has {stray:?} open");
    }
    let (hosts, status) = demo.end()?;
    ensure!(status.code() == Some(0), "{status}");
    let hosts = hosts.as_array().context("no list")?;
    ensure!(hosts.len() == 3, "{hosts:?}");
    for host in hosts {
        ensure!(host["state"] == "online", "{host}");
        let age_ms = host["heartbeat_age_ms"].as_f64().unwrap_or(f64::MAX);
        ensure!(age_ms < 2_000.0, "{host}");
        ensure!(host["metrics"]["memory_total_bytes"] == memory_total_bytes()?, "{host}");
    }
    demo.leaves_no_process()?;
    ensure!(!demo.dir.exists(), "{} is still there", demo.dir.display());
    is_empty(home.path())
}

/// The dynamic linker's files stay open nowhere; a program's own file may, while it is looked at.
fn is_program(path: &Path) -> bool {
    path.starts_with("/usr") || path.starts_with("/lib")
}

fn is_empty(folder: &Path) -> Result<()> {
    let left: Vec<_> = fs::read_dir(folder)?.filter_map(Result::ok).collect();
    ensure!(left.is_empty(), "outside of its folder lies {left:?}");
    Ok(())
}

/// Every host's `cpu_percent` is what the kernel says, before and while a core is kept busy.
fn follows_a_busy_core(demo: &Demo) -> Result<()> {
    let cores = f64::from(u32::try_from(thread::available_parallelism()?.get())?);
    let load = Load::note();
    let mut watch = Watch::start(demo.console(&["watch", "--metrics"])?)?;
    watch.listen(Duration::from_secs(6))?;
    let busy_since = now();
    let busy = BusyCore::start();
    watch.listen(Duration::from_secs(8))?;
    let busy_until = now();
    drop(busy);
    let noted = load.taken()?;
    for host in ["demo-1", "demo-2", "demo-3"] {
        let mut errors = Vec::new();
        let mut shown = Vec::new();
        for line in
            watch.seen().iter().filter(|line| line["kind"] == "host" && line["host"] == host)
        {
            let percent = line.pointer("/metrics/cpu_percent").and_then(Value::as_f64);
            let Some(percent) = percent else { continue };
            let age_ms = line["metrics_age_ms"].as_f64().unwrap_or(0.0);
            let at = time(line, "at")?.minus(Duration::from_secs_f64(age_ms / 1_000.0));
            // Both ends of the second that the value is a mean of.
            let real = percent_between(&noted, at.minus(Duration::from_secs(1)), at);
            errors.extend(real.map(|real| (real - percent).abs()));
            if at > busy_since.plus(Duration::from_secs(3)) && at < busy_until {
                shown.push(percent);
            }
        }
        let (error, busy) = (median(errors)?, median(shown)?);
        println!(
            "{host}: cpu_percent off by {error:.1} points, {busy:.0} % with a busy core of {cores}"
        );
        ensure!(error <= 10.0, "{host} does not follow: off by {error} points");
        ensure!(busy >= 80.0 / cores, "{host} shows {busy} % with one busy core of {cores}");
    }
    Ok(())
}

fn percent_between(noted: &[(UnixMs, ProcessorTime)], from: UnixMs, until: UnixMs) -> Option<f64> {
    let before = noted.iter().rfind(|(at, _)| *at <= from)?;
    let after = noted.iter().find(|(at, _)| *at >= until)?;
    Some(after.1.percent_since(before.1))
}

fn median(mut values: Vec<f64>) -> Result<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().context("no values")
}

#[test]
fn a_killed_child_is_not_restarted_and_a_signal_stops_the_rest() -> Result<()> {
    let _turn = turn();
    let (home, place) = (tempfile::tempdir()?, short_folder()?);
    let dir = place.path().join("kept");
    let args = ["--agents", "2", "--dir", &dir.display().to_string()];
    let mut first = Demo::start(demo(&args, home.path())?)?;
    let mut watch = Watch::start(first.console(&["watch"])?)?;
    watch.until_host("demo-1", "online")?;

    let second = Ending::of(demo(&args, home.path())?)?;
    ensure!(second.code == Some(1) && second.stderr.contains("another demo runs"), "{second:?}");

    let killed = *first.pids.get("demo-1").context("no demo-1")?;
    send(killed, Signal::KILL)?;
    watch.until_host("demo-1", "down")?;
    ensure!(first.child.try_wait()?.is_none(), "a killed child does not end the demo");
    let own = first.dir.join("agent-demo-1.toml");
    ensure!(processes_with(&own)?.is_empty(), "it was started again");
    drop(watch);

    send(first.child.id(), Signal::TERM)?;
    let (hosts, status) = first.end()?;
    ensure!(status.code() == Some(0), "{status}");
    let down = hosts.as_array().into_iter().flatten().filter(|host| host["state"] == "down");
    ensure!(down.count() == 1, "{hosts}");
    first.leaves_no_process()?;
    is_empty(home.path())?;
    is_kept(&dir)
}

/// What `--dir` keeps is enough to run every program by hand.
fn is_kept(dir: &Path) -> Result<()> {
    for name in ["daemon.toml", "console.toml", "agent-demo-1.toml", "agent-demo-2.toml", "certs"] {
        ensure!(dir.join(name).exists(), "{name} was not kept");
    }
    ensure!(dir.join("state/daemon/state.db").exists(), "state was not kept");
    for (program, file) in
        [("systoled", "daemon"), ("systole-agent", "agent-demo-1"), ("systole", "console")]
    {
        let mut command = Command::new(programs_folder()?.join(program));
        command.arg("check-config").arg("--config").arg(dir.join(format!("{file}.toml")));
        Ending::of(command)?.done()?;
    }
    Ok(())
}

/// Unix sockets need short paths.
fn short_folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("e2e-").tempdir()?)
}
