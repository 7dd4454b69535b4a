//! What waits while the disk is full: changes, merged when they pile up, and the replies to them.

use std::collections::BTreeSet;

use systole_common::ids::{AlertId, HostId};

use crate::engine::effect::Effect;
use crate::engine::state::Change;
use crate::limits::{BACKLOG_APPENDED_MAX, BACKLOG_CHANGES_MAX, BACKLOG_REPLIES_MAX};

/// Changes and replies in their order.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    changes: Vec<Change>,
    replies: Vec<Effect>,
    lost: u64,
}

impl Backlog {
    /// Adds a batch. Replies wait for its changes; what does not promise anything is handed back.
    #[must_use]
    pub(super) fn take(&mut self, changes: Vec<Change>, effects: Vec<Effect>) -> Vec<Effect> {
        self.changes.extend(changes);
        if self.changes.len() > BACKLOG_CHANGES_MAX {
            self.merge();
        }
        let (replies, others) = effects.into_iter().partition(promises);
        self.replies.extend::<Vec<_>>(replies);
        // Requests time out after seconds, so the oldest have nobody waiting for them.
        let surplus = self.replies.len().saturating_sub(BACKLOG_REPLIES_MAX);
        self.replies.drain(..surplus);
        others
    }

    /// The changes that wait.
    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.replies.is_empty()
    }

    /// All is committed: the replies, and how many lines were lost in the meantime.
    #[must_use]
    pub(super) fn committed(&mut self) -> (Vec<Effect>, u64) {
        self.changes.clear();
        (std::mem::take(&mut self.replies), std::mem::take(&mut self.lost))
    }

    /// Keeps of each host and alert the last row, and of the trails the newest lines.
    fn merge(&mut self) {
        let mut seen = Seen::default();
        let mut kept: Vec<Change> =
            self.changes.drain(..).rev().filter_map(|change| seen.keep(change)).collect();
        kept.reverse();
        self.changes = kept;
        self.lost = self.lost.saturating_add(seen.lost);
    }
}

/// Whether an effect tells somebody that its change is written down.
fn promises(effect: &Effect) -> bool {
    match effect {
        Effect::Reply { .. } | Effect::CleanUp { .. } => true,
        Effect::Accept { .. }
        | Effect::Refuse { .. }
        | Effect::Close { .. }
        | Effect::Echo { .. }
        | Effect::Intervals { .. }
        | Effect::Receipt { .. }
        | Effect::Probe { .. }
        | Effect::Query { .. }
        | Effect::MetricsQuery { .. }
        | Effect::Feed { .. }
        | Effect::Log(_) => false,
    }
}

/// What was seen on the way from the newest change to the oldest.
#[derive(Default)]
struct Seen {
    hosts: BTreeSet<HostId>,
    retired: BTreeSet<HostId>,
    heard: BTreeSet<HostId>,
    alerts: BTreeSet<AlertId>,
    connections: usize,
    audits: usize,
    lost: u64,
}

impl Seen {
    fn keep(&mut self, change: Change) -> Option<Change> {
        let keep = match &change {
            Change::Host(row) => {
                !self.retired.contains(&row.host) && self.hosts.insert(row.host.clone())
            }
            Change::RetireHost(host) => self.retired.insert(host.clone()),
            Change::Heard(_) => return self.keep_heard(change),
            Change::Connection(host, _) => {
                !self.retired.contains(host) && self.keep_line(|seen| &mut seen.connections)
            }
            Change::Alert(row) => self.alerts.insert(row.id),
            Change::Audit(_) => self.keep_line(|seen| &mut seen.audits),
        };
        keep.then_some(change)
    }

    /// A time is superseded by a later time, a later row and a later end of its host.
    fn keep_heard(&mut self, change: Change) -> Option<Change> {
        let Change::Heard(mut times) = change else { return Some(change) };
        times.retain(|(host, _)| {
            let is_gone = self.retired.contains(host) || self.hosts.contains(host);
            !is_gone && self.heard.insert(host.clone())
        });
        (!times.is_empty()).then_some(Change::Heard(times))
    }

    fn keep_line(&mut self, counter: impl Fn(&mut Self) -> &mut usize) -> bool {
        let count = counter(self);
        *count += 1;
        let keep = *count <= BACKLOG_APPENDED_MAX;
        self.lost += u64::from(!keep);
        keep
    }
}
