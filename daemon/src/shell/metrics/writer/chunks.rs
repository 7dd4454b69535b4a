//! What the writer asks of the database, so that tests can put another one in its place.

use std::time::Duration;

use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::time::UnixMs;
use systole_common::wire::history::StorageRecord;

use super::super::super::store::StoreError;
use super::super::database::Database;
use super::super::received::ReceivedRow;
use super::super::slot::Retention;
use super::super::window::ClosedWindow;

/// A place for closed windows.
pub trait Chunks {
    /// Writes windows and what was received in one transaction; `Full` leaves all as it was.
    fn commit(
        &mut self,
        windows: &[ClosedWindow],
        received: &[ReceivedRow],
    ) -> Result<(), StoreError>;
    /// Whether all that was committed is now on the disk.
    fn checkpoint(&mut self) -> Result<bool, StoreError>;
    /// The times of the slots of `host` in `[from_ms, to_ms)`, ascending.
    fn slot_times(
        &mut self,
        host: &HostId,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<i64>, StoreError>;
    /// Works in the background for about `budget`.
    fn maintain(
        &mut self,
        now: UnixMs,
        retention: &Retention,
        budget: Duration,
    ) -> Result<(), StoreError>;
    /// Deletes what is older than `before`.
    fn clean_up(
        &mut self,
        host: Option<&HostId>,
        before: UnixMs,
    ) -> Result<Vec<StorageRecord>, StoreError>;
    /// Forgets what was received of one life of a spool.
    fn forget_epoch(&mut self, host: &HostId, epoch: SpoolEpoch) -> Result<(), StoreError>;
    /// Its size on the disk.
    fn bytes(&self) -> u64;
    /// How much was found damaged since the start.
    fn damaged(&self) -> u64;
    /// What was lost since it was asked last, one plain line each.
    fn take_losses(&mut self) -> Vec<String>;
    /// Writes everything back.
    fn close(self) -> Result<(), StoreError>;
    /// Ends without that.
    fn leave(self) -> Result<(), StoreError>;
}

impl Chunks for Database {
    fn commit(
        &mut self,
        windows: &[ClosedWindow],
        received: &[ReceivedRow],
    ) -> Result<(), StoreError> {
        Database::commit(self, windows, received)
    }

    fn checkpoint(&mut self) -> Result<bool, StoreError> {
        Database::checkpoint(self)
    }

    fn slot_times(
        &mut self,
        host: &HostId,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<i64>, StoreError> {
        Database::slot_times(self, host, from_ms, to_ms)
    }

    fn maintain(
        &mut self,
        now: UnixMs,
        retention: &Retention,
        budget: Duration,
    ) -> Result<(), StoreError> {
        Database::maintain(self, now, retention, budget).map(drop)
    }

    fn clean_up(
        &mut self,
        host: Option<&HostId>,
        before: UnixMs,
    ) -> Result<Vec<StorageRecord>, StoreError> {
        Database::clean_up(self, host, before)
    }

    fn forget_epoch(&mut self, host: &HostId, epoch: SpoolEpoch) -> Result<(), StoreError> {
        Database::forget_epoch(self, host, epoch)
    }

    fn bytes(&self) -> u64 {
        Database::bytes(self)
    }

    fn damaged(&self) -> u64 {
        Database::damaged(self)
    }

    fn take_losses(&mut self) -> Vec<String> {
        Database::take_losses(self)
    }

    fn close(self) -> Result<(), StoreError> {
        Database::close(self)
    }

    fn leave(self) -> Result<(), StoreError> {
        Database::leave(self)
    }
}
