//! Pictures of the live table and of the commands' output.

use systole_common::ids::InstanceId;
use systole_common::time::UnixMs;
use systole_common::wire::console::{AuditRecord, ConnectionRecord};
use systole_common::wire::feed::FeedSnapshot;

use super::*;
use crate::model::freshness::{Freshness, Peer};
use crate::model::host::Host;
use crate::msg::{FeedEvent, HostNews, Msg};
use crate::testing::{WALL, alert, at, down, host, record};
use crate::update::update;

const SMALL: Size = Size { width: 80, height: 12 };

fn model(records: Vec<systole_common::wire::console::HostRecord>, alerts: u64) -> Model {
    let mut model = Model::new(Freshness::waiting(at(0)), None);
    let peer = Peer { daemon: "mon-1".into(), address: "h:1".into(), role: "viewer".into() };
    let snapshot = FeedSnapshot {
        instance: InstanceId(1),
        at: WALL,
        hosts: 0,
        alerts: 0,
        after_overflow: false,
    };
    let hosts = records.into_iter().map(|record| {
        let news = HostNews { at: None, retired: false, host: host(record, 0) };
        FeedEvent::Host(Box::new(news))
    });
    let alerts =
        (1..=alerts).map(|id| FeedEvent::Alert { at: WALL, record: Box::new(alert(id, "web-1")) });
    let feed = std::iter::once(FeedEvent::Snapshot(snapshot)).chain(hosts).chain(alerts);
    let msgs = feed.chain([FeedEvent::Complete]).map(Msg::Feed);
    for msg in [Msg::Linked(peer), Msg::RoundTrip(440)].into_iter().chain(msgs) {
        update(&mut model, at(0), msg);
    }
    model
}

/// The picture; the clock and other local times are replaced by blanks of the same length.
fn picture(model: &Model, ms: u64, size: Size) -> String {
    let lines = view(model, at(ms), size);
    let text: Vec<String> = lines.iter().map(Line::plain).collect();
    text.join("\n")
        .replace(at(ms).wall.local().split(' ').next_back().unwrap(), "hh:mm:ss")
        .replace(WALL.local().split(' ').next_back().unwrap(), "HH:MM:SS")
}

#[test]
fn the_live_table_shows_the_worst_first() {
    let model = model(vec![record("db-1"), down("web-1")], 1);
    assert_eq!(
        picture(&model, 600, SMALL),
        rows(&[
            " LIVE mon-1    2 hosts: 1 down, 1 online   1 critical   rtt 0.4 ms     hh:mm:ss",
            " HOST   STATE           BEAT   CPU  MEMORY  DISK   LOAD      RTT  ALERTS   SINCE",
            " web-1  down (silent)   12 s  ~41%    ~50%  ~93%  ~0.42  ~0.4 ms  1 crit   7.6 s",
            " db-1   online         1.0 s   41%     50%   93%   0.42   0.4 ms  -       60 min",
            "",
            "",
            "",
            "",
            " ALERTS  1 open",
            " ID  SEVERITY  STATE   HOST   SINCE  BY  SUMMARY",
            "  1  critical  firing  web-1  7.6 s  -   web-1 is down: nothing heard for 12 s",
            " q leave   values behind ~ are not of now",
        ])
    );
}

#[test]
fn silence_of_the_daemon_cannot_be_overlooked() {
    let model = model(vec![record("db-1")], 0);
    let header = |ms| picture(&model, ms, SMALL).lines().next().unwrap().to_owned();
    assert!(header(1_900).starts_with(" LIVE mon-1 "), "{}", header(1_900));
    assert!(header(2_500).starts_with(" LAGGING mon-1, data 2.5 s old "), "{}", header(2_500));
    let stale = header(7_000);
    assert!(stale.starts_with(" STALE mon-1, data 7.0 s old, showing HH:MM:SS "), "{stale}");
    let gone = header(180_000);
    assert!(gone.starts_with(" DAEMON GONE for 3 min, showing HH:MM:SS "), "{gone}");
    let row = picture(&model, 7_000, SMALL).lines().nth(2).unwrap().to_owned();
    assert!(
        row.contains("7.4 s") && row.contains("~41%"),
        "ages count on, values are marked: {row}"
    );
}

#[test]
fn trouble_is_told_with_the_attempt() {
    let mut model = model(vec![record("db-1")], 0);
    update(&mut model, at(1_000), Msg::Unlinked { why: "mon-1: no answer".into() });
    update(&mut model, at(1_000), Msg::Dialling { attempt: 4 });
    let wide = Size { width: 160, height: 5 };
    let first = picture(&model, 8_000, wide).lines().next().unwrap().to_owned();
    assert!(
        first.contains("STALE mon-1") && first.contains("; mon-1: no answer (attempt 4)"),
        "{first}"
    );
}

#[test]
fn nothing_is_said_in_a_sentence() {
    let waiting = Model::new(Freshness::waiting(at(0)), None);
    let first = picture(&waiting, 700, SMALL);
    assert!(first.starts_with(" CONNECTING 0.7 s"), "{first}");
    let empty = picture(&model(vec![], 0), 0, SMALL);
    assert!(empty.contains("no hosts") && empty.contains("start systole-agent"), "{empty}");
    assert!(empty.contains("no open alerts"), "{empty}");
    let mut filtered = model(vec![record("db-1")], 0);
    filtered.filter = Some("cpu>80".parse().unwrap());
    let none = picture(&filtered, 0, SMALL);
    assert!(none.contains("no host matches cpu>80 (1 host known)"), "{none}");
}

