//! When the host is looked at next: for what is stored, for who looks live, for the process list.
//!
//! Stored slots lie on the wall clock's multiples of their interval, so that hosts and days line up; a
//! clock that is set back never makes a slot twice. Live looks have a grid of their own, unless they
//! are no more frequent than the stored ones: then those serve both. A shorter interval takes effect
//! at once. Shares of time are never taken over a moment, nor over the hours that nobody looked.

use std::time::Duration;

use systole_common::time::{Mono, millis};
use systole_common::wire::hello::Clocks;

use super::effect::Sampling;
use super::moment;
use crate::limits::{LOOKS_APART_MIN, STORED_STRETCHES_MAX};

/// What is due, and when the next is.
#[derive(Debug)]
pub struct SamplingPlan {
    sampling: Sampling,
    stored: StoredGrid,
    looked_at: Option<Mono>,
    live_at: Option<Mono>,
    processes_at: Mono,
}

/// What is to be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Due {
    /// The metrics, to be stored as this slot.
    pub stored: Option<Slot>,
    /// The same values are also the live ones.
    pub stored_is_live: bool,
    /// The metrics, for those who look.
    pub live: LiveLook,
    /// The process list.
    pub processes: bool,
}

/// A slot of stored values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Its begin, milliseconds since 1970 by the wall clock.
    pub slot_ms: i64,
    /// Its length in milliseconds.
    pub interval_ms: u32,
}

/// A look for those who look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LiveLook {
    /// Not now.
    #[default]
    None,
    /// Only as the begin of the time that the next one's shares are taken over.
    Begin,
    /// Now.
    Now,
}

impl SamplingPlan {
    /// A plan that looks as soon as shares can be taken, and stores from the next slot on.
    pub fn new(now: Clocks, sampling: Sampling) -> Self {
        Self {
            sampling,
            stored: StoredGrid::new(now.wall_ms, sampling.stored),
            looked_at: None,
            live_at: Some(moment(now)),
            processes_at: moment(now),
        }
    }

    /// Follows what the daemons want. With the first daemon a look is due at once, or as soon as the
    /// last one is long enough ago.
    pub fn follow(&mut self, now: Clocks, sampling: Sampling) {
        let mono = moment(now);
        let connects = sampling.connected && !self.sampling.connected;
        let apart = self.looked_at.map_or(mono, |looked_at| looked_at.plus(LOOKS_APART_MIN));
        let soon = mono.max(apart);
        if connects || sampling.live < self.sampling.live {
            self.live_at = Some(soon);
        } else if rides(&sampling) {
            self.live_at = self.live_at.filter(|at| *at <= soon);
        } else {
            let latest = mono.plus(sampling.live);
            self.live_at = Some(self.live_at.map_or(latest, |at| at.min(latest)));
        }
        if connects || sampling.processes < self.sampling.processes {
            self.processes_at = mono;
        }
        self.processes_at = self.processes_at.min(mono.plus(sampling.processes));
        self.stored.follow(now.wall_ms, sampling.stored);
        self.sampling = sampling;
    }

    /// How long to wait for what is due next. The process list is left alone while nobody is
    /// connected. A clock that is set meanwhile is noticed at the next call.
    pub fn wait(&self, now: Clocks) -> Duration {
        let mono = moment(now);
        let processes = Some(self.processes_at).filter(|_| self.sampling.connected);
        let grids = [self.live_at, processes].into_iter().flatten().map(|at| at.since(mono));
        grids.fold(self.stored.wait(now.wall_ms), Duration::min)
    }

    /// What is due at `now`; the plan moves on.
    pub fn take(&mut self, now: Clocks) -> Due {
        let mono = moment(now);
        let (slot_before, stored) = (self.stored.current, self.stored.take(now.wall_ms));
        if stored.is_none() && self.stored.current != slot_before && rides(&self.sampling) {
            // A clock that was set back: the slot was made before, but who looks live wants a value.
            self.live_at = Some(self.live_at.map_or(mono, |at| at.min(mono)));
        }
        let processes = self.sampling.connected && self.processes_at <= mono;
        if processes {
            self.processes_at = after(self.processes_at, mono, self.sampling.processes);
        }
        let stored_is_live = stored.is_some() && rides(&self.sampling);
        Due { stored, stored_is_live, live: self.take_live(mono), processes }
    }

