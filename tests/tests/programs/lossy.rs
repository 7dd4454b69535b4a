//! A bad link that never breaks: datagrams are lost, late, doubled, out of order. Nobody is down and
//! nothing is missing.

use std::time::Duration;

use anyhow::{Result, ensure};
use systole_tests::PATIENCE;
use systole_tests::kept::{
    as_long_as, ledger, stage, storage, through_relay, until_complete, until_spooled,
};
use systole_tests::relay::Weather;
use xtask::demo::stage::DAEMON;

#[test]
fn a_lossy_link_costs_neither_samples_nor_nerves() -> Result<()> {
    let mut scene = stage(1)?;
    let relay = through_relay(&scene, "demo-1", 5)?;
    relay.set(Weather {
        loss_percent: 5.0,
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(5),
        duplicate_percent: 1.0,
        reorder_percent: 2.0,
        ..Weather::default()
    });
    scene.start_all()?;
    let slots = as_long_as(30, 300);
    let limit = PATIENCE + Duration::from_secs(u64::try_from(slots)?);
    let mut watch = scene.watch()?;
    until_spooled(&scene, "demo-1", slots, limit)?;
    let (verdict, took) = until_complete(&scene, "demo-1")?;
    let counts = relay.counts();
    println!("{verdict}, {:.1} s after the last; {counts:?}", took.as_secs_f64());
    ensure!(verdict.is_complete(), "{verdict:?}");
    ensure!(counts.lost > 0 && counts.overflowed == 0, "{counts:?}");
    watch.listen(Duration::from_millis(100))?;
    let down = watch.seen().iter().find(|line| line["state"] == "down");
    ensure!(down.is_none(), "5 % of loss is no outage: {down:?}");
    let alerts = scene.alerts()?;
    ensure!(alerts.iter().all(|alert| alert["rule"] != "host_down"), "{alerts:?}");
    ensure!(storage(&scene, "demo-1")?["dropped"] == 0, "something was dropped");
    // Receipts come through as well: not all of it can still be waiting for one.
    ensure!(ledger(&scene, "demo-1")?.acknowledged(DAEMON) > slots / 2, "{verdict}");
    Ok(())
}
