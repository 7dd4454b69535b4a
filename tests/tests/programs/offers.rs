//! What people do wrong with offers, on the host and at the console: each gets one clear word, and an
//! offer that nobody stands behind any more does not stay.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::{Signal, geteuid};
use serde_json::Value;
use systole_tests::dialogue::Dialogue;
use systole_tests::disk::SmallDisk;
use systole_tests::ending::Ending;
use systole_tests::kept::through_relay;
use systole_tests::relay::Weather;
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};
use xtask::test::skip;

use crate::files::{MIB, bytes, file, files, id, offer, received, scene, send};

/// Agents that come back give the users of their offers some time to do so, too.
const COMES_BACK: Duration = Duration::from_secs(90);
/// `nobody`, by its number on all systems.
const NOBODY: u32 = 65_534;

fn until_state(scene: &Scene, id: &str, state: &str, limit: Duration) -> Result<Value> {
    let number = id.parse().ok();
    until(&format!("file {id} {state}"), limit, || {
        let is_it = |file: &&Value| file["id"].as_u64() == number && file["state"] == state;
        Ok(files(scene)?.iter().find(is_it).cloned())
    })
}

fn partials(scene: &Scene) -> Result<usize> {
    Ok(fs::read_dir(scene.stage.dir.join("received_files/.partial"))?.count())
}

#[test]
fn a_pipe_a_socket_and_a_name_that_is_none_end_at_once() -> Result<()> {
    let scene = scene(1, "")?;
    let dir = &scene.stage.dir;
    let (pipe, socket) = (dir.join("pipe"), dir.join("socket"));
    mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR)?;
    let _listener = UnixListener::bind(&socket)?;
    let sent = |path: &Path| scene.agent("demo-1", &["send", &path.display().to_string()]);
    // Nobody writes into the pipe, and /dev/zero never ends.
    sent(&pipe)?.refused(1, &["a pipe", "regular files"])?;
    sent(&socket)?.refused(1, &["a socket", "regular files"])?;
    sent(Path::new("/dev/zero"))?.refused(1, &["/dev/zero", "a device"])?;
    sent(&dir.join("x".repeat(256)))?.refused(1, &["File name too long"])?;
    for nameless in [&["send", ""][..], &["send"]] {
        let ending = scene.agent("demo-1", nameless)?;
        ensure!(ending.code == Some(64) && ending.stderr.contains("<FILE>"), "{ending:?}");
    }
    let odd = dir.join(std::ffi::OsStr::from_bytes(b"a\xff"));
    fs::write(&odd, b"x")?;
    let mut command = scene.programs.agent_command(&scene.stage, "demo-1", &["send"]);
    command.arg(&odd);
    Ending::of(command)?.refused_in_words(1, "REJECT bad name")?;
    ensure!(files(&scene)?.is_empty(), "something was offered: {:?}", files(&scene)?);
    // The longest name there is, twice.
    let longest = file(&scene, &format!("{}.txt", "é".repeat(125)), b"x")?;
    for _ in 0..2 {
        scene.agent("demo-1", &["send", &longest])?.done()?;
    }
    ensure!(fs::read_dir(received(&scene, "demo-1"))?.count() == 2);
    Ok(())
}

/// `systole-agent send PATH` by a user who is not root, of a program that this user can reach.
fn by_nobody(scene: &Scene, program: &Path, path: &Path) -> Result<Ending> {
    let mut command = Command::new(program);
    command.arg("send").arg(path).arg("--config").arg(scene.stage.agent_toml("demo-1"));
    command.current_dir(&scene.stage.dir).uid(NOBODY).gid(NOBODY);
    Ending::of(command)
}

