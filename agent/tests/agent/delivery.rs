//! Stored samples of the real agent: live, by backfill, again without a receipt, after kill -9.

use std::time::{Duration, Instant};

use systole_common::model::coded::Coded;
use systole_common::net::endpoint::EndpointKeys;
use systole_common::wire::agent::Stored;
use systole_common::wire::hello::{CloseCode, Purpose, Refusal, RefusalCode};

use crate::home::Home;
use crate::peer::{Manner, Peer, Seen, Store};

/// Between stored samples.
const SLOT_MS: u32 = 200;

fn often(manner: &mut Manner) {
    manner.policy.intervals.stored_ms = SLOT_MS;
}

/// A daemon on a free port, or on the one of an earlier run.
fn start(home: &Home, keys: &EndpointKeys, port: u16, store: Store, how: fn(&mut Manner)) -> Peer {
    Peer::start_with(&home.certificates.daemon(), keys, port, store, |manner| {
        often(manner);
        how(manner);
    })
}

fn fresh(home: &Home) -> (Peer, EndpointKeys) {
    let keys = EndpointKeys::generate().unwrap();
    (start(home, &keys, 0, Store::default(), |_| {}), keys)
}

/// Waits until the agent's newest sequence is at least this.
fn until_made(home: &Home, sequence: u64) -> u64 {
    let status =
        home.status(|status| status["spool"]["newest_sequence"].as_u64() >= Some(sequence));
    status["spool"]["newest_sequence"].as_u64().unwrap()
}

/// Waits until the daemon has all, and more than `sequence`.
fn until_received(home: &Home, sequence: u64) {
    home.status(|status| {
        let daemon = &status["daemons"][0];
        daemon["received_up_to"].as_u64() > Some(sequence) && daemon["waiting"].as_u64() < Some(3)
    });
}

/// Each sequence and each slot once, all of them, none late.
fn check_complete(store: &Store) {
    let mut slots: Vec<&Stored> = store.slots.iter().map(|(_, slot)| slot).collect();
    slots.sort_by_key(|slot| slot.sequence);
    let sequences: Vec<u64> = slots.iter().map(|slot| slot.sequence).collect();
    assert_eq!(
        sequences,
        (1..=slots.len() as u64).collect::<Vec<_>>(),
        "nothing missing or double"
    );
    for pair in slots.windows(2) {
        assert!(pair[0].slot_ms < pair[1].slot_ms, "{} and {}", pair[0].slot_ms, pair[1].slot_ms);
    }
    for slot in slots {
        assert_eq!(slot.slot_ms % i64::from(slot.interval_ms), 0);
        assert!(slot.values.len() > 10 && slot.values.iter().all(|one| one.value.is_finite()));
    }
}

#[tokio::test]
async fn stored_samples_come_live_at_the_interval_that_the_daemon_wants() {
    let home = Home::new();
    let (mut peer, _) = fresh(&home);
    home.configure(peer.address, "");
    let _agent = home.start();
    until_received(&home, 5);
    let declare = peer
        .see(|seen| match seen {
            Seen::Declare(declare) => Some(declare.clone()),
            _ => None,
        })
        .await;
    let named = |name: &str| declare.series.iter().find(|one| one.metric == name).map(|one| one.id);
    let (cpu, core) = (named("cpu_percent").unwrap(), named("cpu_core_percent"));
    let store = peer.store.lock().unwrap().clone();
    check_complete(&store);
    for (is_bulk, slot) in &store.slots {
        assert!(!is_bulk && slot.interval_ms == SLOT_MS, "{slot:?}");
        assert!(slot.values.iter().any(|one| one.id == cpu), "shares from the first slot on");
        assert!(slot.values.iter().all(|one| Some(one.id) != core), "cores are never stored");
    }
    peer.see(|seen| match seen {
        Seen::Beat(_, beat) if beat.progress.disk_check > 3 => Some(()),
        _ => None,
    })
    .await;
    let people = home.call(&["status"]);
    let text = String::from_utf8_lossy(&people.stdout).into_owned();
    assert!(text.contains("newest sequence") && text.contains("samples up to"), "{text}");
}

#[tokio::test]
async fn a_daemon_that_comes_back_gets_exactly_what_is_missing() {
    let home = Home::new();
    let (peer, keys) = fresh(&home);
    home.configure(peer.address, "");
    let mut agent = home.start();
    until_received(&home, 5);
    let (port, store) = (peer.address.port(), peer.store.clone());
    peer.kill();
    let before = store.lock().unwrap().clone();
    let newest = until_made(&home, before.slots.len() as u64 + 15);

    let begun = Instant::now();
    let mut peer = start(&home, &keys, port, before.clone(), |_| {});
    until_received(&home, newest);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let after = peer.store.lock().unwrap().clone();
    check_complete(&after);
    let late = after.slots.iter().filter(|(is_bulk, _)| *is_bulk).count();
    assert!(late >= 14, "{late} by backfill");
    let first_new = &after.slots[before.slots.len()];
    assert!(!first_new.0 || first_new.1.sequence == before.slots.len() as u64 + 1);

    agent.signal("-TERM");
    assert_eq!(agent.ended().0, 0);
    let mut codes = vec![peer.closed().await.1, peer.closed().await.1];
    codes.sort_unstable();
    let code = |code: CloseCode| u64::from(code.code());
    assert_eq!(codes, [code(CloseCode::Goodbye), code(CloseCode::Replaced)], "one goodbye");
}

