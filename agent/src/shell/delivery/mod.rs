//! The spool's thread: writes each slot to disk, then sends it, and what a daemon lacks besides.
//!
//! It owns the spool, the delivery's engine and all bulk connections. Its disk may be slow or hang:
//! heartbeats, live values and the collectors are on other threads and hand things over without
//! waiting. A slot goes out only once the spool has it.

mod bulk;
mod bulks;
pub mod outlet;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use systole_common::ids::DaemonName;
use systole_common::ranges::RangeSet;
use systole_common::time::Mono;
use systole_common::wire::agent::Dropped;
use systole_common::wire::control::{Ranges, SequenceKind};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tracing::{debug, error, info, warn};

use super::clocks::clocks;
use super::heart::attempt::Introduction;
use super::host::random;
use super::shared::Shared;
use super::spool::{Spool, SpoolBounds, SpoolError};
use crate::engine::delivery::{Delivery, Effect, Input, Kept};
use crate::engine::input::ConnectionId;
use crate::engine::moment;
use crate::limits::{BULK_CLOSE_WAIT, CURSORS_SAVED, SPOOL_REOPEN};
use bulks::Bulks;
use outlet::{DeliveryReport, Deposit, Mains, Outgoing, Receipted, StoredSlot};

/// Where the spool is and how large it may become.
#[derive(Debug, Clone)]
pub struct SpoolPlace {
    /// Its folder.
    pub folder: PathBuf,
    /// What it may hold.
    pub bounds: SpoolBounds,
    /// Where drills write down what was spooled and received.
    pub ledger: Option<PathBuf>,
}

impl SpoolPlace {
    /// Opens the spool and says what of it is lost.
    pub fn open(&self) -> Result<Spool, SpoolError> {
        let (spool, losses) = Spool::open(&self.folder, self.bounds, self.ledger.as_deref())?;
        for loss in losses {
            warn!("{loss}");
        }
        Ok(spool)
    }
}

/// What the spool's thread begins with.
#[derive(Debug)]
pub struct Keeper {
    /// Where the spool is, to open it again.
    pub place: SpoolPlace,
    /// Counters, newest values, connections.
    pub shared: Arc<Shared>,
    /// What a hello says.
    pub introduction: Introduction,
    /// Slots from the worker.
    pub deposits: mpsc::Receiver<Deposit>,
    /// Receipts from the daemons.
    pub receipts: mpsc::Receiver<Receipted>,
}

impl Keeper {
    /// Keeps and delivers until `end` says so. If the disk fails, all else goes on, and the spool is opened
    /// again now and then.
    pub async fn run(mut self, spool: Spool, mut end: oneshot::Receiver<()>) {
        let mut spool = Some(spool);
        let (mut held, mut repaired_at) = (RangeSet::new(), None);
        loop {
            let Some(open) = spool.take() else {
                if !self.rest(&mut end).await {
                    return;
                }
                spool = self.reopen(&held);
                continue;
            };
            let mut watch = Watch::new(&mut self, open);
            let ended = watch.run(&mut end).await;
            held = watch.close();
            let is_first = repaired_at.is_none_or(|at: Instant| at.elapsed() > SPOOL_REOPEN);
            match ended {
                Ok(()) => return,
                Err(SpoolError::Unreadable(error)) if is_first => {
                    // Opening it again sets aside what cannot be read, and says so.
                    debug!("{error}");
                    repaired_at = Some(Instant::now());
                    spool = self.reopen(&held);
                }
                Err(error) => {
                    error!("{error}");
                    error!(
                        "nothing is stored until the spool can be used, which is tried each {} s; live values go on",
                        SPOOL_REOPEN.as_secs()
                    );
                }
            }
        }
    }

    /// Lets time pass while there is no spool; `false` at the end of the program.
    async fn rest(&mut self, end: &mut oneshot::Receiver<()>) -> bool {
        let until = Instant::now() + SPOOL_REOPEN;
        loop {
            tokio::select! {
                _ = &mut *end => return false,
                () = sleep_until(until) => return true,
                Some(_) = self.deposits.recv() => {
                    self.shared.counters.unspooled.fetch_add(1, Ordering::Relaxed);
                }
                Some(_) = self.receipts.recv() => {}
            }
        }
    }

