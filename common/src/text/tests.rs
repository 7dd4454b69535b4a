//! What scrubbed text and visible JSON must be, over a corpus of hostile texts and over random ones.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const CORPUS: &str = include_str!("../../tests/corpus/text.txt");

fn decode(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let (c, length) = match escape.chars().next().unwrap() {
            'n' => ('\n', 1),
            'r' => ('\r', 1),
            't' => ('\t', 1),
            '\\' => ('\\', 1),
            'u' => {
                let hex = &escape[2..escape.find('}').unwrap()];
                let code = u32::from_str_radix(hex, 16).unwrap();
                (char::from_u32(code).unwrap(), hex.len() + 3)
            }
            other => panic!("unknown escape {other:?}"),
        };
        text.push(c);
        rest = &escape[length..];
    }
    text + rest
}

fn corpus() -> Vec<String> {
    let mut texts: Vec<String> = CORPUS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| decode(&line[3..]))
        .collect();
    texts.push(format!("many{}", "\u{301}".repeat(10_000)));
    texts.push("\u{1b}[31m".repeat(2_000));
    texts.push(" ".repeat(5_000));
    texts
}

fn check_shown(shown: &str) {
    assert!(!shown.contains(is_hidden), "{shown:?}");
    let mut marks = 0;
    for c in shown.chars() {
        marks = if is_combining(c) { marks + 1 } else { 0 };
        assert!(marks <= COMBINING_MARKS_MAX, "{shown:?}");
    }
    assert!(!shown.chars().next().is_some_and(is_combining), "{shown:?}");
}

#[test]
fn no_hidden_character_of_the_corpus_is_shown() {
    let texts = corpus();
    assert!(texts.len() >= 60);
    for text in &texts {
        check_shown(&scrub(text));
        for line in scrub_lines(text, Lines::Many).lines() {
            check_shown(line);
        }
        for cells_max in [0, 1, 7, 40] {
            let shown = scrub_to(text, cells_max);
            check_shown(&shown);
            assert!(cells(&shown) <= cells_max, "{shown:?} in {cells_max}");
        }
    }
}

#[test]
fn different_texts_of_the_corpus_stay_different() {
    let shown: BTreeMap<String, String> =
        corpus().into_iter().map(|text| (scrub(&text).into_owned(), text)).collect();
    assert_eq!(shown.len(), corpus().len());
    assert_ne!(scrub("web\u{200b}-1"), scrub("web-1"));
}

#[test]
fn what_is_hidden_is_named() {
    let check = |text: &str, shown: &str| assert_eq!(scrub(text), shown);
    check("\u{1b}[31mred", "\\x1b[31mred");
    check("\u{9b}31m", "\\x9b31m");
    check("a\nb\r\tc", "a\\nb\\r\\tc");
    check("invoice\u{202e}fdp.exe", "invoice\\u{202e}fdp.exe");
    check("tag\u{e0068}", "tag\\u{e0068}");
    check("\u{e000}\u{378}", "\\u{e000}\\u{378}");
    check("\u{301}x", "◌\u{301}x");
    check("e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}x", "e\u{301}\u{301}\u{301}\u{301}…x");
}

#[test]
fn honest_text_is_left_alone() {
    for text in [
        "web-1 is down: \"no beat for 6 s\" \\ 100 %",
        "Größe, naïve, Ελλάδα, Привет, 東京, 서울, العربية, עברית, हिन्दी, ไทย",
        "cafe\u{301} 👍 → ≥ ½ €",
        "espace\u{a0}insécable",
        "",
    ] {
        assert_eq!(scrub(text), text);
        assert_eq!(scrub_to(text, 500), text);
    }
    assert!(matches!(scrub("plain"), Cow::Borrowed(_)));
    assert!(matches!(scrub_to("plain", 5), Cow::Borrowed(_)));
}

#[test]
fn several_lines_keep_their_ends() {
    assert_eq!(
        scrub_lines("a\r\nb\n\tc\rd\u{1b}\n\u{301}", Lines::Many),
        "a\nb\n    c\\rd\\x1b\n◌\u{301}"
    );
}

#[test]
fn a_cut_is_visible_and_never_splits_an_escape_or_a_wide_character() {
    assert_eq!(scrub_to("abcdef", 6), "abcdef");
    assert_eq!(scrub_to("abcdef", 5), "abcd…");
    assert_eq!(scrub_to("abcdef", 1), "…");
    assert_eq!(scrub_to("abcdef", 0), "");
    assert_eq!(scrub_to("ab\u{1b}cd", 5), "ab…");
    assert_eq!(scrub_to("東京都", 6), "東京都");
    assert_eq!(scrub_to("東京都", 5), "東京…");
    assert_eq!(scrub_to("東京都", 4), "東…");
    assert_eq!(scrub_to("e\u{301}e\u{301}", 2), "e\u{301}e\u{301}");
}

#[test]
fn json_keeps_the_text_and_hides_nothing() {
    let line = to_json_line(&serde_json::json!({
        "text": "a\u{1b}\u{7f}\u{9b}\u{202e}\u{200b}\u{e0068}\n\"é",
    }))
    .unwrap();
    assert_eq!(line, "{\"text\":\"a\\u001b\\u007f\\u009b\\u202e\\u200b\\udb40\\udc68\\n\\\"é\"}");
    for text in corpus() {
        let line = to_json_line(&BTreeMap::from([(text.as_str(), text.as_str())])).unwrap();
        assert!(!line.contains(is_hidden), "{line:?}");
        let back: BTreeMap<String, String> = serde_json::from_str(&line).unwrap();
        assert_eq!(back.get(&text), Some(&text));
    }
}

#[test]
fn json_of_a_map_without_string_keys_is_an_error() {
    assert!(to_json_line(&BTreeMap::from([(vec![1], 1)])).is_err());
}

proptest! {
    #[test]
    fn scrubbed_text_is_safe_and_stays_as_it_is(text in any::<String>()) {
        let shown = scrub(&text).into_owned();
        check_shown(&shown);
        prop_assert_eq!(scrub(&shown), shown.as_str());
    }

    #[test]
    fn no_code_point_gets_through(code in 0_u32..=0x0010_ffff, cells_max in 0_usize..12) {
        let c = char::from_u32(code).unwrap_or('\u{fffd}');
        let text = format!("a{c}b{c}{c}");
        check_shown(&scrub(&text));
        let shown = scrub_to(&text, cells_max);
        check_shown(&shown);
        prop_assert!(cells(&shown) <= cells_max);
        prop_assert_eq!(&scrub_to(&text, 1_000), &scrub(&text));
    }

    #[test]
    fn json_reads_back(text in any::<String>()) {
        let line = to_json_line(&text).unwrap();
        prop_assert!(!line.contains(is_hidden));
        prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }
}
