//! `systole chat [PLACE] [--since] [--search] [--follow]`: what was said, the oldest first.

mod follow;

use systole_common::model::message::Place;
use systole_common::time::UnixMs;
use systole_common::wire::console::HostsQuery;
use systole_common::wire::limits::REASON_BYTES_MAX;
use systole_common::wire::talk::{MessageMarks, MessageRecord, MessagesQuery};

use super::{say, talk};
use crate::cli::{ChatArgs, Common};
use crate::error::ConsoleError;
use crate::json::MessageJson;
use crate::limits::{CHAT_ASKED, CHAT_SHOWN, CHAT_SHOWN_MAX};
use crate::shell::link::{Link, LinkError};
use crate::shell::{clock, output};
use crate::tables::line::Line;
use crate::tables::messages;

/// A message with its marks.
type Said = (MessageRecord, Vec<MessageMarks>);

pub(super) async fn run(common: &Common, args: &ChatArgs) -> Result<(), ConsoleError> {
    let wanted = Wanted::new(args)?;
    if args.follow {
        return follow::run(common, &wanted).await;
    }
    let said = talk(common, async |link| Ok(wanted.history(link).await?)).await?;
    if common.json {
        let said: Vec<MessageJson> =
            said.iter().map(|(record, marks)| MessageJson::new(record, marks)).collect();
        return output::json(&said).map_err(ConsoleError::Output);
    }
    if said.is_empty() {
        return say(wanted.nothing());
    }
    print(&said)
}

/// Prints messages for people.
fn print(said: &[Said]) -> Result<(), ConsoleError> {
    let now = clock::now().wall;
    let lines: Vec<Line> =
        said.iter().flat_map(|(record, _)| messages::lines(record, now)).collect();
    output::lines(&lines).map_err(ConsoleError::Output)
}

/// Which messages are asked for.
#[derive(Debug, Clone)]
struct Wanted {
    place: Option<String>,
    since: Option<UnixMs>,
    words: String,
    count_max: u32,
}

impl Wanted {
    fn new(args: &ChatArgs) -> Result<Self, ConsoleError> {
        let place = args.place.as_deref().map(Place::parse).transpose()?;
        let words = args.search.clone().unwrap_or_default();
        if words.len() > REASON_BYTES_MAX {
            return Err(ConsoleError::Usage("the words to look for are longer than 512 bytes"));
        }
        let since = args.since.map(|since| since.at(clock::now().wall, &clock::zone()));
        let is_narrow = since.is_some() || !words.is_empty();
        Ok(Self {
            place: place.map(|place| place.to_string()),
            since,
            words,
            count_max: if is_narrow { CHAT_SHOWN_MAX } else { CHAT_SHOWN },
        })
    }

    /// What was said so far, the oldest first.
    async fn history(&self, link: &Link) -> Result<Vec<Said>, LinkError> {
        let said = self.page(link, self.since, 0, self.count_max).await?;
        let host = self.place.as_ref().and_then(|place| place.strip_prefix('@'));
        if let (true, Some(host)) = (said.is_empty(), host) {
            // An unknown name is a mistake, not a quiet place.
            link.ask(&HostsQuery { hosts: vec![host.to_owned()] }).await?.hosts().await?;
        }
        Ok(said)
    }

    /// What was said after `since` and after the message `above`, the oldest first; of more than
    /// `count_max` the newest.
    async fn page(
        &self,
        link: &Link,
        since: Option<UnixMs>,
        above: u64,
        count_max: u32,
    ) -> Result<Vec<Said>, LinkError> {
        let mut said: Vec<Said> = Vec::new();
        let most = usize::try_from(count_max).unwrap_or(usize::MAX);
        let mut before = None;
        // What is above a known message is a few.
        let asked = if above > 0 { CHAT_ASKED } else { CHAT_SHOWN_MAX };
        while said.len() < most {
            let query = MessagesQuery {
                place: self.place.clone(),
                since,
                before,
                words: self.words.clone(),
                count_max: u32::try_from(most - said.len()).unwrap_or(u32::MAX).min(asked),
            };
            // A daemon may answer with fewer than asked for, if they have many marks.
            let page = link.ask(&query).await?.messages().await?;
            let last = page.last().map(|(record, _)| record.number);
            said.extend(page.into_iter().filter(|(record, _)| record.number > above));
            // Numbers only fall, or this would never end.
            let is_further = last.is_some_and(|last| before.is_none_or(|before| last < before));
            if !is_further || last.is_none_or(|last| last <= above.saturating_add(1)) {
                break;
            }
            before = last;
        }
        said.reverse();
        Ok(said)
    }

    fn nothing(&self) -> &'static str {
        let is_narrowed = self.place.is_some() || self.since.is_some() || !self.words.is_empty();
        if is_narrowed {
            "nothing like that was said; `systole chat` shows the newest messages"
        } else {
            "nothing was said yet; systole say '#all' TEXT begins"
        }
    }
}
