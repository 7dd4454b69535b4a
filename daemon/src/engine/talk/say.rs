//! What operators say: where to, how fast, and to whom it goes. All of it is sent, or nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use systole_common::ids::{ConnectionId, HostId};
use systole_common::model::message::{self, Place};
use systole_common::time::millis;
use systole_common::wire::hello::{Refusal, RefusalCode};
use systole_common::wire::talk::{MessagesQuery, Say};

use super::super::Fleet;
use super::super::desk::Desk;
use super::super::effect::{Query, Reply};
use super::super::limits::{MESSAGES_ASKED_MAX, SPEAKERS_MAX, WAITING_BYTES_MAX};
use super::super::operators::{No, known};
use super::super::rate::Allowance;
use super::{Draft, marks, write};

/// An operator speaks. The reply is the message, with the marks that it begins with.
pub(in crate::engine) fn say(
    fleet: &Fleet,
    desk: &mut Desk,
    session: ConnectionId,
    body: Say,
) -> Result<Reply, Refusal> {
    let operator = speaker(desk, session).map_err(at_no_time)?;
    let hosts = hosts(fleet, &body).map_err(at_no_time)?;
    let is_awaited = !hosts.is_empty();
    if is_awaited && desk.talk.waiting_bytes().saturating_add(body.text.len()) > WAITING_BYTES_MAX {
        let text = "too much waits for hosts that are away; nothing was sent: retire those that \
                    never come back, or wait";
        return Err(at_no_time((RefusalCode::Overload, text.to_owned())));
    }
    take_turn(desk, &operator)?;
    let Say { to, text, hosts: _ } = body;
    let draft = Draft { id: None, time: desk.now.wall, from: operator, to, text, thread: None };
    let row = write(desk, draft, &hosts);
    let (record, marks) = marks::whole(desk, &row);
    Ok(Reply::Message(Box::new(record), marks))
}

/// What is asked of the messages that are kept.
pub(in crate::engine) fn query(body: &MessagesQuery) -> Result<Query, No> {
    let place = body.place.as_deref().map(Place::parse).transpose();
    let place = place.map_err(|error| (RefusalCode::Invalid, error.to_string()))?;
    Ok(Query::Messages {
        place,
        since: body.since,
        before: body.before,
        words: body.words.split_whitespace().map(str::to_owned).collect(),
        count_max: body.count_max.clamp(1, MESSAGES_ASKED_MAX),
    })
}

/// Who speaks, if anything can be said at all.
fn speaker(desk: &Desk, session: ConnectionId) -> Result<String, No> {
    if desk.store_refusing {
        let text = "the daemon's disk takes no writes, so nothing was sent; \
                    free space in its state folder and try again";
        return Err((RefusalCode::Storage, text.to_owned()));
    }
    let who = desk.sessions.session(session);
    let gone = || (RefusalCode::State, "this console is no longer attached".to_owned());
    who.map(|who| who.operator.to_string()).ok_or_else(gone)
}

/// The hosts that a message is for. A name that nobody knows refuses all of it.
fn hosts(fleet: &Fleet, body: &Say) -> Result<Vec<HostId>, No> {
    let invalid = |error: message::MessageError| (RefusalCode::Invalid, error.to_string());
    message::text(&body.text).map_err(invalid)?;
    let not_sent = |(code, text): No| (code, format!("{text}; nothing was sent"));
    let known = |name: &str| known(fleet, name).map_err(not_sent);
    match Place::parse(&body.to).map_err(invalid)? {
        Place::All => Ok(fleet.keys().cloned().collect()),
        Place::Ops => Ok(Vec::new()),
        Place::Host(host) => Ok(vec![known(host.as_str())?]),
        Place::Filter(_) => {
            let hosts = body.hosts.iter().map(|name| known(name));
            let hosts: BTreeSet<HostId> = hosts.collect::<Result<_, No>>()?;
            if hosts.is_empty() {
                let text = format!("{} finds no host; nothing was sent", body.to);
                return Err((RefusalCode::NotFound, text));
            }
            Ok(hosts.into_iter().collect())
        }
    }
}

/// Takes one of the messages that an operator may write.
fn take_turn(desk: &mut Desk, operator: &str) -> Result<(), Refusal> {
    let (now, settings) = (desk.now.mono, desk.settings.talk);
    let speakers = &mut desk.talk.speakers;
    if !speakers.contains_key(operator) && speakers.len() >= SPEAKERS_MAX {
        let quiet = speakers.iter().min_by_key(|(_, allowance)| allowance.asked_at());
        if let Some(name) = quiet.map(|(name, _)| name.clone()) {
            speakers.remove(&name);
        }
    }
    let allowance =
        speakers.entry(operator.to_owned()).or_insert_with(|| Allowance::new(settings.burst, now));
    let wait = allowance.take(now, settings.burst, settings.rate_per_s).err();
    wait.map_or(Ok(()), |wait| Err(too_fast(settings.rate_per_s, wait)))
}

fn too_fast(rate_per_s: f64, wait: Duration) -> Refusal {
    let text = format!(
        "too many messages: at most {rate_per_s} a second in the long run (talk.rate); nothing was \
         sent, try again in {:.1} s",
        // Rounded up: nobody is told to wait for nothing.
        (wait.as_secs_f64() * 10.0).ceil().max(1.0) / 10.0
    );
    // Rounded up: whoever waits for as long as told is not refused again.
    let retry_after_ms = u32::try_from(millis(wait)).unwrap_or(u32::MAX).saturating_add(1);
    Refusal { code: RefusalCode::Overload.into(), text, retry_after_ms }
}

/// A refusal that no waiting mends.
fn at_no_time((code, text): No) -> Refusal {
    Refusal { code: code.into(), text, retry_after_ms: 0 }
}
