//! Filters on hosts and alerts.

use super::*;
use crate::testing::{WALL, alert, at, down, host, record};

fn rows() -> Vec<Row> {
    let mut labelled = record("web-2");
    labelled.labels = vec![("role".to_owned(), "web".to_owned())];
    [record("db-1"), labelled, down("web-1")].map(|one| Row::of(host(one, 0))).into()
}

fn hosts(filter: &str) -> Vec<String> {
    let parsed: Filter = filter.parse().unwrap();
    let matches = |row: &Row| parsed.matches(&RowSubject { row, now: at(0) });
    rows().into_iter().filter(matches).map(|row| row.summary.host).collect()
}

#[test]
fn hosts_are_found_by_what_they_are() {
    let all = ["db-1", "web-2", "web-1"];
    assert_eq!(hosts(""), all);
    assert_eq!(hosts("state=down"), ["web-1"]);
    assert_eq!(hosts("down"), ["web-1"]);
    assert_eq!(hosts("silent"), ["web-1"]);
    assert_eq!(hosts("host=web-*"), ["web-2", "web-1"]);
    assert_eq!(hosts("name=db-1"), ["db-1"]);
    assert_eq!(hosts("role=web"), ["web-2"]);
    assert_eq!(hosts("label.role=db !down"), ["db-1"]);
    assert_eq!(hosts("cause=silent certainty=unknown"), ["web-1"]);
    assert_eq!(hosts("os=debian* version=0.1.0 address=10.0.0.7:*"), all);
    assert_eq!(hosts("critical>0"), ["web-1"]);
    assert_eq!(hosts("(web and down) or db"), ["db-1", "web-1"]);
}

#[test]
fn hosts_are_found_by_what_they_measure() {
    let all = ["db-1", "web-2", "web-1"];
    for filter in [
        "cpu>41 cpu<=41.25",
        "memory=50%",
        "disk>=93",
        "disk[/]=20%",
        "inodes=1",
        "inodes[/var]<2",
        "iowait>1 steal=0",
        "load1<0.5 load5=0.5 load15=0.25 cores=3",
        "rx>40MB rx[eth0]>40MB tx<1KiB",
        "read=1.5KiB write=0 busy=2.5",
        "rtt<1ms offset<0 uptime>=1d interval=1s",
        "since>0s",
    ] {
        assert_eq!(hosts(filter), all, "{filter}");
    }
    assert_eq!(hosts("age>5s"), ["web-1"]);
    assert_eq!(hosts("swap>=0"), Vec::<String>::new(), "without swap there is no share of it");
}

#[test]
fn ages_count_on() {
    let row = Row::of(host(record("db-1"), 0));
    let old: Filter = "age>5s".parse().unwrap();
    assert!(!old.matches(&RowSubject { row: &row, now: at(4_000) }));
    assert!(old.matches(&RowSubject { row: &row, now: at(5_000) }));
}

#[test]
fn every_field_that_is_offered_is_one_of_the_language() {
    let known: Vec<&str> =
        systole_common::filter::fields().iter().map(|field| field.name).collect();
    for name in HOST_FIELDS.iter().chain(ALERT_FIELDS) {
        assert!(known.contains(name), "{name}");
    }
}

#[test]
fn alerts_are_found_by_what_they_are() {
    let mut acked = alert(18, "db-1");
    acked.severity = systole_common::model::alert::Severity::Warning.into();
    acked.overlays = vec![Overlay::Acked.into()];
    acked.acked_note = Some("on my way".to_owned());
    let all = [alert(17, "web-1"), acked];
    let found = |filter: &str| -> Vec<u64> {
        let parsed: Filter = filter.parse().unwrap();
        let meant = all.iter().filter(|one| parsed.matches(&AlertSubject::new(one, WALL)));
        meant.map(|one| one.id.0).collect()
    };
    assert_eq!(found(""), [17, 18]);
    assert_eq!(found("severity=critical"), [17]);
    assert_eq!(found("overlay=acked"), [18]);
    assert_eq!(found("acked or web-1"), [17, 18]);
    assert_eq!(found("id>17"), [18]);
    assert_eq!(found("rule=host-* state=firing age>5s age<8s"), [17, 18]);
    assert_eq!(found("key=host-down/db-1/"), [18]);
    assert_eq!(found("\"nothing heard\" host!=db-1"), [17]);
    assert_eq!(found("way"), [18]);
}

#[test]
fn a_name_that_nobody_has_is_an_error_with_its_place() {
    let labels: BTreeSet<String> = ["role".to_owned()].into();
    let check = |text: &str, labels: Option<&BTreeSet<String>>| {
        let filter: Filter = text.parse().unwrap();
        check_names(&filter, text, "hosts", HOST_FIELDS, labels).map_err(|error| error.to_string())
    };
    assert_eq!(check("cpu>1 role=db label.role=x disk[/]>1", Some(&labels)), Ok(()));
    assert_eq!(check("nosuch=1", None), Ok(()), "labels are unknown before hosts are");
    assert_eq!(
        check("cpu>80 and stat=down", Some(&labels)).unwrap_err(),
        "filter, column 12: `stat` is neither a field nor a label of hosts; did you mean `state`?\n  \
         cpu>80 and stat=down\n             ^^^^"
    );
    let error = check("nosuch=1", Some(&labels)).unwrap_err();
    assert!(error.starts_with("filter, column 1: `nosuch` is neither"), "{error}");
    assert!(check("severity=critical", Some(&labels)).unwrap_err().contains("severity"));
}
