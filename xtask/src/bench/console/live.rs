//! The real console on a pseudo-terminal beside three real hosts: bytes and processor time, live and
//! frozen.

use std::fs;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::super::ConsoleArgs;
use super::super::arguments::ConsoleReport;
use super::super::report::Promise;
use crate::demo::children::Children;
use crate::demo::programs::{Programs, SYSTOLED, start_agent, start_daemon};
use crate::demo::stage::{Stage, StagePlan};

/// Hosts of the live part.
const HOSTS: usize = 3;
/// Until the first picture and the first values are there.
const SETTLE: Duration = Duration::from_secs(8);
/// After a key that freezes, until its own frame is written.
const FREEZE: Duration = Duration::from_secs(2);
/// Live at 80×24: not more than this.
const BYTES_PER_S_MAX: f64 = 500.0;
/// Live: not more than this part of a core.
const CPU_PERCENT_MAX: f64 = 1.0;
const STOP_WITHIN: Duration = Duration::from_secs(6);

/// Adds the figures of the running console.
pub(super) fn measure(args: &ConsoleArgs, report: &mut ConsoleReport) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("bench-").tempdir()?;
    let stage = Stage::set(&StagePlan::demo(folder.path(), HOSTS))?;
    let programs = Programs::beside_this()?;
    let mut children = Children::default();
    let result = run(args, report, &stage, &programs, &mut children);
    children.stop_all(SYSTOLED, STOP_WITHIN);
    result
}

fn run(
    args: &ConsoleArgs,
    report: &mut ConsoleReport,
    stage: &Stage,
    programs: &Programs,
    children: &mut Children,
) -> Result<()> {
    start_daemon(children, programs, stage)?;
    for agent in &stage.agents {
        start_agent(children, programs, stage, agent)?;
    }
    for (name, columns, lines) in [("80x24", 80, 24), ("120x40", 120, 40)] {
        eprintln!("live at {name}, {} s …", 2 * args.live_s);
        let mut console = Console::start(stage, programs, columns, lines)?;
        thread::sleep(SETTLE);
        let live = console.during(Duration::from_secs(args.live_s))?;
        console.press(b" ")?;
        thread::sleep(FREEZE);
        let frozen = console.during(Duration::from_secs(args.live_s))?;
        console.leave()?;
        let is_promised = name == "80x24";
        report.add("live_bytes_per_s", &format!("{name}: live"), live.bytes_per_s, "bytes/s");
        if is_promised {
            report.promised(Promise::AtMost(BYTES_PER_S_MAX));
        }
        report.add("live_cpu_percent", &format!("{name}: live"), live.cpu_percent, "% of a core");
        if is_promised {
            report.promised(Promise::AtMost(CPU_PERCENT_MAX));
        }
        let what = format!("{name}: frozen");
        report.add("frozen_bytes_per_s", &what, frozen.bytes_per_s, "bytes/s");
        report.promised(Promise::AtMost(0.0));
        report.add("frozen_cpu_percent", &what, frozen.cpu_percent, "% of a core");
    }
    Ok(())
}

/// What a console cost for a while.
struct Cost {
    bytes_per_s: f64,
    cpu_percent: f64,
}

/// A console on a pseudo-terminal whose output is read and counted.
struct Console {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    pid: u32,
    writer: Box<dyn Write + Send>,
    bytes: Arc<AtomicU64>,
    /// Open as long as the console runs.
    _master: Box<dyn MasterPty + Send>,
}

impl Console {
    fn start(stage: &Stage, programs: &Programs, columns: u16, lines: u16) -> Result<Self> {
        let size = PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        let plain = programs.console(stage, &[]);
        let mut command = CommandBuilder::new(plain.get_program());
        command.args(plain.get_args());
        command.cwd(&stage.dir);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        let child = pair.slave.spawn_command(command)?;
        let pid = child.process_id().context("the console has no process id")?;
        let mut reader = pair.master.try_clone_reader()?;
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = bytes.clone();
        // Ends with the pseudo-terminal.
        thread::spawn(move || {
            let mut buffer = [0; 16_384];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                counted.fetch_add(count as u64, Ordering::Relaxed);
            }
        });
        let writer = pair.master.take_writer()?;
        Ok(Self { child, pid, writer, bytes, _master: pair.master })
    }

    fn press(&mut self, keys: &[u8]) -> Result<()> {
        self.writer.write_all(keys)?;
        Ok(self.writer.flush()?)
    }

    fn during(&self, span: Duration) -> Result<Cost> {
        let (bytes, cpu) = (self.bytes.load(Ordering::Relaxed), processor(self.pid)?);
        thread::sleep(span);
        let bytes = self.bytes.load(Ordering::Relaxed) - bytes;
        let cpu = processor(self.pid)?.saturating_sub(cpu);
        let span_s = span.as_secs_f64();
        Ok(Cost {
            bytes_per_s: bytes as f64 / span_s,
            cpu_percent: 100.0 * cpu.as_secs_f64() / span_s,
        })
    }

    fn leave(mut self) -> Result<()> {
        self.press(b":q\r")?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // It has ended already, if all went well.
        let _gone = self.child.kill();
    }
}

/// Processor time of a process, user and system, to a clock tick.
fn processor(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").context("an odd /proc/PID/stat")?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second()))
}
