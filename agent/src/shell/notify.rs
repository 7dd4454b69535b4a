//! Tells systemd how the program is doing. Outside systemd all of it does nothing.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;

/// All is set up; daemons are not waited for.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The end has begun.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// The configuration is read anew; [`ready`] follows.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => debug!(%error, "the monotonic clock cannot be read"),
    }
}

/// Still alive.
pub fn watchdog() {
    tell(&[NotifyState::Watchdog]);
}

/// How often systemd wants to hear [`watchdog`] at the latest, if at all.
pub fn watchdog_timeout() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|timeout| !timeout.is_zero())
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        debug!(%error, "systemd cannot be told");
    }
}
