//! Questions to the daemon: whether they may be asked, what they are for, what came of them.
//!
//! An action is refused here with its reason while the daemon is not heard or the role is too low;
//! what was asked is told as done or failed, never dropped.

use std::time::Duration;

use systole_common::ids::{AlertId, Role};
use systole_common::model::alert::AlertState;
use systole_common::time::{Mono, Now};
use systole_common::wire::console::AlertRecord;
use systole_common::wire::limits::REASON_BYTES_MAX;

use super::{files, host, peek, say as saying, talk};
use crate::cmd::{Cmd, Question};
use crate::keys::commands::near;
use crate::limits::REQUESTS_MAX;
use crate::model::alerts::is_open;
use crate::model::freshness::{LinkState, Trust};
use crate::model::requests::{Notice, Purpose, RequestId, UndoGone};
use crate::model::{Dirty, Model};
use crate::msg::{Answer, NoAnswer};
use crate::tables::phrase;
use crate::tone::Tone;

/// For how long an alert is acknowledged.
pub const ACK_SPAN: Duration = Duration::from_hours(8);
/// How long a second `a` takes over what somebody else has.
const CONTEST_WITHIN: Duration = Duration::from_secs(5);
/// What ends a refusal because of the link.
const WHEN_LIVE: &str = "try again when LIVE";
const UNDER_WAY: &str = "an answer about it is still awaited";

/// Says something about what somebody did.
pub fn say(model: &mut Model, now: Now, tone: Tone, text: String) {
    model.requests.notice = Some(Notice { text, tone, at: now.mono });
    model.attention.alarm = None;
    model.dirty = Dirty::Now;
}

/// What was done, or why not as a notice.
pub(super) fn or_say(model: &mut Model, now: Now, done: Result<Vec<Cmd>, String>) -> Vec<Cmd> {
    done.unwrap_or_else(|why| {
        say(model, now, Tone::Warning, why);
        Vec::new()
    })
}

/// The link lives again: what was refused because of it is not said any longer.
pub(super) fn live_again(model: &mut Model) {
    model.requests.notice.take_if(|notice| notice.text.ends_with(WHEN_LIVE));
    if let Some(prompt) = &mut model.prompt {
        prompt.error.take_if(|error| error.text.ends_with(WHEN_LIVE));
    }
}

/// Whether something may be changed now; else why `not`.
pub(super) fn may(model: &Model, now: Now, least: Role, not: &str) -> Result<(), String> {
    if model.freshness.trust(now.mono) != Trust::Live {
        return Err(format!("{not}: {}; {WHEN_LIVE}", silence(model, now.mono)));
    }
    match &model.freshness.peer {
        Some(peer) if model.freshness.role().is_some_and(|role| role < least) => {
            Err(format!("{not}: it needs the role {least}; yours is {}", peer.role))
        }
        Some(_) | None => Ok(()),
    }
}

fn silence(model: &Model, now: Mono) -> String {
    let state = model.freshness.state(now);
    let word = state.word();
    let since = phrase::span(model.freshness.silence(now));
    match state {
        LinkState::Connecting { .. } => format!("no daemon is heard yet ({word} {since})"),
        LinkState::Live { .. } | LinkState::Lagging { .. } => {
            format!("the daemon's data is late ({word} {since})")
        }
        LinkState::Reconnecting { .. } | LinkState::Stale { .. } | LinkState::Gone { .. } => {
            format!("the daemon is not heard ({word} {since})")
        }
        LinkState::Refused { why, .. } | LinkState::Version { why, .. } => {
            format!("the daemon is not heard ({word} {why})")
        }
    }
}

/// The open alert with that number, with nothing about it under way.
pub(super) fn open_alert(model: &Model, id: AlertId) -> Result<&AlertRecord, String> {
    let alert = model.alerts.get(id);
    let alert = alert.ok_or_else(|| format!("no open alert has the number {}", id.0))?;
    if !is_open(alert) || model.alerts.has_ended(id) {
        return Err(format!("alert {} is over already", id.0));
    }
    if model.requests.is_pending(id) {
        return Err(format!("alert {}: {UNDER_WAY}", id.0));
    }
    Ok(alert)
}

/// Asks; the answer is for `purpose`.
pub(super) fn ask(
    model: &mut Model,
    purpose: Purpose,
    question: Question,
) -> Result<(RequestId, Cmd), String> {
    let requests = &mut model.requests;
    if requests.pending.len() >= REQUESTS_MAX {
        return Err(format!("{REQUESTS_MAX} questions are under way; wait for an answer"));
    }
    requests.last = requests.last.saturating_add(1);
    let request = RequestId(requests.last);
    requests.pending.insert(request, purpose);
    Ok((request, Cmd::Ask { request, question }))
}

