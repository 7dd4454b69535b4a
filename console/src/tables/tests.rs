//! Pictures of what commands print.

use systole_common::time::UnixMs;
use systole_common::wire::console::{AuditRecord, ConnectionRecord};

use super::line::Line;
use super::{audit, fleet, host};
use crate::model::fleet::Row;
use crate::model::host::Host;
use crate::testing::{WALL, at, down, host as host_of, record};

#[test]
fn without_colour_every_state_has_its_word() {
    use systole_common::model::coded::Coded;
    use systole_common::model::host::HostState;
    for state in HostState::ALL {
        let mut one = record("db-1");
        one.state = (*state).into();
        let row = Row::of(host_of(one, 0));
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
    let one: Host = host_of(down("web-1"), 0);
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
            " NOW                  disconnect  10.0.0.7:40112  time\\x1bout",
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
