//! Acknowledging, undoing, resolving: what is asked, what is refused, what is told.

use systole_common::ids::AlertId;
use systole_common::model::alert::Overlay;
use systole_common::wire::console::AlertRecord;
use systole_common::wire::feed::{FeedOperators, OperatorPresence};

use super::*;
use crate::msg::FeedEvent;
use crate::testing::{WALL, resolved};
use crate::tone::Tone;
use crate::update::requests::ACK_SPAN;

fn acked(id: u64, host: &str, who: &str) -> AlertRecord {
    let overlays = vec![Overlay::Acked.into()];
    AlertRecord { acked_by: Some(who.to_owned()), overlays, ..alert(id, host) }
}

fn people(rig: &mut Rig) {
    let one = |session, name: &str| OperatorPresence {
        session,
        operator: name.to_owned(),
        role: "operator".to_owned(),
        since: WALL,
        looking_at: String::new(),
    };
    let operators = vec![one(1, "ann"), one(2, "bo")];
    rig.feed(FeedEvent::Operators(FeedOperators { operators, own: 1 }));
}

#[test]
fn an_ack_is_asked_awaited_confirmed_and_undone() {
    let mut rig = rig();
    let cmds = rig.keys("<Tab>ja");
    let (request, question) = asked(&cmds);
    let id = AlertId(1);
    assert_eq!(*question, Question::Ack { id, note: String::new(), span: ACK_SPAN });
    assert!(rig.model.requests.is_pending(id));
    assert_eq!(rig.keys("a"), [], "it is not asked twice");
    assert!(rig.notice().contains("awaited"), "{}", rig.notice());
    assert_eq!(rig.keys("u"), []);
    assert!(rig.notice().contains("not confirmed yet"), "{}", rig.notice());
    rig.alert(acked(1, "db-1", "ann"));
    rig.reply(request, Ok(Answer::Alerts(vec![acked(1, "db-1", "ann")])));
    assert!(!rig.model.requests.is_pending(id));
    assert_eq!(rig.notice(), "alert 1 is yours for 8 h; u takes it back");
    rig.run(9_000, true);
    let cmds = rig.keys("u");
    let (request, question) = asked(&cmds);
    assert_eq!(*question, Question::Unack { id });
    rig.reply(request, Ok(Answer::Done));
    assert_eq!(rig.notice(), "alert 1 is nobody's again");
    assert_eq!(rig.keys("u"), []);
    assert!(rig.notice().contains("nothing to take back"), "{}", rig.notice());
}

#[test]
fn an_ack_cannot_be_undone_after_its_time() {
    let mut rig = rig();
    let cmds = rig.keys("<Tab>a");
    rig.reply(asked(&cmds).0, Ok(Answer::Done));
    rig.run(10_500, true);
    assert_eq!(rig.keys("u"), []);
    assert!(rig.notice().contains("10 s old"), "{}", rig.notice());
}

#[test]
fn what_failed_is_told_and_safe_to_show() {
    let mut rig = rig();
    let cmds = rig.keys("<Tab>a");
    rig.reply(asked(&cmds).0, Err("alert 2 is not open\u{1b}[2J"));
    assert_eq!(rig.notice(), "not acknowledged: alert 2 is not open\\x1b[2J");
    assert_eq!(rig.model.requests.notice.as_ref().unwrap().tone, Tone::Bad);
    assert_eq!(rig.model.requests.undo, None);
    rig.reply(RequestId(99), Ok(Answer::Done));
}

#[test]
fn what_somebody_else_has_is_taken_over_by_the_second_key_only() {
    let mut rig = rig();
    people(&mut rig);
    rig.alert(acked(2, "web-1", "bo"));
    rig.run(3_000, true);
    assert_eq!(rig.keys("<Tab>ga"), []);
    let expected = "bo acked alert 2 3.0 s ago; once more takes it over";
    assert_eq!(rig.notice(), expected);
    rig.run(6_000, true);
    assert_eq!(rig.keys("a"), [], "too late for a second key");
    assert_eq!(rig.notice(), "bo acked alert 2 9.0 s ago; once more takes it over");
    assert!(matches!(asked(&rig.keys("a")).1, Question::Ack { .. }));
}

