//! File streams: which may begin, which is heard, and how a file comes to its name.

use std::time::Duration;

use systole_common::model::file::FileState;
use systole_common::wire::file::{Decision, Withdraw};
use systole_daemon::engine::effect::{Effect, TransferVerdict};
use systole_daemon::engine::input::Input;
use systole_daemon::engine::limits::TRANSFER_AT_START;
use systole_daemon::engine::settings::Settings;
use systole_daemon::engine::state::FileRow;

use crate::files_sim::{BO, EPOCH, FileSim, KIB, MIB};
use crate::sim::{SECOND, host};

/// What the only stream since the last look may receive, and what it is answered.
fn receives(sim: &FileSim) -> (FileRow, Decision) {
    match sim.verdicts().as_slice() {
        [(_, TransferVerdict::Receive { row, decision })] => ((**row).clone(), decision.clone()),
        other => panic!("one stream that may begin: {other:?}"),
    }
}

fn refused(sim: &FileSim) -> Decision {
    match sim.verdicts().as_slice() {
        [(_, TransferVerdict::Refuse(decision))] => decision.clone(),
        other => panic!("one stream that may not begin: {other:?}"),
    }
}

fn places(sim: &FileSim) -> Vec<u64> {
    let placed = sim.effects.iter().filter_map(|effect| match effect {
        Effect::Place { transfer } => Some(*transfer),
        _ => None,
    });
    placed.collect()
}

#[test]
fn a_file_comes_gets_its_name_and_is_verified() {
    let mut sim = FileSim::accepted();
    sim.open("web-1", 5, 1);
    let (row, decision) = receives(&sim);
    assert_eq!((row.size_bytes, row.host), (3 * MIB, host("web-1")));
    assert_eq!((decision.state, decision.offset), (FileState::Receiving.into(), 0));
    assert_eq!((decision.file, decision.sequence), (1, 1));
    sim.progress(5, 1, 3 * MIB, 3 * MIB);
    sim.whole(5, 1, "core.dump.zst");
    assert_eq!(places(&sim), [5]);
    assert_eq!(sim.files[&1].placed.as_deref(), Some("core.dump.zst"), "written down before");
    assert_eq!(sim.state(1), FileState::Receiving, "it does not have its name yet");
    sim.take();
    sim.placed(5, 1);
    let row = &sim.files[&1];
    assert_eq!((row.state, row.finished_at), (FileState::Verified, Some(sim.now.wall)));
    assert_eq!((row.content.as_str(), row.synced_bytes), ("text/plain", 3 * MIB));
    assert_eq!(row.decided_by.as_deref(), Some("bo"));
    assert_eq!(sim.overs(), [(5, FileState::Verified)]);
    let told = sim.decisions();
    assert_eq!(told[0].path, "received_files/web-1/core.dump.zst");
    let said = ["bo: accepted core.dump.zst (3.0 MiB)", "mon-1: verified core.dump.zst"];
    assert_eq!(sim.said(), said);
    assert_eq!(sim.trail(), ["bo accept done", "daemon file-verified done"]);
    assert_eq!(sim.audit[1].reason, "received_files/web-1/core.dump.zst");
    assert!(sim.discarded().is_empty());
    sim.advance(Duration::from_hours(48));
    assert_eq!(sim.state(1), FileState::Verified, "its deadline is forgotten");
}

#[test]
fn a_name_that_was_taken_meanwhile_is_another_one() {
    let mut sim = FileSim::accepted();
    sim.open("web-1", 5, 1);
    sim.whole(5, 1, "core.dump.zst");
    sim.whole(5, 1, "core.dump (2).zst");
    assert_eq!(places(&sim), [5, 5]);
    sim.placed(5, 1);
    assert_eq!(sim.decisions()[0].path, "received_files/web-1/core.dump (2).zst");
    assert_eq!(sim.said()[1], "mon-1: verified core.dump.zst, saved as core.dump (2).zst");
}

