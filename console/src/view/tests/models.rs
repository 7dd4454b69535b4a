//! What the screen is tried with: fleets that are well, broken, huge, or named by somebody hostile.

use std::time::Duration;

use systole_common::filter::Filter;
use systole_common::model::alert::{AlertState, Overlay, Severity};
use systole_common::model::coded::{Coded, Growing};
use systole_common::model::file::FileState;
use systole_common::model::host::{Cause, HostState};
use systole_common::time::Now;
use systole_common::wire::console::AlertRecord;
use systole_common::wire::feed::{HostSummary, HostValues, OperatorPresence};
use systole_common::wire::file::FileRecord;
use systole_common::wire::talk::MessageRecord;

use crate::model::freshness::Peer;
use crate::model::prompt::{Prompt, PromptError, PromptKind};
use crate::model::requests::RequestId;
use crate::model::screen::Size;
use crate::model::talk::Sending;
use crate::model::{Frozen, Manners, Model, entry};
use crate::testing::{WALL, alert, at, host, offer, receiving, record, spoken};
use crate::view::theme::{SYMBOL_NAMES, THEME_NAMES};

/// When the picture is taken: 400 ms after a tick.
pub(super) fn now() -> Now {
    at(60_400)
}

/// The same, `ms` later.
pub(super) fn later(ms: u64) -> Now {
    at(60_400 + ms)
}

/// Nothing was heard yet.
pub(super) fn connecting() -> Model {
    let manners =
        Manners { bell: true, themes: THEME_NAMES.to_vec(), symbols: SYMBOL_NAMES.to_vec() };
    Model::new(at(57_400), Size { width: 80, height: 24 }, manners, None)
}

/// A daemon is heard, and it knows no host.
pub(super) fn empty() -> Model {
    let mut model = connecting();
    model.freshness.linked(Peer {
        daemon: "mon-1".to_owned(),
        address: "10.0.0.5:5001".to_owned(),
        role: "operator".to_owned(),
    });
    model.freshness.rtt = Some(Duration::from_micros(12_400));
    model.freshness.tick(at(60_000));
    model
}

/// Columns of a host; its numbers follow from `seed`.
pub(super) fn summary(name: &str, state: Growing<HostState>, seed: u32) -> HostSummary {
    let share = |factor: u32| Some(((seed * factor + 7) % 101) as f32);
    HostSummary {
        host: name.to_owned(),
        state,
        cause: None,
        since: WALL.minus(Duration::from_hours(3)),
        heartbeat_age_ms: Some(u64::from(seed * 37 % 900)),
        heartbeat_interval_ms: Some(1_000),
        rtt_us: Some(440),
        cpu_percent: share(13),
        memory_percent: share(29),
        swap_percent: Some(0.0),
        disk_percent: share(41),
        load1: Some((seed * 17 % 400) as f32 / 20.0),
        alerts_critical: 0,
        alerts_warning: 0,
    }
}

/// Adds a host as the feed would.
pub(super) fn add(model: &mut Model, summary: HostSummary, received: Now) {
    let values = HostValues {
        host: summary.host.clone(),
        rx_bytes_per_s: summary.cpu_percent.map(|cpu| cpu * 91_000.0),
        tx_bytes_per_s: summary.load1.map(|load| load * 1_000.0),
        ..HostValues::default()
    };
    model.fleet.summarise(entry::summary(summary), received.mono);
    model.fleet.measure(entry::values(values), received.mono);
}

/// The lists as `update` keeps them.
pub(super) fn ordered(mut model: Model) -> Model {
    let hosts = model.fleet.worst_first().into_iter();
    model.list.order = hosts.map(|row| row.summary.host.clone()).collect();
    let alerts = model.alerts.worst_first().into_iter().chain(model.alerts.ended());
    model.feed.order = alerts.map(|alert| alert.id).collect();
    model
}

