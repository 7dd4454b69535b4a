//! How far back each stream of messages is here without a gap. A message of another place, or one that
//! was found by its words, is no history of the stream that it stands in.

use std::collections::{BTreeMap, BTreeSet};

/// The stream of all places.
const ALL_PLACES: &str = "";

/// From where on a stream is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Floor {
    /// The first number of it.
    from: u64,
    /// The link broke after this number: what was said since may be missing. `None`: nothing is.
    until: Option<u64>,
}

/// Which part of each stream is here.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Here {
    floors: BTreeMap<String, Floor>,
    /// The highest number that the feed told.
    heard: u64,
    /// The lowest number of the picture that comes.
    pictured: Option<u64>,
}

impl Here {
    /// The number from which on nothing of a stream is missing.
    pub(super) fn floor(&self, stream: &str) -> u64 {
        let all = self.floors.get(ALL_PLACES);
        let all_from = all.map_or(0, |floor| floor.from);
        let is_broken = all.is_some_and(|all| all.until.is_some());
        match self.floors.get(stream) {
            // Until the new picture is whole, everything stays as it was.
            Some(own) if own.until.is_none() || is_broken => {
                // What of others reached a host is known as far as that was asked for.
                let is_host = stream.starts_with('@');
                if is_host { own.from } else { own.from.min(all_from) }
            }
            Some(_) | None => all_from,
        }
    }

    /// The highest number that the feed told.
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    /// The feed told of a message.
    pub(super) fn hear(&mut self, number: u64, is_new: bool) {
        self.heard = self.heard.max(number);
        if !is_new {
            self.pictured = Some(self.pictured.map_or(number, |first| first.min(number)));
        }
    }

    /// The link is new: what was said without it is not here.
    pub(super) fn break_off(&mut self) {
        self.pictured = None;
        let heard = self.heard;
        for floor in self.floors.values_mut() {
            floor.until.get_or_insert(heard);
        }
    }

    /// The picture is whole: it has the newest messages of all places. Returns whether too much was said
    /// without a link for it to follow on what is here.
    pub(super) fn end_picture(&mut self) -> bool {
        let first = self.pictured.take();
        let reaches = |until: u64| first.is_none_or(|first| first <= until.saturating_add(1));
        for floor in self.floors.values_mut() {
            floor.until = floor.until.filter(|until| !reaches(*until));
        }
        let known = self.floors.get(ALL_PLACES).copied();
        if known.is_some_and(|all| all.until.is_none()) {
            return false;
        }
        let from = first.unwrap_or(0);
        self.floors.insert(ALL_PLACES.to_owned(), Floor { from, until: None });
        known.is_some()
    }

    /// A page of a stream came: the newest messages, or those `before` a number, down to `oldest`.
    pub(super) fn reach(&mut self, stream: &str, before: Option<u64>, oldest: u64) {
        let is_joined = before.is_none_or(|before| before >= self.floor(stream));
        if !is_joined {
            return;
        }
        let floor = self.floors.entry(stream.to_owned());
        let floor = floor.or_insert(Floor { from: oldest, until: None });
        let is_gap = floor.until.is_some_and(|until| oldest > until.saturating_add(1));
        floor.from = if is_gap { oldest } else { floor.from.min(oldest) };
        floor.until = None;
    }

    /// Whether a page before `number` would follow on what is here.
    pub(super) fn is_joined(&self, stream: &str, number: u64) -> bool {
        number >= self.floor(stream)
    }

    /// A message that was written to `place` is no longer here.
    pub(super) fn leave(&mut self, number: u64, place: &str) {
        let first = number.saturating_add(1);
        // By `#all` and filters it may have been in the chat of any host.
        let has = |stream: &str| {
            stream == ALL_PLACES
                || stream == place
                || (stream.starts_with('@') && !place.starts_with('@'))
        };
        for (_, floor) in self.floors.iter_mut().filter(|(stream, _)| has(stream)) {
            floor.from = floor.from.max(first);
        }
        let from = first.max(self.floors.get(ALL_PLACES).map_or(0, |floor| floor.from));
        self.floors.entry(ALL_PLACES.to_owned()).or_insert(Floor { from, until: None });
    }
}

/// What the daemon found by words, beside what is here anyway.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// The stream in which it was looked for.
    pub(super) stream: String,
    /// The words.
    pub(super) words: String,
    /// From this number on everything that was found is here.
    pub(super) from: u64,
    /// Messages that are here only because they were found.
    pub(super) numbers: BTreeSet<u64>,
}

impl Found {
    /// Whether it is what is looked for now.
    pub(super) fn is_for(&self, stream: &str, words: Option<&str>) -> bool {
        self.stream == stream && words == Some(self.words.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of these numbers.
    fn picture(here: &mut Here, numbers: std::ops::RangeInclusive<u64>) {
        for number in numbers {
            here.hear(number, false);
        }
        here.end_picture();
    }

    #[test]
    fn messages_of_other_places_are_no_history() {
        let mut here = Here::default();
        picture(&mut here, 400..=420);
        assert_eq!(here.floor("@web-3"), 400, "the newest of all places");
        here.reach("#all", None, 1);
        here.reach("@web-3", None, 150);
        assert_eq!((here.floor("@web-3"), here.floor("#all"), here.floor("")), (150, 1, 400));
        here.reach("@web-3", Some(149), 20);
        assert_eq!(here.floor("@web-3"), 150, "a page that does not follow says nothing");
        here.reach("@web-3", Some(150), 20);
        assert_eq!(here.floor("@web-3"), 20);
    }

    #[test]
    fn what_was_said_without_a_link_is_a_gap_until_it_was_asked_for() {
        let mut here = Here::default();
        picture(&mut here, 400..=420);
        here.reach("@web-3", None, 10);
        here.reach("#ops", None, 12);
        here.break_off();
        assert_eq!(here.floor("@web-3"), 10, "nothing moves before the new picture is whole");
        picture(&mut here, 900..=950);
        assert_eq!((here.floor(""), here.floor("@web-3")), (900, 900));
        here.reach("@web-3", None, 415);
        assert_eq!(here.floor("@web-3"), 10, "it closes the gap");
        here.reach("#ops", None, 700);
        assert_eq!(here.floor("#ops"), 700, "it does not");
        here.break_off();
        picture(&mut here, 951..=960);
        assert_eq!((here.floor(""), here.floor("@web-3")), (900, 10), "nothing was missed");
    }

    #[test]
    fn what_leaves_raises_the_floor() {
        let mut here = Here::default();
        picture(&mut here, 1..=9);
        here.reach("@web-3", None, 1);
        here.reach("#ops", None, 1);
        here.leave(4, "#all");
        assert_eq!((here.floor("@web-3"), here.floor("#ops"), here.floor("")), (5, 1, 5));
    }
}