#[test]
fn a_user_sends_what_the_user_may_read_over_a_socket_that_is_open_to_it() -> Result<()> {
    let name = "offers::a_user_sends_what_the_user_may_read_over_a_socket_that_is_open_to_it";
    if !geteuid().is_root() {
        let why = "only root may start a program as another user";
        return skip(name, why).map_err(|why| anyhow!(why));
    }
    let scene = scene(1, "")?;
    let dir = &scene.stage.dir;
    fs::set_permissions(dir, Permissions::from_mode(0o755))?;
    let program = dir.join("systole-agent");
    let built = scene.programs.agent_command(&scene.stage, "demo-1", &[]);
    fs::copy(built.get_program(), &program)?;
    let (secret, own) = (dir.join("secret"), dir.join("own"));
    fs::write(&secret, b"secret")?;
    fs::set_permissions(&secret, Permissions::from_mode(0o600))?;
    fs::write(&own, b"own")?;
    fs::set_permissions(&own, Permissions::from_mode(0o600))?;
    chown(&own, Some(NOBODY), Some(NOBODY))?;

    let socket = dir.join("agent-demo-1.sock");
    ensure!(fs::metadata(&socket)?.permissions().mode() & 0o777 == 0o660);
    by_nobody(&scene, &program, &own)?.refused(77, &["agent-demo-1.sock", "may not use it"])?;
    chown(&socket, None, Some(NOBODY))?;
    by_nobody(&scene, &program, &secret)?.refused(1, &["secret", "Permission denied"])?;
    ensure!(files(&scene)?.is_empty(), "something was offered: {:?}", files(&scene)?);
    by_nobody(&scene, &program, &own)?.done()?;
    ensure!(fs::read(received(&scene, "demo-1").join("own"))? == b"own");
    let file = files(&scene)?.into_iter().next().context("no file")?;
    let sender = file["sender"].as_str().unwrap_or_default();
    ensure!(sender.starts_with("demo-1/") && sender != "demo-1/root", "{file}");
    Ok(())
}

#[test]
fn a_file_that_shrinks_or_is_written_anew_is_not_sent() -> Result<()> {
    let scene = scene(1, "")?;
    let content = bytes(MIB);
    let other: Vec<u8> = content.iter().map(|byte| !byte).collect();
    let half = content.get(..MIB / 2).context("no half")?;
    for (name, changed) in [("half", half), ("empty", &[]), ("other", &other)] {
        let path = file(&scene, name, &content)?;
        let mut sender = send(&scene, "demo-1", &path, &[])?;
        let open = offer(&scene)?;
        fs::write(&path, changed)?;
        // Too late where the agent was quicker to notice.
        let accepted = scene.console(&["accept", &id(&open)?])?;
        ensure!(matches!(accepted.code, Some(0 | 1)), "{accepted:?}");
        ensure!(sender.ended()? == Some(1), "{name}: {:?} {:?}", sender.said(), sender.told());
        let words = format!("{:?}{:?}", sender.said(), sender.told());
        ensure!(words.contains("changed"), "{name}: {words}");
        let over = until_state(&scene, &id(&open)?, "failed", PATIENCE)?;
        ensure!(over["reason"].to_string().contains("changed"), "{over}");
    }
    ensure!(fs::read_dir(received(&scene, "demo-1"))?.count() == 0, "a half file has a name");
    until("no part of them", PATIENCE, || Ok((partials(&scene)? == 0).then_some(())))
}

#[test]
fn a_file_that_grows_all_the_time_is_not_sent() -> Result<()> {
    let scene = scene(1, "auto_accept_max = \"1GiB\"")?;
    let path = file(&scene, "log", &bytes(64 * MIB))?;
    let is_over = AtomicBool::new(false);
    let ending = thread::scope(|scope| {
        let growing = scope.spawn(|| -> Result<()> {
            let mut log = OpenOptions::new().append(true).open(&path)?;
            while !is_over.load(Ordering::Relaxed) {
                log.write_all(b"one more line\n")?;
            }
            Ok(())
        });
        let ending = scene.agent("demo-1", &["send", &path]);
        is_over.store(true, Ordering::Relaxed);
        growing.join().map_err(|_| anyhow!("the writer panicked"))??;
        ending
    })?;
    ensure!(ending.code == Some(1), "{ending:?}");
    let words = format!("{}{}", ending.stdout, ending.stderr);
    ensure!(words.contains("changed"), "{ending:?}");
    ensure!(!received(&scene, "demo-1").join("log").exists());
    Ok(())
}

