//! Rows W5 to W8 and their kin over a real connection with a valid certificate: the daemon lives,
//! honest hosts notice nothing, one line says why, a counter rises.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, Result, ensure};
use systole_common::model::coded::Growing;
use systole_common::wire::VERSION_MAX;
use systole_common::wire::agent::{Live, ProcessSample, Processes, SeriesValue};
use systole_common::wire::codec::{Body, encode_frame};
use systole_common::wire::console::Subscribe;
use systole_common::wire::header::Header;
use systole_common::wire::hello::{CloseCode, Hello, RefusalCode, StreamName};
use systole_common::wire::kind::Kind;
use systole_common::wire::limits::{SERIES_PER_FRAME_MAX, SKIP_BYTES_MAX};
use systole_tests::machine::clocks;
use systole_tests::machine::resident_bytes;
use systole_tests::rogue::{Contact, Rogue, open_frame};
use systole_tests::scene::Scene;
use xtask::demo::programs::SYSTOLED;

/// How much memory all of this may cost the daemon.
const MEMORY_GROWTH_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Who is honest, and who is not.
fn scene() -> Result<Scene> {
    let mut scene = Scene::set(3)?;
    scene.start_daemon()?;
    scene.start_agent("demo-1")?;
    scene.start_agent("demo-2")?;
    scene.until_online(&["demo-1".to_owned(), "demo-2".to_owned()])?;
    Ok(scene)
}

/// Bytes on a fresh stream of an accepted connection, and what the daemon says to them.
struct Attack {
    name: &'static str,
    both_directions: bool,
    bytes: Vec<u8>,
    says: &'static str,
}

impl Attack {
    fn new(name: &'static str, stream: StreamName, body: Vec<u8>, says: &'static str) -> Self {
        let both_directions = matches!(
            stream,
            StreamName::Messages | StreamName::File | StreamName::Request | StreamName::Hello
        );
        // Whoever encodes it here has read the definition: this cannot fail.
        let open = open_frame(VERSION_MAX, stream).unwrap_or_default();
        Self { name, both_directions, bytes: [open, body].concat(), says }
    }

    fn turned(self) -> Self {
        Self { both_directions: !self.both_directions, ..self }
    }
}

/// A frame whose header says what a test wants, whatever its body is.
fn frame(kind: u8, version: u8, length: u32, body: &[u8]) -> Vec<u8> {
    let header = Header { kind, version, flags: 0, length };
    [&header.to_bytes(), body].concat()
}

fn sound<B: Body>(message: &B) -> Vec<u8> {
    encode_frame(VERSION_MAX, message).unwrap_or_default()
}

/// A frame with a header that fits its body.
fn with_body(kind: Kind, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    frame(kind.number(), VERSION_MAX, length, body)
}

/// A length of 2^33, as bodies have it.
const HUGE: [u8; 9] = [253, 0, 0, 0, 0, 2, 0, 0, 0];

fn lengths_and_versions(rogue: &Rogue) -> Vec<Attack> {
    use StreamName::{Heartbeat, Metrics};
    let beat = Kind::Heartbeat.number();
    let live = Kind::Live.number();
    let v = VERSION_MAX;
    let sound_beat = sound(&rogue.beat(1));
    let mut long = sound_beat.clone();
    long.push(0);
    if let Some(length) = long.get_mut(4) {
        *length += 1;
    }
    let claims = "bytes, at most";
    vec![
        Attack::new("length 0", Heartbeat, frame(beat, v, 0, &[]), "cut short"),
        Attack::new("cap + 1", Heartbeat, frame(beat, v, 1_025, &[0; 64]), claims),
        Attack::new("2^32 - 1", Heartbeat, frame(beat, v, u32::MAX, &[0; 64]), claims),
        Attack::new("large cap + 1", Metrics, frame(live, v, 65_537, &[0; 64]), claims),
        Attack::new("a long unknown", Metrics, frame(200, v, SKIP_BYTES_MAX + 1, &[]), claims),
        Attack::new("2^32 - 1 unknown", Metrics, frame(200, v, u32::MAX, &[]), claims),
        Attack::new("version 9", Heartbeat, frame(beat, 9, 0, &[]), "protocol version 9"),
        Attack::new("version 0", Heartbeat, frame(beat, 0, 0, &[]), "protocol version 0"),
        Attack::new("a trailing byte", Heartbeat, long, "trailing bytes"),
    ]
}

