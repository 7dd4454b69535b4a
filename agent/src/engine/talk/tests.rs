//! The talk in virtual time: windows, receipts, bounds, ages, restarts.

mod anything;

use systole_common::time::UnixMs;

use super::*;
use crate::limits::{OUTBOX_AGE_MAX, OUTBOX_MESSAGES_MAX};

const T0: Now = Now { mono: Mono(1_000_000_000_000), wall: UnixMs(1_795_000_000_000) };

fn after(seconds: u64) -> Now {
    T0.plus(Duration::from_secs(seconds))
}

fn daemon(number: u8) -> DaemonName {
    format!("mon-{number}").parse().unwrap()
}

fn message(sequence: u64) -> Arc<Message> {
    let (user, to) = ("alex".to_owned(), "@web-1".to_owned());
    Arc::new(Message { sequence, time: T0.wall, user, to, text: format!("text {sequence}") })
}

fn talk(daemons: u8) -> Talk {
    let mut talk = Talk::new(T0, Left::default());
    talk.handle(T0, Input::Follow((1..=daemons).map(daemon).collect()));
    talk
}

fn say(talk: &mut Talk, sequences: std::ops::RangeInclusive<u64>) -> Vec<Effect> {
    sequences.flat_map(|sequence| talk.handle(T0, Input::Said(message(sequence)))).collect()
}

fn up(talk: &mut Talk, number: u8, connection: u64) -> Vec<Effect> {
    let connection = ConnectionId(connection);
    talk.handle(T0, Input::MainUp { daemon: daemon(number), connection })
}

fn receipt(talk: &mut Talk, number: u8, ranges: &[(u64, u64)]) -> Vec<Effect> {
    talk.handle(T0, Input::Receipt { daemon: daemon(number), ranges: ranges.to_vec() })
}

