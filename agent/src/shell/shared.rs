//! What the threads tell each other: newest values only, nobody ever waits.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use systole_common::net::certificates::Credentials;
use systole_common::wire::agent::{Processes, Progress};
use tokio::sync::{oneshot, watch};

use crate::engine::effect::Sampling;
use crate::engine::input::DaemonAddress;
use crate::engine::series::Reading;
use crate::engine::status::{Hearing, Report};
use crate::shell::delivery::outlet::{BulkLinks, DeliveryReport, Mains};
use systole_common::ids::DaemonName;

/// Counters that grow while the agent's parts work.
#[derive(Debug, Default)]
pub struct Counters {
    /// Samples collected.
    pub collector: AtomicU64,
    /// Frames given to a metrics stream.
    pub sender: AtomicU64,
    /// Slots written to the spool.
    pub spooled: AtomicU64,
    /// Slots that found no way into the spool because its disk hangs or failed.
    pub unspooled: AtomicU64,
    /// Pieces of files read to be sent.
    pub files: AtomicU64,
    /// Rounds of the worker's loop.
    pub worker: AtomicU64,
    /// Datagrams that found no room.
    pub datagrams_dropped: AtomicU64,
    /// Sequence of the newest heartbeat.
    pub heartbeat: AtomicU64,
}

impl Counters {
    /// What a heartbeat says of them.
    pub fn progress(&self) -> Progress {
        Progress {
            collector: self.collector.load(Ordering::Relaxed),
            sender: self.sender.load(Ordering::Relaxed),
            file_worker: self.files.load(Ordering::Relaxed),
            disk_check: self.spooled.load(Ordering::Relaxed),
        }
    }
}

/// Everything that all threads see.
#[derive(Debug)]
pub struct Shared {
    /// Progress of all parts.
    pub counters: Counters,
    /// Newest metrics; written by the worker, read by each connection.
    pub reading: watch::Sender<Arc<Reading>>,
    /// Newest process list; written by the worker, read by each connection.
    pub processes: watch::Sender<Arc<Processes>>,
    /// What to sample; written by the heartbeat thread, read by the worker.
    pub sampling: watch::Sender<Sampling>,
    /// The newest connection to each daemon; written by the heartbeat thread, read by the delivery.
    pub mains: watch::Sender<Arc<Mains>>,
    /// The daemons that are configured; written by the worker, read by the delivery.
    pub daemons: watch::Sender<Vec<DaemonName>>,
    /// The bulk connections that can be used; written by the delivery, read by whoever sends files.
    pub bulks: watch::Sender<BulkLinks>,
    /// The daemons that files are to go to; written by whoever sends them, read by the delivery.
    pub file_daemons: watch::Sender<BTreeSet<DaemonName>>,
    /// The daemons that hear this agent; written by the heartbeat thread, read by the talk and by chats.
    pub hearing: watch::Sender<Hearing>,
    report: Mutex<Arc<Report>>,
    delivery: Mutex<Arc<DeliveryReport>>,
}

impl Shared {
    /// The state before anything happened; `daemons` are configured.
    pub fn new(report: Report, sampling: Sampling, daemons: Vec<DaemonName>) -> Self {
        Self {
            counters: Counters::default(),
            reading: watch::Sender::new(Arc::default()),
            processes: watch::Sender::new(Arc::new(Processes { processes: Vec::new() })),
            sampling: watch::Sender::new(sampling),
            mains: watch::Sender::new(Arc::default()),
            daemons: watch::Sender::new(daemons),
            bulks: watch::Sender::new(BulkLinks::new()),
            file_daemons: watch::Sender::new(BTreeSet::new()),
            hearing: watch::Sender::new(report.hearing()),
            report: Mutex::new(Arc::new(report)),
            delivery: Mutex::default(),
        }
    }

    /// How things stand with the daemons.
    pub fn report(&self) -> Arc<Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How things stand with the spool.
    pub fn delivery(&self) -> Arc<DeliveryReport> {
        self.delivery.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes known how things stand with the spool.
    pub fn publish_delivery(&self, report: DeliveryReport) {
        *self.delivery.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(report);
    }

    /// Makes known how things stand.
    pub fn publish(&self, report: Report) {
        let hearing = report.hearing();
        self.hearing.send_if_modified(|known| {
            let is_new = *known != hearing;
            *known = hearing;
            is_new
        });
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(report);
    }
}

/// What came of a `leave`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Daemons that confirmed it.
    pub told: Vec<DaemonName>,
    /// Daemons that did not, in time.
    pub untold: Vec<DaemonName>,
}

/// What the worker asks of the heartbeat thread.
#[derive(Debug)]
pub enum Command {
    /// Dial with these from now on.
    Credentials(Box<Credentials>),
    /// There is a certificate, and it cannot be used.
    CertificateUnusable(String),
    /// The configuration was read anew.
    Configure {
        /// The daemons.
        daemons: Vec<DaemonAddress>,
        /// The labels.
        labels: Vec<(String, String)>,
    },
    /// Announce an absence.
    Leave {
        /// How long.
        lease: Duration,
        /// Why.
        why: String,
        /// Who waits for the daemons' word.
        reply: oneshot::Sender<Told>,
    },
    /// Take an absence back.
    Return {
        /// Who waits for the daemons' word.
        reply: oneshot::Sender<Told>,
    },
    /// End.
    Stop(String),
}
