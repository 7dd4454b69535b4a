//! Decisions: room is taken before a file is accepted; operators accept, reject and fetch.

use systole_common::ids::ConnectionId;
use systole_common::model::file::FileState;
use systole_common::wire::file::{Accept, Fetch, Reject};
use systole_common::wire::hello::{Refusal, RefusalCode};
use systole_common::wire::limits::REASON_BYTES_MAX;

use super::super::Fleet;
use super::super::actions::audited;
use super::super::desk::Desk;
use super::super::effect::{Effect, Query, Reply};
use super::super::operators::{Answer, No};
use super::super::state::{AuditRow, Change};
use super::book::{File, Taker};
use super::{ending, expire_in, records, tell, words};

/// An operator takes a file. Replied to once room is taken for it, or was refused.
pub(in crate::engine) fn accept(
    desk: &mut Desk,
    session: ConnectionId,
    request: u64,
    body: Accept,
) -> Result<Answer, No> {
    let id = body.file;
    let who = desk.sessions.session(session);
    let who = who.map(|who| (who.operator.to_string(), who.role.to_string()));
    let is_free = undecided(desk, id);
    if let (Ok(()), Some((operator, role)), false) = (&is_free, who, desk.store_refusing) {
        take_room(desk, id, Taker::Operator { session, request, operator, role });
        return Ok(Answer::Later);
    }
    let target = target(desk, id);
    audited(desk, session, "accept", &target, "", |_, _| is_free).map(|()| Answer::Later)
}

/// An operator refuses a file.
pub(in crate::engine) fn reject(
    fleet: &Fleet,
    desk: &mut Desk,
    session: ConnectionId,
    body: &Reject,
) -> Result<Answer, No> {
    let (id, target) = (body.file, target(desk, body.file));
    let why = words::line(&body.why, REASON_BYTES_MAX);
    let reply = audited(desk, session, "reject", &target, &why, |desk, who| {
        undecided(desk, id)?;
        ending::end(desk, id, FileState::Rejected, why.clone(), Some(who));
        Ok(Answer::Reply(shown(desk, id)))
    });
    tell(fleet, desk);
    reply
}

/// An operator brings a file. Replied to by the shell, from the disk.
pub(in crate::engine) fn fetch(
    desk: &mut Desk,
    session: ConnectionId,
    request: u64,
    body: Fetch,
) -> Result<Answer, No> {
    let (id, target) = (body.file, target(desk, body.file));
    audited(desk, session, "fetch", &target, "", |desk, _| {
        let Some(file) = desk.files.get(id) else {
            if !desk.files.was_used(id) {
                return Err((RefusalCode::NotFound, words::no_such_file(id)));
            }
            return Ok(Answer::Query(Query::Fetch { file: id }));
        };
        let name = file.row.placed.clone();
        let (FileState::Verified, Some(name)) = (file.row.state, name) else {
            return Err((RefusalCode::State, words::not_fetched(&file.row)));
        };
        let host = file.row.host.clone();
        let record = Box::new(records::of(file, &desk.settings.files_path));
        desk.after_commit(Effect::Fetch { session, request, host, name, record });
        Ok(Answer::Later)
    })
}

/// Has room taken for a file that is to be accepted.
pub(super) fn take_room(desk: &mut Desk, id: u64, taker: Taker) {
    let Some(file) = desk.files.get(id) else { return };
    let (host, size_bytes) = (file.row.host.clone(), file.row.size_bytes);
    desk.files.taking.insert(id, taker);
    desk.after_commit(Effect::Reserve { file: id, host, size_bytes });
}

/// Room is taken, or there is none.
pub(in crate::engine) fn reserved(
    fleet: &Fleet,
    desk: &mut Desk,
    id: u64,
    result: Result<(), String>,
) {
    let state = desk.files.get(id).map(|file| file.row.state);
    let taker = desk.files.taking.remove(&id);
    let is_refused = match (state, taker) {
        (Some(FileState::Offered), Some(taker)) => settle(desk, id, taker, result).is_err(),
        // Meanwhile it ended, so whoever wanted it comes too late.
        (_, Some(taker)) => {
            let why = undecided(desk, id).err();
            let why = why.unwrap_or_else(|| (RefusalCode::State, words::over_already(id)));
            refused(desk, id, taker, why);
            true
        }
        (Some(state), None) => !state.is_open() || state == FileState::Offered,
        (None, None) => true,
    };
    if is_refused {
        desk.after_commit(Effect::Discard { file: id });
    }
    tell(fleet, desk);
}

