//! A disk that fills up while the daemon runs: alerts go on, it is said, and room is enough to mend it.

use anyhow::{Result, anyhow, ensure};
use serde_json::Value;
use systole_tests::disk::SmallDisk;
use systole_tests::scene::{Scene, replace};
use systole_tests::{PATIENCE, until};
use xtask::demo::programs::{SYSTOLED, http_get, is_ready};
use xtask::test::skip;

#[test]
fn alerts_go_on_while_the_disk_is_full_and_nothing_is_lost() -> Result<()> {
    let mut scene = Scene::set(3)?;
    let folder = scene.stage.dir.join("disk");
    let disk = match SmallDisk::mount(&folder, "16m") {
        Ok(disk) => disk,
        Err(why) => {
            let name = "disk::alerts_go_on_while_the_disk_is_full_and_nothing_is_lost";
            return skip(name, &why).map_err(|why| anyhow!(why));
        }
    };
    let daemon = scene.stage.daemon_toml();
    replace(&daemon, "path = \"state/daemon\"", "path = \"disk/daemon\"")?;
    scene.start_all()?;
    let mut watch = scene.watch()?;
    watch.until_host("demo-1", "online")?;

    disk.fill()?;
    scene.kill("demo-1")?;
    watch.until_alert("demo-1", "host_down", "firing")?;
    // The reserve has made room for that one; now that is taken too.
    disk.fill()?;
    scene.start_agent("demo-1")?;
    until("the disk is full again", PATIENCE, || {
        disk.fill()?;
        let refusing = scene.scrape()?.count("systole_store_refusing", &[]);
        Ok((refusing == 1).then_some(()))
    })?;
    let answer = http_get(&scene.stage, "/readyz")?;
    ensure!(answer.starts_with("HTTP/1.1 503") && answer.contains("disk is full"), "{answer}");
    scene.kill("demo-2")?;
    watch.until_alert("demo-2", "host_down", "firing")?;
    ensure!(scene.runs(SYSTOLED)?, "a full disk ends nothing");

    disk.make_room()?;
    until("readiness", PATIENCE, || Ok(is_ready(&scene.stage).then_some(())))?;
    // The daemon's own alerts about its disk come and go beside them.
    let of_hosts = |scene: &Scene| -> Result<Vec<Value>> {
        let is_of_host = |alert: &Value| !alert["host"].is_null();
        Ok(scene.alerts()?.into_iter().filter(is_of_host).collect())
    };
    let before = of_hosts(&scene)?;
    ensure!(before.len() == 2, "{before:?}");
    scene.kill(SYSTOLED)?;
    scene.start_daemon()?;
    let after = of_hosts(&scene)?;
    let ids = |alerts: &[Value]| -> Vec<String> {
        alerts.iter().map(|alert| format!("{} {}", alert["id"], alert["fired_at"])).collect()
    };
    ensure!(ids(&after) == ids(&before), "{after:?} is not {before:?}");
    scene.kill(SYSTOLED)
}
