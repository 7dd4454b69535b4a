//! What the minimal daemon does with messages, offers and files: remembers, says and decides as a
//! test wants, receives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use quinn::{Connection, RecvStream, SendStream};
use systole_common::ids::SpoolEpoch;
use systole_common::model::file::FileState;
use systole_common::net::framed::{FrameReader, FrameWriter};
use systole_common::time::UnixMs;
use systole_common::wire::codec::decode;
use systole_common::wire::control::Receipt;
use systole_common::wire::file::{Chunk, Decision, Offer, Withdraw};
use systole_common::wire::hello::{StreamName, StreamOpen};
use systole_common::wire::kind::Kind;
use systole_common::wire::talk::{Delivery, Message};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// One offer.
#[derive(Debug, Clone)]
pub(crate) struct Offered {
    pub(crate) offer: Offer,
    /// How often it was said.
    pub(crate) times: usize,
    pub(crate) state: FileState,
    pub(crate) reason: String,
    /// What came of it.
    pub(crate) bytes: Vec<u8>,
    /// Where each stream began.
    pub(crate) begun: Vec<usize>,
}

#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) offers: BTreeMap<u64, Offered>,
    pub(crate) withdrawn: Vec<Withdraw>,
    /// This host's messages, each as often as it came.
    pub(crate) messages: Vec<Message>,
    /// What the agent has of deliveries.
    pub(crate) confirmed: Vec<Receipt>,
    /// Everything that must never happen.
    pub(crate) faults: Vec<String>,
    /// What becomes of a new offer; it waits if nothing is said.
    pub(crate) policy: Option<(FileState, String)>,
    /// Time that each chunk takes.
    pub(crate) chunk_takes: Duration,
    epoch: SpoolEpoch,
    senders: Vec<mpsc::UnboundedSender<Decision>>,
    deliverers: Vec<mpsc::UnboundedSender<Delivery>>,
}

impl Book {
    fn decision(&self, sequence: u64) -> Option<Decision> {
        let one = self.offers.get(&sequence)?;
        let is_verified = one.state == FileState::Verified;
        let path = is_verified.then(|| format!("/received/web-1/{}", one.offer.name));
        Some(Decision {
            epoch: self.epoch,
            sequence,
            file: 100 + sequence,
            state: one.state.into(),
            reason: one.reason.clone(),
            by: String::new(),
            offset: one.bytes.len() as u64,
            path: path.unwrap_or_default(),
            expires_at: UnixMs(0),
        })
    }
}

/// Survives the daemon.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clerk(Arc<Mutex<Book>>);

