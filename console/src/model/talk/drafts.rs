//! What was typed and not sent, and lines that came back to it.

use systole_common::wire::talk::MessageRecord;

use super::returned::{self, Returned};
use super::{Sending, Spot, Talk};
use crate::limits::LINES_UNCONFIRMED_MAX;

impl Talk {
    /// What was typed for a place and not sent.
    pub fn draft(&self, place: &str) -> &str {
        self.spots.get(place).map_or("", |spot| &spot.draft)
    }

    /// Keeps what was typed for a place.
    pub fn keep_draft(&mut self, place: &str, text: &str) {
        let is_left = |one: &Returned| one.to == place && !returned::has(text, &one.text);
        self.returned.retain(|one| !is_left(one));
        if text.is_empty() && !self.spots.contains_key(place) {
            return;
        }
        text.clone_into(&mut self.spot_mut(place).draft);
    }

    /// Whether of a draft's lines one may have been sent already.
    pub fn is_doubtful(&self, place: &str) -> bool {
        self.returned.iter().any(|one| one.to == place && one.sent_after.is_some())
    }

    /// A line came back. Returns those of its place that were typed before it.
    pub fn give_back(&mut self, line: Returned) -> Vec<String> {
        let is_earlier = |one: &&Returned| one.to == line.to && one.request < line.request;
        let earlier = self.returned.iter().filter(is_earlier).map(|one| one.text.clone()).collect();
        let at = self.returned.partition_point(|one| one.request < line.request);
        self.returned.insert(at, line);
        let surplus = self.returned.len().saturating_sub(LINES_UNCONFIRMED_MAX);
        self.returned.drain(..surplus);
        earlier
    }

    /// One's own message is here: the line that came back and is this message, if there is one.
    pub fn take_back(&mut self, record: &MessageRecord) -> Option<Returned> {
        let is_it = |one: &Returned| {
            one.sent_after.is_some_and(|after| record.number > after)
                && one.to == record.to
                && one.text == record.text
        };
        let at = self.returned.iter().position(is_it)?;
        Some(self.returned.remove(at))
    }

    /// Another daemon has messages of its own; drafts stay.
    pub fn start_over(&mut self) {
        let drafts = self.spots.iter().filter(|(_, spot)| !spot.draft.is_empty());
        let drafts = drafts.map(|(place, spot)| {
            (place.clone(), Spot { draft: spot.draft.clone(), ..Spot::default() })
        });
        let spots = drafts.collect();
        // What came of a line is not to be learned from numbers of another daemon.
        let doubt =
            |one: Returned| Returned { sent_after: one.sent_after.map(|_| u64::MAX), ..one };
        let returned = std::mem::take(&mut self.returned).into_iter().map(doubt).collect();
        let sending = std::mem::take(&mut self.sending).into_iter();
        let sending = sending.map(|one| Sending { after: u64::MAX, ..one }).collect();
        let (place, was_opened) = (self.place.clone(), self.was_opened);
        *self = Self { spots, place, sending, returned, was_opened, ..Self::default() };
    }
}
