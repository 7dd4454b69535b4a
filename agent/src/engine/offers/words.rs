//! Sentences about offers.

use systole_common::ids::DaemonName;

/// Why an offer is taken back: its user ended `send`.
pub(super) const LEFT: &str = "its sender ended it";
/// Why an offer is taken back: it went to another daemon meanwhile.
pub(super) const ELSEWHERE: &str = "it is offered to another daemon";
/// Why an offer is taken back: whoever offered it before the agent's restart is not there any more.
pub(super) const NOBODY: &str = "its sender is gone";
/// What a user is told while there is no daemon.
pub(super) const NO_DAEMON: &str =
    "no daemon is connected; it is offered as soon as one is (see `systole-agent status`)";

/// What a user is told while the daemon that wants the file is gone.
pub(super) fn gone(daemon: &DaemonName) -> String {
    format!("{daemon} is gone; the file goes on as soon as it is back")
}

/// What a user is told when the daemon that wanted the file is taken out of the configuration.
pub(super) fn not_configured(daemon: &DaemonName) -> String {
    format!("{daemon} wanted it and is not configured any more; send it again")
}
