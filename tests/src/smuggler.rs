//! A rogue that offers files: it says any name, size and hash, and sends any bytes in any order.

use anyhow::{Context, Result, ensure};
use quinn::SendStream;
use systole_common::model::coded::Growing;
use systole_common::model::file::FileState;
use systole_common::net::framed::FrameReader;
use systole_common::wire::VERSION_MAX;
use systole_common::wire::codec::{decode, encode_frame};
use systole_common::wire::file::{Chunk, Decision, Offer};
use systole_common::wire::hello::{Hello, Purpose, StreamName};
use systole_common::wire::kind::Kind;

use crate::machine::now;
use crate::rogue::{Contact, Rogue};

/// The messages stream of a rogue.
#[derive(Debug)]
pub struct Smuggler<'a> {
    rogue: &'a Rogue,
    main: Contact<'a>,
    offers: SendStream,
    decisions: FrameReader,
    sequence: u64,
}

/// What is said of a file.
#[derive(Debug, Clone)]
pub struct Wares {
    /// Its name.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// The hash of it.
    pub blake3: [u8; 32],
}

impl Wares {
    /// An honest word about `bytes`.
    pub fn of(name: &str, bytes: &[u8]) -> Self {
        let size_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self { name: name.to_owned(), size_bytes, blake3: *blake3::hash(bytes).as_bytes() }
    }
}

impl<'a> Smuggler<'a> {
    /// A connection that has said hello and opened its messages stream.
    pub fn new(rogue: &'a Rogue) -> Result<Self> {
        let main = rogue.connect()?;
        let (offers, decisions) = main.both(StreamName::Messages)?;
        Ok(Self { rogue, main, offers, decisions, sequence: 0 })
    }

    /// The main connection.
    pub fn main(&self) -> &Contact<'a> {
        &self.main
    }

    /// Offers a file under the next sequence, and does not wait.
    pub fn offer(&mut self, wares: &Wares) -> Result<u64> {
        self.sequence += 1;
        let offer = Offer {
            sequence: self.sequence,
            name: wares.name.clone(),
            size_bytes: wares.size_bytes,
            blake3: wares.blake3,
            content: String::new(),
            note: String::new(),
            user: "mallory".to_owned(),
            time: now(),
        };
        self.main.say(&mut self.offers, &offer)?;
        Ok(self.sequence)
    }

    /// Waits for the daemon's next word about the offer with `sequence`.
    pub fn decision(&mut self, sequence: u64) -> Result<Decision> {
        loop {
            let frame = self.main.next(&mut self.decisions)?;
            let (kind, body) = frame.context("the daemon ended the messages stream")?;
            if kind == Kind::Decision {
                let decision: Decision = decode(&body)?;
                if decision.sequence == sequence {
                    return Ok(decision);
                }
            }
        }
    }

    /// Offers a file and waits for the first word about it.
    pub fn answer(&mut self, wares: &Wares) -> Result<Decision> {
        let sequence = self.offer(wares)?;
        self.decision(sequence)
    }

    /// A bulk connection beside the main one.
    pub fn bulk(&self) -> Result<Contact<'a>> {
        let mut contact = self.rogue.dial()?;
        let hello = Hello { purpose: Purpose::Bulk.into(), ..self.rogue.hello() };
        let answer = contact.greet(&hello)?;
        ensure!(answer.refused.is_none(), "{:?}", answer.refused);
        Ok(contact)
    }
}

/// A file stream on a bulk connection.
#[derive(Debug)]
pub struct Passage<'a, 'b> {
    contact: &'b Contact<'a>,
    send: SendStream,
    words: FrameReader,
    file: u64,
}

impl<'a, 'b> Passage<'a, 'b> {
    /// Opens the stream; with the daemon's first word, if it has one.
    pub fn open(contact: &'b Contact<'a>, file: u64) -> Result<(Self, Option<Decision>)> {
        let (send, words) = contact.both(StreamName::File)?;
        let mut passage = Self { contact, send, words, file };
        passage.chunk(0, 0, [0; 32], &[])?;
        let word = passage.word()?;
        Ok((passage, word))
    }

    /// Opens the stream with a chunk nobody asked for.
    pub fn force(contact: &'b Contact<'a>, file: u64, bytes: &[u8]) -> Result<Self> {
        let (send, words) = contact.both(StreamName::File)?;
        let mut passage = Self { contact, send, words, file };
        passage.send(0, bytes)?;
        Ok(passage)
    }

    /// Sends `bytes` as the chunk at `offset`, with their hash.
    pub fn send(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let length = u32::try_from(bytes.len())?;
        self.chunk(offset, length, *blake3::hash(bytes).as_bytes(), bytes)
    }

    /// Sends any header with any bytes behind it.
    pub fn chunk(
        &mut self,
        offset: u64,
        length: u32,
        blake3: [u8; 32],
        bytes: &[u8],
    ) -> Result<()> {
        let header = Chunk { file: self.file, offset, length, blake3 };
        let frame = encode_frame(VERSION_MAX, &header)?;
        self.contact.write(&mut self.send, &[&frame, bytes].concat());
        Ok(())
    }

    /// The daemon's next word; `None` if the stream or the connection is over.
    pub fn word(&mut self) -> Result<Option<Decision>> {
        match self.contact.next(&mut self.words)? {
            Some((Kind::Decision, body)) => Ok(Some(decode(&body)?)),
            Some(_) | None => Ok(None),
        }
    }
}

/// Whether a decision says `state`.
pub fn is(decision: &Decision, state: FileState) -> bool {
    decision.state == Growing::Known(state)
}
