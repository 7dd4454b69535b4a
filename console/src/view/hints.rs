//! The last line: the keys that hold here, from the same table that handles them.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::time::Now;

use super::files::fit_name;
use super::text::{Pen, cells};
use super::theme::{Symbols, Theme};
use crate::action::{Action, FileAction};
use crate::keys::table::Binding;
use crate::keys::{scopes, table};
use crate::model::Model;
use crate::model::screen::Popup;
use crate::tone::Tone;
use crate::update::files::{card_with_keys, may_decide};

/// Cells between two hints.
const GAP: usize = 2;

/// Cells of the name of a file.
const NAME_CELLS: usize = 28;

/// A key and its word.
struct Hint {
    key: String,
    word: Cow<'static, str>,
    /// Stays when others give way.
    is_kept: bool,
}

/// Draws it.
pub(super) fn draw(model: &Model, now: Now, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mut pen = Pen::on(buffer, theme, area);
    pen.skip(1);
    match &model.screen.popup {
        Some(Popup::Help { .. }) => {
            pen.say("type to narrow  Up Down  Enter runs it  Esc closes", Tone::Quiet);
            return;
        }
        Some(Popup::Who) => {
            pen.say("Esc closes", Tone::Quiet);
            return;
        }
        Some(Popup::Message { .. } | Popup::File { .. }) => {
            pen.say("Up Down  Esc closes", Tone::Quiet);
            return;
        }
        None => {}
    }
    let mut hints = hints(model, now);
    let width = |hint: &Hint| cells(&hint.key, theme.symbols) + 1 + hint.word.len() + GAP;
    while hints.iter().map(width).sum::<usize>() > pen.room() + GAP {
        let Some(at) = hints.iter().rposition(|hint| !hint.is_kept) else {
            break;
        };
        hints.remove(at);
    }
    for hint in hints {
        pen.say(&hint.key, Tone::Strong);
        pen.skip(1);
        pen.say(&hint.word, Tone::Quiet);
        pen.skip(GAP);
    }
}

/// The hints of the scopes that hold, in the order of the table. What an inner scope means by a key
/// hides what an outer one does.
fn hints(model: &Model, now: Now) -> Vec<Hint> {
    let scopes = scopes(model);
    let mut hints = Vec::new();
    let undo = model.requests.undo_at(now.mono);
    if undo.is_some_and(|id| !model.requests.is_pending(id)) {
        let undo = table::bindings(scopes).find(|binding| binding.action == Action::Undo);
        let key = undo.and_then(|binding| binding.keys.first());
        hints.extend(key.map(|key| Hint {
            key: key.to_string(),
            word: "undo".into(),
            is_kept: true,
        }));
    }
    if let Some(known) = card_with_keys(model)
        && model.files.armed == Some(known.record.id)
    {
        let name = fit_name(&known.record.name, NAME_CELLS, Symbols::Ascii);
        let hint = |key: &str, word| Hint { key: key.to_owned(), word, is_kept: true };
        hints.push(hint("Enter", format!("accepts {name}").into()));
        hints.push(hint("Esc", "does not".into()));
    }
    for binding in table::bindings(scopes).filter(|binding| has_hint(model, binding)) {
        if let Some(key) = binding.keys.first()
            && table::action(scopes, *key) == Some(binding.action)
        {
            let (word, is_on) = if binding.action == Action::Freeze && model.frozen.is_some() {
                ("go on", true)
            } else if binding.action == Action::Hold && model.list.is_held {
                ("let go", true)
            } else {
                (binding.hint, false)
            };
            let is_kept = is_on || matches!(binding.action, Action::Help | Action::Back);
            hints.push(Hint { key: key.to_string(), word: word.into(), is_kept });
        }
    }
    hints
}

/// Whether a key is worth a hint: what decides on a file is none where nothing can be decided.
fn has_hint(model: &Model, binding: &Binding) -> bool {
    let decides = [FileAction::Accept, FileAction::Reject].map(Action::File);
    !binding.hint.is_empty() && (!decides.contains(&binding.action) || may_decide(model))
}
