//! Open chats of this host: what others say waits for each of them, up to a bound.
//!
//! A chat never waits for what it said itself, so that only messages of others can be missed; beyond
//! the bound the oldest are, and the chat learns how many.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

use super::ask::Shown;
use crate::limits::CHAT_BEHIND_MAX;

/// The chats as the talk's thread has them.
#[derive(Debug, Default)]
pub(super) struct Chats(Vec<(u64, Weak<Queue>)>);

/// What a chat hears.
#[derive(Debug)]
pub struct Heard(Arc<Queue>);

/// One thing that a chat hears.
#[derive(Debug)]
pub enum News {
    /// Somebody else said something.
    Message(Arc<Shown>),
    /// So many messages of others are lost to this chat.
    Missed(u64),
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    change: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Arc<Shown>>,
    missed: u64,
    is_over: bool,
}

impl Chats {
    /// What the chat of `speaker` hears from now on.
    pub(super) fn open(&mut self, speaker: u64) -> Heard {
        self.0.retain(|(_, queue)| queue.strong_count() > 0);
        let queue = Arc::default();
        self.0.push((speaker, Arc::downgrade(&queue)));
        Heard(queue)
    }

    /// Shows a message to all chats but the one in which it was said.
    pub(super) fn show(&mut self, message: &Arc<Shown>, speaker: u64) {
        self.0.retain(|(own, queue)| {
            let Some(queue) = queue.upgrade() else { return false };
            if *own != speaker {
                queue.push(message.clone());
            }
            true
        });
    }
}

impl Drop for Chats {
    fn drop(&mut self) {
        for queue in self.0.iter().filter_map(|(_, queue)| queue.upgrade()) {
            queue.lock().is_over = true;
            queue.change.notify_one();
        }
    }
}

impl Heard {
    /// The next news; `None` once the talk's thread is gone. May be cancelled at any time.
    pub async fn next(&mut self) -> Option<News> {
        loop {
            {
                let mut waiting = self.0.lock();
                match std::mem::take(&mut waiting.missed) {
                    0 => {}
                    missed => return Some(News::Missed(missed)),
                }
                if let Some(message) = waiting.messages.pop_front() {
                    return Some(News::Message(message));
                }
                if waiting.is_over {
                    return None;
                }
            }
            self.0.change.notified().await;
        }
    }
}

impl Queue {
    fn push(&self, message: Arc<Shown>) {
        let mut waiting = self.lock();
        if waiting.messages.len() >= CHAT_BEHIND_MAX {
            waiting.messages.pop_front();
            waiting.missed += 1;
        }
        waiting.messages.push_back(message);
        drop(waiting);
        self.change.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use systole_common::time::UnixMs;

    use super::*;

    fn message(text: &str) -> Arc<Shown> {
        Arc::new(Shown {
            id: "web-1-1-1".to_owned(),
            time: UnixMs(0),
            from: "web-1/alex".to_owned(),
            to: "@web-1".to_owned(),
            text: text.to_owned(),
            thread: None,
        })
    }

    async fn next(heard: &mut Heard) -> String {
        match heard.next().await {
            Some(News::Message(message)) => message.text.clone(),
            Some(News::Missed(count)) => format!("missed {count}"),
            None => "over".to_owned(),
        }
    }

    #[tokio::test]
    async fn own_lines_are_neither_heard_nor_missed() {
        let mut chats = Chats::default();
        let (mut own, mut other) = (chats.open(1), chats.open(2));
        for _ in 0..400 {
            chats.show(&message("mine"), 1);
        }
        chats.show(&message("yours"), 2);
        assert_eq!(next(&mut own).await, "yours");
        let missed = 400 - CHAT_BEHIND_MAX;
        assert_eq!(next(&mut other).await, format!("missed {missed}"));
        for _ in 0..CHAT_BEHIND_MAX {
            assert_eq!(next(&mut other).await, "mine");
        }
        drop(other);
        chats.show(&message("theirs"), 0);
        assert_eq!((next(&mut own).await.as_str(), chats.0.len()), ("theirs", 1));
        drop(chats);
        assert_eq!(next(&mut own).await, "over");
    }
}
