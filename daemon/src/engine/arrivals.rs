//! Connections of agents come and go: hello, takeover, conflict, goodbye. Decides who is a host's agent.

use std::collections::VecDeque;

use systole_common::ids::{ConnectionId, HostId, InstanceId};
use systole_common::model::alert::Severity;
use systole_common::model::host::{Cause, Certainty, HostState};
use systole_common::time::millis;
use systole_common::wire::hello::{CloseCode, Refusal, RefusalCode};

use super::absence;
use super::alerts::{AlertKey, Firing, rule};
use super::desk::Desk;
use super::effect::{Effect, Level};
use super::freshness::Way;
use super::host::{Host, Link, Newcomer, Over, policy};
use super::input::{AgentHello, Gone};
use super::limits::{
    CONFLICT_END, CONFLICT_RETRY, OLDER_CONNECTIONS_MAX, RESTARTS_WARNING, RESTARTS_WINDOW,
    TAKEOVER_WAIT,
};
use super::rules;
use super::state::{Change, ConnectionRow};
use super::summary;
use super::timers::Due;
use super::verdicts;

/// An agent's main connection says hello to a host that is known.
pub(super) fn hello(host: &mut Host, desk: &mut Desk, hello: AgentHello) {
    match &host.link {
        Some(link) if link.instance != hello.instance => wait_for_incumbent(host, desk, hello),
        Some(_) | None => accept(host, desk, &hello),
    }
}

/// A newcomer with another instance: the incumbent is asked for a sign of life.
fn wait_for_incumbent(host: &mut Host, desk: &mut Desk, hello: AgentHello) {
    if let Some(waiting) = host.newcomer.take() {
        let text = "a later attempt of this host took its place".to_owned();
        refuse(desk, waiting.hello.connection, RefusalCode::Conflict, text);
    }
    desk.nonce = desk.nonce.wrapping_add(1);
    let nonce = desk.nonce;
    let newest = host.link.iter().map(|link| link.connection);
    for connection in newest.chain(host.older.iter().copied()) {
        desk.at_once(Effect::Probe { connection, nonce });
    }
    desk.timers.set(Due::Takeover(host.id().clone()), desk.now.mono.plus(TAKEOVER_WAIT));
    host.newcomer = Some(Newcomer { hello, nonce });
}

/// The incumbent shows that it is alive while a newcomer waits: the newcomer is refused.
pub(super) fn incumbent_is_alive(host: &mut Host, desk: &mut Desk) {
    let Some(newcomer) = host.newcomer.take() else {
        return;
    };
    desk.timers.cancel(&Due::Takeover(host.id().clone()));
    let incumbent = host.link.as_ref().map_or("?", |link| link.address.as_str()).to_owned();
    let address = newcomer.hello.address;
    let text = summary::conflict_refusal(host.id(), &incumbent);
    desk.log(Level::Warning, "second agent refused", Some(host.id()), Some(&address), text.clone());
    refuse(desk, newcomer.hello.connection, RefusalCode::Conflict, text);
    desk.timers.set(Due::ConflictEnd(host.id().clone()), desk.now.mono.plus(CONFLICT_END));
    let sentence = summary::conflict(host.id(), &incumbent, &address);
    let since = match &host.over {
        Some(over) if over.state == HostState::Conflict => over.since,
        Some(_) | None => desk.now.wall,
    };
    host.lay_over(
        desk,
        Some(Over {
            state: HostState::Conflict,
            cause: Cause::Conflict,
            certainty: Certainty::Certain,
            evidence: vec![sentence.clone()],
            since,
        }),
    );
    let firing = Firing {
        severity: Severity::Critical,
        summary: sentence,
        value: None,
        threshold: None,
        event: false,
    };
    desk.fire(&AlertKey::of(host.id(), rule::CONFLICT), firing);
}

/// No newcomer was seen for long enough.
pub(super) fn conflict_ends(host: &mut Host, desk: &mut Desk) {
    if host.over.as_ref().is_some_and(|over| over.state == HostState::Conflict) {
        host.lay_over(desk, None);
    }
    let reason = format!("no second agent for {}", summary::span(CONFLICT_END));
    desk.clear(&AlertKey::of(host.id(), rule::CONFLICT), &reason);
}

