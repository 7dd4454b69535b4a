//! What operators do: acknowledge, resolve, retire. All or nothing, each with a line in the audit trail.

use std::collections::BTreeSet;
use std::time::Duration;

use systole_common::ids::{AlertId, ConnectionId, HostId};
use systole_common::wire::console::{Ack, AlertTargets, Resolve, Retire, Unack};
use systole_common::wire::feed::FeedHostEvent;
use systole_common::wire::file::{Accept, Fetch, Reject};
use systole_common::wire::hello::{CloseCode, RefusalCode};

use super::alerts::{AlertKey, Changed};
use super::desk::Desk;
use super::effect::{FeedFrame, Level, Reply};
use super::host::Host;
use super::input::Request;
use super::limits::ACK_MAX;
use super::operators::{No, known};
use super::state::{AckRow, AuditRow, Change};
use super::timers::Due;
use super::{Fleet, files, records, summary, talk};

/// I have these alerts.
pub(super) fn ack(desk: &mut Desk, session: ConnectionId, body: &Ack) -> Result<Reply, No> {
    let span = Duration::from_millis(body.for_ms);
    audited(desk, session, "ack", &target_text(&body.targets), &body.note, |desk, who| {
        if span.is_zero() || span > ACK_MAX {
            let text =
                format!("an acknowledgement lasts up to {}; give --for", summary::span(ACK_MAX));
            return Err((RefusalCode::Invalid, text));
        }
        let keys = find(desk, &body.targets)?;
        let until = desk.now.wall.plus(span);
        let ack = AckRow { by: who.to_owned(), note: body.note.clone(), until };
        for key in &keys {
            desk.timers.set(Due::AckEnd(key.clone()), desk.now.mono.plus(span));
        }
        Ok(each(desk, &keys, |desk, key| desk.book.set_ack(key, Some(ack.clone()))))
    })
}

/// I no longer have them.
pub(super) fn unack(desk: &mut Desk, session: ConnectionId, body: &Unack) -> Result<Reply, No> {
    audited(desk, session, "unack", &target_text(&body.targets), "", |desk, _| {
        let keys = find(desk, &body.targets)?;
        for key in &keys {
            desk.timers.cancel(&Due::AckEnd(key.clone()));
        }
        Ok(each(desk, &keys, |desk, key| desk.book.set_ack(key, None)))
    })
}

/// These incidents are over.
pub(super) fn resolve(desk: &mut Desk, session: ConnectionId, body: &Resolve) -> Result<Reply, No> {
    audited(desk, session, "resolve", &target_text(&body.targets), &body.note, |desk, who| {
        let keys = find(desk, &body.targets)?;
        let reason = match body.note.as_str() {
            "" => format!("resolved by {who}"),
            note => format!("resolved by {who}: {note}"),
        };
        Ok(each(desk, &keys, |desk, key| desk.book.resolve(desk.now, key, &reason)))
    })
}

/// Forget a host.
pub(super) fn retire(
    fleet: &mut Fleet,
    desk: &mut Desk,
    session: ConnectionId,
    body: &Retire,
) -> Result<Reply, No> {
    let target = printable(&body.host);
    audited(desk, session, "retire", &target, "", |desk, _| {
        let id = known(fleet, &body.host)?;
        let Some(host) = fleet.remove(&id) else {
            return Ok(Reply::Done);
        };
        let held = desk.book.all_held().filter(|(key, _)| key.host.as_ref() == Some(&id));
        let keys = desk.book.open_of(&id).chain(held).map(|(key, _)| key.clone());
        // Also what waits to be clear: a host that comes back under the name must not wait with it.
        for key in keys.collect::<Vec<AlertKey>>() {
            desk.clear(&key, "the host was retired");
        }
        desk.book.forget_host(&id);
        files::retire(desk, &id);
        talk::retire(desk, &id);
        let record = records::host(&host, &desk.book, &desk.settings, desk.now);
        forget(desk, &host);
        let event = FeedHostEvent {
            at: desk.now.wall,
            previous: Some(records::host_before(&host)),
            retired: true,
            record: record.clone(),
        };
        desk.event(|| FeedFrame::Host(Box::new(event)));
        Ok(Reply::Hosts(vec![record]))
    })
}

fn forget(desk: &mut Desk, host: &Host) {
    let id: &HostId = host.id();
    for due in
        [Due::Judge, Due::Takeover, Due::ConflictEnd, Due::LeaseEnd, Due::LeftLong, Due::Rules]
    {
        desk.timers.cancel(&due(id.clone()));
    }
    let newest = host.link.iter().map(|link| link.connection);
    let waiting = host.newcomer.iter().map(|one| one.hello.connection);
    for connection in newest.chain(host.older.iter().copied()).chain(waiting) {
        desk.close(connection, CloseCode::Retired, "the host was retired");
    }
    desk.sessions.retire(id);
    desk.change(Change::RetireHost(id.clone()));
    desk.log(Level::Info, "host retired", Some(id), None, "");
}

