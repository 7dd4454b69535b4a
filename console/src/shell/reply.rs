//! Replies: frames until `Done` or `Refused`, joined into what was asked for, within limits.

use bytes::Bytes;
use systole_common::net::framed::{FrameError, FrameReader};
use systole_common::wire::codec::{Body, WireError, decode};
use systole_common::wire::console::{
    AlertPage, AlertRecord, AuditPage, AuditRecord, ConnectionPage, ConnectionRecord, Done,
    HostRecord, HostSeries, Refused,
};
use systole_common::wire::file::{FilePage, FilePiece, FileRecord};
use systole_common::wire::history::{HistoryPage, SeriesPage, SeriesRecord, StoragePage};
use systole_common::wire::kind::Kind;
use systole_common::wire::limits::{HISTORY_POINTS_MAX, PIECE_BYTES_MAX, REPLY_FRAMES_MAX};
use systole_common::wire::talk::{MessageMarks, MessagePage, MessageRecord};
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
    frames_max: usize,
}

impl<'a> Reply<'a> {
    pub(super) fn new(link: &'a Link, reader: FrameReader) -> Self {
        Self { link, reader, frames: 0, frames_max: REPLY_FRAMES_MAX }
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

    /// Messages, each with the hosts that have it or never will: at most one entry, which holds those of
    /// all frames.
    pub async fn messages(mut self) -> Result<Vec<(MessageRecord, Vec<MessageMarks>)>, LinkError> {
        let mut messages: Vec<(MessageRecord, Vec<MessageMarks>)> = Vec::new();
        let (mut page_from, mut hosts) = (0, 0);
        while let Some((kind, body)) = self.next().await? {
            if kind == Kind::MessageMarks {
                let marks: MessageMarks = self.decoded(&body)?;
                hosts += marks.delivered_to.len() + marks.failed_to.len();
                self.bounded(hosts)?;
                let page = messages.get_mut(page_from..).unwrap_or_default();
                if !mark(page, marks) {
                    return Err(self.unexpected(Kind::MessagePage.as_str(), kind));
                }
            } else {
                page_from = messages.len();
                let records = self.body::<MessagePage>(kind, &body)?.records;
                messages.extend(records.into_iter().map(|record| (record, Vec::new())));
                self.bounded(messages.len())?;
            }
        }
        Ok(messages)
    }

    /// Files.
    pub async fn files(mut self) -> Result<Vec<FileRecord>, LinkError> {
        let mut records = Vec::new();
        while let Some((kind, body)) = self.next().await? {
            records.extend(self.body::<FilePage>(kind, &body)?.records);
            self.bounded(records.len())?;
        }
        Ok(records)
    }

    /// What a file that is fetched is; its bytes follow, see [`Self::file_piece`].
    pub async fn file(&mut self) -> Result<FileRecord, LinkError> {
        let expected = Kind::FilePage.as_str();
        let (kind, body) =
            self.next().await?.ok_or_else(|| self.unexpected(expected, Kind::Done))?;
        let record = self.body::<FilePage>(kind, &body)?.records.pop();
        let record = record.ok_or_else(|| self.unexpected(expected, Kind::Done))?;
        // A piece may be shorter than it could be, but not all of them.
        let pieces = usize::try_from(record.size_bytes).unwrap_or(usize::MAX) / PIECE_BYTES_MAX;
        self.frames_max = REPLY_FRAMES_MAX.saturating_add(pieces.saturating_mul(4));
        Ok(record)
    }

    /// The next bytes of a file; `None` after the last.
    pub async fn file_piece(&mut self) -> Result<Option<FilePiece>, LinkError> {
        match self.next().await? {
            None => Ok(None),
            Some((kind, body)) => self.body(kind, &body).map(Some),
        }
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
        if self.frames > self.frames_max {
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

/// Adds marks to their message; false if it is none of these.
fn mark(page: &mut [(MessageRecord, Vec<MessageMarks>)], marks: MessageMarks) -> bool {
    let of = |(record, _): &&mut (MessageRecord, Vec<MessageMarks>)| record.number == marks.number;
    let Some((_, whole)) = page.iter_mut().find(of) else {
        return false;
    };
    match whole.first_mut() {
        Some(whole) => {
            whole.delivered_to.extend(marks.delivered_to);
            whole.failed_to.extend(marks.failed_to);
        }
        None => whole.push(marks),
    }
    true
}
