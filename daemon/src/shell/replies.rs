//! Replies as frames: pages below the frame limit, `Done` or `Refused` last, then the stream's end.

use std::sync::Arc;

use systole_common::net::framed::{FrameError, FrameWriter};
use systole_common::wire::codec::Body;
use systole_common::wire::console::{
    AlertPage, AlertRecord, AuditPage, ConnectionPage, Done, HostRecord, Refused,
};
use systole_common::wire::file::{FilePage, FileRecord};
use systole_common::wire::hello::{Refusal, RefusalCode};
use systole_common::wire::history::{HistoryPage, SeriesPage, StoragePage};
use systole_common::wire::limits::HISTORY_PAGE_POINTS_MAX;
use systole_common::wire::pages::{pages, split_host};
use systole_common::wire::talk::{MessageMarks, MessagePage, MessageRecord};
use tokio::time::timeout;

use super::files::{self, Depot};
use super::handshake::refusal;
use super::metrics::reader::MetricsAnswer;
use super::peers::Response;
use super::store::Answer;
use crate::engine::effect::Reply;
use crate::limits::FEED_STUCK;

/// Writes a whole response. A console that takes nothing for a minute loses the stream.
pub(super) async fn write(
    writer: &mut FrameWriter,
    response: Response,
    depot: &Arc<Depot>,
) -> Result<(), FrameError> {
    match response {
        Response::Engine(Reply::Hosts(hosts)) => write_hosts(writer, hosts).await?,
        Response::Engine(Reply::Done) => one(writer, &Done { count: 0 }).await?,
        Response::Engine(Reply::Refused(refusal)) => refused(writer, refusal).await?,
        Response::Engine(Reply::Alerts(alerts)) | Response::Store(Answer::Alerts(alerts)) => {
            write_alerts(writer, alerts).await?;
        }
        Response::Store(Answer::Connections(host, records)) => {
            let count = records.len();
            for records in pages(records) {
                one(writer, &ConnectionPage { host: host.to_string(), records }).await?;
            }
            done(writer, count).await?;
        }
        Response::Store(Answer::Audit(records)) => {
            let count = records.len();
            for records in pages(records) {
                one(writer, &AuditPage { records }).await?;
            }
            done(writer, count).await?;
        }
        Response::Engine(Reply::Message(record, marks)) => {
            write_messages(writer, vec![(*record, marks)]).await?;
        }
        Response::Store(Answer::Messages(messages)) => write_messages(writer, messages).await?,
        Response::Engine(Reply::Files(files)) | Response::Store(Answer::Files(files)) => {
            write_files(writer, files).await?;
        }
        Response::Fetch { host, name, record }
        | Response::Store(Answer::Fetch { host, name, record }) => {
            files::serve_fetch(writer, depot, &host, &name, *record).await?;
        }
        Response::Store(Answer::NoFile(text)) => {
            refused(writer, refusal(RefusalCode::NotFound, &text, 0)).await?;
        }
        Response::Metrics(answer) => write_metrics(writer, answer).await?,
        Response::Unreadable(text) => {
            refused(writer, refusal(RefusalCode::Storage, &text, 1_000)).await?;
        }
    }
    let _ = writer.stream().finish();
    Ok(())
}

async fn write_hosts(writer: &mut FrameWriter, hosts: Vec<HostRecord>) -> Result<(), FrameError> {
    let count = hosts.len();
    for host in hosts {
        let (record, more) = split_host(host);
        one(writer, &record).await?;
        for page in &more {
            one(writer, page).await?;
        }
    }
    done(writer, count).await
}

async fn write_metrics(writer: &mut FrameWriter, answer: MetricsAnswer) -> Result<(), FrameError> {
    match answer {
        MetricsAnswer::Series(records) => {
            let count = records.len();
            for records in pages(records) {
                one(writer, &SeriesPage { records }).await?;
            }
            done(writer, count).await
        }
        MetricsAnswer::History { tier, unit, step_ms, points } => {
            let tier = tier.into();
            let count = points.len();
            let mut pages = points.chunks(HISTORY_PAGE_POINTS_MAX).map(<[_]>::to_vec);
            let first = pages.next().unwrap_or_default();
            one(writer, &HistoryPage { tier, unit, step_ms, points: first }).await?;
            for points in pages {
                one(writer, &HistoryPage { tier, unit, step_ms, points }).await?;
            }
            done(writer, count).await
        }
        MetricsAnswer::Storage { log_bytes, database_bytes, free_bytes, before, records } => {
            let count = records.len();
            let mut pages = pages(records).into_iter();
            let page =
                |records| StoragePage { log_bytes, database_bytes, free_bytes, before, records };
            one(writer, &page(pages.next().unwrap_or_default())).await?;
            for records in pages {
                one(writer, &page(records)).await?;
            }
            done(writer, count).await
        }
        MetricsAnswer::NotFound(text) => {
            refused(writer, refusal(RefusalCode::NotFound, &text, 0)).await
        }
        MetricsAnswer::TooMuch(text) => {
            refused(writer, refusal(RefusalCode::Invalid, &text, 0)).await
        }
    }
}

/// Pages of messages, each followed by the marks of its messages.
async fn write_messages(
    writer: &mut FrameWriter,
    messages: Vec<(MessageRecord, Vec<MessageMarks>)>,
) -> Result<(), FrameError> {
    let count = messages.len();
    let (records, marks): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
    let mut marks = marks.into_iter();
    for records in pages(records) {
        let marks: Vec<_> = marks.by_ref().take(records.len()).flatten().collect();
        one(writer, &MessagePage { records }).await?;
        for frame in &marks {
            one(writer, frame).await?;
        }
    }
    done(writer, count).await
}

async fn write_files(writer: &mut FrameWriter, files: Vec<FileRecord>) -> Result<(), FrameError> {
    let count = files.len();
    for records in pages(files) {
        one(writer, &FilePage { records }).await?;
    }
    done(writer, count).await
}

async fn write_alerts(
    writer: &mut FrameWriter,
    alerts: Vec<AlertRecord>,
) -> Result<(), FrameError> {
    let count = alerts.len();
    for records in pages(alerts) {
        one(writer, &AlertPage { records }).await?;
    }
    done(writer, count).await
}

async fn refused(writer: &mut FrameWriter, refusal: Refusal) -> Result<(), FrameError> {
    one(writer, &Refused { refusal }).await
}

async fn done(writer: &mut FrameWriter, count: usize) -> Result<(), FrameError> {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    one(writer, &Done { count }).await
}

async fn one(writer: &mut FrameWriter, body: &impl Body) -> Result<(), FrameError> {
    writer.queue(body)?;
    timeout(FEED_STUCK, writer.flush()).await.unwrap_or(Err(FrameError::Full))
}
