//! An fsync fails. The daemon promises nothing more and ends with a line that names the file; the agent
//! beats on without its spool. After the next start all that was acknowledged is there, once.

use std::fs;

use anyhow::{Result, anyhow, ensure};
use systole_tests::ending::Ending;
use systole_tests::failing_disk::{FailingDisk, lacks, on_failing_disk};
use systole_tests::kept::{judge, ledger, stage, until_complete, until_spooled};
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};
use xtask::demo::programs::SYSTOLED;
use xtask::demo::stage::DAEMON;
use xtask::test::skip;

/// Where the daemon of a stage keeps what it knows.
const FOLDER: &str = "state/daemon";
/// The first segment of a log.
const SEGMENT: &str = "log/0000000001.log";

/// File, which of its fsyncs in a first start fails, and the file that the daemon names.
const AT_START: [(&str, u32, &str); 10] = [
    ("reserve", 1, "reserve"),
    ("state.db-journal", 1, "state.db"),
    ("state.db", 1, "state.db"),
    ("state.db-wal", 1, "state.db"),
    ("metrics.db-journal", 1, "metrics.db"),
    ("metrics.db", 1, "metrics.db"),
    // The second is that of the way to a write-ahead log.
    ("metrics.db", 2, "metrics.db"),
    ("metrics.db-wal", 1, "metrics.db"),
    ("keys.new", 1, "keys"),
    ("state.db-wal", 2, "state.db"),
];

