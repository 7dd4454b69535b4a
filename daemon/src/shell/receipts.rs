//! The way of receipts from the metric store's thread to the engine, which knows whom to tell.

use std::sync::{Arc, OnceLock};

use systole_common::ids::{HostId, SpoolEpoch};
use tokio::sync::mpsc;

use super::metrics::writer::Receipts;
use crate::engine::input::Input;

/// Tells the engine, from the moment on at which there is one.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    inputs: Arc<OnceLock<mpsc::Sender<Input>>>,
}

impl Told {
    /// From now on `inputs` are the engine's.
    pub(super) fn bind(&self, inputs: mpsc::Sender<Input>) {
        // Bound once, at the start.
        let _ = self.inputs.set(inputs);
    }
}

impl Receipts for Told {
    fn received(&self, host: &HostId, epoch: SpoolEpoch, ranges: Vec<(u64, u64)>) {
        if let Some(inputs) = self.inputs.get() {
            // Nobody listens after the end; the agents ask again.
            let _ = inputs.blocking_send(Input::Received { host: host.clone(), epoch, ranges });
        }
    }
}
