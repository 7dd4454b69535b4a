//! One operator's connection from its hello to its end: requests in parallel, one feed.
//!
//! What a request may be and how it is answered is in [`super::requests`].

use std::sync::Arc;

use quinn::{Connection, ConnectionError, RecvStream, SendStream};
use systole_common::ids::{OperatorName, Role};
use systole_common::model::coded::Coded;
use systole_common::net::endpoint::widen_for_console;
use systole_common::net::framed::{FrameError, FrameWriter};
use systole_common::text::scrub_to;
use systole_common::wire::control::Policy;
use systole_common::wire::hello::{CloseCode, RefusalCode, StreamName, StreamOpen};
use systole_common::wire::limits::FACT_BYTES_MAX;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{info, warn};

use super::breach::Breach;
use super::bucket::Bucket;
use super::clock;
use super::context::Context;
use super::counters::rare;
use super::handshake::{Greeted, refusal};
use super::peers::{ConsoleSide, Peer, Side};
use super::requests::{self, Console};
use crate::engine::input::{Gone, Input};
use crate::limits::{
    CONSOLE_CHECK, CONSOLE_SILENT_CHECKS, FEED_STUCK, OVERLOAD_RETRY_MS, REQUESTS_BURST,
    REQUESTS_PER_S,
};

/// Serves an operator's connection until its end.
pub(super) async fn run(
    context: &Arc<Context>,
    greeted: Greeted,
    role: Role,
    operator: OperatorName,
) {
    let peer = Peer::new(
        context.peers.number(),
        greeted.connection.clone(),
        greeted.leaf.clone(),
        greeted.version,
        Side::Console(ConsoleSide::default()),
    );
    if !context.peers.add(&peer, context.limits.load().consoles) {
        let text = "this daemon has as many consoles as limits.consoles allows";
        warn!(%operator, address = %peer.address, "console refused: {text}");
        context.counters.add(rare::HELLOS_REFUSED, "limits.consoles");
        let refused = refusal(RefusalCode::Overload, text, OVERLOAD_RETRY_MS);
        greeted.refuse(context, refused, CloseCode::Overload).await;
        return;
    }
    let version = scrub_to(&greeted.hello.software, FACT_BYTES_MAX).into_owned();
    info!(%operator, %role, address = %peer.address, version, "console connected");
    let opened = Input::ConsoleOpened {
        session: peer.id,
        operator: operator.clone(),
        role,
        address: peer.address.clone(),
    };
    context.tell(opened).await;
    let served = serve(context.clone(), peer.clone(), greeted, role);
    let gone = peer.ended(context.contain("console", served).await);
    context.peers.remove(peer.id);
    context.tell(Input::ConsoleGone { session: peer.id }).await;
    farewell(context, &peer, &operator, &gone);
}

fn farewell(context: &Context, peer: &Peer, operator: &OperatorName, gone: &Gone) {
    let reason = match gone {
        Gone::Closed(_, reason) if reason.is_empty() => "it left".to_owned(),
        Gone::Closed(_, reason) | Gone::Failed(reason) => reason.clone(),
        Gone::ByUs(code, reason) => {
            context.counters.add(rare::CONNECTIONS_CLOSED, code.as_str());
            format!("closed by the daemon, {code}: {reason}")
        }
        Gone::Reset => "reset".to_owned(),
        Gone::TimedOut => "nothing was heard of it for too long".to_owned(),
    };
    info!(%operator, address = %peer.address, reason, "console disconnected");
}

async fn serve(
    context: Arc<Context>,
    peer: Arc<Peer>,
    greeted: Greeted,
    role: Role,
) -> ConnectionError {
    // If the answer cannot be written, the connection is at its end.
    let _ = greeted.welcome(&context, Policy::default()).await;
    widen_for_console(&peer.connection);
    ConsoleConnection::new(context, peer, role).run().await
}

/// An accepted connection and the limits that hold for it.
struct ConsoleConnection {
    context: Arc<Context>,
    peer: Arc<Peer>,
    console: Arc<Console>,
    tasks: JoinSet<Result<(), Breach>>,
    budget: Bucket,
    pulse: Pulse,
}

impl ConsoleConnection {
    fn new(context: Arc<Context>, peer: Arc<Peer>, role: Role) -> Self {
        Self {
            console: Console::new(context.clone(), peer.clone(), role),
            context,
            peer,
            tasks: JoinSet::new(),
            budget: Bucket::new(REQUESTS_BURST, REQUESTS_PER_S, clock::mono()),
            pulse: Pulse::default(),
        }
    }

