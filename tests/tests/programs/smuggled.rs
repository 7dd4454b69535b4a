//! Rows F1 to F15 of a hostile agent with a valid certificate: nothing outside its folder, nothing half,
//! one line says why, honest hosts notice nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use systole_common::model::file::FileState;
use systole_tests::rogue::Rogue;
use systole_tests::scene::Scene;
use systole_tests::smuggler::{Passage, Smuggler, Wares, is};
use systole_tests::{PATIENCE, until};

fn scene() -> Result<Scene> {
    let mut scene = Scene::set_with(2, |plan| {
        let path = plan.dir.join("received_files");
        let files = format!(
            "[files]\npath = \"{}\"\nauto_accept_max = \"1MiB\"\nmax_size = \"4MiB\"\n",
            path.display()
        );
        plan.daemon_extra.push_str(&files);
    })?;
    scene.start_daemon()?;
    scene.start_agent("demo-1")?;
    scene.until_online(&["demo-1".to_owned()])?;
    Ok(scene)
}

/// Every file below the stage but what the programs themselves keep.
fn saved(scene: &Scene) -> Result<BTreeSet<String>> {
    let root = scene.stage.dir.join("received_files");
    let mut found = BTreeSet::new();
    if root.exists() {
        gather(&root, &root, &mut found)?;
    }
    Ok(found)
}

fn gather(root: &Path, folder: &Path, found: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(root, &path, found)?;
        } else {
            found.insert(path.strip_prefix(root)?.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

#[test]
fn no_name_leads_outside_and_none_is_saved_that_is_not_plain() -> Result<()> {
    let mut scene = scene()?;
    let rogue = Rogue::new(&scene.stage, "demo-2")?;
    let mut smuggler = Smuggler::new(&rogue)?;
    let long = "x".repeat(256);
    for name in [
        "../x",
        "/etc/x",
        "a/../../x",
        ".",
        "..",
        "",
        &long,
        "a\0b",
        "a\nb",
        "-rf",
        "trailing.",
        ".ssh/authorized_keys",
        "CON",
        "\u{1b}[2J",
        "\u{202e}gpj",
        "..\\x",
    ] {
        let decision = smuggler.answer(&Wares::of(name, b"x"))?;
        ensure!(is(&decision, FileState::Rejected), "{name:?}: {decision:?}");
        ensure!(decision.reason.contains("bad name"), "{name:?}: {decision:?}");
    }
    ensure!(saved(&scene)?.is_empty(), "{:?}", saved(&scene)?);
    scene.daemon_journal().until(&["demo-2", "bad name"])?;
    scene.is_unharmed(&["demo-1"])
}

#[test]
fn sizes_that_nobody_has_and_a_thousand_offers_are_refused() -> Result<()> {
    let mut scene = scene()?;
    let rogue = Rogue::new(&scene.stage, "demo-2")?;
    let mut smuggler = Smuggler::new(&rogue)?;
    for size_bytes in [1 << 63, u64::MAX, (4 << 20) + 1] {
        let wares = Wares { size_bytes, ..Wares::of("huge", b"") };
        let decision = smuggler.answer(&wares)?;
        ensure!(is(&decision, FileState::Rejected), "{size_bytes}: {decision:?}");
        ensure!(decision.reason.contains("files.max_size"), "{decision:?}");
    }
    for number in 0..40 {
        let wares = Wares { size_bytes: 2 << 20, ..Wares::of(&format!("{number}"), b"") };
        smuggler.offer(&wares)?;
    }
    let open = until("offers that wait", PATIENCE, || {
        let open = scene.console(&["files", "demo-2", "--open", "--json"])?.list()?;
        Ok((!open.is_empty()).then_some(open.len()))
    })?;
    ensure!(open <= 16, "{open} offers of one host wait");
    scene.is_unharmed(&["demo-1"])
}

#[test]
fn bytes_that_were_not_offered_are_never_saved() -> Result<()> {
    let mut scene = scene()?;
    let rogue = Rogue::new(&scene.stage, "demo-2")?;
    let mut smuggler = Smuggler::new(&rogue)?;
    let honest = b"ten bytes!";
    // Another hash than was said; a chunk with another hash; out of order; more than was said.
    for (name, lie) in [("hash", 0), ("chunk", 1), ("order", 2), ("more", 3), ("twice", 4)] {
        let mut wares = Wares::of(name, honest);
        if lie == 0 {
            wares.blake3 = [7; 32];
        }
        let decision = smuggler.answer(&wares)?;
        ensure!(is(&decision, FileState::Accepted), "{name}: {decision:?}");
        let bulk = smuggler.bulk()?;
        let (mut passage, word) = Passage::open(&bulk, decision.file)?;
        let word = word.context("no word where to begin")?;
        ensure!(is(&word, FileState::Receiving) && word.offset == 0, "{word:?}");
        match lie {
            0 => passage.send(0, honest)?,
            1 => passage.chunk(0, 10, [9; 32], honest)?,
            2 => passage.send(5, &honest[..5])?,
            3 => passage.send(0, &[b'x'; 1_000])?,
            _ => {
                passage.send(0, &honest[..5])?;
                passage.send(0, &honest[..5])?;
            }
        }
        let over = smuggler.decision(decision.sequence)?;
        ensure!(is(&over, FileState::Failed), "{name}: {over:?}");
        scene.daemon_journal().until(&["demo-2", "cannot be received"])?;
    }
    // Bytes without a decision, and after a refusal.
    let refused = smuggler.answer(&Wares::of("..", honest))?;
    for file in [refused.file, 4_711, u64::MAX] {
        let bulk = smuggler.bulk()?;
        let (mut passage, word) = Passage::open(&bulk, file)?;
        let is_wanted = word.is_some_and(|word| is(&word, FileState::Receiving));
        ensure!(!is_wanted, "file {file} is wanted");
        passage.send(0, honest)?;
        let bulk = smuggler.bulk()?;
        let _forced = Passage::force(&bulk, file, honest)?;
        ensure!(bulk.closed()?.1.contains("before anybody wanted them"));
    }
    ensure!(saved(&scene)?.is_empty(), "{:?}", saved(&scene)?);
    scene.is_unharmed(&["demo-1"])
}

#[test]
fn another_hosts_file_is_out_of_reach() -> Result<()> {
    let mut scene = scene()?;
    let waits = scene.stage.dir.join("waits");
    fs::write(&waits, vec![1; 2 << 20])?;
    let path = waits.display().to_string();
    let sender = scene.programs.agent_command(&scene.stage, "demo-1", &["send", &path]);
    let mut sender = systole_tests::dialogue::Dialogue::start(sender)?;
    let open = until("the offer", PATIENCE, || {
        Ok(scene.console(&["files", "--open", "--json"])?.list()?.into_iter().next())
    })?;
    let file = open["id"].as_u64().context("no id")?;
    scene.console(&["accept", &file.to_string()])?.done()?;
    let rogue = Rogue::new(&scene.stage, "demo-2")?;
    let smuggler = Smuggler::new(&rogue)?;
    let bulk = smuggler.bulk()?;
    let (_, word) = Passage::open(&bulk, file)?;
    ensure!(!word.is_some_and(|word| is(&word, FileState::Receiving)), "it may write to it");
    ensure!(sender.ended()? == Some(0), "{:?}", sender.told());
    ensure!(saved(&scene)? == BTreeSet::from(["demo-1/waits".to_owned()]));
    scene.is_unharmed(&["demo-1"])
}
