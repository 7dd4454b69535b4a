//! What each action does to the model and asks of the shell. Refused actions say why.

use std::time::Duration;

use systole_common::ids::{AlertId, Role};
use systole_common::time::Now;

use super::lists::{self, Move};
use super::{files, freeze, host, order, prompt, requests, say, talk};
use crate::action::{Action, FileAction, TalkAction};
use crate::cmd::Cmd;
use crate::model::Model;
use crate::model::host_list::SortBy;
use crate::model::prompt::PromptKind;
use crate::model::screen::{Focus, Pane, Popup, View};
use crate::tone::Tone;
use crate::view::layout::Layout;

const ACKING: &str = "not acknowledged";
const RESOLVING: &str = "not resolved";
const LET_GO: &str = "the order is let go and sorted anew";
/// How long a second `q` leaves.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// Does `action`.
pub(super) fn run(model: &mut Model, now: Now, action: Action) -> Vec<Cmd> {
    match action {
        Action::OpenFleet => show(model, View::Fleet),
        Action::OpenAlerts => show(model, View::Alerts),
        Action::OpenChat => talk::open_view(model),
        Action::OpenFiles => files::open(model),
        Action::Open => return open(model, now),
        Action::Back => return back(model, now),
        Action::Cancel => cancel(model, now),
        Action::Interrupt => return interrupt(model, now),
        Action::Quit => return vec![Cmd::Leave],
        Action::NextPane => other_pane(model, true),
        Action::PreviousPane => other_pane(model, false),
        Action::Down => return lists::go(model, now, Move::Down),
        Action::Up => return lists::go(model, now, Move::Up),
        Action::PageDown => return lists::go(model, now, Move::PageDown),
        Action::PageUp => return lists::go(model, now, Move::PageUp),
        Action::HalfDown => return lists::go(model, now, Move::HalfDown),
        Action::HalfUp => return lists::go(model, now, Move::HalfUp),
        Action::First => return lists::go(model, now, Move::First),
        Action::Last => return lists::go(model, now, Move::Last),
        Action::Sort => sort(model, now, next_sort(model.list.sort), false),
        Action::Reverse => sort(model, now, model.list.sort, !model.list.is_reversed),
        Action::Hold => hold(model, now),
        Action::Filter if files::has_keys(model) => files::say_where_to_look(model, now),
        Action::Filter => prompt::open_filter(model),
        Action::Talk(action) => return talked(model, now, action),
        Action::File(action) => return decided(model, now, action),
        Action::Command => prompt::open(model, PromptKind::Command, ""),
        Action::Help => model.screen.popup = Some(Popup::help()),
        Action::Who => model.screen.popup = Some(Popup::Who),
        Action::NewestUnacked => newest_unacked(model, now),
        Action::Freeze => freeze::toggle(model, now),
        Action::Ack => return ack(model, now),
        Action::AckWithNote => return ask_words(model, now, ACKING, PromptKind::AckNote),
        Action::Resolve => return ask_words(model, now, RESOLVING, PromptKind::ResolveNote),
        Action::Undo => return undo(model, now),
        Action::NextTab => return host::turn(model, now, true),
        Action::PreviousTab => return host::turn(model, now, false),
        Action::ZoomOut => return host::zoom(model, now, true),
        Action::ZoomIn => return host::zoom(model, now, false),
        Action::Earlier => host::chart_cursor(model, true),
        Action::Later => host::chart_cursor(model, false),
        Action::ChartNow => host::without_cursor(model),
        Action::Scale => host::scale(model),
        Action::Redraw => return vec![Cmd::Repaint],
        Action::Suspend => return vec![Cmd::Suspend],
    }
    Vec::new()
}

fn talked(model: &mut Model, now: Now, action: TalkAction) -> Vec<Cmd> {
    match action {
        TalkAction::Write => say::write(model, now),
        TalkAction::Target => talk::target(model),
        TalkAction::NextPlace => talk::turn(model, true),
        TalkAction::PreviousPlace => talk::turn(model, false),
        TalkAction::Older => return talk::go(model, now, Move::Up),
        TalkAction::Newer => return talk::go(model, now, Move::Down),
        TalkAction::SetUnread => talk::set_unread(model, now),
        TalkAction::NewestUnread => talk::newest_unread(model, now),
        TalkAction::Message => talk::message(model, now),
    }
    Vec::new()
}

fn decided(model: &mut Model, now: Now, action: FileAction) -> Vec<Cmd> {
    match action {
        FileAction::Accept => files::arm(model, now),
        FileAction::Reject => files::ask_why(model, now),
        FileAction::Confirm => return files::confirm(model, now),
        FileAction::Details => files::details(model, now),
        FileAction::AskSender => files::ask_sender(model, now),
    }
    Vec::new()
}

/// Puts a view on top.
pub(super) fn show(model: &mut Model, view: View) {
    model.screen.show(view);
    model.files.armed = None;
    settle(model);
}

/// Puts a host on top.
pub(super) fn show_host(model: &mut Model, now: Now, name: &str) -> Vec<Cmd> {
    model.screen.show(View::Host);
    model.files.leave_what_is_over();
    host::open(model, now, name)
}

/// After a change of views: no host is open that nobody can go back to, cursors can be seen, and that
/// of the files is on nothing that is over.
fn settle(model: &mut Model) {
    model.files.leave_what_is_over();
    if !model.screen.has_host() {
        model.host = None;
    }
    lists::reveal(model);
}

