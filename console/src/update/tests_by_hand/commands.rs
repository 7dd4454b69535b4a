//! The command line: what each command does, and what is said about a wrong one.

use systole_common::ids::AlertId;

use super::*;
use crate::keys::commands::COMMANDS;
use crate::model::host_list::SortBy;
use crate::model::screen::{Popup, View};

#[test]
fn a_wrong_command_is_answered_with_the_nearest_name() {
    let mut rig = rig();
    for (line, said) in [
        ("freze", "no command is named `freze`; did you mean `freeze`?"),
        ("xyzzy 1", "no command is named `xyzzy`; ? lists all"),
        ("host web-9", "host NAME: no host is named `web-9`; did you mean `web-1`?"),
        ("host", "host NAME: which host? give its name"),
        (
            "sort cpi",
            "sort KEY: `cpi` is none; give one of worst, name, beat, cpu, memory, disk, load, network; \
            did you mean `cpu`?",
        ),
        ("bell loud", "bell on|off: `loud` is none; give one of on, off"),
        ("unack x", "unack ID: `x` is no number of an alert"),
        ("unack 1 2", "unack ID: `2` is too much"),
        ("unack 1", "unack ID: nobody has acknowledged alert 1"),
        ("ack 77", "ack [ID] [NOTE]: no open alert has the number 77"),
        ("ack", "ack [ID] [NOTE]: which alert? give its number, or go to it first"),
        ("hold it", "hold: `it` is too much"),
        ("fleet cpu>", "fleet [FILTER]: filter, column 5: expected a percentage such as 80 or 80%"),
        (
            "alerts cpu>8",
            "alerts [FILTER]: filter, column 1: `cpu` is neither a field nor a label \
            of alerts",
        ),
    ] {
        assert_eq!(rig.keys(&format!(":{line}<Enter>")), [], "{line}");
        assert_eq!(rig.error(), said);
        assert_eq!(rig.line(), line, "what was typed is still there");
        let error = rig.model.prompt.as_ref().unwrap().error.clone().unwrap();
        assert!(error.from <= error.to && error.to <= line.chars().count(), "{error:?}");
        rig.keys("x");
        assert_eq!(rig.error(), "", "it goes when something else is typed");
        rig.keys("<Esc>");
    }
}

#[test]
fn commands_do_what_their_lines_say() {
    let mut rig = rig();
    rig.model.manners.themes = vec!["auto", "mono"];
    rig.model.manners.symbols = vec!["block", "ascii"];
    rig.keys(":fleet web<Enter>");
    assert_eq!(rig.order(), ["web-1", "web-2"]);
    rig.keys(":filter<Enter>:sort name<Enter>");
    assert_eq!((rig.order().len(), rig.model.list.sort), (3, SortBy::Name));
    rig.keys(":alerts host=db-1<Enter>");
    assert_eq!((rig.model.screen.view, rig.alerts()), (View::Alerts, vec![1]));
    rig.keys(":filter host=web-1<Enter>");
    assert_eq!(rig.alerts(), [2]);
    rig.keys(":host db-1<Enter>");
    assert_eq!(rig.model.host.as_ref().unwrap().host, "db-1");
    assert_eq!(
        rig.keys(":theme mono<Enter>:symbols ascii<Enter>"),
        [Cmd::Theme("mono"), Cmd::Symbols("ascii")]
    );
    rig.keys(":bell off<Enter>");
    assert!(!rig.model.manners.bell);
    assert_eq!(rig.keys(":connect<Enter>"), [Cmd::Reconnect]);
    rig.keys(":hold<Enter>:freeze<Enter>");
    assert!(rig.model.list.is_held && rig.model.frozen.is_some());
    rig.keys(":who<Enter>");
    assert_eq!(rig.model.screen.popup.take(), Some(Popup::Who));
    rig.keys(":help<Enter>");
    assert!(matches!(rig.model.screen.popup.take(), Some(Popup::Help { .. })));
    assert_eq!(rig.keys(":<Enter>"), []);
    assert_eq!(rig.keys(":q<Enter>"), [Cmd::Leave]);
}

#[test]
fn alerts_are_decided_by_number_from_everywhere() {
    let mut rig = rig();
    let cmds = rig.keys(":ack 1 disk is on its way<Enter>");
    assert!(matches!(
        asked(&cmds).1,
        Question::Ack { id: AlertId(1), note, .. } if note == "disk is on its way"
    ));
    let cmds = rig.keys(":resolve #2 was a drill<Enter>");
    let question = Question::Resolve { id: AlertId(2), note: "was a drill".to_owned() };
    assert_eq!(*asked(&cmds).1, question);
}

#[test]
fn the_alert_under_the_cursor_needs_no_number() {
    let mut rig = rig();
    let cmds = rig.keys("2g:ack on it<Enter>");
    assert!(matches!(
        asked(&cmds).1,
        Question::Ack { id: AlertId(2), note, .. } if note == "on it"
    ));
}

#[test]
fn a_host_is_retired_by_the_second_enter_only() {
    let mut rig = rig_as("admin");
    assert_eq!(rig.keys(":retire db-1<Enter>"), []);
    assert!(rig.error().contains("Enter again forgets db-1"), "{}", rig.error());
    assert_eq!(rig.keys("<BS>1<Enter>"), [], "another text asks again");
    assert_eq!(rig.keys("<Esc>:retire db-1<Enter>"), [], "another line asks again");
    let cmds = rig.keys("<Enter>");
    let (request, question) = asked(&cmds);
    assert_eq!(*question, Question::Retire { host: "db-1".to_owned() });
    assert!(rig.model.prompt.is_none());
    rig.reply(request, Ok(Answer::Done));
    assert_eq!(rig.notice(), "db-1 is retired; if it beats again it is new");
}

#[test]
fn every_command_of_the_table_is_answered() {
    for command in COMMANDS {
        for name in [command.name].iter().chain(command.aliases) {
            let mut rig = rig_as("admin");
            let cmds = rig.keys(&format!(":{name}<Enter>"));
            let is_open = rig.model.prompt.is_some();
            assert_eq!(is_open, !rig.error().is_empty(), "{name}: {cmds:?}");
            assert!(!rig.error().contains("no command"), "{name}");
        }
    }
}

#[test]
fn tab_completes_names_hosts_numbers_and_fields() {
    let mut rig = rig();
    for (typed, whole) in [
        (":fre<Tab>", "freeze "),
        (":host d<Tab>", "host db-1 "),
        (":host w<Tab>", "host web-"),
        (":host web-<Tab>", "host web-"),
        (":sort mem<Tab>", "sort memory "),
        (":bell o<Tab>", "bell o"),
        (":fleet mem<Tab>", "fleet memory"),
        ("/mem<Tab>>80", "memory>80"),
        ("/cpu>80 !crit<Tab>", "cpu>80 !critical"),
        ("/state=d<Tab>", "state=d"),
        (":xyzzy a<Tab>", "xyzzy a"),
    ] {
        rig.keys(typed);
        assert_eq!(rig.line(), whole, "{typed}");
        rig.keys("<Esc>");
    }
    rig.keys(":host w");
    assert_eq!(rig.model.prompt.as_ref().unwrap().completions, ["web-1", "web-2"]);
}
