//! What every task of the shell shares: who we are, who is connected, where inputs go, what is counted.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use systole_common::ids::{DaemonName, FleetName, InstanceId};
use systole_common::net::identity::Fingerprint;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::counters::Counters;
use super::files::Depot;
use super::lag::LoopLag;
use super::metric_queue::MetricQueue;
use super::peers::Peers;
use crate::config::ConnectionLimits;
use crate::engine::input::Input;
use crate::engine::settings::TalkSettings;

/// See the module's words. One for each run of the daemon.
#[derive(Debug)]
pub(super) struct Context {
    /// Our name, from the certificate.
    pub(super) name: DaemonName,
    /// Our fleet, from the certificate.
    pub(super) fleet: FleetName,
    /// This start of the daemon.
    pub(super) instance: InstanceId,
    /// Who is connected.
    pub(super) peers: Peers,
    /// Where inputs for the engine go; whoever fills it too fast waits.
    pub(super) inputs: mpsc::Sender<Input>,
    /// Where samples for the metric store go.
    pub(super) metrics: MetricQueue,
    /// What is counted.
    pub(super) counters: Counters,
    /// How late the engine's loop is.
    pub(super) lag: LoopLag,
    /// Where received files go.
    pub(super) files: Arc<Depot>,
    /// How fast hosts may speak; replaced on SIGHUP.
    pub(super) talk: ArcSwap<TalkSettings>,
    /// How many may connect; replaced on SIGHUP.
    pub(super) limits: ArcSwap<ConnectionLimits>,
    /// Whose certificates are refused; replaced on SIGHUP.
    pub(super) revoked: ArcSwap<BTreeSet<Fingerprint>>,
    /// Cancelled when the daemon stops: no new connections, no new requests.
    pub(super) stopping: CancellationToken,
}

/// Our version, as it stands in hellos.
pub(super) const SOFTWARE: &str = env!("CARGO_PKG_VERSION");

impl Context {
    /// Tells the engine something; waits while too much waits already. Nobody listens after the end.
    pub(super) async fn tell(&self, input: Input) {
        let _ = self.inputs.send(input).await;
    }

    /// Runs `task` on its own; a fault of ours in it is counted and ends nothing but the task.
    /// Returns what it returns, or `None` after a fault.
    pub(super) async fn contain<T: Send + 'static>(
        self: &Arc<Self>,
        what: &'static str,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        match tokio::spawn(task).await {
            Ok(value) => Some(value),
            Err(error) => {
                if error.is_panic() {
                    self.counters.add(super::counters::rare::TASKS_FAILED, what);
                    tracing::error!(
                        task = what,
                        "a task failed by a fault of this program; only its connection ends"
                    );
                }
                None
            }
        }
    }
}
