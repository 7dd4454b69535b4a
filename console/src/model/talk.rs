//! What was said: messages by number, the places they were written to, what is unread, drafts.
//!
//! A place is written as on the wire: `#all`, `#ops`, `@host`, `{filter}`. Everything here is bounded;
//! of too many messages the oldest leave.

mod drafts;
mod here;
mod history;
pub mod returned;
mod said;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use systole_common::time::UnixMs;
use systole_common::wire::talk::{FeedMarks, MessageMarks, MessageRecord};

use self::here::{Found, Here};
use self::returned::Returned;
pub use self::said::{Said, Tick};
use super::requests::RequestId;
use crate::limits::{MESSAGES_MAX, MESSAGES_OF_PLACE_MAX, PLACES_MAX};

/// Every host and every operator.
pub const ALL: &str = "#all";
/// Operators.
pub const OPS: &str = "#ops";

/// The place of one host.
pub fn place_of(host: &str) -> String {
    format!("@{host}")
}

/// Which messages are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream<'a> {
    /// All that was said anywhere.
    All,
    /// What was said in one place; of a host also what was meant for it by another.
    Of(&'a str),
}

impl Stream<'_> {
    /// The place to ask the daemon for.
    pub fn place(self) -> Option<String> {
        match self {
            Self::All => None,
            Self::Of(place) => Some(place.to_owned()),
        }
    }

    /// Its name among those that were asked for.
    pub fn key(self) -> String {
        self.place().unwrap_or_default()
    }

    fn has(self, said: &Said) -> bool {
        let Self::Of(place) = self else { return true };
        said.record.to == place || place.strip_prefix('@').is_some_and(|host| said.is_for(host))
    }
}

/// A place, as far as something of it is known here.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spot {
    /// Messages that were written to it.
    numbers: BTreeSet<u64>,
    /// Those that nobody read here.
    unread: BTreeSet<u64>,
    /// The first one that was unread when it was opened: the rule is above it.
    pub rule: Option<u64>,
    /// Somebody set it unread; looking at it does not change that.
    is_kept_unread: bool,
    /// What was typed and not sent.
    pub draft: String,
}

impl Spot {
    /// How many messages nobody read here.
    pub fn unread(&self) -> usize {
        self.unread.len()
    }

    fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.draft.is_empty()
    }
}

/// A line that was sent and is not confirmed yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Sending {
    /// The question that it is.
    pub request: RequestId,
    /// Where to.
    pub to: String,
    /// What.
    pub text: String,
    /// To which hosts, where it names them.
    pub hosts: Vec<String>,
    /// When it was typed.
    pub at: UnixMs,
    /// The highest number that was known then: its own will be higher.
    pub after: u64,
    /// The number that it has, once the feed brought it.
    pub is_here: Option<u64>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Talk {
    said: BTreeMap<u64, Said>,
    spots: BTreeMap<String, Spot>,
    /// Where lines are written to, and what the chat view shows.
    pub place: String,
    /// The message that the cursor is on; `None`: the newest one, whichever that is.
    pub cursor: Option<u64>,
    /// Only messages with these words are shown.
    pub search: Option<String>,
    /// Lines that are on their way, the newest last.
    pub sending: Vec<Sending>,
    /// Streams that were asked for since the link stands.
    pub asked: BTreeSet<String>,
    /// Streams whose first message is here.
    pub whole: BTreeSet<String>,
    /// Lines that were sent and came back, as long as they stand where they were put.
    pub returned: Vec<Returned>,
    /// Somebody opened the chat view already.
    pub was_opened: bool,
    here: Here,
    found: Option<Found>,
    /// All known hosts, as they were when a message to all came.
    everyone: Arc<BTreeSet<String>>,
    /// The place that was on the screen last.
    shown: Option<String>,
}

impl Default for Talk {
    fn default() -> Self {
        Self {
            said: BTreeMap::new(),
            spots: BTreeMap::new(),
            place: ALL.to_owned(),
            cursor: None,
            search: None,
            sending: Vec::new(),
            asked: BTreeSet::new(),
            whole: BTreeSet::new(),
            returned: Vec::new(),
            was_opened: false,
            here: Here::default(),
            found: None,
            everyone: Arc::default(),
            shown: None,
        }
    }
}

