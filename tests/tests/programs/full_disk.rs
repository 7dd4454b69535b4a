//! The disk of the metric store is full, in bytes or in inodes: liveness and alerts go on, agents keep
//! their samples, and all is there when there is room again, without a restart.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, ensure};
use systole_tests::disk::SmallDisk;
use systole_tests::kept::{ledger, stage, until_complete, until_spooled};
use systole_tests::scene::{Scene, replace};
use systole_tests::{PATIENCE, until};
use xtask::demo::programs::SYSTOLED;
use xtask::demo::stage::DAEMON;
use xtask::test::skip;

const AGENTS: [&str; 3] = ["demo-1", "demo-2", "demo-3"];
/// How many slots are spooled while the disk is full.
const SLOTS_MEANWHILE: usize = 12;

#[test]
fn samples_wait_with_the_agents_while_the_disk_is_full() -> Result<()> {
    let name = "full_disk::samples_wait_with_the_agents_while_the_disk_is_full";
    let Some((mut scene, disk, _)) = begin(name, "64m")? else { return Ok(()) };
    let pid = scene.pid(SYSTOLED)?;
    disk.fill()?;
    until("samples are refused", PATIENCE, || {
        disk.fill()?;
        let refusing = scene.scrape()?.count("systole_metrics_refusing", &[]);
        Ok((refusing == 1).then_some(()))
    })?;
    let acknowledged = ledger(&scene, "demo-1")?.acknowledged(DAEMON);
    goes_on(&mut scene)?;
    let kept = ledger(&scene, "demo-1")?;
    let waiting = kept.spooled.len() - kept.acknowledged(DAEMON);
    println!("{waiting} slots wait, {acknowledged} were acknowledged before");
    ensure!(waiting >= SLOTS_MEANWHILE / 2, "only {waiting} slots wait on a full disk");
    disk.make_room()?;
    until("samples are taken", PATIENCE, || {
        let refusing = scene.scrape()?.count("systole_metrics_refusing", &[]);
        Ok((refusing == 0).then_some(()))
    })?;
    end(&mut scene, pid)
}

#[test]
fn a_disk_without_inodes_stops_nothing() -> Result<()> {
    let name = "full_disk::a_disk_without_inodes_stops_nothing";
    let Some((mut scene, _disk, folder)) = begin(name, "64m,nr_inodes=200")? else {
        return Ok(());
    };
    let pid = scene.pid(SYSTOLED)?;
    let files = take_inodes(&folder)?;
    goes_on(&mut scene)?;
    println!("{} files took all inodes", files.len());
    for file in files {
        fs::remove_file(file)?;
    }
    end(&mut scene, pid)
}

/// Three agents, and the daemon's state on a small disk at the folder that is returned. `None`: such a
/// disk cannot be had here, and that was said.
fn begin(name: &str, size: &str) -> Result<Option<(Scene, SmallDisk, PathBuf)>> {
    let mut scene = stage(AGENTS.len())?;
    let folder = scene.stage.dir.join("disk");
    let disk = match SmallDisk::mount(&folder, size) {
        Ok(disk) => disk,
        Err(why) => return skip(name, &why).map(|()| None).map_err(|why| anyhow!(why)),
    };
    let daemon = scene.stage.daemon_toml();
    replace(&daemon, "path = \"state/daemon\"", "path = \"disk/daemon\"")?;
    scene.start_all()?;
    until_spooled(&scene, "demo-1", 3, PATIENCE)?;
    Ok(Some((scene, disk, folder)))
}

/// A host that dies is noticed and one that comes back too, while the others are well.
fn goes_on(scene: &mut Scene) -> Result<()> {
    let spooled = ledger(scene, "demo-1")?.spooled.len();
    let mut watch = scene.watch()?;
    scene.kill("demo-3")?;
    watch.until_alert("demo-3", "host_down", "firing")?;
    scene.start_agent("demo-3")?;
    watch.until_host("demo-3", "online")?;
    until_spooled(scene, "demo-1", spooled + SLOTS_MEANWHILE, PATIENCE)?;
    for host in ["demo-1", "demo-2"] {
        let seen = scene.host(host)?;
        ensure!(
            seen.get("state").is_some_and(|it| it == "online"),
            "a full disk is no outage of a host: {seen}"
        );
    }
    Ok(())
}

fn end(scene: &mut Scene, pid: u32) -> Result<()> {
    for agent in AGENTS {
        let (verdict, took) = until_complete(scene, agent)?;
        println!("{agent}, {:.1} s later: {verdict}", took.as_secs_f64());
        ensure!(verdict.is_complete(), "{agent}: {verdict:?}");
    }
    ensure!(scene.runs(SYSTOLED)? && scene.pid(SYSTOLED)? == pid, "no restart was needed");
    // The disk goes away with the scene; nobody may be on it any more.
    scene.kill(SYSTOLED)
}

/// Makes empty files until there can be no more.
pub(super) fn take_inodes(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    loop {
        let path = folder.join(format!("empty-{}", files.len()));
        match File::create_new(&path) {
            Ok(_) => files.push(path),
            Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(files),
            Err(error) => return Err(error.into()),
        }
    }
}
