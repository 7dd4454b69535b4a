//! Offers: what policy takes or refuses, what waits for operators, what senders are told.

use std::time::Duration;

use systole_common::model::file::FileState;
use systole_common::wire::codec::encode_frame;
use systole_common::wire::console::Retire;
use systole_common::wire::file::{FilePage, FilesQuery, Offer};
use systole_common::wire::hello::RefusalCode;
use systole_daemon::engine::effect::{Effect, Reply};
use systole_daemon::engine::input::Request;
use systole_daemon::engine::settings::{FileSettings, Settings};

use crate::files_sim::{BO, EPOCH, FileSim, KIB, MIB};
use crate::sim::SECOND;

fn settings(files: FileSettings) -> Settings {
    Settings { files, ..Settings::default() }
}

#[test]
fn a_small_file_needs_nobody() {
    let mut sim = FileSim::new(&["web-1"]);
    sim.offer("web-1", 1, "notes.txt", 30 * KIB);
    let told = sim.decisions();
    assert_eq!(told.len(), 1, "READY, and nothing before: {told:?}");
    assert_eq!(told[0].state, FileState::Accepted.into());
    assert_eq!((told[0].file, told[0].sequence, told[0].by.as_str()), (1, 1, "policy"));
    assert_eq!(sim.state(1), FileState::Accepted);
    assert_eq!(sim.said(), ["mon-1: accepted notes.txt (30.0 KiB)"]);
    assert_eq!(sim.chat[0].to, "@web-1");
    assert_eq!(sim.chat[0].thread.as_deref(), Some("file 1"));
    assert_eq!(sim.trail(), ["daemon accept done"]);
    assert_eq!(sim.audit[0].target, "file 1 of web-1: notes.txt (30.0 KiB)");
    let why = "by policy: up to 40.0 KiB needs no operator (files.auto_accept_max)";
    assert_eq!(sim.audit[0].reason, why);
}

#[test]
fn a_larger_one_waits_and_expires() {
    let mut sim = FileSim::new(&["web-1"]);
    sim.offer("web-1", 1, "core.dump.zst", 41 * KIB);
    let told = sim.decisions();
    assert_eq!(told[0].state, FileState::Offered.into());
    assert_eq!(told[0].expires_at, sim.now.wall.plus(Duration::from_hours(1)));
    assert!(sim.said().is_empty() && sim.trail().is_empty(), "nobody decided anything");
    sim.take();
    sim.advance(Duration::from_secs(3_599));
    assert_eq!(sim.state(1), FileState::Offered);
    sim.second();
    assert_eq!(sim.state(1), FileState::Expired);
    let told = sim.decisions();
    assert_eq!(told[0].reason, "nobody decided within 1 h");
    assert_eq!(sim.said(), ["mon-1: expired core.dump.zst: nobody decided within 1 h"]);
    assert_eq!(sim.trail(), ["daemon file-expired done"]);
    let (code, text) = sim.accept(BO, 1).unwrap_err();
    assert_eq!(code, RefusalCode::State);
    assert_eq!(text, "file 1 expired 0 s ago: nobody decided within 1 h");
}

#[test]
fn one_that_is_too_large_is_refused_with_the_limit() {
    let files = FileSettings {
        size_max_bytes: 40 * KIB,
        auto_accept_max_bytes: 40 * KIB,
        ..Default::default()
    };
    let mut sim = FileSim::with(settings(files), &["web-1"]);
    sim.offer("web-1", 1, "a", 40 * KIB);
    sim.offer("web-1", 2, "b", 41 * KIB);
    sim.offer("web-1", 3, "c", 40 * KIB + 1);
    sim.offer("web-1", 4, "d", 1 << 63);
    let told = sim.decisions();
    let states: Vec<_> = told.iter().map(|decision| decision.state.known().unwrap()).collect();
    let rejected = FileState::Rejected;
    assert_eq!(states, [FileState::Accepted, rejected, rejected, rejected]);
    let reason = "too large: 41.0 KiB, at most 40.0 KiB are taken (files.max_size)";
    assert_eq!(told[1].reason, reason);
    let exact = "too large: 40961 bytes, at most 40960 bytes are taken (files.max_size)";
    assert_eq!(told[2].reason, exact);
    assert_eq!(sim.said()[1], format!("mon-1: rejected b: {reason}"));
    let row = &sim.files[&2];
    assert_eq!((row.decided_by.as_deref(), row.finished_at), (Some("policy"), Some(sim.now.wall)));
    assert_eq!(sim.trail().len(), 4, "a line for each: {:?}", sim.trail());
}

