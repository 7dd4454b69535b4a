//! Keys while something lies over the view: the help narrows, moves and runs; the others close.

use systole_common::text::is_hidden;
use systole_common::time::Now;

use super::lists::Move;
use super::{actions, commands, keys, prompt, requests};
use crate::cmd::Cmd;
use crate::keys::help::{HelpLine, Runs, lines};
use crate::keys::{KeyCode, KeyPress, scopes};
use crate::limits::HELP_TYPED_MAX;
use crate::model::Model;
use crate::model::prompt::PromptKind;
use crate::model::screen::Popup;
use crate::tone::Tone;
use crate::view::detail;
use crate::view::popup_size;
use crate::view::symbols::Symbols;

/// Lines of the help that a page key goes.
const PAGE: usize = 10;

/// What `press` does to what lies over the view.
pub(super) fn key(model: &mut Model, now: Now, press: KeyPress) -> Vec<Cmd> {
    if let Some(cmd) = keys::terminal(press) {
        return vec![cmd];
    }
    if press.code == KeyCode::Esc || press == KeyPress::ctrl('c') {
        model.screen.popup = None;
        return Vec::new();
    }
    let scrollable = scrollable(model, now);
    let scopes = scopes(model);
    match &mut model.screen.popup {
        Some(Popup::Help { typed, cursor }) => {
            let lines = lines(typed, scopes);
            if press.code == KeyCode::Enter {
                let chosen = lines.into_iter().nth(*cursor);
                return chosen.map(|line| run(model, now, &line)).unwrap_or_default();
            }
            help(typed, cursor, lines.len(), press);
        }
        Some(Popup::Who) => {
            let closes = [KeyCode::Enter, KeyCode::Char('q'), KeyCode::Char('w')];
            if closes.contains(&press.code) {
                model.screen.popup = None;
            }
        }
        Some(Popup::Message { offset, .. } | Popup::File { offset, .. }) => {
            let closes = ['q', 'v', 'o'].map(KeyCode::Char);
            if let Some(way) = way(press) {
                *offset = way.from(*offset, PAGE, scrollable + 1);
            } else if closes.contains(&press.code) || press.code == KeyCode::Enter {
                model.screen.popup = None;
            }
        }
        None => {}
    }
    Vec::new()
}

/// Lines of a message or a file in full that a screen of this size does not show at once.
fn scrollable(model: &Model, now: Now) -> usize {
    let Some(popup) = &model.screen.popup else { return 0 };
    let (width, rows) = popup_size(model);
    let (_, lines) = detail::lines(model, now, popup, width, Symbols::Block);
    lines.len().saturating_sub(rows)
}

fn way(press: KeyPress) -> Option<Move> {
    let moves = [
        (KeyCode::Down, Move::Down),
        (KeyCode::Char('j'), Move::Down),
        (KeyCode::Up, Move::Up),
        (KeyCode::Char('k'), Move::Up),
        (KeyCode::PageDown, Move::PageDown),
        (KeyCode::PageUp, Move::PageUp),
        (KeyCode::Char(' '), Move::PageDown),
        (KeyCode::Home, Move::First),
        (KeyCode::Char('g'), Move::First),
        (KeyCode::End, Move::Last),
        (KeyCode::Char('G'), Move::Last),
    ];
    moves.iter().find(|(code, _)| *code == press.code).map(|(_, way)| *way)
}

fn help(typed: &mut String, cursor: &mut usize, len: usize, press: KeyPress) {
    let moves = [
        (KeyCode::Down, Move::Down),
        (KeyCode::Up, Move::Up),
        (KeyCode::PageDown, Move::PageDown),
        (KeyCode::PageUp, Move::PageUp),
        (KeyCode::Home, Move::First),
        (KeyCode::End, Move::Last),
    ];
    if let Some((_, way)) = moves.iter().find(|(code, _)| *code == press.code) {
        *cursor = way.from(*cursor, PAGE, len);
    } else if press == KeyPress::ctrl('u') {
        typed.clear();
        *cursor = 0;
    } else if press.code == KeyCode::Backspace {
        typed.pop();
        *cursor = 0;
    } else if let KeyCode::Char(c) = press.code
        && !press.ctrl
        && !press.alt
        && !is_hidden(c)
        && typed.chars().count() < HELP_TYPED_MAX
    {
        typed.push(c);
        *cursor = 0;
    }
}

/// Runs a line of the help as if its key had been pressed or its command typed.
fn run(model: &mut Model, now: Now, line: &HelpLine) -> Vec<Cmd> {
    model.screen.popup = None;
    match line.runs {
        Runs::Key(binding) if scopes(model).contains(&binding.scope) => {
            actions::run(model, now, binding.action)
        }
        Runs::Key(binding) => {
            let scope = binding.scope;
            let text =
                format!("{} is for: {}; {} leads there", line.keys, scope.title(), scope.way());
            requests::say(model, now, Tone::Warning, text);
            Vec::new()
        }
        Runs::Command(command) if command.arguments.is_empty() => {
            commands::verb(model, now, command.verb, "").unwrap_or_default()
        }
        Runs::Command(command) => {
            prompt::open(model, PromptKind::Command, &format!("{} ", command.name));
            Vec::new()
        }
    }
}
