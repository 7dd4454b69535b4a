//! The files' thread at work: tells the engine what happens, and does what it says.

use std::collections::BTreeMap;
use std::sync::Arc;

use systole_common::exit::Exit;
use systole_common::ids::{DaemonName, SpoolEpoch};
use systole_common::model::coded::Coded;
use systole_common::time::{Mono, UnixMs};
use systole_common::wire::file::Offer;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::debug;

use super::file::{FileError, SentFile, checked};
use super::transfer::{Ended, Transfer};
use super::{Asked, FileKeeper};
use crate::engine::input::ConnectionId;
use crate::engine::moment;
use crate::engine::offers::{Effect, Input, Offers, Told};
use crate::limits::{FILE_EVENTS_WAITING_MAX, FILE_LOOK_EVERY};
use crate::shell::clocks::clocks;
use crate::shell::delivery::outlet::Mains;
use crate::shell::host::random;
use crate::shell::local::{Answer, DecisionWords, Fault, Offered, SendRequest};
use crate::shell::talk::ask::Door;
use crate::shell::talk::outlet::{Decided, Outgoing, Word};

/// What tasks tell the loop.
#[derive(Debug)]
enum Event {
    /// A file may be offered.
    Admitted(Box<Admitted>),
    /// A user does not wait any more.
    Left { sequence: u64 },
    /// The file is not what was offered.
    Changed { sequence: u64, error: FileError },
    /// A transfer is over.
    Ended { sequence: u64, attempt: u64, ended: Ended },
}

/// A file that was looked at and has its number.
#[derive(Debug)]
struct Admitted {
    sequence: u64,
    request: SendRequest,
    offer: Offer,
    file: Arc<SentFile>,
    answers: mpsc::Sender<Answer>,
}

/// A file on offer.
#[derive(Debug)]
struct Held {
    offer: Arc<Offer>,
    file: Arc<SentFile>,
    answers: mpsc::Sender<Answer>,
    watcher: AbortHandle,
    transfer: Option<AbortHandle>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.watcher.abort();
        if let Some(transfer) = &self.transfer {
            transfer.abort();
        }
    }
}

pub(super) struct Watch {
    keeper: FileKeeper,
    offers: Offers,
    held: BTreeMap<u64, Held>,
    mains: Arc<Mains>,
    /// The main connections that the engine knows.
    known: BTreeMap<DaemonName, ConnectionId>,
    sender: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
    /// One look at a time, so that disks that hang leave a thread to those that do not.
    looks: Arc<Semaphore>,
}

impl Watch {
    pub(super) fn new(keeper: FileKeeper) -> Self {
        // Only spreads retries: without random numbers they are not spread.
        let seed = random().unwrap_or(1);
        let (sender, events) = mpsc::channel(FILE_EVENTS_WAITING_MAX);
        Self {
            offers: Offers::new(now(), keeper.epoch, seed),
            keeper,
            held: BTreeMap::new(),
            mains: Arc::default(),
            known: BTreeMap::new(),
            sender,
            events,
            looks: Arc::new(Semaphore::new(1)),
        }
    }

    pub(super) async fn run(mut self, mut end: oneshot::Receiver<()>) {
        let mut mains = self.keeper.shared.mains.subscribe();
        let mut daemons = self.keeper.shared.daemons.subscribe();
        mains.mark_changed();
        daemons.mark_changed();
        loop {
            let deadline = self.offers.next_deadline();
            tokio::select! {
                biased;
                _ = &mut end => return,
                Ok(()) = daemons.changed() => self.follow(&mut daemons),
                Ok(()) = mains.changed() => self.connect(&mut mains),
                Some(event) = self.events.recv() => self.happened(event),
                Some(decided) = self.keeper.decisions.recv() => self.decided(decided),
                Some(asked) = self.keeper.asked.recv() => self.ask(asked),
                () = until(deadline) => self.handle(Input::Tick),
            }
            let wanting = self.offers.wanting();
            self.keeper.shared.file_daemons.send_if_modified(|daemons| {
                let is_new = *daemons != wanting;
                *daemons = wanting;
                is_new
            });
        }
    }

    fn follow(&mut self, daemons: &mut watch::Receiver<Vec<DaemonName>>) {
        let daemons = daemons.borrow_and_update().clone();
        self.known.retain(|daemon, _| daemons.contains(daemon));
        self.handle(Input::Follow(daemons));
        self.tell_mains();
    }

    fn connect(&mut self, mains: &mut watch::Receiver<Arc<Mains>>) {
        self.mains = mains.borrow_and_update().clone();
        self.tell_mains();
    }

