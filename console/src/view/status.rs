//! The first line: how far the screen can be trusted, the counts, who else is there, the time. And the
//! second: the views, the order and the filter of the list.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::model::alert::Severity;
use systole_common::time::Now;

use super::figures::{age, clock, round_trip, silence};
use super::layout::MEDIUM_WIDTH_MIN;
use super::text::{Pen, cells};
use super::theme::Theme;
use crate::model::Model;
use crate::model::fleet::WITHDRAWN_AFTER;
use crate::model::freshness::LinkState;
use crate::model::screen::{Focus, View};
use crate::tables::fleet::state_tone;
use crate::tables::phrase;
use crate::tone::Tone;

/// Cells between two parts of a line.
const GAP: usize = 2;
/// Names of others that are listed; of further ones the number.
const OTHERS_LISTED: usize = 3;

/// Pieces that stand or fall together.
type Part = Vec<(String, Tone)>;

/// Draws the status line.
pub(super) fn draw(model: &Model, now: Now, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mut pen = Pen::on(buffer, theme, area);
    let link = model.freshness.state(now.mono);
    let words = format!(" {} ", link_words(&link, link_age(model, now)));
    let is_live = model.is_live(now);
    let is_withdrawn = !is_live && model.freshness.silence(now.mono) >= WITHDRAWN_AFTER;
    let counts = if is_withdrawn {
        [Vec::new(), vec![one("- hosts".to_owned(), Tone::Quiet)]]
    } else {
        [alerts(model, is_live), hosts(model, is_live)]
    };
    let [alerts, hosts] = counts;
    let mut room = pen.room().saturating_sub(cells(&words, theme.symbols));
    // The most important part first; each takes the longest of its forms that there is room for.
    let wanted = [
        (1, frozen(model)),
        (3, alerts),
        (2, hosts),
        (0, read_only(model, &link)),
        (4, waiting(model)),
        (6, vec![one(clock(model.shown_now(now).wall), Tone::Quiet)]),
        (5, others(model)),
    ];
    let mut chosen: Vec<(u8, Part)> = Vec::new();
    for (place, forms) in wanted {
        let fits = |part: &Part| !part.is_empty() && width(part, theme) + GAP <= room;
        if let Some(part) = forms.into_iter().find(fits) {
            room -= width(&part, theme) + GAP;
            chosen.push((place, part));
        }
    }
    chosen.sort_by_key(|(place, _)| *place);
    pen.say(&words, link_tone(&link));
    for (place, part) in chosen {
        pen.skip(if place == 6 { pen.room().saturating_sub(width(&part, theme) + 1) } else { GAP });
        for (text, tone) in part {
            pen.say(&text, tone);
        }
    }
}

/// Draws the line of views.
pub(super) fn tabs(model: &Model, theme: &Theme, area: Rect, rows: usize, buffer: &mut Buffer) {
    let mut pen = Pen::on(buffer, theme, area);
    let host = model.host.as_ref().filter(|_| model.screen.has_host());
    let names = [
        (View::Fleet, "1 fleet".to_owned()),
        (View::Alerts, "2 alerts".to_owned()),
        (View::Chat, "3 chat".to_owned()),
        (View::Files, "4 files".to_owned()),
        (View::Host, host.map(|host| format!("host {}", host.host)).unwrap_or_default()),
    ];
    pen.skip(1);
    for (view, name) in names.into_iter().filter(|(_, name)| !name.is_empty()) {
        let is_shown = view == model.screen.view;
        // The letters say it where there is neither colour nor bold.
        let (before, name) = match name.rsplit_once(' ') {
            Some((word, host)) if view == View::Host && is_shown => {
                (format!("{} ", word.to_uppercase()), host.to_owned())
            }
            _ if is_shown => (String::new(), name.to_uppercase()),
            _ => (String::new(), name),
        };
        let tone = if is_shown { Tone::Strong } else { Tone::Quiet };
        pen.say(&before, tone);
        pen.say(&name, tone);
        pen.skip(GAP);
    }
    let about = list_words(model, rows, pen.room().saturating_sub(GAP));
    pen.skip(pen.room().saturating_sub(cells(&about, theme.symbols) + 1));
    pen.say(&about, Tone::Plain);
}

