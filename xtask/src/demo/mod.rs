//! `cargo xtask demo`: a daemon, agents and the console on this machine's real metrics; nothing stays.
//!
//! [`stage`] lays out the folder, [`programs`] knows the binaries, [`children`] starts and stops them.

pub mod children;
pub mod programs;
pub mod stage;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::fs::{FlockOperation, flock};
use rustix::process::Signal;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use self::children::Children;
use self::programs::{Programs, SYSTOLED, start_agent, start_daemon};
use self::stage::{Stage, StagePlan};
use crate::workspace;

/// Most agents that one demo starts.
const AGENTS_MAX: usize = 200;
/// How long programs may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(6);
/// How often ended children are taken out of the process table.
const REAP_EVERY: Duration = Duration::from_millis(200);

/// Shows Systole on this machine's real metrics, and cleans up behind itself.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// Folder for configurations, certificates and state; kept at the end [default: target/demo, removed]
    #[arg(long, value_name = "D")]
    dir: Option<PathBuf>,
    /// Keep the folder
    #[arg(long)]
    keep: bool,
    /// Agents to start
    #[arg(long, value_name = "N", default_value_t = 3)]
    agents: usize,
    /// UDP port of the daemon [default: a free one]
    #[arg(long, value_name = "P")]
    port: Option<u16>,
    /// No console; run until Ctrl-c, SIGTERM or the end of --for
    #[arg(long)]
    headless: bool,
    /// End after this time, for example 20s
    #[arg(long = "for", value_name = "D", value_parser = duration)]
    span: Option<Duration>,
    /// First line: folder, ports, process ids; last line: the hosts
    #[arg(long, requires = "headless")]
    json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    systole_common::config::parse_duration(text).ok_or_else(|| "use 20s, 5m or 1h".to_owned())
}

#[derive(Serialize)]
struct FirstLine<'a> {
    dir: &'a Path,
    port: u16,
    http_port: u16,
    pids: BTreeMap<String, u32>,
}

/// Runs the demo.
pub fn run(args: &DemoArgs) -> Result<ExitCode> {
    ensure!(
        (1..=AGENTS_MAX).contains(&args.agents),
        "--agents must be 1 to {AGENTS_MAX}, not {}",
        args.agents
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let root = workspace::root()?;
    let programs = Programs::build(&root)?;
    let keep = args.keep || args.dir.is_some();
    let dir = args.dir.clone().unwrap_or_else(|| root.join("target").join("demo"));
    let folder = Folder::take(&dir, keep)?;
    let mut children = Children::default();
    let shown = runtime.block_on(show(args, &programs, &folder, &mut children));
    if !args.json {
        // A terminal that is gone hears nothing, and the rest is stopped all the same.
        let _ = writeln!(std::io::stderr(), "stopping");
    }
    children.stop_all(SYSTOLED, STOP_WITHIN);
    drop(folder);
    let last_line = shown?;
    if let Some(line) = last_line {
        println!("{line}");
    }
    if keep {
        eprintln!("kept: {}", dir.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts everything and waits for the end. Returns the last line to print.
async fn show(
    args: &DemoArgs,
    programs: &Programs,
    folder: &Folder,
    children: &mut Children,
) -> Result<Option<String>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // The terminal was closed.
    let mut hangup = signal(SignalKind::hangup())?;
    let plan = StagePlan { port: args.port, ..StagePlan::demo(&folder.path, args.agents) };
    let stage = Stage::set(&plan)?;
    start_daemon(children, programs, &stage)?;
    for agent in &stage.agents {
        start_agent(children, programs, &stage, agent)?;
    }
    announce(args, programs, &stage, children)?;
    let end = async {
        match args.span {
            Some(span) => tokio::time::sleep(span).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = end => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
        result = attend(args, programs, &stage, children) => result?,
    }
    if args.json { hosts(programs, &stage).map(Some) } else { Ok(None) }
}

fn announce(
    args: &DemoArgs,
    programs: &Programs,
    stage: &Stage,
    children: &Children,
) -> Result<()> {
    let mut out = std::io::stdout();
    if args.json {
        let first = FirstLine {
            dir: &stage.dir,
            port: stage.port,
            http_port: stage.http_port,
            pids: children.pids(),
        };
        writeln!(out, "{}", serde_json::to_string(&first)?)?;
    } else {
        writeln!(out, "daemon on 127.0.0.1:{}, {} agents", stage.port, stage.agents.len())?;
        writeln!(out, "configurations and logs: {}", stage.dir.display())?;
        for line in tries(programs, stage) {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "Ctrl-c stops everything")?;
    }
    Ok(out.flush()?)
}

/// What a new user can do from another terminal while the demo runs.
fn tries(programs: &Programs, stage: &Stage) -> Vec<String> {
    let console = programs.console(stage, &["hosts"]);
    let mut tries = vec!["from another terminal:".to_owned(), format!("  {}", typed(&console))];
    if let Some(name) = stage.agents.first() {
        for args in [["chat"].as_slice(), &["send", "FILE"]] {
            tries.push(format!("  {}", typed(&programs.agent_command(stage, name, args))));
        }
    }
    tries
}

/// A command as one types it.
fn typed(command: &std::process::Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Shows the console until its user leaves it, or reaps until somebody ends the demo.
async fn attend(
    args: &DemoArgs,
    programs: &Programs,
    stage: &Stage,
    children: &mut Children,
) -> Result<()> {
    let mut console = None;
    if !args.headless && std::io::stdout().is_terminal() {
        console = Some(Console(programs.console(stage, &[]).spawn()?));
    }
    loop {
        tokio::time::sleep(REAP_EVERY).await;
        children.reap();
        if let Some(console) = console.as_mut()
            && let Some(status) = console.0.try_wait()?
        {
            ensure!(status.success(), "the console ended with {status}");
            return Ok(());
        }
    }
}

/// The console's process; asked to leave, so that it restores the terminal, when dropped.
struct Console(std::process::Child);

impl Drop for Console {
    fn drop(&mut self) {
        let pid = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let (Ok(None), Some(pid)) = (self.0.try_wait(), pid) {
            let _gone = rustix::process::kill_process(pid, Signal::TERM);
        }
        let _status = self.0.wait();
    }
}

fn hosts(programs: &Programs, stage: &Stage) -> Result<String> {
    let output = programs.console(stage, &["hosts", "--json"]).output()?;
    if !output.status.success() {
        bail!("systole hosts: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8(output.stdout).context("systole hosts printed no text")?;
    let line = text.trim();
    ensure!(!line.contains('\n'), "systole hosts --json printed more than one line");
    Ok(line.to_owned())
}

/// The demo's folder, locked against a second demo; removed at the end unless it is to be kept.
struct Folder {
    path: PathBuf,
    keep: bool,
    _lock: File,
}

impl Folder {
    fn take(path: &Path, keep: bool) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
        let lock = File::create(path.join("demo.lock"))
            .with_context(|| format!("cannot write in {}", path.display()))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            anyhow!("another demo runs in {}; stop it, or use --dir", path.display())
        })?;
        if !keep {
            remove_contents(path)?;
        }
        Ok(Self { path: path.to_path_buf(), keep, _lock: lock })
    }
}

/// Removes what a demo that was killed left behind, all but the lock.
fn remove_contents(path: &Path) -> Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name() == "demo.lock" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            eprintln!("cannot remove {}: {error}", self.path.display());
        }
    }
}
