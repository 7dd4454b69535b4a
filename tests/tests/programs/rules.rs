//! Threshold rules on a real host: busy processors warn and are forgiven; a host that dies freezes what
//! was said of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use systole_tests::kept::{add_rule, stage};
use systole_tests::machine::now;
use systole_tests::scene::Scene;
use systole_tests::watch::time;
use systole_tests::{PATIENCE, until};

/// How long all processors must be busy.
const LASTS: Duration = Duration::from_secs(10);
/// Other programs of this machine may keep it busy for so long.
const CALM_WITHIN: Duration = Duration::from_mins(4);

/// Keeps all processors busy until it is dropped.
struct Load(Arc<AtomicBool>);

impl Load {
    fn start() -> Result<Self> {
        let ends = Arc::new(AtomicBool::new(false));
        for _ in 0..thread::available_parallelism()?.get() {
            let ends = Arc::clone(&ends);
            thread::spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Ok(Self(ends))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn busy_processors_warn_after_their_time_and_clear_after_the_hold() -> Result<()> {
    let mut scene = stage(1)?;
    // Critical is out of reach: what is proved is the way of a warning.
    let levels = "warning = 95\nclear_warning = 90\ncritical = 101";
    add_rule(&scene, "cpu", &format!("{levels}\nfor = \"10s\"\nhold = \"3s\""))?;
    // Before its first sample nothing is known of the host, however busy it was.
    let (load, began) = (Load::start()?, now());
    scene.start_all()?;
    let firing = until_alert(&scene, "cpu", "firing", PATIENCE)?;
    let after = time(&firing, "fired_at")?.since(began);
    println!("cpu warning {:.1} s after the load: {firing}", after.as_secs_f64());
    ensure!(firing["severity"] == "warning" && firing["host"] == "demo-1", "{firing}");
    ensure!(firing["value"].as_f64().unwrap_or(0.0) >= 90.0, "{firing}");
    ensure!(after >= LASTS, "it fired after {after:?} already");
    drop(load);
    let ended = Instant::now();
    let resolved = until_alert(&scene, "cpu", "resolved", CALM_WITHIN)?;
    println!("resolved {:.1} s after the load", ended.elapsed().as_secs_f64());
    ensure!(resolved["id"] == firing["id"], "one incident: {resolved}");
    ensure!(ended.elapsed() >= Duration::from_secs(3), "the hold was not kept");
    Ok(())
}

#[test]
fn a_host_that_dies_freezes_its_alert() -> Result<()> {
    let mut scene = stage(1)?;
    add_rule(&scene, "awake", "metric = \"uptime_s\"\nwarning = 1\nfor = \"1s\"")?;
    scene.start_all()?;
    let firing = until_alert(&scene, "awake", "firing", PATIENCE)?;
    ensure!(!has_nodata(&firing), "{firing}");
    let mut watch = scene.watch()?;
    scene.kill("demo-1")?;
    watch.until_alert("demo-1", "host_down", "firing")?;
    let frozen =
        until("the alert frozen", PATIENCE, || Ok(alert(&scene, "awake")?.filter(has_nodata)))?;
    ensure!(frozen["state"] == "firing" && frozen["id"] == firing["id"], "{frozen}");
    ensure!(frozen["resolved_at"].is_null(), "{frozen}");
    scene.start_agent("demo-1")?;
    let thawed = until("the alert with data", PATIENCE, || {
        Ok(alert(&scene, "awake")?.filter(|alert| !has_nodata(alert)))
    })?;
    ensure!(thawed["state"] == "firing" && thawed["id"] == firing["id"], "{thawed}");
    ensure!(thawed["fired_at"] == firing["fired_at"], "it fires once: {thawed}");
    Ok(())
}

fn has_nodata(alert: &Value) -> bool {
    alert["overlays"].as_array().is_some_and(|overlays| overlays.iter().any(|one| one == "nodata"))
}

/// The alert of `rule`; there may be one.
fn alert(scene: &Scene, rule: &str) -> Result<Option<Value>> {
    let mut alerts = scene.alerts()?;
    alerts.retain(|alert| alert["rule"] == rule);
    ensure!(alerts.len() <= 1, "one condition, one alert: {alerts:?}");
    Ok(alerts.pop())
}

fn until_alert(scene: &Scene, rule: &str, state: &str, limit: Duration) -> Result<Value> {
    let found = until(&format!("{rule} {state}"), limit, || {
        Ok(alert(scene, rule)?.filter(|alert| alert["state"] == state))
    });
    found.with_context(|| format!("it is {:?}", alert(scene, rule)))
}