    fn take_live(&mut self, now: Mono) -> LiveLook {
        let Some(due) = self.live_at.filter(|at| *at <= now) else { return LiveLook::None };
        let recent = self.sampling.live.saturating_mul(2);
        let is_fresh = self.looked_at.is_some_and(|looked_at| now.since(looked_at) <= recent);
        self.looked_at = Some(now);
        if !is_fresh {
            self.live_at = Some(now.plus(LOOKS_APART_MIN));
            return LiveLook::Begin;
        }
        self.live_at = (!rides(&self.sampling)).then(|| after(due, now, self.sampling.live));
        LiveLook::Now
    }
}

/// Whether the stored looks are frequent enough for those who look live.
fn rides(sampling: &Sampling) -> bool {
    sampling.live >= sampling.stored
}

/// The slots of the wall clock, and which of them were made.
#[derive(Debug)]
struct StoredGrid {
    interval_ms: i64,
    /// The slot that is over: nothing is due until another one begins.
    current: i64,
    /// First and last of slots made one after the other, the newest stretch last.
    made: Vec<(i64, i64)>,
}

impl StoredGrid {
    fn new(wall_ms: i64, interval: Duration) -> Self {
        let interval_ms = i64::try_from(millis(interval)).unwrap_or(i64::MAX).max(1);
        Self { interval_ms, current: slot(wall_ms, interval_ms), made: Vec::new() }
    }

    fn follow(&mut self, wall_ms: i64, interval: Duration) {
        let fresh = Self::new(wall_ms, interval);
        if fresh.interval_ms != self.interval_ms {
            *self = Self { made: std::mem::take(&mut self.made), ..fresh };
        }
    }

    fn is_due(&self, wall_ms: i64) -> bool {
        let slot = slot(wall_ms, self.interval_ms);
        slot != self.current
            && !self.made.iter().any(|(first, last)| *first <= slot && slot <= *last)
    }

    fn wait(&self, wall_ms: i64) -> Duration {
        if self.is_due(wall_ms) {
            return Duration::ZERO;
        }
        let next = slot(wall_ms, self.interval_ms).saturating_add(self.interval_ms);
        Duration::from_millis(u64::try_from(next.saturating_sub(wall_ms)).unwrap_or(0).max(1))
    }

    fn take(&mut self, wall_ms: i64) -> Option<Slot> {
        let slot_ms = slot(wall_ms, self.interval_ms);
        let is_due = self.is_due(wall_ms);
        self.current = slot_ms;
        if !is_due {
            return None;
        }
        let apart_max = self.interval_ms.saturating_mul(2);
        match self.made.last_mut() {
            Some((_, last)) if slot_ms > *last && slot_ms.saturating_sub(*last) <= apart_max => {
                *last = slot_ms;
            }
            Some(_) | None => self.made.push((slot_ms, slot_ms)),
        }
        if self.made.len() > STORED_STRETCHES_MAX {
            self.made.remove(0);
        }
        Some(Slot { slot_ms, interval_ms: u32::try_from(self.interval_ms).unwrap_or(u32::MAX) })
    }
}

/// The begin of the slot that `wall_ms` lies in.
fn slot(wall_ms: i64, interval_ms: i64) -> i64 {
    wall_ms.saturating_sub(wall_ms.rem_euclid(interval_ms))
}