    /// Opens the spool again, and counts what it has not any more of what it `held`.
    fn reopen(&self, held: &RangeSet) -> Option<Spool> {
        match self.place.open() {
            Ok(mut spool) if spool.epoch() == self.introduction.spool_epoch => {
                info!("the spool can be used again");
                spool.lose(held);
                Some(spool)
            }
            Ok(_) => {
                error!("the spool is another one than before; restart the agent");
                None
            }
            Err(error) => {
                debug!("{error}");
                None
            }
        }
    }
}

/// One life of an open spool.
struct Watch<'a> {
    keeper: &'a mut Keeper,
    spool: Spool,
    delivery: Delivery,
    bulks: Bulks,
    /// What is to be told to the engine next.
    inputs: VecDeque<Input>,
    newest: Option<Arc<StoredSlot>>,
    mains: Arc<Mains>,
    /// The main connections that the engine knows.
    known: BTreeMap<DaemonName, ConnectionId>,
}

impl<'a> Watch<'a> {
    fn new(keeper: &'a mut Keeper, spool: Spool) -> Self {
        let kept = Kept { oldest: spool.oldest(), newest: spool.newest() };
        // Only spreads attempts: without random numbers they are not spread.
        let seed = random().unwrap_or(1);
        let bulks = Bulks::new(keeper.introduction.clone(), keeper.shared.clone());
        Self {
            delivery: Delivery::new(spool.epoch(), kept, seed),
            keeper,
            spool,
            bulks,
            inputs: VecDeque::new(),
            newest: None,
            mains: Arc::default(),
            known: BTreeMap::new(),
        }
    }

