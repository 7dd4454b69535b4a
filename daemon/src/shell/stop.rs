//! A running daemon's parts, what may fail in them, and the way to stop them in order within 5 s.

use std::sync::Arc;
use std::time::Duration;

use quinn::VarInt;
use systole_common::model::coded::Coded;
use systole_common::net::endpoint::ServerEndpoint;
use systole_common::wire::hello::CloseCode;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use super::context::Context;
use super::folder::StateFolder;
use super::metrics::slot::Intake;
use super::store::StoreError;
use super::watchdog;
use crate::error::DaemonError;
use crate::limits::{DRAIN, FAREWELL};

/// How a writer's thread ends, that of `state.db` or of the metric store.
pub(super) type Written = oneshot::Receiver<Result<(), StoreError>>;

/// The parts of a running daemon.
pub(super) struct Running {
    /// What all tasks share.
    pub(super) context: Arc<Context>,
    /// The endpoint.
    pub(super) endpoint: Arc<ServerEndpoint>,
    /// The tasks of all connections.
    pub(super) tasks: TaskTracker,
    /// The listener; ends only when the daemon stops.
    pub(super) listener: JoinHandle<()>,
    /// The engine's loop.
    pub(super) engine: JoinHandle<()>,
    /// Ends the engine's loop.
    pub(super) end: CancellationToken,
    /// How the writer ended.
    pub(super) written: Written,
    /// How the metric store's writer ended.
    pub(super) kept: Written,
    /// The state folder, locked until all is written.
    pub(super) folder: StateFolder,
}

const REASON: &str = "the daemon stops";

impl Running {
    /// Waits for a part to fail; as long as all goes well that is for ever.
    pub(super) async fn failure(&mut self) -> DaemonError {
        tokio::select! {
            written = &mut self.written => match written {
                Ok(Err(error)) => error.into(),
                Ok(Ok(())) | Err(_) => DaemonError::Bug("the writer of state.db"),
            },
            kept = &mut self.kept => match kept {
                Ok(Err(error)) => error.into(),
                Ok(Ok(())) | Err(_) => DaemonError::Bug("the writer of metrics.db"),
            },
            _ = &mut self.engine => DaemonError::Bug("the engine"),
            _ = &mut self.listener => DaemonError::Bug("the listener"),
        }
    }

    /// After a failure: nothing more is promised to anybody.
    pub(super) fn abandon(&self, failure: &DaemonError) {
        error!(reason = %failure, "the daemon cannot go on");
        self.context.stopping.cancel();
        self.close_all();
    }

    /// Stops in order: nobody new, everybody told, everything written.
    pub(super) async fn stop(mut self) -> Result<(), DaemonError> {
        let limit = Instant::now() + DRAIN;
        watchdog::stopping();
        info!("stopping");
        self.context.stopping.cancel();
        self.context.peers.close_all(CloseCode::Restart, REASON);
        self.close_all();
        self.tasks.close();
        let samples = self.context.metrics.clone();
        // Each connection's task tells the engine how it ended, for the log of its host.
        if timeout(DRAIN / 2, self.tasks.wait()).await.is_err() {
            warn!(tasks = self.tasks.len(), "some connections did not end in time");
        }
        let _ = timeout_at(limit, samples.order(Intake::Stop)).await;
        self.end.cancel();
        let result = match timeout_at(limit, &mut self.engine).await {
            Ok(Ok(())) => self.writers_done(limit).await,
            Ok(Err(_)) => Err(DaemonError::Bug("the engine")),
            Err(_) => Err(DaemonError::Drain(DRAIN)),
        };
        let idle =
            timeout(FAREWELL.min(Duration::from_millis(500)), self.endpoint.endpoint().wait_idle());
        let _ = idle.await;
        if result.is_ok() {
            info!(state = %self.folder.path().display(), "stopped");
        }
        result
    }

    async fn writers_done(&mut self, limit: Instant) -> Result<(), DaemonError> {
        let kept = done(limit, &mut self.kept, "the writer of metrics.db").await;
        done(limit, &mut self.written, "the writer of state.db").await?;
        kept
    }

    fn close_all(&self) {
        let code = VarInt::from_u32(CloseCode::Restart.code().into());
        self.endpoint.endpoint().close(code, REASON.as_bytes());
    }
}

async fn done(limit: Instant, ended: &mut Written, what: &'static str) -> Result<(), DaemonError> {
    match timeout_at(limit, ended).await {
        Ok(Ok(result)) => result.map_err(Into::into),
        Ok(Err(_)) => Err(DaemonError::Bug(what)),
        Err(_) => Err(DaemonError::Drain(DRAIN)),
    }
}
