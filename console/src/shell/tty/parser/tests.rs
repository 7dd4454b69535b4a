//! Keys by their bytes, however these are split.

use super::*;
use crate::limits::PASTE_BYTES_MAX;

/// What `parts` mean, read one after the other without a pause, with one after the last.
fn read(parts: &[&[u8]]) -> Vec<Input> {
    let mut parser = Parser::default();
    let mut found = Vec::new();
    for part in parts {
        parser.take(part, &mut found);
    }
    if parser.wait().is_some() {
        parser.pause(&mut found);
    }
    assert_eq!(parser.wait(), None, "after a pause nothing is waited for");
    found
}

/// Keys as people write them, pastes in quotes.
fn said(found: &[Input]) -> String {
    let words: Vec<String> = found
        .iter()
        .map(|input| match input {
            Input::Key(key) => key.to_string(),
            Input::Paste { text, cut_bytes } => format!("{text:?}-{cut_bytes}"),
        })
        .collect();
    words.join(" ")
}

/// Sequences and what they mean; between them are plain keys, to see that none is eaten.
const SEQUENCES: &[(&[u8], &str)] = &[
    (b"qQ 1", "q Q Space 1"),
    (b"\x01\x03\x0c\x1a\x00\x1f", "Ctrl-a Ctrl-c Ctrl-l Ctrl-z Ctrl-Space Ctrl-7"),
    (b"\r\n\t\x7f\x08", "Enter Enter Tab Backspace Backspace"),
    ("äß€漢🙂".as_bytes(), "ä ß € 漢 🙂"),
    (b"\x1b[A\x1b[B\x1b[C\x1b[D\x1b[H\x1b[F", "Up Down Right Left Home End"),
    (b"\x1bOA\x1bOB\x1bOC\x1bOD\x1bOH\x1bOF\x1bOM", "Up Down Right Left Home End Enter"),
    (b"\x1bOP\x1bOQ\x1bOR\x1bOS", "F1 F2 F3 F4"),
    (b"\x1b[[A\x1b[[E\x1b[[Z", "F1 F5"),
    (b"\x1b[1~\x1b[2~\x1b[3~\x1b[4~\x1b[5~\x1b[6~", "Home Insert Delete End PgUp PgDn"),
    (b"\x1b[7~\x1b[8~\x1b[15~\x1b[17~\x1b[24~", "Home End F5 F6 F12"),
    (
        b"\x1b[1;5A\x1b[1;3B\x1b[1;2C\x1b[5;7~\x1bO5D",
        "Ctrl-Up Alt-Down Right Ctrl-Alt-PgUp Ctrl-Left",
    ),
    (b"\x1b[Z\x1b[1;2P\x1b[1;1:1F", "Shift-Tab F1 End"),
    (b"\x1bx\x1b\r\x1b\x7f\x1b\x02", "Alt-x Alt-Enter Alt-Backspace Ctrl-Alt-b"),
    ("\x1bä".as_bytes(), "Alt-ä"),
    (b"\x1b\x1b[Aj", "Esc Up j"),
    // Answers of terminals, and what no key is.
    (b"\x1b[?2026;2$yj", "j"),
    (b"\x1b[?64;1;2;6;22cj", "j"),
    (b"\x1b[>41;351;0cj", "j"),
    (b"\x1b[24;80Rj", "j"),
    (b"\x1b[0nj\x1b[?1u\x1b[97;5u", "j"),
    (b"\x1b]11;rgb:1e1e/2020/3030\x1b\\j", "j"),
    (b"\x1b]11;rgb:1e1e/2020/3030\x07j", "j"),
    (b"\x1bP>|xterm(390)\x1b\\j", "j"),
    (b"\x1b_Gi=31;OK\x1b\\j", "j"),
    (b"\x1b[<0;12;7M\x1b[<0;12;7mj", "j"),
    (b"\x1b[M !!j", "j"),
    (b"\x1b[I\x1b[Oj", "j"),
    (b"\x1b[201~j", "j"),
    (b"\x1b[99999999~\x1b[1;99999A\x1b[1;2;3A\x1b[xj", "j"),
    // Broken off.
    (b"\x1b[1;\x03j", "Ctrl-c j"),
    (b"\x1b[1;\x18j\x1b[1\x1b[Bk", "j Down k"),
    (b"\x1b]0;title\x03j", "Ctrl-c j"),
    (b"\x1b]0;title\x1b[Aj", "Up j"),
    (b"\xe2\x82j\xc3\xc3\xa4\x80\xffk", "j \u{e4} k"),
    (b"\xc2\x9bj\xed\xa0\x80k", "j k"),
    // Pastes are text, whatever is in them.
    (b"\x1b[200~q\x03 two\nlines\x1b[201~j", "\"q\\u{3} two\\nlines\"-0 j"),
    (b"\x1b[200~a\x1b[20b\x1b\x1b[201~j", "\"a\\u{1b}[20b\\u{1b}\"-0 j"),
    ("\x1b[200~漢\x1b[201~".as_bytes(), "\"漢\"-0"),
];

