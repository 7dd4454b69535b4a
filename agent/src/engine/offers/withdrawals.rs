//! Offers that daemons are to forget. Said again on the next connection if the one that carried it did
//! not live on for a while.

use std::collections::{BTreeMap, BTreeSet};

use systole_common::ids::DaemonName;
use systole_common::time::Mono;
use systole_common::wire::file::Withdraw;

use super::Effect;
use crate::engine::input::ConnectionId;
use crate::limits::{WITHDRAW_SETTLED, WITHDRAWALS_MAX};

#[derive(Debug)]
struct Withdrawal {
    reason: String,
    /// Whether the file can never be sent.
    has_failed: bool,
    sent: Option<(ConnectionId, Mono)>,
}

/// See the module's words.
#[derive(Debug, Default)]
pub(super) struct Withdrawals(BTreeMap<(DaemonName, u64), Withdrawal>);

impl Withdrawals {
    /// Has the daemon forget an offer. Beyond the bound the oldest offer is left to expire.
    pub(super) fn add(&mut self, daemon: DaemonName, sequence: u64, reason: &str) {
        self.end(daemon, sequence, (reason, false));
    }

    /// Has the daemon end an offer whose file can never be sent.
    pub(super) fn fail(&mut self, daemon: DaemonName, sequence: u64, reason: &str) {
        self.end(daemon, sequence, (reason, true));
    }

    fn end(&mut self, daemon: DaemonName, sequence: u64, (reason, has_failed): (&str, bool)) {
        if self.0.len() >= WITHDRAWALS_MAX
            && let Some(oldest) = self.0.keys().min_by_key(|(_, sequence)| *sequence).cloned()
        {
            self.0.remove(&oldest);
        }
        let fresh = || Withdrawal { reason: reason.to_owned(), has_failed, sent: None };
        self.0.entry((daemon, sequence)).or_insert_with(fresh);
    }

    /// Whether any daemon is to forget it.
    pub(super) fn has(&self, sequence: u64) -> bool {
        self.0.keys().any(|(_, withdrawn)| *withdrawn == sequence)
    }

    /// Whether this daemon is to forget it.
    pub(super) fn is_for(&self, daemon: &DaemonName, sequence: u64) -> bool {
        self.0.contains_key(&(daemon.clone(), sequence))
    }

    /// The daemon says that it is over.
    pub(super) fn settled(&mut self, daemon: &DaemonName, sequence: u64) {
        self.0.remove(&(daemon.clone(), sequence));
    }

    pub(super) fn follow(&mut self, daemons: &[DaemonName]) {
        self.0.retain(|(daemon, _), _| daemons.contains(daemon));
    }

    /// Sends what was not sent on the present connections, forgets what is surely known.
    pub(super) fn settle(
        &mut self,
        now: Mono,
        mains: &BTreeMap<DaemonName, ConnectionId>,
        effects: &mut Vec<Effect>,
    ) {
        self.0.retain(|(daemon, sequence), one| {
            let Some(main) = mains.get(daemon) else { return true };
            match one.sent {
                Some((connection, at)) if connection == *main => now < at.plus(WITHDRAW_SETTLED),
                Some(_) | None => {
                    one.sent = Some((*main, now));
                    let (daemon, connection) = (daemon.clone(), *main);
                    let (reason, has_failed) = (one.reason.clone(), one.has_failed);
                    let withdraw = Withdraw { sequence: *sequence, reason, has_failed };
                    effects.push(Effect::Withdraw { daemon, connection, withdraw });
                    true
                }
            }
        });
    }

    pub(super) fn next_deadline(&self, mains: &BTreeMap<DaemonName, ConnectionId>) -> Option<Mono> {
        let connected = self.0.iter().filter(|((daemon, _), _)| mains.contains_key(daemon));
        connected.filter_map(|(_, one)| Some(one.sent?.1.plus(WITHDRAW_SETTLED))).min()
    }
}

/// Makes room for one more.
pub(super) fn bounded(unclaimed: &mut BTreeSet<(DaemonName, u64)>) {
    if unclaimed.len() >= WITHDRAWALS_MAX {
        unclaimed.pop_first();
    }
}
