//! The folder of received files is full, read-only, or no folder: whoever offers a file and whoever takes
//! it is told why, nothing is written elsewhere, and all goes on once it is mended, without a restart.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail, ensure};
use serde_json::Value;
use systole_common::model::file::FileState;
use systole_tests::dialogue::Dialogue;
use systole_tests::disk::SmallDisk;
use systole_tests::rogue::Rogue;
use systole_tests::scene::Scene;
use systole_tests::smuggler::{Passage, Smuggler, Wares, is};
use systole_tests::watch::Watch;
use systole_tests::{PATIENCE, until};
use xtask::demo::programs::SYSTOLED;
use xtask::test::skip;

use crate::files::{KIB, MIB, bytes, file, files, id, offer, send};
use crate::full_disk::take_inodes;

const NO_ROOM: &str = "no room for it on the monitor";
const LINK: &str = "is a symbolic link or no folder";
const READ_ONLY: &str = "Read-only file system";

/// Agents, and a small disk at `disk` with the folder of received files on it. `None`: such a disk cannot
/// be had here, and that was said.
fn on_small_disk(
    test: &str,
    agents: usize,
    size: &str,
    auto_accept: &str,
) -> Result<Option<(Scene, SmallDisk)>> {
    let mut scene = Scene::set_with(agents, |plan| {
        let path = plan.dir.join("disk/received_files");
        let files = format!(
            "[files]\npath = \"{}\"\nauto_accept_max = \"{auto_accept}\"\n",
            path.display()
        );
        plan.daemon_extra.push_str(&files);
    })?;
    let name = format!("files_refused::{test}");
    let disk = match SmallDisk::mount(&scene.stage.dir.join("disk"), size) {
        Ok(disk) => disk,
        Err(why) => return skip(&name, &why).map(|()| None).map_err(|why| anyhow!(why)),
    };
    scene.start_daemon()?;
    scene.start_agent("demo-1")?;
    scene.until_online(&["demo-1".to_owned()])?;
    Ok(Some((scene, disk)))
}

fn folder(scene: &Scene) -> PathBuf {
    scene.stage.dir.join("disk/received_files")
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = match fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_>>()?,
        Err(_) => Vec::new(),
    };
    names.sort();
    Ok(names)
}

/// The policy refuses `path` with `word`, and says so to its sender.
fn refused_at_once(scene: &Scene, path: &str, word: &str) -> Result<()> {
    let ending = scene.agent("demo-1", &["send", path])?;
    ending.refused_in_words(1, "REJECT ")?;
    ending.refused_in_words(1, word)?;
    ensure!(ending.stdout.lines().count() == 1, "{ending:?}");
    Ok(())
}

/// An operator cannot accept the file that waits, is told `words`, and it waits on.
fn waits_on(scene: &Scene, sender: &Dialogue, words: &[&str]) -> Result<()> {
    let open = &offer(scene)?;
    scene.console(&["accept", &id(open)?])?.refused(1, words)?;
    let still = &offer(scene)?;
    ensure!(still["id"] == open["id"] && still["state"] == "offered", "{still}");
    ensure!(still["decided_by"].is_null(), "{still}");
    ensure!(sender.said().is_empty(), "{:?}", sender.said());
    let audit = scene.console(&["audit", "--json"])?.list()?;
    let is_told = |line: &Value| {
        let reason = line["reason"].as_str().unwrap_or_default();
        line["action"] == "accept"
            && line["outcome"] == "refused"
            && words.iter().all(|word| reason.contains(word))
    };
    ensure!(audit.iter().any(is_told), "{audit:?}");
    Ok(())
}

/// An operator accepts the file that waits, and it comes whole, under its name.
fn is_taken(scene: &Scene, sender: &mut Dialogue, at: &Path, content: &[u8]) -> Result<()> {
    scene.console(&["accept", &id(&offer(scene)?)?])?.done()?;
    comes_whole(sender, at, content)
}

fn comes_whole(sender: &mut Dialogue, at: &Path, content: &[u8]) -> Result<()> {
    ensure!(sender.ended()? == Some(0), "{:?} {:?}", sender.said(), sender.told());
    sender.until_says("VERIFIED")?;
    ensure!(fs::read(at)? == content, "{}: other bytes", at.display());
    Ok(())
}

/// A file is offered by a host that is killed, and then accepted: its room is taken and no byte of it has
/// come. Its sender waits for the host's return.
fn accepted_while_away(scene: &mut Scene, path: &str) -> Result<Dialogue> {
    let sender = send(scene, "demo-1", path, &[])?;
    let open = offer(scene)?;
    scene.kill("demo-1")?;
    scene.console(&["accept", &id(&open)?])?.done()?;
    sender.until_tells("the agent is away")?;
    Ok(sender)
}

