//! Messages of the real agent: said, kept over a kill -9, delivered once, and a chat through pipes.

use std::io::{BufRead, BufReader, Write};
use std::process::Output;

use systole_common::ids::SpoolEpoch;
use systole_common::net::endpoint::EndpointKeys;
use systole_common::wire::control::{Receipt, SequenceKind};
use systole_common::wire::talk::{Delivery, Message};

use crate::certificates::now;
use crate::home::Home;
use crate::peer::{Peer, Store};

fn start(home: &Home) -> (Peer, EndpointKeys) {
    let keys = EndpointKeys::generate().unwrap();
    (Peer::start(&home.certificates.daemon(), &keys, 0), keys)
}

fn connected(home: &Home) {
    home.status(|status| status["daemons"][0]["state"] == "connected");
}

fn texts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// The messages that came, once there are so many different ones.
fn came(home: &Home, peer: &Peer, count: usize) -> Vec<Message> {
    home.wait("messages", || {
        let mut messages = peer.store.lock().unwrap().clerk.book().messages.clone();
        messages.sort_by_key(|message| message.sequence);
        messages.dedup_by_key(|message| message.sequence);
        (messages.len() >= count).then_some(messages)
    })
}

fn delivery(sequence: u64, text: &str) -> Delivery {
    Delivery {
        epoch: SpoolEpoch(7),
        sequence,
        id: format!("mon-1-7-{sequence}"),
        time: now(),
        from: "bo".to_owned(),
        to: "@web-1".to_owned(),
        thread: None,
        text: text.to_owned(),
    }
}

/// Sends one and waits until the agent says that it has it.
async fn deliver(peer: &Peer, sequence: u64, text: &str) {
    let clerk = peer.store.lock().unwrap().clerk.clone();
    clerk.book().confirmed.clear();
    clerk.deliver(delivery(sequence, text));
    confirmed(peer, sequence).await;
}

async fn confirmed(peer: &Peer, highest: u64) {
    let clerk = peer.store.lock().unwrap().clerk.clone();
    let receipt = clerk.wait("a receipt", |book| {
        book.confirmed.iter().find(|one| one.ranges.0 == [(1, highest)]).cloned()
    });
    let Receipt { kind, epoch, .. } = receipt.await;
    assert_eq!((kind, epoch), (SequenceKind::Messages.into(), SpoolEpoch(7)));
}

