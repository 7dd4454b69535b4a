//! `history`, `export` and `storage` against a daemon that stored a little.

use serde_json::Value;
use systole_common::model::host::HostState;
use systole_common::model::metric::SeriesKey;
use systole_common::time::UnixMs;
use systole_common::wire::hello::RefusalCode;

use super::peer::{Peer, State, now};
use super::pki::Pki;
use super::records::host;
use super::store::Store;
use super::{code, complaint, json, run, text};

/// 2024-01-01 00:00:00 UTC.
const BEGIN_MS: i64 = 1_704_067_200_000;
/// Ten minutes from there.
const TEN_MINUTES: [&str; 4] = ["--from", "2024-01-01T00:00:00Z", "--to", "2024-01-01T00:10:00Z"];
const HEADS: &str = "time,host,metric,instance,unit,min,max,mean,count";

/// A sample each `every_s` seconds from `BEGIN_MS` on, for ten minutes, but for the fifth minute.
fn samples(every_s: i64) -> Vec<(i64, f64)> {
    let seconds = (0..600 / every_s).map(|n| n * every_s);
    seconds.filter(|s| !(240..300).contains(s)).map(|s| (BEGIN_MS + s * 1_000, s as f64)).collect()
}

fn daemon(pki: &Pki) -> Peer {
    let mut store = Store::default();
    store.put("web-1", SeriesKey::new("cpu_percent", ""), samples(5));
    store.put("web-1", SeriesKey::new("disk_used_percent", "/var"), samples(5));
    store.put("web-1", SeriesKey::new("load1", ""), samples(20));
    store.put("db-1", SeriesKey::new("cpu_percent", ""), samples(5));
    store.put("db-1", SeriesKey::new("disk_used_percent", "=1+\"1\""), samples(300));
    store.put("gone-1", SeriesKey::new("cpu_percent", ""), samples(5));
    let hosts = vec![host("web-1", HostState::Online), host("db-1", HostState::Down)];
    Peer::start(pki, State { hosts, store, ..State::default() })
}

fn ten_minutes<'a>(words: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    words.iter().chain(&TEN_MINUTES).chain(more).copied().collect()
}

