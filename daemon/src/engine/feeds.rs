//! What subscribed consoles are sent: a picture, then changes merged to one a second, and ticks.
//!
//! What a host's event carries is sent at once elsewhere; here is what may wait for the second.

use systole_common::ids::{ConnectionId, HostId};
use systole_common::wire::console::Subscribe;
use systole_common::wire::feed::{
    FeedAlertEvent, FeedComplete, FeedDetail, FeedFacts, FeedSnapshot, FeedSummary, FeedTick,
    FeedValues,
};
use systole_common::wire::limits::PAGE_RECORDS_MAX;
use systole_common::wire::pages::pages;

use super::desk::Desk;
use super::effect::{Effect, FeedFrame};
use super::host::{Host, intervals};
use super::limits::FEED_SECOND;
use super::sessions::{Fresh, Shift, Subscription};
use super::timers::Due;
use super::{Fleet, files, records, talk};

/// An operator opens a feed, or changes what it details.
pub(super) fn subscribe(fleet: &Fleet, desk: &mut Desk, session: ConnectionId, body: &Subscribe) {
    let Some(entry) = desk.sessions.session(session) else {
        return;
    };
    let old = entry.subscription.clone();
    let hosts = body.hosts.iter().filter_map(|name| name.parse().ok()).collect();
    let new = Subscription { all: body.all, hosts, ..old.clone().unwrap_or_default() };
    if !desk.timers.is_set(&Due::FeedSecond) {
        // Nobody was told for a while; what was gathered meanwhile is in the picture.
        desk.sessions.take_fresh(desk.now.mono);
        desk.timers.set(Due::FeedSecond, desk.now.mono.plus(FEED_SECOND));
    }
    let shift = desk.sessions.subscribe(session, Some(new.clone()));
    adjust_intervals(fleet, desk, &shift);
    match old {
        None => picture(fleet, desk, session, false),
        Some(old) => details(fleet, desk, session, &old, &new),
    }
}

/// A console is gone: nobody looks at what only it looked at.
pub(super) fn close(fleet: &Fleet, desk: &mut Desk, session: ConnectionId) {
    let shift = desk.sessions.close(session);
    adjust_intervals(fleet, desk, &shift);
}

/// Sends everything as it is now.
pub(super) fn picture(fleet: &Fleet, desk: &mut Desk, session: ConnectionId, after_overflow: bool) {
    // What waits for the second must not come behind a picture that has it.
    talk::second(desk);
    let Some(entry) = desk.sessions.session_mut(session) else {
        return;
    };
    let Some(subscription) = entry.subscription.as_mut() else {
        return;
    };
    subscription.pictures += 1;
    let (picture, wanted) = (subscription.pictures, subscription.clone());
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let at = desk.now.wall;
    let mut frames = vec![FeedFrame::Snapshot(FeedSnapshot {
        instance: desk.instance,
        at,
        hosts: count(fleet.len()),
        alerts: count(desk.book.all_open().count()),
        after_overflow,
    })];
    let hosts: Vec<&Host> = fleet.values().collect();
    frames.extend(fact_pages(&hosts, desk));
    frames.extend(summary_pages(&hosts, desk));
    frames.extend(value_pages(&hosts, desk));
    let detailed = hosts.iter().filter(|host| wanted.details(host.id()));
    frames.extend(detailed.map(|host| detail(host, desk)));
    frames.extend(desk.book.all_open().map(|(_, row)| {
        let event = FeedAlertEvent { at, previous: None, record: records::alert(row) };
        FeedFrame::Alert(Box::new(event))
    }));
    frames.push(FeedFrame::Operators(desk.sessions.operators(session)));
    frames.extend(talk::picture(desk));
    frames.extend(files::picture(desk));
    frames.push(FeedFrame::Complete(FeedComplete { picture }));
    for frame in frames {
        desk.after_commit(Effect::Feed { sessions: vec![session], frame });
    }
}

/// Sends the details of hosts that `new` has and `old` had not.
fn details(
    fleet: &Fleet,
    desk: &mut Desk,
    session: ConnectionId,
    old: &Subscription,
    new: &Subscription,
) {
    let added: Vec<&Host> = if new.all {
        fleet.values().filter(|host| !old.details(host.id())).collect()
    } else {
        let named = new.hosts.iter().filter(|id| !old.details(id));
        named.filter_map(|id| fleet.get(id)).collect()
    };
    for host in added {
        let frame = detail(host, desk);
        desk.after_commit(Effect::Feed { sessions: vec![session], frame });
    }
}

