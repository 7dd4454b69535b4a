//! What is done beside commits: roll-ups, merges, retention, room that is given back.
//!
//! Refuses to know how each of them works.

use std::time::{Duration, Instant};

use systole_common::time::UnixMs;

use super::{Database, StoreError};
use crate::limits::VACUUM_SHARES;
use crate::shell::metrics::slot::Retention;
use crate::shell::metrics::{merge, retention, rollup};

/// What [`Database::maintain`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Maintained {
    /// Short windows that went into long ones.
    pub merged: u64,
    /// Days of hosts that were rolled up.
    pub rolled_up: u64,
    /// Windows and roll-ups that were deleted for their age.
    pub deleted: u64,
    /// Pages that were given back to the file system.
    pub vacuumed: u64,
    /// Chunks that could not be read and are left out.
    pub damaged: u64,
    /// Whether there is more to do.
    pub more: bool,
    /// Whether it ended for want of room.
    pub full: bool,
}

impl Database {
    /// One small step after the other until there is nothing to do or `budget` is used up. What is too
    /// old is judged by the newest samples too: a clock that jumps ahead deletes nothing.
    pub fn maintain(
        &mut self,
        now: UnixMs,
        retention: &Retention,
        budget: Duration,
    ) -> Result<Maintained, StoreError> {
        let begin = Instant::now();
        let cuts = retention::Cuts::new(retention::believed(now, &self.days), retention);
        let state = |changes| Some((changes, now.0.div_euclid(60_000), cuts));
        let mut done = Maintained::default();
        let mut is_idle = self.idle_at == state(self.changes);
        loop {
            let step = if is_idle {
                let share = VACUUM_SHARES.0;
                self.guarded("giving room back", |it| retention::vacuum(&it.connection, share))
            } else {
                self.guarded("tidying up", |it| it.tidy(now, cuts))
            };
            match step {
                Ok(Some(step)) => done.add(step),
                Ok(None) if is_idle => return Ok(done),
                Ok(None) => {
                    is_idle = true;
                    self.idle_at = state(self.changes);
                    self.cut_at = Some(cuts);
                }
                Err(StoreError::Full { .. }) => return Ok(Maintained { full: true, ..done }),
                Err(error) => return Err(error),
            }
            if begin.elapsed() >= budget {
                return Ok(Maintained { more: true, ..done });
            }
        }
    }

    /// A step, and some room given back if there is much: where work never ends it would never be.
    fn tidy(&mut self, now: UnixMs, cuts: retention::Cuts) -> rusqlite::Result<Option<Maintained>> {
        let vacuumed = retention::vacuum(&self.connection, VACUUM_SHARES.1)?;
        let step = self.step(now, cuts)?;
        Ok(match (step, vacuumed) {
            (Some(mut step), Some(vacuumed)) => {
                step.add(vacuumed);
                Some(step)
            }
            (step, vacuumed) => step.or(vacuumed),
        })
    }

    fn step(&mut self, now: UnixMs, cuts: retention::Cuts) -> rusqlite::Result<Option<Maintained>> {
        let is_cut = self.cut_at == Some(cuts);
        let (step, losses) = self.transaction(|connection, _| {
            let mut losses = Vec::new();
            let mut step = rollup::step(connection, now, &mut losses)?;
            if step.is_none() {
                step = merge::step(connection, now, &mut losses)?;
            }
            if step.is_none() {
                step = retention::delete_nobodys(connection)?;
            }
            if step.is_none() && !is_cut {
                step = retention::step(connection, cuts, &mut losses)?;
            }
            Ok((step, losses))
        })?;
        if step.is_some_and(|step| step.deleted > 0) {
            self.numbers.forget();
        }
        for loss in losses {
            self.lose(loss);
        }
        self.damaged += step.map_or(0, |step| step.damaged);
        Ok(step)
    }
}

impl Maintained {
    fn add(&mut self, step: Self) {
        self.merged += step.merged;
        self.rolled_up += step.rolled_up;
        self.deleted += step.deleted;
        self.vacuumed += step.vacuumed;
        self.damaged += step.damaged;
    }
}