/// Says that an alert is one's own.
pub fn ack(model: &mut Model, now: Now, id: AlertId, note: &str) -> Result<Vec<Cmd>, String> {
    may(model, now, Role::Operator, "not acknowledged")?;
    fits(note)?;
    let alert = open_alert(model, id)?;
    let holder = alert.acked_by.clone();
    let is_own = holder.is_some() && holder == own_name(model);
    if is_own && note.is_empty() {
        return Err(format!("alert {} is yours already; e changes its note", id.0));
    }
    if let Some(holder) = holder.filter(|_| !is_own)
        && !is_contested(model, now.mono, id)
    {
        model.requests.contested = Some((id, now.mono));
        let when = acked_when(model, now.mono, id);
        return Err(format!("{holder} acked alert {}{when}; once more takes it over", id.0));
    }
    let question = Question::Ack { id, note: note.to_owned(), span: ACK_SPAN };
    let (_, cmd) = ask(model, Purpose::Ack(id), question)?;
    model.requests.contested = None;
    say(model, now, Tone::Quiet, format!("acknowledging alert {} ...", id.0));
    Ok(vec![cmd])
}

fn is_contested(model: &Model, now: Mono, id: AlertId) -> bool {
    let contested = model.requests.contested;
    contested.is_some_and(|(other, at)| other == id && now.since(at) < CONTEST_WITHIN)
}

/// ` 3 s ago`, where that is known.
fn acked_when(model: &Model, now: Mono, id: AlertId) -> String {
    let heard = model.requests.elsewhere.as_ref().filter(|(other, _, _)| *other == id);
    heard.map(|(_, _, at)| format!(" {} ago", phrase::span(now.since(*at)))).unwrap_or_default()
}

/// Takes the newest ack back.
pub fn undo(model: &mut Model, now: Now) -> Result<Vec<Cmd>, String> {
    let is_ack = |purpose: &Purpose| matches!(purpose, Purpose::Ack(_));
    if model.requests.undo_at(now.mono).is_none() && model.requests.pending.values().any(is_ack) {
        return Err("the ack is not confirmed yet; u takes it back when it is".to_owned());
    }
    let Some(id) = model.requests.undo_at(now.mono) else {
        let why = match model.requests.undo_gone {
            None => "you acknowledged nothing yet",
            Some(UndoGone::Late) => "your last ack is over 10 s old",
            Some(UndoGone::Done) => "your last ack is taken back already",
            Some(UndoGone::Over) => "the alert of your last ack is over",
        };
        return Err(format!("nothing to take back: {why}"));
    };
    let cmds = unack(model, now, id)?;
    model.requests.no_undo(UndoGone::Done);
    Ok(cmds)
}

/// Says that an alert is nobody's.
pub fn unack(model: &mut Model, now: Now, id: AlertId) -> Result<Vec<Cmd>, String> {
    may(model, now, Role::Operator, "not taken back")?;
    let alert = open_alert(model, id)?;
    let is_own_undo = model.requests.undo_at(now.mono) == Some(id);
    if alert.acked_by.is_none() && !is_own_undo {
        return Err(format!("nobody has acknowledged alert {}", id.0));
    }
    let (_, cmd) = ask(model, Purpose::Unack(id), Question::Unack { id })?;
    say(model, now, Tone::Quiet, format!("taking the ack of alert {} back ...", id.0));
    Ok(vec![cmd])
}

/// Ends an incident.
pub fn resolve(model: &mut Model, now: Now, id: AlertId, why: &str) -> Result<Vec<Cmd>, String> {
    may(model, now, Role::Operator, "not resolved")?;
    fits(why)?;
    let alert = open_alert(model, id)?;
    if why.trim().is_empty() && alert.state == AlertState::Firing.into() {
        return Err(format!("alert {} still fires; say why it is over, or Esc", id.0));
    }
    let question = Question::Resolve { id, note: why.to_owned() };
    let (_, cmd) = ask(model, Purpose::Resolve(id), question)?;
    say(model, now, Tone::Quiet, format!("resolving alert {} ...", id.0));
    Ok(vec![cmd])
}

/// Whether a host could be retired now.
pub(super) fn may_retire(model: &Model, now: Now, host: &str) -> Result<(), String> {
    may(model, now, Role::Admin, "not retired")?;
    known_host(model, host)?;
    let same = |purpose: &Purpose| matches!(purpose, Purpose::Retire(name) if name == host);
    let is_pending = model.requests.pending.values().any(same);
    if is_pending { Err(format!("{host}: {UNDER_WAY}")) } else { Ok(()) }
}

/// Forgets a host.
pub fn retire(model: &mut Model, now: Now, host: &str) -> Result<Vec<Cmd>, String> {
    may_retire(model, now, host)?;
    let question = Question::Retire { host: host.to_owned() };
    let (_, cmd) = ask(model, Purpose::Retire(host.to_owned()), question)?;
    say(model, now, Tone::Quiet, format!("retiring {host} ..."));
    Ok(vec![cmd])
}