#[tokio::test]
async fn an_agent_that_is_killed_goes_on_where_it_was() {
    let home = Home::new();
    let (peer, keys) = fresh(&home);
    home.configure(peer.address, "");
    let mut agent = home.start();
    until_received(&home, 3);
    let (port, store) = (peer.address.port(), peer.store.clone());
    peer.kill();
    let before = store.lock().unwrap().clone();
    let killed_at = until_made(&home, before.slots.len() as u64 + 8);
    agent.signal("-KILL");
    agent.ended();
    drop(agent);

    let _agent = home.start();
    // Nobody asks for an interval yet: the agent's own is longer.
    let peer = start(&home, &keys, port, before.clone(), |_| {});
    until_received(&home, killed_at + 3);
    let after = peer.store.lock().unwrap().clone();
    assert_eq!(after.epoch, before.epoch, "the same spool");
    check_complete(&after);
}

#[tokio::test]
async fn without_receipts_samples_come_again_and_never_without_bound() {
    let home = Home::new();
    let keys = EndpointKeys::generate().unwrap();
    let peer = start(&home, &keys, 0, Store::default(), |manner| manner.receipts = false);
    home.configure(peer.address, "");
    let _agent = home.start();
    let newest = until_made(&home, 70);
    let store = peer.store.lock().unwrap().clone();
    let again = store.slots.iter().filter(|(is_bulk, _)| *is_bulk).count() as u64;
    let live = store.slots.len() as u64 - again;
    assert!(live >= newest - 3, "{live} of {newest} came live");
    assert!((1..=newest).contains(&again), "{again} of {newest} came again");
    assert_eq!(store.slots.iter().find(|(is_bulk, _)| *is_bulk).unwrap().1.sequence, 1);
    peer.set(|manner| manner.receipts = true);
    until_received(&home, newest);
}

#[tokio::test]
async fn a_refused_backfill_waits_as_long_as_it_is_told_and_live_goes_on() {
    let home = Home::new();
    let (peer, keys) = fresh(&home);
    home.configure(peer.address, "");
    let _agent = home.start();
    until_received(&home, 2);
    let (port, store) = (peer.address.port(), peer.store.clone());
    peer.kill();
    let before = store.lock().unwrap().clone();
    let missing = before.slots.len() as u64 + 1;
    until_made(&home, missing + 5);
    let mut peer = start(&home, &keys, port, before, |manner| {
        manner.bulk_refusal = Some(Refusal {
            code: RefusalCode::Overload.into(),
            text: "too much to do".to_owned(),
            retry_after_ms: 2000,
        });
    });
    let bulk = |seen: &Seen| match seen {
        Seen::Hello(_, hello, _) if hello.purpose == Purpose::Bulk.into() => Some(()),
        _ => None,
    };
    peer.see(bulk).await;
    let begun = Instant::now();
    peer.see(bulk).await;
    assert!(begun.elapsed() >= Duration::from_millis(1900), "{:?}", begun.elapsed());
    let store = peer.store.lock().unwrap().clone();
    assert!(!store.received().contains(missing));
    assert!(store.received().last() > Some(missing + 5), "live goes on");
    home.logged("the backfill has to wait: refused: too much to do");
    peer.set(|manner| manner.bulk_refusal = None);
    until_received(&home, missing + 5);
    check_complete(&peer.store.lock().unwrap());
}

#[tokio::test]
async fn a_daemon_that_is_configured_no_more_is_not_waited_for() {
    let home = Home::new();
    let (peer, _) = fresh(&home);
    home.configure(peer.address, "");
    let agent = home.start();
    until_received(&home, 2);
    let two = format!("daemons = [\"mon-1={}\", \"mon-2=127.0.0.1:9\"]\n", peer.address);
    let rest = "socket = \"agent.sock\"\nspool.path = \"spool\"\n";
    std::fs::write(home.path().join("agent.toml"), format!("{two}{rest}")).unwrap();
    agent.signal("-HUP");
    home.status(|status| status["daemons"][1]["waiting"].as_u64() > Some(2));
    home.configure(peer.address, "");
    agent.signal("-HUP");
    home.status(|status| status["daemons"].as_array().unwrap().len() == 1);
    until_received(&home, until_made(&home, 3));
}