#[test]
fn sequences_mean_keys_and_answers_mean_nothing() {
    for (bytes, expected) in SEQUENCES {
        let found = read(&[bytes]);
        assert_eq!(said(&found), *expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn every_split_of_every_sequence_means_the_same() {
    for (bytes, _) in SEQUENCES {
        let whole = read(&[bytes]);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&single), whole, "{}", bytes.escape_ascii());
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let parts = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(read(&parts), whole, "{} at {first}, {second}", bytes.escape_ascii());
            }
        }
    }
}

#[test]
fn sequences_one_after_the_other_are_as_each_alone() {
    for (before, expected_before) in SEQUENCES {
        for (after, expected_after) in SEQUENCES {
            let both = said(&read(&[before, after]));
            let expected = format!("{expected_before} {expected_after}");
            assert_eq!(both, expected.trim(), "{}", before.escape_ascii());
        }
    }
}

#[test]
fn what_begins_a_sequence_is_a_key_when_nothing_follows() {
    let expected = [
        (&b"\x1b"[..], "Esc"),
        (b"\x1b[", "Alt-["),
        (b"\x1bO", "Alt-O"),
        (b"\x1b]", "Alt-]"),
        (b"\x1bP", "Alt-P"),
        (b"\x1b[1;", ""),
        (b"\x1b]0;x", ""),
        (b"\xe2\x82", ""),
        (b"\x1b[200~abc", "\"abc\"-0"),
    ];
    for (bytes, meaning) in expected {
        assert_eq!(said(&read(&[bytes])), meaning, "{}", bytes.escape_ascii());
    }
    let mut parser = Parser::default();
    let mut found = Vec::new();
    parser.take(b"\x1b", &mut found);
    assert_eq!((parser.wait(), found.len()), (Some(ESCAPE_WAIT), 0));
    parser.take(b"[A", &mut found);
    assert_eq!((parser.wait(), found.len()), (None, 1));
}

#[test]
fn what_has_no_end_takes_no_room() {
    let mut parser = Parser::default();
    let mut found = Vec::new();
    for begin in [&b"\x1b["[..], b"\x1bO", b"\x1b]", b"\x1bP"] {
        parser.take(begin, &mut found);
        for _ in 0..1_000 {
            parser.take(&[b'1'; 1_000], &mut found);
        }
        assert!(parser.held.len() <= PARAMETER_BYTES_MAX && found.is_empty());
        parser.take(b"\x1b[A", &mut found);
        assert_eq!(said(&std::mem::take(&mut found)), "Up", "{}", begin.escape_ascii());
    }
}

#[test]
fn a_huge_paste_is_cut_and_told() {
    let mut parser = Parser::default();
    let mut found = Vec::new();
    parser.take(b"\x1b[200~x", &mut found);
    for _ in 0..1 << 16 {
        parser.take("漢字q\x1b[20\r".as_bytes(), &mut found);
    }
    assert_eq!(found, [], "a paste is no keys");
    parser.take(b"\x1b[201~", &mut found);
    let [Input::Paste { text, cut_bytes }] = found.as_slice() else { panic!("{}", found.len()) };
    assert!(text.len() <= PASTE_BYTES_MAX && text.len() + 3 > PASTE_BYTES_MAX);
    assert_eq!(text.len() + cut_bytes, 1 + 12 * (1 << 16));
    assert!(!text.contains('\u{fffd}'), "no half of a character");
}