#[test]
fn a_faster_ack_of_somebody_else_is_told() {
    let mut rig = rig();
    people(&mut rig);
    let cmds = rig.keys("<Tab>ga");
    rig.alert(acked(2, "web-1", "bo"));
    assert_eq!(rig.notice(), "bo acked alert 2 just before you");
    rig.reply(asked(&cmds).0, Ok(Answer::Done));
    assert!(
        rig.notice().contains("is yours for 8 h; bo acked it 0.0 s before"),
        "{}",
        rig.notice()
    );
}

#[test]
fn what_is_ones_own_already_is_said() {
    let mut rig = rig();
    people(&mut rig);
    rig.alert(acked(2, "web-1", "ann"));
    rig.run(100, true);
    assert_eq!(rig.keys("<Tab>ga"), []);
    assert_eq!(rig.notice(), "alert 2 is yours already; e changes its note");
    let cmds = rig.keys("emine<Enter>");
    assert!(matches!(asked(&cmds).1, Question::Ack { note, .. } if note == "mine"));
}

#[test]
fn nothing_is_changed_while_the_daemon_is_not_heard() {
    let mut rig = rig();
    rig.run(12_000, false);
    for keys in ["<Tab>a", "e", "r", "u", ":ack 2<Enter><Esc>", ":resolve 2 x<Enter><Esc>"] {
        assert_eq!(rig.keys(keys), [], "{keys}");
        assert!(rig.model.requests.pending.is_empty());
    }
    rig.keys("a");
    let expected = "not acknowledged: the daemon is not heard (STALE 12 s); try again when LIVE";
    assert_eq!(rig.notice(), expected);
    rig.keys(":resolve 2 over<Enter>");
    assert!(rig.error().contains("not resolved: the daemon is not heard"), "{}", rig.error());
    assert_eq!(rig.line(), "resolve 2 over", "what was typed is not lost");
}

#[test]
fn each_role_may_what_it_may() {
    let mut viewer = rig_as("viewer");
    assert_eq!(viewer.keys("<Tab>a"), []);
    assert_eq!(viewer.notice(), "not acknowledged: it needs the role operator; yours is viewer");
    viewer.keys("r");
    assert!(viewer.model.prompt.is_none(), "no reason is typed in vain");
    assert!(viewer.notice().contains("not resolved"), "{}", viewer.notice());
    let mut operator = rig_as("operator");
    operator.keys(":retire db-1<Enter>");
    assert!(operator.error().contains("needs the role admin; yours is operator"));
    let mut newer = rig_as("night-watch");
    assert_eq!(newer.keys("<Tab>a").len(), 1, "a role of a newer daemon is the daemon's to judge");
}

#[test]
fn a_note_is_typed_and_a_long_one_is_kept_to_be_shortened() {
    let mut rig = rig();
    let cmds = rig.keys("<Tab>gedisk is on its way<Enter>");
    assert!(matches!(asked(&cmds).1, Question::Ack { note, .. } if note == "disk is on its way"));
    let long = "ä".repeat(300);
    assert_eq!(rig.keys(&format!("je{long}<Enter>")), []);
    assert!(rig.error().contains("600 bytes are more than 512"), "{}", rig.error());
    assert_eq!(rig.line(), long);
}

#[test]
fn an_alert_that_ends_while_its_note_is_typed_is_said_to_be_over() {
    let mut rig = rig();
    rig.keys("<Tab>grsee ticket");
    rig.alert(resolved(alert(2, "web-1"), WALL));
    rig.run(200, true);
    assert_eq!(rig.keys("<Enter>"), []);
    assert_eq!((rig.error(), rig.line()), ("alert 2 is over already", "see ticket"));
    rig.keys("<Esc>");
    assert!(rig.model.prompt.is_none());
}

#[test]
fn resolving_asks_for_the_reason_and_tells_what_came_of_it() {
    let mut rig = rig();
    let cmds = rig.keys("<Tab>grsee ticket<Enter>");
    let (request, question) = asked(&cmds);
    assert_eq!(*question, Question::Resolve { id: AlertId(2), note: "see ticket".to_owned() });
    rig.reply(request, Ok(Answer::Done));
    assert_eq!(rig.notice(), "alert 2 is resolved");
}

