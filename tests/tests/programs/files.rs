//! Files that hosts offer: decided by policy or an operator, whole under their names or not at all.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;
use systole_tests::dialogue::Dialogue;
use systole_tests::kept::as_long_as;
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};
use xtask::demo::programs::SYSTOLED;

pub(super) const KIB: usize = 1024;
pub(super) const MIB: usize = 1024 * 1024;

/// Agents, and where the daemon puts files.
pub(super) fn scene(agents: usize, more: &str) -> Result<Scene> {
    let mut scene = Scene::set_with(agents, |plan| {
        let path = plan.dir.join("received_files");
        let files = format!("[files]\npath = \"{}\"\n{more}\n", path.display());
        plan.daemon_extra.push_str(&files);
    })?;
    scene.start_all()?;
    Ok(scene)
}

pub(super) fn received(scene: &Scene, agent: &str) -> PathBuf {
    scene.stage.dir.join("received_files").join(agent)
}

/// Bytes that no compression and no hole makes small.
pub(super) fn bytes(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}

pub(super) fn file(scene: &Scene, name: &str, content: &[u8]) -> Result<String> {
    let path = scene.stage.dir.join(name);
    fs::write(&path, content)?;
    Ok(path.display().to_string())
}

pub(super) fn send(scene: &Scene, agent: &str, path: &str, more: &[&str]) -> Result<Dialogue> {
    let args = [&["send", path], more].concat();
    Dialogue::start(scene.programs.agent_command(&scene.stage, agent, &args))
}

/// The open offer, once there is one.
pub(super) fn offer(scene: &Scene) -> Result<Value> {
    until("an offer", PATIENCE, || {
        Ok(scene.console(&["files", "--open", "--json"])?.list()?.into_iter().next())
    })
}

pub(super) fn id(file: &Value) -> Result<String> {
    Ok(file["id"].as_u64().with_context(|| format!("no id in {file}"))?.to_string())
}

pub(super) fn files(scene: &Scene) -> Result<Vec<Value>> {
    scene.console(&["files", "--json"])?.list()
}

#[test]
fn small_files_pass_by_policy_larger_ones_wait_and_the_largest_are_refused() -> Result<()> {
    let scene = scene(1, "max_size = \"1MiB\"")?;
    let small = bytes(30 * KIB);
    let mut sender = send(&scene, "demo-1", &file(&scene, "small", &small)?, &[])?;
    sender.until_says("READY")?;
    ensure!(sender.ended()? == Some(0), "{:?}", sender.told());
    let path = received(&scene, "demo-1").join("small");
    ensure!(fs::read(&path)? == small);
    ensure!(fs::metadata(&path)?.permissions().mode() & 0o7777 == 0o600);

    let waits = bytes(41 * KIB);
    let mut sender = send(&scene, "demo-1", &file(&scene, "waits", &waits)?, &["--note", "look"])?;
    let file_offered = offer(&scene)?;
    ensure!(file_offered["state"] == "offered" && file_offered["note"] == "look");
    ensure!(!received(&scene, "demo-1").join("waits").exists(), "a byte came before its time");
    scene.console(&["accept", &id(&file_offered)?])?.done()?;
    sender.until_says("READY")?;
    ensure!(sender.ended()? == Some(0), "{:?}", sender.told());
    ensure!(fs::read(received(&scene, "demo-1").join("waits"))? == waits);

    let exact = file(&scene, "exact", &bytes(MIB))?;
    let large = file(&scene, "large", &bytes(MIB + 1))?;
    scene.agent("demo-1", &["send", &large])?.refused_in_words(1, "REJECT")?;
    let mut sender = send(&scene, "demo-1", &exact, &[])?;
    let refused = offer(&scene)?;
    scene.console(&["reject", &id(&refused)?, "--why", "not today"])?.done()?;
    ensure!(sender.until_says("REJECT")?.contains("not today"));
    ensure!(sender.ended()? == Some(1));
    ensure!(!received(&scene, "demo-1").join("exact").exists());
    ensure!(fs::read_dir(scene.stage.dir.join("received_files/.partial"))?.count() == 0);
    trail(&scene)
}

/// Each decision stands in the audit trail and in the chat of the host.
fn trail(scene: &Scene) -> Result<()> {
    let audit = scene.console(&["audit", "--json"])?.list()?;
    let of = |action: &str| audit.iter().filter(|line| line["action"] == action).count();
    ensure!(of("accept") == 2 && of("reject") == 2, "{audit:?}");
    let reason = audit.iter().any(|line| line["reason"].to_string().contains("not today"));
    ensure!(reason, "{audit:?}");
    let chat = scene.console(&["chat", "@demo-1", "--json"])?.list()?;
    for word in ["small", "waits", "large", "not today"] {
        let said = chat.iter().any(|line| line["text"].to_string().contains(word));
        ensure!(said, "nothing about {word} in {chat:?}");
    }
    Ok(())
}

