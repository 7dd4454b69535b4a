//! Signals that end a command: SIGINT, SIGTERM, SIGHUP; those that stop and
//! continue a program; and the one that says the terminal's size changed.

use std::io;

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for an end.
#[derive(Debug)]
pub struct Ending {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Ending {
    /// From now on these signals no longer end the program by themselves.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Returns when one of them came.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

/// The signal of a new window size.
pub fn resized() -> io::Result<Signal> {
    signal(SignalKind::window_change())
}

/// The signals of a shell's job control.
#[derive(Debug)]
pub struct JobControl {
    stop: Signal,
    go_on: Signal,
}

/// What a shell wants of its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// To give the terminal back and stop.
    Stop,
    /// It runs again, after whatever stopped it.
    GoOn,
}

impl JobControl {
    /// From now on SIGTSTP no longer stops the program by itself.
    pub fn listen() -> io::Result<Self> {
        let listen = |number: Number| signal(SignalKind::from_raw(number.as_raw()));
        Ok(Self { stop: listen(Number::TSTP)?, go_on: listen(Number::CONT)? })
    }

    /// Returns when one of them came.
    pub async fn wait(&mut self) -> Job {
        tokio::select! {
            biased;
            _ = self.go_on.recv() => Job::GoOn,
            _ = self.stop.recv() => Job::Stop,
        }
    }
}
