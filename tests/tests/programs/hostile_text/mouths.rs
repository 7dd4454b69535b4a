//! Who says what is hostile: agents that keep beating meanwhile, and operators.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use quinn::SendStream;
use systole_common::ids::Role;
use systole_common::wire::VERSION_MAX;
use systole_common::wire::agent::Heartbeat;
use systole_common::wire::codec::{Body, encode_frame};
use systole_common::wire::hello::StreamName;
use systole_common::wire::kind::Kind;
use systole_common::wire::talk::Message;
use systole_tests::machine::now;
use systole_tests::rogue::{Contact, Rogue};
use systole_tests::scene::Scene;

const BEAT_EVERY: Duration = Duration::from_millis(500);

/// A rogue and its connection.
pub(super) type Pair<'a> = (&'a Rogue, &'a Contact<'a>);

/// Runs `body` while all of `pairs` beat.
pub(super) fn while_beating<T>(pairs: &[Pair<'_>], body: impl FnOnce() -> Result<T>) -> Result<T> {
    let is_over = &AtomicBool::new(false);
    thread::scope(|scope| {
        let over = Over(is_over);
        for &(rogue, contact) in pairs {
            let mut stream = contact.stream(StreamName::Heartbeat)?;
            scope.spawn(move || {
                for sequence in 1.. {
                    if is_over.load(Ordering::SeqCst) {
                        return;
                    }
                    let beat: Heartbeat = rogue.beat(sequence);
                    let _said = contact.say(&mut stream, &beat);
                    thread::sleep(BEAT_EVERY);
                }
            });
        }
        let done = body();
        drop(over);
        done
    })
}

/// However the body ends, nobody beats for ever.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A host's messages stream.
pub(super) struct Mouth<'a> {
    contact: &'a Contact<'a>,
    send: SendStream,
    sequence: u64,
}

impl<'a> Mouth<'a> {
    pub(super) fn open(contact: &'a Contact<'a>) -> Result<Self> {
        let (send, reader) = contact.both(StreamName::Messages)?;
        // To drop it would be to refuse what the daemon says.
        std::mem::forget(reader);
        Ok(Self { contact, send, sequence: 0 })
    }

    /// Says anything that the stream carries, with the next sequence.
    pub(super) fn say<B: Body>(&mut self, body: impl FnOnce(u64) -> B) -> Result<()> {
        self.sequence += 1;
        self.contact.say(&mut self.send, &body(self.sequence))
    }

    /// Says `text` as `user`.
    pub(super) fn speak(&mut self, user: &str, to: &str, text: &str) -> Result<()> {
        let (user, to, text) = (user.to_owned(), to.to_owned(), text.to_owned());
        self.say(|sequence| Message { sequence, time: now(), user, to, text })
    }
}

/// The operator's certificate, for any words.
pub(super) fn operator(scene: &Scene) -> Result<Rogue> {
    Rogue::operator(&scene.stage, Role::Admin, "demo")
}

/// Asks as a console does; it must not be refused.
pub(super) fn ask<B: Body>(contact: &Contact<'_>, request: &B) -> Result<()> {
    let frames = contact.ask(&encode_frame(VERSION_MAX, request)?)?;
    let (kind, _) = frames.last().context("no reply")?;
    ensure!(*kind != Kind::Refused, "refused: {frames:?}");
    Ok(())
}
