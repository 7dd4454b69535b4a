//! Offers in virtual time, against daemons that decide, lose and come back.

mod anything;
mod rig;

use super::*;
use rig::{Rig, S, told};

#[test]
fn an_offer_is_accepted_transferred_and_over() {
    let mut rig = Rig::new(1);
    rig.up(0);
    rig.offer(7);
    assert_eq!(rig.take(), ["offer mon-1 7"]);
    rig.say(0, 7, FileState::Offered);
    assert_eq!(rig.take(), ["tell 7 offered"]);
    assert!(rig.offers.wanting().is_empty());
    rig.say(0, 7, FileState::Accepted);
    assert_eq!(rig.take(), ["tell 7 accepted", "transfer mon-1 7 file 107 try 1"]);
    assert_eq!(rig.offers.wanting().len(), 1);
    rig.say(0, 7, FileState::Receiving);
    assert_eq!(rig.take(), ["tell 7 receiving"], "it is under way already");
    rig.word(7, 1, FileState::Verified);
    assert_eq!(rig.take(), ["over 7 verified"]);
    rig.say(0, 7, FileState::Verified);
    assert!(rig.take().is_empty(), "the other stream says it as well");
    assert!(rig.offers.wanting().is_empty());
    assert_eq!(rig.offers.next_deadline(), None);
}

#[test]
fn a_rejection_ends_it_and_nothing_is_sent() {
    let mut rig = Rig::new(1);
    rig.up(0);
    rig.offer(1);
    rig.say(0, 1, FileState::Rejected);
    assert_eq!(rig.take(), ["offer mon-1 1", "over 1 rejected"]);
    rig.pass(100 * S);
    rig.up(0);
    assert!(rig.take().is_empty());
}

#[test]
fn it_is_said_again_on_each_connection_and_after_silence() {
    let mut rig = Rig::new(1);
    rig.offer(1);
    rig.pass(S);
    assert!(rig.take().is_empty());
    rig.pass(2 * S);
    assert_eq!(
        rig.take(),
        [
            "tell 1 offered: no daemon is connected; it is offered as soon as one is (see `systole-agent status`)"
        ]
    );
    rig.up(0);
    rig.up(0);
    assert_eq!(rig.take(), ["offer mon-1 1", "offer mon-1 1"]);
    rig.pass(31 * S);
    assert_eq!(rig.take(), ["offer mon-1 1"], "the answer is lost");
    rig.say(0, 1, FileState::Offered);
    rig.take();
    rig.pass(3600 * S);
    assert!(rig.take().is_empty(), "it waits for an operator");
}

#[test]
fn whoever_leaves_takes_the_offer_back_until_the_daemon_surely_knows() {
    let mut rig = Rig::new(1);
    rig.up(0);
    rig.offer(1);
    rig.say(0, 1, FileState::Accepted);
    rig.take();
    rig.input(Input::Left { sequence: 1 });
    assert_eq!(rig.take(), ["stop 1", "withdraw mon-1 1: its sender ended it"]);
    assert!(!rig.offers.is_free(1));
    rig.pass(3 * S);
    rig.down(0);
    rig.pass(1000 * S);
    rig.up(0);
    assert_eq!(rig.take(), ["withdraw mon-1 1: its sender ended it"], "it may have been lost");
    rig.pass(11 * S);
    rig.up(0);
    assert!(rig.take().is_empty());
    assert!(rig.offers.is_free(1));
    assert_eq!(rig.offers.next_deadline(), None);
}

#[test]
fn a_file_that_changes_fails_with_that_reason_also_while_nobody_wants_it_yet() {
    let mut rig = Rig::new(1);
    rig.up(0);
    rig.offer(1);
    rig.say(0, 1, FileState::Accepted);
    rig.take();
    rig.input(Input::Spoiled { sequence: 1, reason: "it changed".to_owned() });
    let said = ["stop 1", "over 1 failed: it changed", "fail mon-1 1: it changed"];
    assert_eq!(rig.take(), said);
    rig.input(Input::Spoiled { sequence: 1, reason: "it changed".to_owned() });
    assert!(rig.take().is_empty());
    rig.pass(11 * S);
    rig.offer(2);
    rig.say(0, 2, FileState::Offered);
    rig.take();
    rig.down(0);
    rig.input(Input::Spoiled { sequence: 2, reason: "it changed".to_owned() });
    assert_eq!(rig.take(), ["over 2 failed: it changed"]);
    rig.up(0);
    assert_eq!(rig.take(), ["fail mon-1 2: it changed"], "the daemon learns of it on its return");
}

