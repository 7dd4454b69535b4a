//! One life of an open log: what comes together goes to the disk together, then it counts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use systole_common::ids::{DaemonName, SpoolEpoch};
use systole_common::time::{Mono, Now, UnixMs};
use systole_common::wire::control::{Ranges, Receipt, SequenceKind};
use systole_common::wire::talk::Message;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tracing::{debug, warn};

use super::TalkKeeper;
use super::ask::{Ask, Reach, Shown, Speech};
use super::listener::Listener;
use super::log::{Opened, TalkLog, remember};
use super::outlet::{Arrived, Outgoing};
use super::record::Said;
use crate::engine::input::ConnectionId;
use crate::engine::moment;
use crate::engine::talk::words::{NotSaid, crowded, expired};
use crate::engine::talk::{Effect, Input, Talk};
use crate::limits::{TALK_BATCH_MAX, TALK_SAVED};
use crate::shell::clocks::clocks;
use crate::shell::delivery::outlet::{Mains, Receipted};
use crate::shell::spool::SpoolError;

pub(super) struct Watch<'a> {
    keeper: &'a mut TalkKeeper,
    log: TalkLog,
    talk: Talk,
    mains: Arc<Mains>,
    /// The main connections that the engine knows.
    known: BTreeMap<DaemonName, ConnectionId>,
    /// Requests that wait for the disk.
    asks: Vec<Ask>,
    /// Deliveries that wait for the disk.
    arrivals: VecDeque<Arrived>,
    /// Confirmations that found no room yet.
    confirmations: BTreeMap<(DaemonName, SpoolEpoch), u64>,
    /// Users who wait for a receipt.
    listeners: Vec<Listener>,
    /// What daemons have is to be written down.
    is_dirty: bool,
    is_full: bool,
}

/// A message that is in the present batch.
struct Pending {
    said: Said,
    speech: Speech,
    reply: oneshot::Sender<Result<Reach, String>>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(keeper: &'a mut TalkKeeper, opened: Opened) -> Self {
        Self {
            keeper,
            log: opened.log,
            talk: Talk::new(now(), opened.left),
            mains: Arc::default(),
            known: BTreeMap::new(),
            asks: Vec::new(),
            arrivals: VecDeque::new(),
            confirmations: BTreeMap::new(),
            listeners: Vec::new(),
            is_dirty: false,
            is_full: false,
        }
    }