#[test]
fn while_a_file_comes_its_rate_and_the_time_left_are_told_on_both_sides() -> Result<()> {
    let mut scene = Scene::set_with(1, |plan| {
        let path = plan.dir.join("received_files");
        let files = format!("[files]\npath = \"{}\"\nauto_accept_max = \"1GiB\"\n", path.display());
        plan.daemon_extra.push_str(&files);
    })?;
    // A long way, and half a mebibyte at a time: the bytes take seconds on any machine.
    let relay = through_relay(&scene, "demo-1", 5)?;
    let delay = Duration::from_millis(50);
    relay.set(Weather { delay, ..Weather::default() });
    scene.start_all()?;
    let content = bytes(24 * MIB);
    let path = file(&scene, "dump", &content)?;
    let mut watch = scene.watch()?;
    let mut sender = send(&scene, "demo-1", &path, &[])?;
    let is_fast = |line: &Value| line["kind"] == "file" && !line["rate_bytes_per_s"].is_null();
    let line = watch.until("a rate", is_fast)?;
    let number = |field: &str| line[field].as_f64().unwrap_or(f64::NAN);
    ensure!(line["state"] == "receiving", "{line}");
    ensure!(number("rate_bytes_per_s") > 0.0 && number("left_ms") > 0.0, "{line}");
    let (come, size) = (number("received_bytes"), number("size_bytes"));
    ensure!(come > 0.0 && come < size, "{line}");
    let left_s = (size - come) / number("rate_bytes_per_s");
    ensure!((left_s * 1_000.0 - number("left_ms")).abs() < left_s * 10.0 + 2.0, "{line}");
    ensure!(line["previous"]["received_bytes"].as_f64() < Some(come), "{line}");
    let line = until("a line of progress", PATIENCE, || {
        let told = sender.told();
        Ok(told.into_iter().find(|line| line.contains("/s ") && line.contains(" left")))
    })?;
    ensure!(line.contains(" %") && line.contains(" of 24.0 MiB"), "{line}");
    ensure!(sender.ended()? == Some(0), "{:?}", sender.told());
    ensure!(sender.told().iter().any(|line| line.contains("100 %")), "{:?}", sender.told());
    let over =
        watch.until("the end", |line| line["kind"] == "file" && line["state"] == "verified")?;
    ensure!(over["rate_bytes_per_s"].is_null() && over["left_ms"].is_null(), "{over}");
    ensure!(fs::read(received(&scene, "demo-1").join("dump"))? == content);
    Ok(())
}