#[test]
fn one_file_at_a_time_goes_to_a_daemon() {
    let mut rig = Rig::new(1);
    rig.up(0);
    for sequence in [1, 2, 3] {
        rig.offer(sequence);
    }
    rig.take();
    for sequence in [2, 1, 3] {
        rig.say(0, sequence, FileState::Accepted);
        rig.pass(S);
    }
    let begun = |rig: &mut Rig| -> Vec<String> {
        rig.take().into_iter().filter(|one| one.starts_with("transfer")).collect()
    };
    assert_eq!(begun(&mut rig), ["transfer mon-1 2 file 102 try 1"]);
    rig.word(2, 1, FileState::Verified);
    assert_eq!(begun(&mut rig), ["transfer mon-1 1 file 101 try 2"]);
    rig.input(Input::Left { sequence: 1 });
    assert_eq!(begun(&mut rig), ["transfer mon-1 3 file 103 try 3"]);
}

#[test]
fn a_transfer_that_breaks_is_tried_again_and_more_slowly_while_nothing_moves() {
    let mut rig = Rig::new(1);
    rig.up(0);
    rig.offer(1);
    rig.say(0, 1, FileState::Accepted);
    rig.take();
    for attempt in 1..20 {
        rig.broken(1, attempt, false);
        rig.pass(16 * S);
        assert_eq!(rig.take(), [format!("transfer mon-1 1 file 101 try {}", attempt + 1)]);
    }
    rig.broken(1, 3, true);
    assert!(rig.take().is_empty(), "that is an old one");
    rig.broken(1, 20, true);
    rig.pass(S / 4);
    assert_eq!(rig.take(), ["transfer mon-1 1 file 101 try 21"]);
    rig.word(1, 21, FileState::Receiving);
    rig.pass(16 * S);
    assert_eq!(rig.take(), ["transfer mon-1 1 file 101 try 22"], "a word that ends nothing");
}

#[test]
fn a_daemon_that_goes_and_comes_gets_the_rest() {
    let mut rig = Rig::new(2);
    rig.up(0);
    rig.up(1);
    rig.offer(1);
    rig.say(0, 1, FileState::Accepted);
    rig.take();
    rig.down(0);
    let gone = "tell 1 receiving: mon-1 is gone; the file goes on as soon as it is back";
    assert_eq!(rig.take(), ["stop 1", gone]);
    assert!(rig.offers.wanting().is_empty());
    rig.pass(3600 * S);
    assert!(rig.take().is_empty(), "what was accepted stays");
    rig.up(0);
    assert_eq!(rig.take(), ["offer mon-1 1", "transfer mon-1 1 file 101 try 2"]);
}

#[test]
fn what_nobody_accepted_leaves_a_daemon_that_is_gone_for_long() {
    let mut rig = Rig::new(2);
    rig.up(0);
    rig.up(1);
    rig.offer(1);
    rig.say(0, 1, FileState::Offered);
    rig.down(0);
    rig.take();
    rig.pass(29 * S);
    assert!(rig.take().is_empty());
    rig.pass(2 * S);
    assert_eq!(rig.take(), ["offer mon-2 1"]);
    rig.up(0);
    assert_eq!(rig.take(), ["withdraw mon-1 1: it is offered to another daemon"]);
    rig.say(0, 1, FileState::Accepted);
    assert!(rig.take().is_empty(), "too late for that one");
    rig.say(1, 1, FileState::Accepted);
    assert_eq!(rig.take(), ["tell 1 accepted", "transfer mon-2 1 file 101 try 1"]);
}