/// The incumbent stayed silent: the newcomer is the host now.
pub(super) fn take_over(host: &mut Host, desk: &mut Desk) {
    let Some(newcomer) = host.newcomer.take() else {
        return;
    };
    let old = host.link.take();
    let connections: Vec<_> = host.older.drain(..).chain(old.map(|link| link.connection)).collect();
    for connection in connections {
        desk.close(connection, CloseCode::Replaced, "another start of this agent took over");
    }
    accept(host, desk, &newcomer.hello);
}

fn accept(host: &mut Host, desk: &mut Desk, hello: &AgentHello) {
    if let Some(old) = host.link.take() {
        host.older.push(old.connection);
        if host.older.len() > OLDER_CONNECTIONS_MAX {
            let oldest = host.older.remove(0);
            desk.close(oldest, CloseCode::Replaced, "newer connections of this agent took over");
        }
    }
    let watched = desk.sessions.is_watched(host.id());
    let policy = policy(&desk.settings, watched);
    desk.at_once(Effect::Accept { connection: hello.connection, policy });
    host.link = Some(Link {
        connection: hello.connection,
        instance: hello.instance,
        address: hello.address.clone(),
        sequence: 0,
        echo_sequence: 0,
        echoes: VecDeque::new(),
    });
    if host.row.instance != Some(hello.instance) {
        new_instance(host, desk, hello);
    }
    take_facts(host, hello);
    rules::apply(host, desk);
    log_connection(host, desk, true, &hello.address, &format!("agent {}", hello.software));
    host.save(desk);
    verdicts::certificate(host, desk);
    desk.sessions.touch_facts(host.id());
    host.watch.heard(desk.now.mono, desk.settings.heartbeat_interval);
    verdicts::schedule(host, desk);
}

/// Another start of the agent than the one that was known: a restart, perhaps a reboot.
fn new_instance(host: &mut Host, desk: &mut Desk, hello: &AgentHello) {
    let now = desk.now.wall;
    let announced = host.row.goodbye.is_some() || host.row.lease.is_some();
    let rebooted = host.row.boot_id.is_some_and(|boot| boot != hello.boot_id);
    if rebooted && !announced {
        let firing = event(summary::rebooted(host.id()));
        desk.fire(&AlertKey::of(host.id(), rule::REBOOTED), firing);
    }
    host.row.starts.retain(|at| *at <= now && now.since(*at) <= RESTARTS_WINDOW);
    host.row.starts.push(now);
    let starts = host.row.starts.len();
    if starts >= RESTARTS_WARNING {
        let firing = event(summary::restarting(host.id(), starts, RESTARTS_WINDOW));
        desk.fire(&AlertKey::of(host.id(), rule::RESTARTING), firing);
    }
    if starts > 2 * RESTARTS_WARNING {
        host.row.starts.remove(0);
    }
    absence::returned(host, desk);
    host.offsets_ms.clear();
    host.way = Way::default();
    host.rtt_us = None;
}

fn event(summary: String) -> Firing {
    Firing { severity: Severity::Warning, summary, value: None, threshold: None, event: true }
}

fn take_facts(host: &mut Host, hello: &AgentHello) {
    let row = &mut host.row;
    row.instance = Some(hello.instance);
    row.boot_id = Some(hello.boot_id);
    row.agent_version = Some(hello.software.clone());
    row.os = Some(hello.os.clone());
    row.address = Some(hello.address.clone());
    row.certificate_expires = Some(hello.certificate_expires);
    row.labels.clone_from(&hello.labels);
}

/// One of the host's connections ended.
pub(super) fn gone(host: &mut Host, desk: &mut Desk, connection: ConnectionId, reason: &Gone) {
    if host.newcomer.as_ref().is_some_and(|one| one.hello.connection == connection) {
        host.newcomer = None;
        desk.timers.cancel(&Due::Takeover(host.id().clone()));
        return;
    }
    let text = describe(reason);
    if host.older.contains(&connection) {
        host.older.retain(|one| *one != connection);
        log_connection(host, desk, false, "", &format!("older connection: {text}"));
        return;
    }
    if host.link.as_ref().is_none_or(|link| link.connection != connection) {
        return;
    }
    let address = host.link.take().map(|link| link.address).unwrap_or_default();
    log_connection(host, desk, false, &address, &text);
    host.last_disconnect = Some(text);
    if host.newcomer.is_some() {
        take_over(host, desk);
        return;
    }
    if promote_older(host, &address) {
        return;
    }
    let goodbye = match reason {
        Gone::Closed(Some(CloseCode::Goodbye), why) => Some(why.clone()),
        Gone::Closed(..) | Gone::ByUs(..) | Gone::Reset | Gone::TimedOut | Gone::Failed(_) => None,
    };
    absence::disconnected(host, desk, goodbye);
}