fn is_never_late(watch: &Watch, host: &str) -> Result<()> {
    let is_late =
        |line: &&Value| line["kind"] == "host" && line["host"] == host && line["state"] != "online";
    let late: Vec<&Value> = watch.seen().iter().filter(is_late).collect();
    ensure!(late.is_empty(), "{late:?}");
    Ok(())
}

/// Removes what stood in the way.
type Mend<'a> = Box<dyn FnOnce() -> Result<()> + 'a>;

/// What fits is refused with the reason while there is no room, and taken from the same sender afterwards.
fn without_room<'a>(scene: &mut Scene, shortage: impl Fn() -> Result<Mend<'a>>) -> Result<()> {
    let (small, large) = (bytes(30 * KIB), bytes(5 * MIB));
    let small_path = file(scene, "small", &small)?;
    let large_path = file(scene, "large", &large)?;
    let below = folder(scene);
    let mut watch = scene.watch()?;
    let mend = shortage()?;
    refused_at_once(scene, &small_path, NO_ROOM)?;
    refused_at_once(scene, &small_path, &below.display().to_string())?;
    let mut sender = send(scene, "demo-1", &large_path, &[])?;
    waits_on(scene, &sender, &[NO_ROOM, &below.display().to_string()])?;
    ensure!(names(&below.join(".partial"))?.is_empty(), "a part of it stays");
    ensure!(names(&below.join("demo-1"))?.is_empty(), "something came");
    mend()?;
    is_taken(scene, &mut sender, &below.join("demo-1/large"), &large)?;
    scene.agent("demo-1", &["send", &small_path])?.done()?;
    ensure!(fs::read(below.join("demo-1/small"))? == small);
    fs::remove_file(below.join("demo-1/large"))?;
    scene.is_unharmed(&["demo-1"])?;
    watch
        .until("what was refused", |line| line["kind"] == "file" && line["state"] == "verified")?;
    is_never_late(&watch, "demo-1")?;
    // Room that a file has is its own, whatever comes meanwhile.
    let mut sender = accepted_while_away(scene, &large_path)?;
    let mend = shortage()?;
    scene.start_agent("demo-1")?;
    comes_whole(&mut sender, &below.join("demo-1/large"), &large)?;
    ensure!(names(&below.join(".partial"))?.is_empty());
    mend()
}

#[test]
fn a_full_disk_refuses_files_with_the_reason_and_takes_them_later() -> Result<()> {
    let name = "a_full_disk_refuses_files_with_the_reason_and_takes_them_later";
    let Some((mut scene, disk)) = on_small_disk(name, 1, "16m", "64KiB")? else { return Ok(()) };
    without_room(&mut scene, || {
        disk.fill()?;
        Ok(Box::new(|| disk.make_room()))
    })?;
    // The reserve is never given away: 13 MiB would fit without it.
    let large = file(&scene, "larger", &bytes(13 * MIB))?;
    let sender = send(&scene, "demo-1", &large, &[])?;
    waits_on(&scene, &sender, &[NO_ROOM])
}

#[test]
fn a_disk_without_inodes_refuses_files_with_the_reason_and_takes_them_later() -> Result<()> {
    let name = "a_disk_without_inodes_refuses_files_with_the_reason_and_takes_them_later";
    let size = "32m,nr_inodes=64";
    let Some((mut scene, _disk)) = on_small_disk(name, 1, size, "64KiB")? else { return Ok(()) };
    let folder = scene.stage.dir.join("disk");
    without_room(&mut scene, || {
        let taken = take_inodes(&folder)?;
        Ok(Box::new(|| taken.into_iter().try_for_each(|path| Ok(fs::remove_file(path)?))))
    })
}

#[test]
fn room_that_is_gone_in_the_middle_of_a_file_does_not_end_it() -> Result<()> {
    let name = "room_that_is_gone_in_the_middle_of_a_file_does_not_end_it";
    let Some((mut scene, disk)) = on_small_disk(name, 2, "16m", "16MiB")? else { return Ok(()) };
    let content = bytes(9 * MIB);
    let rogue = Rogue::new(&scene.stage, "demo-2")?;
    let mut smuggler = Smuggler::new(&rogue)?;
    let accepted = smuggler.answer(&Wares::of("middle", &content))?;
    ensure!(is(&accepted, FileState::Accepted), "{accepted:?}");
    let bulk = smuggler.bulk()?;
    let (mut passage, word) = Passage::open(&bulk, accepted.file)?;
    ensure!(word.is_some_and(|word| is(&word, FileState::Receiving)));
    for (number, piece) in content.chunks(MIB).enumerate() {
        if number == 4 {
            disk.fill()?;
            let small = file(&scene, "small", b"small")?;
            refused_at_once(&scene, &small, NO_ROOM)?;
        }
        passage.send(u64::try_from(number * MIB)?, piece)?;
    }
    let over = passage.word()?;
    ensure!(over.as_ref().is_some_and(|word| is(word, FileState::Verified)), "{over:?}");
    ensure!(fs::read(folder(&scene).join("demo-2/middle"))? == content);
    ensure!(names(&folder(&scene).join(".partial"))?.is_empty());
    scene.is_unharmed(&["demo-1"])
}