/// The first point of the grid through `from` that lies after `now`.
fn after(from: Mono, now: Mono, interval: Duration) -> Mono {
    let step = interval.as_nanos().max(1);
    let steps = now.since(from).as_nanos() / step + 1;
    let onward = u64::try_from(step.saturating_mul(steps)).unwrap_or(u64::MAX);
    from.plus(Duration::from_nanos(onward))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sampling(connected: bool, live_ms: u64) -> Sampling {
        Sampling {
            connected,
            live: Duration::from_millis(live_ms),
            stored: Duration::from_secs(5),
            processes: Duration::from_secs(5),
            series_max: 1024,
        }
    }

    /// `ms` after the start; the wall clock is 7.3 s into a minute at the start.
    fn at(ms: u64) -> Clocks {
        wall(ms, 7300 + i64::try_from(ms).unwrap())
    }

    fn wall(ms: u64, wall_ms: i64) -> Clocks {
        Clocks { mono_ns: ms * 1_000_000, boot_ns: 0, wall_ms }
    }

    /// What is taken from `from` ms to `to` ms when each wait is followed, with its time.
    fn run(plan: &mut SamplingPlan, from: u64, to: u64) -> Vec<(u64, Due)> {
        let mut taken = Vec::new();
        let mut ms = from;
        while ms <= to {
            let due = plan.take(at(ms));
            if due != Due::default() {
                taken.push((ms, due));
            }
            ms += millis(plan.wait(at(ms))).max(1);
        }
        taken
    }

    fn slots(taken: &[(u64, Due)]) -> Vec<i64> {
        taken.iter().filter_map(|(_, due)| Some(due.stored?.slot_ms)).collect()
    }

    fn live(taken: &[(u64, Due)]) -> Vec<u64> {
        taken.iter().filter(|(_, due)| due.live == LiveLook::Now).map(|(ms, _)| *ms).collect()
    }

    #[test]
    fn slots_lie_on_the_wall_clock_and_serve_those_who_look_no_oftener() {
        let mut plan = SamplingPlan::new(at(0), sampling(false, 5000));
        let taken = run(&mut plan, 0, 13_000);
        assert_eq!(taken[0].1.live, LiveLook::Begin);
        assert_eq!(live(&taken), [250], "a first look, and then the stored ones serve");
        assert_eq!(slots(&taken), [10_000, 15_000, 20_000]);
        let (ms, due) = taken[2];
        assert_eq!((ms, due.stored_is_live), (2700, true));
        assert_eq!(due.stored.unwrap().interval_ms, 5000);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_slot_twice_and_still_shows_live_values() {
        let mut plan = SamplingPlan::new(at(0), sampling(true, 5000));
        assert!(!slots(&run(&mut plan, 0, 600_000)).is_empty());
        let (mut ms, mut looks) = (600_001, 0);
        while ms <= 660_000 {
            let back = wall(ms, 7_300 + i64::try_from(ms).unwrap() - 300_000);
            let due = plan.take(back);
            assert_eq!(due.stored, None, "at {ms}");
            looks += usize::from(due.live == LiveLook::Now);
            ms += millis(plan.wait(back)).max(1);
        }
        assert!((11..=13).contains(&looks), "{looks} looks in a minute");
    }

    #[test]
    fn somebody_who_looks_gets_fresh_values_at_once_and_each_second() {
        let mut plan = SamplingPlan::new(at(0), sampling(true, 5000));
        run(&mut plan, 0, 60_000);
        plan.follow(at(61_300), sampling(true, 1000));
        let taken = run(&mut plan, 61_300, 64_000);
        assert_eq!(taken[0].1.live, LiveLook::Begin, "not over the minute before");
        assert_eq!(live(&taken), [61_550, 62_550, 63_550]);
        assert!(taken.iter().all(|(_, due)| !due.stored_is_live));
        assert_eq!(slots(&taken), [70_000], "what is stored goes on");
        plan.follow(at(64_001), sampling(true, 5000));
        assert!(live(&run(&mut plan, 64_001, 74_000)).is_empty(), "the stored looks serve again");
    }

    #[test]
    fn late_looks_are_not_made_up_for() {
        let mut plan = SamplingPlan::new(at(0), sampling(true, 1000));
        run(&mut plan, 0, 300);
        assert_eq!(plan.take(at(17_600)).stored.unwrap().slot_ms, 20_000);
        assert_eq!(slots(&run(&mut plan, 17_601, 22_600)), [25_000]);
    }

    #[test]
    fn without_a_daemon_the_process_list_is_left_alone() {
        let mut plan = SamplingPlan::new(at(0), sampling(false, 5000));
        assert!(run(&mut plan, 0, 29_000).iter().all(|(_, due)| !due.processes));
        plan.follow(at(29_100), sampling(true, 5000));
        let taken = run(&mut plan, 29_100, 29_400);
        assert!(taken[0].1.processes);
        assert_eq!(live(&taken), [29_350], "the first daemon gets fresh values");
    }

    #[test]
    fn two_looks_are_never_too_close_for_shares_of_the_time_between_them() {
        let mut plan = SamplingPlan::new(at(0), sampling(false, 5000));
        run(&mut plan, 0, 260);
        plan.follow(at(260), sampling(true, 5000));
        plan.follow(at(270), sampling(true, 1000));
        assert_eq!(live(&run(&mut plan, 270, 1600)), [500, 1500]);
    }

    #[test]
    fn another_stored_interval_takes_effect_at_its_next_slot() {
        let mut plan = SamplingPlan::new(at(0), sampling(true, 5000));
        run(&mut plan, 0, 3000);
        let stored = Duration::from_secs(1);
        plan.follow(at(3100), Sampling { stored, ..sampling(true, 5000) });
        assert_eq!(slots(&run(&mut plan, 3100, 5800)), [11_000, 12_000, 13_000]);
        plan.follow(at(5900), sampling(true, 5000));
        assert_eq!(slots(&run(&mut plan, 5900, 8000)), [15_000]);
    }

    #[test]
    fn a_clock_that_was_a_year_ahead_is_followed_back() {
        let year = 31_536_000_000;
        let mut plan = SamplingPlan::new(wall(0, year + 300), sampling(true, 5000));
        assert_eq!(plan.take(wall(4700, year + 5000)).stored.unwrap().slot_ms, year + 5000);
        assert_eq!(plan.take(wall(4800, 17_100)).stored.unwrap().slot_ms, 15_000);
        assert_eq!(plan.take(wall(7700, 20_000)).stored.unwrap().slot_ms, 20_000);
        assert_eq!(plan.take(wall(7800, 18_000)).stored, None, "set back a little: not twice");
        assert_eq!(plan.take(wall(9900, 20_100)).stored, None);
        assert_eq!(plan.take(wall(14_800, 25_000)).stored.unwrap().slot_ms, 25_000);
    }

    proptest! {
        #[test]
        fn no_slot_is_made_twice_and_each_wait_ends(jumps in prop::collection::vec((0_u64..9_000, -40_000_i64..40_000), 1..60)) {
            let (mut ms, mut wall_ms) = (0, 1_000_000);
            let mut plan = SamplingPlan::new(wall(ms, wall_ms), sampling(true, 5000));
            let mut made = Vec::new();
            for (pass, jump) in jumps {
                let is_large = jump.abs() > 20_000;
                wall_ms += i64::try_from(pass).unwrap() + if is_large { jump } else { 0 };
                ms += pass;
                if let Some(slot) = plan.take(wall(ms, wall_ms)).stored {
                    prop_assert!(slot.slot_ms <= wall_ms && wall_ms < slot.slot_ms + 5000);
                    made.push(slot.slot_ms);
                }
                prop_assert!(plan.wait(wall(ms, wall_ms)) <= Duration::from_secs(5));
            }
            // As many stretches are remembered as a clock is ever set in a row.
            let newest = made.len().saturating_sub(STORED_STRETCHES_MAX);
            let remembered = made.get(newest..).unwrap_or_default();
            let unique: std::collections::BTreeSet<_> = remembered.iter().collect();
            prop_assert_eq!(unique.len(), remembered.len());
        }
    }
}