/// An offer that waits for room is accepted; or it is not, and `Err` is that its room is of no use.
fn settle(desk: &mut Desk, id: u64, taker: Taker, result: Result<(), String>) -> Result<(), ()> {
    let reason = result.map_err(|reason| words::line(&reason, REASON_BYTES_MAX));
    match (reason, taker) {
        (Err(reason), Taker::Policy) => {
            let target = target(desk, id);
            desk.audit_own("reject", &target, &reason);
            ending::end(desk, id, FileState::Rejected, reason, Some(words::POLICY));
            Err(())
        }
        (Err(reason), taker @ Taker::Operator { .. }) => {
            refused(desk, id, taker, (RefusalCode::Storage, reason));
            Ok(())
        }
        (Ok(()), taker @ Taker::Operator { .. }) if desk.store_refusing => {
            let why = (RefusalCode::Storage, words::NOTHING_CHANGED.to_owned());
            refused(desk, id, taker, why);
            Err(())
        }
        (Ok(()), taker) => {
            accepted(desk, id, taker);
            Ok(())
        }
    }
}

fn accepted(desk: &mut Desk, id: u64, taker: Taker) {
    let (by, now) = (taker.name().to_owned(), desk.now.wall);
    expire_in(desk, id, desk.settings.files.partial_ttl);
    ending::change(desk, id, |file| {
        file.row.state = FileState::Accepted;
        file.row.decided_by = Some(by.clone());
        file.accepted_at = Some(now);
    });
    let target = target(desk, id);
    match taker {
        Taker::Policy => {
            let reason = words::by_policy(&desk.settings.files);
            desk.audit_own("accept", &target, &reason);
        }
        Taker::Operator { session, request, operator, role } => {
            audit(desk, (operator, role), target, "done", String::new());
            let reply = shown(desk, id);
            desk.after_commit(Effect::Reply { session, request, reply });
        }
    }
    ending::told(desk, id, Some(&by), None);
}

/// Tells an operator that a file was not accepted.
fn refused(desk: &mut Desk, id: u64, taker: Taker, (code, text): No) {
    let Taker::Operator { session, request, operator, role } = taker else { return };
    if !desk.store_refusing {
        let target = target(desk, id);
        audit(desk, (operator, role), target, "refused", text.clone());
    }
    let reply = Reply::Refused(Refusal { code: code.into(), text, retry_after_ms: 0 });
    desk.after_commit(Effect::Reply { session, request, reply });
}

/// A line of the trail about an operator who may be gone by now.
fn audit(
    desk: &mut Desk,
    (operator, role): (String, String),
    target: String,
    outcome: &str,
    reason: String,
) {
    let (time, action, outcome) = (desk.now.wall, "accept".to_owned(), outcome.to_owned());
    desk.change(Change::Audit(AuditRow { time, operator, role, action, target, outcome, reason }));
}

/// Whether a file waits for a decision and nobody is just taking it.
fn undecided(desk: &Desk, id: u64) -> Result<(), No> {
    let Some(file) = desk.files.get(id) else {
        return Err(if desk.files.was_used(id) {
            (RefusalCode::State, words::over_already(id))
        } else {
            (RefusalCode::NotFound, words::no_such_file(id))
        });
    };
    if file.row.state != FileState::Offered {
        return Err((RefusalCode::State, words::decided(file, desk.now.wall)));
    }
    match desk.files.taking.get(&id) {
        Some(taker) => Err((RefusalCode::State, words::being_accepted(id, taker.name()))),
        None => Ok(()),
    }
}

/// What a line of the trail about a file is about, whether or not it is at hand.
pub(in crate::engine) fn target(desk: &Desk, id: u64) -> String {
    let known = desk.files.get(id).map(|file| words::target(&file.row));
    known.unwrap_or_else(|| format!("file {id}"))
}

fn shown(desk: &Desk, id: u64) -> Reply {
    let path = &desk.settings.files_path;
    let record = |file: &File| records::of(file, path);
    Reply::Files(desk.files.get(id).map(record).into_iter().collect())
}
