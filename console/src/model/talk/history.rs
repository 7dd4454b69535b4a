//! How far back streams are here, what was found by its words, and for whom messages are.

use std::collections::BTreeSet;
use std::sync::Arc;

use systole_common::wire::talk::MessageRecord;

use super::here::Found;
use super::{Said, Stream, Talk, place_of};
use crate::limits::{MESSAGES_MAX, MESSAGES_OF_PLACE_MAX};

impl Talk {
    /// Whether no older messages of a place would stay here, and how many stay.
    pub fn is_full(&self, stream: Stream<'_>) -> Option<usize> {
        let of_place = match stream {
            Stream::All => 0,
            Stream::Of(place) => self.spots.get(place).map_or(0, |spot| spot.numbers.len()),
        };
        let found = self.found.as_ref().filter(|_| self.search.is_some());
        let found = found.map_or(0, |found| found.numbers.len());
        if self.search.is_some() {
            (found >= MESSAGES_OF_PLACE_MAX).then_some(MESSAGES_OF_PLACE_MAX)
        } else if of_place >= MESSAGES_OF_PLACE_MAX {
            Some(MESSAGES_OF_PLACE_MAX)
        } else {
            (self.len() >= MESSAGES_MAX).then_some(MESSAGES_MAX)
        }
    }

    /// The feed told of a message, new or in a picture.
    pub fn hear(&mut self, number: u64, is_new: bool) {
        self.here.hear(number, is_new);
    }

    /// The highest number that the feed told.
    pub fn heard(&self) -> u64 {
        self.here.heard()
    }

    /// The link is new, or the feed left something out.
    pub fn break_off(&mut self) {
        self.asked.clear();
        self.here.break_off();
    }

    /// The picture of the feed is whole.
    pub fn end_picture(&mut self) {
        if self.here.end_picture() {
            self.whole.clear();
        }
    }

    /// A page of a stream was answered, down to `oldest`; `None`: there is nothing more. To be called
    /// before its messages are taken.
    pub fn reach(&mut self, stream: &str, before: Option<u64>, oldest: Option<u64>) {
        if before.is_some_and(|before| !self.here.is_joined(stream, before)) {
            return;
        }
        self.here.reach(stream, before, oldest.unwrap_or(0));
        if oldest.is_none() {
            self.whole.insert(stream.to_owned());
        }
    }

    /// Takes what the daemon found by `words`: it is no history, and leaves with the search.
    pub fn find(&mut self, stream: &str, words: &str, records: Vec<MessageRecord>, is_all: bool) {
        if self.search.as_deref() != Some(words) {
            return;
        }
        if !self.found.as_ref().is_some_and(|found| found.is_for(stream, Some(words))) {
            self.forget_found();
        }
        let (stream, words) = (stream.to_owned(), words.to_owned());
        let from = u64::MAX;
        let found = Found { stream, words, from, numbers: BTreeSet::new() };
        let found = self.found.get_or_insert(found);
        let oldest = records.last().map_or(0, |record| record.number);
        found.from = found.from.min(if is_all { 0 } else { oldest });
        for record in records {
            let number = record.number;
            if let Some(known) = self.said.get_mut(&number) {
                known.record = record;
            } else if found.numbers.len() < MESSAGES_OF_PLACE_MAX {
                found.numbers.insert(number);
                self.said.insert(number, Said::new(record));
            }
        }
    }

    /// What was only found by its words leaves.
    pub fn forget_found(&mut self) {
        for number in self.found.take().into_iter().flat_map(|found| found.numbers) {
            self.said.remove(&number);
            self.cursor = self.cursor.filter(|cursor| *cursor != number);
        }
    }

    /// A new message is for all `hosts`.
    pub fn is_for_everyone(&mut self, number: u64, hosts: BTreeSet<String>) {
        // Many messages share one list.
        if *self.everyone != hosts {
            self.everyone = Arc::new(hosts);
        }
        if let Some(said) = self.said.get_mut(&number) {
            said.audience = Some(self.everyone.clone());
        }
    }

    /// A message is for these hosts and no others.
    pub fn is_for_these(&mut self, number: u64, hosts: Vec<String>) {
        if let Some(said) = self.said.get_mut(&number).filter(|_| !hosts.is_empty()) {
            said.audience = Some(Arc::new(hosts.into_iter().collect()));
        }
    }

    /// The daemon says that a message is for this host.
    pub fn is_for_host(&mut self, number: u64, host: &str) {
        if let Some(said) = self.said.get_mut(&number)
            && said.record.to != place_of(host)
        {
            said.meant_for.insert(host.to_owned());
        }
    }
}