#[test]
fn a_name_that_could_write_elsewhere_is_refused() {
    let names = ["../x", "/etc/x", "a/../../x", ".", "", "a\nb", "-rf", "CON", "a\u{202e}gpj"];
    let mut sim = FileSim::new(&["web-1"]);
    for (at, name) in names.into_iter().enumerate() {
        sim.take();
        sim.log.clear();
        let sequence = u64::try_from(at).unwrap() + 1;
        sim.offer("web-1", sequence, name, KIB);
        let told = sim.decisions();
        assert!(told[0].reason.starts_with("bad name: "), "{name:?}: {told:?}");
        assert_eq!(sim.state(sequence), FileState::Rejected);
        assert_eq!(sim.log.len(), 1, "one line each: {:?}", sim.log);
        assert_eq!(sim.files[&sequence].name, name, "kept as it was sent");
        let shown = [&sim.chat.last().unwrap().text, &sim.audit.last().unwrap().target];
        assert!(shown.iter().all(|text| !text.contains(['\n', '\u{202e}'])), "{shown:?}");
    }
    let reserved = sim.effects.iter().any(|effect| matches!(effect, Effect::Reserve { .. }));
    assert!(!reserved, "no room is taken for them");
}

#[test]
fn an_offer_that_is_repeated_is_answered_as_it_stands() {
    let mut sim = FileSim::new(&["web-1", "web-2"]);
    sim.offer("web-1", 1, "core.dump.zst", MIB);
    sim.take();
    sim.offer("web-1", 1, "core.dump.zst", MIB);
    assert_eq!(sim.decisions()[0].state, FileState::Offered.into());
    sim.offer("web-2", 1, "core.dump.zst", MIB);
    assert_eq!(sim.files.len(), 2, "another host has its own numbers");
    sim.reject(BO, 1, "too big").unwrap();
    sim.restart(SECOND);
    sim.take();
    sim.offer("web-1", 1, "other", KIB);
    let told = sim.decisions();
    assert_eq!((told[0].file, told[0].reason.as_str()), (1, "too big"));
    assert_eq!(sim.files.len(), 2);
    assert_eq!(sim.audit.len(), 1, "and nothing is decided again: {:?}", sim.trail());
}

#[test]
fn an_offer_that_is_over_for_long_never_begins_anew() {
    let mut sim = FileSim::new(&["web-1"]);
    for sequence in 1..=70 {
        sim.offer("web-1", sequence, "a", 50 * KIB);
        sim.withdraw("web-1", sequence, "");
    }
    sim.restart(SECOND);
    sim.take();
    sim.offer("web-1", 1, "a", 50 * KIB);
    let told = sim.decisions();
    assert_eq!((told[0].state, told[0].sequence), (FileState::Failed.into(), 1));
    assert!(told[0].reason.contains("systole files"), "{told:?}");
    assert_eq!(sim.files.len(), 70);
    let (code, text) = sim.accept(BO, 1).unwrap_err();
    assert_eq!(code, RefusalCode::State);
    assert_eq!(text, "file 1 is over already; `systole files` says what became of it");
}

