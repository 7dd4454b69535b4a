//! Why the program ends, as its goodbye says: by which signal, and whether the host goes down too.
//!
//! A shutdown is known by files that systemd, logind and sysvinit make while one is under way:
//! `/run/nologin` (from the stop of user sessions on), `/run/systemd/shutdown/scheduled` (a shutdown
//! with a time) and `/run/reboot-in-progress`. No bus is asked: the answer must come at once.

use std::path::Path;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Files that are there while the host goes down.
const SHUTDOWN_SIGNS: [&str; 3] =
    ["/run/nologin", "/run/systemd/shutdown/scheduled", "/run/reboot-in-progress"];

/// The signals that end the program.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Listens from now on. Needs a tokio runtime.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one; the reason for the goodbye.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => reason(&SHUTDOWN_SIGNS.map(Path::new)),
            _ = self.interrupt.recv() => "interrupted at the keyboard",
        }
    }
}

fn reason(signs: &[&Path]) -> &'static str {
    if signs.iter().any(|sign| sign.exists()) { "host shutdown" } else { "service stop" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_goes_down_is_told_from_a_service_that_stops() {
        let folder = tempfile::tempdir().unwrap();
        let sign = folder.path().join("nologin");
        assert_eq!(reason(&[&sign]), "service stop");
        std::fs::write(&sign, "").unwrap();
        assert_eq!(reason(&[Path::new("/nonexistent"), &sign]), "host shutdown");
    }
}