fn promote_older(host: &mut Host, address: &str) -> bool {
    let (Some(connection), Some(instance)) = (host.older.pop(), host.row.instance) else {
        return false;
    };
    host.link = Some(Link {
        connection,
        instance,
        address: address.to_owned(),
        sequence: 0,
        echo_sequence: 0,
        echoes: VecDeque::new(),
    });
    true
}

/// A bulk connection must belong to the instance of the host's main connection.
pub(super) fn bulk(
    host: Option<&Host>,
    desk: &mut Desk,
    connection: ConnectionId,
    instance: InstanceId,
) {
    let main = host.and_then(|host| host.link.as_ref()).map(|link| link.instance);
    if main == Some(instance) {
        let policy = policy(&desk.settings, false);
        desk.at_once(Effect::Accept { connection, policy });
        return;
    }
    let text = "a bulk connection needs the main connection of the same agent; dial main first";
    refuse(desk, connection, RefusalCode::Instance, text.to_owned());
}

/// Refuses a hello.
pub(super) fn refuse(desk: &mut Desk, connection: ConnectionId, code: RefusalCode, text: String) {
    let (wait, close) = match code {
        RefusalCode::Conflict => (CONFLICT_RETRY, CloseCode::Conflict),
        RefusalCode::Overload => (CONFLICT_RETRY, CloseCode::Overload),
        RefusalCode::Version
        | RefusalCode::Role
        | RefusalCode::Revoked
        | RefusalCode::Instance
        | RefusalCode::Protocol
        | RefusalCode::Stopping
        | RefusalCode::NotFound
        | RefusalCode::State
        | RefusalCode::Invalid
        | RefusalCode::Storage => (TAKEOVER_WAIT, CloseCode::Refused),
    };
    let retry_after_ms = u32::try_from(millis(wait)).unwrap_or(u32::MAX);
    let refusal = Refusal { code: code.into(), text, retry_after_ms };
    desk.at_once(Effect::Refuse { connection, refusal, code: close });
}

fn log_connection(host: &Host, desk: &mut Desk, connected: bool, address: &str, reason: &str) {
    let event = if connected { "agent connected" } else { "agent disconnected" };
    desk.log(Level::Info, event, Some(host.id()), Some(address), reason);
    let row = ConnectionRow {
        at: desk.now.wall,
        connected,
        address: address.to_owned(),
        reason: reason.to_owned(),
    };
    desk.change(Change::Connection(host.id().clone(), row));
}

/// How a connection ended, for people.
pub(super) fn describe(reason: &Gone) -> String {
    match reason {
        Gone::Closed(Some(CloseCode::Goodbye), why) if why.is_empty() => "goodbye".to_owned(),
        Gone::Closed(Some(CloseCode::Goodbye), why) => format!("goodbye: {why}"),
        Gone::Closed(Some(code), why) => format!("closed by the agent, {code}: {why}"),
        Gone::Closed(None, why) => format!("closed by the agent: {why}"),
        Gone::ByUs(code, why) => format!("closed by the daemon, {code}: {why}"),
        Gone::Reset => "reset: the agent no longer knows the connection".to_owned(),
        Gone::TimedOut => "timed out: nothing came for the idle time-out".to_owned(),
        Gone::Failed(why) => format!("failed: {why}"),
    }
}

/// A host that nobody knew says hello.
pub(super) fn appear(desk: &mut Desk, id: &HostId) -> Host {
    let watch = super::liveness::Watch::new(
        desk.now.mono,
        desk.settings.heartbeat_interval,
        std::time::Duration::ZERO,
    );
    let mut host = Host::from_row(Host::new_row(id, desk.now.wall), watch);
    host.unheard = false;
    desk.audit_own("new-host", id.as_str(), "first hello of a host that was not known");
    host
}