#[tokio::test]
async fn what_is_said_arrives_and_who_has_it_is_told() {
    let home = Home::new();
    let (peer, _) = start(&home);
    home.configure(peer.address, "");
    let _agent = home.start();
    connected(&home);
    let (code, out, _) = texts(&home.call(&["say", "the", "disk", "is", "new"]));
    assert_eq!((code, out.as_str()), (0, "sent to mon-1\n"));
    assert_eq!(home.call(&["say", "#ops who is there?"]).status.code(), Some(0));
    assert_eq!(home.call_with(&["say", "-"], b"\xcc\x81\xcc\x81\n").status.code(), Some(0));
    let messages = came(&home, &peer, 3);
    let said = |at: usize| (messages[at].to.as_str(), messages[at].text.as_str());
    assert_eq!(said(0), ("@web-1", "the disk is new"));
    assert_eq!(said(1), ("#ops", "who is there?"));
    assert_eq!(said(2), ("@web-1", "\u{301}\u{301}"), "as it was sent");
    assert!(!messages[0].user.is_empty());
    assert_eq!(messages.iter().map(|one| one.sequence).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_daemon_that_is_slow_is_not_one_that_is_gone() {
    let home = Home::new();
    let (peer, _) = start(&home);
    home.configure(peer.address, "");
    let _agent = home.start();
    connected(&home);
    peer.set(|manner| manner.receipts = false);
    let said = |text: &str| texts(&home.call(&["say", text])).1;
    assert_eq!(said("one"), "kept; mon-1 has yet to confirm it\n");
    assert_eq!(said("two"), "kept; 1 message goes before it\n");
    let json: serde_json::Value =
        serde_json::from_str(&texts(&home.call(&["say", "three", "--json"])).1).unwrap();
    assert_eq!((&json["connected"][0], &json["before"]), (&"mon-1".into(), &2.into()));
    peer.set(|manner| manner.receipts = true);
    assert_eq!(said("four"), "sent to mon-1\n");
}

#[test]
fn a_text_that_begins_with_a_place_is_refused_unless_it_is_the_hosts_own() {
    let home = Home::new();
    home.configure(([127, 0, 0, 1], 1).into(), "");
    let _agent = home.start();
    home.status(|_| true);
    for text in ["@web-2 hi", "#all hi", "{role=db and state=online} hi", "#opshelp"] {
        let (code, out, why) = texts(&home.call(&["say", text]));
        assert!(code == 64 && out.is_empty(), "{text}: {code} {out} {why}");
        assert!(why.contains("a host writes only to its operators (#ops)"), "{why}");
    }
    let chat = home.call_with(&["chat"], b"@web-2 one\n#all two\n@web-1 three\n #all four\n");
    let (code, out, why) = texts(&chat);
    assert_eq!((code, why.matches("nothing was sent").count()), (0, 2), "{out} {why}");
    assert_eq!(out.matches("(kept until mon-1 is heard)").count(), 2, "{out}");
    assert_eq!(texts(&home.call(&["say", "@web-1", "five"])).0, 0);
    let (_, out, _) = texts(&home.call_with(&["chat"], b"bye\n"));
    let said: Vec<_> = out.lines().map(|line| line.split_once(" > ").unwrap().1).collect();
    assert_eq!(said, ["three", "#all four", "five"]);
}

#[test]
fn a_chat_that_nobody_hears_says_so_and_when_somebody_does_again() {
    let home = Home::new();
    let (peer, _) = start(&home);
    home.configure(peer.address, "");
    let _agent = home.start();
    connected(&home);
    let mut chat = home.spawn(&["chat"]);
    let mut lines = BufReader::new(chat.stdout.take().unwrap()).lines();
    let mut line = || lines.next().unwrap().unwrap();
    let mut input = chat.stdin.take().unwrap();
    assert_eq!(home.call(&["say", "it is open"]).status.code(), Some(0));
    assert!(line().ends_with(" > it is open"));
    peer.set(|manner| manner.echoes = false);
    assert_eq!(line(), "(mon-1 is not connected; what you write is kept until it is heard)");
    input.write_all(b"anybody?\n").unwrap();
    assert_eq!(line(), "(kept until mon-1 is heard)");
    peer.set(|manner| manner.echoes = true);
    assert_eq!(line(), "(mon-1 is connected; what was kept is on its way)");
    input.write_all(b"bye\n").unwrap();
    assert_eq!(chat.wait().unwrap().code(), Some(0));
}

#[test]
fn a_chat_misses_none_of_its_own_lines() {
    let home = Home::new();
    home.configure(([127, 0, 0, 1], 1).into(), "");
    let _agent = home.start();
    home.status(|_| true);
    let lines: Vec<_> = (0..400).map(|number| format!("line {number}")).collect();
    let (code, out, why) = texts(&home.call_with(&["chat"], lines.join("\n").as_bytes()));
    assert_eq!((code, why.as_str()), (0, ""));
    assert_eq!(out.lines().filter(|line| *line == "(kept until mon-1 is heard)").count(), 400);
    assert!(!out.contains("too fast"), "{out}");
}

#[test]
fn what_cannot_be_said_is_refused_with_the_reason() {
    let home = Home::new();
    home.configure(([127, 0, 0, 1], 1).into(), "");
    let (code, _, why) = texts(&home.call(&["say", "nobody runs"]));
    assert!(code == 69 && why.contains("the agent is not running"), "{why}");
    let _agent = home.start();
    home.status(|_| true);
    let refused = |arguments: &[&str], input: &[u8], part: &str| {
        let (code, out, why) = texts(&home.call_with(arguments, input));
        assert!(code == 64 && out.is_empty() && why.contains(part), "{code} {why}");
    };
    refused(&["say", " "], b"", "the message is empty");
    refused(&["say", "-"], b"", "the message is empty");
    refused(&["say", &"x".repeat(4097)], b"", "has 4097 bytes, at most 4096");
    refused(&["say", "-"], &vec![b'x'; 1 << 20], "has 1048576 bytes");
    refused(&["say", "-"], b"\xff\xfe", "not text");
    assert_eq!(home.call(&["say"]).status.code(), Some(64));
    assert_eq!(home.call_with(&["say", "-"], &[b'x'; 4096]).status.code(), Some(0));
}

#[tokio::test]
async fn what_is_said_without_a_daemon_outlives_the_agent_and_arrives_in_order() {
    let home = Home::new();
    let (peer, keys) = start(&home);
    home.configure(peer.address, "");
    let port = peer.address.port();
    peer.kill();
    let mut agent = home.start();
    home.status(|_| true);
    for text in ["one", "two", "three"] {
        let (code, out, _) = texts(&home.call(&["say", text]));
        assert_eq!((code, out.as_str()), (0, "kept until mon-1 is heard\n"));
    }
    agent.signal("-KILL");
    agent.ended();
    drop(agent);
    let _agent = home.start();
    let daemon = home.certificates.daemon();
    let peer = Peer::start_with(&daemon, &keys, port, Store::default(), |_| {});
    let messages = came(&home, &peer, 3);
    let texts: Vec<_> = messages.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(texts, ["one", "two", "three"]);
}

#[tokio::test]
async fn a_delivery_is_in_the_inbox_once_also_after_a_kill() {
    let home = Home::new();
    let (peer, _) = start(&home);
    home.configure(peer.address, "");
    let mut agent = home.start();
    connected(&home);
    assert_eq!(texts(&home.call(&["inbox", "--json"])).1, "[]\n");
    deliver(&peer, 3, "look at /var").await;
    deliver(&peer, 3, "look at /var").await;
    deliver(&peer, 9, "done\u{1b}[2J").await;
    peer.store.lock().unwrap().clerk.book().confirmed.clear();
    agent.signal("-KILL");
    agent.ended();
    drop(agent);
    let _agent = home.start();
    confirmed(&peer, 9).await;
    deliver(&peer, 9, "done\u{1b}[2J").await;
    let (code, out, _) = texts(&home.call(&["inbox", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let ids: Vec<_> = json.as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!((code, ids), (0, vec!["mon-1-7-3".into(), "mon-1-7-9".into()]));
    assert_eq!(json[1]["text"], "done\u{1b}[2J");
    let (_, out, _) = texts(&home.call(&["inbox", "--since", "1h"]));
    assert!(out.contains("bo to @web-1: look at /var\n") && !out.contains('\u{1b}'), "{out}");
}

#[tokio::test]
async fn a_chat_shows_what_comes_and_sends_what_is_typed() {
    let home = Home::new();
    let (peer, _) = start(&home);
    home.configure(peer.address, "");
    let _agent = home.start();
    connected(&home);
    deliver(&peer, 1, "before").await;
    let mut chat = home.spawn(&["chat"]);
    let mut lines = BufReader::new(chat.stdout.take().unwrap()).lines();
    let mut line = || lines.next().unwrap().unwrap();
    assert!(line().ends_with(" bo > before"));
    let mut input = chat.stdin.take().unwrap();
    input.write_all(b"hello\n\n#ops to all\n").unwrap();
    let messages = came(&home, &peer, 2);
    assert_eq!((messages[0].text.as_str(), messages[1].to.as_str()), ("hello", "#ops"));
    deliver(&peer, 2, "an answer").await;
    let answer = line();
    assert!(answer.ends_with(" bo > an answer"), "what it said itself is not repeated: {answer}");
    assert_eq!(home.call(&["say", "beside it"]).status.code(), Some(0));
    assert!(line().ends_with(" > beside it"), "others on this host are heard");
    input.write_all(b"last\nbye\nnever\n").unwrap();
    assert_eq!(chat.wait().unwrap().code(), Some(0));
    let messages = came(&home, &peer, 4);
    assert_eq!(messages.last().unwrap().text, "last", "what is said before `bye` is sent");
    let out = home.call_with(&["chat"], b"by pipe");
    assert_eq!(out.status.code(), Some(0), "the end of the input leaves");
    assert_eq!(came(&home, &peer, 5).last().unwrap().text, "by pipe");
}