/// The acknowledgement behind `key` has ended.
pub(super) fn ack_ends(desk: &mut Desk, key: &AlertKey) {
    if let Some(changed) = desk.book.set_ack(key, None) {
        desk.publish(key, changed);
    }
}

fn each(
    desk: &mut Desk,
    keys: &[AlertKey],
    change: impl Fn(&mut Desk, &AlertKey) -> Option<Changed>,
) -> Reply {
    let mut changed_records = Vec::new();
    for key in keys {
        if let Some(changed) = change(desk, key) {
            changed_records.push(records::alert(&changed.row));
            desk.publish(key, changed);
        }
    }
    Reply::Alerts(changed_records)
}

/// The open alerts that a command means; an id that is not open refuses the whole command.
fn find(desk: &Desk, targets: &AlertTargets) -> Result<Vec<AlertKey>, No> {
    let mut keys = BTreeSet::new();
    for id in &targets.ids {
        keys.insert(desk.book.find(*id).ok_or_else(|| not_open(desk, *id))?);
    }
    if let Some(name) = &targets.host {
        let of_host = name
            .parse::<HostId>()
            .ok()
            .map(|host| desk.book.open_of(&host).map(|(key, _)| key.clone()).collect::<Vec<_>>());
        let of_host = of_host.unwrap_or_default();
        if of_host.is_empty() {
            let shown: String = name.chars().filter(char::is_ascii_graphic).take(64).collect();
            return Err((RefusalCode::NotFound, format!("host {shown:?} has no open alerts")));
        }
        keys.extend(of_host);
    }
    if keys.is_empty() {
        let text = "name alert ids, or a host with --host".to_owned();
        return Err((RefusalCode::Invalid, text));
    }
    Ok(keys.into_iter().collect())
}

fn not_open(desk: &Desk, id: AlertId) -> No {
    if desk.book.was_used(id) {
        (RefusalCode::State, format!("alert {id} is resolved already; nothing was changed"))
    } else {
        let text = format!(
            "no alert has the number {id}; `systole alerts` lists them; nothing was changed"
        );
        (RefusalCode::NotFound, text)
    }
}

fn target_text(targets: &AlertTargets) -> String {
    let ids = targets.ids.iter().map(|id| format!("alert {id}"));
    let host = targets.host.iter().map(|host| format!("host {}", printable(host)));
    ids.chain(host).collect::<Vec<_>>().join(", ")
}

/// Runs an action and writes its outcome to the trail. While nothing can be written, nothing is done.
pub(super) fn audited<T>(
    desk: &mut Desk,
    session: ConnectionId,
    action: &str,
    target: &str,
    note: &str,
    run: impl FnOnce(&mut Desk, &str) -> Result<T, No>,
) -> Result<T, No> {
    if desk.store_refusing {
        let text = "the daemon's disk takes no writes, so nothing was changed; \
                    free space in its state folder and try again";
        return Err((RefusalCode::Storage, text.to_owned()));
    }
    let who = desk.sessions.session(session);
    let Some((operator, role)) = who.map(|who| (who.operator.to_string(), who.role)) else {
        return Err((RefusalCode::State, "this console is no longer attached".to_owned()));
    };
    let result = run(desk, &operator);
    let (outcome, reason) = match &result {
        Ok(_) => ("done", note.to_owned()),
        Err((_, why)) => ("refused", why.clone()),
    };
    let row = AuditRow {
        time: desk.now.wall,
        operator,
        role: role.to_string(),
        action: action.to_owned(),
        target: target.to_owned(),
        outcome: outcome.to_owned(),
        reason,
    };
    desk.change(Change::Audit(row));
    result
}

/// The role table refused an operator: the trail says so.
pub(super) fn denied(
    desk: &mut Desk,
    session: ConnectionId,
    action: &str,
    body: Option<&Request>,
    reason: &str,
) {
    let target = body.map(|body| denied_target(desk, body)).unwrap_or_default();
    let refused = |_: &mut Desk, _: &str| Err::<(), No>((RefusalCode::Role, reason.to_owned()));
    let _written = audited(desk, session, action, &target, "", refused);
}

/// What an action that was refused by role would have been about.
fn denied_target(desk: &Desk, body: &Request) -> String {
    match body {
        Request::Ack(Ack { targets, .. })
        | Request::Unack(Unack { targets })
        | Request::Resolve(Resolve { targets, .. }) => target_text(targets),
        Request::Retire(Retire { host }) => printable(host),
        Request::Say(say) => printable(&say.to),
        Request::Accept(Accept { file })
        | Request::Reject(Reject { file, .. })
        | Request::Fetch(Fetch { file }) => files::target(desk, *file),
        Request::Subscribe(_)
        | Request::LookingAt(_)
        | Request::Hosts(_)
        | Request::Connections(_)
        | Request::Alerts(_)
        | Request::Audit(_)
        | Request::Series(_)
        | Request::History(_)
        | Request::Storage(_)
        | Request::CleanUp(_)
        | Request::Messages(_)
        | Request::Files(_) => String::new(),
    }
}

/// A name that nobody has checked, for the trail.
fn printable(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(64).collect()
}