    /// Tells the engine which main connections are new or gone.
    fn tell_mains(&mut self) {
        let followed = self.keeper.shared.daemons.borrow().clone();
        let gone = self.known.keys().filter(|daemon| !self.mains.contains_key(*daemon));
        for daemon in gone.cloned().collect::<Vec<_>>() {
            self.known.remove(&daemon);
            self.handle(Input::MainDown { daemon });
        }
        for (daemon, main) in self.mains.clone().iter() {
            let connection = main.connection;
            if followed.contains(daemon)
                && self.known.insert(daemon.clone(), connection) != Some(connection)
            {
                self.handle(Input::MainUp { daemon: daemon.clone(), connection });
            }
        }
    }

    fn decided(&mut self, decided: Decided) {
        match decided.word {
            Word::Decision(decision) => {
                self.handle(Input::Decided { daemon: decided.daemon, decision });
            }
            // Every offer is answered with a decision; that says more.
            Word::Receipt(_) => {}
        }
    }

    /// A user wants to send a file: it is looked at and numbered beside the loop.
    fn ask(&self, asked: Asked) {
        let number = asked.request.offer.map(|offer| (SpoolEpoch(offer.epoch), offer.sequence));
        let former = number.filter(|(epoch, sequence)| {
            *epoch == self.keeper.epoch && self.offers.is_free(*sequence)
        });
        let (talk, events) = (self.keeper.talk.clone(), self.sender.clone());
        tokio::spawn(async move {
            let answers = asked.answers.clone();
            let event = match admit(asked, &talk, former).await {
                Ok(admitted) => Event::Admitted(Box::new(admitted)),
                Err(text) => {
                    let fault = Fault::new(Exit::Failed, text);
                    let _ = answers.send(Answer::Error(fault)).await;
                    return;
                }
            };
            // The loop is gone only at the end of the program.
            let _ = events.send(event).await;
        });
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Admitted(admitted) => self.admitted(*admitted),
            Event::Left { sequence } => {
                self.held.remove(&sequence);
                self.handle(Input::Left { sequence });
            }
            Event::Changed { sequence, error } => self.changed(sequence, error),
            Event::Ended { sequence, attempt, ended } => match ended {
                Ended::End(end) => self.handle(Input::Transferred { sequence, attempt, end }),
                Ended::Spoiled(reason) => self.handle(Input::Spoiled { sequence, reason }),
            },
        }
    }

    /// A transfer that runs judges for itself: its last bytes may be read already.
    fn changed(&mut self, sequence: u64, error: FileError) {
        let transfer = self.held.get(&sequence).and_then(|held| held.transfer.as_ref());
        let error = match (transfer, error) {
            (Some(transfer), _) if !transfer.is_finished() => return,
            (None, FileError::Changed) => FileError::ChangedWaiting,
            (Some(_) | None, error) => error,
        };
        self.handle(Input::Spoiled { sequence, reason: error.to_string() });
    }

    fn admitted(&mut self, admitted: Admitted) {
        let Admitted { sequence, request, offer, file, answers } = admitted;
        if !self.offers.is_free(sequence) {
            // Somebody else was quicker: the client is told nothing, comes again and gets a new number.
            debug!(sequence, "two clients came back with one offer");
            return;
        }
        let epoch = self.keeper.epoch.0;
        // The first answer: there is room for it.
        let _ = answers.try_send(Answer::Offered(Offered { epoch, sequence }));
        debug!(sequence, name = request.name, size_bytes = request.size_bytes, "a file is offered");
        let (looks, events) = (self.looks.clone(), self.sender.clone());
        let watching = watch_over(sequence, (file.clone(), looks), answers.clone(), events);
        let (offer, watcher) = (Arc::new(offer), tokio::spawn(watching).abort_handle());
        self.held.insert(sequence, Held { offer, file, answers, watcher, transfer: None });
        self.handle(Input::Offered { sequence });
    }

    fn handle(&mut self, input: Input) {
        for effect in self.offers.handle(now(), input) {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Offer { daemon, connection, sequence } => {
                if let Some(held) = self.held.get(&sequence) {
                    self.send(&daemon, connection, Outgoing::Offer(held.offer.clone()));
                }
            }
            Effect::Withdraw { daemon, connection, withdraw } => {
                self.send(&daemon, connection, Outgoing::Withdraw(withdraw));
            }
            Effect::Transfer { daemon, sequence, file, attempt } => {
                self.transfer(daemon, sequence, file, attempt);
            }
            Effect::Stop { sequence } => {
                let held = self.held.get_mut(&sequence);
                if let Some(transfer) = held.and_then(|held| held.transfer.take()) {
                    transfer.abort();
                }
            }
            Effect::Tell { sequence, told } => {
                if let Some(held) = self.held.get(&sequence) {
                    // Progress leaves room; a client that reads nothing at all is cut.
                    let _ = held.answers.try_send(Answer::Decision(words(told)));
                }
            }
            Effect::Over { sequence, told } => {
                if let Some(held) = self.held.remove(&sequence) {
                    let answers = held.answers.clone();
                    tokio::spawn(async move {
                        let _ = answers.send(Answer::Decision(words(told))).await;
                    });
                }
            }
        }
    }

    fn transfer(&mut self, daemon: DaemonName, sequence: u64, number: u64, attempt: u64) {
        let Some(held) = self.held.get_mut(&sequence) else { return };
        let (file, answers) = (held.file.clone(), held.answers.clone());
        let shared = self.keeper.shared.clone();
        let transfer = Transfer { daemon, number, file, answers, shared };
        let events = self.sender.clone();
        let task = tokio::spawn(async move {
            let ended = transfer.run().await;
            let _ = events.send(Event::Ended { sequence, attempt, ended }).await;
        });
        held.transfer = Some(task.abort_handle());
    }

    /// Hands something to a messages stream, of which there may be a newer one by now.
    fn send(&self, daemon: &DaemonName, connection: ConnectionId, outgoing: Outgoing) {
        let main = self.mains.get(daemon).filter(|main| main.connection == connection);
        let Some(messages) = main.map(|main| main.messages.clone()) else { return };
        if let Err(TrySendError::Full(outgoing)) = messages.try_send(outgoing) {
            // Until there is room, or the connection ends.
            tokio::spawn(async move {
                let _ = messages.send(outgoing).await;
            });
        }
    }
}

