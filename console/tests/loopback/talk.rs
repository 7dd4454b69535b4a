//! Messages, offers and what `watch` tells of both.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::sync::mpsc;

use serde_json::{Value, json};
use systole_common::model::file::FileState;
use systole_common::model::host::HostState;
use systole_common::wire::file::FeedFile;
use systole_common::wire::hello::RefusalCode;
use systole_common::wire::talk::FeedMessage;

use super::peer::{Peer, State, now};
use super::pki::Pki;
use super::records::{file, host};
use super::{PATIENCE, Watching, code, complaint, fleet, json, run, systole, text};

fn said(peer: &Peer) -> Vec<(String, String, Vec<String>)> {
    let says = std::mem::take(&mut peer.state.lock().unwrap().desk.says);
    says.into_iter().map(|say| (say.to, say.text, say.hosts)).collect()
}

fn one(to: &str, words: &str, hosts: &[&str]) -> (String, String, Vec<String>) {
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    (to.to_owned(), words.to_owned(), hosts)
}

#[test]
fn what_is_said_names_its_hosts() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, fleet());
    let told = text(&run(&pki, &peer, &["say", "@web-1", "I", "restart", "it"]).stdout);
    assert_eq!(told, "sent to 1 host: web-1\n");
    let told = text(&run(&pki, &peer, &["say", "{role=db}", "stop"]).stdout);
    let words = "sent to 2 hosts: db-1, web-1; away, to get it when back: db-1\n";
    assert_eq!(told, words);
    let told = text(&run(&pki, &peer, &["say", "#ops", "hello"]).stdout);
    assert_eq!(told, "sent to the operators\n");
    let all = json(&run(&pki, &peer, &["say", "#all", "hello", "--json"]));
    assert_eq!((&all[0]["to"], &all[0]["waiting_for"]), (&json!("#all"), &json!(2)));
    let expected = [
        one("@web-1", "I restart it", &[]),
        one("{label.role=db}", "stop", &["db-1", "web-1"]),
        one("#ops", "hello", &[]),
        one("#all", "hello", &[]),
    ];
    assert_eq!(said(&peer), expected);
    let nobody = run(&pki, &peer, &["say", "{role=none}", "hello"]);
    assert_eq!(code(&nobody), 1);
    assert!(complaint(&nobody).contains("(2 known); nothing was sent"));
    let long = run(&pki, &peer, &["say", "#ops", &"x".repeat(4_097)]);
    assert_eq!(code(&long), 64);
    assert!(complaint(&long).contains("4097 bytes"));
    assert_eq!(said(&peer), []);
    peer.state.lock().unwrap().refusal = Some((RefusalCode::Overload, "too many messages"));
    assert_eq!(code(&run(&pki, &peer, &["say", "#ops", "hello"])), 1);
}

#[test]
fn a_text_may_come_from_standard_input() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, fleet());
    let told = |bytes: &[u8]| {
        let mut command = systole(&pki, &peer.address.to_string(), &["say", "#ops", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        code(&child.wait_with_output().unwrap())
    };
    assert_eq!(told(b"two\nlines\n"), 0);
    assert_eq!(said(&peer), [one("#ops", "two\nlines", &[])]);
    assert_eq!(told(b"\xff\xfe"), 64);
    assert_eq!(told(&vec![b'x'; 5_000]), 64);
    assert_eq!(said(&peer), []);
}

#[test]
fn a_message_can_be_waited_for_and_who_lacks_it_is_named() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, fleet());
    peer.state.lock().unwrap().desk.reached = vec!["web-1".to_owned(), "db-1".to_owned()];
    let all = run(&pki, &peer, &["say", "#all", "hello", "--wait", "20s"]);
    assert_eq!((code(&all), text(&all.stderr)), (0, String::new()));
    assert!(text(&all.stdout).ends_with("\nevery one of them has it\n"), "{}", text(&all.stdout));
    let delivered = json(&run(&pki, &peer, &["say", "@web-1", "hello", "--wait", "20s", "--json"]));
    assert_eq!(delivered[0]["delivered_to"], json!(["web-1"]));
    {
        let mut state = peer.state.lock().unwrap();
        state.desk.reached = vec!["web-1".to_owned()];
        state.desk.failing = vec!["db-1".to_owned()];
    }
    let failed = run(&pki, &peer, &["say", "{role=db}", "hello", "--wait", "20s"]);
    assert_eq!(code(&failed), 1);
    assert!(complaint(&failed).contains("1 of 2 hosts does not have it: it failed for db-1"));
    peer.state.lock().unwrap().desk.failing.clear();
    let late = run(&pki, &peer, &["say", "#all", "hello", "--wait", "500ms"]);
    assert_eq!(code(&late), 1);
    assert!(complaint(&late).contains("it waits for db-1"));
    assert_eq!(said(&peer).len(), 4, "each was said once");
}

fn talked() -> State {
    let mut state = fleet();
    state.desk.hear("alex", "#ops", "the disk is full");
    state.desk.hear("web-1/root", "@web-1", "I free\nsome space");
    state.desk.hear("alex", "#ops", "thank you\u{1b}[2J");
    state
}

