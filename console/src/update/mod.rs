//! What each event makes of the model, and what the shell is to do about it.

mod actions;
pub mod alerts_in;
mod commands;
mod complete;
pub mod deadline;
mod feed;
pub mod file_words;
pub mod files;
mod filters;
pub mod freeze;
pub mod host;
pub mod host_scroll;
pub mod interest;
pub mod keys;
mod link;
pub mod lists;
pub mod order;
mod peek;
mod popup;
pub mod prompt;
pub mod requests;
pub mod say;
pub mod talk;

use systole_common::time::{Mono, Now};

use crate::cmd::Cmd;
use crate::model::{Dirty, Model, entry};
use crate::msg::Msg;
use crate::view::layout::Layout;

/// Takes `msg` at `now`.
pub fn update(model: &mut Model, now: Now, msg: Msg) -> Vec<Cmd> {
    let room = room(model);
    let mut cmds = match msg {
        Msg::Dialling { attempt } => link::dialling(model, attempt),
        Msg::Linked(peer) => link::linked(model, now, peer),
        Msg::Unlinked { why, refused } => link::unlinked(model, why, refused),
        Msg::Feed(event) => feed::take(model, now, event),
        Msg::RoundTrip(rtt_us) => link::round_trip(model, rtt_us),
        Msg::Key(press) => by_hand(model, |model| keys::key(model, now, press)),
        Msg::Paste { text, cut_bytes } => {
            by_hand(model, |model| prompt::paste(model, now, &text, cut_bytes))
        }
        Msg::Resize(size) => by_hand(model, |model| {
            model.screen.size = size;
            lists::reveal(model);
            Vec::new()
        }),
        Msg::Reply { request, answer } => {
            let answer = entry::answer(answer);
            by_hand(model, |model| requests::reply(model, now, request, answer))
        }
        Msg::Deadline => Vec::new(),
        Msg::Resumed => by_hand(model, |_| vec![Cmd::Repaint]),
    };
    deadline::passed(model, now);
    order::keep(model, now);
    cmds.extend(host::due(model, now));
    cmds.extend(talk::after(model, now));
    cmds.extend(files::after(model, now));
    cmds.extend(peek::due(model, now));
    cmds.extend(interest::after(model, now));
    if room != self::room(model) {
        lists::reveal(model);
    }
    cmds
}

/// Lines that are left for the view: a long notice takes some.
fn room(model: &Model) -> u16 {
    Layout::of(model).waiting.y
}

/// When [`Msg::Deadline`] is due next; `None` while time alone changes nothing.
pub fn next_deadline(model: &Model, now: Now) -> Option<Mono> {
    deadline::next(model, now)
}

/// What somebody did is seen at once.
fn by_hand(model: &mut Model, act: impl FnOnce(&mut Model) -> Vec<Cmd>) -> Vec<Cmd> {
    model.touch(Dirty::Now);
    act(model)
}

#[cfg(test)]
mod rig;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_by_hand;
