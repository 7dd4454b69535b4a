//! Replies: frames until `Done` or `Refused`, joined into what was asked for, within limits.

use bytes::Bytes;
use systole_common::net::framed::{FrameError, FrameReader};
use systole_common::wire::codec::{Body, WireError, decode};
use systole_common::wire::console::{
    AlertPage, AlertRecord, AuditPage, AuditRecord, ConnectionPage, ConnectionRecord, Done,
    HostRecord, HostSeries, Refused,
};
use systole_common::wire::history::{HistoryPage, SeriesPage, SeriesRecord, StoragePage};
use systole_common::wire::kind::Kind;
use systole_common::wire::limits::{HISTORY_POINTS_MAX, REPLY_FRAMES_MAX};
use tokio::time::timeout;

use super::clock;
use super::link::{Link, LinkError};
use crate::limits::{REPLY_RECORDS_MAX, REPLY_SILENCE_MAX};
use crate::model::host::Host;

/// A reply that is coming in.
#[derive(Debug)]
pub struct Reply<'a> {
    link: &'a Link,
    reader: FrameReader,
    frames: usize,
}

impl<'a> Reply<'a> {
    pub(super) fn new(link: &'a Link, reader: FrameReader) -> Self {
        Self { link, reader, frames: 0 }
    }

    /// Hosts, each with all of its series.
    pub async fn hosts(mut self) -> Result<Vec<Host>, LinkError> {
        let mut hosts: Vec<Host> = Vec::new();
        while let Some((kind, body)) = self.next().await? {
            if kind == Kind::HostSeries {
                let page: HostSeries = self.decoded(&body)?;
                if !hosts.last_mut().is_some_and(|host| host.extend(page)) {
                    return Err(self.unexpected("host-record", kind));
                }
            } else {
                let record: HostRecord = self.body(kind, &body)?;
                hosts.push(Host::new(record, clock::now().mono));
                self.bounded(hosts.len())?;
            }
        }
        Ok(hosts)
    }

    /// Alerts.
    pub async fn alerts(mut self) -> Result<Vec<AlertRecord>, LinkError> {
        let mut alerts = Vec::new();
        while let Some((kind, body)) = self.next().await? {
            alerts.extend(self.body::<AlertPage>(kind, &body)?.records);
            self.bounded(alerts.len())?;
        }
        Ok(alerts)
    }

    /// Connects and disconnects.
    pub async fn connections(mut self) -> Result<Vec<ConnectionRecord>, LinkError> {
        let mut records = Vec::new();
        while let Some((kind, body)) = self.next().await? {
            records.extend(self.body::<ConnectionPage>(kind, &body)?.records);
            self.bounded(records.len())?;
        }
        Ok(records)
    }

    /// The audit trail.
    pub async fn audit(mut self) -> Result<Vec<AuditRecord>, LinkError> {
        let mut records = Vec::new();
        while let Some((kind, body)) = self.next().await? {
            records.extend(self.body::<AuditPage>(kind, &body)?.records);
            self.bounded(records.len())?;
        }
        Ok(records)
    }

    /// Stored series.
    pub async fn series(mut self) -> Result<Vec<SeriesRecord>, LinkError> {
        let mut records = Vec::new();
        while let Some((kind, body)) = self.next().await? {
            records.extend(self.body::<SeriesPage>(kind, &body)?.records);
            self.bounded(records.len())?;
        }
        Ok(records)
    }

    /// The history of a series, its pages joined.
    pub async fn history(mut self) -> Result<HistoryPage, LinkError> {
        let mut whole: Option<HistoryPage> = None;
        while let Some((kind, body)) = self.next().await? {
            let page: HistoryPage = self.body(kind, &body)?;
            match &mut whole {
                None => whole = Some(page),
                Some(whole) => whole.points.extend(page.points),
            }
            let points = whole.as_ref().map_or(0, |whole| whole.points.len());
            self.within(points, HISTORY_POINTS_MAX)?;
        }
        whole.ok_or_else(|| self.unexpected(Kind::HistoryPage.as_str(), Kind::Done))
    }

    /// What is stored, its pages joined.
    pub async fn storage(mut self) -> Result<StoragePage, LinkError> {
        let mut whole: Option<StoragePage> = None;
        while let Some((kind, body)) = self.next().await? {
            let page: StoragePage = self.body(kind, &body)?;
            match &mut whole {
                None => whole = Some(page),
                Some(whole) => whole.records.extend(page.records),
            }
            self.bounded(whole.as_ref().map_or(0, |whole| whole.records.len()))?;
        }
        whole.ok_or_else(|| self.unexpected(Kind::StoragePage.as_str(), Kind::Done))
    }

    /// Nothing but the word that it is done.
    pub async fn done(mut self) -> Result<(), LinkError> {
        match self.next().await? {
            None => Ok(()),
            Some((kind, _)) => Err(self.unexpected(Kind::Done.as_str(), kind)),
        }
    }

    /// The next frame with records; `None` when the reply is complete.
    async fn next(&mut self) -> Result<Option<(Kind, Bytes)>, LinkError> {
        let silent =
            || LinkError::NoReply { place: self.link.place().clone(), waited: REPLY_SILENCE_MAX };
        let frame = timeout(REPLY_SILENCE_MAX, self.reader.read()).await.map_err(|_| silent())?;
        let frame = frame.map_err(|error| self.link.lost(error))?;
        let Some((kind, body)) = frame else {
            return Err(self.link.lost(FrameError::Ended { expected: Kind::Done.as_str() }));
        };
        self.frames += 1;
        if self.frames > REPLY_FRAMES_MAX {
            return Err(self.too_much(REPLY_RECORDS_MAX));
        }
        match kind {
            Kind::Done => self.decoded::<Done>(&body).map(|_| None),
            Kind::Refused => {
                let refusal = self.decoded::<Refused>(&body)?.refusal;
                Err(LinkError::Refused { place: self.link.place().clone(), refusal })
            }
            other => Ok(Some((other, body))),
        }
    }

    fn body<B: Body>(&self, kind: Kind, body: &[u8]) -> Result<B, LinkError> {
        if kind == B::KIND {
            self.decoded(body)
        } else {
            Err(self.unexpected(B::KIND.as_str(), kind))
        }
    }

    fn decoded<B: Body>(&self, body: &[u8]) -> Result<B, LinkError> {
        decode(body).map_err(|error| self.link.lost(error.into()))
    }

    fn bounded(&self, records: usize) -> Result<(), LinkError> {
        self.within(records, REPLY_RECORDS_MAX)
    }

    fn within(&self, records: usize, records_max: usize) -> Result<(), LinkError> {
        if records > records_max { Err(self.too_much(records_max)) } else { Ok(()) }
    }

    fn too_much(&self, records_max: usize) -> LinkError {
        LinkError::TooMuch { place: self.link.place().clone(), records_max }
    }

    fn unexpected(&self, expected: &'static str, found: Kind) -> LinkError {
        let fault = WireError::Kind { expected, found: found.as_str() };
        self.link.lost(fault.into())
    }
}
