//! File systems whose answer may never come: each is asked by a short-lived thread of its own.
//!
//! Owns the promise that a hung server stops no tick: one question per mount at a time, a bounded
//! number of threads in all, and answers that are used only while they are fresh.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::note::CollectNote;
use crate::engine::collect::Samples;
use crate::engine::collect::disk::Usage;
use crate::engine::collect::limits::REMOTE_IN_FLIGHT_MAX;
use crate::engine::collect::mounts::Chosen;

const SECOND_NS: u64 = 1_000_000_000;
/// Time between two questions to one file system.
const ASK_EVERY_NS: u64 = 10 * SECOND_NS;
/// An answer that takes longer is reported as silence.
const SILENT_AFTER_NS: u64 = 5 * SECOND_NS;
/// An answer older than this is no longer sent.
const FRESH_NS: u64 = 30 * SECOND_NS;
/// Stack of a thread that makes one system call.
const STACK_BYTES: usize = 128 * 1024;

/// Asks the file system at a mount point for its figures; may block for ever.
pub(super) type Ask = fn(&[u8]) -> io::Result<Usage>;

type Answer = (Arc<str>, io::Result<Usage>);

/// The file systems that are asked, and their last answers.
#[derive(Debug)]
pub(super) struct RemoteDisks {
    ask: Ask,
    asked: BTreeMap<Arc<str>, Question>,
    answers: Receiver<Answer>,
    answer_to: SyncSender<Answer>,
}

#[derive(Debug, Default)]
struct Question {
    asked_at_ns: Option<u64>,
    in_flight: bool,
    reported: bool,
    answer: Option<(u64, Usage)>,
}

impl RemoteDisks {
    pub(super) fn new(ask: Ask) -> Self {
        let (answer_to, answers) = sync_channel(REMOTE_IN_FLIGHT_MAX);
        Self { ask, asked: BTreeMap::new(), answers, answer_to }
    }

    /// Takes the answers that have come, asks whom of `chosen` it is time to ask, and adds fresh
    /// figures. Returns how many file systems have none. Local ones are passed over. Never blocks.
    pub(super) fn tick(
        &mut self,
        now_ns: u64,
        chosen: &[Chosen],
        samples: &mut Samples,
        notes: &mut Vec<CollectNote>,
    ) -> usize {
        while let Ok(answer) = self.answers.try_recv() {
            self.take(now_ns, answer, notes);
        }
        let remote = chosen.iter().filter(|mount| mount.remote);
        let is_chosen = |name: &Arc<str>| remote.clone().any(|mount| mount.name == *name);
        self.asked.retain(|name, question| question.in_flight || is_chosen(name));
        let mut absent: usize = 0;
        for mount in remote.clone() {
            self.ask_if_due(now_ns, mount);
            let question = self.asked.entry(Arc::clone(&mount.name)).or_default();
            question.report_silence(now_ns, &mount.name, notes);
            match question.answer {
                Some((at_ns, usage)) if now_ns.saturating_sub(at_ns) <= FRESH_NS => {
                    usage.sample(&mount.name, samples);
                }
                Some(_) | None => absent = absent.saturating_add(1),
            }
        }
        absent
    }

    fn ask_if_due(&mut self, now_ns: u64, mount: &Chosen) {
        let in_flight = self.asked.values().filter(|question| question.in_flight).count();
        let question = self.asked.entry(Arc::clone(&mount.name)).or_default();
        let is_due =
            question.asked_at_ns.is_none_or(|at| now_ns.saturating_sub(at) >= ASK_EVERY_NS);
        if question.in_flight || !is_due || in_flight >= REMOTE_IN_FLIGHT_MAX {
            return;
        }
        let (ask, answer_to) = (self.ask, self.answer_to.clone());
        let (name, point) = (Arc::clone(&mount.name), mount.point.clone());
        let work = move || {
            let answer = ask(&point);
            // The receiver is gone only when the collector is: nobody wants the answer then.
            drop(answer_to.try_send((name, answer)));
        };
        let builder = thread::Builder::new().name("remote-disk".to_owned()).stack_size(STACK_BYTES);
        question.in_flight = builder.spawn(work).is_ok();
        question.asked_at_ns = Some(now_ns);
    }

    fn take(&mut self, now_ns: u64, (name, answer): Answer, notes: &mut Vec<CollectNote>) {
        let Some(question) = self.asked.get_mut(&name) else {
            return;
        };
        question.in_flight = false;
        match answer {
            Ok(usage) => {
                question.answer = Some((now_ns, usage));
                if std::mem::take(&mut question.reported) {
                    notes.push(CollectNote::FileSystemAnswers { mount: name });
                }
            }
            Err(source) => {
                question.answer = None;
                if !std::mem::replace(&mut question.reported, true) {
                    notes.push(CollectNote::FileSystemFailed { mount: name, source });
                }
            }
        }
    }

    /// Waits for one answer, so that a test need not guess when it comes.
    #[cfg(test)]
    pub(super) fn wait_for_answer(&mut self, now_ns: u64, notes: &mut Vec<CollectNote>) {
        let answer = self.answers.recv().unwrap();
        self.take(now_ns, answer, notes);
    }
}

impl Question {
    fn report_silence(&mut self, now_ns: u64, mount: &Arc<str>, notes: &mut Vec<CollectNote>) {
        let waited_ns = self.asked_at_ns.map_or(0, |at| now_ns.saturating_sub(at));
        if self.in_flight
            && waited_ns >= SILENT_AFTER_NS
            && !std::mem::replace(&mut self.reported, true)
        {
            let waited_s = waited_ns.checked_div(SECOND_NS).unwrap_or(0);
            notes.push(CollectNote::FileSystemSilent { mount: Arc::clone(mount), waited_s });
        }
    }
}
