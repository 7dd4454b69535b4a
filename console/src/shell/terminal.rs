//! The terminal while the console is on it, and how it gets back what it was.
//!
//! It is restored on every way out: the guard's drop, and the hook of a panic before its message.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use rustix::process::{getpgid, getpid, getppid, getsid, kill_process};
use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};

use super::tty::Tty;
use crate::limits::MODES_WRITE_MAX;

/// Alternate screen, cleared; no cursor, no line wrap, pastes in brackets.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h\x1b[0m\x1b[2J";
/// Whatever was begun is cancelled; then all of it back. A terminal without a second screen is cleared.
const LEAVE: &[u8] = b"\x18\x1b[0m\x1b[?2004l\x1b[2J\x1b[H\x1b[?7h\x1b[?25h\x1b[?1049l";

/// The terminal that is ours, with what it was before.
static TAKEN: Mutex<Option<(Arc<Tty>, Termios)>> = Mutex::new(None);

/// The terminal is ours while this lives.
#[derive(Debug)]
pub struct Taken;

impl Taken {
    /// Takes the terminal: raw keys, alternate screen.
    pub fn take(tty: &Arc<Tty>) -> io::Result<Self> {
        let taken = Self;
        taken.again(tty)?;
        Ok(taken)
    }

    /// The same after others may have changed its modes; what it was before stays what it gets back.
    pub fn again(&self, tty: &Arc<Tty>) -> io::Result<()> {
        let present = tcgetattr(tty)?;
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let before = taken.take().map_or(present, |(_, before)| before);
        let mut raw = before.clone();
        raw.make_raw();
        *taken = Some((tty.clone(), before));
        drop(taken);
        tcsetattr(tty, OptionalActions::Now, &raw)?;
        tty.write(ENTER, Some(MODES_WRITE_MAX))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back; does nothing if it was not taken.
fn restore() {
    let taken = match TAKEN.try_lock() {
        Ok(mut taken) => taken.take(),
        Err(TryLockError::Poisoned(error)) => error.into_inner().take(),
        // Somebody else is at it this moment.
        Err(TryLockError::WouldBlock) => None,
    };
    let Some((tty, before)) = taken else { return };
    // A terminal that is gone needs no restoring.
    if tty.write(LEAVE, Some(MODES_WRITE_MAX)).is_err() {
        // It takes nothing: what waits for it is less worth than its own modes.
        let _ = tcflush(&tty, QueueSelector::OFlush);
        let _ = tty.write(LEAVE, Some(MODES_WRITE_MAX));
    }
    // What was typed or pasted for us is not for whoever reads next.
    let _ = tcflush(&tty, QueueSelector::IFlush);
    let _ = tcsetattr(&tty, OptionalActions::Now, &before);
}

/// Before a panic prints its message, the terminal is given back.
pub fn restore_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        print(panic);
    }));
}

/// Whether somebody would continue this process if it stopped: a shell that runs it as a job.
pub fn can_stop() -> bool {
    let Some(parent) = getppid() else { return false };
    let group = |pid| getpgid(pid).ok();
    let session = |pid| getsid(pid).ok();
    session(Some(parent)) == session(None) && group(Some(parent)) != group(None)
}

/// Stops this process until it is continued; returns then, or a moment before it stops.
pub fn stop() -> io::Result<()> {
    Ok(kill_process(getpid(), rustix::process::Signal::STOP)?)
}
