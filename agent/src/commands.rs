//! The commands beside `run`: what they ask, and what they print for people and for programs.

use std::io::{self, Write};
use std::time::Duration;

use systole_common::exit::Exit;
use systole_common::ids::DaemonName;
use systole_common::net::certificates::Credentials;
use systole_common::net::check::Check;
use systole_common::text::{scrub, to_json_line};
use systole_common::time::{UnixMs, millis};
use systole_common::wire::hello::Purpose;

use crate::config::Config;
use crate::engine::summary::span;
use crate::error::AgentError;
use crate::shell::clocks::clocks;
use crate::shell::local::client::{ClientError, ask};
use crate::shell::local::{Absence, Answer, DaemonStatus, Request, SpoolStatus, Status};
use crate::shell::settings::{Loader, credentials};

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

/// `leave`, or `leave --cancel` without a lease. Ends with 69 if no daemon heard of it.
pub fn leave(
    loader: &Loader,
    lease: Option<Duration>,
    why: &str,
    json: bool,
) -> Result<Exit, AgentError> {
    let (_, config) = loader.load()?;
    let request = match lease {
        Some(lease) => Request::Leave { for_ms: millis(lease), why: why.to_owned() },
        None => Request::Return {},
    };
    let Answer::Absence(absence) = ask(&config.socket, &request)? else {
        return Err(ClientError::Strange { path: config.socket }.into());
    };
    if json {
        print(&to_json_line(&absence)?)?;
    } else {
        print(&absence_text(&absence))?;
    }
    Ok(if absence.told.is_empty() { Exit::Unreachable } else { Exit::Done })
}

/// `check-config`: every setting, what is in force where nobody set one, the certificate.
pub fn check_config(loader: &Loader, connect: bool) -> Result<Exit, AgentError> {
    let (settings, config) = loader.load()?;
    print(settings.render().trim_end())?;
    for (name, path) in [("spool.path", &config.spool), ("socket", &config.socket)] {
        if settings.setting(name).is_none_or(|setting| setting.value.is_none()) {
            print(&format!("# {name} is then {}", path.display()))?;
        }
    }
    let credentials = credentials(&config)?;
    print(&format!(
        "# certificate {}: {} of fleet {}, until {}",
        credentials.cert.display(),
        credentials.leaf.identity,
        credentials.leaf.fleet,
        credentials.leaf.not_after.local()
    ))?;
    if connect { check_daemons(&config, &credentials) } else { Ok(Exit::Done) }
}

fn check_daemons(config: &Config, credentials: &Credentials) -> Result<Exit, AgentError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(AgentError::system("event loop"))?;
    let mut exit = Exit::Done;
    for daemon in &config.daemons {
        let check = Check {
            credentials,
            daemon: &daemon.name,
            address: &daemon.address,
            purpose: Purpose::Main,
            software: env!("CARGO_PKG_VERSION"),
        };
        let findings = runtime.block_on(check.run(clocks));
        print(&heading(&daemon.name, &daemon.address))?;
        for finding in &findings.0 {
            print(&format!("  {finding}"))?;
        }
        exit = exit.worse(findings.exit());
    }
    Ok(exit)
}

fn heading(name: &DaemonName, address: &str) -> String {
    format!("daemon {name} at {address}")
}

/// The status for people.
fn status_text(status: &Status, now: UnixMs) -> String {
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

/// What came of a `leave`, for people.
fn absence_text(absence: &Absence) -> String {
    let what = match &absence.lease {
        Some(lease) => format!("absence announced until {}", local(&lease.until)),
        None => "no absence is announced any more".to_owned(),
    };
    let text = match (absence.told.as_slice(), absence.untold.as_slice()) {
        ([], _) => format!(
            "{what}, but no daemon knows of it yet; it is repeated until one does (see `systole-agent status`)"
        ),
        (told, []) => format!("{what}; known to {}", told.join(", ")),
        (told, untold) => format!(
            "{what}; known to {}; not yet to {}, which is told as soon as it is heard",
            told.join(", "),
            untold.join(", ")
        ),
    };
    scrub(&text).into_owned()
}

fn local(rfc3339: &str) -> String {
    UnixMs::parse(rfc3339).map_or_else(|| rfc3339.to_owned(), UnixMs::local)
}

/// Prints a line. Somebody who closes the output early has seen enough.
fn print(text: &str) -> Result<(), AgentError> {
    match writeln!(io::stdout(), "{text}") {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(AgentError::Output { source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
