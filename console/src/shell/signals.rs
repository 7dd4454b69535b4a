//! Signals that end a command: SIGINT, SIGTERM, SIGHUP; and the one that says the terminal's size changed.

use std::io;

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
