//! What waits for one console's feed: pictures whole, events up to a bound. Never makes anybody wait.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::limits::{FEED_BYTES_MAX, FEED_FRAMES_MAX};

/// Frames that belong together, encoded once for all consoles.
pub(super) type Group = Arc<[Box<[u8]>]>;

/// What a group is to the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A fresh picture begins with it.
    Begin,
    /// It is within a picture, or an event if none is open.
    Within,
    /// The picture is complete with it.
    End,
}

/// The queue of one feed.
#[derive(Debug, Default)]
pub(super) struct FeedQueue {
    inner: Mutex<Inner>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    groups: VecDeque<Waiting>,
    event_frames: usize,
    event_bytes: usize,
    picture_groups: usize,
    in_picture: bool,
    overflowed: bool,
}

#[derive(Debug)]
struct Waiting {
    group: Group,
    bytes: usize,
    is_event: bool,
}

impl FeedQueue {
    /// Adds a group, or drops it if too much waits already. `false` if it is the first one dropped.
    pub(super) fn push(&self, group: &Group, part: Part) -> bool {
        let mut inner = self.lock();
        if inner.overflowed {
            return true;
        }
        if part == Part::Begin {
            inner.begin_picture();
        }
        let bytes = group.iter().map(|frame| frame.len()).sum();
        let is_event = !inner.in_picture;
        let is_full = inner.event_frames + group.len() > FEED_FRAMES_MAX
            || inner.event_bytes + bytes > FEED_BYTES_MAX;
        if is_event && is_full {
            inner.overflowed = true;
            return false;
        }
        inner.add(Waiting { group: group.clone(), bytes, is_event });
        if part == Part::End {
            inner.in_picture = false;
        }
        drop(inner);
        self.wake.notify_one();
        true
    }

    /// The next group; waits for one.
    pub(super) async fn next(&self) -> Group {
        loop {
            if let Some(group) = self.lock().take() {
                return group;
            }
            self.wake.notified().await;
        }
    }

    /// Whether all that waited is gone and something was lost: then it takes frames again.
    pub(super) fn recovered(&self) -> bool {
        let mut inner = self.lock();
        let recovered = inner.overflowed && inner.groups.is_empty();
        if recovered {
            inner.overflowed = false;
            inner.in_picture = false;
        }
        recovered
    }

    /// Frames of events that wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().event_frames
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// A picture makes an older one that is still waiting pointless, and all that follows that one.
    fn begin_picture(&mut self) {
        if self.picture_groups > 0 {
            let overflowed = self.overflowed;
            *self = Self { overflowed, ..Self::default() };
        }
        self.in_picture = true;
    }

    fn add(&mut self, waiting: Waiting) {
        if waiting.is_event {
            self.event_frames += waiting.group.len();
            self.event_bytes += waiting.bytes;
        } else {
            self.picture_groups += 1;
        }
        self.groups.push_back(waiting);
    }

    fn take(&mut self) -> Option<Group> {
        let waiting = self.groups.pop_front()?;
        if waiting.is_event {
            self.event_frames = self.event_frames.saturating_sub(waiting.group.len());
            self.event_bytes = self.event_bytes.saturating_sub(waiting.bytes);
        } else {
            self.picture_groups = self.picture_groups.saturating_sub(1);
        }
        Some(waiting.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(bytes: usize) -> Group {
        Arc::from([vec![7; bytes].into_boxed_slice()])
    }

    #[tokio::test]
    async fn events_beyond_the_bound_are_dropped_until_the_queue_is_empty() {
        let queue = FeedQueue::default();
        let event = group(10);
        for _ in 0..FEED_FRAMES_MAX {
            assert!(queue.push(&event, Part::Within));
        }
        assert!(!queue.push(&event, Part::Within), "the first loss is told");
        assert!(queue.push(&event, Part::Begin), "further ones are not");
        assert!(!queue.recovered(), "frames still wait");
        for _ in 0..FEED_FRAMES_MAX {
            queue.next().await;
        }
        assert!(queue.recovered());
        assert!(!queue.recovered(), "told once");
        assert!(queue.push(&event, Part::Begin));
        assert_eq!(queue.next().await.len(), 1);
    }

    #[test]
    fn large_events_count_by_their_bytes() {
        let queue = FeedQueue::default();
        let large = group(FEED_BYTES_MAX / 2 + 1);
        assert!(queue.push(&large, Part::Within));
        assert!(!queue.push(&large, Part::Within));
    }

    #[test]
    fn a_picture_is_never_cut_and_replaces_the_one_before() {
        let queue = FeedQueue::default();
        let large = group(FEED_BYTES_MAX);
        for _ in 0..2 {
            assert!(queue.push(&large, Part::Begin));
            assert!(queue.push(&large, Part::Within));
            assert!(queue.push(&large, Part::End));
        }
        assert_eq!(queue.lock().groups.len(), 3);
        assert_eq!(queue.waiting(), 0);
    }
}