#[test]
fn a_first_start_names_the_file_whose_fsync_failed_and_can_be_repeated() -> Result<()> {
    let name = "failing_disk::a_first_start_names_the_file_whose_fsync_failed_and_can_be_repeated";
    if !can_fail(name)? {
        return Ok(());
    }
    let mut scene = stage(1)?;
    let folder = scene.stage.dir.join(FOLDER);
    for (file, nth, named) in AT_START {
        let daemon = scene.programs.daemon(&scene.stage);
        let ending = Ending::of(on_failing_disk(&daemon, &folder.join(file), nth))?;
        let path = folder.join(named).display().to_string();
        println!("fsync {nth} of {file}: {}", ending.stderr.trim_end());
        ensure!(ending.code == Some(1), "fsync {nth} of {file}: {ending:?}");
        let lines: Vec<&str> = ending.stderr.lines().filter(|line| is_last_word(line)).collect();
        ensure!(
            matches!(lines.as_slice(), [line] if line.contains(&path)),
            "fsync {nth} of {file}: {ending:?}"
        );
        scene.start_daemon()?;
        let (status, _) = scene.terminate(SYSTOLED)?;
        ensure!(status.success(), "after fsync {nth} of {file}: {status}");
        fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

#[test]
fn a_daemon_whose_fsync_fails_ends_and_has_what_it_acknowledged() -> Result<()> {
    let name = "failing_disk::a_daemon_whose_fsync_fails_ends_and_has_what_it_acknowledged";
    if !can_fail(name)? {
        return Ok(());
    }
    let mut scene = stage(2)?;
    scene.start_all()?;
    until("receipts", PATIENCE, || {
        Ok((ledger(&scene, "demo-1")?.acknowledged(DAEMON) >= 3).then_some(()))
    })?;
    // Samples come each second.
    ends(&mut scene, SEGMENT, 2, SEGMENT, |_| Ok(()))?;
    // A host that leaves is written down.
    let leave = |scene: &mut Scene| scene.terminate("demo-2").map(drop);
    ends(&mut scene, "state.db-wal", 1, "state.db", leave)?;
    scene.start_agent("demo-2")?;
    scene.until_online(&["demo-2".to_owned()])?;
    // Asked to stop, it writes both files back.
    for file in ["metrics.db-wal", "metrics.db", "state.db"] {
        let named = file.trim_end_matches("-wal");
        let stop = |scene: &mut Scene| {
            // Each file has something to write back: a line of the trail, a sample.
            scene.console(&["retire", "nobody"])?.refused(1, &["nobody"])?;
            let before = ledger(scene, "demo-1")?.acknowledged(DAEMON);
            until("another receipt", PATIENCE, || {
                let now = ledger(scene, "demo-1")?.acknowledged(DAEMON);
                Ok((now > before).then_some(()))
            })?;
            scene.signal(SYSTOLED, rustix::process::Signal::TERM)
        };
        ends(&mut scene, file, 1, named, stop)?;
    }
    let kept = ledger(&scene, "demo-1")?;
    until("receipts of all that was kept", PATIENCE, || {
        let acknowledged = ledger(&scene, "demo-1")?.acknowledged(DAEMON);
        Ok((acknowledged >= kept.spooled.len()).then_some(()))
    })?;
    let (verdict, took) = until_complete(&scene, "demo-1")?;
    println!("{:.1} s later: {verdict}", took.as_secs_f64());
    ensure!(verdict.is_complete(), "{verdict:?}");
    let mut watch = scene.watch()?;
    scene.kill("demo-2")?;
    watch.until_alert("demo-2", "host_down", "firing")?;
    scene.is_unharmed(&["demo-1"])
}

#[test]
fn an_agent_whose_spool_fails_beats_on_and_uses_no_sequence_twice() -> Result<()> {
    let name = "failing_disk::an_agent_whose_spool_fails_beats_on_and_uses_no_sequence_twice";
    if !can_fail(name)? {
        return Ok(());
    }
    let mut scene = stage(1)?;
    scene.start_all()?;
    until_spooled(&scene, "demo-1", 3, PATIENCE)?;
    let folder = scene.stage.dir.join("state/agent-demo-1");
    let disk = FailingDisk::under(scene.pid("demo-1")?, &folder.join(SEGMENT), 1);
    let disk = disk.map_err(|why| anyhow!(why))?;
    let journal = scene.journal("demo-1");
    println!("{}", journal.only(&["ERROR", &folder.join(SEGMENT).display().to_string()])?);
    journal.only(&["ERROR", "nothing is stored", "live values go on"])?;
    let noted = ledger(&scene, "demo-1")?;
    // What could not be kept is counted where its user looks.
    until("slots given up", PATIENCE, || {
        let status = scene.agent("demo-1", &["status", "--json"])?.json()?;
        let dropped = status.pointer("/spool/dropped").and_then(serde_json::Value::as_u64);
        Ok(dropped.is_some_and(|dropped| dropped >= 3).then_some(()))
    })?;
    ensure!(ledger(&scene, "demo-1")?.spooled == noted.spooled, "kept after a failed fsync");
    scene.is_unharmed(&["demo-1"])?;
    let age_ms = scene.host("demo-1")?["metrics_age_ms"].as_f64().unwrap_or(f64::MAX);
    ensure!(age_ms < 3_000.0, "live values are {age_ms} ms old");
    drop(disk);
    scene.terminate("demo-1")?;
    scene.start_agent("demo-1")?;
    until_spooled(&scene, "demo-1", noted.spooled.len() + 3, PATIENCE)?;
    let (verdict, took) = until_complete(&scene, "demo-1")?;
    println!("{:.1} s later: {verdict}", took.as_secs_f64());
    ensure!(verdict.is_complete(), "{verdict:?}");
    Ok(())
}

/// Whether fsyncs can be made to fail here; if not, that was said.
fn can_fail(name: &str) -> Result<bool> {
    match lacks() {
        None => Ok(true),
        Some(why) => skip(name, &why).map(|()| false).map_err(|why| anyhow!(why)),
    }
}

/// The `nth` fsync of `file` fails once `act` has made the daemon write: it ends with 1 and one line
/// that names `named`. Started again it has what it acknowledged, and hears its host.
fn ends(
    scene: &mut Scene,
    file: &str,
    nth: u32,
    named: &str,
    act: impl FnOnce(&mut Scene) -> Result<()>,
) -> Result<()> {
    let folder = scene.stage.dir.join(FOLDER);
    let before = scene.daemon_journal().lines()?.len();
    let disk = FailingDisk::under(scene.pid(SYSTOLED)?, &folder.join(file), nth);
    let disk = disk.map_err(|why| anyhow!(why))?;
    act(scene)?;
    let status = scene.ended(SYSTOLED)?;
    drop(disk);
    let kept = ledger(scene, "demo-1")?;
    let lines = scene.daemon_journal().lines()?.split_off(before);
    ensure!(status.code() == Some(1), "fsync of {file}: {status}; {lines:#?}");
    let last: Vec<&String> = lines.iter().filter(|line| is_last_word(line)).collect();
    println!("fsync of {file}: {last:?}");
    let path = format!("{}: ", folder.join(named).display());
    ensure!(matches!(last.as_slice(), [line] if line.contains(&path)), "{file}: {lines:#?}");
    scene.start_daemon()?;
    scene.until_online(&["demo-1".to_owned()])?;
    let verdict = judge(scene, "demo-1", &kept)?;
    ensure!(verdict.is_sound(), "after a failed fsync of {file}: {verdict:?}");
    Ok(())
}

/// What the daemon says at its end: why, and what to do.
fn is_last_word(line: &str) -> bool {
    line.starts_with("systoled: ")
}