#[test]
fn a_stream_that_breaks_is_gone_on_with() {
    let mut sim = FileSim::accepted();
    sim.open("web-1", 5, 1);
    sim.progress(5, 1, 2 * MIB, MIB);
    sim.ended(5, 1, None);
    assert_eq!(sim.state(1), FileState::Receiving);
    assert!(sim.discarded().is_empty());
    sim.take();
    sim.open("web-1", 6, 1);
    assert_eq!(receives(&sim).1.offset, MIB, "what was not synced comes again");
    assert!(sim.overs().is_empty(), "no older stream is open");
    let audit = sim.audit.len();
    sim.whole(6, 1, "a");
    sim.placed(6, 1);
    assert_eq!(sim.audit.len(), audit + 1);
}

#[test]
fn a_newer_stream_takes_the_place_of_an_older_one() {
    let mut sim = FileSim::accepted();
    sim.open("web-1", 5, 1);
    sim.progress(5, 1, MIB, MIB);
    sim.take();
    sim.open("web-1", 6, 1);
    assert_eq!(sim.overs(), [(5, FileState::Receiving)]);
    assert_eq!(receives(&sim).1.offset, MIB);
    sim.take();
    sim.progress(5, 1, 3 * MIB, 3 * MIB);
    sim.whole(5, 1, "a");
    sim.ended(5, 1, Some("its hash is wrong"));
    assert!(places(&sim).is_empty(), "the older one is not heard any more");
    assert_eq!((sim.state(1), sim.files[&1].synced_bytes), (FileState::Receiving, MIB));
}

#[test]
fn only_what_was_accepted_from_its_own_host_is_received() {
    let mut sim = FileSim::accepted();
    sim.open("web-2", 5, 1);
    let decision = refused(&sim);
    assert_eq!((decision.file, decision.state), (1, FileState::Failed.into()));
    assert_eq!(decision.reason, "no file of this host has the number 1; offer it first");
    assert_eq!(sim.log.last().unwrap().host, Some(host("web-2")));
    sim.take();
    sim.open("web-1", 6, 77);
    assert!(refused(&sim).reason.contains("77"));
    sim.offer("web-1", 2, "b", MIB);
    sim.take();
    sim.open("web-1", 7, 2);
    assert_eq!(refused(&sim).state, FileState::Offered.into(), "nobody accepted it yet");
    sim.reject(BO, 2, "no").unwrap();
    sim.take();
    sim.open("web-1", 8, 2);
    assert_eq!(
        (refused(&sim).state, refused(&sim).reason.as_str()),
        (FileState::Rejected.into(), "no")
    );
    assert_eq!(sim.log.last().unwrap().event, "transfer refused");
    sim.progress(8, 2, MIB, MIB);
    sim.whole(8, 2, "b");
    sim.placed(8, 2);
    assert_eq!((sim.state(1), sim.state(2)), (FileState::Accepted, FileState::Rejected));
}

#[test]
fn a_transfer_that_does_not_go_on_fails() {
    let mut sim = FileSim::accepted();
    sim.advance(Duration::from_hours(23));
    sim.open("web-1", 5, 1);
    sim.progress(5, 1, KIB, 0);
    sim.advance(Duration::from_hours(23));
    sim.progress(5, 1, 2 * KIB, 2 * KIB);
    assert_eq!(sim.files[&1].expires_at, sim.now.wall.plus(Duration::from_hours(24)));
    sim.ended(5, 1, None);
    sim.open("web-1", 6, 1);
    sim.progress(6, 1, 2 * KIB, 2 * KIB);
    sim.advance(Duration::from_hours(23));
    assert_eq!(sim.state(1), FileState::Receiving);
    sim.take();
    sim.advance(Duration::from_hours(1));
    assert_eq!(sim.state(1), FileState::Failed, "a new stream alone is no progress");
    assert_eq!(sim.files[&1].reason, "the transfer did not go on for 24 h");
    assert_eq!((sim.discarded(), sim.overs()), (vec![1], vec![(6, FileState::Failed)]));
    assert_eq!(sim.trail()[1], "daemon file-failed done");
    let said = "mon-1: failed core.dump.zst: the transfer did not go on for 24 h";
    assert_eq!(sim.said()[1], said);
}