/// One host in each state, one in a state of a newer daemon, and alerts in every state.
pub(super) fn live() -> Model {
    let mut model = empty();
    let names = ["new-07", "web-0003", "web-0907", "batch-17", "web-0142", "db-0031", "db-0030"];
    let names = names.into_iter().chain(["old-01", "twin-2"]);
    for ((state, name), seed) in HostState::ALL.iter().zip(names).zip(1..) {
        let mut one = summary(name, (*state).into(), seed);
        match state {
            HostState::Down => {
                one.cause = Some(Cause::Silent.into());
                one.heartbeat_age_ms = Some(123_000);
                one.alerts_critical = 1;
            }
            HostState::Unreachable => {
                one.cause = Some(Cause::Path.into());
                one.heartbeat_age_ms = Some(42_000);
                (one.alerts_critical, one.alerts_warning) = (1, 2);
            }
            HostState::Left => one.heartbeat_age_ms = Some(7_200_000),
            HostState::New
            | HostState::Online
            | HostState::Late
            | HostState::Stalled
            | HostState::Recovering
            | HostState::Conflict => {}
        }
        add(&mut model, one, at(60_000));
    }
    add(&mut model, summary("cache-004", HostState::Online.into(), 12), at(60_000));
    add(&mut model, summary("far-ahead", Growing::Unknown(77), 14), at(60_000));
    for one in alerts() {
        model.alerts.take(entry::alert(one), at(60_000).mono);
    }
    let over = crate::testing::resolved(alert(90, "web-0003"), WALL);
    model.alerts.take(entry::alert(alert(90, "web-0003")), at(59_000).mono);
    model.alerts.take(entry::alert(over), at(60_000).mono);
    model.presence.operators = ["ann", "bo"].into_iter().zip(1..).map(operator).collect();
    model.presence.own = 1;
    ordered(model)
}

fn operator((name, session): (&str, u64)) -> OperatorPresence {
    OperatorPresence {
        session,
        operator: name.to_owned(),
        role: "operator".to_owned(),
        since: WALL.minus(Duration::from_mins(12 * session)),
        looking_at: "host db-0031".to_owned(),
    }
}

fn alerts() -> Vec<AlertRecord> {
    let mut acked = alert(2, "web-0142");
    acked.overlays.push(Overlay::Acked.into());
    (acked.acked_by, acked.acked_note) = (Some("bo".to_owned()), Some("on it".to_owned()));
    let warning = |id, subject: &str, state: AlertState| {
        let mut one = alert(id, "web-1180");
        one.rule = "disk-used".to_owned();
        one.subject = subject.to_owned();
        one.severity = Severity::Warning.into();
        one.state = state.into();
        one.since = WALL.minus(Duration::from_secs(60 * id));
        one.summary = format!("{subject} is 93% full, limit 90%");
        one
    };
    let mut flapping = warning(5, "/srv", AlertState::Firing);
    flapping.overlays = vec![Overlay::Flapping.into(), Overlay::NoData.into()];
    vec![
        alert(1, "db-0031"),
        acked,
        warning(3, "/var", AlertState::Firing),
        warning(4, "/", AlertState::Settling),
        flapping,
        warning(6, "/home", AlertState::Pending),
    ]
}

/// 5,000 hosts, few of them in trouble.
pub(super) fn crowd() -> Model {
    let mut model = empty();
    for seed in 0..5_000_u32 {
        let state = match seed {
            17 => HostState::Down,
            400..=404 => HostState::Late,
            _ => HostState::Online,
        };
        add(&mut model, summary(&format!("node-{seed:04}"), state.into(), seed), at(60_000));
    }
    model.alerts.take(entry::alert(alert(1, "node-0017")), at(60_000).mono);
    model = ordered(model);
    model.list.move_to(2, at(60_000).mono);
    model
}

/// Hosts and alerts with these names, through the gate that everything passes.
pub(super) fn named(names: &[&str]) -> Model {
    let mut model = empty();
    for (name, seed) in names.iter().zip(1_u32..) {
        let state = if seed % 3 == 0 { HostState::Down } else { HostState::Online };
        add(&mut model, summary(name, state.into(), seed), at(60_000));
        let mut one = alert(u64::from(seed), name);
        one.subject = (*name).to_owned();
        one.summary = format!("{name} is down: nothing heard for 12 s");
        model.alerts.take(entry::alert(one), at(60_000).mono);
    }
    ordered(model)
}