impl Talk {
    /// The messages of a stream that the search leaves, the oldest first: as far back as none is missing.
    pub fn stream<'a>(
        &'a self,
        stream: Stream<'a>,
    ) -> impl DoubleEndedIterator<Item = &'a Said> + 'a {
        let words = self.search.as_deref().unwrap_or_default();
        let key = stream.key();
        let is_sought = |found: &&Found| found.is_for(&key, self.search.as_deref());
        let found = self.found.as_ref().filter(is_sought);
        let floor = self.here.floor(&key);
        let floor = found.map_or(floor, |found| floor.min(found.from));
        let hidden = if found.is_some() { None } else { self.found.as_ref() };
        let is_here = move |said: &&Said| {
            !hidden.is_some_and(|found| found.numbers.contains(&said.record.number))
                && stream.has(said)
                && said.has_words(words)
        };
        self.said.range(floor..).map(|(_, said)| said).filter(is_here)
    }

    /// A message by its number.
    pub fn get(&self, number: u64) -> Option<&Said> {
        self.said.get(&number)
    }

    /// What is known of a place.
    pub fn spot(&self, place: &str) -> Option<&Spot> {
        self.spots.get(place)
    }

    /// How many messages are here, without those that were only found by their words.
    pub fn len(&self) -> usize {
        self.said.len() - self.found.as_ref().map_or(0, |found| found.numbers.len())
    }

    /// Whether none is here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every place with something in it, `#all` and `#ops` first.
    pub fn places(&self) -> Vec<&str> {
        let others = self.spots.keys().map(String::as_str).filter(|one| ![ALL, OPS].contains(one));
        let mut places: Vec<&str> = [ALL, OPS].into_iter().chain(others).collect();
        if !places.contains(&self.place.as_str()) {
            places.push(&self.place);
        }
        places
    }

    /// Places with unread messages and how many, the one that spoke last first.
    pub fn hotlist(&self) -> Vec<(&str, usize)> {
        let unread = self.spots.iter().filter(|(_, spot)| !spot.unread.is_empty());
        let mut hot: Vec<_> = unread.collect();
        hot.sort_by_key(|(_, spot)| std::cmp::Reverse(spot.unread.last().copied()));
        hot.into_iter().map(|(place, spot)| (place.as_str(), spot.unread.len())).collect()
    }

    /// How many messages nobody read here.
    pub fn unread(&self) -> usize {
        self.spots.values().map(Spot::unread).sum()
    }

    /// The newest message that nobody read here.
    pub fn newest_unread(&self) -> Option<&Said> {
        let newest = self.spots.values().filter_map(|spot| spot.unread.last()).max()?;
        self.said.get(newest)
    }

    /// The newest message that a host's chat has of anybody, without what only tells of decisions.
    pub fn newest_of(&self, host: &str) -> Option<&Said> {
        let place = place_of(host);
        let numbers = self.spots.get(&place)?.numbers.iter().rev();
        numbers.filter_map(|number| self.said.get(number)).find(|said| !said.is_trail())
    }

    /// Takes a message. `is_unread`: nobody saw it yet, if it is new here. Returns whether it is.
    pub fn take(&mut self, record: MessageRecord, is_unread: bool) -> bool {
        let number = record.number;
        let was_found = self.found.as_mut().is_some_and(|found| found.numbers.remove(&number));
        if let Some(known) = self.said.get_mut(&number) {
            known.record = record;
            if was_found {
                let place = known.record.to.clone();
                self.spot_mut(&place).numbers.insert(number);
            }
            return false;
        }
        let is_unread = is_unread && !self.is_looked_at(&record.to);
        let spot = self.spot_mut(&record.to);
        spot.numbers.insert(number);
        if is_unread {
            spot.unread.insert(number);
            spot.rule.get_or_insert(number);
        }
        let surplus = (spot.numbers.len() > MESSAGES_OF_PLACE_MAX).then(|| spot.numbers.first());
        let surplus = surplus.flatten().copied();
        self.said.insert(number, Said::new(record));
        let is_found =
            |number: &u64| self.found.as_ref().is_some_and(|found| found.numbers.contains(number));
        let is_full = self.len() > MESSAGES_MAX;
        let all = is_full.then(|| self.said.keys().find(|number| !is_found(number))).flatten();
        if let Some(oldest) = surplus.or(all.copied()) {
            self.forget(oldest);
        }
        true
    }

    /// Whether its newest messages are read as they come.
    fn is_looked_at(&self, place: &str) -> bool {
        let is_kept = self.spots.get(place).is_some_and(|spot| spot.is_kept_unread);
        self.shown.as_deref() == Some(place) && self.cursor.is_none() && !is_kept
    }

    /// A message came further.
    pub fn mark(&mut self, marks: FeedMarks) {
        if let Some(said) = self.said.get_mut(&marks.number) {
            (said.record.delivered, said.record.failed) = (marks.delivered, marks.failed);
            said.delivered_to.extend(marks.delivered_to);
            said.failed_to.extend(marks.failed_to);
        }
    }

    /// Who has a message, as it was answered.
    pub fn name(&mut self, marks: MessageMarks) {
        if let Some(said) = self.said.get_mut(&marks.number) {
            said.delivered_to.extend(marks.delivered_to);
            said.failed_to.extend(marks.failed_to);
        }
    }

    /// Goes to a place.
    pub fn go_to(&mut self, place: &str) {
        if self.place != place {
            place.clone_into(&mut self.place);
            self.forget_found();
            (self.cursor, self.search) = (None, None);
        }
    }

    /// Takes note of the place that is on the screen, `None` where no chat has the keys: its messages
    /// are read, and those of the one before have no rule any more.
    pub fn look(&mut self, shown: Option<&str>) {
        if self.shown.as_deref() != shown {
            let left = self.shown.take().and_then(|left| self.spots.get_mut(&left));
            if let Some(left) = left {
                left.rule = left.unread.first().copied();
            }
            self.shown = shown.map(str::to_owned);
            self.cursor = None;
            if let Some(spot) = shown.and_then(|place| self.spots.get_mut(place)) {
                spot.is_kept_unread = false;
            }
        }
        if self.cursor.is_none()
            && let Some(spot) = shown.and_then(|place| self.spots.get_mut(place))
            && !spot.is_kept_unread
        {
            spot.unread.clear();
        }
    }

    /// Sets everything from a message on unread again, until its place is left and opened anew.
    pub fn set_unread(&mut self, number: u64) {
        let Some(place) = self.said.get(&number).map(|said| said.record.to.clone()) else { return };
        let spot = self.spot_mut(&place);
        spot.unread = spot.numbers.range(number..).copied().collect();
        (spot.rule, spot.is_kept_unread) = (Some(number), true);
    }

    /// Somebody answers in a place: it is read.
    pub fn read(&mut self, place: &str) {
        if let Some(spot) = self.spots.get_mut(place) {
            spot.unread.clear();
            (spot.rule, spot.is_kept_unread) = (None, false);
        }
    }

    fn spot_mut(&mut self, place: &str) -> &mut Spot {
        if self.spots.len() >= PLACES_MAX && !self.spots.contains_key(place) {
            self.spots.retain(|_, spot| !spot.is_empty());
        }
        self.spots.entry(place.to_owned()).or_default()
    }

    fn forget(&mut self, number: u64) {
        let Some(said) = self.said.remove(&number) else { return };
        if let Some(spot) = self.spots.get_mut(&said.record.to) {
            spot.numbers.remove(&number);
            spot.unread.remove(&number);
            spot.rule = spot.rule.filter(|rule| *rule != number);
        }
        self.cursor = self.cursor.filter(|cursor| *cursor != number);
        // What lies before is no longer all here.
        self.here.leave(number, &said.record.to);
        self.whole.clear();
    }
}

#[cfg(test)]
mod tests;