/// Says when the user of an offer has gone, and when its file changes meanwhile.
async fn watch_over(
    sequence: u64,
    (file, looks): (Arc<SentFile>, Arc<Semaphore>),
    answers: mpsc::Sender<Answer>,
    events: mpsc::Sender<Event>,
) {
    loop {
        let looked = async {
            sleep(FILE_LOOK_EVERY).await;
            let (file, place) = (file.clone(), looks.clone().acquire_owned().await);
            let look = move || {
                let looked = file.look();
                drop(place);
                looked
            };
            tokio::task::spawn_blocking(look).await
        };
        let event = tokio::select! {
            () = answers.closed() => Event::Left { sequence },
            looked = looked => match looked {
                Ok(Err(error)) => Event::Changed { sequence, error },
                // Nothing looks any more only at the end of the program.
                Ok(Ok(())) | Err(_) => continue,
            },
        };
        let is_last = matches!(event, Event::Left { .. });
        if events.send(event).await.is_err() || is_last {
            return;
        }
    }
}

/// Looks at a file and has it numbered.
async fn admit(
    asked: Asked,
    talk: &Door,
    former: Option<(SpoolEpoch, u64)>,
) -> Result<Admitted, String> {
    let Asked { request, user, file, answers } = asked;
    let looked = tokio::task::spawn_blocking(move || {
        let blake3 = checked(&request, &user)?;
        let sent = SentFile::check(file, &request)?;
        Ok((request, user, blake3, sent))
    });
    let looked = looked.await.map_err(|_| "the agent is ending".to_owned())?;
    let (request, user, blake3, sent) = looked.map_err(|error: FileError| error.to_string())?;
    let (_, sequence) = talk.offer(former).await.map_err(|error| error.to_string())?;
    let offer = Offer {
        sequence,
        name: request.name.clone(),
        size_bytes: request.size_bytes,
        blake3,
        content: request.content.clone(),
        note: request.note.clone(),
        user,
        time: UnixMs(clocks().wall_ms),
    };
    Ok(Admitted { sequence, request, offer, file: Arc::new(sent), answers })
}

fn words(told: Told) -> DecisionWords {
    let Told { state, reason, by, path, file, expires_at } = told;
    DecisionWords {
        state: state.as_str().to_owned(),
        reason,
        by,
        path,
        file,
        expires_ms: expires_at.0,
    }
}

fn now() -> Mono {
    moment(clocks())
}

async fn until(deadline: Option<Mono>) {
    match deadline {
        Some(deadline) => sleep_until(Instant::now() + deadline.since(now())).await,
        None => std::future::pending().await,
    }
}
