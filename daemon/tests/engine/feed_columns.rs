//! What feeds tell of hosts: the order of a picture, facts, values, and pages that fit their frames.

use systole_common::ids::Role;
use systole_common::wire::codec::encode_frame;
use systole_common::wire::console::{Retire, Subscribe};
use systole_common::wire::feed::{HostFacts, HostValues};
use systole_daemon::engine::effect::FeedFrame;
use systole_daemon::engine::input::{Input, Request};
use systole_daemon::engine::settings::Settings;

use crate::sim::{CONSOLE, SECOND, Sim, host};

/// A console that details nothing, and two hosts that measure the same.
fn watched() -> Sim {
    let mut sim = Sim::new();
    for name in ["web-1", "web-2"] {
        sim.start(name);
        sim.measure(
            name,
            &[
                ("cpu_percent", 12.5),
                ("load5", 0.5),
                ("network_rx_bytes_per_s[eth0]", 100.0),
                ("network_rx_bytes_per_s[eth1]", 50.0),
                ("network_rx_bytes_per_s[br0]", 150.0),
                ("block_busy_percent[sda]", 3.0),
                ("block_busy_percent[sdb]", 7.0),
            ],
        );
    }
    sim.advance(10 * SECOND);
    sim.open_console(Role::Admin);
    subscribe(&mut sim, &[]);
    sim
}

fn subscribe(sim: &mut Sim, hosts: &[&str]) {
    let hosts = hosts.iter().map(|name| (*name).to_owned()).collect();
    sim.ask(Request::Subscribe(Subscribe { all: false, hosts }));
}

fn kind(frame: &FeedFrame) -> &'static str {
    match frame {
        FeedFrame::Snapshot(_) => "snapshot",
        FeedFrame::Facts(_) => "facts",
        FeedFrame::Summary(_) => "summary",
        FeedFrame::Values(_) => "values",
        FeedFrame::Detail(_) => "detail",
        FeedFrame::Alert(_) => "alert",
        FeedFrame::Operators(_) => "operators",
        FeedFrame::Complete(_) => "complete",
        FeedFrame::Tick(_) => "tick",
        FeedFrame::Host(_) => "host",
        FeedFrame::Message(_) => "message",
        FeedFrame::Marks(_) => "marks",
        FeedFrame::File(_) => "file",
    }
}

fn kinds(sim: &Sim) -> Vec<&'static str> {
    sim.feed.iter().map(kind).collect()
}

fn facts(sim: &Sim) -> Vec<HostFacts> {
    let pages = sim.feed.iter().filter_map(|frame| match frame {
        FeedFrame::Facts(page) => Some(page.hosts.clone()),
        _ => None,
    });
    pages.flatten().collect()
}

fn values(sim: &Sim) -> Vec<HostValues> {
    let pages = sim.feed.iter().filter_map(|frame| match frame {
        FeedFrame::Values(page) => Some(page.hosts.clone()),
        _ => None,
    });
    pages.flatten().collect()
}

#[test]
fn a_picture_has_everything_in_its_order() {
    let mut sim = watched();
    sim.kill("web-2");
    sim.advance(11 * SECOND);
    sim.feed.clear();
    sim.give(Input::FeedOverflowed { session: CONSOLE });
    let expected = ["snapshot", "facts", "summary", "values", "alert", "operators", "complete"];
    assert_eq!(kinds(&sim), expected);
    assert_eq!(facts(&sim)[0].agent_version.as_deref(), Some("0.1.0"));
    assert_eq!(facts(&sim)[0].labels, [("role".to_owned(), "web".to_owned())]);
    let values = values(&sim);
    assert_eq!(values.len(), 2, "also of a host that is down");
    assert!(values[1].metrics_age_ms > Some(10_000), "their age says how old they are");
}

#[test]
fn values_come_with_each_sample_and_add_up_over_ports() {
    let mut sim = watched();
    sim.feed.clear();
    sim.advance(6 * SECOND);
    let told = values(&sim);
    assert_eq!(told.len(), 2, "one sample of each host came meanwhile: {told:?}");
    let one = &told[0];
    assert_eq!((one.rx_bytes_per_s, one.rx_bytes_per_s_max), (Some(150.0), Some(150.0)));
    assert_eq!((one.busy_percent_max, one.load5), (Some(7.0), Some(0.5)));
    assert_eq!((one.tx_bytes_per_s, one.steal_percent), (None, None), "not measured");
    assert!(one.metrics_age_ms <= Some(1_000), "{one:?}");
    let summaries = kinds(&sim).iter().filter(|kind| **kind == "summary").count();
    assert!(summaries >= 5, "beats are told each second: {:?}", kinds(&sim));
}

#[test]
fn facts_that_change_reach_consoles_within_a_second() {
    let mut sim = watched();
    sim.advance(2 * SECOND);
    sim.feed.clear();
    sim.advance(3 * SECOND);
    assert_eq!(facts(&sim), [], "nothing new");
    let mut settings = Settings::default();
    settings.labels.insert(host("web-2"), [("rack".to_owned(), "7".to_owned())].into());
    sim.reload(settings);
    sim.advance(SECOND);
    let told = facts(&sim);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].host, "web-2");
    assert!(told[0].labels.contains(&("rack".to_owned(), "7".to_owned())));
    sim.feed.clear();
    let connection = systole_common::ids::ConnectionId(sim.number());
    let agent = sim.agents["web-1"].clone();
    let mut hello = sim.hello("web-1", connection, agent.instance, agent.boot);
    hello.software = "0.2.0".into();
    sim.give(Input::AgentHello(hello));
    sim.advance(SECOND);
    let told = facts(&sim);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].agent_version.as_deref(), Some("0.2.0"));
}

#[test]
fn the_largest_labels_of_many_hosts_fit_their_frames() {
    let mut sim = Sim::new();
    let label = |n: usize| (format!("{n:0128}"), "v".repeat(128));
    for number in 0..40_u64 {
        let connection = systole_common::ids::ConnectionId(2_000 + number);
        let instance = systole_common::ids::InstanceId(number);
        let boot = systole_common::ids::BootId([1; 16]);
        let mut hello = sim.hello(&format!("web-{number}"), connection, instance, boot);
        hello.labels = (0..32).map(label).collect();
        sim.give(Input::AgentHello(hello));
    }
    sim.open_console(Role::Viewer);
    subscribe(&mut sim, &[]);
    assert_eq!(facts(&sim).len(), 40);
    let mut pages = 0;
    for frame in &sim.feed {
        if let FeedFrame::Facts(page) = frame {
            encode_frame(1, page).unwrap();
            pages += 1;
        }
    }
    assert!(pages >= 6, "{pages} pages of at most about 48 KiB");
}

#[test]
fn who_was_retired_while_nobody_looked_is_not_told_later() {
    let mut sim = watched();
    sim.give(Input::ConsoleGone { session: CONSOLE });
    sim.advance(2 * SECOND);
    sim.open_console(Role::Admin);
    sim.ask(Request::Retire(Retire { host: "web-2".into() }));
    sim.connect("web-2");
    sim.feed.clear();
    subscribe(&mut sim, &[]);
    sim.advance(2 * SECOND);
    for frame in &sim.feed {
        if let FeedFrame::Summary(page) = frame {
            assert_eq!(page.retired, Vec::<String>::new(), "it is back");
        }
    }
}