#[test]
fn what_was_decided_or_never_was_cannot_be_decided_again() -> Result<()> {
    let scene = scene(1, "")?;
    for words in [["accept", "4711"], ["reject", "4711"]] {
        scene.console(&words)?.refused(1, &["4711", "systole files"])?;
    }
    for words in [["accept", "x"], ["accept", "99999999999999999999"], ["reject", "1.5"]] {
        let ending = scene.console(&words)?;
        ensure!(ending.code == Some(64) && ending.stderr.contains(words[1]), "{ending:?}");
    }
    let path = file(&scene, "dump", &bytes(MIB))?;
    let mut sender = send(&scene, "demo-1", &path, &[])?;
    let open = id(&offer(&scene)?)?;
    scene.viewer(&["accept", &open])?.refused(77, &["operator", "viewer"])?;
    scene.console(&["accept", &open])?.done()?;
    let again = scene.console(&["accept", &open])?;
    again.refused(1, &[&format!("file {open}"), "was accepted by demo"])?;
    let late = scene.console(&["reject", &open, "--why", "too late"])?;
    late.refused(1, &[&format!("file {open}"), "was accepted by demo"])?;
    ensure!(sender.ended()? == Some(0), "{:?} {:?}", sender.said(), sender.told());
    let late = scene.console(&["reject", &open])?;
    late.refused(1, &["was accepted by demo", "saved"])?;

    let mut sender = send(&scene, "demo-1", &path, &[])?;
    let open = id(&offer(&scene)?)?;
    scene.console(&["reject", &open, "--why", "once is enough"])?.done()?;
    ensure!(sender.until_says("REJECT")?.contains("once is enough"));
    ensure!(sender.ended()? == Some(1));
    for action in ["accept", "reject"] {
        scene.console(&[action, &open])?.refused(1, &["was rejected by demo"])?;
    }
    scene.console(&["fetch", &open])?.refused(1, &["rejected", "nothing to fetch"])?;
    ensure!(fs::read_dir(received(&scene, "demo-1"))?.count() == 1);
    // One whose sender is killed without a word is withdrawn all the same.
    let sender = send(&scene, "demo-1", &path, &[])?;
    let open = id(&offer(&scene)?)?;
    sender.signal(Signal::KILL)?;
    until_state(&scene, &open, "withdrawn", PATIENCE)?;
    for action in ["accept", "reject"] {
        scene.console(&[action, &open])?.refused(1, &["was withdrawn", "its sender ended it"])?;
    }
    // An offer that is repeated by the same user is another one.
    let mut senders = [send(&scene, "demo-1", &path, &[])?, send(&scene, "demo-1", &path, &[])?];
    until("both", PATIENCE, || {
        let open = scene.console(&["files", "--open", "--json"])?.list()?;
        Ok((open.len() == 2).then_some(()))
    })?;
    for _ in 0..2 {
        let open = scene.console(&["files", "--open", "--json"])?.list()?;
        let waits = open.iter().find(|file| file["state"] == "offered").context("none waits")?;
        scene.console(&["accept", &id(waits)?])?.done()?;
    }
    for sender in &mut senders {
        ensure!(sender.ended()? == Some(0), "{:?} {:?}", sender.said(), sender.told());
    }
    ensure!(fs::read_dir(received(&scene, "demo-1"))?.count() == 3);
    Ok(())
}

/// Offers of a host of which the agent and the senders are killed; `take` decides on them in between.
fn orphans(
    scene: &mut Scene,
    names: &[&str],
    take: impl FnOnce(&Scene, &[String]) -> Result<()>,
) -> Result<Vec<String>> {
    let (mut senders, mut offers): (Vec<Dialogue>, Vec<String>) = (Vec::new(), Vec::new());
    for name in names {
        let path = file(scene, name, &bytes(MIB))?;
        senders.push(send(scene, "demo-1", &path, &[])?);
        let open = until("its offer", PATIENCE, || {
            let open = scene.console(&["files", "--open", "--json"])?.list()?;
            Ok(open.into_iter().find(|file| file["name"] == *name))
        })?;
        offers.push(id(&open)?);
    }
    scene.kill("demo-1")?;
    take(scene, &offers)?;
    for sender in &mut senders {
        sender.signal(Signal::KILL)?;
        ensure!(sender.ended()?.is_none());
    }
    Ok(offers)
}

