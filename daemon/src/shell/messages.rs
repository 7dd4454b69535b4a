//! An agent's messages stream: what its host says, offers and confirms goes to the engine, what the host
//! is told comes from the engine through [`super::peers::AgentSide`].
//!
//! A host that says more than `talk.rate` allows is read more slowly; nothing is lost. One that takes
//! nothing loses its connection and is told everything again on the next.

use std::time::Duration;

use bytes::Bytes;
use quinn::SendStream;
use systole_common::model::coded::Growing;
use systole_common::net::framed::{FrameError, FrameReader, FrameWriter};
use systole_common::time::Mono;
use systole_common::wire::codec::decode;
use systole_common::wire::control::{Receipt, SequenceKind};
use systole_common::wire::hello::StreamName;
use systole_common::wire::kind::Kind;
use tracing::warn;

use super::agent_streams::AgentStreams;
use super::breach::Breach;
use super::bucket::Bucket;
use super::clock;
use super::counters::rare;
use super::peers::{AgentSide, Said, Side};
use crate::engine::input::Input;
use crate::engine::settings::TalkSettings;

/// Serves the stream, of which the opening frame was read, until its end.
pub(super) async fn serve(
    streams: &AgentStreams,
    reader: &mut FrameReader,
    send: SendStream,
) -> Result<(), Breach> {
    let Side::Agent(side) = &streams.peer().side else { return Ok(()) };
    let _hush = Hush(side);
    let (connection, epoch) = (streams.peer().id, streams.epoch());
    streams.context().tell(Input::MessagesOpen { connection, epoch }).await;
    let mut writer = FrameWriter::new(send, streams.peer().version);
    tokio::select! {
        heard = listen(streams, reader) => heard,
        said = speak(streams, side, &mut writer) => match said {
            Ok(()) => Ok(()),
            Err(error) => Breach::of(&error).map_or(Ok(()), Err),
        },
    }
}

/// However the stream ends, nothing piles up for it.
struct Hush<'a>(&'a AgentSide);

impl Drop for Hush<'_> {
    fn drop(&mut self) {
        self.0.hush();
    }
}

async fn listen(streams: &AgentStreams, reader: &mut FrameReader) -> Result<(), Breach> {
    let mut pace = Pace::new(**streams.context().talk.load(), clock::mono());
    while let Some((kind, body)) = streams.next(reader, StreamName::Messages).await? {
        if kind != Kind::Receipt {
            let settings = **streams.context().talk.load();
            tokio::time::sleep(pace.wait(settings, clock::mono())).await;
        }
        if let Some(input) = input(streams, kind, &body)? {
            streams.context().tell(input).await;
        }
    }
    Ok(())
}

/// What a frame says to the engine. Texts are as sent: they are kept so, and scrubbed where they are shown.
fn input(streams: &AgentStreams, kind: Kind, body: &Bytes) -> Result<Option<Input>, Breach> {
    let (connection, epoch) = (streams.peer().id, streams.epoch());
    Ok(Some(match kind {
        Kind::Message => Input::Message { connection, epoch, message: Box::new(decode(body)?) },
        Kind::Offer => Input::Offer {
            connection,
            epoch,
            offer: Box::new(decode(body)?),
            certificate: streams.peer().leaf.fingerprint.to_string(),
            free_bytes: streams.context().files.free_bytes(),
        },
        Kind::Withdraw => Input::Withdraw { connection, epoch, withdraw: decode(body)? },
        Kind::Receipt => {
            let receipt: Receipt = decode(body)?;
            if receipt.kind != Growing::Known(SequenceKind::Messages) {
                streams.leave(kind);
                return Ok(None);
            }
            Input::Delivered { connection, receipt }
        }
        // The stream carries no other kind.
        other => {
            streams.leave(other);
            return Ok(None);
        }
    }))
}

async fn speak(
    streams: &AgentStreams,
    side: &AgentSide,
    writer: &mut FrameWriter,
) -> Result<(), FrameError> {
    loop {
        for said in side.said().await {
            let queued = match &said {
                Said::Delivery(delivery) => writer.queue(&**delivery),
                Said::Decision(decision) => writer.queue(&**decision),
            };
            match queued {
                Ok(()) => writer.flush().await?,
                Err(FrameError::Wire(error)) => {
                    streams.context().counters.add(rare::FRAMES_UNSENDABLE, "");
                    warn!(reason = %error, "frame cannot be sent");
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// How fast a host may speak. A change of the settings holds from the next frame on.
struct Pace {
    settings: TalkSettings,
    bucket: Bucket,
}

impl Pace {
    fn new(settings: TalkSettings, now: Mono) -> Self {
        Self { settings, bucket: Bucket::new(settings.burst, settings.rate_per_s, now) }
    }

    /// Takes one frame; how long the next must wait for it.
    fn wait(&mut self, settings: TalkSettings, now: Mono) -> Duration {
        if settings != self.settings {
            *self = Self::new(settings, now);
        }
        self.bucket.borrow(1.0, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_speaks_its_burst_at_once_then_its_rate_and_new_settings_hold_at_once() {
        let settings = TalkSettings { rate_per_s: 5.0, burst: 20.0, ..TalkSettings::default() };
        let mut pace = Pace::new(settings, Mono(0));
        for _ in 0..20 {
            assert_eq!(pace.wait(settings, Mono(0)), Duration::ZERO);
        }
        assert_eq!(pace.wait(settings, Mono(0)), Duration::from_millis(200));
        let faster = TalkSettings { rate_per_s: 1_000.0, burst: 1.0, ..settings };
        assert_eq!(pace.wait(faster, Mono(0)), Duration::ZERO);
        assert_eq!(pace.wait(faster, Mono(0)), Duration::from_millis(1));
    }
}
