//! A program on a terminal: keys go in, a terminal emulator shows what came out. Owns the terminal's
//! other end, how fast it reads, and how it goes away.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::tcgetattr;

use crate::{PATIENCE, until};

/// How often a slow terminal reads.
const SLOW_EVERY: Duration = Duration::from_millis(100);

/// A terminal with a program on it; dropped, both are gone.
pub struct Pty {
    /// Our end, until it is closed.
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Sender<Vec<u8>>>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<Mutex<Seen>>,
    pace: Arc<Pace>,
    /// The terminal's modes before anybody was on it.
    before: String,
}

/// What came out.
struct Seen {
    terminal: vt100::Parser,
    bytes: Vec<u8>,
}

/// How our end reads.
#[derive(Default)]
struct Pace {
    /// 0 for as fast as it comes.
    bytes_per_s: AtomicUsize,
    is_closed: AtomicBool,
}

impl std::fmt::Debug for Pty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "terminal with\n{}", self.screen())
    }
}

impl Pty {
    /// Starts `command` on a terminal of `width` by `height` cells that calls itself xterm and speaks
    /// UTF-8, unless `variables` say otherwise.
    pub fn start(
        command: &Command,
        (width, height): (u16, u16),
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let pair = native_pty_system().openpty(size(width, height))?;
        let before = modes(pair.master.as_ref())?;
        let child = pair.slave.spawn_command(built(command, variables))?;
        drop(pair.slave);
        let terminal = vt100::Parser::new(cells(height)?, cells(width)?, 0);
        let seen = Arc::new(Mutex::new(Seen { terminal, bytes: Vec::new() }));
        let pace = Arc::new(Pace::default());
        let reader = pair.master.try_clone_reader()?;
        let (into, how) = (seen.clone(), pace.clone());
        thread::spawn(move || read(reader, &into, &how));
        let mut writer = pair.master.take_writer()?;
        let (keys, pressed) = channel::<Vec<u8>>();
        thread::spawn(move || {
            while let Ok(bytes) = pressed.recv() {
                if writer.write_all(&bytes).and_then(|()| writer.flush()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { master: Some(pair.master), keys: Some(keys), child, seen, pace, before })
    }

    /// Sends bytes as a terminal does for keys and pastes. Does not wait until they are read.
    pub fn press(&self, keys: impl AsRef<[u8]>) -> Result<()> {
        let sender = self.keys.as_ref().context("the terminal is closed")?;
        sender.send(keys.as_ref().to_vec()).context("nobody reads the terminal")
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        self.seen().terminal.screen().contents()
    }

    /// Its lines, the empty ones as well.
    pub fn lines(&self) -> Vec<String> {
        let seen = self.seen();
        let screen = seen.terminal.screen();
        screen.rows(0, screen.size().1.get()).collect()
    }

    /// Waits until the lines of the screen are `wanted`, and returns them.
    pub fn until(&self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Result<Vec<String>> {
        let found = until(what, PATIENCE, || {
            let lines = self.lines();
            Ok(wanted(&lines).then_some(lines))
        });
        found.with_context(|| format!("the screen is\n{}", self.screen()))
    }

    /// Waits until `text` is on a line of the screen, and returns that line.
    pub fn until_shows(&self, text: &str) -> Result<String> {
        let lines = self.until(text, |lines| lines.iter().any(|line| line.contains(text)))?;
        lines.into_iter().find(|line| line.contains(text)).context("it was there")
    }

    /// Waits until `text` is no longer on the screen.
    pub fn until_gone(&self, text: &str) -> Result<()> {
        self.until(text, |lines| !lines.iter().any(|line| line.contains(text))).map(drop)
    }

    /// Every byte that came out so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.seen().bytes.clone()
    }

    /// Whether a cell that is not empty is shown reversed.
    pub fn has_reversed(&self) -> bool {
        let seen = self.seen();
        let screen = seen.terminal.screen();
        let (height, width) = screen.size();
        let mut cells = (0..height.get()).flat_map(|y| (0..width.get()).map(move |x| (y, x)));
        cells.any(|(y, x)| screen.cell(y, x).is_some_and(vt100::Cell::inverse))
    }

    /// Whether the emulator is on its second screen.
    pub fn is_on_second_screen(&self) -> bool {
        self.seen().terminal.screen().alternate_screen()
    }

    /// Changes the size, which the program is told. As in every terminal the screen has it first: the
    /// program may paint at once.
    pub fn resize(&self, width: u16, height: u16) -> Result<()> {
        self.seen().terminal.set_size(cells(height)?, cells(width)?);
        self.master()?.resize(size(width, height))
    }

    /// From now on so many bytes are read in a second; 0 for as many as come.
    pub fn slow_down(&self, bytes_per_s: usize) {
        self.pace.bytes_per_s.store(bytes_per_s, Ordering::SeqCst);
    }

    /// The terminal goes away, once something more came out.
    pub fn close(&mut self) {
        self.pace.is_closed.store(true, Ordering::SeqCst);
        (self.master, self.keys) = (None, None);
    }

    /// Sends `signal` to the program.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(self.pid()?, signal)?)
    }

    /// The program's process.
    pub fn pid(&self) -> Result<Pid> {
        let number = self.child.process_id().and_then(|number| i32::try_from(number).ok());
        number.and_then(Pid::from_raw).context("no process")
    }

    /// Waits for the program's end, at most `limit`; returns its exit code.
    pub fn ended(&mut self, limit: Duration) -> Result<u32> {
        let child = &mut self.child;
        let status = until("the end of the program", limit, || Ok(child.try_wait()?))?;
        if let Some(signal) = status.signal() {
            bail!("it was ended by {signal}");
        }
        Ok(status.exit_code())
    }

    /// The terminal must be as it was before the program: modes, screen, cursor, pastes.
    pub fn is_restored(&self) -> Result<()> {
        until("what it was before", PATIENCE, || {
            let seen = self.seen();
            let screen = seen.terminal.screen();
            let is_plain =
                !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste();
            Ok(is_plain.then_some(()))
        })?;
        let wraps = self.bytes().windows(5).rev().find_map(|bytes| match bytes {
            b"\x1b[?7h" => Some(true),
            b"\x1b[?7l" => Some(false),
            _ => None,
        });
        ensure!(wraps != Some(false), "lines are no longer wrapped");
        let after = modes(self.master()?)?;
        ensure!(after == self.before, "the modes were {} and are {after}", self.before);
        Ok(())
    }

    fn master(&self) -> Result<&(dyn MasterPty + Send)> {
        self.master.as_deref().context("the terminal is closed")
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

fn read(mut reader: Box<dyn Read + Send>, seen: &Mutex<Seen>, pace: &Pace) {
    let mut bytes = [0; 4_096];
    loop {
        let rate = pace.bytes_per_s.load(Ordering::SeqCst);
        let most = if rate == 0 { bytes.len() } else { (rate / 10).clamp(1, bytes.len()) };
        let Some(room) = bytes.get_mut(..most) else { return };
        let Ok(count) = reader.read(room) else { return };
        if count == 0 || pace.is_closed.load(Ordering::SeqCst) {
            return;
        }
        let read = room.get(..count).unwrap_or_default();
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.bytes.extend_from_slice(read);
        seen.terminal.process(read);
        drop(seen);
        if rate > 0 {
            thread::sleep(SLOW_EVERY);
        }
    }
}

fn built(command: &Command, variables: &[(&str, &str)]) -> CommandBuilder {
    let mut built = CommandBuilder::new(command.get_program());
    built.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => built.env(name, value),
            None => built.env_remove(name),
        }
    }
    for name in ["NO_COLOR", "LC_ALL", "LC_CTYPE"] {
        built.env_remove(name);
    }
    for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")].iter().chain(variables) {
        built.env(name, value);
    }
    if let Some(folder) = command.get_current_dir() {
        built.cwd(folder);
    }
    built
}

/// The terminal's modes, as they can be compared.
fn modes(master: &(dyn MasterPty + Send)) -> Result<String> {
    let name = master.tty_name().context("a terminal without a name")?;
    let end = File::options().read(true).write(true).open(&name)?;
    Ok(format!("{:?}", tcgetattr(&end)?))
}

fn size(width: u16, height: u16) -> PtySize {
    PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 }
}

fn cells(count: u16) -> Result<NonZeroU16> {
    NonZeroU16::new(count).context("a terminal has at least one cell")
}