    /// Until the connection ends. Requests and the feed end with it.
    async fn run(mut self) -> ConnectionError {
        let connection = self.peer.connection.clone();
        let console = self.console.clone();
        let mut check = interval(CONSOLE_CHECK);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let result = tokio::select! {
                error = connection.closed() => return error,
                stream = connection.accept_bi() => match stream {
                    Ok((send, receive)) => self.request(send, receive).await,
                    Err(error) => return error,
                },
                stream = connection.accept_uni() => match stream {
                    Ok(_) => Err(Breach::protocol("a console opens requests only, in both directions")),
                    Err(error) => return error,
                },
                datagram = connection.read_datagram() => match datagram {
                    Ok(_) => {
                        self.context.counters.add(rare::DATAGRAMS_REFUSED, "console");
                        Ok(())
                    }
                    Err(error) => return error,
                },
                _ = check.tick() => self.pulse.check(&connection),
                () = console.feed_wanted() => {
                    self.tasks.spawn(feed(self.context.clone(), self.peer.clone()));
                    Ok(())
                }
                Some(ended) = self.tasks.join_next() => self.ended(ended),
            };
            if let Err(breach) = result {
                self.punish(&breach);
            }
        }
    }

    /// Whoever asks too fast waits; the streams that QUIC allows bound the rest.
    async fn request(&mut self, send: SendStream, receive: RecvStream) -> Result<(), Breach> {
        tokio::time::sleep(self.budget.borrow(1.0, clock::mono())).await;
        self.tasks.spawn(requests::answer(self.console.clone(), send, receive));
        Ok(())
    }

    fn ended(&self, ended: Result<Result<(), Breach>, JoinError>) -> Result<(), Breach> {
        ended.unwrap_or_else(|_| {
            self.context.counters.add(rare::TASKS_FAILED, "stream");
            Err(Breach::fault())
        })
    }

    fn punish(&self, breach: &Breach) {
        let who = self.peer.leaf.identity.to_string();
        warn!(address = %self.peer.address, who, reason = %breach, "console connection is closed");
        self.peer.close(breach.code, &breach.text);
    }
}

/// Whether anything comes from a console. One that was killed would else keep its place for long.
#[derive(Debug, Default)]
struct Pulse {
    heard: u64,
    silent: u32,
}

impl Pulse {
    fn check(&mut self, connection: &Connection) -> Result<(), Breach> {
        let frames = connection.stats().frame_rx;
        let heard = frames.acks.saturating_add(frames.ping).saturating_add(frames.stream);
        self.silent = if heard == self.heard { self.silent + 1 } else { 0 };
        self.heard = heard;
        if self.silent < CONSOLE_SILENT_CHECKS {
            return Ok(());
        }
        let text = "nothing was heard of it for too long".to_owned();
        Err(Breach { code: CloseCode::Goodbye, text })
    }
}

/// Writes the feed as fast as the console takes it; what it is too slow for is lost and said.
async fn feed(context: Arc<Context>, peer: Arc<Peer>) -> Result<(), Breach> {
    match write_feed(&context, &peer).await {
        Ok(()) => Ok(()),
        Err(Some(error)) => Breach::of(&error).map_or(Ok(()), Err),
        Err(None) => Err(Breach::overload(format!(
            "nothing of the feed was taken for {} s",
            FEED_STUCK.as_secs()
        ))),
    }
}

/// Ends only with an error; `None` is a console that takes nothing any more.
async fn write_feed(context: &Context, peer: &Peer) -> Result<(), Option<FrameError>> {
    let Side::Console(side) = &peer.side else { return Ok(()) };
    let Ok(stream) = peer.connection.open_uni().await else { return Ok(()) };
    // Replies overtake the feed.
    let _ = stream.set_priority(-1);
    let mut writer = FrameWriter::new(stream, peer.version);
    writer.write(&StreamOpen { stream: StreamName::Feed.into() }).await.map_err(Some)?;
    loop {
        for frame in side.feed.next().await.iter() {
            writer.queue_encoded(frame).map_err(Some)?;
            timeout(FEED_STUCK, writer.flush()).await.map_err(|_| None)?.map_err(Some)?;
        }
        if side.feed.recovered() {
            context.tell(Input::FeedOverflowed { session: peer.id }).await;
        }
    }
}
