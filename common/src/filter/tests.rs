//! The language as people type it: what matches, what is refused and how that reads.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

struct Host {
    name: &'static str,
    state: &'static str,
    labels: BTreeMap<&'static str, &'static str>,
    numbers: BTreeMap<&'static str, f64>,
    overlays: Vec<&'static str>,
}

impl Subject for Host {
    fn field(&self, name: &str) -> Option<Value<'_>> {
        match name {
            "host" => Some(Value::Text(self.name)),
            "state" => Some(Value::Text(self.state)),
            "overlay" => Some(Value::Texts(&self.overlays)),
            _ => match name.strip_prefix("label.") {
                Some(label) => self.labels.get(label).map(|value| Value::Text(value)),
                None => self.numbers.get(name).map(|value| Value::Number(*value)),
            },
        }
    }

    fn words(&self, found: &mut dyn FnMut(Word<'_>) -> bool) -> bool {
        found(Word::Part(self.name))
            || found(Word::Whole(self.state))
            || self.labels.values().any(|value| found(Word::Part(value)))
    }
}

fn web() -> Host {
    Host {
        name: "web-1.example",
        state: "late",
        labels: [("role", "frontend"), ("rack", "7"), ("Team", "Blue")].into(),
        numbers: [
            ("cpu", 80.0),
            ("memory", 91.5),
            ("disk", 86.0),
            ("disk[/var]", 40.0),
            ("load1", 4.2),
            ("age", 6_000.0),
            ("rx", 10e6),
            ("offset", -5_000.0),
            ("uptime", 5_400_000.0),
        ]
        .into(),
        overlays: vec!["acked", "silenced"],
    }
}

