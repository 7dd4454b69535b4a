//! A key: it goes to the prompt if one is open, else to what lies over the view, else to the table.

use systole_common::time::Now;

use super::{actions, popup, prompt, requests};
use crate::action::Action;
use crate::cmd::Cmd;
use crate::keys::{self, KeyPress, table};
use crate::model::{Dirty, Model};
use crate::tone::Tone;

/// What `press` does.
pub fn key(model: &mut Model, now: Now, press: KeyPress) -> Vec<Cmd> {
    model.dirty = Dirty::Now;
    if model.prompt.is_some() {
        return prompt::key(model, now, press);
    }
    if model.screen.popup.is_some() {
        return popup::key(model, now, press);
    }
    let action = table::action(keys::scopes(model), press);
    if action != Some(Action::Back) {
        model.screen.leaving_until = None;
    }
    let Some(action) = action else {
        say_where(model, now, press);
        return Vec::new();
    };
    actions::run(model, now, action)
}

/// A key that does not hold here: where it does.
fn say_where(model: &mut Model, now: Now, press: KeyPress) {
    let found = table::elsewhere(keys::scopes(model), press);
    if let Some(binding) = found {
        let (place, way) = (binding.scope.title(), binding.scope.way());
        let text = format!("{press} is for: {place} ({}); {way} leads there", binding.help);
        requests::say(model, now, Tone::Plain, text);
    }
}

/// What holds even while a line is typed or a list lies over the view.
pub(super) fn terminal(press: KeyPress) -> Option<Cmd> {
    let redraw = KeyPress::ctrl('l');
    let suspend = KeyPress::ctrl('z');
    let found = [(redraw, Cmd::Repaint), (suspend, Cmd::Suspend)];
    found.into_iter().find(|(key, _)| *key == press).map(|(_, cmd)| cmd)
}
