//! `systole-agent status`: how things stand with the daemons, also when they are gone.

use std::time::Duration;

use systole_common::exit::Exit;
use systole_common::text::{scrub, to_json_line};
use systole_common::time::UnixMs;

use super::{local, print};
use crate::engine::summary::span;
use crate::error::AgentError;
use crate::shell::clocks::clocks;
use crate::shell::local::client::{ClientError, ask};
use crate::shell::local::{Answer, DaemonStatus, Request, SpoolStatus, Status};
use crate::shell::settings::Loader;

/// `status`.
pub fn status(loader: &Loader, json: bool) -> Result<Exit, AgentError> {
    let (_, config) = loader.load()?;
    let Answer::Status(status) = ask(&config.socket, &Request::Status {})? else {
        return Err(ClientError::Strange { path: config.socket }.into());
    };
    if json {
        print(&to_json_line(&status)?)?;
    } else {
        print(&status_text(&status, UnixMs(clocks().wall_ms)))?;
    }
    Ok(Exit::Done)
}

/// The status for people.
pub(super) fn status_text(status: &Status, now: UnixMs) -> String {
    let host = status.host.as_deref().unwrap_or("(no usable certificate)");
    let mut lines = vec![format!(
        "{host}  systole-agent {}, heartbeats each {}, {} sent since {}",
        status.version,
        span(Duration::from_millis(status.heartbeat_interval_ms)),
        status.heartbeats_sent,
        local(&status.started)
    )];
    lines.extend(status.daemons.iter().map(|daemon| daemon_line(daemon, now)));
    if let Some(lease) = &status.lease {
        let why = if lease.why.is_empty() { String::new() } else { format!(": {}", lease.why) };
        lines.push(format!("absence announced until {}{why}", local(&lease.until)));
    }
    lines.push(spool_line(&status.spool));
    let lines: Vec<_> = lines.iter().map(|line| scrub(line)).collect();
    lines.join("\n")
}

fn spool_line(spool: &SpoolStatus) -> String {
    let SpoolStatus { bytes, oldest, dropped, newest_sequence } = spool;
    let since =
        oldest.as_deref().map_or_else(|| "empty".to_owned(), |at| format!("since {}", local(at)));
    format!(
        "spool {:.1} MiB, {since}, newest sequence {newest_sequence}, {dropped} dropped",
        *bytes as f64 / 1_048_576.0
    )
}

fn daemon_line(daemon: &DaemonStatus, now: UnixMs) -> String {
    let line = link_line(daemon, now);
    match (daemon.received_up_to, daemon.waiting) {
        (Some(received_up_to), Some(0)) => {
            format!("{line}; has all samples up to {received_up_to}")
        }
        (Some(received_up_to), Some(waiting)) => {
            format!("{line}; has samples up to {received_up_to}, {waiting} wait")
        }
        (Some(_) | None, _) => line,
    }
}

fn link_line(daemon: &DaemonStatus, now: UnixMs) -> String {
    let since = UnixMs::parse(&daemon.since);
    let ago = since.map(|since| span(now.since(since))).unwrap_or_default();
    let DaemonStatus { name, address, state, .. } = daemon;
    let (name, address) = (name.as_str(), address.as_str());
    match (state.as_str(), daemon.rtt_ms, &daemon.reason) {
        ("connected", Some(rtt_ms), _) => {
            format!("  {name} at {address}: connected for {ago}, round trip {rtt_ms:.1} ms")
        }
        ("connected", None, _) => format!("  {name} at {address}: connected for {ago}"),
        (state, _, Some(reason)) => {
            format!(
                "  {name} at {address}: {state} since {} ({ago}): {reason}",
                local(&daemon.since)
            )
        }
        (state, _, None) => {
            format!("  {name} at {address}: {state} since {} ({ago})", local(&daemon.since))
        }
    }
}