#[test]
fn offers_of_a_host_that_died_end_in_time() -> Result<()> {
    let mut scene = scene(1, "offer_ttl = \"6s\"\npartial_ttl = \"6s\"")?;
    let names = ["undecided", "accepted"];
    let offers = orphans(&mut scene, &names, |scene, offers| {
        let accepted = offers.get(1).context("no offer")?;
        scene.console(&["accept", accepted])?.done()?;
        ensure!(partials(scene)? == 1, "no room was taken");
        Ok(())
    })?;
    let [undecided, accepted] = offers.as_slice() else { bail!("{offers:?}") };
    let over = until_state(&scene, undecided, "expired", PATIENCE)?;
    ensure!(over["reason"].to_string().contains("nobody decided within 6 s"), "{over}");
    scene.console(&["accept", undecided])?.refused(1, &["expired", "nobody decided"])?;
    until("its end", PATIENCE, || {
        let open = scene.console(&["files", "--open", "--json"])?.list()?;
        Ok(open.is_empty().then_some(()))
    })?;
    scene.console(&["accept", accepted])?.refused(1, &["did not go on for 6 s"])?;
    until("no part of it", PATIENCE, || Ok((partials(&scene)? == 0).then_some(())))?;
    ensure!(fs::read_dir(received(&scene, "demo-1"))?.count() == 0);
    Ok(())
}

#[test]
fn offers_of_a_host_that_comes_back_without_their_senders_are_withdrawn() -> Result<()> {
    let mut scene = scene(1, "")?;
    let names = ["undecided", "accepted"];
    let offers = orphans(&mut scene, &names, |scene, offers| {
        let accepted = offers.get(1).context("no offer")?;
        scene.console(&["accept", accepted])?.done().map(drop)
    })?;
    scene.start_agent("demo-1")?;
    for open in &offers {
        let over = until_state(&scene, open, "withdrawn", COMES_BACK)?;
        ensure!(over["reason"].to_string().contains("its sender is gone"), "{over}");
        scene.console(&["accept", open])?.refused(1, &["withdrawn", "its sender is gone"])?;
    }
    until("no part of them", PATIENCE, || Ok((partials(&scene)? == 0).then_some(())))?;
    ensure!(fs::read_dir(received(&scene, "demo-1"))?.count() == 0);
    Ok(())
}

#[test]
fn a_fetch_that_finds_no_room_or_no_folder_leaves_nothing() -> Result<()> {
    let name = "offers::a_fetch_that_finds_no_room_or_no_folder_leaves_nothing";
    let scene = scene(1, "auto_accept_max = \"8MiB\"")?;
    let disk = match SmallDisk::mount(&scene.stage.dir.join("disk"), "2m") {
        Ok(disk) => disk,
        Err(why) => return skip(name, &why).map_err(|why| anyhow!(why)),
    };
    let content = bytes(3 * MIB);
    for (name, bytes) in [("dump", content.as_slice()), ("small", b"small")] {
        scene.agent("demo-1", &["send", &file(&scene, name, bytes)?])?.done()?;
    }
    let fetch = |name: &str, to: &str| -> Result<Ending> {
        let known = files(&scene)?;
        let file = known.iter().find(|file| file["name"] == name).context("no file")?;
        scene.console(&["fetch", &id(file)?, "--to", to])
    };
    fetch("dump", "disk")?.refused(1, &["disk", "2.0 MiB are free", "has 3.0 MiB"])?;
    disk.make_read_only()?;
    fetch("small", "disk")?.refused(1, &["disk", "Read-only file system"])?;
    fetch("small", "disk/dump")?.refused(1, &["disk", "Read-only file system"])?;
    ensure!(fs::read_dir(scene.stage.dir.join("disk"))?.count() == 0, "something stays");
    fetch("dump", "nowhere/dump")?.refused(1, &["nowhere", "No such file"])?;
    ensure!(!scene.stage.dir.join("nowhere").exists());
    // A link in its place is neither followed nor replaced.
    symlink("aim", scene.stage.dir.join("link"))?;
    fetch("dump", "link")?.refused(1, &["link", "exists"])?;
    ensure!(!scene.stage.dir.join("aim").exists());
    fetch("dump", "fetched")?.done()?;
    ensure!(fs::read(scene.stage.dir.join("fetched"))? == content);
    Ok(())
}