#[test]
fn with_forty_kibibytes_it_is_like_the_older_monitors() -> Result<()> {
    let scene = scene(1, "max_size = \"40KiB\"\nauto_accept_max = \"40KiB\"")?;
    let fits = file(&scene, "fits", &bytes(40 * KIB))?;
    let ending = scene.agent("demo-1", &["send", &fits])?.done()?;
    ensure!(ending.stdout.starts_with("READY"), "{ending:?}");
    let larger = file(&scene, "larger", &bytes(40 * KIB + 1))?;
    scene.agent("demo-1", &["send", &larger])?.refused_in_words(1, "REJECT")?;
    let empty = file(&scene, "empty", b"")?;
    scene.agent("demo-1", &["send", &empty])?.done()?;
    ensure!(fs::read(received(&scene, "demo-1").join("empty"))?.is_empty());
    ensure!(fs::read_dir(received(&scene, "demo-1"))?.count() == 2);
    Ok(())
}

#[test]
fn what_is_no_plain_file_or_name_is_refused_in_words() -> Result<()> {
    let scene = scene(1, "")?;
    let dir = &scene.stage.dir;
    let folder = dir.join("certs").display().to_string();
    scene.agent("demo-1", &["send", &folder])?.refused(1, &["certs", "regular files"])?;
    scene.agent("demo-1", &["send", "/dev/null"])?.refused(1, &["/dev/null", "regular files"])?;
    scene.agent("demo-1", &["send", "/nowhere/x"])?.refused(1, &["/nowhere/x"])?;
    for name in ["-rf", "con", "trailing.", "a\nb", "\u{202e}gpj"] {
        let path = file(&scene, name, b"x")?;
        let ending = scene.agent("demo-1", &["send", &path])?;
        ensure!(ending.code == Some(1), "{ending:?}");
        ensure!(ending.stdout.contains("REJECT bad name"), "{ending:?}");
    }
    ensure!(
        !received(&scene, "demo-1").exists() || {
            fs::read_dir(received(&scene, "demo-1"))?.count() == 0
        }
    );
    Ok(())
}

#[test]
fn twins_by_case_and_form_get_names_of_their_own() -> Result<()> {
    let scene = scene(1, "")?;
    for name in ["core.txt", "CORE.txt", "caf\u{e9}", "cafe\u{301}"] {
        let path = file(&scene, name, name.as_bytes())?;
        scene.agent("demo-1", &["send", &path])?.done()?;
    }
    let path = file(&scene, "core.txt", b"again")?;
    scene.agent("demo-1", &["send", &path])?.done()?;
    let mut names: Vec<String> = fs::read_dir(received(&scene, "demo-1"))?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    names.sort();
    let mut expected = ["CORE (2).txt", "caf\u{e9}", "cafe\u{301} (2)", "core (3).txt", "core.txt"]
        .map(str::to_owned);
    expected.sort();
    ensure!(names == expected, "{names:?}");
    Ok(())
}

#[test]
fn an_offer_ends_with_its_sender_and_a_file_that_changes_is_not_sent() -> Result<()> {
    let scene = scene(1, "")?;
    let path = file(&scene, "big", &bytes(MIB))?;
    let sender = send(&scene, "demo-1", &path, &[])?;
    let open = offer(&scene)?;
    sender.signal(Signal::INT)?;
    until("it to be withdrawn", PATIENCE, || {
        let files = files(&scene)?;
        Ok(files
            .iter()
            .any(|file| file["id"] == open["id"] && file["state"] == "withdrawn")
            .then_some(()))
    })?;
    scene.console(&["accept", &id(&open)?])?.refused(1, &["withdrawn"])?;

    let mut sender = send(&scene, "demo-1", &path, &[])?;
    let open = offer(&scene)?;
    fs::write(&path, bytes(MIB + 1))?;
    scene.console(&["accept", &id(&open)?])?.done()?;
    ensure!(sender.ended()? == Some(1), "{:?} {:?}", sender.said(), sender.told());
    ensure!(format!("{:?}{:?}", sender.said(), sender.told()).contains("changed"));
    ensure!(!received(&scene, "demo-1").join("big").exists());
    Ok(())
}

#[test]
fn a_received_file_is_fetched_whole_and_never_over_another() -> Result<()> {
    let scene = scene(1, "auto_accept_max = \"8MiB\"")?;
    let content = bytes(3 * MIB + 17);
    let path = file(&scene, "log.bin", &content)?;
    scene.agent("demo-1", &["send", &path])?.done()?;
    let known = files(&scene)?;
    let id = id(known.first().context("no file")?)?;
    let target = scene.stage.dir.join("fetched");
    fs::create_dir(&target)?;
    let to = target.display().to_string();
    scene.console(&["fetch", &id, "--to", &to])?.done()?;
    ensure!(fs::read(target.join("log.bin"))? == content);
    scene.console(&["fetch", &id, "--to", &to])?.refused(1, &["log.bin", "exists"])?;
    ensure!(fs::read_dir(&target)?.count() == 1, "something half-done stayed");
    scene.viewer(&["fetch", &id, "--to", "elsewhere"])?.refused(77, &["operator"])?;
    scene.console(&["fetch", "4711"])?.refused(1, &["4711"])?;
    let audit = scene.console(&["audit", "--json"])?.list()?;
    ensure!(audit.iter().any(|line| line["action"] == "fetch"), "{audit:?}");
    Ok(())
}

