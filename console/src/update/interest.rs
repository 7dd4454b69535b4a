//! What the daemon is asked to detail, and what it is told that this console looks at.
//!
//! Both follow the screen: the hosts whose rows are visible and the one that is open. Said only when
//! it changed and a link stands, at most twice a second. The shell tells each new link what was said last.

use std::time::Duration;

use systole_common::time::{Mono, Now};
use systole_common::wire::limits::LOOKING_AT_BYTES_MAX;

use crate::cmd::Cmd;
use crate::limits::INTEREST_HOSTS_MAX;
use crate::model::Model;
use crate::model::screen::View;
use crate::view::layout::Layout;

/// Shortest time between two of the same kind.
pub const INTEREST_INTERVAL_MIN: Duration = Duration::from_millis(500);

/// What is to be asked and told after the model changed.
pub fn after(model: &mut Model, now: Now) -> Vec<Cmd> {
    if !model.attention.is_linked {
        return Vec::new();
    }
    let mut cmds = Vec::new();
    if asks(model) && is_due(model.attention.asked_at, now.mono) {
        let hosts: Vec<String> = wanted(model).map(str::to_owned).collect();
        model.attention.hosts = hosts.iter().cloned().collect();
        model.attention.asked_at = Some(now.mono);
        model.fleet.unwatch_all_but(&model.attention.hosts);
        cmds.push(Cmd::Interest(hosts));
    }
    if tells(model) && is_due(model.attention.told_at, now.mono) {
        let words = looking_at(model);
        model.attention.looking_at.clone_from(&words);
        model.attention.told_at = Some(now.mono);
        cmds.push(Cmd::LookingAt(words));
    }
    cmds
}

/// When something that changed may be said.
pub(super) fn due(model: &Model) -> Option<Mono> {
    let attention = &model.attention;
    let at = |said: Option<Mono>| said.map(|said| said.plus(INTEREST_INTERVAL_MIN));
    let ask = at(attention.asked_at).filter(|_| attention.is_linked && asks(model));
    let tell = at(attention.told_at).filter(|_| attention.is_linked && tells(model));
    ask.into_iter().chain(tell).min()
}

fn is_due(said: Option<Mono>, now: Mono) -> bool {
    said.is_none_or(|said| now.since(said) >= INTEREST_INTERVAL_MIN)
}

fn asks(model: &Model) -> bool {
    let asked = &model.attention.hosts;
    let mut count = 0;
    let is_known = wanted(model).all(|host| {
        count += 1;
        asked.contains(host)
    });
    !is_known || count != asked.len()
}

fn tells(model: &Model) -> bool {
    looking_at(model) != model.attention.looking_at
}

/// The open host and those whose rows are visible.
fn wanted(model: &Model) -> impl Iterator<Item = &str> {
    let (rows, open) = match model.screen.view {
        View::Fleet => (Layout::of(model).main_rows(), None),
        View::Alerts | View::Chat | View::Files => (0, None),
        View::Host => (0, model.host.as_ref().map(|view| view.host.as_str())),
    };
    let visible = model.list.visible(rows).iter().map(String::as_str);
    open.into_iter().chain(visible).take(INTEREST_HOSTS_MAX)
}

fn looking_at(model: &Model) -> String {
    match (model.screen.view, &model.host) {
        (View::Alerts, _) => "alerts".to_owned(),
        (View::Chat, _) => "chat".to_owned(),
        (View::Files, _) => "files".to_owned(),
        (View::Host, Some(view)) => {
            let mut words = format!("host {}", view.host);
            words.truncate(words.floor_char_boundary(LOOKING_AT_BYTES_MAX));
            words
        }
        (View::Fleet, _) | (View::Host, None) => "fleet".to_owned(),
    }
}
