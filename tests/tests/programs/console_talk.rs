//! Chat and files in the console on a terminal: what hosts say is seen, what is typed arrives, a file is
//! taken by two keys and by nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use systole_common::text::is_hidden;
use systole_tests::dialogue::Dialogue;
use systole_tests::pty::Pty;
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};

const SMALL: (u16, u16) = (80, 24);
const MEDIUM: (u16, u16) = (120, 40);
/// Longer than a card that has just come onto the screen, or was just armed, is deaf.
const CARD_HEARS: Duration = Duration::from_millis(450);

fn scene() -> Result<Scene> {
    let mut scene = Scene::set_with(2, |plan| {
        let path = plan.dir.join("received_files");
        let files = format!("[files]\npath = \"{}\"\n", path.display());
        plan.daemon_extra.push_str(&files);
    })?;
    scene.start_all()?;
    Ok(scene)
}

fn console(scene: &Scene, size: (u16, u16)) -> Result<Pty> {
    let console = Pty::start(&scene.programs.console(&scene.stage, &[]), size, &[])?;
    console.until_shows("LIVE")?;
    for agent in &scene.stage.agents {
        console.until_shows(agent)?;
    }
    Ok(console)
}

#[test]
fn a_line_typed_in_the_console_is_read_on_the_host_and_its_answer_seen() -> Result<()> {
    let scene = scene()?;
    let chat = scene.programs.agent_command(&scene.stage, "demo-1", &["chat"]);
    let mut chat = Dialogue::start(chat)?;
    let console = console(&scene, MEDIUM)?;
    console.press(":say @demo-1 is eth1 up?\r")?;
    chat.until_says("is eth1 up?")?;
    chat.type_line("no link on eth1")?;
    console.until_shows("no link on eth1")?;
    console.press("3")?;
    console.until_shows("no link on eth1")?;
    chat.type_line("\u{1b}]0;gotcha\u{7}\u{202e}x")?;
    console.until_shows("\\x1b]0;gotcha")?;
    ensure!(!console.screen().chars().any(|sign| sign != '\n' && is_hidden(sign)));
    console.press("q")?;
    console.press("q")?;
    console.press("q")?;
    Ok(())
}

#[test]
fn a_file_is_taken_by_two_keys_and_by_nothing_else() -> Result<()> {
    let scene = scene()?;
    let content = vec![0x5a; 3 << 20];
    let path = scene.stage.dir.join("core.dump");
    fs::write(&path, &content)?;
    let shown = path.display().to_string();
    for size in [SMALL, MEDIUM] {
        let target = scene.stage.dir.join("received_files/demo-1/core.dump");
        let _before = fs::remove_file(&target);
        let console = console(&scene, size)?;
        let sender = scene.programs.agent_command(&scene.stage, "demo-1", &["send", &shown]);
        let mut sender = Dialogue::start(sender)?;
        console.until_shows("offer:")?;
        console.press("4")?;
        // Its name alone was on the screen before, and its card came with the view.
        console.until_shows("4 FILES")?;
        thread::sleep(CARD_HEARS);
        // A paste is no answer, and one key is none.
        console.press("\x1b[200~y\r\x1b[201~")?;
        console.press("y")?;
        console.until_shows("ARMED")?;
        console.press("\x1b")?;
        thread::sleep(CARD_HEARS);
        let open = scene.console(&["files", "--open", "--json"])?.list()?;
        ensure!(open.len() == 1 && open.iter().all(|file| file["state"] == "offered"), "{open:?}");
        // What was typed ahead is no answer either: nobody saw that it is armed.
        console.press("y\r")?;
        console.until_shows("not accepted yet")?;
        console.until_shows("ARMED")?;
        thread::sleep(CARD_HEARS);
        let open = scene.console(&["files", "--open", "--json"])?.list()?;
        ensure!(open.iter().all(|file| file["state"] == "offered"), "{open:?}");
        console.press("\r")?;
        sender.until_says("READY")?;
        ensure!(sender.ended()? == Some(0), "{:?}", sender.told());
        console.until("it is verified", |lines| {
            lines.iter().any(|line| line.to_lowercase().contains("verified"))
        })?;
        ensure!(fs::read(&target)? == content);
        ensure!(fs::metadata(&target)?.permissions().mode() & 0o7777 == 0o600);
    }
    let decided = until("the trail", PATIENCE, || {
        let audit = scene.console(&["audit", "--json"])?.list()?;
        let accepts = audit.iter().filter(|line| line["action"] == "accept").count();
        Ok((accepts == 2).then_some(audit))
    })?;
    ensure!(decided.iter().any(|line| line["operator"] != "daemon"), "{decided:?}");
    Ok(())
}

#[test]
fn a_file_is_refused_by_keys_with_a_reason_that_its_sender_reads() -> Result<()> {
    let scene = scene()?;
    let path = scene.stage.dir.join("core.dump");
    fs::write(&path, vec![0x5a; 1 << 20])?;
    let console = console(&scene, SMALL)?;
    let shown = path.display().to_string();
    let sender = scene.programs.agent_command(&scene.stage, "demo-1", &["send", &shown]);
    let mut sender = Dialogue::start(sender)?;
    console.until_shows("offer:")?;
    console.press("4")?;
    console.until_shows("4 FILES")?;
    thread::sleep(CARD_HEARS);
    console.press("n")?;
    console.until_shows("why >")?;
    thread::sleep(CARD_HEARS);
    console.press("not today\r")?;
    ensure!(sender.until_says("REJECT")?.contains("not today"));
    ensure!(sender.ended()? == Some(1));
    ensure!(!scene.stage.dir.join("received_files/demo-1/core.dump").exists());
    Ok(())
}