fn open(model: &mut Model, now: Now) -> Vec<Cmd> {
    let found = match model.screen.focus() {
        Focus::Fleet => lists::host(model),
        Focus::Feed | Focus::Alerts => lists::alert(model).and_then(|id| {
            let host = model.alerts.get(id).and_then(|alert| alert.host.clone());
            host.ok_or_else(|| format!("alert {} is the daemon's own and of no host", id.0))
        }),
        Focus::Chat | Focus::Files => Err("no host is under the cursor".to_owned()),
        Focus::Host => Err("the host is open".to_owned()),
    };
    match found {
        Ok(name) => show_host(model, now, &name),
        Err(why) => {
            requests::say(model, now, Tone::Warning, why);
            Vec::new()
        }
    }
}

fn back(model: &mut Model, now: Now) -> Vec<Cmd> {
    if model.screen.back() {
        settle(model);
        return Vec::new();
    }
    if model.screen.leaving_until.is_some_and(|until| now.mono < until) {
        return vec![Cmd::Leave];
    }
    model.screen.leaving_until = Some(now.mono.plus(LEAVE_WITHIN));
    model.attention.alarm = None;
    Vec::new()
}

/// Esc: what is innermost ends; a view goes back; nothing ever leaves.
fn cancel(model: &mut Model, now: Now) {
    if cancel_innermost(model, now) {
        return;
    }
    if model.screen.pane != Pane::Main {
        model.screen.pane = Pane::Main;
    } else if model.screen.back() {
        settle(model);
    }
}

fn interrupt(model: &mut Model, now: Now) -> Vec<Cmd> {
    if cancel_innermost(model, now) { Vec::new() } else { vec![Cmd::Leave] }
}

/// Ends what is innermost of what can be ended without leaving the view: the charts' cursor, frozen
/// values, a filter.
fn cancel_innermost(model: &mut Model, now: Now) -> bool {
    let has_cursor = model.host.as_ref().is_some_and(|host| host.chart_cursor.is_some());
    if model.files.armed.take().is_some() {
        requests::say(model, now, Tone::Plain, "nothing was accepted".to_owned());
    } else if model.screen.focus() == Focus::Host && has_cursor {
        host::without_cursor(model);
    } else if model.frozen.is_some() {
        freeze::toggle(model, now);
    } else if talk::shown(model).is_some() && model.talk.cursor.take().is_some() {
        // The newest messages are shown again.
    } else if talk::shown(model).is_some() && model.talk.search.is_some() {
        talk::search(model, None);
    } else if lists::filter_text(model).is_some() {
        lists::set_filter(model, now, None);
    } else {
        return false;
    }
    true
}

fn other_pane(model: &mut Model, is_forward: bool) {
    if model.screen.view != View::Fleet {
        return;
    }
    let layout = Layout::of(model);
    let panes: Vec<Pane> = Pane::ALL.into_iter().filter(|pane| layout.has(*pane)).collect();
    if panes.len() < 2 {
        return show(model, View::Alerts);
    }
    let at = panes.iter().position(|pane| *pane == model.screen.pane).unwrap_or(0);
    let next = if is_forward { at + 1 } else { at + panes.len() - 1 } % panes.len();
    model.screen.pane = panes.get(next).copied().unwrap_or(Pane::Main);
    // The pane goes on with the card that it shows.
    (model.files.armed, model.files.cursor) = (None, None);
}

fn hold(model: &mut Model, now: Now) {
    model.list.is_held = !model.list.is_held;
    let said = if model.list.is_held { "the order is held; f lets it go" } else { LET_GO };
    requests::say(model, now, Tone::Plain, said.to_owned());
    reorder(model, now);
}

/// Another order, which nobody holds.
fn sort(model: &mut Model, now: Now, sort: SortBy, is_reversed: bool) {
    if model.list.is_held {
        requests::say(model, now, Tone::Plain, LET_GO.to_owned());
    }
    let list = &mut model.list;
    (list.sort, list.is_reversed, list.is_held) = (sort, is_reversed, false);
    reorder(model, now);
}

fn reorder(model: &mut Model, now: Now) {
    order::refresh(model, now);
    lists::reveal(model);
}

fn next_sort(sort: SortBy) -> SortBy {
    let mut following = SortBy::ALL.iter().copied().cycle().skip_while(|one| *one != sort).skip(1);
    following.next().unwrap_or(SortBy::Worst)
}

fn newest_unacked(model: &mut Model, now: Now) {
    let Some(id) = model.newest_waiting().map(|alert| alert.id) else {
        let text = "no open alert waits for somebody".to_owned();
        return requests::say(model, now, Tone::Good, text);
    };
    let has_room = Layout::of(model).feed_rows() > 0;
    if model.screen.view == View::Fleet && has_room {
        model.screen.pane = Pane::Feed;
    } else if model.screen.view != View::Alerts {
        show(model, View::Alerts);
    }
    if !model.feed.order.contains(&id) {
        lists::set_filter(model, now, None);
    }
    let row = model.feed.order.iter().position(|one| *one == id);
    if let Some(row) = row {
        model.feed.move_to(row);
    }
    lists::reveal(model);
}

/// Acknowledges the alert under the cursor.
fn ack(model: &mut Model, now: Now) -> Vec<Cmd> {
    let done = lists::alert(model).and_then(|id| requests::ack(model, now, id, ""));
    requests::or_say(model, now, done)
}

fn undo(model: &mut Model, now: Now) -> Vec<Cmd> {
    let done = requests::undo(model, now);
    requests::or_say(model, now, done)
}

/// Asks for the words that go with a decision about the alert under the cursor; not in vain.
fn ask_words(model: &mut Model, now: Now, not: &str, kind: fn(AlertId) -> PromptKind) -> Vec<Cmd> {
    let done = lists::alert(model).and_then(|id| {
        requests::may(model, now, Role::Operator, not)?;
        requests::open_alert(model, id)?;
        prompt::open(model, kind(id), "");
        Ok(Vec::new())
    });
    requests::or_say(model, now, done)
}
