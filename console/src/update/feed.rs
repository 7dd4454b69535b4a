//! What the feed says is taken into the model: pictures, columns, hosts, who is attached.
//!
//! All text is made safe here, on its way in. Measured values show within a second, states at once,
//! and of a frozen screen only states.

use systole_common::time::Now;
use systole_common::wire::feed::{FeedOperators, FeedSummary};

use super::{alerts_in, files, freeze, link, order, talk};
use crate::cmd::Cmd;
use crate::model::fleet::Change;
use crate::model::presence::Presence;
use crate::model::{Dirty, Model, entry};
use crate::msg::{FeedEvent, HostNews};

pub(super) fn take(model: &mut Model, now: Now, event: FeedEvent) -> Vec<Cmd> {
    match event {
        FeedEvent::Snapshot(_) => {
            model.freshness.picture(now.mono);
            model.fleet.begin_picture();
            model.alerts.begin_picture();
            model.files.begin_picture();
            // It may follow on a feed that left things out.
            model.talk.break_off();
        }
        FeedEvent::Complete => complete(model, now),
        FeedEvent::Summary(page) => summary(model, now, page),
        FeedEvent::Facts(page) => {
            for facts in page.hosts {
                model.fleet.describe(entry::facts(facts));
            }
            changed(model, now, Change::Values);
        }
        FeedEvent::Values(page) => {
            for values in page.hosts {
                model.fleet.measure(entry::values(values), now.mono);
            }
            changed(model, now, Change::Values);
        }
        FeedEvent::Operators(attached) => operators(model, attached),
        FeedEvent::Host(news) => host(model, now, *news),
        FeedEvent::Alert { record, .. } => return alerts_in::take(model, now, *record),
        FeedEvent::Message(message) => talk::take(model, now, *message),
        FeedEvent::Marks(marks) => talk::mark(model, marks),
        FeedEvent::File(event) => files::take(model, now, *event),
        FeedEvent::Tick(_) => link::tick(model, now),
    }
    Vec::new()
}

/// The picture is whole: what it did not name is gone, without a blank moment before.
fn complete(model: &mut Model, now: Now) {
    model.freshness.complete();
    model.attention.has_picture = true;
    model.files.end_picture();
    model.talk.end_picture();
    let change = model.fleet.end_picture();
    if let Some(frozen) = model.frozen.as_mut() {
        frozen.fleet.follow_all(&model.fleet);
    }
    changed(model, now, change.max(Change::Values));
    order::hosts_changed(model, now);
    if model.alerts.end_picture(now.mono) > 0 {
        alerts_in::changed(model, now);
    }
}

fn summary(model: &mut Model, now: Now, page: FeedSummary) {
    let mut most = Change::Nothing;
    for summary in page.hosts {
        let summary = entry::summary(summary);
        let name = model.frozen.is_some().then(|| summary.host.clone());
        let change = model.fleet.summarise(summary, now.mono);
        if let Some(name) = name.filter(|_| change > Change::Values) {
            freeze::follow(model, &name);
        }
        most = most.max(change);
    }
    for mut name in page.retired {
        entry::text(&mut name);
        most = most.max(forget(model, &name));
    }
    changed(model, now, most);
}

fn host(model: &mut Model, now: Now, news: HostNews) {
    let host = entry::host(news.host);
    let name = host.record.host.clone();
    if news.retired {
        let change = forget(model, &name);
        return changed(model, now, change);
    }
    let is_open = model.host.as_ref().is_some_and(|view| view.host == name);
    let is_watched = is_open || model.attention.hosts.contains(&name);
    let change = model.fleet.detail(host, is_watched);
    if change > Change::Values {
        freeze::follow(model, &name);
    } else if is_open && freeze::fill(model, &name) {
        model.touch(Dirty::Data);
    }
    changed(model, now, change);
}

fn forget(model: &mut Model, name: &str) -> Change {
    let change = model.fleet.forget(name);
    if change > Change::Nothing {
        freeze::follow(model, name);
    }
    change
}

fn operators(model: &mut Model, attached: FeedOperators) {
    let FeedOperators { operators, own } = entry::operators(attached);
    let presence = Presence { operators, own };
    if presence != model.presence {
        model.presence = presence;
        if model.frozen.is_none() {
            model.touch(Dirty::Now);
        }
    }
}

/// Hosts changed so much.
fn changed(model: &mut Model, now: Now, change: Change) {
    match change {
        Change::Nothing => {}
        Change::Values => {
            if model.frozen.is_none() {
                model.list.has_new_values = true;
                model.touch(Dirty::Data);
            }
        }
        Change::State | Change::Members => {
            order::hosts_changed(model, now);
            model.touch(Dirty::Now);
        }
    }
}