impl Clerk {
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap()
    }

    /// Decides, and says so on the newest connection.
    pub(crate) fn decide(&self, sequence: u64, state: FileState, reason: &str) {
        let mut book = self.book();
        let one = book.offers.get_mut(&sequence).unwrap();
        (one.state, one.reason) = (state, reason.to_owned());
        let decision = book.decision(sequence).unwrap();
        let _ = book.senders.last().unwrap().send(decision);
    }

    /// Sends a delivery on the newest connection.
    pub(crate) fn deliver(&self, delivery: Delivery) {
        self.book().deliverers.last().unwrap().send(delivery).unwrap();
    }

    /// Waits until `look` gives something.
    pub(crate) async fn wait<T>(&self, what: &str, look: impl Fn(&Book) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(found) = look(&self.book()) {
                return found;
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("{what} did not come; {:?}", self.book().withdrawn);
    }

    /// The first offer that came.
    pub(crate) async fn offered(&self) -> Offer {
        self.wait("an offer", |book| Some(book.offers.values().next()?.offer.clone())).await
    }

    /// Serves the streams that an agent opens with an answer.
    pub(crate) async fn serve(self, connection: &Connection, epoch: SpoolEpoch) {
        self.book().epoch = epoch;
        while let Ok((send, receive)) = connection.accept_bi().await {
            tokio::spawn(self.clone().stream(send, receive));
        }
    }

    async fn stream(self, send: SendStream, receive: RecvStream) -> Option<()> {
        let (mut reader, mut writer) = (FrameReader::new(receive, 1), FrameWriter::new(send, 1));
        let open: StreamOpen = reader.expect().await.ok()?;
        match open.stream.known()? {
            StreamName::Messages => {
                let (sender, mut decisions) = mpsc::unbounded_channel();
                let (deliverer, mut deliveries) = mpsc::unbounded_channel();
                self.book().senders.push(sender.clone());
                self.book().deliverers.push(deliverer);
                let words = async {
                    loop {
                        tokio::select! {
                            Some(decision) = decisions.recv() => writer.write(&decision).await.ok()?,
                            Some(delivery) = deliveries.recv() => writer.write(&delivery).await.ok()?,
                            else => return Some(()),
                        }
                    }
                };
                tokio::select! {
                    _ = words => {}
                    () = self.messages(&mut reader, &sender) => {}
                }
            }
            StreamName::File => {
                if let Some(last) = self.file(&mut reader, &mut writer).await {
                    writer.write(&last).await.ok()?;
                    writer.stream().finish().ok()?;
                    let _ = writer.stream().stopped().await;
                }
            }
            name => self.fault(format!("a stream {name}")),
        }
        Some(())
    }

    async fn messages(&self, reader: &mut FrameReader, say: &mpsc::UnboundedSender<Decision>) {
        while let Ok(Some((kind, body))) = reader.read().await {
            let mut book = self.book();
            if kind == Kind::Offer {
                let offer: Offer = decode(&body).unwrap();
                let (sequence, fresh) = (offer.sequence, (FileState::Offered, String::new()));
                let (state, reason) = book.policy.clone().unwrap_or(fresh);
                let (bytes, begun) = (Vec::new(), Vec::new());
                let one = Offered { offer, times: 0, state, reason, bytes, begun };
                book.offers.entry(sequence).or_insert(one).times += 1;
                let _ = say.send(book.decision(sequence).unwrap());
            } else if kind == Kind::Withdraw {
                let withdraw: Withdraw = decode(&body).unwrap();
                if let Some(one) = book.offers.get_mut(&withdraw.sequence) {
                    one.state = FileState::Withdrawn;
                }
                book.withdrawn.push(withdraw);
            } else if kind == Kind::Message {
                book.messages.push(decode(&body).unwrap());
            } else if kind == Kind::Receipt {
                book.confirmed.push(decode(&body).unwrap());
            } else {
                book.faults.push(format!("{kind:?} on the messages stream"));
            }
        }
    }

    /// The last word; `None` if the stream broke off.
    async fn file(&self, reader: &mut FrameReader, writer: &mut FrameWriter) -> Option<Decision> {
        let first: Chunk = reader.expect().await.ok()?;
        if (first.length, first.offset) != (0, 0) {
            self.fault(format!("bytes before they were wanted: {first:?}"));
        }
        let sequence = first.file - 100;
        let mut decision = self.book().decision(sequence)?;
        if !matches!(decision.state.known()?, FileState::Accepted | FileState::Receiving) {
            return Some(decision);
        }
        decision.state = FileState::Receiving.into();
        {
            let mut book = self.book();
            let one = book.offers.get_mut(&sequence)?;
            one.begun.push(one.bytes.len());
        }
        writer.write(&decision).await.ok()?;
        loop {
            let chunk = reader.read().await.ok()?;
            let Some((_, body)) = chunk else { break };
            let chunk: Chunk = decode(&body).unwrap();
            let mut bytes = vec![0; chunk.length as usize];
            reader.stream().read_exact(&mut bytes).await.ok()?;
            let takes = self.book().chunk_takes;
            sleep(takes).await;
            let mut book = self.book();
            let one = book.offers.get_mut(&sequence)?;
            let is_right = chunk.offset == one.bytes.len() as u64
                && chunk.blake3 == *blake3::hash(&bytes).as_bytes();
            one.bytes.extend_from_slice(&bytes);
            if !is_right {
                book.faults.push(format!("a wrong chunk: {chunk:?}"));
            }
        }
        let mut book = self.book();
        let one = book.offers.get_mut(&sequence)?;
        let is_whole = one.offer.blake3 == *blake3::hash(&one.bytes).as_bytes();
        one.state = if is_whole { FileState::Verified } else { FileState::Failed };
        book.decision(sequence)
    }

    fn fault(&self, what: String) {
        self.book().faults.push(what);
    }
}