/// `model` with values that stand still since a minute.
pub(super) fn frozen(mut model: Model) -> Model {
    model.frozen = Some(Frozen { at: at(60_000), fleet: model.fleet.clone(), events: 3 });
    model
}

/// `model` with a filter that is not right yet, while the last right one holds.
pub(super) fn filtering(mut model: Model) -> Model {
    let held = "cpu>40".parse::<Filter>().unwrap();
    model.list.filter = Some(("cpu>40".to_owned(), held));
    model.list.order.retain(|name| name.starts_with("web"));
    let error = PromptError {
        text: "column 12: `memry` is no field of hosts; did you mean `memory`?".to_owned(),
        from: 11,
        to: 16,
    };
    model.prompt = Some(Prompt {
        error: Some(error),
        ..Prompt::new(PromptKind::Filter { before: None }, "cpu>40 and memry>80")
    });
    model
}

/// `live` in which people talk and hosts offer files.
pub(super) fn busy() -> Model {
    let mut model = live();
    let said = [
        ("bo", "#all", "rack 7 is dark, I look at it", 11, 9, 2),
        ("ann", "@db-0031", "who is near it?", 1, 0, 0),
        ("db-0030/root", "@db-0030", "I see no link on eth1", 0, 0, 0),
        (
            "ann",
            "@db-0030",
            "which port of the switch is it? the label says 12, the plan says 14",
            1,
            1,
            0,
        ),
        (
            "db-0030/root",
            "@db-0030",
            "14; it is dark as well,\nand so is the one beside it",
            0,
            0,
            0,
        ),
    ];
    for ((from, to, text, targets, delivered, failed), number) in said.into_iter().zip(1..) {
        let record = MessageRecord { targets, delivered, failed, ..spoken(number, from, to, text) };
        model.talk.take(entry::message(record), number == 5);
    }
    // The daemon answered for its chat.
    model.talk.is_for_host(1, "db-0030");
    let line = Sending {
        request: RequestId(9),
        to: "@db-0030".to_owned(),
        text: "on my way".to_owned(),
        hosts: Vec::new(),
        at: WALL,
        after: 0,
        is_here: None,
    };
    model.talk.sending.push(line);
    offering(model)
}

fn offering(mut model: Model) -> Model {
    for (second, bytes) in (50..60).zip(0..) {
        let record = receiving(4, "web-0142", 600_000_000 + bytes * 18_900_000);
        model.files.take(entry::file(record), at(second * 1_000).mono);
    }
    let over = |id, state: FileState, reason: &str| FileRecord {
        state: state.into(),
        reason: reason.to_owned(),
        decided_by: Some("bo".to_owned()),
        ..offer(id, "web-0003", "nginx-error.log")
    };
    for record in [
        offer(7, "web-0142", "core.dump.zst"),
        over(1, FileState::Verified, ""),
        over(2, FileState::Rejected, "too big"),
        over(3, FileState::Failed, "the hash is another"),
    ] {
        model.files.take(entry::file(record), at(60_000).mono);
    }
    model
}

/// `model` with messages and files of this name, past the gate that everything passes.
pub(super) fn talking(mut model: Model, name: &str) -> Model {
    let place = format!("@{name}");
    model.talk.take(spoken(1, &format!("{name}/root"), &place, name), true);
    model.talk.take(spoken(2, "ann", &place, &name.repeat(20)), false);
    model.talk.go_to(&place);
    let mut one = offer(1, name, name);
    (one.note, one.content, one.certificate) = (name.to_owned(), name.to_owned(), name.to_owned());
    one.decided_by = Some(name.to_owned());
    model.files.take(one.clone(), at(60_000).mono);
    let failed =
        FileRecord { id: 2, state: FileState::Failed.into(), reason: one.note.clone(), ..one };
    model.files.take(failed, at(60_000).mono);
    model
}

/// `model` with the detail of one host.
pub(super) fn detailed(mut model: Model, name: &str) -> Model {
    let mut one = record(name);
    one.labels.push(("note".to_owned(), name.to_owned()));
    for process in &mut one.processes {
        name.clone_into(&mut process.name);
    }
    model.fleet.detail(entry::host(host(one, 60_000)), true);
    ordered(model)
}
