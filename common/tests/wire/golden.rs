//! The frames of version 1, frozen. If this fails, revert your change: a shipped struct was edited.
//! A new need is a new kind.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use systole_common::model::alert::{AlertState, Overlay, Severity};
use systole_common::model::coded::Coded;
use systole_common::model::file::FileState;
use systole_common::model::host::{Cause, Certainty, HostState};
use systole_common::model::metric::{MetricKind, Unit};
use systole_common::wire::agent::IntentKind;
use systole_common::wire::control::SequenceKind;
use systole_common::wire::every::{Made, decode_any};
use systole_common::wire::hello::{CloseCode, PeerRole, Purpose, RefusalCode, StreamName};
use systole_common::wire::history::Tier;
use systole_common::wire::kind::Kind;

use crate::samples::frames;

const VERSION_1: &str = include_str!("vectors/v1.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn vectors() -> BTreeMap<&'static str, &'static str> {
    VERSION_1.lines().filter_map(|line| line.split_once(": ")).collect()
}

#[test]
fn every_frame_is_byte_for_byte_what_version_1_shipped() {
    let frozen = vectors();
    let frames = frames();
    for (kind, frame) in &frames {
        let found = hex(frame);
        let expected = frozen.get(kind.as_str()).copied().unwrap_or("nothing");
        assert_eq!(found, expected, "{}: {found}", kind.as_str());
    }
    assert_eq!(frozen.len(), frames.len(), "a frozen frame is gone");
}

#[test]
fn every_kind_with_a_body_has_a_golden_frame() {
    let frozen = vectors();
    for kind in Kind::ALL {
        let has_body = decode_any(*kind, &[]) != Made::NoBody;
        assert_eq!(has_body, frozen.contains_key(kind.as_str()), "{}", kind.as_str());
    }
}

fn members<T: Coded>() -> Vec<(u16, &'static str)> {
    T::ALL.iter().map(|member| (member.code(), member.as_str())).collect()
}

#[test]
fn codes_and_names_are_never_renumbered() {
    let mut table = String::new();
    let mut list = |what: &str, members: Vec<(u16, &'static str)>| {
        let members: Vec<_> = members.iter().map(|(code, name)| format!("{code}={name}")).collect();
        writeln!(table, "{what}: {}", members.join(" ")).unwrap();
    };
    list("kind", Kind::ALL.iter().map(|kind| (kind.number().into(), kind.as_str())).collect());
    list("state", members::<HostState>());
    list("cause", members::<Cause>());
    list("certainty", members::<Certainty>());
    list("severity", members::<Severity>());
    list("alert", members::<AlertState>());
    list("overlay", members::<Overlay>());
    list("unit", members::<Unit>());
    list("metric", members::<MetricKind>());
    list("purpose", members::<Purpose>());
    list("stream", members::<StreamName>());
    list("role", members::<PeerRole>());
    list("refusal", members::<RefusalCode>());
    list("close", members::<CloseCode>());
    list("intent", members::<IntentKind>());
    list("sequence", members::<SequenceKind>());
    list("file", members::<FileState>());
    list("tier", members::<Tier>());
    assert_eq!(table, include_str!("vectors/codes.txt"), "{table}");
}
