//! Files of the metric store are damaged while the daemon is down: it starts, says what is lost, and
//! goes on; nothing else is touched.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use systole_tests::kept::{judge, ledger, stage, until_complete, until_spooled};
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};
use xtask::demo::programs::SYSTOLED;
use xtask::demo::stage::DAEMON;

#[test]
fn a_damaged_metrics_db_is_set_aside_and_said() -> Result<()> {
    let mut scene = begin()?;
    let folder = scene.stage.dir.join("state/daemon");
    // All of it may still be in the file beside it.
    for name in ["metrics.db", "metrics.db-wal"] {
        fs::write(folder.join(name), vec![0x5a; 16_384])?;
    }
    goes_on(&mut scene, "metrics.db")?;
    let aside = names(&folder)?.into_iter().find(|name| name.starts_with("metrics.db.damaged-"));
    ensure!(aside.is_some(), "nothing was set aside in {:?}", names(&folder)?);
    Ok(())
}

#[test]
fn a_log_damaged_in_its_middle_costs_what_is_said_and_no_more() -> Result<()> {
    let mut scene = begin()?;
    let file = segment(&scene)?;
    let mut bytes = fs::read(&file)?;
    let middle = bytes.len() / 2;
    for byte in bytes.iter_mut().skip(middle).take(64) {
        *byte ^= 0xff;
    }
    fs::write(&file, bytes)?;
    let name = file.file_name().context("no name")?.to_string_lossy().into_owned();
    goes_on(&mut scene, &name)
}

#[test]
fn a_log_whose_end_is_torn_is_read_to_there() -> Result<()> {
    let mut scene = begin()?;
    let before = ledger(&scene, "demo-1")?;
    let file = segment(&scene)?;
    let mut bytes = fs::read(&file)?;
    // What a kill within a write leaves: the begin of a record that was acknowledged to nobody.
    bytes.extend_from_slice(&[0x40, 0, 0, 0, 1, 2, 3]);
    fs::write(&file, bytes)?;
    scene.start_daemon()?;
    scene.until_online(&["demo-1".to_owned()])?;
    let verdict = judge(&scene, "demo-1", &before)?;
    ensure!(verdict.is_sound(), "{verdict:?}");
    let (verdict, _) = until_complete(&scene, "demo-1")?;
    ensure!(verdict.is_complete(), "{verdict:?}");
    Ok(())
}

/// One agent with acknowledged samples; the daemon was killed.
fn begin() -> Result<Scene> {
    let mut scene = stage(1)?;
    scene.start_all()?;
    until_spooled(&scene, "demo-1", 8, PATIENCE)?;
    until("receipts", PATIENCE, || {
        Ok((ledger(&scene, "demo-1")?.acknowledged(DAEMON) >= 6).then_some(()))
    })?;
    scene.kill(SYSTOLED)?;
    Ok(scene)
}

/// It starts, says a line that names `file`, knows its host, and takes samples again, each once.
fn goes_on(scene: &mut Scene, file: &str) -> Result<()> {
    let said = scene.daemon_journal().lines()?.len();
    scene.start_daemon()?;
    scene.until_online(&["demo-1".to_owned()])?;
    let lines = scene.daemon_journal().lines()?;
    let is_it = |line: &&String| line.contains(file) && line.contains("damaged");
    let named = lines.iter().skip(said).find(is_it);
    println!("{}", named.with_context(|| format!("nothing about {file} in {lines:#?}"))?);
    let before = ledger(scene, "demo-1")?.spooled.len();
    let noted = until_spooled(scene, "demo-1", before + 4, PATIENCE)?;
    let fresh = until("fresh samples", PATIENCE, || {
        let verdict = judge(scene, "demo-1", &noted)?;
        let missing = verdict.lost.iter().chain(&verdict.absent);
        let newest = noted.slots().last().copied();
        Ok((missing.clone().all(|one| Some(one.1) != newest)).then_some(verdict))
    })?;
    println!("{fresh}");
    ensure!(fresh.double.is_empty(), "{fresh:?}");
    Ok(())
}

/// The newest segment of the metric store's log.
fn segment(scene: &Scene) -> Result<PathBuf> {
    let folder = scene.stage.dir.join("state/daemon/log");
    let newest = names(&folder)?
        .into_iter()
        .rfind(|name| Path::new(name).extension().is_some_and(|it| it == "log"));
    Ok(folder.join(newest.context("no segment")?))
}

/// The names in a folder, ascending.
fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