#[test]
fn a_screen_of_any_size_is_kept() {
    let hosts = (0..40).map(|n| down(&format!("web-{n:02}.rack-7.example"))).collect();
    let model = model(hosts, 30);
    for (width, height) in [(1, 1), (10, 2), (40, 10), (80, 24), (200, 60), (3, 100), (500, 3)] {
        let size = Size { width, height };
        let lines = view(&model, at(0), size);
        assert!(lines.len() <= height, "{size:?}: {} lines", lines.len());
        assert!(lines.iter().all(|line| line.cells() <= width), "{size:?}");
    }
    let crowded = picture(&model, 0, Size { width: 80, height: 24 });
    assert!(crowded.contains("more hosts"), "{crowded}");
    assert_eq!(crowded.lines().count(), 24);
    let narrow = picture(&model, 0, Size { width: 44, height: 10 });
    assert!(narrow.contains("down (silent)") && !narrow.contains("MEMORY"), "{narrow}");
}

#[test]
fn without_colour_every_state_has_its_word() {
    use systole_common::model::coded::Coded;
    use systole_common::model::host::HostState;
    for state in HostState::ALL {
        let mut one = record("db-1");
        one.state = (*state).into();
        let row = Row::of(host(one, 0));
        let lines = fleet::table(&[&row], at(0), true).lines(Some(60));
        assert!(lines[1].plain().contains(state.as_str()), "{state}");
    }
}

fn rows(rows: &[&str]) -> String {
    rows.join("\n")
}

fn shown(lines: &[Line]) -> String {
    lines.iter().map(Line::plain).collect::<Vec<_>>().join("\n")
}

#[test]
fn one_host_is_shown_whole() {
    let log = [
        ConnectionRecord {
            at: WALL,
            connected: false,
            address: "10.0.0.7:40112".to_owned(),
            reason: "time\u{1b}out".to_owned(),
        },
        ConnectionRecord {
            at: UnixMs(WALL.0 - 60_000),
            connected: true,
            address: "10.0.0.7:40112".to_owned(),
            reason: String::new(),
        },
    ];
    let one: Host = host(down("web-1"), 0);
    let text = shown(&host::view(&one, &log, at(0), Some(80)))
        .replace(&WALL.local(), &format!("{:<19}", "NOW"))
        .replace(&UnixMs(WALL.0 - 60_000).local(), &format!("{:<19}", "BEFORE"))
        .replace(&one.record.since.local(), "SINCE")
        .replace(&one.record.certificate_expires.unwrap().local(), "END");
    assert_eq!(
        text,
        rows(&[
            " web-1 down (silent, unknown) for 7.0 s, since SINCE",
            "   evidence     nothing heard for 12 s, limit 5.0 s",
            "   heartbeat    12 s ago, one every 1.0 s",
            "   round trip   0.4 ms",
            "   clock        3.0 ms behind the daemon's",
            "   address      10.0.0.7:40112",
            "   agent        0.1.0",
            "   system       Debian GNU/Linux 12",
            "   certificate  ends in 100 d, END",
            "   labels       role=db rack=7",
            "   alerts       1 critical, 0 warning",
            "   values       0.9 s old",
            "   processor    41% busy, 2% waiting for disks, 0% stolen, 3 cores",
            "   memory       4.0 GiB of 8.0 GiB (50%)",
            "   load         0.42  0.50  0.25",
            "   up for       24 h",
            "",
            " FILE SYSTEMS",
            " MOUNT    USED      OF  FULL  INODES",
            " /           -       -   20%       -",
            " /var   84 GiB  93 GiB   93%      1%",
            "",
            " DISKS",
            " NAME       READ  WRITTEN  BUSY",
            " sda   1.5 KiB/s    0 B/s    2%",
            "",
            " NETWORK",
            " NAME  RECEIVED     SENT",
            " eth0  39 MiB/s  512 B/s",
            "",
            " PROCESSES",
            " PID  NAME        CPU   MEMORY",
            " 812  postgres  12.5%  1.0 GiB",
            "",
            " CONNECTIONS",
            " TIME                 EVENT       ADDRESS         REASON",
            " NOW                  disconnect  10.0.0.7:40112  time\\u{1b}out",
            " BEFORE               connect     10.0.0.7:40112",
        ])
    );
}

#[test]
fn the_audit_trail_is_a_table() {
    let line = AuditRecord {
        id: 1,
        time: WALL,
        operator: "alex".to_owned(),
        role: "viewer".to_owned(),
        action: "ack".to_owned(),
        target: "17".to_owned(),
        outcome: "refused".to_owned(),
        reason: "needs the role operator".to_owned(),
    };
    let text = shown(&audit::table(&[line]).lines(Some(100)))
        .replace(&WALL.local(), &format!("{:<19}", "NOW"));
    assert_eq!(
        text,
        rows(&[
            " TIME                 OPERATOR  ROLE    ACTION  TARGET  OUTCOME  REASON",
            " NOW                  alex      viewer  ack     17      refused  needs the role operator",
        ])
    );
}
