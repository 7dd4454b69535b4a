//! Hostile fields against every output: one event stays one line, and no raw control gets out.

use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};

use tracing::{Level, debug, error, info, info_span, warn};

use super::entry::{Entry, FIELD_BYTES_MAX};
use super::*;
use crate::text::is_hidden;
use crate::time::UnixMs;

/// The entries of what `log` logs.
fn entries(log: impl FnOnce()) -> Vec<Entry> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    let lines = LineLayer::new(move |entry| keep.lock().unwrap().push(entry.clone()));
    let subscriber = Registry::default().with(filter("log.level", "info").unwrap()).with(lines);
    tracing::subscriber::with_default(subscriber, log);
    std::mem::take(&mut *seen.lock().unwrap())
}

fn entry(log: impl FnOnce()) -> Entry {
    let mut entries = entries(log);
    assert_eq!(entries.len(), 1);
    Entry { at: UnixMs(1_795_234_567_089), ..entries.remove(0) }
}

const HOSTILE: [&str; 6] = [
    "a\nERROR forged line",
    "a\r\n{\"level\":\"error\"}",
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "\u{9b}31m\u{202e}\u{200b}\u{0}\u{7f}",
    "x\" host=other",
    "\u{2028}\u{2029}\u{85}\u{b}\u{c}",
];

struct Odd(&'static str);

impl std::fmt::Debug for Odd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

fn hostile_entries() -> Vec<Entry> {
    entries(|| {
        for text in HOSTILE {
            let span = info_span!("peer", name = text, odd = ?Odd(text));
            let _inside = span.enter();
            info!("{text}");
            warn!(text, shown = %text, odd = ?Odd(text), list = ?vec![text], "message");
        }
    })
}

#[test]
fn one_event_is_one_line_of_text() {
    let entries = hostile_entries();
    assert_eq!(entries.len(), 2 * HOSTILE.len());
    for entry in &entries {
        let line = line::text(entry, false);
        let body = line.strip_suffix('\n').unwrap();
        assert!(!body.contains(is_hidden), "{body:?}");
    }
}

#[test]
fn one_event_is_one_line_of_json_that_keeps_the_text() {
    for (at, entry) in hostile_entries().iter().enumerate() {
        let line = line::json(entry);
        let body = line.strip_suffix('\n').unwrap();
        assert!(!body.contains(is_hidden), "{body:?}");
        let object: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(object["fields"]["name"], HOSTILE[at / 2]);
    }
}

#[test]
fn a_field_cannot_pass_for_another() {
    let line = line::text(&entry(|| info!(reason = "gone\\\" host=other", "closed")), false);
    assert!(line.ends_with("INFO  closed reason=\"gone\\\\\\\" host=other\"\n"), "{line}");
}

#[test]
fn a_line_for_people_has_local_time_level_message_and_fields() {
    let entry = entry(|| {
        let span = info_span!("peer", host = "web-1", port = tracing::field::Empty);
        let _inside = span.enter();
        span.record("port", 5001);
        warn!(
            age_ms = 2_100_u64,
            ratio = 0.5,
            ok = false,
            text = "",
            why = "no beat",
            "host is late"
        );
    });
    let time = entry.at.local();
    let rest = "host is late host=web-1 port=5001 age_ms=2100 ratio=0.5 ok=false text=\"\" why=\"no beat\"\n";
    assert_eq!(line::text(&entry, false), format!("{time}.089 WARN  {rest}"));
    assert_eq!(line::text(&entry, true), format!("{time}.089 \u{1b}[33mWARN \u{1b}[0m {rest}"));
}

#[test]
fn a_json_line_has_utc_and_types() {
    let entry = entry(|| error!(host = "web-1", count = 3, ok = true, "host is down"));
    assert_eq!(
        line::json(&entry),
        concat!(
            r#"{"time":"2026-11-21T04:16:07.089Z","level":"error","#,
            r#""target":"systole_common::telemetry::tests","message":"host is down","#,
            r#""fields":{"host":"web-1","count":3,"ok":true}}"#,
            "\n"
        )
    );
}

#[test]
fn the_event_beats_the_span_and_floods_are_cut() {
    let long = "é".repeat(FIELD_BYTES_MAX);
    let entry = entry(|| {
        let _inside = info_span!("peer", host = "old").entered();
        info!(host = "new", long, "{long}");
    });
    let line = line::text(&entry, false);
    assert!(line.contains(" host=new "), "{line}");
    assert!(line.len() < 3 * FIELD_BYTES_MAX && line.contains('…'));
}

#[test]
fn a_bare_level_is_for_our_own_lines() {
    let count = |level: &str| {
        let seen = Arc::new(Mutex::new(0));
        let keep = Arc::clone(&seen);
        let lines = LineLayer::new(move |_| *keep.lock().unwrap() += 1);
        let subscriber = Registry::default().with(filter("log.level", level).unwrap()).with(lines);
        tracing::subscriber::with_default(subscriber, || {
            debug!("ours");
            error!("ours");
            debug!(target: "quinn", "theirs");
            warn!(target: "quinn", "theirs");
        });
        *seen.lock().unwrap()
    };
    assert_eq!(count("debug"), 3);
    assert_eq!(count("info"), 2);
    assert_eq!(count("error"), 1);
    assert_eq!(count("off"), 0);
    assert_eq!(count("debug,quinn=debug"), 4);
}

#[test]
fn a_wrong_level_is_named() {
    for bad in ["loud", "", " ", "info,quinn=loud", "a=b=c"] {
        assert!(check_level(bad).is_err(), "{bad}");
    }
    for good in LEVELS.into_iter().chain(["info,quinn=debug", "systole_daemon=trace"]) {
        assert_eq!(check_level(good), Ok(()), "{good}");
    }
    assert_eq!(
        filter(LEVEL_VARIABLE, "lo\u{1b}ud").unwrap_err().to_string(),
        "SYSTOLE_LOG \"lo\\\\x1bud\" is not understood: use one of off, error, warn, info, debug, \
         trace, or directives such as info,quinn=debug"
    );
}

/// The fields of a journal datagram.
fn journal_fields(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let name_end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        let name = String::from_utf8(bytes[..name_end].to_vec()).unwrap();
        bytes = &bytes[name_end + 1..];
        let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
        let value = String::from_utf8(bytes[8..8 + length].to_vec()).unwrap();
        assert_eq!(bytes[8 + length], b'\n');
        bytes = &bytes[8 + length + 1..];
        fields.push((name, value));
    }
    fields
}