/// Order, filter and place of the list that the view is about.
fn list_words(model: &Model, rows: usize, room: usize) -> String {
    let list = &model.list;
    let (mut words, filter, shown, all, offset) = match model.screen.focus() {
        Focus::Fleet | Focus::Feed => {
            let turned = if list.is_reversed { " reversed" } else { "" };
            let held = if list.is_held { "  HELD" } else { "" };
            let words = vec![format!("sort:{}{turned}{held}", list.sort.title())];
            let all = model.shown_fleet().len();
            (words, &list.filter, list.order.len(), all, list.offset)
        }
        Focus::Alerts => {
            let feed = &model.feed;
            let all = model.alerts.len() + model.alerts.ended().len();
            (Vec::new(), &feed.filter, feed.order.len(), all, feed.offset)
        }
        Focus::Chat => {
            let search = model.talk.search.as_deref();
            return search.map(|words| format!("search:{words}")).unwrap_or_default();
        }
        Focus::Files => return files_words(model, room),
        Focus::Host => return String::new(),
    };
    if let Some((text, _)) = filter {
        words.push(format!("filter:{text}  {shown}/{all}"));
    }
    if rows > 0 && shown > rows {
        words.push(format!("{}-{} of {shown}", offset + 1, (offset + rows).min(shown)));
    }
    words.join("  ")
}

/// `2 waiting  1 coming in  14 in all`, or as much of it as there is room for.
fn files_words(model: &Model, room: usize) -> String {
    let files = &model.files;
    let (waiting, moving, all) = (files.waiting(), files.moving(), files.listed(None).len());
    let forms = [
        format!("{waiting} waiting  {moving} coming in  {all} in all"),
        format!("{waiting} waiting  {moving} coming in"),
        format!("{waiting} wait  {moving} come"),
    ];
    forms.into_iter().find(|form| form.len() <= room).unwrap_or_default()
}

/// What stands before a count that is not of now.
const fn old_mark(is_live: bool) -> &'static str {
    if is_live { "" } else { "~" }
}

/// What is not of now has no colour.
const fn toned(tone: Tone, is_live: bool) -> Tone {
    if is_live { tone } else { Tone::Quiet }
}

fn one(text: String, tone: Tone) -> Part {
    vec![(text, tone)]
}

fn width(part: &Part, theme: &Theme) -> usize {
    part.iter().map(|(text, _)| cells(text, theme.symbols)).sum()
}

/// How old the last tick is, where there is room to say it.
fn link_age(model: &Model, now: Now) -> Option<Duration> {
    let is_wide = model.screen.size.width >= MEDIUM_WIDTH_MIN;
    is_wide.then(|| model.freshness.silence(model.shown_now(now).mono))
}

/// The state of the link in words.
fn link_words(link: &LinkState<'_>, data_age: Option<Duration>) -> String {
    let word = link.word();
    let showing = |at: &Option<_>| at.map(|at| format!(" showing {}", clock(at)));
    match link {
        LinkState::Connecting { daemon, waiting, attempt, .. } => {
            let daemon = daemon.map(|daemon| format!(" {daemon}")).unwrap_or_default();
            let attempt = if *attempt > 1 { format!(", try {attempt}") } else { String::new() };
            format!("{word}{daemon} {}{attempt}", age(*waiting))
        }
        LinkState::Live { daemon, rtt } => {
            let daemon = daemon.map(|daemon| format!(" {daemon}")).unwrap_or_default();
            let name = if data_age.is_some() { " rtt" } else { "" };
            let rtt = rtt.map(|rtt| format!("{name} {}", round_trip(rtt))).unwrap_or_default();
            let data = data_age.map(|age| format!("  data {}", silence(age))).unwrap_or_default();
            format!("{word}{daemon}{rtt}{data}")
        }
        LinkState::Lagging { silence: span, .. } => format!("{word} data {}", silence(*span)),
        LinkState::Reconnecting { attempt, last_good, .. } => {
            let attempt = if *attempt > 0 { format!(" try {attempt},") } else { String::new() };
            let last = last_good.map(|at| format!(" last good {}", clock(at))).unwrap_or_default();
            format!("{word}{attempt}{last}").trim_end_matches(',').to_owned()
        }
        LinkState::Stale { silence, showing: at, .. }
        | LinkState::Gone { silence, showing: at, .. } => {
            format!("{word} {}{}", age(*silence), showing(at).unwrap_or_default())
        }
        LinkState::Refused { why, .. } | LinkState::Version { why, .. } => {
            // The rest of the sentence says what to check; it is told above the hints.
            format!("{word} {}", why.split(';').next().unwrap_or_default())
        }
    }
}

