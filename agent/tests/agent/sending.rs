//! `send` with the real programs: what its user reads, what the daemon gets, whoever dies meanwhile.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use systole_common::model::file::FileState;
use systole_common::net::endpoint::EndpointKeys;

use crate::clerk::Clerk;
use crate::home::{Agent, Home};
use crate::peer::Peer;

/// A home, its daemon, and what that does with files.
fn start() -> (Home, Peer, EndpointKeys, Clerk) {
    let (home, keys) = (Home::new(), EndpointKeys::generate().unwrap());
    let peer = Peer::start(&home.certificates.daemon(), &keys, 0);
    home.configure(peer.address, "");
    let clerk = peer.store.lock().unwrap().clerk.clone();
    (home, peer, keys, clerk)
}

/// An agent that answers on its socket.
fn running(home: &Home) -> Agent<'_> {
    let agent = home.start();
    home.status(|_| true);
    agent
}

fn write(home: &Home, name: &str, bytes: &[u8]) -> String {
    let path = home.path().join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn noise(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&size.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Exit code, standard output and standard error of a `send` that must end.
fn ended(mut child: Child) -> (i32, String, String) {
    let until = Instant::now() + Duration::from_mins(1);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            let _ = child.kill();
            let said = child.wait_with_output().unwrap();
            panic!("send does not end: {said:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
}

#[tokio::test]
async fn an_offer_waits_is_accepted_and_arrives_whole() {
    let (home, _peer, _, clerk) = start();
    let _agent = running(&home);
    let bytes = [b"\x1f\x8b\x08\0".as_slice(), &noise(3_500_000)].concat();
    let path = write(&home, "core dump.gz", &bytes);
    home.status(|status| status["daemons"][0]["state"] == "connected");
    let send = home.begin(&["send", &path, "--note", "of 14:02"]);
    let offer = clerk.offered().await;
    assert_eq!((offer.name.as_str(), offer.note.as_str()), ("core dump.gz", "of 14:02"));
    assert_eq!(
        (offer.size_bytes, offer.content.as_str()),
        (bytes.len() as u64, "application/gzip")
    );
    assert!(offer.blake3 == *blake3::hash(&bytes).as_bytes() && !offer.user.is_empty());
    clerk.decide(offer.sequence, FileState::Accepted, "");
    let (code, said, progress) = ended(send);
    assert_eq!(
        (code, said.as_str()),
        (0, "READY\nVERIFIED /received/web-1/core dump.gz\n"),
        "{progress}"
    );
    assert!(progress.contains("waits for an operator as file 101, expires "), "{progress}");
    assert!(progress.contains("100 %"), "{progress}");
    let book = clerk.book();
    assert!(
        book.offers[&offer.sequence].bytes == bytes && book.faults.is_empty(),
        "{:?}",
        book.faults
    );
    assert!(book.withdrawn.is_empty());
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let (home, _peer, _, clerk) = start();
    clerk.book().policy = Some((FileState::Accepted, String::new()));
    let _agent = running(&home);
    home.status(|status| status["daemons"][0]["state"] == "connected");
    let (code, said, _) = ended(home.begin(&["send", &write(&home, "none", b"")]));
    assert_eq!((code, said.as_str()), (0, "READY\nVERIFIED /received/web-1/none\n"));
}

#[tokio::test]
async fn a_rejection_says_why_and_ends_with_1() {
    let (home, _peer, _, clerk) = start();
    clerk.book().policy = Some((FileState::Rejected, "too large\u{1b}[2J".to_owned()));
    let _agent = running(&home);
    home.status(|status| status["daemons"][0]["state"] == "connected");
    let (code, said, _) = ended(home.begin(&["send", &write(&home, "a", b"x")]));
    assert!(code == 1 && said.starts_with("REJECT too large"), "{code} {said}");
    assert!(!said.contains('\u{1b}'), "{said:?}");
    assert!(clerk.book().offers.values().all(|one| one.begun.is_empty()));
}

#[tokio::test]
async fn a_daemon_that_dies_in_the_middle_gets_the_rest_and_no_byte_twice() {
    let (home, peer, keys, clerk) = start();
    clerk.book().policy = Some((FileState::Accepted, String::new()));
    clerk.book().chunk_takes = Duration::from_millis(100);
    let _agent = running(&home);
    let bytes = noise(8 << 20);
    let send = home.begin(&["send", &write(&home, "a", &bytes)]);
    let some = |book: &crate::clerk::Book| {
        book.offers.values().next().filter(|one| one.bytes.len() >= 2 << 20).map(|_| ())
    };
    clerk.wait("some bytes", some).await;
    let (port, store) = (peer.address.port(), peer.store.lock().unwrap().clone());
    peer.kill();
    clerk.book().chunk_takes = Duration::ZERO;
    let daemon = home.certificates.daemon();
    let _peer = Peer::start_with(&daemon, &keys, port, store, |_| {});
    let (code, said, progress) = ended(send);
    assert_eq!((code, said.as_str()), (0, "READY\nVERIFIED /received/web-1/a\n"), "{progress}");
    let book = clerk.book();
    let one = book.offers.values().next().unwrap();
    assert!(one.bytes == bytes && book.faults.is_empty(), "{:?}", book.faults);
    assert!(book.offers.len() == 1 && one.times >= 2 && one.begun.len() >= 2);
    assert!(*one.begun.last().unwrap() >= 2 << 20, "{:?}", one.begun);
}

#[tokio::test]
async fn an_agent_that_is_killed_goes_on_with_the_same_offer() {
    let (home, _peer, _, clerk) = start();
    clerk.book().policy = Some((FileState::Accepted, String::new()));
    clerk.book().chunk_takes = Duration::from_millis(100);
    let agent = running(&home);
    let bytes = noise(6 << 20);
    let send = home.begin(&["send", &write(&home, "a", &bytes)]);
    let some = |book: &crate::clerk::Book| {
        book.offers.values().next().filter(|one| one.bytes.len() >= 2 << 20).map(|_| ())
    };
    clerk.wait("some bytes", some).await;
    drop(agent);
    clerk.book().chunk_takes = Duration::ZERO;
    let _agent = running(&home);
    let (code, said, progress) = ended(send);
    assert_eq!((code, said.as_str()), (0, "READY\nVERIFIED /received/web-1/a\n"), "{progress}");
    assert!(progress.contains("the agent is away"), "{progress}");
    let book = clerk.book();
    assert_eq!(book.offers.len(), 1, "it kept its number");
    let one = book.offers.values().next().unwrap();
    assert!(one.bytes == bytes && book.faults.is_empty(), "{:?}", book.faults);
}

#[tokio::test]
async fn however_the_sender_ends_the_offer_is_withdrawn() {
    let (home, _peer, _, clerk) = start();
    let _agent = running(&home);
    let path = write(&home, "a", &noise(100_000));
    for (count, name) in (1..).zip(["-INT", "-TERM", "-HUP", "-KILL"]) {
        let mut send = home.begin(&["send", &path]);
        clerk.wait("an offer", |book| (book.offers.len() == count).then_some(())).await;
        signal(&send, name);
        assert!(!send.wait().unwrap().success());
        clerk.wait("its end", |book| (book.withdrawn.len() == count).then_some(())).await;
    }
    let book = clerk.book();
    let ended = |one: &systole_common::wire::file::Withdraw| {
        !one.has_failed && one.reason == "its sender ended it"
    };
    assert!(book.withdrawn.iter().all(ended), "{:?}", book.withdrawn);
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_sent_fails() {
    let (home, _peer, _, clerk) = start();
    clerk.book().chunk_takes = Duration::from_millis(100);
    let _agent = running(&home);
    let grow = |path: &str| {
        File::options().append(true).open(path).unwrap().write_all(b"x").unwrap();
    };
    let shrink = |path: &str| File::options().write(true).open(path).unwrap().set_len(9).unwrap();
    let touch = |path: &str| {
        let later = std::time::SystemTime::now() + Duration::from_mins(1);
        File::options().write(true).open(path).unwrap().set_modified(later).unwrap();
    };
    let changes: [&dyn Fn(&str); 3] = [&grow, &shrink, &touch];
    for (count, change) in (1..).zip(changes) {
        let path = write(&home, &format!("a{count}"), &noise(6 << 20));
        let send = home.begin(&["send", &path]);
        let sequence = |book: &crate::clerk::Book| {
            let name = format!("a{count}");
            book.offers
                .iter()
                .find(|(_, one)| one.offer.name == name)
                .map(|(sequence, _)| *sequence)
        };
        let sequence = clerk.wait("an offer", sequence).await;
        clerk.decide(sequence, FileState::Accepted, "");
        clerk
            .wait("some bytes", |book| {
                (book.offers[&sequence].bytes.len() >= 1 << 20).then_some(())
            })
            .await;
        change(&path);
        let (code, said, _) = ended(send);
        let word = "READY\nFAILED the file changed while it was sent\n";
        assert_eq!((code, said.as_str()), (1, word), "change {count}");
        clerk.wait("its end", |book| (book.withdrawn.len() == count).then_some(())).await;
    }
    let book = clerk.book();
    let ended = |one: &systole_common::wire::file::Withdraw| {
        one.has_failed && one.reason == "the file changed while it was sent"
    };
    assert!(book.withdrawn.iter().all(ended), "{:?}", book.withdrawn);
    assert!(book.faults.is_empty(), "{:?}", book.faults);
}

#[tokio::test]
async fn a_file_that_changes_while_it_waits_fails_before_anybody_decides() {
    let (home, _peer, _, clerk) = start();
    let _agent = running(&home);
    home.status(|status| status["daemons"][0]["state"] == "connected");
    let path = write(&home, "log", &noise(50_000));
    let send = home.begin(&["send", &path]);
    clerk.offered().await;
    File::options().append(true).open(&path).unwrap().write_all(b"x").unwrap();
    let (code, said, _) = ended(send);
    assert_eq!((code, said.as_str()), (1, "FAILED the file changed while it waited\n"));
    clerk.wait("its end", |book| (book.withdrawn.len() == 1).then_some(())).await;
    assert!(clerk.book().withdrawn[0].has_failed);
}

#[test]
fn a_bad_name_is_refused_before_the_file_is_read() {
    let (home, _peer, _, clerk) = start();
    let _agent = running(&home);
    let huge = home.path().join("con");
    // Sparse: to read it would take minutes.
    File::create(&huge).unwrap().set_len(1 << 40).unwrap();
    let (code, said, _) = ended(home.begin(&["send", huge.to_str().unwrap()]));
    assert!(code == 1 && said.starts_with("REJECT bad name: "), "{code} {said}");
    assert!(clerk.book().offers.is_empty());
}

#[test]
fn what_cannot_be_sent_gets_a_clear_word() {
    let (home, _peer, _, clerk) = start();
    let path = write(&home, "a", b"x");
    let (code, _, why) = ended(home.begin(&["send", &path]));
    assert!(code == 69 && why.contains("the agent is not running"), "{code} {why}");
    let _agent = running(&home);
    home.status(|_| true);
    let pipe = home.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let folder = home.path().to_str().unwrap();
    let none = home.path().join("none");
    for (bad, word) in [
        (folder, "a directory"),
        (pipe.to_str().unwrap(), "a pipe"),
        ("/dev/zero", "a device"),
        (none.to_str().unwrap(), "cannot be read"),
    ] {
        let (code, said, why) = ended(home.begin(&["send", bad]));
        assert!(code == 1 && said.is_empty() && why.contains(word), "{bad}: {code} {said} {why}");
    }
    let odd = home.path().join(std::ffi::OsStr::from_bytes(b"a\xff"));
    fs::write(&odd, "x").unwrap();
    let mut command = home.command(&["send"]);
    let output = command.arg(&odd).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.starts_with(b"REJECT bad name"), "{output:?}");
    let (code, _, why) = ended(home.begin(&["send", &path, "--note", &"x".repeat(513)]));
    assert!(code == 64 && why.contains("513 bytes"), "{code} {why}");
    assert!(clerk.book().offers.is_empty());
}

#[test]
fn a_client_that_lies_is_refused_and_the_agent_lives_on() {
    let (home, _peer, _, clerk) = start();
    let _agent = running(&home);
    home.status(|_| true);
    let hash = blake3::hash(b"x").to_hex();
    let line = format!(
        r#"{{"command":"send","name":"a","size_bytes":1,"modified_ns":0,"blake3":"{hash}","content":"","note":"","offer":null}}"#
    );
    let ask = |handed: Option<&dyn std::os::fd::AsFd>| {
        let socket = UnixStream::connect(home.path().join("agent.sock")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let bytes = format!("{line}\n");
        let descriptors: Vec<_> = handed.iter().map(|one| one.as_fd()).collect();
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = rustix::net::SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            assert!(control.push(rustix::net::SendAncillaryMessage::ScmRights(&descriptors)));
        }
        let iov = [std::io::IoSlice::new(bytes.as_bytes())];
        let flags = rustix::net::SendFlags::NOSIGNAL;
        rustix::net::sendmsg(&socket, &iov, &mut control, flags).unwrap();
        let mut said = String::new();
        (&socket).read_to_string(&mut said).unwrap();
        said
    };
    let path = write(&home, "a", b"xy");
    let file = File::open(&path).unwrap();
    assert!(ask(None).contains("no file came"));
    assert!(ask(Some(&UnixStream::pair().unwrap().0)).contains("this is a socket"));
    assert!(ask(Some(&std::io::pipe().unwrap().0)).contains("this is a pipe"));
    assert!(ask(Some(&File::open("/dev/zero").unwrap())).contains("this is a device"));
    assert!(
        ask(Some(&File::options().write(true).open(&path).unwrap()))
            .contains("not opened to be read")
    );
    assert!(ask(Some(&file)).contains("the file changed"), "a lie about size and time");
    home.status(|_| true);
    assert!(clerk.book().offers.is_empty());
}

#[tokio::test]
async fn too_many_at_once_get_a_clear_word_and_the_others_wait() {
    let (home, _peer, _, clerk) = start();
    let _agent = running(&home);
    home.status(|status| status["daemons"][0]["state"] == "connected");
    let path = write(&home, "a", b"x");
    let mut sends: Vec<Child> = (0..56).map(|_| home.begin(&["send", &path])).collect();
    clerk.wait("the offers", |book| (book.offers.len() >= 40).then_some(())).await;
    let until = Instant::now() + Duration::from_mins(1);
    let mut over = Vec::new();
    while over.len() < 8 && Instant::now() < until {
        for at in (0..sends.len()).rev() {
            if sends[at].try_wait().unwrap().is_some() {
                over.push(ended(sends.swap_remove(at)));
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(over.len(), 8);
    for (code, said, why) in over {
        let is_clear = why.contains("are open on this host already")
            || why.contains("too many files are on their way")
            || why.contains("it may have too many clients");
        assert!(code == 1 && said.is_empty() && is_clear, "{code} {said} {why}");
    }
    home.status(|_| true);
    clerk.wait("all offers", |book| (book.offers.len() == 48).then_some(())).await;
    for mut send in sends {
        send.kill().unwrap();
        send.wait().unwrap();
    }
    clerk.wait("their end", |book| (book.withdrawn.len() == 48).then_some(())).await;
}