struct Reader {
    _folder: tempfile::TempDir,
    socket: UnixDatagram,
    journal: Journal,
}

fn journal() -> Reader {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    assert!(Journal::open_at(&path, "systoled").is_err());
    let socket = UnixDatagram::bind(&path).unwrap();
    let journal = Journal::open_at(&path, "systoled").unwrap();
    let reader = Reader { _folder: folder, socket, journal };
    assert!(reader.next().is_empty());
    reader
}

impl Reader {
    fn next(&self) -> Vec<(String, String)> {
        let mut buffer = vec![0; 1 << 18];
        let length = self.socket.recv(&mut buffer).unwrap();
        journal_fields(&buffer[..length])
    }
}

#[test]
fn the_journal_gets_every_field_and_a_message_of_one_line() {
    let reader = journal();
    reader.journal.send(&entry(|| warn!(host = "web-1\nx", age_ms = 7, "late")));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        reader.next(),
        [
            pair("MESSAGE", "late host=\"web-1\\nx\" age_ms=7"),
            pair("PRIORITY", "4"),
            pair("SYSLOG_IDENTIFIER", "systoled"),
            pair("TARGET", "systole_common::telemetry::tests"),
            pair("SYSTOLE_HOST", "web-1\nx"),
            pair("SYSTOLE_AGE_MS", "7"),
        ]
    );
    for entry in hostile_entries() {
        reader.journal.send(&entry);
        let fields = reader.next();
        assert!(!fields[0].1.contains(is_hidden), "{fields:?}");
        assert!(fields.iter().any(|(name, _)| name == "SYSTOLE_NAME"), "{fields:?}");
    }
}

#[test]
fn a_journal_that_does_not_keep_up_is_not_waited_for() {
    let reader = journal();
    let entry = entry(|| info!("again"));
    // Far more than any socket holds.
    let sent: usize = 5_000;
    for _ in 0..sent {
        reader.journal.send(&entry);
    }
    let mut got = 0;
    reader.socket.set_nonblocking(true).unwrap();
    let mut buffer = vec![0; 4096];
    while reader.socket.recv(&mut buffer).is_ok() {
        got += 1;
    }
    assert!(got > 0 && got < sent, "{got}");
    reader.journal.send(&entry);
    let told = format!("again ({} lines before this one were lost)", sent - got);
    assert_eq!(reader.next()[0].1, told);
}

#[test]
fn priorities_are_those_of_syslog() {
    let reader = journal();
    for (level, priority) in [(Level::ERROR, "3"), (Level::INFO, "6"), (Level::TRACE, "7")] {
        let entry = Entry { level, ..entry(|| info!("x")) };
        reader.journal.send(&entry);
        assert_eq!(reader.next()[1].1, priority);
    }
}

#[test]
fn formats_have_names() {
    assert_eq!(FORMATS.map(Format::from_name), [Some(Format::Text), Some(Format::Json)]);
    assert_eq!(Format::from_name("xml"), None);
}