    /// Until the end of the program, or of the disk.
    pub(super) async fn run(mut self, end: &mut oneshot::Receiver<()>) -> Result<(), SpoolError> {
        let mut mains = self.keeper.shared.mains.subscribe();
        let mut daemons = self.keeper.shared.daemons.subscribe();
        mains.mark_changed();
        self.follow(&mut daemons)?;
        let mut save = interval(TALK_SAVED);
        save.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let deadline = self.next_deadline();
            tokio::select! {
                biased;
                _ = &mut *end => break,
                Ok(()) = daemons.changed() => self.follow(&mut daemons)?,
                Ok(()) = mains.changed() => self.connect(&mut mains)?,
                Some(receipted) = self.keeper.receipts.recv() => self.receipt(receipted)?,
                Some(ask) = self.keeper.asks.recv() => self.asks.push(ask),
                Some(arrived) = self.keeper.arrivals.recv(), if !self.is_full => {
                    self.arrivals.push_back(arrived);
                }
                () = until(deadline) => self.handle(Input::Tick)?,
                _ = save.tick() => {
                    self.is_full = false;
                    self.save()?;
                }
            }
            self.gather();
            self.work()?;
            self.confirm();
            self.tell_listeners();
        }
        self.save()
    }

    fn next_deadline(&self) -> Option<Mono> {
        let listeners = self.listeners.iter().map(|one| one.until).min();
        [self.talk.next_deadline(), listeners].into_iter().flatten().min()
    }

    fn gather(&mut self) {
        while self.asks.len() < TALK_BATCH_MAX
            && let Ok(ask) = self.keeper.asks.try_recv()
        {
            self.asks.push(ask);
        }
        while !self.is_full
            && self.arrivals.len() < TALK_BATCH_MAX
            && let Ok(arrived) = self.keeper.arrivals.try_recv()
        {
            self.arrivals.push_back(arrived);
        }
    }

    /// Follows the configuration.
    fn follow(&mut self, daemons: &mut watch::Receiver<Vec<DaemonName>>) -> Result<(), SpoolError> {
        let daemons = daemons.borrow_and_update().clone();
        self.known.retain(|daemon, _| daemons.contains(daemon));
        self.handle(Input::Follow(daemons))?;
        self.tell_mains()
    }

    fn connect(&mut self, mains: &mut watch::Receiver<Arc<Mains>>) -> Result<(), SpoolError> {
        self.mains = mains.borrow_and_update().clone();
        self.tell_mains()
    }

    /// Tells the engine which main connections are new or gone.
    fn tell_mains(&mut self) -> Result<(), SpoolError> {
        let followed = self.keeper.shared.daemons.borrow().clone();
        let gone = self.known.keys().filter(|daemon| !self.mains.contains_key(*daemon));
        for daemon in gone.cloned().collect::<Vec<_>>() {
            self.known.remove(&daemon);
            self.handle(Input::MainDown { daemon })?;
        }
        for (daemon, main) in self.mains.clone().iter() {
            let connection = main.connection;
            if followed.contains(daemon)
                && self.known.insert(daemon.clone(), connection) != Some(connection)
            {
                self.handle(Input::MainUp { daemon: daemon.clone(), connection })?;
            }
        }
        Ok(())
    }

    fn receipt(&mut self, receipted: Receipted) -> Result<(), SpoolError> {
        let Receipted { daemon, receipt, .. } = receipted;
        if receipt.epoch != self.keeper.place.epoch {
            return Ok(());
        }
        self.handle(Input::Receipt { daemon, ranges: receipt.ranges.0 })
    }

    /// Writes what waits for the disk, then lets it count.
    fn work(&mut self) -> Result<(), SpoolError> {
        if self.asks.is_empty() && (self.arrivals.is_empty() || self.is_full) {
            return Ok(());
        }
        self.log.begin(&self.talk)?;
        let (mut says, mut offers, mut questions) = (Vec::new(), Vec::new(), Vec::new());
        for ask in std::mem::take(&mut self.asks) {
            match ask {
                Ask::Say(speech, reply) => says.extend(self.say(says.len(), speech, reply)?),
                Ask::Offer { former, reply } => offers.push((self.log.offer(former)?, reply)),
                Ask::Inbox { .. } | Ask::Chat { .. } => questions.push(ask),
            }
        }
        let mut fresh = BTreeSet::new();
        for Arrived { daemon, delivery } in &self.arrivals {
            let (epoch, sequence) = (delivery.epoch, delivery.sequence);
            let is_known = self.talk.inbox().has(daemon, epoch, sequence);
            if !is_known && fresh.insert((daemon.clone(), epoch, sequence)) {
                self.log.receive(daemon, delivery)?;
            }
        }
        match self.log.commit() {
            Ok(()) => {
                self.is_full = false;
                says.into_iter().try_for_each(|pending| self.said(pending))?;
                for (sequence, reply) in offers {
                    let _ = reply.send(Ok((self.keeper.place.epoch, sequence)));
                }
                self.take_arrivals(&fresh)?;
            }
            Err(SpoolError::Log(error)) if error.is_full() => {
                if !std::mem::replace(&mut self.is_full, true) {
                    warn!("{error}; messages are refused until then");
                }
                let why = format!("{error}; nothing was sent");
                for one in says {
                    let _ = one.reply.send(Err(why.clone()));
                }
                for (_, reply) in offers {
                    let _ = reply.send(Err(why.clone()));
                }
            }
            Err(error) => return Err(error),
        }
        questions.into_iter().try_for_each(|question| self.answer(question))?;
        self.clean()
    }

    /// Puts a message into the batch, which holds `before` others; `None` if it is refused.
    fn say(
        &mut self,
        before: usize,
        speech: Speech,
        reply: oneshot::Sender<Result<Reach, String>>,
    ) -> Result<Option<Pending>, SpoolError> {
        if reply.is_closed() {
            // Who asked has been told already that nobody answers.
            return Ok(None);
        }
        if !self.talk.has_room(before + 1) {
            let _ = reply.send(Err(NotSaid::Full.to_string()));
            return Ok(None);
        }
        let Speech { user, to, text, host, .. } = speech.clone();
        let time = UnixMs(clocks().wall_ms);
        let said = self.log.say(host, |sequence| Message { sequence, time, user, to, text })?;
        Ok(Some(Pending { said, speech, reply }))
    }

    /// A message is on the disk.
    fn said(&mut self, pending: Pending) -> Result<(), SpoolError> {
        let Pending { said, speech: Speech { speaker, patience, .. }, reply } = pending;
        let (sequence, shown) = (said.message.sequence, said.shown(self.keeper.place.epoch));
        self.keeper.promised = sequence;
        let id = shown.id.clone();
        self.show(&Arc::new(shown), speaker);
        self.handle(Input::Said(Arc::new(said.message)))?;
        let (until, is_patient) = (now().mono.plus(patience), !patience.is_zero());
        self.listeners.push(Listener { id, sequence, until, is_patient, reply });
        Ok(())
    }

    /// The deliveries are on the disk.
    fn take_arrivals(
        &mut self,
        fresh: &BTreeSet<(DaemonName, SpoolEpoch, u64)>,
    ) -> Result<(), SpoolError> {
        for Arrived { daemon, delivery } in std::mem::take(&mut self.arrivals) {
            let (epoch, sequence) = (delivery.epoch, delivery.sequence);
            let is_known = self.talk.inbox().has(&daemon, epoch, sequence);
            if !is_known && fresh.contains(&(daemon.clone(), epoch, sequence)) {
                self.show(&Arc::new(Shown::from(&delivery)), 0);
            }
            self.handle(Input::Taken { daemon, epoch, sequence })?;
        }
        Ok(())
    }

    fn show(&mut self, message: &Arc<Shown>, speaker: u64) {
        if remember(&mut self.keeper.recent, message) {
            self.keeper.chats.show(message, speaker);
        }
    }

    fn answer(&mut self, question: Ask) -> Result<(), SpoolError> {
        match question {
            Ask::Inbox { since, count, reply } => {
                let _ = reply.send(self.log.received(since, count)?);
            }
            Ask::Chat { speaker, reply } => {
                let recent = self.keeper.recent.iter().cloned().collect();
                let _ = reply.send((recent, self.keeper.chats.open(speaker)));
            }
            Ask::Say(..) | Ask::Offer { .. } => {}
        }
        Ok(())
    }

    fn handle(&mut self, input: Input) -> Result<(), SpoolError> {
        for effect in self.talk.handle(now(), input) {
            self.perform(effect)?;
        }
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> Result<(), SpoolError> {
        match effect {
            Effect::Send { daemon, connection, message } => {
                let main = self.mains.get(&daemon).filter(|one| one.connection == connection);
                let message = Outgoing::Message(message);
                if main.is_none_or(|main| main.messages.try_send(message).is_err()) {
                    debug!(%daemon, "a messages stream takes no more");
                }
            }
            Effect::Confirm { daemon, epoch, highest } => {
                self.confirmations.insert((daemon, epoch), highest);
            }
            Effect::Save => self.is_dirty = true,
            Effect::SkipTo { daemon, newest } => {
                warn!(
                    "{daemon} has messages up to {newest} of this spool, which ends at {}: its folder \
                     is an older copy, and sequences go on after {newest}",
                    self.talk.newest()
                );
                self.log.skip_to(newest)?;
            }
            Effect::Crowded { count } => warn!("{}", crowded(count)),
            Effect::Expired { count } => warn!("{}", expired(count)),
        }
        Ok(())
    }

    /// Confirms what is on the disk; what finds no room is tried again.
    fn confirm(&mut self) {
        let mains = &self.mains;
        self.confirmations.retain(|(daemon, epoch), highest| {
            let Some(main) = mains.get(daemon) else { return false };
            let ranges = Ranges(vec![(1, *highest)]);
            let receipt = Receipt { kind: SequenceKind::Messages.into(), epoch: *epoch, ranges };
            main.messages.try_send(Outgoing::Receipt(receipt)).is_err()
        });
    }

    /// Answers those who need not wait any longer.
    fn tell_listeners(&mut self) {
        let now = now().mono;
        for listener in std::mem::take(&mut self.listeners) {
            if listener.waits(now, &self.talk) {
                self.listeners.push(listener);
            } else {
                let hearing = self.keeper.shared.hearing.borrow().clone();
                listener.tell(&self.talk, &self.known, &hearing);
            }
        }
    }

    /// Writes down what daemons have. What is not written is sent to them again after a restart.
    fn save(&mut self) -> Result<(), SpoolError> {
        if !self.is_dirty {
            return Ok(());
        }
        self.log.mark(&self.talk)?;
        match self.log.commit() {
            Ok(()) => self.is_dirty = false,
            Err(SpoolError::Log(error)) if error.is_full() => debug!("{error}"),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn clean(&mut self) -> Result<(), SpoolError> {
        match self.log.clean(&self.talk) {
            Err(SpoolError::Log(error)) if error.is_full() => {
                debug!("{error}");
                Ok(())
            }
            cleaned => cleaned,
        }
    }
}

fn now() -> Now {
    let clocks = clocks();
    Now { mono: moment(clocks), wall: UnixMs(clocks.wall_ms) }
}

async fn until(deadline: Option<Mono>) {
    match deadline {
        Some(deadline) => {
            let wait: Duration = deadline.since(moment(clocks()));
            sleep_until(Instant::now() + wait).await;
        }
        None => std::future::pending().await,
    }
}