fn filter(text: &str) -> Filter {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_matches() {
    let host = web();
    for text in [
        "",
        "  ",
        "web",
        "WEB",
        "b-1.ex",
        "late",
        "LATE",
        "front",
        "web-*",
        "*example",
        "web-?.example",
        "lat?",
        "state=late",
        "state = Late",
        "state!=online",
        "host=web-*",
        "host=\"web-1.example\"",
        "name=web-1.example",
        "cpu>79.9",
        "cpu>=80%",
        "cpu<=80",
        "cpu=80",
        "cpu==80",
        "cpu<81",
        "mem>=90",
        "disk>85",
        "disk[/var]<50%",
        "load>4",
        "load1 > 4",
        "age>5s",
        "age>5",
        "age<1m",
        "age<0.5h",
        "age>5999ms",
        "uptime=1h30m",
        "rx>=10M",
        "rx>9MiB",
        "rx>9999999",
        "offset<-4s",
        "label.role=frontend",
        "role=front*",
        "role!=db",
        "team!=red",
        "Team=blue",
        "label.rack>6",
        "label.rack<=7",
        "rack=7",
        "swap!=5",
        "missing!=x",
        "overlay=acked",
        "overlay=sil*",
        "overlay!=flapping",
        "web late",
        "web and late",
        "web AND late",
        "down or late",
        "down or web late",
        "(down or late) web",
        "!down",
        "not down",
        "!(down or online)",
        "!!late",
        "a b or c d or web cpu>1",
        "\"web\"",
    ] {
        assert!(filter(text).matches(&host), "{text}");
    }
}

#[test]
fn what_does_not_match() {
    let host = web();
    for text in [
        "db",
        "lat",
        "state=online",
        "state!=late",
        "host=web",
        "host=web-?",
        "host=\"web-*\"",
        "cpu>80",
        "cpu<80",
        "cpu!=80",
        "disk[/var]>50",
        "disk[/srv]>0",
        "swap>0",
        "swap<100",
        "swap=0",
        "missing=x",
        "label.missing>0",
        "label.role>0",
        "age<5s",
        "rx>10MiB",
        "overlay=flapping",
        "overlay!=acked",
        "web down",
        "!web",
        "!(web or down)",
        "down or online cpu>1",
        "\"web-*\"",
        "team=blue",
    ] {
        assert!(!filter(text).matches(&host), "{text}");
    }
}

#[test]
fn a_number_that_is_none_matches_no_order() {
    let mut host = web();
    host.numbers.insert("cpu", f64::NAN);
    for text in ["cpu>0", "cpu<=100", "cpu=0"] {
        assert!(!filter(text).matches(&host), "{text}");
    }
    host.numbers.insert("cpu", -0.0);
    assert!(filter("cpu=0").matches(&host));
}

#[test]
fn the_canonical_form_is_short_and_plain() {
    for (text, canonical) in [
        ("", ""),
        ("a  and  b", "a b"),
        ("(a b) c", "a b c"),
        ("a or (b or c)", "a or b or c"),
        ("(a b) or c", "a b or c"),
        ("(a or b) c", "(a or b) c"),
        ("not ( a )", "!a"),
        ("! (a b)", "!(a b)"),
        ("mem >= 90%", "memory>=90"),
        ("AGE > 90s", "age>1m30s"),
        ("age>1.5ms", "age>1.5ms"),
        ("offset<-4s", "offset<-4000ms"),
        ("rx>10M", "rx>10000000B"),
        ("rx>1.5KiB", "rx>1536B"),
        ("tx>1048576", "tx>1MiB"),
        ("\"Disk[/var lib]\">5", "\"disk[/var lib]\">5"),
        ("state=LATE", "state=late"),
        ("role=db", "label.role=db"),
        ("host=\"web-*\"", "host=\"web-*\""),
        ("host=\"and\"", "host=\"and\""),
        ("\"a b\\\"\\\\\"", "\"a b\\\"\\\\\""),
        ("\"\"", "\"\""),
        ("\"plain\"", "plain"),
        ("\"my label\"=x", "\"label.my label\"=x"),
    ] {
        assert_eq!(filter(text).to_string(), canonical, "{text}");
    }
}

/// The error's first line, and the part of the filter that it marks.
fn check_error(text: &str, marked: &str, sentence: &str) {
    let error = text.parse::<Filter>().expect_err(text);
    assert_eq!(text.get(error.range()), Some(marked), "{error}");
    let start = text[..error.range().start].chars().count() + 1;
    assert_eq!(error.sentence(), format!("filter, column {start}: {sentence}"), "{text}");
}

#[test]
fn errors_name_the_place_and_what_is_expected() {
    let term = "expected a word or a comparison such as cpu>80";
    check_error("cpu>much", "much", "expected a percentage such as 80 or 80%");
    check_error("cpu>", "", "expected a percentage such as 80 or 80%");
    check_error("cpu> and x", "and", "expected a percentage such as 80 or 80%");
    check_error("load1>4%", "4%", "expected a number such as 4 or 0.5");
    check_error("age>5parsec", "5parsec", "expected a duration such as 5s or 1h30m");
    check_error("age>5%", "5%", "expected a duration such as 5s or 1h30m");
    check_error("rx>fast", "fast", "expected a size such as 10M or 40KiB");
    for number in ["inf", "nan", "1e9", "--1", "1.2.3", "", "٣"] {
        let value = format!("\"{number}\"");
        check_error(&format!("cpu>{value}"), &value, "expected a percentage such as 80 or 80%");
    }
    check_error("web and", "", term);
    check_error("or web", "or", term);
    check_error("a or or b", "or", term);
    check_error("()", ")", term);
    check_error("!", "", term);
    check_error("web (late", "(", "this `(` is not closed, expected `)`");
    check_error("web)", ")", "this `)` closes nothing");
    check_error(")", ")", "this `)` closes nothing");
    check_error(">5", ">", "expected a field before this, as in cpu>80");
    check_error("cpu>5>6", ">", term);
    check_error("host=\"web", "\"web", "this quote has no end, expected `\"`");
    check_error("\"a\\n\"", "\\n", "expected `\\\"` or `\\\\` after the backslash");
    check_error("cpuu>5", "cpuu", "unknown field, did you mean `cpu`?");
    check_error("disc[/]>5", "disc[/]", "unknown field, did you mean `disk`?");
    check_error(
        "banana>5",
        "banana",
        "unknown field, expected a number field such as cpu, or label.NAME",
    );
    check_error("label.=5", "label.", "expected the name of a label, as in label.role");
    check_error("host>web", ">", "`host` takes only = and !=");
    check_error("severity>=warning", ">=", "`severity` takes only = and !=");
    check_error("cpu[0]>5", "cpu[0]", "`cpu` has no parts in square brackets");
    check_error(
        "sev=critcal",
        "critcal",
        "`severity` is never that, expected one of warning, critical; did you mean `critical`?",
    );
    check_error(
        "overlay=\"x\"",
        "\"x\"",
        "`overlay` is never that, expected one of acked, silenced, windowed, inhibited, flapping, nodata",
    );
}

#[test]
fn the_mark_stands_under_the_place_in_any_script() {
    let shown = |text: &str| text.parse::<Filter>().expect_err(text).to_string();
    assert_eq!(
        shown("東京 cpu>x late"),
        "filter, column 8: expected a percentage such as 80 or 80%\n  東京 cpu>x late\n           ^"
    );
    // The escape is shown in four cells, and the mark moves with them.
    assert_eq!(
        shown("\u{1b}\ta cpu>x"),
        "filter, column 9: expected a percentage such as 80 or 80%\n  \\x1b\\ta cpu>x\n              ^"
    );
}

#[test]
fn the_limits_hold() {
    let problem = |text: &str| text.parse::<Filter>().expect_err("too much").problem().clone();
    assert_eq!(problem(&"a".repeat(TEXT_BYTES_MAX + 1)), Problem::TooLong);
    assert!("a".repeat(TEXT_BYTES_MAX).parse::<Filter>().is_ok());
    assert_eq!(problem(&"a ".repeat(TERMS_MAX + 1)), Problem::TooManyTerms);
    assert!("a ".repeat(TERMS_MAX).parse::<Filter>().is_ok());
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(problem(&nested(DEPTH_MAX + 1)), Problem::TooDeep);
    assert!(nested(DEPTH_MAX).parse::<Filter>().is_ok());
    assert_eq!(problem(&format!("{}a", "!".repeat(2_000))), Problem::TooDeep);
    // The canonical form is what is stored, so that it has to fit too.
    assert_eq!(problem(&format!("a=b {}", "c".repeat(TEXT_BYTES_MAX - 4))), Problem::TooLong);
    let long = "a".repeat(TEXT_BYTES_MAX + 1).parse::<Filter>().expect_err("too long");
    assert_eq!(long.to_string(), "filter: longer than 4096 bytes");
}

#[test]
fn a_label_that_is_nearly_a_field_is_pointed_out() {
    assert_eq!(
        filter("web (stae=late or !memroy=5)").hints(),
        [
            "`memroy` is read as a label; did you mean the field `memory`?",
            "`stae` is read as a label; did you mean the field `state`?",
        ]
    );
    for text in ["role=db", "site=x", "rack=7", "team=blue", "tier=1", "state=late", ""] {
        assert!(filter(text).hints().is_empty(), "{text}");
    }
}

#[test]
fn every_field_parses_as_its_kind() {
    for field in fields() {
        let value = match field.kind {
            FieldKind::Number => "4",
            FieldKind::Percent => "80",
            FieldKind::Duration => "5s",
            FieldKind::Size => "1MiB",
            FieldKind::Text => "x*",
            FieldKind::Word => "*",
        };
        let text = format!("{}={value}", field.name);
        assert_eq!(filter(&text).to_string(), text);
        assert!(!field.doc.is_empty());
    }
}

#[test]
fn a_hostile_glob_takes_no_time() {
    let host = Host { name: Box::leak("a".repeat(4_000).into_boxed_str()), ..web() };
    let text = format!("host={}b", "*a".repeat(2_000));
    assert!(!filter(&text).matches(&host));
}

fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "(",
            ")",
            "!",
            "!",
            " and ",
            " or ",
            " ",
            "=",
            "!=",
            ">",
            "<=",
            "cpu",
            "age",
            "rx",
            "state",
            "host",
            "role",
            "label.x",
            "disk[/var]",
            "late",
            "80%",
            "-5s",
            "1.5KiB",
            "\"",
            "\\",
            "*",
            "?",
            "\"a b\"",
            "1h30m",
            "0.1",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
        "[a-z0-9.]{1,5}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Texts that are filters more often than not.
fn any_filter_text() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<i32>().prop_map(|number| number.to_string()),
        (0_u32..100_000, 0_u32..1_000).prop_map(|(whole, part)| format!("{whole}.{part}")),
    ];
    let text = prop_oneof![
        "[a-zA-Z0-9*?.-]{1,6}",
        "[a-z \"\\\\*()=!]{0,6}".prop_map(|text| {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }),
    ];
    let operator = prop::sample::select(vec!["=", "!=", ">", ">=", "<", "<="]);
    let numeric = prop::sample::select(vec![
        ("cpu", ""),
        ("disk[/a]", "%"),
        ("load1", ""),
        ("age", "ms"),
        ("age", "h"),
        ("rx", "KiB"),
        ("tx", "M"),
        ("label.n", ""),
    ]);
    let leaf = prop_oneof![
        text.clone().prop_filter("no keyword", |text| !lexer::is_keyword(text)),
        (numeric, operator, number).prop_map(|((field, unit), operator, number)| format!(
            "{field}{operator}{number}{unit}"
        )),
        (prop::sample::select(vec!["host=", "rule!=", "x=", "\"a b\"="]), text)
            .prop_filter("no keyword", |(_, text)| !lexer::is_keyword(text))
            .prop_map(|(field, text)| format!("{field}{text}")),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|list| format!("({})", list.join(" "))),
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|list| format!("({})", list.join(" or "))),
            inner.prop_map(|inner| format!("!{inner}")),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_is_a_trap(text in any_text()) {
        match text.parse::<Filter>() {
            Ok(filter) => {
                filter.matches(&web());
                let canonical = filter.to_string();
                prop_assert_eq!(canonical.parse::<Filter>(), Ok(filter), "{}", canonical);
            }
            Err(error) => {
                prop_assert!(text.get(error.range()).is_some());
                let shown = error.to_string();
                prop_assert!(shown.lines().all(|line| !line.contains(crate::text::is_hidden)));
                prop_assert_eq!(shown.lines().count(), 3);
            }
        }
    }

    #[test]
    fn the_canonical_form_means_the_same(text in any_filter_text()) {
        let first = filter(&text);
        let canonical = first.to_string();
        let second = filter(&canonical);
        prop_assert_eq!(&second, &first, "{} -> {}", text, canonical);
        prop_assert_eq!(second.to_string(), canonical);
        prop_assert_eq!(first.matches(&web()), second.matches(&web()));
    }
}
