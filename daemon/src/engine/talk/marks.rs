//! What consoles are told of messages: records, marks as they come, a picture of the newest. Changes
//! nothing but what is yet to be told.

use std::sync::Arc;

use systole_common::ids::HostId;
use systole_common::wire::limits::PAGE_RECORDS_MAX;
use systole_common::wire::talk::{FeedMarks, FeedMessage, MessageMarks, MessageRecord};

use super::super::desk::Desk;
use super::super::effect::FeedFrame;
use super::super::limits::{MARKS_AT_ONCE_HOSTS_MAX, MARKS_AT_ONCE_MAX, PICTURE_MARKS_MAX};
use super::super::state::MessageRow;
use super::entry::{Entry, Mark, Names};

/// Marks that feeds were not told yet.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    /// How many hosts have the message, and how many never will.
    counts: (u32, u32),
    names: Names,
}

/// A message that was just written, as its writer is answered.
pub(super) fn whole(desk: &Desk, row: &MessageRow) -> (MessageRecord, Vec<MessageMarks>) {
    let Some(entry) = desk.talk.entry(row.number) else {
        return (record_of(row, (0, 0, 0)), Vec::new());
    };
    let number = row.number;
    let pages = entry.names.as_ref().map(pages).unwrap_or_default().into_iter();
    let page = |(delivered_to, failed_to)| MessageMarks { number, delivered_to, failed_to };
    (record(entry), pages.map(page).collect())
}

/// Tells the feeds of a new message.
pub(super) fn tell_message(desk: &mut Desk, number: u64) {
    let Some(entry) = desk.talk.entry(number) else { return };
    let frames: Vec<FeedFrame> = frames(entry, true, usize::MAX).collect();
    for frame in frames {
        desk.event(|| frame);
    }
}

/// Tells the feeds how far a message came: at once, or with the next second if it is for many hosts or much
/// was told already.
pub(super) fn tell_marks(desk: &mut Desk, number: u64, mark: Mark, hosts: &[Arc<HostId>]) {
    if desk.sessions.subscribed().is_empty() {
        return;
    }
    let Some(entry) = desk.talk.entry(number) else { return };
    let counts = (entry.delivered, entry.failed);
    let is_for_few =
        usize::try_from(entry.targets()).unwrap_or(usize::MAX) <= MARKS_AT_ONCE_HOSTS_MAX;
    let fresh = desk.talk.fresh.entry(number).or_default();
    fresh.counts = counts;
    fresh.names.of(mark).extend_from_slice(hosts);
    if !is_for_few || desk.talk.told_at_once >= MARKS_AT_ONCE_MAX {
        return;
    }
    desk.talk.told_at_once += 1;
    if let Some(fresh) = desk.talk.fresh.remove(&number) {
        tell(desk, number, &fresh);
    }
}

/// One second passed, or a picture is made: what was gathered of marks is told.
pub(in crate::engine) fn second(desk: &mut Desk) {
    desk.talk.told_at_once = 0;
    for (number, fresh) in std::mem::take(&mut desk.talk.fresh) {
        tell(desk, number, &fresh);
    }
}

/// The newest messages with their marks, the newest last.
pub(in crate::engine) fn picture(desk: &Desk) -> Vec<FeedFrame> {
    let mut left = PICTURE_MARKS_MAX;
    let mut messages: Vec<(&Entry, usize)> = Vec::new();
    for entry in desk.talk.newest() {
        let names =
            entry.names.as_ref().map_or(0, |names| names.delivered.len() + names.failed.len());
        messages.push((entry, left));
        left = left.saturating_sub(names);
    }
    messages
        .into_iter()
        .rev()
        .flat_map(|(entry, names_max)| frames(entry, false, names_max))
        .collect()
}

/// A message, and its marks if it has any. Of more names than `names_max` only the counts are told.
fn frames(entry: &Entry, is_new: bool, names_max: usize) -> impl Iterator<Item = FeedFrame> {
    let message = FeedMessage { is_new, record: record(entry) };
    let (delivered, failed) = (entry.delivered, entry.failed);
    let names = entry.names.clone().unwrap_or_default();
    let is_marked = delivered > 0 || failed > 0;
    let is_too_long = names.delivered.len() + names.failed.len() > names_max;
    let names = if is_too_long { Names::default() } else { names };
    let marks = is_marked.then(|| marks(entry.row.number, (delivered, failed), &names));
    let marks = marks.into_iter().flatten().map(FeedFrame::Marks);
    std::iter::once(FeedFrame::Message(Box::new(message))).chain(marks)
}

fn tell(desk: &mut Desk, number: u64, fresh: &Fresh) {
    for frame in marks(number, fresh.counts, &fresh.names) {
        desk.event(|| FeedFrame::Marks(frame));
    }
}

/// Frames that add up to these names; one without any if there are none.
fn marks(number: u64, (delivered, failed): (u32, u32), names: &Names) -> Vec<FeedMarks> {
    let frame = |(delivered_to, failed_to)| FeedMarks {
        number,
        delivered,
        failed,
        delivered_to,
        failed_to,
    };
    let mut pages = pages(names);
    if pages.is_empty() {
        pages.push((Vec::new(), Vec::new()));
    }
    pages.into_iter().map(frame).collect()
}

/// Names of delivered and failed hosts, as many on a page as a frame takes.
fn pages(names: &Names) -> Vec<(Vec<String>, Vec<String>)> {
    let text = |hosts: &[Arc<HostId>]| hosts.iter().map(ToString::to_string).collect();
    let delivered = names.delivered.chunks(PAGE_RECORDS_MAX).map(|page| (text(page), Vec::new()));
    let failed = names.failed.chunks(PAGE_RECORDS_MAX).map(|page| (Vec::new(), text(page)));
    delivered.chain(failed).collect()
}

fn record(entry: &Entry) -> MessageRecord {
    record_of(&entry.row, (entry.targets(), entry.delivered, entry.failed))
}

fn record_of(row: &MessageRow, (targets, delivered, failed): (u32, u32, u32)) -> MessageRecord {
    MessageRecord {
        number: row.number,
        id: row.id.clone(),
        time: row.time,
        from: row.from.clone(),
        to: row.to.clone(),
        text: row.text.clone(),
        thread: row.thread.clone(),
        targets,
        delivered,
        failed,
    }
}
