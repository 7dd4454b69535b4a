//! Stored samples of the real agent: live, by backfill, again without a receipt, after kill -9.

use std::path::Path;
use std::time::{Duration, Instant};

use systole_common::model::coded::Coded;
use systole_common::net::endpoint::EndpointKeys;
use systole_common::wire::agent::Stored;
use systole_common::wire::hello::{CloseCode, Purpose, Refusal, RefusalCode};
use tokio::time::timeout;

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
    // Nobody asks for an interval yet: it is the one of before.
    let newest = until_made(&home, killed_at + 5);
    let peer = start(&home, &keys, port, before.clone(), |_| {});
    until_received(&home, newest + 1);
    let after = peer.store.lock().unwrap().clone();
    assert_eq!(after.epoch, before.epoch, "the same spool");
    check_complete(&after);
    assert!(after.slots.iter().all(|(_, slot)| slot.interval_ms == SLOT_MS));
}

#[tokio::test]
async fn an_older_copy_of_the_spool_goes_on_after_what_the_daemon_has() {
    let home = Home::new();
    let (peer, keys) = fresh(&home);
    home.configure(peer.address, "");
    let mut agent = home.start();
    until_received(&home, 3);
    agent.signal("-KILL");
    agent.ended();
    drop(agent);
    let (spool, copy) = (home.path().join("spool"), home.path().join("copy"));
    copy_folder(&spool, &copy);
    let mut agent = home.start();
    until_received(&home, 30);
    let (port, store) = (peer.address.port(), peer.store.clone());
    peer.kill();
    agent.signal("-KILL");
    agent.ended();
    drop(agent);
    let before = store.lock().unwrap().clone();
    let last = before.received().last().unwrap();
    std::fs::remove_dir_all(&spool).unwrap();
    std::fs::rename(&copy, &spool).unwrap();

    let peer = start(&home, &keys, port, before, |_| {});
    let _agent = home.start();
    until_received(&home, last + 5);
    assert!(peer.store.lock().unwrap().received().covers(last + 1, last + 5));
    home.logged(&format!("mon-1 has samples up to {last} of this spool"));
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy_folder(&path, &to.join(name));
        } else {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_that_is_damaged_under_the_agent_costs_what_was_in_it_and_nothing_more() {
    let home = Home::new();
    let (peer, keys) = fresh(&home);
    home.configure(peer.address, "");
    let _agent = home.start();
    until_received(&home, 5);
    let (port, store) = (peer.address.port(), peer.store.clone());
    peer.kill();
    let before = store.lock().unwrap().clone();
    let newest = until_made(&home, before.slots.len() as u64 + 20);
    let path = home.path().join("spool/log/0000000001.log");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() * 3 / 4;
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();

    let peer = start(&home, &keys, port, before, |_| {});
    // What is left of the block of sequences is not used: nobody knows which of them were.
    until_received(&home, 4_100);
    let status = home.status(|_| true);
    let store = peer.store.lock().unwrap().clone();
    let (received, declared) = (store.received(), store.dropped);
    let kept = received.ranges()[0].1;
    assert!(kept > newest / 2 && kept < newest, "{kept} of {newest}");
    assert!(declared.contains(kept + 1) && declared.last() == Some(4_096), "{declared:?}");
    assert!(received.union(&declared).covers(1, 4_100), "nobody waits: {received:?} {declared:?}");
    let (lost, dropped) = (newest - kept, status["spool"]["dropped"].as_u64().unwrap());
    assert!((lost..lost + 20).contains(&dropped), "{dropped}, but {lost} or a few more are lost");
    let log = home.log();
    assert_eq!(log.matches("is damaged at byte").count(), 1, "{log}");
}

#[tokio::test]
async fn streams_that_are_full_of_series_follow_each_other_on_one_bulk_connection() {
    let home = Home::new();
    let (peer, keys) = fresh(&home);
    home.configure(peer.address, "");
    let _agent = home.start();
    until_received(&home, 2);
    let (port, store) = (peer.address.port(), peer.store.clone());
    peer.kill();
    let before = store.lock().unwrap().clone();
    let newest = until_made(&home, before.slots.len() as u64 + 10);
    let mut peer = start(&home, &keys, port, before.clone(), |manner| manner.policy.series_max = 8);
    until_received(&home, newest);
    let after = peer.store.lock().unwrap().clone();
    let late: Vec<_> = after.slots.iter().skip(before.slots.len()).filter(|one| one.0).collect();
    assert!(late.len() >= 8 && late.iter().all(|(_, slot)| slot.values.len() == 8), "{late:?}");
    assert_eq!(after.received().ranges(), [(1, after.received().last().unwrap())]);
    let bulk = |seen: &Seen| match seen {
        Seen::Hello(_, hello, _) if hello.purpose == Purpose::Bulk.into() => Some(()),
        _ => None,
    };
    peer.see(bulk).await;
    let another = timeout(Duration::from_millis(100), peer.see(bulk)).await;
    assert!(another.is_err(), "a fresh stream, not a fresh connection");
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