#[test]
fn a_read_only_folder_refuses_files_and_nothing_else_stops() -> Result<()> {
    let name = "a_read_only_folder_refuses_files_and_nothing_else_stops";
    let Some((mut scene, disk)) = on_small_disk(name, 1, "32m", "64KiB")? else { return Ok(()) };
    let large = bytes(5 * MIB);
    let small_path = file(&scene, "small", b"small")?;
    let large_path = file(&scene, "large", &large)?;
    let at = folder(&scene).join("demo-1/large");
    let mut watch = scene.watch()?;
    disk.make_read_only()?;
    refused_at_once(&scene, &small_path, READ_ONLY)?;
    let mut sender = send(&scene, "demo-1", &large_path, &[])?;
    waits_on(&scene, &sender, &[READ_ONLY])?;
    scene.console(&["say", "@demo-1", "the disk is read-only"])?.done()?;
    scene.is_unharmed(&["demo-1"])?;
    disk.make_writable()?;
    is_taken(&scene, &mut sender, &at, &large)?;
    watch.until("the end of it", |line| line["kind"] == "file" && line["state"] == "verified")?;
    is_never_late(&watch, "demo-1")?;
    fs::remove_file(&at)?;

    // Accepted, and read-only before its bytes come.
    let mut sender = accepted_while_away(&mut scene, &large_path)?;
    disk.make_read_only()?;
    scene.start_agent("demo-1")?;
    let said = sender.until_says("FAILED")?;
    ensure!(said.contains(READ_ONLY), "{said}");
    ensure!(sender.ended()? == Some(1), "{:?} {:?}", sender.said(), sender.told());
    let failed = files(&scene)?.into_iter().find(|file| file["state"] == "failed");
    let Some(failed) = failed else { bail!("nothing failed: {:?}", files(&scene)?) };
    ensure!(failed["reason"].to_string().contains(READ_ONLY), "{failed}");
    scene.console(&["accept", &id(&failed)?])?.refused(1, &["failed", READ_ONLY])?;
    ensure!(scene.runs(SYSTOLED)?);
    disk.make_writable()?;
    ensure!(names(&folder(&scene).join("demo-1"))?.is_empty(), "a part has its name");
    let mut sender = send(&scene, "demo-1", &large_path, &[])?;
    is_taken(&scene, &mut sender, &at, &large)?;
    // What could not be removed does not stay for ever.
    scene.kill(SYSTOLED)?;
    scene.start_daemon()?;
    until("no part of the failed file", PATIENCE, || {
        Ok(names(&folder(&scene).join(".partial"))?.is_empty().then_some(()))
    })
}

#[test]
fn a_host_gets_its_share_and_no_more() -> Result<()> {
    let mut scene = crate::files::scene(2, "auto_accept_max = \"2MiB\"\nper_host = \"3MiB\"")?;
    let share = "files.per_host";
    let path = file(&scene, "dump", &bytes(2 * MIB))?;
    scene.agent("demo-1", &["send", &path])?.done()?;
    refused_at_once(&scene, &path, share)?;
    let large = bytes(2 * MIB + 1);
    let mut sender = send(&scene, "demo-1", &file(&scene, "large", &large)?, &[])?;
    waits_on(&scene, &sender, &[share, "demo-1"])?;
    scene.agent("demo-2", &["send", &path])?.done()?;
    // What an operator removes does not count any more.
    let at = crate::files::received(&scene, "demo-1");
    fs::remove_file(at.join("dump"))?;
    is_taken(&scene, &mut sender, &at.join("large"), &large)?;
    scene.is_unharmed(&["demo-1", "demo-2"])
}