#[test]
fn questions_are_bounded() {
    let mut rig = Rig::live(&["web-1"]);
    for id in 1..=20 {
        rig.alert(alert(id, "web-1"));
    }
    rig.run(1_000, true);
    let mut count = 0;
    rig.keys("2");
    for _ in 1..=20 {
        count += rig.keys("aj").len();
    }
    assert_eq!(count, crate::limits::REQUESTS_MAX);
    assert!(rig.notice().contains("16 questions are under way"), "{}", rig.notice());
}

#[test]
fn a_firing_alert_is_not_resolved_without_a_reason() {
    let mut rig = rig();
    for keys in ["<Tab>gr<Enter>", "<Esc>gr  <Enter>", "<Esc>:resolve 2<Enter>"] {
        assert_eq!(rig.keys(keys), [], "{keys}");
        assert!(rig.error().contains("alert 2 still fires; say why"), "{}", rig.error());
    }
    rig.keys("<Esc>");
    let mut settling = alert(2, "web-1");
    settling.state = systole_common::model::alert::AlertState::Settling.into();
    rig.alert(settling);
    assert_eq!(rig.keys(":resolve 2<Enter>").len(), 1, "it is over by itself");
}

#[test]
fn the_ack_of_a_resolved_alert_cannot_be_taken_back() {
    let mut rig = rig();
    let cmds = rig.keys("<Tab>ga");
    rig.reply(asked(&cmds).0, Ok(Answer::Done));
    assert!(rig.model.requests.undo_at(crate::testing::at(rig.ms).mono).is_some());
    let cmds = rig.keys("rreplaced<Enter>");
    rig.reply(asked(&cmds).0, Ok(Answer::Done));
    assert_eq!(rig.model.requests.undo, None);
    assert_eq!(rig.keys("u"), []);
    assert_eq!(rig.notice(), "nothing to take back: the alert of your last ack is over");
}

#[test]
fn why_there_is_nothing_to_take_back_is_said() {
    let mut rig = rig();
    rig.keys("u");
    assert_eq!(rig.notice(), "nothing to take back: you acknowledged nothing yet");
    let cmds = rig.keys("<Tab>ga");
    rig.reply(asked(&cmds).0, Ok(Answer::Done));
    rig.keys("uu");
    assert_eq!(rig.notice(), "nothing to take back: your last ack is taken back already");
}

#[test]
fn a_refusal_because_of_the_link_goes_when_it_lives() {
    let mut rig = rig();
    rig.run(12_000, false);
    rig.keys("<Tab>a");
    assert!(rig.notice().contains("try again when LIVE"));
    rig.keys(":ack 2<Enter>");
    assert!(rig.error().contains("try again when LIVE"));
    rig.tick();
    assert_eq!((rig.notice(), rig.error(), rig.line()), ("", "", "ack 2"));
}

#[test]
fn in_a_host_its_newest_alert_is_meant_and_among_its_alerts_the_one_under_the_cursor() {
    let mut rig = rig();
    let mut older = alert(3, "db-1");
    older.since = older.since.minus(std::time::Duration::from_mins(1));
    rig.alert(older);
    rig.run(200, true);
    let cmds = rig.keys("oa");
    assert!(matches!(asked(&cmds).1, Question::Ack { id: AlertId(1), .. }));
    rig.keys("hhhh");
    let cmds = rig.keys("jrdone<Enter>");
    assert!(matches!(asked(&cmds).1, Question::Resolve { id: AlertId(3), .. }), "{cmds:?}");
}

#[test]
fn a_key_that_does_not_hold_here_says_where_it_does() {
    let mut rig = rig();
    rig.keys("a");
    let said = "a is for: alerts (say that the alert is yours, for 8 h); 2 or ! leads there";
    assert_eq!(rig.notice(), said);
    rig.keys("or");
    assert!(rig.notice().starts_with("r is for: alerts"), "{}", rig.notice());
    let before = rig.notice().to_owned();
    rig.keys("Z");
    assert_eq!(rig.notice(), before, "a key that nothing has says nothing");
}