/// The sequences that are sent to a daemon, in their order.
fn sent(effects: &[Effect], number: u8) -> Vec<u64> {
    let of = |effect: &Effect| match effect {
        Effect::Send { daemon: to, message, .. } => {
            (*to == daemon(number)).then_some(message.sequence)
        }
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

fn waiting(talk: &Talk) -> Vec<u64> {
    talk.waiting().map(|message| message.sequence).collect()
}

#[test]
fn a_window_goes_out_ascending_and_moves_with_the_receipts() {
    let mut talk = talk(1);
    assert!(say(&mut talk, 1..=20).is_empty(), "nobody is connected");
    assert_eq!(sent(&up(&mut talk, 1, 1), 1), (1..=16).collect::<Vec<_>>());
    assert_eq!(sent(&receipt(&mut talk, 1, &[(1, 3)]), 1), [17, 18, 19]);
    assert!(receipt(&mut talk, 1, &[(1, 3)]).is_empty(), "a receipt twice is no news");
    assert_eq!(waiting(&talk), (4..=20).collect::<Vec<_>>());
    assert_eq!(sent(&receipt(&mut talk, 1, &[(1, 20)]), 1), [0; 0]);
    assert!(waiting(&talk).is_empty() && talk.next_deadline().is_none());
}

#[test]
fn what_is_not_confirmed_is_sent_again_on_the_next_stream_and_after_a_long_while() {
    let mut talk = talk(1);
    up(&mut talk, 1, 1);
    assert_eq!(sent(&say(&mut talk, 1..=2), 1), [1, 2]);
    assert_eq!(sent(&up(&mut talk, 1, 2), 1), [1, 2]);
    assert_eq!(talk.next_deadline(), Some(after(30).mono));
    assert!(talk.handle(after(29), Input::Tick).is_empty());
    assert_eq!(sent(&talk.handle(after(30), Input::Tick), 1), [1, 2]);
    assert_eq!(talk.next_deadline(), Some(after(90).mono), "a slow daemon is not pressed");
    talk.handle(T0, Input::MainDown { daemon: daemon(1) });
    assert_eq!(talk.next_deadline(), Some(T0.mono.plus(OUTBOX_AGE_MAX)));
    assert!(!talk.is_under_way(1));
}

#[test]
fn what_goes_before_a_message_is_counted_for_each_daemon() {
    let mut talk = talk(2);
    say(&mut talk, 1..=5);
    receipt(&mut talk, 1, &[(1, 2), (4, 4)]);
    assert_eq!((talk.before(&daemon(1), 5), talk.before(&daemon(1), 3)), (1, 0));
    assert_eq!((talk.before(&daemon(2), 5), talk.before(&daemon(3), 5)), (4, 0));
}

#[test]
fn each_daemon_has_a_cursor_and_what_all_have_is_forgotten() {
    let mut talk = talk(2);
    up(&mut talk, 1, 1);
    say(&mut talk, 1..=3);
    receipt(&mut talk, 1, &[(1, 3)]);
    assert_eq!(waiting(&talk), [1, 2, 3]);
    let names = |names: Vec<&DaemonName>| names.into_iter().cloned().collect::<Vec<_>>();
    let (sent_to, kept_for) = talk.reached(2);
    assert_eq!((names(sent_to), names(kept_for)), (vec![daemon(1)], vec![daemon(2)]));
    assert_eq!(sent(&up(&mut talk, 2, 2), 2), [1, 2, 3]);
    receipt(&mut talk, 2, &[(2, 3)]);
    assert_eq!(waiting(&talk), [1]);
    talk.handle(T0, Input::Follow(vec![daemon(1)]));
    assert!(waiting(&talk).is_empty(), "nobody waits for a daemon that is gone");
    talk.handle(T0, Input::Follow(vec![daemon(1), daemon(3)]));
    assert!(sent(&up(&mut talk, 3, 3), 3).is_empty(), "a new one is owed what is kept");
}

#[test]
fn the_bound_refuses_what_no_daemon_has_and_gives_up_what_one_has() {
    let max = OUTBOX_MESSAGES_MAX as u64;
    let mut talk = talk(2);
    say(&mut talk, 1..=max - 1);
    assert!(talk.has_room(1) && !talk.has_room(2));
    say(&mut talk, max..=max);
    assert!(!talk.has_room(1), "no daemon has any of them");
    up(&mut talk, 1, 1);
    receipt(&mut talk, 1, &[(1, 2)]);
    assert!(talk.has_room(2) && !talk.has_room(3));
    let effects = say(&mut talk, max + 1..=max + 1);
    assert!(effects.contains(&Effect::Crowded { count: 1 }));
    assert_eq!(waiting(&talk).len(), OUTBOX_MESSAGES_MAX);
    assert_eq!(waiting(&talk).first(), Some(&2));
    assert_eq!(sent(&up(&mut talk, 2, 2), 2).first(), Some(&2), "the first is not owed any more");
}

#[test]
fn seven_days_are_the_end_of_a_message_whatever_the_wall_clock_says() {
    let mut talk = talk(1);
    say(&mut talk, 1..=1);
    let year = Duration::from_hours(365 * 24);
    let set_ahead = Now { mono: after(60).mono, wall: T0.wall.plus(year) };
    assert!(talk.handle(set_ahead, Input::Tick).is_empty());
    let late = T0.plus(OUTBOX_AGE_MAX);
    let effects = talk.handle(late, Input::Tick);
    assert_eq!(effects, [Effect::Expired { count: 1 }, Effect::Save]);
    assert!(waiting(&talk).is_empty() && talk.newest() == 1);
    let left = Left { messages: vec![message(1)], newest: 1, ..Left::default() };
    let restarted = Talk::new(T0.plus(OUTBOX_AGE_MAX / 2), left);
    assert_eq!(restarted.next_deadline(), Some(late.mono), "a restart makes nothing younger");
}

#[test]
fn a_daemon_that_has_more_than_this_disk_moves_the_sequence_on() {
    let mut talk = talk(1);
    say(&mut talk, 1..=2);
    let effects = receipt(&mut talk, 1, &[(1, 40)]);
    assert!(effects.contains(&Effect::SkipTo { daemon: daemon(1), newest: 40 }));
    assert_eq!(talk.newest(), 40);
    assert!(waiting(&talk).is_empty(), "what it has is not sent");
    let effects = receipt(&mut talk, 1, &[(1, u64::MAX)]);
    assert!(effects.is_empty() && talk.newest() == 40, "a lie of that size is none");
}

#[test]
fn a_delivery_is_confirmed_each_time_and_a_new_stream_begins_with_what_there_is() {
    let mut talk = talk(1);
    let taken = |talk: &mut Talk, epoch: u64, sequence| {
        let epoch = SpoolEpoch(epoch);
        talk.handle(T0, Input::Taken { daemon: daemon(1), epoch, sequence })
    };
    let confirm = |epoch: u64, highest| {
        let epoch = SpoolEpoch(epoch);
        Effect::Confirm { daemon: daemon(1), epoch, highest }
    };
    assert_eq!(taken(&mut talk, 7, 4), [confirm(7, 4)]);
    assert_eq!(taken(&mut talk, 7, 9), [confirm(7, 9)]);
    assert_eq!(taken(&mut talk, 7, 4), [confirm(7, 9)], "again, and all of it");
    assert_eq!(taken(&mut talk, 8, 1), [confirm(8, 1)]);
    assert_eq!(up(&mut talk, 1, 1), [confirm(7, 9), confirm(8, 1)]);
    assert!(talk.inbox().has(&daemon(1), SpoolEpoch(7), 5));
    assert!(!talk.inbox().has(&daemon(2), SpoolEpoch(7), 5));
}
