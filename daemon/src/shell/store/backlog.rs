//! What waits while the disk is full: changes, merged when they pile up, and the replies to them.

use std::collections::BTreeSet;

use systole_common::ids::{AlertId, HostId, SpoolEpoch};
use systole_common::model::coded::{Coded, Growing};
use systole_common::wire::control::SequenceKind;
use systole_common::wire::hello::CloseCode;

use crate::engine::effect::Effect;
use crate::engine::state::Change;
use crate::limits::{
    BACKLOG_APPENDED_MAX, BACKLOG_CHANGES_MAX, BACKLOG_EFFECTS_MAX, BACKLOG_REPLIES_MAX,
};

/// Changes and replies in their order.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    changes: Vec<Change>,
    /// What waits, with the number of replies among it.
    waiting: Vec<Effect>,
    replies: usize,
    /// Changes that the last merge left.
    merged: usize,
    lost: u64,
}

impl Backlog {
    /// Adds a batch. Replies wait for its changes, and what hosts are told for all that came before; what
    /// promises nothing is handed back.
    #[must_use]
    pub(super) fn take(&mut self, changes: Vec<Change>, effects: Vec<Effect>) -> Vec<Effect> {
        let is_question = changes.is_empty();
        self.changes.extend(changes);
        if self.changes.len() > self.merged.saturating_add(BACKLOG_CHANGES_MAX) {
            self.merge();
        }
        let mut others = Vec::new();
        for effect in effects {
            if !promises(&effect) || (is_question && is_reply(&effect)) {
                others.push(effect);
            } else if self.waiting.len() < BACKLOG_EFFECTS_MAX {
                self.replies += usize::from(is_reply(&effect));
                self.waiting.push(effect);
            } else {
                others.extend(instead(&effect));
            }
        }
        self.drop_old_replies();
        others
    }

    /// Requests time out after seconds, so the oldest have nobody waiting for them. Nothing else goes.
    fn drop_old_replies(&mut self) {
        // Not one by one: each time costs a look at everything.
        if self.replies <= 2 * BACKLOG_REPLIES_MAX {
            return;
        }
        let mut surplus = self.replies.saturating_sub(BACKLOG_REPLIES_MAX);
        self.waiting.retain(|effect| {
            let goes = surplus > 0 && is_reply(effect);
            surplus -= usize::from(goes);
            !goes
        });
        self.replies = self.replies.min(BACKLOG_REPLIES_MAX);
    }

    /// The changes that wait.
    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.waiting.is_empty()
    }

    /// All is committed: what waited for it, and how many lines were lost in the meantime.
    #[must_use]
    pub(super) fn committed(&mut self) -> (Vec<Effect>, u64) {
        self.changes.clear();
        self.merged = 0;
        self.replies = 0;
        (std::mem::take(&mut self.waiting), std::mem::take(&mut self.lost))
    }

    /// Keeps of each host, alert, file and sequence the last row, of the trails the newest lines, and all
    /// that was said.
    fn merge(&mut self) {
        let mut seen = Seen::default();
        let mut kept: Vec<Change> =
            self.changes.drain(..).rev().filter_map(|change| seen.keep(change)).collect();
        kept.reverse();
        self.merged = kept.len();
        self.changes = kept;
        self.lost = self.lost.saturating_add(seen.lost);
    }
}

/// Whether an effect tells somebody that its change is written down, or does what may only be done then.
fn promises(effect: &Effect) -> bool {
    match effect {
        Effect::Reply { .. }
        | Effect::Fetch { .. }
        | Effect::CleanUp { .. }
        | Effect::Deliver { .. }
        | Effect::Decide { .. }
        | Effect::Transfer { .. }
        | Effect::Place { .. }
        | Effect::TransferOver { .. }
        | Effect::Discard { .. } => true,
        // What is known of samples is in the metric store.
        Effect::Receipt { receipt, .. } => receipt.kind != Growing::Known(SequenceKind::Samples),
        Effect::Accept { .. }
        | Effect::Refuse { .. }
        | Effect::Close { .. }
        | Effect::Echo { .. }
        | Effect::Intervals { .. }
        | Effect::Reserve { .. }
        | Effect::KeepPartials(_)
        | Effect::FindPlaced(_)
        | Effect::Probe { .. }
        | Effect::Query { .. }
        | Effect::MetricsQuery { .. }
        | Effect::Feed { .. }
        | Effect::Log(_) => false,
    }
}

/// Whether somebody waits for it with a time-out.
fn is_reply(effect: &Effect) -> bool {
    matches!(effect, Effect::Reply { .. } | Effect::Fetch { .. } | Effect::CleanUp { .. })
}

/// What is done at once in the place of an effect that finds no room: a connection that would miss one of
/// several ends, and on the next one everything is said again.
fn instead(effect: &Effect) -> Option<Effect> {
    let (Effect::Deliver { connection, .. }
    | Effect::Decide { connection, .. }
    | Effect::Receipt { connection, .. }) = effect
    else {
        return None;
    };
    let reason = "this daemon cannot write to its disk; what was sent is kept".to_owned();
    Some(Effect::Close { connection: *connection, code: CloseCode::Overload, reason })
}

/// What was seen on the way from the newest change to the oldest.
#[derive(Default)]
struct Seen {
    hosts: BTreeSet<HostId>,
    retired: BTreeSet<HostId>,
    heard: BTreeSet<HostId>,
    alerts: BTreeSet<AlertId>,
    received: BTreeSet<(HostId, u16, SpoolEpoch)>,
    files: BTreeSet<u64>,
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
            // What was said is bounded where it is said.
            Change::Message { .. } | Change::Marks { .. } => true,
            Change::Received { host, kind, epoch, .. } => {
                self.received.insert((host.clone(), kind.code(), *epoch))
            }
            Change::File(row) => self.files.insert(row.id),
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
