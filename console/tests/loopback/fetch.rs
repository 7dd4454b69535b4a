//! A received file comes whole and checked, or not at all.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use systole_common::model::file::FileState;

use super::peer::{Peer, State};
use super::pki::Pki;
use super::records::file;
use super::{PATIENCE, code, complaint, json, systole, text};

const BYTES: &[u8] = b"0123456789abcdef!";

fn peer(pki: &Pki) -> Peer {
    let mut state = State::default();
    state.desk.files = vec![file(12, FileState::Verified, BYTES)];
    state.desk.bytes = BYTES.to_vec();
    Peer::start(pki, state)
}

fn fetch(pki: &Pki, peer: &Peer, folder: &Path, arguments: &[&str]) -> Command {
    let arguments: Vec<&str> = ["fetch", "12"].iter().chain(arguments).copied().collect();
    let mut command = systole(pki, &peer.address.to_string(), &arguments);
    command.current_dir(folder);
    command
}

fn ended(pki: &Pki, peer: &Peer, folder: &Path, arguments: &[&str]) -> Output {
    fetch(pki, peer, folder, arguments).output().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_file_comes_under_its_name_and_replaces_nothing() {
    let (pki, folder) = (Pki::new(), tempfile::tempdir().unwrap());
    let (peer, folder) = (peer(&pki), folder.path());
    let first = ended(&pki, &peer, folder, &[]);
    assert_eq!(code(&first), 0, "{}", text(&first.stderr));
    let told = text(&first.stdout);
    assert!(told.starts_with("fetched core.zst (17 B) of web-1, its BLAKE3 is right: "), "{told}");
    assert_eq!(fs::read(folder.join("core.zst")).unwrap(), BYTES);
    assert_eq!(folder.join("core.zst").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(folder.join("core.zst"), b"mine").unwrap();
    let second = ended(&pki, &peer, folder, &[]);
    assert_eq!(code(&second), 1);
    assert!(complaint(&second).contains("exists already"));
    assert_eq!(fs::read(folder.join("core.zst")).unwrap(), b"mine");
    let elsewhere = json(&ended(&pki, &peer, folder, &["--to", "other", "--json"]));
    assert_eq!((&elsewhere[0]["id"], &elsewhere[0]["saved_to"]), (&12.into(), &"other".into()));
    assert_eq!(fs::read(folder.join("other")).unwrap(), BYTES);
    assert_eq!(code(&ended(&pki, &peer, folder, &["--to", "none/x"])), 1);
    assert_eq!(names(folder).len(), 2, "{:?}", names(folder));
}

#[test]
fn of_wrong_bytes_and_of_a_broken_reply_nothing_stays() {
    let (pki, folder) = (Pki::new(), tempfile::tempdir().unwrap());
    let (peer, folder) = (peer(&pki), folder.path());
    peer.state.lock().unwrap().desk.bytes = b"0123456789abcdef?".to_vec();
    let wrong = ended(&pki, &peer, folder, &[]);
    assert_eq!(code(&wrong), 1);
    assert!(complaint(&wrong).contains("BLAKE3 is another; nothing was saved"));
    peer.state.lock().unwrap().desk.pieces_max = Some(2);
    let broken = ended(&pki, &peer, folder, &[]);
    assert_eq!(code(&broken), 69, "{}", text(&broken.stderr));
    {
        let mut state = peer.state.lock().unwrap();
        state.desk.pieces_max = None;
        state.desk.bytes.push(b'x');
    }
    assert_eq!(code(&ended(&pki, &peer, folder, &[])), 1, "more than its size");
    peer.state.lock().unwrap().desk.files[0].size_bytes = 1 << 60;
    let large = ended(&pki, &peer, folder, &[]);
    assert_eq!(code(&large), 1);
    assert!(complaint(&large).contains("are free, the file has"));
    assert_eq!(names(folder), Vec::<String>::new());
}

#[test]
fn an_interrupted_fetch_leaves_nothing() {
    let (pki, folder) = (Pki::new(), tempfile::tempdir().unwrap());
    let (peer, folder) = (peer(&pki), folder.path());
    {
        let mut state = peer.state.lock().unwrap();
        (state.desk.pieces_max, state.desk.stalls) = (Some(2), true);
    }
    let mut command = fetch(&pki, &peer, folder, &[]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    let has_bytes = || {
        let sizes = fs::read_dir(folder).unwrap().filter_map(|entry| entry.ok()?.metadata().ok());
        sizes.map(|file| file.len()).sum::<u64>() > 0
    };
    while !has_bytes() {
        assert!(begun.elapsed() < PATIENCE, "no byte came");
        std::thread::sleep(Duration::from_millis(5));
    }
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(code(&ended), 1);
    assert!(complaint(&ended).contains("interrupted; nothing was saved"));
    assert_eq!(names(folder), Vec::<String>::new());
}
