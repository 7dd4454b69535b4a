//! What is wrong with a link and since when, and which of it is new enough for a log line.

use std::time::Duration;

use systole_common::ids::DaemonName;
use systole_common::time::UnixMs;

use crate::engine::effect::Notice;
use crate::limits::REASONS_NOTED_MAX;

/// In what way a daemon is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It was never reached since the start.
    Unreached,
    /// It was heard and is not any more.
    Gone,
    /// It answers and refuses.
    Refused,
}

/// Why a daemon is not heard, and since when.
#[derive(Debug)]
pub(super) struct Trouble {
    /// In what way.
    pub(super) kind: Kind,
    /// Since when it is in this way.
    pub(super) since: UnixMs,
    /// The newest reason.
    pub(super) why: String,
    noted: Vec<String>,
}

/// What to say about the newest failure.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) daemon: &'a DaemonName,
    pub(super) kind: Kind,
    pub(super) why: String,
    pub(super) retry_in: Duration,
    /// When the daemon was heard last, else when the link began.
    pub(super) heard_at: UnixMs,
}

/// Takes a failure in. The first one gives a line for the log, and so does each new reason of a
/// daemon that refuses or was never reached; one that is gone is gone, for whatever reason.
pub(super) fn note(
    trouble: &mut Option<Trouble>,
    report: &Report<'_>,
    now: UnixMs,
) -> Option<Notice> {
    let since = if report.kind == Kind::Refused { now } else { report.heard_at };
    let Some(known) = trouble else {
        let (kind, why) = (report.kind, report.why.clone());
        let noted = vec![why.clone()];
        *trouble = Some(Trouble { kind, since, why, noted });
        return Some(notice(report, since));
    };
    if known.kind != report.kind {
        known.kind = report.kind;
        known.since = since;
    }
    known.why.clone_from(&report.why);
    let is_known = known.noted.contains(&known.why) || known.noted.len() == REASONS_NOTED_MAX;
    if report.kind == Kind::Gone || is_known {
        return None;
    }
    known.noted.push(report.why.clone());
    Some(notice(report, since))
}

fn notice(report: &Report<'_>, since: UnixMs) -> Notice {
    let (daemon, why) = (report.daemon.clone(), report.why.clone());
    match report.kind {
        Kind::Unreached => Notice::Unreached { daemon, why },
        Kind::Gone => Notice::Gone { daemon, since, why },
        Kind::Refused => Notice::Refused { daemon, why, retry_in: report.retry_in },
    }
}