#[test]
fn links_in_the_way_of_a_file_are_neither_followed_nor_replaced() -> Result<()> {
    let mut scene = scene(2, "")?;
    let outside = scene.stage.dir.join("outside");
    fs::create_dir(&outside)?;
    let small = file(&scene, "small", b"small")?;
    fs::create_dir_all(scene.stage.dir.join("received_files"))?;
    std::os::unix::fs::symlink(&outside, received(&scene, "demo-1"))?;
    let ending = scene.agent("demo-1", &["send", &small])?;
    ensure!(ending.code == Some(1), "{ending:?}");
    ensure!(fs::read_dir(&outside)?.count() == 0, "it was written outside");
    scene.daemon_journal().until(&["demo-1", "symbolic link"])?;
    // In the place of the file itself.
    fs::create_dir_all(received(&scene, "demo-2"))?;
    std::os::unix::fs::symlink(outside.join("x"), received(&scene, "demo-2").join("small"))?;
    scene.agent("demo-2", &["send", &small])?.done()?;
    ensure!(fs::read(received(&scene, "demo-2").join("small (2)"))? == b"small");
    // While the bytes come: the folder of the host turns into a link.
    fs::remove_file(received(&scene, "demo-1"))?;
    let big = file(&scene, "big", &bytes(2 * MIB))?;
    let mut sender = send(&scene, "demo-1", &big, &[])?;
    let open = offer(&scene)?;
    let _gone = fs::remove_dir_all(received(&scene, "demo-1"));
    std::os::unix::fs::symlink(&outside, received(&scene, "demo-1"))?;
    let _refused = scene.console(&["accept", &id(&open)?])?;
    sender.signal(Signal::TERM)?;
    sender.ended()?;
    ensure!(fs::read_dir(&outside)?.count() == 0, "it was written outside");
    scene.is_unharmed(&["demo-1", "demo-2"])
}

#[test]
fn a_transfer_survives_whoever_is_killed() -> Result<()> {
    let (kills, size) = as_long_as((4, 60 * MIB), (20, 200 * MIB));
    let mut scene = scene(1, "auto_accept_max = \"1GiB\"")?;
    let content = bytes(size);
    let path = file(&scene, "dump", &content)?;
    let mut watch = scene.watch()?;
    let target = received(&scene, "demo-1").join("dump");
    for kill in 0..kills {
        let _before = fs::remove_file(&target);
        let mut sender = send(&scene, "demo-1", &path, &[])?;
        until("the first bytes", PATIENCE, || {
            let partials = scene.stage.dir.join("received_files/.partial");
            let mut partials = fs::read_dir(partials)?.filter_map(Result::ok);
            let has_some =
                partials.any(|entry| entry.metadata().is_ok_and(|found| found.len() > 0));
            Ok(has_some.then_some(()))
        })?;
        thread::sleep(Duration::from_millis(u64::try_from(kill * 37 % 230)?));
        if kill % 2 == 0 {
            scene.kill("demo-1")?;
            ensure!(!target.exists() || fs::read(&target)? == content, "a half file has the name");
            scene.start_agent("demo-1")?;
        } else {
            scene.kill(SYSTOLED)?;
            ensure!(!target.exists() || fs::read(&target)? == content, "a half file has the name");
            scene.start_daemon()?;
        }
        ensure!(sender.ended()? == Some(0), "kill {kill}: {:?} {:?}", sender.said(), sender.told());
        ensure!(fs::read(&target)? == content, "kill {kill}: other bytes");
    }
    println!("{kills} kills in the middle of {size} bytes");
    let names = fs::read_dir(received(&scene, "demo-1"))?.count();
    ensure!(names == 1, "{names} files");
    watch.listen(Duration::from_millis(100))?;
    scene.until_online(&["demo-1".to_owned()])
}

#[test]
fn heartbeats_are_on_time_while_a_file_comes() -> Result<()> {
    let scene = scene(1, "auto_accept_max = \"1GiB\"")?;
    let path = file(&scene, "dump", &bytes(200 * MIB))?;
    let mut watch = scene.watch()?;
    let mut sender = send(&scene, "demo-1", &path, &[])?;
    ensure!(sender.ended()? == Some(0), "{:?}", sender.told());
    watch.listen(Duration::from_secs(1))?;
    let is_late = |line: &&Value| line["kind"] == "host" && line["state"] != "online";
    let late: Vec<&Value> = watch.seen().iter().filter(is_late).collect();
    ensure!(late.is_empty(), "{late:?}");
    Ok(())
}