#[test]
fn just_after_the_start_the_first_daemon_gets_time() {
    let mut rig = Rig::new(2);
    rig.up(1);
    rig.offer(1);
    rig.pass(4 * S);
    assert!(rig.take().is_empty());
    rig.up(0);
    assert_eq!(rig.take(), ["offer mon-1 1"]);
    let mut rig = Rig::new(2);
    rig.up(1);
    rig.offer(1);
    rig.pass(6 * S);
    assert_eq!(rig.take(), ["offer mon-2 1"]);
}

#[test]
fn offers_of_before_whose_users_do_not_come_back_are_taken_back() {
    let mut rig = Rig::new(1);
    rig.up(0);
    rig.say(0, 1, FileState::Accepted);
    rig.say(0, 2, FileState::Accepted);
    rig.say(0, 3, FileState::Verified);
    assert!(rig.take().is_empty());
    rig.pass(10 * S);
    rig.offer(2);
    assert_eq!(rig.take(), ["offer mon-1 2"]);
    rig.pass(25 * S);
    let later = rig.take();
    assert!(later.contains(&"withdraw mon-1 1: its sender is gone".to_owned()), "{later:?}");
    assert!(!later.iter().any(|one| one.contains("withdraw mon-1 2")), "{later:?}");
    rig.say(0, 9, FileState::Accepted);
    assert_eq!(rig.take(), ["withdraw mon-1 9: its sender is gone"], "from then on at once");
}

#[test]
fn an_offer_of_before_stays_with_the_daemon_that_speaks_of_it() {
    let before = |says_first: bool| {
        let mut rig = Rig::new(2);
        rig.up(1);
        if says_first {
            rig.say(1, 4, FileState::Accepted);
        }
        rig.offer(4);
        rig.say(1, 4, FileState::Accepted);
        rig.up(0);
        rig.pass(60 * S);
        rig.take()
    };
    let later = before(false);
    assert_eq!(later[..2], ["tell 4 accepted", "transfer mon-2 4 file 104 try 1"]);
    assert!(
        !later.iter().any(|one| one.contains("mon-1") || one.contains("withdraw")),
        "{later:?}"
    );
    let first = before(true);
    assert_eq!(first[0], "offer mon-2 4");
    assert!(
        !first.iter().any(|one| one.contains("mon-1") || one.contains("withdraw")),
        "{first:?}"
    );
}

#[test]
fn an_offer_that_two_daemons_have_from_before_stays_with_one() {
    let mut rig = Rig::new(2);
    rig.up(0);
    rig.up(1);
    rig.say(1, 4, FileState::Offered);
    rig.say(0, 4, FileState::Offered);
    rig.offer(4);
    assert_eq!(rig.take(), ["offer mon-1 4", "withdraw mon-2 4: it is offered to another daemon"]);
}

#[test]
fn a_daemon_that_is_configured_no_more_lets_its_offers_go() {
    let mut rig = Rig::new(2);
    rig.up(0);
    rig.up(1);
    rig.pass(6 * S);
    rig.offer(1);
    rig.offer(2);
    rig.say(0, 2, FileState::Accepted);
    rig.take();
    rig.input(Input::Follow(vec![rig::name(1)]));
    let said = [
        "stop 2",
        &told(2, "failed", "mon-1 wanted it and is not configured any more; send it again"),
        "offer mon-2 1",
    ];
    assert_eq!(rig.take(), said);
}

#[test]
fn words_of_another_spool_or_of_a_newer_daemon_are_nothing() {
    let mut rig = Rig::new(1);
    rig.up(0);
    rig.offer(1);
    rig.take();
    let mut other = rig::decision(1, FileState::Accepted);
    other.epoch = SpoolEpoch(1);
    rig.input(Input::Decided { daemon: rig::name(0), decision: other });
    let mut newer = rig::decision(1, FileState::Accepted);
    newer.state = systole_common::model::coded::Growing::from_code(4711);
    rig.input(Input::Decided { daemon: rig::name(0), decision: newer });
    rig.input(Input::Decided {
        daemon: rig::name(1),
        decision: rig::decision(1, FileState::Accepted),
    });
    assert!(rig.take().is_empty());
}