#[test]
fn a_transfer_that_cannot_succeed_fails_at_once() {
    let mut sim = FileSim::accepted();
    sim.open("web-1", 5, 1);
    sim.ended(5, 1, Some("its hash is \u{1b}another one"));
    assert_eq!(sim.state(1), FileState::Failed);
    assert_eq!(sim.discarded(), [1]);
    assert_eq!(sim.overs(), [(5, FileState::Failed)]);
    assert_eq!(sim.decisions()[0].reason, "its hash is \\x1banother one");
    sim.take();
    sim.open("web-1", 6, 1);
    assert_eq!(refused(&sim).state, FileState::Failed.into());
}

#[test]
fn a_sender_that_ends_a_transfer_ends_its_stream() {
    let mut sim = FileSim::accepted();
    sim.open("web-1", 5, 1);
    sim.withdraw("web-1", 1, "the file changed while it was sent");
    assert_eq!(sim.overs(), [(5, FileState::Withdrawn)]);
    assert_eq!(sim.discarded(), [1]);
    sim.take();
    sim.progress(5, 1, MIB, MIB);
    sim.whole(5, 1, "a");
    assert!(sim.take().is_empty() && sim.state(1) == FileState::Withdrawn);
}

#[test]
fn a_file_that_changed_has_failed_and_its_sender_did_not_end_it() {
    let mut sim = FileSim::accepted();
    sim.open("web-1", 5, 1);
    let (connection, reason) = (sim.connection("web-1"), "the file changed".to_owned());
    let withdraw = Withdraw { sequence: 1, reason, has_failed: true };
    sim.give(Input::Withdraw { connection, epoch: EPOCH, withdraw });
    assert_eq!(sim.overs(), [(5, FileState::Failed)]);
    assert_eq!(sim.discarded(), [1]);
    assert_eq!(sim.trail().last().unwrap(), "daemon file-failed done");
}

#[test]
fn a_sender_is_too_late_once_the_file_gets_its_name() {
    let mut sim = FileSim::accepted();
    sim.open("web-1", 5, 1);
    sim.whole(5, 1, "a");
    sim.withdraw("web-1", 1, "");
    assert_eq!(sim.state(1), FileState::Receiving);
    sim.placed(5, 1);
    assert_eq!(sim.state(1), FileState::Verified);
}

#[test]
fn a_restart_goes_on_with_what_is_open() {
    let mut sim = FileSim::accepted();
    sim.open("web-1", 5, 1);
    sim.progress(5, 1, 2 * MIB, MIB);
    sim.room = None;
    sim.offer("web-1", 2, "small", KIB);
    sim.offer("web-1", 3, "large", MIB);
    sim.room = Some(Ok(()));
    sim.take();
    sim.restart(Duration::from_mins(59));
    let kept = sim.effects.iter().find_map(|effect| match effect {
        Effect::KeepPartials(kept) => Some(kept.clone()),
        _ => None,
    });
    let expected = vec![(1, host("web-1"), 3 * MIB), (2, host("web-1"), KIB)];
    assert_eq!(kept, Some(expected), "with what is about to be reserved again");
    assert_eq!(sim.state(2), FileState::Accepted, "policy takes up what it had begun");
    assert_eq!(sim.state(3), FileState::Offered);
    sim.advance(Duration::from_mins(1));
    assert_eq!(sim.state(3), FileState::Expired, "a restart prolongs nothing");
    sim.take();
    sim.open("web-1", 1, 1);
    assert_eq!(receives(&sim).1.offset, MIB);
    let (_, text) = sim.accept(BO, 1).unwrap_err();
    assert_eq!(text, "file 1 was accepted by bo");
}

