//! What hosts, alerts and people may write, and what of it is let in.

use systole_common::text::is_hidden;
use systole_common::time::UnixMs;
use systole_common::wire::feed::OperatorPresence;

use super::*;
use crate::testing::{alert as fires, host as whole, record as well};

/// Texts with something in them that a terminal obeys, or that an eye does not see.
fn hostile() -> Vec<String> {
    let ranges = [
        ('\0', '\u{1f}'),
        ('\u{7f}', '\u{9f}'),
        ('\u{200b}', '\u{200f}'),
        ('\u{2028}', '\u{202e}'),
        ('\u{2060}', '\u{206f}'),
        ('\u{fff9}', '\u{fffb}'),
        ('\u{fe00}', '\u{fe0f}'),
        ('\u{e0020}', '\u{e007f}'),
    ];
    let mut texts: Vec<String> =
        ranges.into_iter().flat_map(|(from, to)| from..=to).map(|c| format!("a{c}b")).collect();
    for text in [
        "\x1b[2J\x1b[H",
        "\x1b]0;title\x07",
        "\x1b]52;c;aGk=\x1b\\",
        "\u{9b}31m",
        "\u{90}q\u{9c}",
        "one\ntwo\r\nthree\tfour",
        "\u{202e}gpj.exe",
        "\u{feff}\u{ad}x\u{34f}",
        "z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}",
    ] {
        texts.push(text.to_owned());
    }
    texts
}

fn assert_safe(text: &str) {
    assert!(!text.contains(is_hidden), "{text:?}");
}

#[test]
fn nothing_hidden_gets_in_by_any_field() {
    let texts = hostile();
    assert!(texts.len() >= 200, "{}", texts.len());
    for bad in &texts {
        let mut record = well(bad);
        record.evidence = vec![bad.clone()];
        for field in [&mut record.agent_version, &mut record.os, &mut record.address] {
            *field = Some(bad.clone());
        }
        record.labels = vec![(bad.clone(), bad.clone())];
        record.processes[0].name.clone_from(bad);
        record.series[0].instance.clone_from(bad);
        record.series[1].metric.clone_from(bad);
        let host = host(whole(record, 0));
        for text in host.metrics.iter().flat_map(|(metric, instance, _)| [metric, instance]) {
            assert_safe(text);
        }
        let made = crate::model::columns::facts(&host);
        let texts = [made.agent_version, made.os, made.address];
        texts.iter().flatten().for_each(|text| assert_safe(text));
        made.labels.iter().for_each(|(key, value)| assert_safe(&format!("{key}{value}")));
        assert_safe(&host.record.host);
        host.record.evidence.iter().for_each(|text| assert_safe(text));
        assert_safe(&host.record.processes[0].name);
        assert_eq!(facts(crate::model::columns::facts(&host)), crate::model::columns::facts(&host));
    }
}

#[test]
fn nothing_hidden_gets_in_with_alerts_people_and_answers() {
    for bad in hostile() {
        let mut record = fires(1, &bad);
        for field in [&mut record.rule, &mut record.subject, &mut record.summary] {
            field.clone_from(&bad);
        }
        (record.acked_by, record.acked_note) = (Some(bad.clone()), Some(bad.clone()));
        let safe = alert(record.clone());
        let texts = [&safe.key, &safe.rule, &safe.subject, &safe.summary];
        let more = [&safe.host, &safe.acked_by, &safe.acked_note];
        texts.into_iter().chain(more.into_iter().flatten()).for_each(|text| assert_safe(text));
        assert_eq!(answer(Ok(Answer::Alerts(vec![record]))), Ok(Answer::Alerts(vec![safe])));
        assert_safe(&answer(Err(bad.clone().into())).unwrap_err().why);
        let at = UnixMs(0);
        let (address, reason) = (bad.clone(), bad.clone());
        let came = ConnectionRecord { at, connected: true, address, reason };
        let Ok(Answer::Connections(came)) = answer(Ok(Answer::Connections(vec![came]))) else {
            panic!("another answer");
        };
        assert_safe(&format!("{}{}", came[0].address, came[0].reason));
        let (operator, role, looking_at) = (bad.clone(), bad.clone(), bad.clone());
        let one = OperatorPresence { session: 1, operator, role, since: at, looking_at };
        let attached = operators(FeedOperators { operators: vec![one], own: 2 });
        let one = &attached.operators[0];
        assert_safe(&format!("{}{}{}", one.operator, one.role, one.looking_at));
        let peer = peer(Peer { daemon: bad.clone(), address: bad.clone(), role: bad });
        assert_safe(&format!("{}{}{}", peer.daemon, peer.address, peer.role));
    }
}

#[test]
fn what_was_removed_is_still_to_be_read() {
    assert_eq!(alert(fires(1, "a\x1b[2J")).host.as_deref(), Some(r"a\x1b[2J"));
    let mut name = "日本語 naïve".to_owned();
    text(&mut name);
    assert_eq!(name, "日本語 naïve", "other people's writing is no attack");
}

#[test]
fn harmless_series_are_taken_as_they_are() {
    let before = whole(well("a"), 0);
    assert_eq!(host(before.clone()), before);
}
