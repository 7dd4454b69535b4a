//! One request of an operator: one frame in, reply frames out, on a stream of its own.
//!
//! The role table decides here, before the engine hears of it; a refusal goes to the audit trail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use quinn::{RecvStream, SendStream};
use systole_common::ids::Role;
use systole_common::model::coded::{Coded, Growing};
use systole_common::net::framed::{FrameError, FrameReader, FrameWriter};
use systole_common::role_table::{Sender, least_role, may_send};
use systole_common::text::scrub_to;
use systole_common::wire::codec::{WireError, decode};
use systole_common::wire::console::{Ack, LookingAt, Resolve};
use systole_common::wire::file::Reject;
use systole_common::wire::hello::{Refusal, RefusalCode, StreamName, StreamOpen};
use systole_common::wire::kind::Kind;
use systole_common::wire::limits::{LOOKING_AT_BYTES_MAX, REASON_BYTES_MAX};
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::warn;

use super::breach::Breach;
use super::context::Context;
use super::counters::rare;
use super::handshake::refusal;
use super::peers::{ConsoleSide, Peer, Response, Side};
use super::replies;
use crate::engine::effect::Reply;
use crate::engine::input::{Input, Request};
use crate::limits::REQUEST_TIMEOUT;

/// A console's connection as its requests see it.
#[derive(Debug)]
pub(super) struct Console {
    context: Arc<Context>,
    peer: Arc<Peer>,
    role: Role,
    requests: AtomicU64,
    has_feed: AtomicBool,
    feed_wanted: Notify,
}

impl Console {
    /// The console behind `peer`.
    pub(super) fn new(context: Arc<Context>, peer: Arc<Peer>, role: Role) -> Arc<Self> {
        Arc::new(Self {
            context,
            peer,
            role,
            requests: AtomicU64::new(0),
            has_feed: AtomicBool::new(false),
            feed_wanted: Notify::new(),
        })
    }

    /// Waits until the feed is to be opened; that is once.
    pub(super) async fn feed_wanted(&self) {
        self.feed_wanted.notified().await;
    }
}

/// What a request's frame comes to.
enum Asked {
    Request(Request),
    /// Answered without the engine.
    Refused(Refusal),
}

/// Answers one request.
pub(super) async fn answer(
    console: Arc<Console>,
    send: SendStream,
    receive: RecvStream,
) -> Result<(), Breach> {
    let version = console.peer.version;
    let mut reader = FrameReader::new(receive, version);
    let Ok(frame) = timeout(REQUEST_TIMEOUT, read(&console, &mut reader)).await else {
        return Err(Breach::protocol("a request was begun and not finished in time"));
    };
    let Some(frame) = frame? else { return Ok(()) };
    let asked = match frame {
        Some((kind, body)) => console.judge(kind, &body).await?,
        None => Asked::Refused(refusal(
            RefusalCode::Invalid,
            "this daemon does not know that request; upgrade the daemon",
            0,
        )),
    };
    let response = match asked {
        Asked::Refused(refusal) => Response::Engine(Reply::Refused(refusal)),
        Asked::Request(request) => console.ask(request).await,
    };
    let mut writer = FrameWriter::new(send, version);
    match replies::write(&mut writer, response, &console.context.files).await {
        Ok(()) => Ok(()),
        Err(error) => Breach::of(&error).map_or(Ok(()), Err),
    }
}

/// The request's frame. The outer `None` is a stream that broke, the inner one a kind not known here.
async fn read(
    console: &Console,
    reader: &mut FrameReader,
) -> Result<Option<Option<(Kind, Bytes)>>, Breach> {
    let result = async {
        let open: StreamOpen = reader.expect().await?;
        if open.stream != Growing::Known(StreamName::Request) {
            return Err(FrameError::Ended { expected: StreamName::Request.as_str() });
        }
        reader.read().await
    }
    .await;
    console.context.counters.add_many(rare::FRAMES_SKIPPED, "console", reader.skipped());
    match result {
        Ok(frame) => Ok(Some(frame)),
        Err(error) => Breach::of(&error).map_or(Ok(None), Err),
    }
}

impl Console {
    /// The role table first; then the body.
    async fn judge(&self, kind: Kind, body: &Bytes) -> Result<Asked, Breach> {
        self.context.counters.frame(kind);
        if !may_send(Sender::Operator(self.role), kind) {
            return Ok(Asked::Refused(self.deny(kind, body).await));
        }
        Ok(parse(kind, body)?.map_or_else(
            || {
                let text = format!("this version of systoled does not take {} yet", kind.as_str());
                self.context.counters.add(rare::FRAMES_LEFT, kind.as_str());
                Asked::Refused(refusal(RefusalCode::Invalid, &text, 0))
            },
            Asked::Request,
        ))
    }

