//! Users who wait to hear how far their message came.

use std::collections::BTreeMap;

use systole_common::ids::DaemonName;
use systole_common::time::Mono;
use tokio::sync::oneshot;

use super::ask::Reach;
use crate::engine::input::ConnectionId;
use crate::engine::status::Hearing;
use crate::engine::talk::Talk;

/// Somebody whose message is on the disk.
pub(super) struct Listener {
    pub(super) id: String,
    pub(super) sequence: u64,
    pub(super) until: Mono,
    pub(super) is_patient: bool,
    pub(super) reply: oneshot::Sender<Result<Reach, String>>,
}

impl Listener {
    /// Whether a daemon may still say in time that it has the message.
    pub(super) fn waits(&self, now: Mono, talk: &Talk) -> bool {
        self.until > now && talk.is_under_way(self.sequence)
    }

    /// Says how far the message came. A daemon that is silent for too long hears nothing, though its
    /// connection is among the `known` ones.
    pub(super) fn tell(
        self,
        talk: &Talk,
        known: &BTreeMap<DaemonName, ConnectionId>,
        hearing: &Hearing,
    ) {
        let Self { id, sequence, is_patient, reply, .. } = self;
        let (sent, lacking) = talk.reached(sequence);
        let is_near = |one: &&DaemonName| known.contains_key(*one) && hearing.near.contains(*one);
        let (near, away): (Vec<&DaemonName>, Vec<_>) = lacking.iter().copied().partition(is_near);
        let names = |daemons: &[&DaemonName]| -> Vec<String> {
            daemons.iter().map(ToString::to_string).collect()
        };
        let reach = if is_patient {
            let before = near.iter().map(|daemon| talk.before(daemon, sequence)).min();
            let (sent_to, kept_for, connected) = (names(&sent), names(&lacking), names(&near));
            Reach { id, sent_to, kept_for, connected, before: before.unwrap_or(0) }
        } else {
            let sent_to = names(&[sent, near].concat());
            Reach { id, sent_to, kept_for: names(&away), ..Reach::default() }
        };
        // Whoever asked may have hung up.
        let _ = reply.send(Ok(reach));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use systole_common::time::{Now, UnixMs};
    use systole_common::wire::talk::Message;

    use super::*;
    use crate::engine::talk::{Input, Left};

    const T0: Now = Now { mono: Mono(1_000_000_000), wall: UnixMs(1_795_000_000_000) };

    fn daemon() -> DaemonName {
        "mon-1".parse().unwrap()
    }

    /// A talk with a main connection that has three messages to confirm.
    fn talk() -> Talk {
        let mut talk = Talk::new(T0, Left::default());
        talk.handle(T0, Input::Follow(vec![daemon()]));
        talk.handle(T0, Input::MainUp { daemon: daemon(), connection: ConnectionId(1) });
        for sequence in 1..=3 {
            let [user, to, text] = ["alex", "@web-1", "x"].map(str::to_owned);
            let message = Message { sequence, time: T0.wall, user, to, text };
            talk.handle(T0, Input::Said(Arc::new(message)));
        }
        talk
    }

    fn told(is_patient: bool, near: &[DaemonName]) -> Reach {
        let (reply, mut answer) = oneshot::channel();
        let (id, sequence, until) = (String::new(), 3, T0.mono);
        let listener = Listener { id, sequence, until, is_patient, reply };
        assert!(!listener.waits(T0.mono, &talk()));
        let hearing = Hearing { near: near.to_vec(), away: Vec::new() };
        let known = BTreeMap::from([(daemon(), ConnectionId(1))]);
        listener.tell(&talk(), &known, &hearing);
        answer.try_recv().unwrap().unwrap()
    }

    #[test]
    fn a_daemon_that_is_silent_has_nothing_and_one_that_is_slow_is_connected() {
        let mon = || vec!["mon-1".to_owned()];
        let chat = |near: &[DaemonName]| told(false, near);
        assert_eq!(chat(&[daemon()]).sent_to, mon());
        assert_eq!((chat(&[]).sent_to, chat(&[]).kept_for), (Vec::new(), mon()));
        let slow = told(true, &[daemon()]);
        assert_eq!((slow.sent_to, slow.kept_for), (Vec::new(), mon()));
        assert_eq!((slow.connected, slow.before), (mon(), 2));
        let gone = told(true, &[]);
        assert_eq!((gone.kept_for, gone.connected, gone.before), (mon(), Vec::new(), 0));
    }
}
