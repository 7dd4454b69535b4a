//! Messages: what operators, hosts and the daemon itself say, and who has it.
//!
//! | file | what it decides |
//! |---|---|
//! | `say` | what operators may write, and to whom it goes |
//! | `heard` | what hosts may write, once each |
//! | `deliver` | what is sent to a host when, and what its receipts say |
//! | `marks` | what consoles are told of it |
//! | `book`, `mailbox`, `entry` | what waits for whom |

mod book;
mod deliver;
mod entry;
mod heard;
mod mailbox;
mod marks;
mod say;

use std::sync::Arc;

use systole_common::ids::{ConnectionId, HostId};

use super::Fleet;
use super::desk::Desk;
use super::effect::Level;
use super::state::{Change, MessageRow};
use super::timers::Due;
use entry::{Draft, Mark};

pub(super) use book::Talk;
pub(super) use deliver::{gone, open, receipt, store_refusing};
pub(super) use heard::heard;
pub(super) use marks::{picture, second};
pub(super) use say::{query, say};

/// What [`note`] takes for the daemon itself.
const OWN_VOICES: [&str; 2] = ["policy", "daemon"];

/// A line in a host's chat about what was decided, such as on a file: from an operator, or from the daemon
/// itself for `policy`. It is delivered like any other message.
pub(super) fn note(
    fleet: &Fleet,
    desk: &mut Desk,
    host: &HostId,
    from: &str,
    thread: &str,
    text: String,
) {
    let is_own = OWN_VOICES.contains(&from);
    let from = if is_own { desk.daemon_name().to_owned() } else { from.to_owned() };
    let (time, thread) = (desk.now.wall, Some(thread.to_owned()));
    let draft = Draft { id: None, time, from, to: format!("@{host}"), text, thread };
    let hosts: Vec<HostId> = fleet.contains_key(host).then(|| host.clone()).into_iter().collect();
    write(desk, draft, &hosts);
}

/// Where a host's messages stream is open: on the newest of its connections that have one.
pub(super) fn connection(desk: &Desk, host: &HostId) -> Option<ConnectionId> {
    desk.talk.stream(host)
}

/// A host is known from now on.
pub(super) fn appear(desk: &mut Desk, host: &HostId) {
    desk.talk.appear(host);
}

/// A host is gone: what waits for it never arrives.
pub(super) fn retire(desk: &mut Desk, host: &HostId) {
    fail(desk, host, desk.talk.waiting_for(host));
    desk.talk.disappear(host);
}

/// Everything is loaded: nothing waits for hosts that are not known, and ages count.
pub(super) fn ready(desk: &mut Desk) {
    for host in std::mem::take(&mut desk.talk.strangers) {
        retire(desk, &host);
    }
    schedule(desk);
}

/// Other settings are in force.
pub(super) fn settings_changed(desk: &mut Desk) {
    let age = desk.settings.talk.waiting_age;
    if desk.talk.age != age {
        desk.talk.change_age(age, desk.now);
        schedule(desk);
    }
}

/// Messages that have waited for too long fail.
pub(super) fn grow_old(desk: &mut Desk) {
    while let Some((number, hosts)) = desk.talk.take_old(desk.now.mono) {
        let id = desk.talk.entry(number).map(|entry| entry.row.id.clone()).unwrap_or_default();
        let text = format!("{id}: {} hosts did not come for it in time", hosts.len());
        desk.log(Level::Warning, "message is too old to wait", None, None, text);
        settle(desk, number, &hosts, Mark::Failed);
        for host in &hosts {
            deliver::pump(desk, host);
        }
    }
    schedule(desk);
}

/// Writes a message down, tells the feeds, and sends it to those `hosts` that are there.
fn write(desk: &mut Desk, draft: Draft, hosts: &[HostId]) -> Arc<MessageRow> {
    let bounds = (desk.now.mono, desk.settings.talk.waiting_max);
    let (row, waiting, failed) = desk.talk.write(draft, hosts, bounds);
    desk.counters.add("messages");
    if !failed.is_empty() {
        let count = u64::try_from(failed.len()).unwrap_or(u64::MAX);
        desk.counters.add_many("messages_failed", count);
    }
    let change = Change::Message { row: Arc::clone(&row), waiting: waiting.clone(), failed };
    desk.change(change);
    marks::tell_message(desk, row.number);
    for host in &waiting {
        deliver::pump(desk, host);
    }
    schedule(desk);
    row
}

/// One message came as far as it gets for these hosts: written down, told to the feeds.
fn settle(desk: &mut Desk, number: u64, hosts: &[HostId], mark: Mark) {
    let settled = hosts.iter().filter_map(|host| desk.talk.settle(number, host, mark));
    let settled: Vec<Arc<HostId>> = settled.collect();
    if settled.is_empty() {
        return;
    }
    let owned = settled.iter().map(|host| HostId::clone(host)).collect();
    let count = u64::try_from(settled.len()).unwrap_or(u64::MAX);
    let change = match mark {
        Mark::Delivered => {
            desk.counters.add_many("messages_delivered", count);
            Change::Marks { number, delivered: owned, failed: Vec::new() }
        }
        Mark::Failed => {
            desk.counters.add_many("messages_failed", count);
            Change::Marks { number, delivered: Vec::new(), failed: owned }
        }
    };
    desk.change(change);
    marks::tell_marks(desk, number, mark, &settled);
    desk.talk.tidy(number);
}

/// These messages never reach the host.
fn fail(desk: &mut Desk, host: &HostId, numbers: Vec<u64>) {
    for number in numbers {
        settle(desk, number, std::slice::from_ref(host), Mark::Failed);
    }
}

fn schedule(desk: &mut Desk) {
    match desk.talk.next_old() {
        Some(at) => desk.timers.set(Due::MessagesOld, at),
        None => desk.timers.cancel(&Due::MessagesOld),
    }
}
