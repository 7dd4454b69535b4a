//! Values that stand still. States, alerts and the link go on, and what happened is counted.

use systole_common::time::Now;

use super::order;
use crate::model::{Dirty, Frozen, Model};

/// Freezes the values as they are, or goes on with those of now.
pub fn toggle(model: &mut Model, now: Now) {
    model.frozen = match model.frozen.take() {
        Some(_) => None,
        None => Some(Frozen { at: now, fleet: model.fleet.clone(), events: 0 }),
    };
    if model.frozen.is_none() {
        model.list.has_new_values = true;
        order::refresh(model, now);
    }
    model.touch(Dirty::Now);
}

/// The state of a host changed, or the host came or went.
pub(super) fn follow(model: &mut Model, name: &str) {
    if let Some(frozen) = model.frozen.as_mut() {
        frozen.fleet.follow(&model.fleet, name);
        frozen.events += 1;
    }
}

/// Something happened to an alert.
pub(super) fn count(model: &mut Model) {
    if let Some(frozen) = model.frozen.as_mut() {
        frozen.events += 1;
    }
}

/// A host that was opened after the values were frozen is shown as it was when it came. Returns
/// whether there is more to show.
pub(super) fn fill(model: &mut Model, name: &str) -> bool {
    let Some(frozen) = model.frozen.as_mut() else {
        return false;
    };
    let needs = frozen.fleet.get(name).is_some_and(|row| row.detail.is_none());
    if needs {
        frozen.fleet.follow(&model.fleet, name);
    }
    needs
}
