//! The first line of the live table: how far it can be trusted, and the counts.

use systole_common::model::alert::Severity;
use systole_common::text::cells;
use systole_common::time::{Now, UnixMs};

use super::line::{Line, Tone};
use super::{fleet, phrase};
use crate::model::Model;
use crate::model::freshness::{Freshness, Trust};

/// The header, `width` cells wide.
pub(super) fn line(model: &Model, now: Now, width: usize) -> Line {
    let freshness = &model.freshness;
    let trust = freshness.trust(now.mono);
    let mut line = Line::default();
    line.push(format!(" {} ", state(freshness, trust, now)), tone(trust));
    let mut parts = Vec::new();
    if freshness.shown_at().is_some() {
        parts.push((hosts(model), Tone::Plain));
        parts.extend(alerts(model));
    }
    if trust == Trust::Live
        && let Some(rtt) = freshness.rtt
    {
        parts.push((format!("rtt {}", phrase::round_trip(rtt)), Tone::Quiet));
    }
    let clock = time_of_day(now.wall);
    for (text, tone) in parts {
        // The clock keeps its place; what does not fit before it is left out.
        if line.cells() + 3 + cells(&text) + 2 + cells(&clock) <= width {
            line.push("   ", Tone::Plain);
            line.push(text, tone);
        }
    }
    let used = line.cells() + cells(&clock) + 1;
    if used < width {
        line.push(" ".repeat(width - used), Tone::Plain);
        line.push(clock, Tone::Quiet);
    }
    line
}

/// The state of the link in words.
fn state(freshness: &Freshness, trust: Trust, now: Now) -> String {
    let daemon = freshness.peer.as_ref().map_or("", |peer| &peer.daemon);
    let silence = phrase::span(freshness.silence(now.mono));
    let shown = freshness.shown_at().map(|at| format!(", showing {}", time_of_day(at)));
    let shown = shown.unwrap_or_default();
    let mut words = match trust {
        Trust::Live => format!("LIVE {daemon}"),
        Trust::Connecting => format!("CONNECTING {silence}"),
        Trust::Lagging => format!("LAGGING {daemon}, data {silence} old"),
        Trust::Stale => format!("STALE {daemon}, data {silence} old{shown}"),
        Trust::Gone => format!("DAEMON GONE for {silence}{shown}"),
    };
    if let Some(trouble) = freshness.trouble.as_ref().filter(|_| trust != Trust::Live) {
        // The rest of the sentence says what to check; there is no room for it here.
        words = format!("{words}; {}", trouble.split(';').next().unwrap_or_default());
        if freshness.attempts > 1 {
            words = format!("{words} (attempt {})", freshness.attempts);
        }
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn tone(trust: Trust) -> Tone {
    match trust {
        Trust::Live => Tone::Good,
        Trust::Connecting => Tone::Plain,
        Trust::Lagging => Tone::Warning,
        Trust::Stale | Trust::Gone => Tone::Reversed,
    }
}

fn hosts(model: &Model) -> String {
    let counts = model.fleet.counts();
    match model.fleet.len() {
        0 => "no hosts".to_owned(),
        all => format!("{}: {}", phrase::count(all, "host"), fleet::state_counts(&counts)),
    }
}

fn alerts(model: &Model) -> Vec<(String, Tone)> {
    let count = |severity, tone| match model.alerts.count(severity) {
        0 => None,
        count => Some((format!("{count} {severity}"), tone)),
    };
    let critical = count(Severity::Critical, Tone::Bad);
    critical.into_iter().chain(count(Severity::Warning, Tone::Warning)).collect()
}

/// `14:02:07`, local.
fn time_of_day(at: UnixMs) -> String {
    at.local().split_whitespace().last().unwrap_or_default().to_owned()
}
