//! What the daemon is asked to detail and what it is told.

use crate::cmd::Cmd;
use crate::limits::INTEREST_HOSTS_MAX;
use crate::model::host_view::HostView;
use crate::model::screen::{Size, View};
use crate::msg::Msg;
use crate::testing::{at, record};
use crate::update::rig::{Rig, interests, names};
use crate::view::layout::Layout;

impl Rig {
    fn many(count: usize) -> Self {
        let many = names(count);
        Self::live(&many.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn open(&mut self, name: &str) {
        self.show(View::Host);
        self.model.host = Some(HostView::new(name));
    }
}

fn told(cmds: &[Cmd]) -> Vec<&str> {
    let mut told = Vec::new();
    for cmd in cmds {
        if let Cmd::LookingAt(words) = cmd {
            told.push(words.as_str());
        }
    }
    told
}

#[test]
fn the_rows_on_the_screen_are_asked_for_once() {
    let mut rig = Rig::new();
    assert_eq!(rig.send(Msg::Deadline), [], "nobody is there to be asked");
    assert_eq!(told(&rig.link("mon-1")), ["fleet"]);
    let many = names(40);
    let picture = rig.picture(&many.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    let rows = Layout::of(&rig.model).main_rows();
    assert_eq!(interests(&picture), [many[..rows].to_vec()]);
    assert_eq!(rig.run(10_000, true), [], "nothing changed");
}

#[test]
fn scrolling_asks_at_most_twice_a_second_and_the_last_one_counts() {
    let mut rig = Rig::many(100);
    rig.run(1_000, true);
    let mut asked = Vec::new();
    for row in 20..70 {
        rig.model.list.move_to(row, at(rig.ms).mono);
        asked.extend(rig.send(Msg::Deadline));
        asked.extend(rig.run(20, true));
    }
    asked.extend(rig.run(1_000, true));
    let asked = interests(&asked);
    assert!((2..=4).contains(&asked.len()), "{} times in 1 s", asked.len());
    let rows = Layout::of(&rig.model).main_rows();
    assert_eq!(asked.last().unwrap(), rig.model.list.visible(rows));
}

#[test]
fn the_open_host_is_asked_for_and_told() {
    let mut rig = Rig::many(30);
    rig.run(1_000, true);
    rig.open("web-0029");
    let cmds = rig.send(Msg::Deadline);
    assert_eq!(interests(&cmds), [["web-0029"]]);
    assert_eq!(told(&cmds), ["host web-0029"]);
    rig.show(View::Alerts);
    assert_eq!(rig.send(Msg::Deadline), [], "it was told just now");
    let cmds = rig.run(600, true);
    assert_eq!((interests(&cmds), told(&cmds)), (vec![Vec::new()], vec!["alerts"]));
}

#[test]
fn a_large_screen_asks_for_no_more_than_allowed() {
    let mut rig = Rig::many(1_000);
    rig.run(1_000, true);
    let cmds = rig.send(Msg::Resize(Size { width: 200, height: 1_000 }));
    assert_eq!(interests(&cmds)[0].len(), INTEREST_HOSTS_MAX);
}

#[test]
fn what_changed_without_a_link_is_said_on_the_next_one() {
    let mut rig = Rig::many(30);
    rig.run(1_000, true);
    rig.unlink();
    let host = "web-0029";
    rig.open(host);
    assert_eq!(rig.run(1_000, false), []);
    let cmds = rig.link("mon-1");
    assert_eq!(
        (interests(&cmds), told(&cmds)),
        (vec![vec![host.to_owned()]], vec!["host web-0029"])
    );
}

#[test]
fn details_are_kept_of_watched_hosts_only() {
    let mut rig = Rig::many(30);
    rig.run(1_000, true);
    rig.detail(record("web-0000"));
    rig.detail(record("web-0029"));
    let has_detail = |rig: &Rig, name| rig.model.fleet.get(name).unwrap().detail.is_some();
    assert!(has_detail(&rig, "web-0000") && !has_detail(&rig, "web-0029"));
    let row = rig.model.fleet.get("web-0029").unwrap();
    assert!(row.facts.is_some() && row.values.is_some(), "its columns are taken from it");
    rig.open("web-0029");
    rig.send(Msg::Deadline);
    assert!(!has_detail(&rig, "web-0000"));
}
