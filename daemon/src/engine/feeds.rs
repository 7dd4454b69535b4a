//! What subscribed consoles are sent: a picture, then changes merged to one a second, and ticks.

use systole_common::ids::{ConnectionId, HostId};
use systole_common::wire::console::Subscribe;
use systole_common::wire::feed::{
    FeedAlertEvent, FeedComplete, FeedDetail, FeedSnapshot, FeedSummary, FeedTick, HostSummary,
};
use systole_common::wire::limits::PAGE_RECORDS_MAX;

use super::desk::Desk;
use super::effect::{Effect, FeedFrame};
use super::host::{Host, intervals};
use super::limits::FEED_SECOND;
use super::sessions::Subscription;
use super::timers::Due;
use super::{Fleet, records};

/// An operator opens a feed, or changes what it details.
pub(super) fn subscribe(fleet: &Fleet, desk: &mut Desk, session: ConnectionId, body: &Subscribe) {
    let watched = watched(fleet, desk);
    let hosts = body.hosts.iter().filter_map(|name| name.parse().ok()).collect();
    let Some(entry) = desk.sessions.session_mut(session) else {
        return;
    };
    let old = entry.subscription.take().unwrap_or_default();
    entry.subscription = Some(Subscription { all: body.all, hosts, ..old });
    adjust_intervals(fleet, desk, &watched);
    picture(fleet, desk, session, false);
    desk.timers.set(Due::FeedSecond, desk.now.mono.plus(FEED_SECOND));
}

/// A console is gone: nobody looks at what only it looked at.
pub(super) fn close(fleet: &Fleet, desk: &mut Desk, session: ConnectionId) {
    let watched = watched(fleet, desk);
    desk.sessions.close(session);
    adjust_intervals(fleet, desk, &watched);
}

/// Sends everything as it is now.
pub(super) fn picture(fleet: &Fleet, desk: &mut Desk, session: ConnectionId, after_overflow: bool) {
    let Some(entry) = desk.sessions.session_mut(session) else {
        return;
    };
    let Some(subscription) = entry.subscription.as_mut() else {
        return;
    };
    subscription.pictures += 1;
    let (picture, details) = (subscription.pictures, subscription.clone());
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let at = desk.now.wall;
    let mut frames = vec![FeedFrame::Snapshot(FeedSnapshot {
        instance: desk.instance,
        at,
        hosts: count(fleet.len()),
        alerts: count(desk.book.all_open().count()),
        after_overflow,
    })];
    let summaries = fleet.values().map(|host| records::summary(host, &desk.book, desk.now));
    frames.extend(summary_pages(&summaries.collect::<Vec<_>>(), &[]));
    let detailed = fleet.values().filter(|host| details.details(host.id()));
    frames.extend(detailed.map(|host| detail(host, desk)));
    frames.extend(desk.book.all_open().map(|(_, row)| {
        let event = FeedAlertEvent { at, previous: None, record: records::alert(row) };
        FeedFrame::Alert(Box::new(event))
    }));
    frames.push(FeedFrame::Complete(FeedComplete { picture }));
    for frame in frames {
        desk.after_commit(Effect::Feed { sessions: vec![session], frame });
    }
}

/// One second passed: changed columns and details, then a tick.
pub(super) fn second(fleet: &Fleet, desk: &mut Desk) {
    let sessions = desk.sessions.subscribed();
    let (touched, retired) = desk.sessions.take_touched();
    if sessions.is_empty() {
        return;
    }
    desk.timers.set(Due::FeedSecond, desk.now.mono.plus(FEED_SECOND));
    let changed: Vec<&Host> = touched.iter().filter_map(|id| fleet.get(id)).collect();
    let summaries = changed.iter().map(|host| records::summary(host, &desk.book, desk.now));
    let gone: Vec<String> = retired.iter().map(ToString::to_string).collect();
    for frame in summary_pages(&summaries.collect::<Vec<_>>(), &gone) {
        desk.at_once(Effect::Feed { sessions: sessions.clone(), frame });
    }
    for host in changed {
        let sessions = desk.sessions.detailing(host.id());
        if !sessions.is_empty() {
            let frame = detail(host, desk);
            desk.at_once(Effect::Feed { sessions, frame });
        }
    }
    for session in sessions {
        tick(desk, session);
    }
}

fn tick(desk: &mut Desk, session: ConnectionId) {
    let at = desk.now.wall;
    let entry = desk.sessions.session_mut(session);
    let Some(subscription) = entry.and_then(|entry| entry.subscription.as_mut()) else {
        return;
    };
    subscription.ticks += 1;
    let frame = FeedFrame::Tick(FeedTick { sequence: subscription.ticks, at, loop_lag_us: 0 });
    desk.at_once(Effect::Feed { sessions: vec![session], frame });
}

fn detail(host: &Host, desk: &Desk) -> FeedFrame {
    let record = records::host(host, &desk.book, &desk.settings, desk.now);
    FeedFrame::Detail(Box::new(FeedDetail { record }))
}

fn summary_pages(hosts: &[HostSummary], retired: &[String]) -> Vec<FeedFrame> {
    let gone = retired
        .chunks(PAGE_RECORDS_MAX)
        .map(|page| FeedSummary { hosts: Vec::new(), retired: page.to_vec() });
    let pages = hosts
        .chunks(PAGE_RECORDS_MAX)
        .map(|page| FeedSummary { hosts: page.to_vec(), retired: Vec::new() });
    gone.chain(pages).map(FeedFrame::Summary).collect()
}

fn watched(fleet: &Fleet, desk: &Desk) -> Vec<HostId> {
    fleet.keys().filter(|id| desk.sessions.is_watched(id)).cloned().collect()
}

/// Tells the agents whose watchers came or went how often to sample.
fn adjust_intervals(fleet: &Fleet, desk: &mut Desk, before: &[HostId]) {
    for (id, host) in fleet {
        let is_watched = desk.sessions.is_watched(id);
        if before.binary_search(id).is_ok() != is_watched {
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
