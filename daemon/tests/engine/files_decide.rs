//! What operators decide about files, what they fetch and list, and who is told what of it.

use systole_common::model::file::FileState;
use systole_common::wire::file::{Accept, Fetch, FilesQuery};
use systole_common::wire::hello::RefusalCode;
use systole_daemon::engine::effect::{Effect, Query, Reply};
use systole_daemon::engine::input::{Input, Request};
use systole_daemon::engine::settings::{FileSettings, Settings};

use crate::files_sim::{ALEX, BO, FileSim, KIB, MIB, one_file};
use crate::sim::{SECOND, host};

#[test]
fn an_operator_accepts_once_there_is_room() {
    let sizes = FileSettings { size_max_bytes: 2 << 30, ..Default::default() };
    let mut sim = FileSim::with(Settings { files: sizes, ..Settings::default() }, &["web-1"]);
    sim.offer("web-1", 1, "core.dump.zst", 1_288_490_000);
    sim.room = None;
    assert!(sim.ask(BO, Request::Accept(Accept { file: 1 })).is_none(), "room first");
    assert_eq!(sim.state(1), FileState::Offered);
    let (code, text) = sim.accept(ALEX, 1).unwrap_err();
    assert_eq!(code, RefusalCode::State);
    assert_eq!(text, "file 1 is being accepted by bo at this moment");
    assert!(sim.reject(ALEX, 1, "").is_err());
    sim.take();
    sim.give(Input::Reserved { file: 1, result: Ok(()) });
    let record = one_file(sim.reply().unwrap()).unwrap();
    assert_eq!(record.state, FileState::Accepted.into());
    assert_eq!(record.path, "received_files/web-1/core.dump.zst");
    assert_eq!(record.sender, "web-1/kim");
    assert_eq!((record.certificate.as_str(), record.free_bytes), ("ab:cd", 9 * MIB));
    assert_eq!(sim.decisions()[0].by, "bo");
    assert_eq!(sim.said(), ["bo: accepted core.dump.zst (1.2 GiB)"]);
    sim.advance(3 * SECOND);
    for refused in [sim.accept(ALEX, 1), sim.reject(ALEX, 1, "")] {
        let expected = (RefusalCode::State, "file 1 was accepted by bo 3 s ago".to_owned());
        assert_eq!(refused.unwrap_err(), expected);
    }
    let done = sim.trail().iter().filter(|line| line.ends_with("accept done")).count();
    assert_eq!(done, 1);
    assert_eq!(sim.said().len(), 1);
}

#[test]
fn an_operator_rejects_with_a_reason() {
    let mut sim = FileSim::new(&["web-1"]);
    sim.offer("web-1", 1, "core.dump.zst", MIB);
    sim.offer("web-1", 2, "b", MIB);
    let record = sim.reject(BO, 1, "too\nbig").unwrap();
    assert_eq!((record.state, record.path.as_str()), (FileState::Rejected.into(), ""));
    let told = sim.decisions();
    assert_eq!((told[0].reason.as_str(), told[0].by.as_str()), ("too\\nbig", "bo"));
    assert_eq!(sim.said(), ["bo: rejected core.dump.zst: too\\nbig"]);
    assert_eq!(sim.audit[0].reason, "too\\nbig");
    let (_, text) = sim.accept(ALEX, 1).unwrap_err();
    assert_eq!(text, "file 1 was rejected by bo 0 s ago");
    sim.reject(BO, 2, "").unwrap();
    assert_eq!(sim.decisions()[0].reason, "rejected by bo", "never without a word");
    assert!(sim.discarded().is_empty(), "there is nothing to discard");
}

#[test]
fn without_room_an_operator_is_told_and_the_offer_stays() {
    let mut sim = FileSim::new(&["web-1"]);
    sim.offer("web-1", 1, "core.dump.zst", MIB);
    sim.room = Some(Err("no room".into()));
    let refused = sim.accept(BO, 1).unwrap_err();
    assert_eq!(refused, (RefusalCode::Storage, "no room".to_owned()));
    assert_eq!(sim.state(1), FileState::Offered);
    assert_eq!(sim.trail(), ["bo accept refused"]);
    sim.offer("web-1", 2, "small", KIB);
    assert_eq!(sim.state(2), FileState::Rejected, "policy refuses for good");
    assert_eq!(sim.decisions().last().unwrap().reason, "no room");
    assert_eq!(sim.said(), ["mon-1: rejected small: no room"]);
    sim.room = Some(Ok(()));
    sim.accept(BO, 1).unwrap();
}

#[test]
fn who_decides_too_late_is_told_and_room_is_given_back() {
    let mut sim = FileSim::new(&["web-1"]);
    sim.offer("web-1", 1, "core.dump.zst", MIB);
    sim.room = None;
    assert!(sim.ask(BO, Request::Accept(Accept { file: 1 })).is_none());
    sim.withdraw("web-1", 1, "kim pressed Ctrl-C");
    assert_eq!(sim.state(1), FileState::Withdrawn);
    sim.take();
    sim.give(Input::Reserved { file: 1, result: Ok(()) });
    let (code, text) = one_file(sim.reply().unwrap()).unwrap_err();
    assert_eq!(code, RefusalCode::State);
    assert_eq!(text, "file 1 was withdrawn 0 s ago: kim pressed Ctrl-C");
    assert_eq!(sim.discarded(), [1]);
    assert_eq!(sim.trail(), ["daemon file-withdrawn done", "bo accept refused"]);
    assert_eq!(sim.said(), ["mon-1: withdrawn core.dump.zst: kim pressed Ctrl-C"]);
}

