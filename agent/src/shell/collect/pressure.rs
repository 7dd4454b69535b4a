//! The four files of `/proc/pressure`, those that the kernel has.

use std::path::Path;

use super::note::CollectNote;
use super::proc_file::ProcFile;
use crate::engine::collect::Samples;
use crate::engine::collect::limits::PROC_FILE_BYTES_MAX;
use crate::engine::collect::pressure::{PressureTracker, Resource};

/// Each resource with its file and its last reading.
#[derive(Debug)]
pub(super) struct Pressure {
    resources: [(Resource, ProcFile, PressureTracker); Resource::ALL.len()],
}

impl Pressure {
    pub(super) fn new(proc_root: &Path) -> Self {
        let one = |resource: Resource| {
            let file = ProcFile::optional(proc_root.join(resource.file()));
            (resource, file, PressureTracker::default())
        };
        Self { resources: Resource::ALL.map(one) }
    }

    /// Adds the shares since the last tick; a kernel without pressure has none, and nothing is said.
    pub(super) fn tick(
        &mut self,
        now_ns: u64,
        buffer: &mut Vec<u8>,
        samples: &mut Samples,
        notes: &mut Vec<CollectNote>,
    ) {
        for (resource, file, tracker) in &mut self.resources {
            match file.read(now_ns, PROC_FILE_BYTES_MAX, buffer, notes) {
                Some(text) => tracker.sample(*resource, text, now_ns, samples),
                None => tracker.forget(),
            }
        }
    }
}