/// The folder is `wrong` when the daemon starts: files are refused with `words`, all else goes on, and
/// once `mend` has mended it the file that waited is taken.
fn wrong_folder(
    wrong: impl FnOnce(&Path) -> Result<()>,
    words: &str,
    mend: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let mut at = PathBuf::new();
    let mut scene = Scene::set_with(1, |plan| {
        at = plan.dir.join("received_files");
        let files = format!("[files]\npath = \"{}\"\n", at.display());
        plan.daemon_extra.push_str(&files);
    })?;
    wrong(&at)?;
    scene.start_all()?;
    scene.daemon_journal().only(&["files cannot be received", words])?;
    let small = file(&scene, "small", b"small")?;
    refused_at_once(&scene, &small, words)?;
    let large = bytes(MIB);
    let mut sender = send(&scene, "demo-1", &file(&scene, "large", &large)?, &[])?;
    waits_on(&scene, &sender, &[words])?;
    scene.is_unharmed(&["demo-1"])?;
    mend(&at)?;
    is_taken(&scene, &mut sender, &at.join("demo-1/large"), &large)?;
    scene.agent("demo-1", &["send", &small])?.done().map(drop)
}

/// A folder that is none of the daemon's business.
fn outside(at: &Path) -> PathBuf {
    at.with_file_name("outside")
}

fn make_outside(at: &Path) -> Result<()> {
    fs::create_dir(outside(at))?;
    // A name like that of a partial file.
    Ok(fs::write(outside(at).join("7"), b"precious")?)
}

fn is_untouched(at: &Path) -> Result<()> {
    let found = names(&outside(at))?;
    ensure!(found == ["7"], "it was written or removed outside: {found:?}");
    ensure!(fs::read(outside(at).join("7"))? == b"precious");
    Ok(())
}

#[test]
fn a_link_in_the_place_of_the_folder_is_not_followed() -> Result<()> {
    let wrong = |at: &Path| {
        make_outside(at)?;
        Ok(symlink(outside(at), at)?)
    };
    wrong_folder(wrong, LINK, |at| {
        is_untouched(at)?;
        Ok(fs::remove_file(at)?)
    })
}

#[test]
fn a_link_in_the_place_of_the_partial_files_is_not_followed() -> Result<()> {
    let wrong = |at: &Path| {
        make_outside(at)?;
        fs::create_dir(at)?;
        Ok(symlink(outside(at), at.join(".partial"))?)
    };
    wrong_folder(wrong, LINK, |at| {
        is_untouched(at)?;
        Ok(fs::remove_file(at.join(".partial"))?)
    })
}

#[test]
fn a_file_in_the_place_of_the_folder_is_left_alone() -> Result<()> {
    let wrong = |at: &Path| Ok(fs::write(at, b"precious")?);
    wrong_folder(wrong, LINK, |at| {
        ensure!(fs::read(at)? == b"precious");
        Ok(fs::remove_file(at)?)
    })
}

#[test]
fn a_folder_that_cannot_be_made_is_told() -> Result<()> {
    let name = "a_folder_that_cannot_be_made_is_told";
    let Some((mut scene, disk)) = on_small_disk(name, 1, "32m", "64KiB")? else { return Ok(()) };
    scene.kill(SYSTOLED)?;
    fs::remove_dir_all(folder(&scene))?;
    disk.make_read_only()?;
    scene.start_daemon()?;
    scene.until_online(&["demo-1".to_owned()])?;
    let small = file(&scene, "small", b"small")?;
    refused_at_once(&scene, &small, READ_ONLY)?;
    refused_at_once(&scene, &small, &folder(&scene).display().to_string())?;
    scene.daemon_journal().until(&["files cannot be received", READ_ONLY])?;
    scene.is_unharmed(&["demo-1"])?;
    disk.make_writable()?;
    scene.agent("demo-1", &["send", &small])?.done()?;
    ensure!(fs::read(folder(&scene).join("demo-1/small"))? == b"small");
    Ok(())
}

#[test]
fn a_folder_that_turns_into_a_link_before_the_bytes_come_gets_none() -> Result<()> {
    let mut scene = crate::files::scene(1, "")?;
    let at = scene.stage.dir.join("received_files");
    make_outside(&at)?;
    let large = file(&scene, "large", &bytes(MIB))?;
    let mut sender = accepted_while_away(&mut scene, &large)?;
    fs::rename(&at, at.with_file_name("moved"))?;
    symlink(outside(&at), &at)?;
    scene.start_agent("demo-1")?;
    let said = sender.until_says("FAILED")?;
    ensure!(said.contains(LINK), "{said}");
    ensure!(sender.ended()? == Some(1), "{:?} {:?}", sender.said(), sender.told());
    is_untouched(&at)?;
    ensure!(names(&at.with_file_name("moved").join("demo-1"))?.is_empty());
    Ok(())
}