#[test]
fn a_chat_reads_from_top_to_bottom() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, talked());
    let all = text(&run(&pki, &peer, &["chat"]).stdout);
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines.len(), 4, "{all}");
    assert!(lines[0].ends_with("alex > #ops  the disk is full"), "{all}");
    assert!(lines[1].ends_with("web-1/root > @web-1  I free"), "{all}");
    assert_eq!(lines[2].trim(), "some space");
    assert!(lines[3].ends_with("thank you\\x1b[2J"), "{all}");
    let numbers = |arguments: &[&str]| -> Vec<usize> {
        let chat = json(&run(&pki, &peer, arguments));
        let number = |one: &Value| one["id"].as_str().unwrap().rsplit('-').next().unwrap().parse();
        chat.as_array().unwrap().iter().map(|one| number(one).unwrap()).collect()
    };
    assert_eq!(numbers(&["chat", "#ops", "--json"]), [1, 3]);
    assert_eq!(numbers(&["chat", "--search", "disk full", "--json"]), [1]);
    assert_eq!(numbers(&["chat", "--since", "1h", "--json"]), [1, 2, 3]);
    assert_eq!(numbers(&["chat", "@db-1", "--json"]), Vec::<usize>::new());
    let nothing = text(&run(&pki, &peer, &["chat", "@db-1"]).stdout);
    assert!(nothing.starts_with("nothing like that was said"), "{nothing}");
}

#[test]
fn a_followed_chat_goes_on_over_a_lost_link_and_says_each_message_once() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, talked());
    let address = peer.address.to_string();
    let mut command = systole(&pki, &address, &["chat", "#ops", "--follow", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in output.lines() {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if send.send(line["text"].as_str().unwrap().to_owned()).is_err() {
                return;
            }
        }
    });
    let next = || lines.recv_timeout(PATIENCE).expect("a line within 20 s");
    let hear = |to: &str, words: &str| {
        let record = peer.state.lock().unwrap().desk.hear("bo", to, words);
        peer.send(&FeedMessage { is_new: true, record });
    };
    assert_eq!([next(), next()], ["the disk is full", "thank you\u{1b}[2J"]);
    hear("@web-1", "not for operators");
    hear("#ops", "one");
    assert_eq!(next(), "one");
    peer.state.lock().unwrap().desk.hear("bo", "#ops", "without a feed");
    peer.cut();
    assert_eq!(next(), "without a feed");
    hear("#ops", "two");
    assert_eq!(next(), "two");
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(told.contains("trying again") && told.contains("mon-1 is back"), "{told}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(lines.recv().is_err(), "nothing more was printed");
}

#[test]
fn files_are_listed_and_decided_on() {
    let pki = Pki::new();
    let mut state = fleet();
    state.desk.files = vec![
        file(12, FileState::Offered, b"0123456789"),
        file(11, FileState::Offered, b"01234"),
        file(10, FileState::Verified, b"0123"),
    ];
    let peer = Peer::start(&pki, state);
    let table = text(&run(&pki, &peer, &["files"]).stdout);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with(" ID  STATE ") && lines.len() == 4, "{table}");
    // What waits longest is first, as in the console.
    assert!(lines[1].contains("11  offered") && lines[1].contains("expires in"), "{table}");
    assert!(lines[2].contains("12  offered") && lines[3].contains("10  verified"), "{table}");
    let open = json(&run(&pki, &peer, &["files", "web-1", "--open", "--json"]));
    assert_eq!((open.as_array().unwrap().len(), &open[0]["size_bytes"]), (2, &json!(5)));
    let none = text(&run(&pki, &peer, &["files", "db-1"]).stdout);
    assert!(none.starts_with("no file of db-1 was offered yet"), "{none}");
    let accepted = json(&run(&pki, &peer, &["accept", "12", "--json"]));
    assert_eq!((&accepted[0]["id"], &accepted[0]["state"]), (&json!(12), &json!("accepted")));
    let rejected = text(&run(&pki, &peer, &["reject", "11", "--why", "too late"]).stdout);
    assert_eq!(rejected, "rejected core.zst (5 B) of web-1: too late\n");
    assert_eq!(peer.state.lock().unwrap().desk.rejects[0].why, "too late");
    let long = run(&pki, &peer, &["reject", "11", "--why", &"x".repeat(513)]);
    assert_eq!(code(&long), 64);
    peer.state.lock().unwrap().refusal = Some((RefusalCode::State, "file 11 is rejected already"));
    let late = run(&pki, &peer, &["accept", "11"]);
    assert_eq!(code(&late), 1);
    assert!(complaint(&late).contains("rejected already"));
}

#[test]
fn watch_tells_of_messages_and_files() {
    let pki = Pki::new();
    let mut state = State { hosts: vec![host("web-1", HostState::Online)], ..State::default() };
    state.desk.hear("alex", "#ops", "old");
    state.desk.files =
        vec![file(12, FileState::Offered, b"0123"), file(11, FileState::Verified, b"0")];
    let peer = Peer::start(&pki, state);
    let watching = Watching::start(&pki, &peer);
    assert_eq!(watching.next()["kind"], "hello");
    assert_eq!(watching.next()["kind"], "host");
    let open = watching.next();
    assert_eq!((&open["kind"], &open["id"]), (&json!("file"), &json!(12)));
    assert!(open["previous"].is_null());
    let record = peer.state.lock().unwrap().desk.hear("bo", "#ops", "new");
    peer.send(&FeedMessage { is_new: true, record });
    let message = watching.next();
    assert_eq!((&message["kind"], &message["text"]), (&json!("message"), &json!("new")));
    let record = file(12, FileState::Rejected, b"0123");
    peer.send(&FeedFile { at: now(), is_new: false, previous: None, record });
    let decided = watching.next();
    assert_eq!((&decided["id"], &decided["previous"]["state"]), (&json!(12), &json!("offered")));
    assert_eq!(watching.end(rustix::process::Signal::INT), 0);
}
