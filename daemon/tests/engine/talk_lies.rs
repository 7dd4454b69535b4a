//! Hosts that lie about messages: nobody but themselves is the worse for it.

use systole_common::ids::SpoolEpoch;
use systole_common::wire::control::{Ranges, Receipt, SequenceKind};
use systole_daemon::engine::input::Input;
use systole_daemon::engine::settings::TalkSettings;

use crate::sim::{SECOND, Sim, TALK_EPOCH};

#[test]
fn a_receipt_for_what_was_never_sent_marks_nothing() {
    let mut sim = Sim::talking();
    sim.say("@web-1", "one");
    sim.confirm("web-1", &[(1, 1)]);
    // The window is full: what is behind it was not sent yet.
    let talk = TalkSettings { rate_per_s: 1e6, burst: 1e6, ..TalkSettings::default() };
    sim.settings.talk = talk;
    sim.reload(sim.settings.clone());
    sim.advance(SECOND);
    for _ in 0..20 {
        sim.say("@web-1", "more");
    }
    assert_eq!(sim.sent_to("web-1").len(), 17);
    sim.confirm("web-1", &[(18, u64::MAX)]);
    for number in 18..=21 {
        assert_eq!(sim.marks(number), "waits web-1 | has | never");
    }
    assert!(sim.engine.gauges().counters.count("receipts_of_unsent") > 0);
    sim.confirm("web-1", &[(2, 17)]);
    assert_eq!(sim.sent_to("web-1"), [18, 19, 20, 21], "the truth still works");
}

#[test]
fn a_host_confirms_nothing_for_another() {
    let mut sim = Sim::talking();
    sim.say("@web-1", "one");
    sim.say("#all", "two");
    sim.confirm("web-2", &[(1, 2)]);
    assert_eq!(sim.marks(1), "waits web-1 | has | never");
    assert_eq!(sim.marks(2), "waits web-1 web-3 | has web-2 | never");
}

#[test]
fn receipts_of_other_epochs_and_kinds_mark_nothing() {
    let mut sim = Sim::talking();
    sim.say("@web-1", "one");
    let connection = sim.agents["web-1"].connection;
    for (kind, epoch) in [
        (SequenceKind::Messages, SpoolEpoch(1)),
        (SequenceKind::Samples, TALK_EPOCH),
        (SequenceKind::Offers, TALK_EPOCH),
    ] {
        let receipt = Receipt { kind: kind.into(), epoch, ranges: Ranges(vec![(1, u64::MAX)]) };
        sim.give(Input::Delivered { connection, receipt });
    }
    sim.confirm("web-1", &[]);
    assert_eq!(sim.marks(1), "waits web-1 | has | never");
    sim.say("@web-1", "two");
    assert_eq!(sim.marks(2), "waits web-1 | has | never", "numbers go on as before");
}

#[test]
fn sequences_that_jump_by_half_of_all_numbers_are_taken_once_each() {
    let mut sim = Sim::talking();
    for sequence in [u64::MAX, 1 << 63, 0, 1, u64::MAX, 1 << 63] {
        sim.speak("web-1", sequence, "#ops", "jump");
    }
    assert_eq!(sim.disk.said.messages.len(), 4);
    assert_eq!(sim.safe_of("web-1").len(), 6);
    sim.speak("web-2", 1, "#ops", "I am not him");
    assert_eq!(sim.disk.said.messages.len(), 5);
}

#[test]
fn a_host_that_claims_impossible_numbers_does_not_use_them_up() {
    let mut sim = Sim::talking();
    for _ in 0..10 {
        sim.cut("web-1");
        sim.connect("web-1");
        sim.listen_from("web-1", u64::MAX);
        sim.listen_from("web-1", 1 << 63);
    }
    assert_eq!(sim.say("@web-2", "one").number, 1);
    assert_eq!(sim.sent_to("web-2"), [1]);
}

#[test]
fn an_older_copy_of_the_state_does_not_use_numbers_again() {
    let mut sim = Sim::talking();
    for text in ["one", "two"] {
        sim.say("#all", text);
    }
    let copy = sim.disk.said.clone();
    for text in ["three", "four"] {
        sim.say("#all", text);
    }
    for name in ["web-1", "web-2"] {
        sim.confirm(name, &[(1, 4)]);
    }
    sim.disk.said = copy;
    sim.restart_daemon(SECOND, SECOND);
    sim.open_console(systole_common::ids::Role::Operator);
    let early = sim.say("@web-2", "before anybody said how far it is");
    assert_eq!(early.number, 3);
    sim.listen_from("web-1", 4);
    sim.sent_to("web-1");
    assert_eq!(sim.marks(1), "waits web-2 web-3 | has web-1 | never", "it does have it");
    assert_eq!(sim.say("#all", "go on").number, 5);
    assert_eq!(sim.sent_to("web-1"), [5]);
    // Its third message is another one: this one it would take for a duplicate.
    sim.listen_from("web-2", 4);
    assert_eq!(sim.marks(3), "waits | has | never web-2");
    assert_eq!(sim.marks(2), "waits web-3 | has web-1 web-2 | never");
    assert_eq!(sim.sent_to("web-2").last(), Some(&5));
    sim.confirm("web-2", &[(5, 5)]);
    assert_eq!(sim.marks(5), "waits web-1 web-3 | has web-2 | never");
}