#[test]
fn a_thousand_offers_leave_sixteen_open_and_each_has_a_word() {
    let mut sim = FileSim::new(&["web-1", "web-2"]);
    for sequence in 1..=1_000 {
        sim.offer("web-1", sequence, "a", MIB);
    }
    let told = sim.decisions();
    assert_eq!(told.len(), 1_000);
    let open = sim.files.values().filter(|row| row.state.is_open()).count();
    assert_eq!(open, 16);
    let reason = "too many: web-1 has 16 open offers; wait for decisions, or end some of them";
    assert!(told[16..].iter().all(|decision| decision.reason == reason));
    assert_eq!(sim.files.len(), 16 + 64, "a flood is not written down line by line");
    let audit = sim.audit.last().unwrap();
    assert_eq!(audit.reason, "web-1: further refused offers are not written down for 60 s");
    assert_eq!((sim.audit.len(), sim.chat.len()), (65, 64));
    sim.offer("web-2", 1, "a", MIB);
    assert_eq!(sim.state(81), FileState::Offered, "others are not hindered");
    sim.advance(Duration::from_secs(61));
    sim.offer("web-1", 1_000, "a", MIB);
    assert_eq!(sim.state(82), FileState::Rejected, "it was never known, and is written down now");
}

#[test]
fn what_a_retired_host_offered_is_withdrawn() {
    let mut sim = FileSim::accepted();
    sim.offer("web-1", 2, "b", MIB);
    sim.open("web-1", 5, 1);
    let chat = sim.chat.len();
    let retire = Request::Retire(Retire { host: "web-1".into() });
    assert!(matches!(sim.ask(BO, retire), Some(Reply::Hosts(_))));
    for file in [1, 2] {
        assert_eq!(sim.state(file), FileState::Withdrawn);
        assert_eq!(sim.files[&file].reason, "the host was retired");
    }
    assert_eq!(sim.discarded(), [1]);
    assert_eq!(sim.overs(), [(5, FileState::Withdrawn)]);
    sim.offer("web-2", 1, "c", MIB);
    assert_eq!(sim.chat.len(), chat, "nobody is left to read it");
}

#[test]
fn the_longest_words_fit_their_frames() {
    let mut sim = FileSim::new(&["web-1"]);
    let odd = "\u{202e}";
    sim.offer_as(
        "web-1",
        Offer {
            name: odd.repeat(1_365),
            content: odd.repeat(42),
            note: odd.repeat(170),
            user: odd.repeat(53),
            ..FileSim::offered(1, "", MIB)
        },
    );
    sim.offer("web-1", 2, &"n".repeat(255), MIB);
    sim.withdraw("web-1", 2, &odd.repeat(170));
    for decision in sim.decisions() {
        encode_frame(1, &decision).unwrap();
    }
    sim.offer_as("web-1", Offer { note: odd.repeat(170), ..FileSim::offered(3, "c", MIB) });
    sim.reject(BO, 3, &odd.repeat(170)).unwrap();
    let open = FilesQuery { open_only: true, count_max: 9, ..Default::default() };
    sim.offer_as("web-1", Offer { note: odd.repeat(170), ..FileSim::offered(4, "d", MIB) });
    let Some(Reply::Files(records)) = sim.ask(BO, Request::Files(open)) else { panic!("files") };
    assert_eq!(records.len(), 1);
    encode_frame(1, &FilePage { records }).unwrap();
    for row in &sim.chat {
        assert!(row.text.len() <= 4_096 && !row.text.contains(odd), "{}", row.text);
    }
}

#[test]
fn numbers_are_never_used_again() {
    let mut sim = FileSim::new(&["web-1"]);
    sim.offer("web-1", 1, "a", MIB);
    sim.offer("web-1", 2, "b", MIB);
    sim.withdraw("web-1", 2, "");
    sim.restart(SECOND);
    sim.offer("web-1", 3, "c", MIB);
    assert_eq!(sim.files.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(sim.files[&3].epoch, EPOCH);
}