    async fn deny(&self, kind: Kind, body: &Bytes) -> Refusal {
        let (action, role) = (kind.as_str(), self.role);
        let reason = match least_role(kind) {
            Some(least) => format!("{action} needs role {least}, this certificate has role {role}"),
            None => format!("a console may not send {action} frames"),
        };
        self.context.counters.add(rare::FRAMES_REFUSED, action);
        warn!(
            who = %self.peer.leaf.identity, address = %self.peer.address, action, reason,
            "request refused by role"
        );
        let session = self.peer.id;
        let body = parse(kind, body).ok().flatten();
        let denied = Input::Denied { session, action, body, reason: reason.clone() };
        self.context.tell(denied).await;
        refusal(RefusalCode::Role, &reason, 0)
    }

    async fn ask(&self, body: Request) -> Response {
        let Side::Console(side) = &self.peer.side else {
            return busy(self);
        };
        if matches!(body, Request::Subscribe(_)) && !self.has_feed.swap(true, Ordering::AcqRel) {
            self.feed_wanted.notify_one();
        }
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        let response = side.expect(request);
        let forget = Forget { side, request };
        self.context.tell(Input::Request { session: self.peer.id, request, body }).await;
        let response = timeout(REQUEST_TIMEOUT, response).await;
        drop(forget);
        match response {
            Ok(Ok(response)) => response,
            Ok(Err(_)) | Err(_) => busy(self),
        }
    }
}

/// Takes a request off the list of those that wait, however its task ends.
struct Forget<'a> {
    side: &'a ConsoleSide,
    request: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.side.forget(self.request);
    }
}

fn busy(console: &Console) -> Response {
    console.context.counters.add(rare::REQUESTS_TIMED_OUT, "");
    let text = "no answer within 10 s: the daemon is busy or cannot write to its disk; what was asked may still be done, look at `systole audit`";
    Response::Engine(Reply::Refused(refusal(RefusalCode::Overload, text, 1_000)))
}

/// The body of a kind that this version takes; `None` for the others.
fn parse(kind: Kind, body: &Bytes) -> Result<Option<Request>, WireError> {
    Ok(Some(match kind {
        Kind::Subscribe => Request::Subscribe(decode(body)?),
        Kind::LookingAt => {
            let LookingAt { what } = decode(body)?;
            Request::LookingAt(LookingAt { what: words(&what) })
        }
        Kind::HostsQuery => Request::Hosts(decode(body)?),
        Kind::ConnectionsQuery => Request::Connections(decode(body)?),
        Kind::AlertsQuery => Request::Alerts(decode(body)?),
        Kind::AuditQuery => Request::Audit(decode(body)?),
        Kind::Ack => {
            let ack: Ack = decode(body)?;
            Request::Ack(Ack { note: clean(&ack.note), ..ack })
        }
        Kind::Unack => Request::Unack(decode(body)?),
        Kind::Resolve => {
            let resolve: Resolve = decode(body)?;
            Request::Resolve(Resolve { note: clean(&resolve.note), ..resolve })
        }
        Kind::Retire => Request::Retire(decode(body)?),
        Kind::SeriesQuery => Request::Series(decode(body)?),
        Kind::HistoryQuery => Request::History(decode(body)?),
        Kind::StorageQuery => Request::Storage(decode(body)?),
        Kind::StorageCleanUp => Request::CleanUp(decode(body)?),
        Kind::MessagesQuery => Request::Messages(decode(body)?),
        Kind::Say => Request::Say(Box::new(decode(body)?)),
        Kind::FilesQuery => Request::Files(decode(body)?),
        Kind::Accept => Request::Accept(decode(body)?),
        Kind::Reject => {
            let reject: Reject = decode(body)?;
            Request::Reject(Reject { why: clean(&reject.why), ..reject })
        }
        Kind::Fetch => Request::Fetch(decode(body)?),
        _ => return Ok(None),
    }))
}

/// One safe line of at most [`LOOKING_AT_BYTES_MAX`] bytes; what was hidden takes more room once shown.
fn words(text: &str) -> String {
    let mut words = scrub_to(text, LOOKING_AT_BYTES_MAX).into_owned();
    words.truncate(words.floor_char_boundary(LOOKING_AT_BYTES_MAX));
    words
}

fn clean(note: &str) -> String {
    scrub_to(note, REASON_BYTES_MAX).into_owned()
}
