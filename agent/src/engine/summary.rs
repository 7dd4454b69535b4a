//! The sentences that the agent says about its links: made here once, placed by others.
//!
//! What a daemon sent is part of some of them and is not safe to print before it was scrubbed.

use std::time::Duration;

use systole_common::model::coded::Growing;
use systole_common::wire::hello::CloseCode;

use super::effect::Notice;
use super::input::Loss;

/// Close reason of a connection whose place a fresh one took.
pub(super) const REPLACED: &str = "a newer connection of the same agent is in use";
/// Close reason of a fresh connection that stayed silent.
pub(super) const NO_ECHO_ON_FRESH: &str = "no echo on the fresh connection";
/// Close reason of a connection that nobody waits for any more.
pub(crate) const ABANDONED: &str = "the attempt was given up";
/// Close reason towards a daemon that was taken out of the configuration.
pub(super) const NOT_CONFIGURED: &str = "this daemon was removed from the agent's configuration";

/// Why an attempt was given up.
pub(super) fn no_answer(address: &str, waited: Duration) -> String {
    format!(
        "no answer from {address} within {}; check that systoled runs there, the address, and that the firewall lets UDP through",
        span(waited)
    )
}

/// Why a connection is found dead.
pub(super) fn no_echo(remote: &str, patience: Duration) -> String {
    format!("no answer from {remote} to any heartbeat for {}", span(patience))
}

/// Why a connection ended.
pub(super) fn lost(remote: &str, loss: &Loss) -> String {
    match loss {
        Loss::Reset => format!("the daemon at {remote} was restarted"),
        Loss::TimedOut => format!("the daemon at {remote} stopped answering"),
        Loss::Closed { code, text } => closed(remote, *code, text),
        Loss::Broken { why } => why.clone(),
    }
}

fn closed(remote: &str, code: Growing<CloseCode>, text: &str) -> String {
    let what = match code {
        Growing::Known(CloseCode::Goodbye) => "stopped",
        Growing::Known(CloseCode::Restart) => "restarts",
        Growing::Known(CloseCode::Refused) => "refused this agent",
        Growing::Known(CloseCode::Conflict) => "heard another agent with this identity",
        Growing::Known(CloseCode::Replaced) => "took a newer connection of this agent",
        Growing::Known(CloseCode::Revoked) => "has revoked this agent's certificate",
        Growing::Known(CloseCode::Retired) => "has retired this host",
        Growing::Known(CloseCode::Protocol) => "found this agent to break the protocol",
        Growing::Known(CloseCode::Overload) => "has reached a limit",
        Growing::Unknown(_) => "closed the connection",
    };
    if text.is_empty() {
        format!("the daemon at {remote} {what}")
    } else {
        format!("the daemon at {remote} {what}: {text}")
    }
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Somebody should look.
    Warning,
    /// Worth knowing later.
    Information,
    /// Only when looking for a fault.
    Detail,
}

/// How much `notice` matters, and its sentence.
pub fn sentence(notice: &Notice) -> (Weight, String) {
    (weight(notice), text(notice))
}

fn weight(notice: &Notice) -> Weight {
    match notice {
        Notice::Unreached { .. }
        | Notice::Refused { .. }
        | Notice::Gone { .. }
        | Notice::NotRenewed { .. }
        | Notice::Paused { .. } => Weight::Warning,
        Notice::Connected { .. }
        | Notice::Back { .. }
        | Notice::Interval { .. }
        | Notice::LeaseBegan { .. }
        | Notice::LeaseCancelled
        | Notice::LeaseEnded => Weight::Information,
        Notice::Replaced { .. } => Weight::Detail,
    }
}

fn text(notice: &Notice) -> String {
    match notice {
        Notice::Connected { daemon, remote } => format!("connected to daemon {daemon} at {remote}"),
        Notice::Unreached { daemon, why } => format!("daemon {daemon} is not reached: {why}"),
        Notice::Refused { daemon, why, retry_in } => {
            let retry_in = span(*retry_in);
            format!("daemon {daemon} refuses this agent: {why}; next attempt in {retry_in}")
        }
        Notice::Gone { daemon, since, why } => {
            format!("daemon {daemon} is not heard any more since {}: {why}", since.local())
        }
        Notice::Back { daemon, remote, silent } => {
            format!("daemon {daemon} is back at {remote} after {}", span(*silent))
        }
        Notice::Replaced { daemon, remote } => {
            format!(
                "a fresh connection to daemon {daemon} at {remote} took the place of the old one"
            )
        }
        Notice::NotRenewed { daemon, why, retry_in } => format!(
            "the connection to daemon {daemon} works, but could not be made anew: {why}; next attempt in {}",
            span(*retry_in)
        ),
        Notice::Interval { heartbeat } => format!("heartbeats each {}", span(*heartbeat)),
        Notice::Paused { paused } => format!(
            "the heartbeat loop stood still for {}: the host had no time for it, or slept",
            span(*paused)
        ),
        Notice::LeaseBegan { lease, why } if why.is_empty() => {
            format!("absence announced for {}", span(*lease))
        }
        Notice::LeaseBegan { lease, why } => {
            format!("absence announced for {}: {why}", span(*lease))
        }
        Notice::LeaseCancelled => "the announced absence was taken back".to_owned(),
        Notice::LeaseEnded => "the announced absence is over".to_owned(),
    }
}

/// A span for people: `250 ms`, `3.4 s`, `20 min`, `5 h`.
pub fn span(span: Duration) -> String {
    let ms = span.as_millis();
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 if ms % 1_000 < 100 => format!("{} s", ms / 1_000),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..7_200_000 => format!("{} min", ms / 60_000),
        7_200_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} days", ms / 86_400_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_say_them() {
        let said = |ms| span(Duration::from_millis(ms));
        assert_eq!(said(250), "250 ms");
        assert_eq!(said(3_000), "3 s");
        assert_eq!(said(3_004), "3 s");
        assert_eq!(said(3_456), "3.4 s");
        assert_eq!(said(1_200_000), "20 min");
        assert_eq!(said(18_000_000), "5 h");
        assert_eq!(said(259_200_000), "3 days");
    }
}
