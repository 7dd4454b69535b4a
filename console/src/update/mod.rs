//! What each event makes of the model, and what the shell is to do about it.

use systole_common::time::Now;

use crate::cmd::Cmd;
use crate::model::Model;
use crate::msg::{FeedEvent, Key, Msg};

/// Takes `msg` at `now`.
pub fn update(model: &mut Model, now: Now, msg: Msg) -> Vec<Cmd> {
    match msg {
        Msg::Dialling { attempt } => {
            model.freshness.attempts = attempt;
            vec![Cmd::Paint]
        }
        Msg::Linked(peer) => {
            model.freshness.peer = Some(peer);
            model.freshness.trouble = None;
            vec![Cmd::Paint]
        }
        Msg::Unlinked { why } => {
            model.freshness.trouble = Some(why);
            model.freshness.rtt = None;
            vec![Cmd::Paint]
        }
        Msg::Feed(event) => feed(model, now, event),
        Msg::RoundTrip(micros) => {
            model.freshness.rtt = Some(std::time::Duration::from_micros(micros));
            Vec::new()
        }
        Msg::Key(Key::Leave) => vec![Cmd::Leave],
        Msg::Key(Key::Redraw) => vec![Cmd::Repaint],
    }
}

fn feed(model: &mut Model, now: Now, event: FeedEvent) -> Vec<Cmd> {
    match event {
        FeedEvent::Snapshot(_) => {
            model.fleet.begin_picture();
            model.alerts.begin_picture();
            // What is half sent is not painted: the old picture stays until the new one is whole.
            return Vec::new();
        }
        FeedEvent::Complete => {
            model.fleet.end_picture();
            model.alerts.end_picture();
            model.freshness.tick(now);
        }
        FeedEvent::Summary(summary) => {
            for host in summary.hosts {
                model.fleet.summarise(host, now.mono);
            }
            for name in summary.retired {
                model.fleet.forget(&name);
            }
            return Vec::new();
        }
        FeedEvent::Host(news) if news.retired => model.fleet.forget(&news.host.record.host),
        FeedEvent::Host(news) => {
            let changed = news.at.is_some();
            model.fleet.detail(news.host);
            if !changed {
                return Vec::new();
            }
        }
        FeedEvent::Alert { record, .. } => model.alerts.take(*record),
        FeedEvent::Tick(_) => model.freshness.tick(now),
    }
    vec![Cmd::Paint]
}

#[cfg(test)]
mod tests;
