//! Each binding of the table does something where it holds.

use super::*;
use crate::action::{Action, TalkAction};
use crate::keys::scopes;
use crate::keys::table::{Scope, TABLE};
use crate::testing::{offer, spoken};

/// Keys that lead to a place where the scope holds and every action has something to do.
fn way(scope: Scope) -> &'static str {
    match scope {
        Scope::Fleet | Scope::Panes => "j",
        Scope::List => "2",
        Scope::Alerts => "<Tab>",
        Scope::Everywhere | Scope::Host => "o",
        Scope::Charts => "olllll-[[",
        Scope::Chat | Scope::Places => "3",
        Scope::Files => "4",
        Scope::HostAlerts => "ohhhh",
    }
}

#[test]
fn every_key_does_something_where_it_holds() {
    for binding in TABLE {
        for key in binding.keys {
            let mut rig = rig();
            rig.said(true, spoken(1, "web-1/root", "@web-1", "hello"));
            rig.said(true, spoken(2, "web-1/root", "#all", "hello"));
            rig.file(offer(7, "web-1", "core.dump.zst"));
            rig.keys(way(binding.scope));
            rig.read();
            if binding.action == Action::Talk(TalkAction::Newer) {
                rig.keys("K");
            }
            if matches!(
                binding.action,
                Action::Up | Action::PageUp | Action::HalfUp | Action::First
            ) {
                rig.keys("j");
            }
            if binding.action == Action::Later {
                rig.keys("[");
            }
            assert!(scopes(&rig.model).contains(&binding.scope), "{:?}", binding.scope);
            let before = format!("{:?}", rig.model);
            let cmds = rig.send(Msg::Key(*key));
            let is_same = before == format!("{:?}", rig.model) && cmds.is_empty();
            assert!(!is_same, "{key} in {:?}: {:?}", binding.scope, binding.action);
        }
    }
}

#[test]
fn keys_of_the_terminal_hold_in_lines_and_lists_too() {
    for place in ["", ":fle", "/ab", "?", "w"] {
        let mut rig = rig();
        rig.keys(place);
        assert_eq!(rig.keys("<C-l><C-z>"), [Cmd::Repaint, Cmd::Suspend], "{place}");
        assert_eq!(rig.line(), place.trim_start_matches([':', '/', '?', 'w']));
    }
}