fn bombs_and_texts() -> Vec<Attack> {
    use StreamName::{Heartbeat, Metrics};
    let name = "MARKED";
    let sample = ProcessSample { pid: 1, name: name.into(), cpu_percent: 0.0, memory_bytes: 1 };
    let mut garbled = sound(&Processes { processes: vec![sample] });
    if let Some(at) = garbled.windows(name.len()).position(|part| part == name.as_bytes())
        && let Some(byte) = garbled.get_mut(at)
    {
        *byte = 0xff;
    }
    let many = vec![SeriesValue { id: 1, value: 0.0 }; SERIES_PER_FRAME_MAX];
    let many = Live { at: clocks(), interval_ms: 1_000, values: many };
    let full = sound(&many);
    // One value more than there may be: count 1,024 is 251 and two bytes, before nine bytes a value.
    let count = [251, 0, 4];
    let at = full.windows(3).position(|part| part == count).unwrap_or(0);
    let (start, values) = full.split_at_checked(at + 3).unwrap_or_default();
    let start = start.get(8..at).unwrap_or_default();
    let over = [start, &[251, 1, 4], values, &[1, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
    let processes = [vec![21], [1, 1, b'x', 0, 0, 0, 0, 1].repeat(21)].concat();
    let fault = "does not decode";
    vec![
        Attack::new("2^33 series", Metrics, with_body(Kind::Declare, &HUGE), fault),
        Attack::new("2^33 processes", Metrics, with_body(Kind::Processes, &HUGE), fault),
        Attack::new("1,025 values", Metrics, with_body(Kind::Live, &over), "1025 values"),
        Attack::new(
            "21 processes",
            Metrics,
            with_body(Kind::Processes, &processes),
            "21 processes",
        ),
        Attack::new("a text of 0xff", Metrics, garbled, "not UTF-8"),
        Attack::new("only 0xff", Heartbeat, with_body(Kind::Heartbeat, &[0xff; 200]), fault),
    ]
}

fn wrong_places(rogue: &Rogue) -> Vec<Attack> {
    use StreamName::{Control, Feed, File, Heartbeat, Hello, Messages, Metrics, Request};
    let subscribe = sound(&Subscribe { all: true, hosts: Vec::new() });
    let echo = with_body(Kind::Echo, &[0; 8]);
    let beat = sound(&rogue.beat(1));
    let direction = "wrong direction";
    let bare = Attack { bytes: beat.clone(), ..Attack::new("", Heartbeat, Vec::new(), "") };
    vec![
        Attack::new("a beat on metrics", Metrics, beat, "does not belong on the metrics stream"),
        Attack::new("an operator's frame", Metrics, subscribe.clone(), "may not send subscribe"),
        Attack::new("a daemon's frame", Heartbeat, echo, "may not send echo"),
        Attack::new("an operator's stream", Request, subscribe, direction),
        Attack::new("a daemon's stream", Control, Vec::new(), direction),
        Attack::new("an operator's feed", Feed, Vec::new(), direction),
        Attack::new("a second hello", Hello, Vec::new(), direction),
        Attack::new("messages one way", Messages, Vec::new(), direction).turned(),
        Attack::new("heartbeats both ways", Heartbeat, Vec::new(), direction).turned(),
        Attack::new("files on main", File, Vec::new(), "does not belong on a main connection"),
        Attack { name: "no name", says: "where stream-open belongs", ..bare },
    ]
}

#[test]
fn whoever_breaks_the_protocol_is_cut_and_nobody_else_suffers() -> Result<()> {
    let mut scene = scene()?;
    let rogue = Rogue::new(&scene.stage, "demo-3")?;
    let kinds = [lengths_and_versions(&rogue), bombs_and_texts(), wrong_places(&rogue)];
    let attacks: Vec<Attack> = kinds.into_iter().flatten().collect();
    let before = scene.scrape()?;
    let memory = resident_bytes(scene.pid(SYSTOLED)?)?;
    for attack in &attacks {
        let contact = rogue.connect().with_context(|| format!("before {}", attack.name))?;
        let stream = if attack.both_directions {
            contact.bidi(&attack.bytes)
        } else {
            contact.uni(&attack.bytes)
        };
        is_cut(&scene, &contact, attack.name, attack.says)?;
        drop(stream);
    }
    let reason = [("reason", "protocol")];
    let closed = |scrape: &systole_tests::scrape::Scrape| {
        scrape.count("systole_connections_closed_total", &reason)
    };
    let counted = closed(&scene.scrape()?) - closed(&before);
    ensure!(counted == u64::try_from(attacks.len())?, "{counted} of {} counted", attacks.len());
    let grown = resident_bytes(scene.pid(SYSTOLED)?)?.saturating_sub(memory);
    println!("{} attacks cost the daemon {} KiB", attacks.len(), grown / 1024);
    ensure!(grown <= MEMORY_GROWTH_BYTES_MAX, "the daemon has grown by {grown} bytes");
    scene.is_unharmed(&["demo-1", "demo-2"])
}

/// Closed for a breach, with the reason told to the peer and in exactly one line of the log.
fn is_cut(scene: &Scene, contact: &Contact<'_>, name: &str, says: &str) -> Result<()> {
    let (code, why) = contact.closed().with_context(|| format!("after {name}"))?;
    ensure!(code == CloseCode::Protocol && why.contains(says), "{name}: {code}: {why}");
    let address = format!("address={} ", contact.address());
    let line = scene.daemon_journal().only(&["WARN", &address])?;
    ensure!(line.contains(says) && line.contains("agent demo-3"), "{name}: {line}");
    Ok(())
}

#[test]
fn a_second_stream_of_a_kind_is_a_breach() -> Result<()> {
    let mut scene = scene()?;
    let rogue = Rogue::new(&scene.stage, "demo-3")?;
    let contact = rogue.connect()?;
    let control = contact.control();
    let mut first = contact.stream(StreamName::Heartbeat)?;
    contact.say(&mut first, &rogue.beat(1))?;
    control.echo(1)?;
    let _second = contact.stream(StreamName::Heartbeat)?;
    is_cut(&scene, &contact, "a second heartbeat stream", "is open already")?;
    scene.is_unharmed(&["demo-1", "demo-2"])
}

/// What comes in place of a hello, from an address of its own.
fn hellos(rogue: &Rogue) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let hello = Hello { os: "MARKED".to_owned(), ..rogue.hello() };
    let sound = encode_frame(0, &hello).unwrap_or_default();
    let mut garbled = sound.clone();
    if let Some(at) = garbled.windows(6).position(|part| part == b"MARKED")
        && let Some(byte) = garbled.get_mut(at)
    {
        *byte = 0xff;
    }
    let body =
        |body: &[u8]| frame(Kind::Hello.number(), 0, u32::try_from(body.len()).unwrap_or(0), body);
    let without_labels = Hello { labels: Vec::new(), ..hello };
    let bare = encode_frame(0, &without_labels).unwrap_or_default();
    let bomb = [bare.get(8..bare.len() - 1).unwrap_or_default(), &HUGE].concat();
    let number = Kind::Hello.number();
    vec![
        ("cap + 1", frame(number, 0, 16 * 1024 + 1, &[0; 64]), "bytes, at most"),
        ("2^32 - 1", frame(number, 0, u32::MAX, &[0; 64]), "bytes, at most"),
        ("length 0", frame(number, 0, 0, &[]), "cut short"),
        ("version 1", frame(number, 1, 0, &[]), "protocol version 1"),
        ("another frame", frame(Kind::Heartbeat.number(), 0, 0, &[]), "where hello belongs"),
        ("only 0xff", body(&[0xff; 300]), "does not decode"),
        ("2^33 labels", body(&bomb), "does not decode"),
        ("not UTF-8", garbled, "not UTF-8"),
    ]
}

#[test]
fn a_hello_that_makes_no_sense_is_refused_with_one_line() -> Result<()> {
    let mut scene = scene()?;
    let rogue = Rogue::new(&scene.stage, "demo-3")?;
    for ((name, bytes, says), last) in hellos(&rogue).into_iter().zip(10..) {
        let local = Ipv4Addr::new(127, 0, 2, last);
        let mut contact = rogue.dial_from(local.into())?;
        ensure!(contact.greet_with(&bytes)?.is_none(), "{name} was answered");
        let (code, why) = contact.closed()?;
        ensure!(code == CloseCode::Protocol && why.contains(says), "{name}: {code}: {why}");
        let line = scene.daemon_journal().only(&["WARN", &contact.address()])?;
        ensure!(line.contains(says) && line.contains("agent demo-3"), "{name}: {line}");
    }
    let counted = scene.scrape()?.count("systole_hellos_refused_total", &[("reason", "hello")]);
    ensure!(counted == u64::try_from(hellos(&rogue).len())?, "{counted} were counted");
    ensure!(scene.console(&["host", "demo-3"])?.code == Some(1), "it never was a host");
    scene.is_unharmed(&["demo-1", "demo-2"])
}

#[test]
fn versions_and_purposes_of_others_are_refused_in_words() -> Result<()> {
    let mut scene = scene()?;
    let rogue = Rogue::new(&scene.stage, "demo-3")?;
    let hello = || rogue.hello();
    let newer = Hello { version_min: 9, version_max: 12, ..hello() };
    let empty = Hello { version_min: 2, version_max: 1, ..hello() };
    let strange = Hello { purpose: Growing::Unknown(77), ..hello() };
    let cases = [
        (newer, RefusalCode::Version, "upgrade the daemon"),
        (empty, RefusalCode::Version, "is empty"),
        (strange, RefusalCode::Role, "purpose 77"),
    ];
    for ((hello, code, says), last) in cases.into_iter().zip(10..) {
        let local: IpAddr = Ipv4Addr::new(127, 0, 3, last).into();
        let mut contact = rogue.dial_from(local)?;
        let refusal = contact.greet(&hello)?.refused.context("it was let in")?;
        ensure!(refusal.code.known() == Some(code), "{refusal:?}");
        ensure!(refusal.text.contains(says), "{refusal:?}");
        ensure!(contact.closed()?.0 == CloseCode::Refused);
        let line = scene.daemon_journal().only(&["WARN", &contact.address()])?;
        ensure!(line.contains(says), "{line}");
    }
    scene.is_unharmed(&["demo-1", "demo-2"])
}

#[test]
fn whoever_never_says_hello_is_let_go() -> Result<()> {
    let mut scene = scene()?;
    let rogue = Rogue::new(&scene.stage, "demo-3")?;
    let contact = rogue.dial()?;
    let (code, why) = contact.closed()?;
    ensure!(code == CloseCode::Protocol && why.contains("no hello"), "{code}: {why}");
    scene.is_unharmed(&["demo-1", "demo-2"])
}