/// Whether there is a host of that name; else the name that was probably meant.
pub(super) fn known_host(model: &Model, name: &str) -> Result<(), String> {
    if model.fleet.contains(name) {
        return Ok(());
    }
    let names = model.fleet.rows().map(|row| row.summary.host.as_str());
    let near = near(name, names).map(|near| format!("; did you mean `{near}`?"));
    Err(format!("no host is named `{name}`{}", near.unwrap_or_default()))
}

fn fits(note: &str) -> Result<(), String> {
    if note.len() > REASON_BYTES_MAX {
        return Err(format!("{} bytes are more than {REASON_BYTES_MAX}; shorten it", note.len()));
    }
    Ok(())
}

/// The own name at the daemon, once it was told.
pub fn own_name(model: &Model) -> Option<String> {
    let presence = &model.presence;
    let own = presence.operators.iter().find(|one| one.session == presence.own);
    own.map(|one| one.operator.clone())
}

/// Notes who has an alert now; to be called with each alert of the feed before it is stored. Tells of
/// somebody who was faster than the own ack that is under way.
pub(super) fn heard_of(model: &mut Model, now: Now, alert: &AlertRecord) {
    let (Some(holder), Some(own)) = (alert.acked_by.clone(), own_name(model)) else { return };
    let before = model.alerts.get(alert.id);
    let is_known = before.is_none_or(|before| before.acked_by.as_ref() == Some(&holder));
    if is_known || holder == own {
        return;
    }
    let is_mine = |purpose: &Purpose| *purpose == Purpose::Ack(alert.id);
    if model.requests.pending.values().any(is_mine) {
        let text = format!("{holder} acked alert {} just before you", alert.id.0);
        say(model, now, Tone::Warning, text);
    }
    model.requests.elsewhere = Some((alert.id, holder, now.mono));
}

/// An answer came, or never will. Its words are safe to show.
pub fn reply(
    model: &mut Model,
    now: Now,
    id: RequestId,
    answer: Result<Answer, NoAnswer>,
) -> Vec<Cmd> {
    let Some(purpose) = model.requests.pending.remove(&id) else {
        return Vec::new();
    };
    if let Purpose::Say(to) = purpose {
        saying::answered(model, now, id, &to, answer);
        return Vec::new();
    }
    let answer = answer.map_err(|no| no.why);
    match purpose {
        Purpose::Ack(alert) => acked(model, now, alert, answer),
        Purpose::Unack(alert) => {
            let done = format!("alert {} is nobody's again", alert.0);
            settle(model, now, answer, done, "not taken back");
        }
        Purpose::Resolve(alert) => {
            let done = format!("alert {} is resolved", alert.0);
            let is_undo = model.requests.undo.is_some_and(|(undo, _)| undo == alert);
            if is_undo && answer.is_ok() {
                model.requests.no_undo(UndoGone::Over);
            }
            settle(model, now, answer, done, "not resolved");
        }
        Purpose::Retire(host) => {
            let done = format!("{host} is retired; if it beats again it is new");
            settle(model, now, answer, done, "not retired");
        }
        peek::PURPOSE => peek::answered(model, now, id, answer),
        Purpose::Connections | Purpose::PastAlerts | Purpose::Chart(_) => {
            host::answered(model, now, id, &purpose, answer);
        }
        Purpose::Say(_) => {}
        Purpose::Messages(page) => talk::answered(model, now, &page, answer),
        Purpose::Accept(file) => files::decided(model, now, file, files::not(true), answer),
        Purpose::Reject(file) => files::decided(model, now, file, files::not(false), answer),
        Purpose::Files => files::answered(model, now, answer),
    }
    Vec::new()
}

fn acked(model: &mut Model, now: Now, id: AlertId, answer: Result<Answer, String>) {
    let is_done = answer.is_ok();
    let elsewhere = model
        .requests
        .elsewhere
        .clone()
        .filter(|(other, _, at)| *other == id && now.mono.since(*at) < CONTEST_WITHIN);
    let after = elsewhere.map(|(_, who, at)| {
        format!("; {who} acked it {} before", phrase::span(now.mono.since(at)))
    });
    let done = format!(
        "alert {} is yours for {}{}; u takes it back",
        id.0,
        phrase::span(ACK_SPAN),
        after.unwrap_or_default()
    );
    settle(model, now, answer, done, "not acknowledged");
    if is_done {
        model.requests.undo = Some((id, now.mono));
    }
}

fn settle(model: &mut Model, now: Now, answer: Result<Answer, String>, done: String, not: &str) {
    match answer {
        Ok(_) => say(model, now, Tone::Good, done),
        Err(why) => say(model, now, Tone::Bad, format!("{not}: {why}")),
    }
}
