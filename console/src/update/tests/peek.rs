//! The chart below the fleet: whose it is, when it is asked for, and when not.

use systole_common::model::metric::Unit;
use systole_common::wire::history::{HistoryPage, Tier};

use crate::cmd::{Cmd, Question};
use crate::model::requests::RequestId;
use crate::model::screen::Size;
use crate::msg::{Answer, Msg};
use crate::update::rig::{Rig, names};
use crate::view::layout::Layout;

fn wide(hosts: usize) -> (Rig, Vec<(RequestId, String)>) {
    let names = names(hosts);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut rig = Rig::live(&names);
    let cmds = rig.send(Msg::Resize(Size { width: 120, height: 40 }));
    (rig, asked(&cmds))
}

fn asked(cmds: &[Cmd]) -> Vec<(RequestId, String)> {
    let host = |cmd: &Cmd| match cmd {
        Cmd::Ask { request, question: Question::History { host, .. } } => {
            Some((*request, host.clone()))
        }
        _ => None,
    };
    cmds.iter().filter_map(host).collect()
}

#[test]
fn it_takes_no_row_that_a_host_needs_below_the_twentieth() {
    for (hosts, height) in [(3, 40), (20, 40), (5_000, 40), (15, 24), (5_000, 24), (3, 24)] {
        let (mut rig, _) = wide(hosts);
        rig.send(Msg::Resize(Size { width: 120, height }));
        let layout = Layout::of(&rig.model);
        assert!(
            layout.chart.height == 0 || layout.main_rows() >= hosts.min(20),
            "{hosts} {height}"
        );
        assert_eq!(layout.chart.height > 0, height == 40 || hosts == 3, "{hosts} {height}");
    }
    assert_eq!(Layout::of(&Rig::live(&["web-1"]).model).chart.height, 0, "none at 80x24");
}

#[test]
fn it_is_asked_for_the_host_on_which_the_cursor_rests() {
    let (mut rig, first) = wide(5);
    assert_eq!(asked(&rig.run(3_000, true)), []);
    assert_eq!(first.len(), 1, "one question at a time");
    rig.cursor("web-0003");
    assert_eq!(asked(&rig.run(2_000, true)), [], "an answer is awaited");
    let page = HistoryPage {
        tier: Tier::Raw.into(),
        unit: Unit::Percent.into(),
        step_ms: 10_000,
        points: Vec::new(),
    };
    let answer = Ok(Answer::History(page));
    let cmds = rig.send(Msg::Reply { request: first[0].0, answer: answer.clone() });
    let second: Vec<_> = asked(&cmds).into_iter().chain(asked(&rig.run(2_000, true))).collect();
    assert_eq!(second[0].1, "web-0003");
    assert!(rig.model.peek.as_ref().unwrap().chart.points.value().is_none(), "not of another host");
    rig.send(Msg::Reply { request: second[0].0, answer });
    assert!(rig.model.peek.as_ref().unwrap().chart.points.value().is_some());
    assert_eq!(asked(&rig.run(9_000, true)), []);
    assert_eq!(asked(&rig.run(2_000, true)).len(), 1, "it goes on");
}

#[test]
fn nothing_is_asked_while_nobody_is_heard() {
    let (mut rig, first) = wide(5);
    rig.run(1_500, true);
    rig.run(3_000, false);
    rig.send(Msg::Reply { request: first[0].0, answer: Err("the link is down".to_owned().into()) });
    rig.cursor("web-0003");
    assert_eq!(asked(&rig.run(60_000, false)), []);
}