#[test]
fn a_sender_may_end_its_offer_whenever_it_likes() {
    let mut sim = FileSim::accepted();
    sim.withdraw("web-2", 1, "not mine");
    assert_eq!(sim.state(1), FileState::Accepted, "only its own");
    sim.withdraw("web-1", 1, "");
    assert_eq!(sim.state(1), FileState::Withdrawn);
    assert_eq!(sim.discarded(), [1]);
    assert_eq!(sim.decisions()[0].reason, "its sender ended it");
    let lines = sim.audit.len();
    sim.withdraw("web-1", 1, "again");
    assert_eq!(sim.audit.len(), lines);
    assert_eq!(sim.files[&1].reason, "its sender ended it");
}

#[test]
fn nothing_is_decided_while_nothing_can_be_written() {
    let mut sim = FileSim::new(&["web-1"]);
    sim.offer("web-1", 1, "core.dump.zst", MIB);
    sim.room = None;
    assert!(sim.ask(BO, Request::Accept(Accept { file: 1 })).is_none());
    sim.give(Input::StoreRefusing(true));
    sim.take();
    sim.give(Input::Reserved { file: 1, result: Ok(()) });
    assert_eq!(one_file(sim.reply().unwrap()).unwrap_err().0, RefusalCode::Storage);
    assert_eq!(sim.discarded(), [1], "its room is given back");
    assert_eq!(sim.accept(BO, 1).unwrap_err().0, RefusalCode::Storage);
    assert_eq!(sim.reject(BO, 1, "").unwrap_err().0, RefusalCode::Storage);
    sim.take();
    sim.offer("web-1", 2, "small", KIB);
    let told = sim.decisions();
    assert_eq!((told[0].file, told[0].state), (0, FileState::Rejected.into()));
    assert!(told[0].reason.contains("takes no writes"), "{told:?}");
    assert_eq!((sim.files.len(), sim.state(1)), (1, FileState::Offered));
    assert!(sim.audit.is_empty() && sim.chat.is_empty());
    sim.give(Input::StoreRefusing(false));
    sim.room = Some(Ok(()));
    sim.accept(BO, 1).unwrap();
}

#[test]
fn an_unknown_number_is_said_to_be_unknown() {
    let mut sim = FileSim::accepted();
    let text = "no file has the number 77; `systole files` lists them".to_owned();
    let expected = (RefusalCode::NotFound, text);
    assert_eq!(sim.accept(BO, 77).unwrap_err(), expected);
    assert_eq!(sim.reject(BO, 77, "").unwrap_err(), expected);
    let asked = [
        Request::Fetch(Fetch { file: 77 }),
        Request::Files(FilesQuery { file: Some(77), ..Default::default() }),
    ];
    for body in asked {
        assert_eq!(one_file(sim.ask(BO, body).unwrap()).unwrap_err(), expected);
    }
}

#[test]
fn only_a_verified_file_is_fetched_and_the_trail_says_so() {
    let mut sim = FileSim::accepted();
    let fetch = |file| Request::Fetch(Fetch { file });
    let (code, text) = one_file(sim.ask(BO, fetch(1)).unwrap()).unwrap_err();
    assert_eq!(code, RefusalCode::State);
    assert_eq!(text, "file 1 is accepted; it can be fetched once it is verified");
    sim.open("web-1", 5, 1);
    sim.whole(5, 1, "core.dump (2).zst");
    sim.placed(5, 1);
    assert!(sim.ask(BO, fetch(1)).is_none(), "the disk replies");
    let fetched = sim.effects.iter().find_map(|effect| match effect {
        Effect::Fetch { host, name, record, .. } => Some((host, name, record)),
        _ => None,
    });
    let (from, name, record) = fetched.unwrap();
    assert_eq!((from, name.as_str()), (&host("web-1"), "core.dump (2).zst"));
    assert_eq!(record.path, "received_files/web-1/core.dump (2).zst");
    let line = sim.audit.last().unwrap();
    assert_eq!((line.action.as_str(), line.operator.as_str()), ("fetch", "bo"));
    assert_eq!(line.target, "file 1 of web-1: core.dump.zst (3.0 MiB)");
    sim.offer("web-1", 2, "b", MIB);
    sim.reject(BO, 2, "no").unwrap();
    let (_, text) = one_file(sim.ask(BO, fetch(2)).unwrap()).unwrap_err();
    assert_eq!(text, "file 2 is rejected; there is nothing to fetch");
}

#[test]
fn files_are_listed_newest_first() {
    let mut sim = FileSim::new(&["web-1", "web-2"]);
    for sequence in 1..=3 {
        sim.offer("web-1", sequence, "a", MIB);
        sim.offer("web-2", sequence, "a", MIB);
        sim.second();
    }
    sim.reject(BO, 6, "").unwrap();
    let mut ids = |body: FilesQuery| match sim.ask(BO, Request::Files(body)).unwrap() {
        Reply::Files(records) => records.into_iter().map(|record| record.id).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let open = FilesQuery { open_only: true, count_max: 100, ..Default::default() };
    assert_eq!(ids(open.clone()), [5, 4, 3, 2, 1]);
    let host = Some("web-2".to_owned());
    assert_eq!(ids(FilesQuery { host: host.clone(), ..open.clone() }), [4, 2]);
    assert_eq!(ids(FilesQuery { count_max: 2, ..open.clone() }), [5, 4]);
    assert_eq!(ids(FilesQuery { file: Some(3), open_only: false, ..open.clone() }), [3]);
    let all = FilesQuery { host, open_only: false, ..open };
    assert!(sim.ask(BO, Request::Files(all)).is_none());
    let asked = sim.effects.iter().find_map(|effect| match effect {
        Effect::Query { query: Query::Files { open, count_max, .. }, .. } => {
            Some((open.len(), *count_max))
        }
        _ => None,
    });
    assert_eq!(asked, Some((2, 100)), "those that are over are in the store");
}
