//! What consoles see of files: a picture, each change at once, bytes once a second.

use systole_common::model::file::FileState;
use systole_common::wire::console::Subscribe;
use systole_common::wire::file::FileBefore;
use systole_daemon::engine::input::Request;

use crate::files_sim::{BO, FileSim, MIB};

fn subscribe(sim: &mut FileSim) {
    let body = Request::Subscribe(Subscribe { all: false, hosts: Vec::new() });
    sim.ask(BO, body).unwrap();
}

#[test]
fn a_picture_has_the_open_files_and_the_newest_that_are_over() {
    let mut sim = FileSim::new(&["web-1"]);
    sim.offer("web-1", 1, "open", MIB);
    for sequence in 2..=71 {
        sim.offer("web-1", sequence, "a", MIB);
        sim.withdraw("web-1", sequence, "");
    }
    sim.offer("web-1", 72, "open", MIB);
    subscribe(&mut sim);
    let fed = sim.fed();
    assert!(fed.iter().all(|event| !event.is_new && event.previous.is_none()));
    let ids: Vec<u64> = fed.iter().map(|event| event.record.id).collect();
    let expected: Vec<u64> = [1].into_iter().chain(8..=72).collect();
    assert_eq!(ids, expected);
}

#[test]
fn each_change_is_told_with_what_it_was() {
    let mut sim = FileSim::new(&["web-1"]);
    subscribe(&mut sim);
    sim.take();
    sim.offer("web-1", 1, "a", MIB);
    let fed = sim.fed();
    assert!(fed[0].is_new && fed[0].previous.is_none());
    sim.accept(BO, 1).unwrap();
    let fed = sim.fed();
    assert_eq!(fed.len(), 1);
    let before = FileBefore {
        state: Some(FileState::Offered.into()),
        decided_by: Some(None),
        ..FileBefore::default()
    };
    assert_eq!(fed[0].previous, Some(before));
    assert_eq!(fed[0].record.decided_by.as_deref(), Some("bo"));
    sim.take();
    sim.offer("web-1", 2, "../x", MIB);
    let fed = sim.fed();
    assert_eq!(fed.len(), 1, "refused at once: told once");
    assert!(fed[0].is_new && fed[0].record.state == FileState::Rejected.into());
}

#[test]
fn bytes_are_told_once_a_second() {
    let mut sim = FileSim::accepted();
    subscribe(&mut sim);
    sim.open("web-1", 5, 1);
    sim.take();
    for received in 1..=20 {
        sim.progress(5, 1, received * 10_000, 0);
    }
    assert!(sim.fed().is_empty());
    sim.second();
    let fed = sim.fed();
    assert_eq!(fed.len(), 1);
    assert_eq!(fed[0].record.received_bytes, 200_000);
    let before = FileBefore { received_bytes: Some(0), ..FileBefore::default() };
    assert_eq!(fed[0].previous, Some(before));
    sim.take();
    sim.second();
    assert!(sim.fed().is_empty(), "nothing came");
    sim.progress(5, 1, 300_000, 0);
    sim.whole(5, 1, "a");
    let fed = sim.fed();
    assert_eq!(fed[0].record.received_bytes, 3 * MIB);
    let told = fed[0].previous.as_ref().unwrap().received_bytes;
    assert_eq!(told, Some(200_000), "what consoles knew");
    sim.take();
    sim.second();
    assert!(sim.fed().is_empty(), "it was told already");
}