fn lines(peer: &Peer, pki: &Pki, words: &[&str]) -> Vec<String> {
    let output = run(pki, peer, words);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn a_history_has_its_steps_and_its_gaps() {
    let pki = Pki::new();
    let peer = daemon(&pki);
    let words = ten_minutes(&["history", "web-1", "cpu_percent"], &["--step", "1m", "--csv"]);
    let csv = lines(&peer, &pki, &words);
    assert_eq!(csv.len(), 11);
    assert_eq!(csv[0], HEADS);
    assert_eq!(csv[1], "2024-01-01T00:00:00.000Z,web-1,cpu_percent,,percent,0,55,27.5,12");
    assert_eq!(csv[5], "2024-01-01T00:04:00.000Z,web-1,cpu_percent,,percent,,,,0");
    let table = lines(&peer, &pki, &ten_minutes(&["history", "web-1", "cpu_percent"], &[]));
    assert_eq!(table[0], " web-1 cpu_percent, in percent, in steps of 5s");
    assert_eq!(table.iter().filter(|line| line.ends_with("gap")).count(), 12);
    assert_eq!(table[3], " 2024-01-01 00:00:00    0.00    0.00    0.00      1");
    let below = " 120 steps, 12 without samples; from raw samples; times are local";
    assert_eq!(table.last().map(String::as_str), Some(below));
    let raw = lines(
        &peer,
        &pki,
        &ten_minutes(&["history", "web-1", "disk_used_percent[/var]"], &["--step", "raw"]),
    );
    assert_eq!(raw[3], " 2024-01-01 00:00:00    0.00");
    assert_eq!(raw.len(), 3 + 108 + 2);
}

#[test]
fn a_history_is_one_series_in_an_array() {
    let pki = Pki::new();
    let peer = daemon(&pki);
    let words = ten_minutes(&["history", "web-1", "load1"], &["--json"]);
    let series = json(&run(&pki, &peer, &words));
    assert_eq!(series.as_array().unwrap().len(), 1);
    let series = &series[0];
    // Samples come each 20 s: steps of 5 s would be three gaps in four.
    assert_eq!(series["step_ms"], 30_000);
    assert_eq!((&series["instance"], &series["tier"]), (&Value::Null, &"raw".into()));
    assert_eq!(series["from"], "2024-01-01T00:00:00.000Z");
    assert_eq!(series["to"], "2024-01-01T00:10:00.000Z");
    let points = series["points"].as_array().unwrap();
    assert_eq!(points.len(), 20);
    let expected = serde_json::json!(
        {"time": "2024-01-01T00:00:00.000Z", "min": 0.0, "max": 20.0, "mean": 10.0, "count": 2});
    assert_eq!(points[0], expected);
    assert_eq!((&points[8]["count"], &points[8]["mean"]), (&0.into(), &Value::Null));
    let empty = run(&pki, &peer, &["history", "web-1", "load1"]);
    assert_eq!(code(&empty), 0);
    assert!(text(&empty.stdout).starts_with("nothing is stored of web-1 load1 from "));
}

#[test]
fn what_is_not_stored_is_told_with_near_names() {
    let pki = Pki::new();
    let peer = daemon(&pki);
    for (words, expected) in [
        (&["history", "web-1", "cpu_percnt"][..], "did you mean cpu_percent?"),
        (&["history", "web-1", "disk_used_percent", "--csv"], "stored are disk_used_percent[/var]"),
        (&["history", "web-2", "load1", "--json"], "no host is named web-2; did you mean web-1?"),
        (&["history", "web-1", "nosuch", "--step", "raw"], "cpu_percent, disk_used_percent, load1"),
    ] {
        let output = run(&pki, &peer, words);
        assert_eq!(code(&output), 1, "{words:?}");
        assert!(complaint(&output).contains(expected), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn long_raw_histories_are_asked_in_parts_and_come_whole() {
    let pki = Pki::new();
    let peer = daemon(&pki);
    let month = ["--from", "2023-12-15T00:00:00Z", "--to", "2024-01-14T00:00:00Z"];
    let words = ["history", "web-1", "cpu_percent", "--step", "raw", "--csv"];
    let words: Vec<&str> = words.into_iter().chain(month).collect();
    assert_eq!(lines(&peer, &pki, &words).len(), 1 + 108);
    let asked = std::mem::take(&mut peer.state.lock().unwrap().store.asked);
    assert_eq!(asked.len(), 5);
    assert!(asked.windows(2).all(|pair| pair[0].to == pair[1].from));
    assert_eq!(asked[0].from, UnixMs::parse("2023-12-15T00:00:00Z").unwrap());
    assert_eq!(asked[4].to, UnixMs::parse("2024-01-14T00:00:00Z").unwrap());
    let table = run(&pki, &peer, &ten_minutes(&["history", "web-1", "load1"], &["--from", "9y"]));
    assert_eq!(code(&table), 64, "--from twice");
    let long = ["history", "web-1", "load1", "--from", "2023-01-01", "--to", "2024-02-01"];
    let long: Vec<&str> = long.into_iter().chain(["--step", "1m"]).collect();
    let output = run(&pki, &peer, &long);
    assert_eq!(code(&output), 64);
    assert!(complaint(&output).contains("more than 10000 rows"), "{}", text(&output.stderr));
}

#[test]
fn an_export_has_every_series_that_is_wanted() {
    let pki = Pki::new();
    let peer = daemon(&pki);
    let export = |more: &[&str]| {
        let output = run(&pki, &peer, &ten_minutes(&["export"], more));
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let all = export(&[]);
    assert_eq!(all.lines().next(), Some(HEADS));
    assert_eq!(
        all.lines().count(),
        1 + 108 + 108 + 27 + 108 + 2 + 108,
        "also of hosts that are gone"
    );
    assert!(!all.contains('\r') && all.ends_with('\n'));
    let cell = ",db-1,disk_used_percent,\"'=1+\"\"1\"\"\",percent,";
    assert!(all.contains(cell), "{all}");
    let some = export(&["host=web-*", "--metric", "load1", "--metric", "disk_used_percent[/var]"]);
    assert_eq!(some.lines().count(), 1 + 108 + 27);
    let steps = export(&["state=online", "--metric", "cpu_percent", "--step", "5m"]);
    assert_eq!(steps.lines().count(), 3);
    let array: Value =
        serde_json::from_str(&export(&["--json", "--metric", "cpu_percent"])).unwrap();
    let hosts: Vec<&Value> = array.as_array().unwrap().iter().map(|one| &one["host"]).collect();
    assert_eq!(hosts, ["db-1", "gone-1", "web-1"]);
    assert_eq!(array[0]["points"].as_array().unwrap().len(), 108);
    let none = run(&pki, &peer, &ten_minutes(&["export", "state=left"], &["--json"]));
    assert_eq!((code(&none), text(&none.stdout).as_str()), (0, "[]\n"));
    assert!(complaint(&none).contains("no host matches state=left"));
}

#[test]
fn an_export_says_which_metric_nobody_has() {
    let pki = Pki::new();
    let peer = daemon(&pki);
    let words = ["export", "--metric", "load1", "--metric", "cpu_percnt"];
    let output = run(&pki, &peer, &ten_minutes(&words, &[]));
    assert_eq!(code(&output), 1);
    assert!(complaint(&output).contains("did you mean cpu_percent?"));
    assert_eq!(text(&output.stdout).lines().count(), 1 + 27, "what there is comes all the same");
}

#[test]
fn storage_is_listed_and_cleaned_only_with_yes() {
    let pki = Pki::new();
    let peer = daemon(&pki);
    let table = lines(&peer, &pki, &["storage"]);
    assert!(table[1].contains("db-1") && table[2].contains("gone-1") && table[3].contains("web-1"));
    assert!(table.last().unwrap().contains("database 5.0 MiB, 16 GiB free"), "{table:?}");
    let stored = json(&run(&pki, &peer, &["storage", "--host", "web-1", "--json"]));
    assert_eq!(
        (&stored["log_bytes"], &stored["hosts"][0]["missing"]),
        (&1_048_576.into(), &2.into())
    );
    assert_eq!(stored["hosts"][0]["tiers"][0]["records"], 108 + 108 + 27);
    assert_eq!(code(&run(&pki, &peer, &["storage", "--host", "web-9"])), 1);

    let clean = ["storage", "clean", "--before", "2024-01-02", "--host", "web-1"];
    let preview = lines(&peer, &pki, &clean).join("\n");
    assert!(preview.contains("before 2024-01-02T00:00:00.000Z (2024-01-02 00:00:00 local)"));
    assert!(preview.contains("243 records of 1 host, 486 B; nothing is deleted yet"), "{preview}");
    let command = "systole storage clean --before 2024-01-02T00:00:00.000Z --host web-1 ";
    assert!(preview.contains(command) && preview.ends_with(" --yes"), "{preview}");
    assert!(peer.state.lock().unwrap().store.cleaned.is_empty());

    let done = run(&pki, &peer, &[&clean[..], &["--yes", "--json"]].concat());
    let done = json(&done);
    let expected = (&"web-1".into(), &"2024-01-02T00:00:00.000Z".into(), &true.into());
    assert_eq!((&done[0]["host"], &done[0]["before"], &done[0]["deleted"]), expected);
    let old = run(&pki, &peer, &["storage", "clean", "--older-than", "1d", "--yes"]);
    assert!(text(&old.stdout).contains("deleted "), "{}", text(&old.stdout));
    let cleaned = std::mem::take(&mut peer.state.lock().unwrap().store.cleaned);
    assert_eq!(cleaned[0].host.as_deref(), Some("web-1"));
    assert_eq!(cleaned[0].before, UnixMs::parse("2024-01-02T00:00:00Z").unwrap());
    assert_eq!((cleaned[1].host.as_ref(), cleaned[1].before.0 % 86_400_000), (None, 0));
    assert!(now().since(cleaned[1].before).as_secs() >= 86_400);
}

#[test]
fn what_must_not_be_cleaned_is_refused() {
    let pki = Pki::new();
    let peer = daemon(&pki);
    let future = run(&pki, &peer, &["storage", "clean", "--before", "2999-01-01", "--yes"]);
    assert_eq!(code(&future), 64);
    assert!(complaint(&future).contains("in the future"));
    for words in [
        &["storage", "clean"][..],
        &["history", "web-1", "load1", "--csv", "--json"],
        &["history", "web-1", "load1", "--since", "5y", "--step", "1s"],
        &["history", "web-1", "load1", "--since", "2999-01-01"],
        &["export", "nosuch=1"],
        &["export", "--metric", "Load"],
    ] {
        let output = run(&pki, &peer, words);
        assert_eq!(code(&output), 64, "{words:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{words:?}");
    }
    peer.state.lock().unwrap().refusal =
        Some((RefusalCode::Role, "storage-clean-up needs the role admin"));
    let refused = run(&pki, &peer, &["storage", "clean", "--older-than", "7d", "--yes"]);
    assert_eq!(code(&refused), 77);
    assert!(complaint(&refused).contains("admin"));
}
