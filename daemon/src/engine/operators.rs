//! What operators ask: hosts, connections, alerts, the trail. What they do is in [`super::actions`],
//! [`super::talk`] and [`super::files`].

use systole_common::ids::{ConnectionId, HostId};
use systole_common::wire::console::{AlertsQuery, AuditQuery, ConnectionsQuery, HostsQuery};
use systole_common::wire::hello::{Refusal, RefusalCode};

use super::desk::Desk;
use super::effect::{Effect, MetricsQuery, Query, Reply};
use super::input::Request;
use super::limits::{AUDIT_ASKED_MAX, CONNECTIONS_ASKED_MAX};
use super::{Fleet, actions, feeds, files, records, storage, talk};

/// Why a request is refused: a code for programs, a sentence for people.
pub(super) type No = (RefusalCode, String);

/// What becomes of a request that is let through.
#[derive(Debug)]
pub(super) enum Answer {
    /// The engine has the reply; it waits for what it changed.
    Reply(Reply),
    /// `state.db` has it.
    Query(Query),
    /// The metric store has it.
    Metrics(MetricsQuery),
    /// Whoever took the request replies when it is done.
    Later,
}

/// A request of an operator whom the role table has let through.
pub(super) fn request(
    fleet: &mut Fleet,
    desk: &mut Desk,
    session: ConnectionId,
    request: u64,
    body: Request,
) {
    match answer(fleet, desk, (session, request), body) {
        Ok(Answer::Reply(reply)) => desk.after_commit(Effect::Reply { session, request, reply }),
        Ok(Answer::Metrics(query)) => {
            desk.after_commit(Effect::MetricsQuery { session, request, query });
        }
        Ok(Answer::Later) => {}
        Ok(Answer::Query(query)) => desk.after_commit(Effect::Query { session, request, query }),
        Err(refusal) => {
            let reply = Reply::Refused(refusal);
            desk.after_commit(Effect::Reply { session, request, reply });
        }
    }
}

fn answer(
    fleet: &mut Fleet,
    desk: &mut Desk,
    (session, request): (ConnectionId, u64),
    body: Request,
) -> Result<Answer, Refusal> {
    let answer = match body {
        Request::Subscribe(body) => {
            feeds::subscribe(fleet, desk, session, &body);
            Ok(Answer::Reply(Reply::Done))
        }
        Request::LookingAt(body) => {
            desk.sessions.look(session, body.what);
            Ok(Answer::Reply(Reply::Done))
        }
        Request::Hosts(body) => hosts(fleet, desk, &body),
        Request::Connections(body) => connections(fleet, &body),
        Request::Alerts(body) => alerts(desk, body),
        Request::Audit(body) => Ok(audit(&body)),
        Request::Ack(body) => actions::ack(desk, session, &body).map(Answer::Reply),
        Request::Unack(body) => actions::unack(desk, session, &body).map(Answer::Reply),
        Request::Resolve(body) => actions::resolve(desk, session, &body).map(Answer::Reply),
        Request::Retire(body) => actions::retire(fleet, desk, session, &body).map(Answer::Reply),
        Request::Series(body) => storage::series(body).map(Answer::Metrics),
        Request::History(body) => storage::history(&body).map(Answer::Metrics),
        Request::Storage(body) => storage::storage(&body).map(Answer::Metrics),
        Request::CleanUp(body) => {
            storage::clean_up(desk, session, request, &body).map(|()| Answer::Later)
        }
        Request::Messages(body) => talk::query(&body).map(Answer::Query),
        Request::Say(body) => return talk::say(fleet, desk, session, *body).map(Answer::Reply),
        Request::Files(body) => files::query(desk, &body),
        Request::Accept(body) => files::accept(desk, session, request, body),
        Request::Reject(body) => files::reject(fleet, desk, session, &body),
        Request::Fetch(body) => files::fetch(desk, session, request, body),
    };
    answer.map_err(|(code, text)| Refusal { code: code.into(), text, retry_after_ms: 0 })
}

fn hosts(fleet: &Fleet, desk: &Desk, body: &HostsQuery) -> Result<Answer, No> {
    let record = |host| records::host(host, &desk.book, &desk.settings, desk.now);
    if body.hosts.is_empty() {
        return Ok(Answer::Reply(Reply::Hosts(fleet.values().map(record).collect())));
    }
    let named = |name: &String| {
        known(fleet, name)
            .and_then(|id| fleet.get(&id).map(record).ok_or_else(|| no_such_host(name)))
    };
    let records: Result<Vec<_>, No> = body.hosts.iter().map(named).collect();
    records.map(|records| Answer::Reply(Reply::Hosts(records)))
}

fn connections(fleet: &Fleet, body: &ConnectionsQuery) -> Result<Answer, No> {
    let host = known(fleet, &body.host)?;
    let count_max = body.count_max.clamp(1, CONNECTIONS_ASKED_MAX);
    Ok(Answer::Query(Query::Connections { host, count_max }))
}

fn alerts(desk: &Desk, body: AlertsQuery) -> Result<Answer, No> {
    let host: Option<HostId> = match body.host {
        None => None,
        Some(name) => Some(name.parse().map_err(|_| no_such_host(&name))?),
    };
    let asked = |row: &&super::state::AlertRow| host.is_none() || row.host == host;
    let rows = desk.book.all_open().map(|(_, row)| row);
    let mut open: Vec<_> = rows.filter(asked).map(records::alert).collect();
    open.sort_by_key(|record| std::cmp::Reverse((record.since, record.id)));
    if body.open_only {
        return Ok(Answer::Reply(Reply::Alerts(open)));
    }
    Ok(Answer::Query(Query::Alerts { open, since: body.since, host }))
}

fn audit(body: &AuditQuery) -> Answer {
    let count_max = body.count_max.clamp(1, AUDIT_ASKED_MAX);
    Answer::Query(Query::Audit { since: body.since, count_max })
}

/// The id of a host that is known.
pub(super) fn known(fleet: &Fleet, name: &str) -> Result<HostId, No> {
    let id: HostId = name.parse().map_err(|_| no_such_host(name))?;
    if fleet.contains_key(&id) { Ok(id) } else { Err(no_such_host(name)) }
}

/// Nobody knows such a host.
pub(super) fn no_such_host(name: &str) -> No {
    let shown: String = name.chars().filter(char::is_ascii_graphic).take(64).collect();
    (
        RefusalCode::NotFound,
        format!("no host is named {shown:?}; `systole hosts` lists those known"),
    )
}