    /// Until the end of the program, or of the disk.
    async fn run(&mut self, end: &mut oneshot::Receiver<()>) -> Result<(), SpoolError> {
        let mut sampling = self.keeper.shared.sampling.subscribe();
        let mut mains = self.keeper.shared.mains.subscribe();
        let mut daemons = self.keeper.shared.daemons.subscribe();
        let mut files = self.keeper.shared.file_daemons.subscribe();
        files.mark_changed();
        mains.mark_changed();
        daemons.mark_changed();
        sampling.mark_changed();
        let mut save = interval(CURSORS_SAVED);
        save.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let deadline = self.delivery.next_deadline();
            tokio::select! {
                biased;
                _ = &mut *end => break,
                Ok(()) = daemons.changed() => self.follow(&mut daemons),
                Ok(()) = mains.changed() => self.connect(&mut mains),
                Ok(()) = files.changed() => self.open_for(&files.borrow_and_update()),
                Ok(()) = sampling.changed() => {
                    self.spool.set_interval(sampling.borrow_and_update().stored);
                }
                Some(deposit) = self.keeper.deposits.recv() => self.deposit(deposit)?,
                Some(receipted) = self.keeper.receipts.recv() => {
                    let Receipted { daemon, connection, receipt } = receipted;
                    self.inputs.push_back(Input::Receipt { daemon, connection, receipt });
                }
                input = self.bulks.next() => self.inputs.push_back(input),
                () = until(deadline) => self.inputs.push_back(Input::Tick),
                _ = save.tick() => self.spool.save(),
            }
            self.work()?;
            self.publish();
        }
        if timeout(BULK_CLOSE_WAIT, self.bulks.end()).await.is_err() {
            debug!("some daemon did not confirm the end of its bulk connection");
        }
        Ok(())
    }

    /// Lets the spool go, and says what it had.
    fn close(mut self) -> RangeSet {
        self.spool.save();
        self.spool.held()
    }

    /// Follows the configuration. A daemon that is gone holds nothing in the spool any more.
    fn follow(&mut self, daemons: &mut watch::Receiver<Vec<DaemonName>>) {
        let daemons = daemons.borrow_and_update().clone();
        self.spool.follow(&daemons);
        let received = |daemon: DaemonName| (daemon.clone(), self.spool.received(&daemon));
        let followed = daemons.iter().cloned().map(received).collect();
        self.inputs.push_back(Input::Follow(followed));
        self.known.retain(|daemon, _| daemons.contains(daemon));
        self.tell_mains();
    }

    /// Tells the engine which daemons files are to go to.
    fn open_for(&mut self, daemons: &BTreeSet<DaemonName>) {
        for daemon in self.keeper.shared.daemons.borrow().iter().cloned() {
            let wanted = daemons.contains(&daemon);
            self.inputs.push_back(Input::FilesWanted { daemon, wanted });
        }
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
            self.inputs.push_back(Input::MainDown { daemon });
        }
        for (daemon, main) in self.mains.iter().filter(|(daemon, _)| followed.contains(daemon)) {
            let connection = main.connection;
            if self.known.insert(daemon.clone(), connection) != Some(connection) {
                let daemon = daemon.clone();
                self.inputs.push_back(Input::MainUp { daemon, connection });
            }
        }
    }

    fn deposit(&mut self, deposit: Deposit) -> Result<(), SpoolError> {
        let slot = deposit.slot;
        let counters = &self.keeper.shared.counters;
        let appended = self.spool.append(slot.slot_ms, slot.interval_ms, &deposit.samples);
        let sequence = appended.inspect_err(|_| {
            counters.unspooled.fetch_add(1, Ordering::Relaxed);
        })?;
        counters.spooled.fetch_add(1, Ordering::Relaxed);
        self.newest = Some(Arc::new(StoredSlot { sequence, deposit }));
        let kept = Kept { oldest: self.spool.oldest(), newest: sequence };
        self.inputs.push_back(Input::Spooled(kept));
        Ok(())
    }

    /// Lets the engine decide, and does what it says.
    fn work(&mut self) -> Result<(), SpoolError> {
        while let Some(input) = self.inputs.pop_front() {
            for effect in self.delivery.handle(moment(clocks()), input) {
                self.perform(effect)?;
            }
        }
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> Result<(), SpoolError> {
        match effect {
            Effect::Live { daemon, connection, sequence } => {
                let newest = self.newest.clone().filter(|kept| kept.sequence == sequence);
                if let Some(kept) = newest {
                    self.tell(&daemon, connection, Outgoing::Stored(kept));
                }
            }
            Effect::Declare { daemon, connection, ranges } => {
                let dropped = self.dropped(ranges);
                self.tell(&daemon, connection, Outgoing::Dropped(dropped));
            }
            Effect::SkipTo { daemon, newest } => {
                warn!(
                    "{daemon} has samples up to {newest} of this spool, which ends at {}: its folder \
                     is an older copy, and sequences go on after {newest}",
                    self.spool.newest()
                );
                self.spool.skip_to(newest)?;
            }
            Effect::Record { daemon, ranges } => self.spool.receipt(&daemon, &ranges),
            Effect::OpenBulk { daemon, bulk } => match self.mains.get(&daemon) {
                Some(main) => self.bulks.open(bulk, daemon, main),
                None => {
                    self.inputs.push_back(Input::BulkDown { daemon, bulk, retry_after: None });
                }
            },
            Effect::Send { daemon, bulk, first, last } => {
                let input = self.bulks.send(&mut self.spool, bulk, daemon, (first, last))?;
                self.inputs.extend(input);
            }
            Effect::CloseBulk { bulk } => self.bulks.close(bulk),
        }
        Ok(())
    }

    fn dropped(&self, ranges: Ranges) -> Dropped {
        Dropped { kind: SequenceKind::Samples.into(), epoch: self.spool.epoch(), ranges }
    }

    /// Hands something to a metrics stream. What finds no room is sent again after a while.
    fn tell(&self, daemon: &DaemonName, connection: ConnectionId, outgoing: Outgoing) {
        let main = self.mains.get(daemon).filter(|main| main.connection == connection);
        if main.is_none_or(|main| main.outlet.try_send(outgoing).is_err()) {
            debug!(%daemon, "a metrics stream takes no more");
        }
    }

    fn publish(&self) {
        let status = self.spool.status();
        self.keeper.shared.publish_delivery(DeliveryReport {
            bytes: status.bytes,
            oldest: status.oldest,
            dropped: status.dropped,
            newest_sequence: status.newest,
            cursors: self.delivery.cursors(),
        });
    }
}

async fn until(deadline: Option<Mono>) {
    match deadline {
        Some(deadline) => {
            let wait = deadline.since(moment(clocks()));
            sleep_until(Instant::now() + wait).await;
        }
        None => std::future::pending().await,
    }
}