/// One second passed: what changed, then a tick.
pub(super) fn second(fleet: &Fleet, desk: &mut Desk) {
    talk::second(desk);
    files::second(desk);
    let sessions = desk.sessions.subscribed();
    let fresh = desk.sessions.take_fresh(desk.now.mono);
    if sessions.is_empty() {
        return;
    }
    desk.timers.set(Due::FeedSecond, desk.now.mono.plus(FEED_SECOND));
    for frame in news(fleet, desk, &fresh) {
        desk.at_once(Effect::Feed { sessions: sessions.clone(), frame });
    }
    for host in fresh.touched.iter().filter_map(|id| fleet.get(id)) {
        let sessions = desk.sessions.detailing(host.id());
        if !sessions.is_empty() {
            let frame = detail(host, desk);
            desk.at_once(Effect::Feed { sessions, frame });
        }
    }
    for session in sessions {
        if fresh.presence {
            let frame = FeedFrame::Operators(desk.sessions.operators(session));
            desk.at_once(Effect::Feed { sessions: vec![session], frame });
        }
        tick(desk, session);
    }
}

/// What all feeds are told alike. Who is gone comes first: a host may be back under its name.
fn news(fleet: &Fleet, desk: &Desk, fresh: &Fresh) -> Vec<FeedFrame> {
    let gone: Vec<String> = fresh.retired.iter().map(ToString::to_string).collect();
    let gone = gone
        .chunks(PAGE_RECORDS_MAX)
        .map(|page| FeedFrame::Summary(FeedSummary { hosts: Vec::new(), retired: page.to_vec() }));
    let known: Vec<&Host> = fresh.facts.iter().filter_map(|id| fleet.get(id)).collect();
    let touched: Vec<&Host> = fresh.touched.iter().filter_map(|id| fleet.get(id)).collect();
    let is_measured = |host: &&Host| host.metrics_at.is_some_and(|at| at >= fresh.since);
    let measured: Vec<&Host> = touched.iter().copied().filter(is_measured).collect();
    gone.chain(fact_pages(&known, desk))
        .chain(summary_pages(&touched, desk))
        .chain(value_pages(&measured, desk))
        .collect()
}

fn tick(desk: &mut Desk, session: ConnectionId) {
    let at = desk.now.wall;
    let entry = desk.sessions.session_mut(session);
    let Some(subscription) = entry.and_then(|entry| entry.subscription.as_mut()) else {
        return;
    };
    subscription.ticks += 1;
    // How late the loop is is known where it turns; it is put in when the frame is sent.
    let frame = FeedFrame::Tick(FeedTick { sequence: subscription.ticks, at, loop_lag_us: 0 });
    desk.at_once(Effect::Feed { sessions: vec![session], frame });
}

fn detail(host: &Host, desk: &Desk) -> FeedFrame {
    let record = records::host(host, &desk.book, &desk.settings, desk.now);
    FeedFrame::Detail(Box::new(FeedDetail { record }))
}

/// Labels can be large: these pages are cut by their bytes.
fn fact_pages(hosts: &[&Host], desk: &Desk) -> Vec<FeedFrame> {
    let facts = hosts.iter().map(|host| records::facts(host, &desk.settings)).collect();
    pages(facts).into_iter().map(|hosts| FeedFrame::Facts(FeedFacts { hosts })).collect()
}

fn summary_pages(hosts: &[&Host], desk: &Desk) -> Vec<FeedFrame> {
    let page = |page: &[&Host]| {
        let hosts = page.iter().map(|host| records::summary(host, &desk.book, desk.now)).collect();
        FeedFrame::Summary(FeedSummary { hosts, retired: Vec::new() })
    };
    hosts.chunks(PAGE_RECORDS_MAX).map(page).collect()
}

fn value_pages(hosts: &[&Host], desk: &Desk) -> Vec<FeedFrame> {
    let page = |page: &[&Host]| {
        let hosts = page.iter().map(|host| records::values(host, desk.now)).collect();
        FeedFrame::Values(FeedValues { hosts })
    };
    hosts.chunks(PAGE_RECORDS_MAX).map(page).collect()
}

/// Tells the agents whose watchers came or went how often to sample.
fn adjust_intervals(fleet: &Fleet, desk: &mut Desk, shift: &Shift) {
    for (id, is_watched) in desk.sessions.shifted(shift, fleet.keys()) {
        if let Some(host) = fleet.get::<HostId>(&id) {
            send_intervals(host, desk, is_watched);
        }
    }
}

/// Tells one agent how often to beat and to sample.
pub(super) fn send_intervals(host: &Host, desk: &mut Desk, is_watched: bool) {
    let intervals = intervals(&desk.settings, is_watched);
    for connection in host.link.iter().map(|link| link.connection) {
        desk.at_once(Effect::Intervals { connection, intervals });
    }
}
