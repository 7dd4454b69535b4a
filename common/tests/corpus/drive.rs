//! What each fuzz target does with an input. Shared by the targets in `fuzz/` and the corpus test.

use std::path::PathBuf;

use systole_common::config::{FileText, Inputs, Key, Kind as Setting, Schema, resolve};
use systole_common::filter::Filter;
use systole_common::ids::Identity;
use systole_common::net::identity::{parse_leaf, validity};
use systole_common::text;
use systole_common::wire::every::{Made, decode_any};
use systole_common::wire::header::{Header, Incoming};
use systole_common::wire::kind::Kind;
use systole_common::wire::limits::HEADER_BYTES;

/// A name and what it drives.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target; each has a folder in `fuzz/corpus`.
pub(crate) const TARGETS: [Target; 6] = [
    ("wire", wire),
    ("frames", frames),
    ("certificate", certificate),
    ("filter", filter),
    ("text", scrub),
    ("config", config),
];

/// The first byte is a kind, the rest its body: refused, or read and written alike.
pub(crate) fn wire(input: &[u8]) {
    let Some((number, body)) = input.split_first() else { return };
    if let Some(kind) = Kind::from_number(*number)
        && let Made::Message(written) = decode_any(kind, body)
    {
        assert_eq!(decode_any(kind, &written), Made::Message(written.clone()));
    }
}

/// A stream of frames, header after header, as a peer's session sends them.
pub(crate) fn frames(mut input: &[u8]) {
    while let Some((header, rest)) = input.split_first_chunk::<HEADER_BYTES>() {
        match Header::from_bytes(*header).check(1) {
            Ok(Incoming::Body(kind, length)) => {
                assert!(length <= kind.size().bytes_max() as usize);
                let Some((body, after)) = rest.split_at_checked(length) else { return };
                let _made = decode_any(kind, body);
                input = after;
            }
            Ok(Incoming::Skip(_, length)) => {
                let Some((_, after)) = rest.split_at_checked(length) else { return };
                input = after;
            }
            Err(_) => return,
        }
    }
}

/// A leaf certificate in DER: an identity, or a reason.
pub(crate) fn certificate(input: &[u8]) {
    let _leaf = parse_leaf(input);
    let _validity = validity(input);
    if let Ok(uri) = std::str::from_utf8(input)
        && let Ok((fleet, identity)) = Identity::parse_uri(uri)
    {
        assert_eq!(identity.uri(&fleet), uri);
    }
}

/// A filter: an error, or a text that reads as the same filter.
pub(crate) fn filter(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(filter) = text.parse::<Filter>()
    {
        let again: Filter = filter.to_string().parse().expect("its own text reads");
        assert_eq!(again, filter);
    }
}

/// Remote text: what is shown holds nothing that a terminal obeys, and stays as it is the second time.
pub(crate) fn scrub(input: &[u8]) {
    let remote = String::from_utf8_lossy(input);
    let shown = text::scrub(&remote);
    assert!(!shown.chars().any(text::is_hidden), "{shown:?}");
    assert!(text::cells(&text::scrub_to(&remote, 40)) <= 40);
    assert!(!text::escape_hidden(&remote).chars().any(char::is_control));
}

/// A configuration file: settings, or errors that name it.
pub(crate) fn config(input: &[u8]) {
    const KEYS: &[Key] = &[
        Key::new("daemons", Setting::List { items_max: 8 }, "daemons"),
        Key::new("tls.cert", Setting::Path, "a path"),
        Key::new("labels", Setting::Map { entries_max: 4 }, "labels"),
        Key::new("host.*.labels", Setting::Map { entries_max: 4 }, "labels of a host"),
        Key::new("log.level", Setting::Bool, "a switch"),
    ];
    static SCHEMA: Schema = Schema::new("agent", KEYS);
    let Ok(text) = std::str::from_utf8(input) else { return };
    let file = FileText { path: PathBuf::from("/etc/systole/agent.toml"), text: text.to_owned() };
    match resolve(&SCHEMA, &Inputs { file: Some(file), ..Inputs::default() }) {
        Ok(settings) => assert!(!settings.render().is_empty()),
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
}