#[test]
fn a_crash_between_the_name_and_its_note_loses_nothing() {
    let mut sim = FileSim::accepted();
    sim.open("web-1", 5, 1);
    sim.whole(5, 1, "core.dump (2).zst");
    sim.restart(SECOND);
    assert_eq!(sim.state(1), FileState::Receiving);
    sim.take();
    sim.open("web-1", 1, 1);
    assert_eq!(receives(&sim).0.placed.as_deref(), Some("core.dump (2).zst"));
    sim.placed(1, 1);
    assert_eq!(sim.state(1), FileState::Verified);
    assert_eq!(sim.overs(), [(1, FileState::Verified)]);
}

#[test]
fn a_name_that_was_given_before_a_crash_is_found_without_its_sender() {
    let mut sim = FileSim::accepted();
    sim.open("web-1", 5, 1);
    sim.whole(5, 1, "core.dump (2).zst");
    sim.restart(SECOND);
    let looked = |effect: &Effect| matches!(effect, Effect::FindPlaced(row) if row.id == 1);
    assert!(sim.effects.iter().any(looked));
    sim.withdraw("web-1", 1, "its sender is gone");
    assert_eq!(sim.state(1), FileState::Receiving, "not before it is known");
    sim.placed(TRANSFER_AT_START, 1);
    assert_eq!(sim.state(1), FileState::Verified);
    let told = sim.decisions();
    assert_eq!(told.last().unwrap().state, FileState::Verified.into());
    // A stream that found it as well changes nothing.
    let before = sim.trail().len();
    sim.placed(1, 1);
    assert_eq!((sim.state(1), sim.trail().len()), (FileState::Verified, before));
}

#[test]
fn a_name_that_was_not_given_leaves_the_file_to_its_sender() {
    let mut sim = FileSim::accepted();
    sim.open("web-1", 5, 1);
    sim.whole(5, 1, "a");
    sim.restart(SECOND);
    sim.withdraw("web-1", 1, "its sender is gone");
    sim.take();
    sim.ended(TRANSFER_AT_START, 1, None);
    assert_eq!(sim.decisions()[0].state, FileState::Receiving.into(), "its host hears of it again");
    sim.withdraw("web-1", 1, "its sender is gone");
    assert_eq!((sim.state(1), sim.discarded()), (FileState::Withdrawn, vec![1]));
}

#[test]
fn a_host_hears_of_each_of_its_open_offers_when_it_comes_back() {
    let mut sim = FileSim::new(&["web-1", "web-2"]);
    sim.offer("web-1", 1, "a", MIB);
    sim.offer("web-1", 2, "b", MIB);
    sim.offer("web-2", 1, "c", MIB);
    sim.withdraw("web-1", 1, "");
    sim.take();
    sim.connect("web-1");
    let told: Vec<_> = sim.decisions().iter().map(|one| (one.file, one.sequence)).collect();
    assert_eq!(told, [(2, 2)]);
}

#[test]
fn a_partial_that_was_lost_begins_anew() {
    let mut sim = FileSim::accepted();
    sim.open("web-1", 5, 1);
    sim.progress(5, 1, 2 * MIB, 2 * MIB);
    sim.ended(5, 1, None);
    sim.open("web-1", 6, 1);
    sim.progress(6, 1, 0, 0);
    assert_eq!(sim.files[&1].synced_bytes, 0);
    sim.ended(6, 1, None);
    sim.take();
    sim.open("web-1", 7, 1);
    assert_eq!(receives(&sim).1.offset, 0);
}

#[test]
fn other_settings_hold_for_what_comes_later() {
    let mut sim = FileSim::new(&["web-1"]);
    sim.offer("web-1", 1, "a", MIB);
    let mut settings = Settings::default();
    settings.files.offer_ttl = Duration::from_mins(5);
    settings.files.auto_accept_max_bytes = 2 * MIB;
    sim.settings = settings.clone();
    sim.give(systole_daemon::engine::input::Input::Settings(Box::new(settings)));
    sim.offer("web-1", 2, "b", MIB);
    assert_eq!((sim.state(1), sim.state(2)), (FileState::Offered, FileState::Accepted));
    sim.advance(Duration::from_mins(6));
    assert_eq!(sim.state(1), FileState::Offered, "it was told another hour");
}
