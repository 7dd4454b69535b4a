//! The feed: its stream read into events, the pages of a host joined.

use std::sync::Arc;

use systole_common::net::framed::{FrameError, FrameReader};
use systole_common::wire::codec::{Body, WireError, decode};
use systole_common::wire::console::{HostSeries, Subscribe};
use systole_common::wire::feed::{
    FeedAlertEvent, FeedComplete, FeedDetail, FeedFacts, FeedHostEvent, FeedOperators,
    FeedSnapshot, FeedSummary, FeedTick, FeedValues,
};
use systole_common::wire::file::FeedFile;
use systole_common::wire::kind::Kind;
use systole_common::wire::talk::{FeedMarks, FeedMessage};

use super::clock;
use super::link::{Link, LinkError};
use crate::limits::HOST_PAGES_MAX;
use crate::model::host::Host;
use crate::msg::{FeedEvent, HostNews};

/// A feed that a daemon sends us.
#[derive(Debug)]
pub struct Feed {
    link: Arc<Link>,
    /// What it was opened with.
    subscribe: Subscribe,
    reader: FrameReader,
    /// A host whose pages are not all here yet, and how many came.
    part: Option<(HostNews, usize)>,
}

impl Feed {
    /// Subscribes: to the columns of all hosts, and to the details that `subscribe` says.
    pub async fn open(link: Arc<Link>, subscribe: Subscribe) -> Result<Self, LinkError> {
        link.ask(&subscribe).await?.done().await?;
        let reader = link.feed_stream().await?;
        Ok(Self { link, subscribe, reader, part: None })
    }

    /// The link that it comes on.
    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// What it was opened with.
    pub fn subscribed(&self) -> &Subscribe {
        &self.subscribe
    }

    /// The next event. May be cancelled: nothing is lost.
    pub async fn next(&mut self) -> Result<FeedEvent, LinkError> {
        loop {
            let frame = self.reader.read().await.map_err(|error| self.link.lost(error))?;
            let Some((kind, body)) = frame else {
                let expected = Kind::FeedTick.as_str();
                return Err(self.link.lost(FrameError::Ended { expected }));
            };
            if let Some(event) = self.event(kind, &body)? {
                return Ok(event);
            }
        }
    }

    fn event(&mut self, kind: Kind, body: &[u8]) -> Result<Option<FeedEvent>, LinkError> {
        if let Some((news, pages)) = self.part.take() {
            return self.join(news, pages, kind, body);
        }
        Ok(Some(match kind {
            Kind::FeedSnapshot => FeedEvent::Snapshot(self.decoded::<FeedSnapshot>(body)?),
            Kind::FeedComplete => {
                self.decoded::<FeedComplete>(body)?;
                FeedEvent::Complete
            }
            Kind::FeedSummary => FeedEvent::Summary(self.decoded::<FeedSummary>(body)?),
            Kind::FeedFacts => FeedEvent::Facts(self.decoded::<FeedFacts>(body)?),
            Kind::FeedValues => FeedEvent::Values(self.decoded::<FeedValues>(body)?),
            Kind::FeedOperators => FeedEvent::Operators(self.decoded::<FeedOperators>(body)?),
            Kind::FeedMessage => FeedEvent::Message(Box::new(self.decoded::<FeedMessage>(body)?)),
            Kind::FeedMarks => FeedEvent::Marks(self.decoded::<FeedMarks>(body)?),
            Kind::FeedFile => FeedEvent::File(Box::new(self.decoded::<FeedFile>(body)?)),
            Kind::FeedTick => FeedEvent::Tick(self.decoded::<FeedTick>(body)?),
            Kind::FeedAlertEvent => {
                let event: FeedAlertEvent = self.decoded(body)?;
                FeedEvent::Alert { at: event.at, record: Box::new(event.record) }
            }
            Kind::FeedDetail => {
                let detail: FeedDetail = self.decoded(body)?;
                let host = Host::new(detail.record, clock::now().mono);
                return Ok(self.whole(HostNews { at: None, retired: false, host }, 0));
            }
            Kind::FeedHostEvent => {
                let event: FeedHostEvent = self.decoded(body)?;
                let host = Host::new(event.record, clock::now().mono);
                let news = HostNews { at: Some(event.at), retired: event.retired, host };
                return Ok(self.whole(news, 0));
            }
            other => return Err(self.unexpected("feed", other)),
        }))
    }

    /// The next page of a host.
    fn join(
        &mut self,
        mut news: HostNews,
        pages: usize,
        kind: Kind,
        body: &[u8],
    ) -> Result<Option<FeedEvent>, LinkError> {
        let expected = Kind::HostSeries.as_str();
        if kind != Kind::HostSeries || pages >= HOST_PAGES_MAX {
            return Err(self.unexpected(expected, kind));
        }
        if !news.host.extend(self.decoded::<HostSeries>(body)?) {
            return Err(self.unexpected(expected, kind));
        }
        Ok(self.whole(news, pages + 1))
    }

    /// The event of a host, once all of its pages are here.
    fn whole(&mut self, news: HostNews, pages: usize) -> Option<FeedEvent> {
        if news.host.record.more {
            self.part = Some((news, pages));
            return None;
        }
        Some(FeedEvent::Host(Box::new(news)))
    }

    fn decoded<B: Body>(&self, body: &[u8]) -> Result<B, LinkError> {
        decode(body).map_err(|error| self.link.lost(error.into()))
    }

    fn unexpected(&self, expected: &'static str, found: Kind) -> LinkError {
        let fault = WireError::Kind { expected, found: found.as_str() };
        self.link.lost(fault.into())
    }
}