fn link_tone(link: &LinkState<'_>) -> Tone {
    match link {
        LinkState::Live { .. } => Tone::Good,
        LinkState::Connecting { .. } => Tone::Plain,
        LinkState::Lagging { .. }
        | LinkState::Reconnecting { .. }
        | LinkState::Stale { .. }
        | LinkState::Gone { .. }
        | LinkState::Refused { .. }
        | LinkState::Version { .. } => Tone::Reversed,
    }
}

fn read_only(model: &Model, link: &LinkState<'_>) -> Vec<Part> {
    let role = model.freshness.peer.as_ref().map(|peer| peer.role.as_str());
    match (link, role) {
        (LinkState::Live { .. }, Some(role)) if model.freshness.is_read_only() => {
            vec![one(format!("READ-ONLY role {role}"), Tone::Warning)]
        }
        _ => Vec::new(),
    }
}

fn frozen(model: &Model) -> Vec<Part> {
    let Some(frozen) = &model.frozen else {
        return Vec::new();
    };
    let since = format!(" FROZEN since {} ", clock(frozen.at.wall));
    let events = match frozen.events {
        0 => String::new(),
        events => format!(" {} since", phrase::count(events, "change")),
    };
    let long = vec![(since.clone(), Tone::Reversed), (events, Tone::Plain)];
    vec![long, one(since, Tone::Reversed), one(" FROZEN ".to_owned(), Tone::Reversed)]
}

/// `5000 hosts: 4 down 9 late 4987 online`, or less of it.
fn hosts(model: &Model, is_live: bool) -> Vec<Part> {
    if model.freshness.shown_at().is_none() {
        return Vec::new();
    }
    let counts = model.fleet.counts();
    let mark = old_mark(is_live);
    let all = format!("{mark}{}", phrase::count(model.fleet.len(), "host"));
    let plain = toned(Tone::Plain, is_live);
    let mut long = one(format!("{all}:"), plain);
    let mut bad = one(all.clone(), plain);
    for (state, count) in counts {
        let tone = state_tone(state);
        let piece = (format!(" {mark}{count} {state}"), toned(tone, is_live));
        if tone == Tone::Bad {
            bad.push(piece.clone());
        }
        long.push(piece);
    }
    if model.fleet.is_empty() {
        long.clear();
    }
    vec![long, bad, one(all, plain)]
}

/// `C3 W11 ack5`.
fn alerts(model: &Model, is_live: bool) -> Vec<Part> {
    let mark = old_mark(is_live);
    let count = |severity, letter, tone| match model.alerts.count(severity) {
        0 => None,
        count => Some((format!("{mark}{letter}{count}"), toned(tone, is_live))),
    };
    let acked = match model.alerts.count_acked() {
        0 => None,
        count => Some((format!("{mark}ack{count}"), toned(Tone::Plain, is_live))),
    };
    let critical = count(Severity::Critical, "C", Tone::Bad);
    let pieces = [critical, count(Severity::Warning, "W", Tone::Warning), acked];
    let mut part = Part::new();
    for piece in pieces.into_iter().flatten() {
        if !part.is_empty() {
            part.push((" ".to_owned(), Tone::Plain));
        }
        part.push(piece);
    }
    vec![part]
}

/// `chat 2  offers 1`: what nobody read, and what nobody decided.
fn waiting(model: &Model) -> Vec<Part> {
    let (unread, offers) = (model.talk.unread(), model.files.waiting());
    let words = |chat: &str, files: &str| {
        let chat = (unread > 0).then(|| format!("{chat}{unread}"));
        let files = (offers > 0).then(|| format!("{files}{offers}"));
        chat.into_iter().chain(files).collect::<Vec<_>>().join(" ")
    };
    let forms = [words("chat ", "offers "), words("ch", "of")];
    forms.into_iter().filter(|form| !form.is_empty()).map(|form| one(form, Tone::Strong)).collect()
}

/// `with ann, bo`.
fn others(model: &Model) -> Vec<Part> {
    let mut names: Vec<&str> = model.presence.others().map(|one| one.operator.as_str()).collect();
    names.dedup();
    let shown = names.get(..OTHERS_LISTED).unwrap_or(&names).join(", ");
    match names.len() {
        0 => Vec::new(),
        count @ 1..=OTHERS_LISTED => {
            vec![
                one(format!("with {shown}"), Tone::Plain),
                one(format!("{count} with"), Tone::Plain),
            ]
        }
        count => vec![one(format!("with {shown} +{}", count - OTHERS_LISTED), Tone::Plain)],
    }
}
