//! The console on a terminal, as an operator sees it: what it shows, what its keys do, and what it leaves
//! behind on each way to go.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use systole_tests::pty::Pty;
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};
use xtask::demo::programs::SYSTOLED;

/// The sizes that the console is laid out for.
const SMALL: (u16, u16) = (80, 24);
const MEDIUM: (u16, u16) = (120, 40);
/// 50 of them in a second.
const RESIZE_EVERY: Duration = Duration::from_millis(20);
/// What takes a second at most, on a machine that is busy with other things.
const SECOND_WHEN_BUSY: Duration = Duration::from_secs(5);

/// Something that makes the console go.
type Way = fn(&Pty) -> Result<()>;

/// The console that shows every host of the scene, LIVE.
fn console(scene: &Scene, size: (u16, u16), variables: &[(&str, &str)]) -> Result<Pty> {
    let console = Pty::start(&scene.programs.console(&scene.stage, &[]), size, variables)?;
    console.until_shows("LIVE")?;
    for agent in &scene.stage.agents {
        console.until_shows(agent)?;
    }
    Ok(console)
}

fn has(lines: &[String], text: &str) -> bool {
    lines.iter().any(|line| line.contains(text))
}

/// The lines that name a host of the scene, not its daemon; the first of them is the top of the fleet.
fn hosts(lines: &[String]) -> Vec<&String> {
    let is_host = |line: &&String| line.contains("demo-") && !line.contains("demo-mon");
    lines.iter().filter(is_host).collect()
}

#[test]
fn a_killed_agent_is_on_top_and_its_alert_is_acknowledged_by_keys_that_are_named() -> Result<()> {
    let mut scene = Scene::play(3)?;
    let mut console = console(&scene, SMALL, &[])?;
    scene.kill("demo-2")?;
    console.until("demo-2 on top, with its alert", |lines| {
        let named = hosts(lines);
        let is_bad = |line: &&String| line.contains("demo-2") && !line.contains(" . ");
        named.first().is_some_and(is_bad)
            && named.iter().filter(|line| line.contains("demo-2")).count() > 1
    })?;
    console.until_shows("Tab pane")?;
    console.press("\t")?;
    console.until_shows("a ack")?;
    console.press("a")?;
    until("the ack of demo-2", PATIENCE, || {
        let alerts = scene.alerts()?;
        let mut of_host = alerts.iter().filter(|alert| alert["host"] == "demo-2");
        Ok(of_host.any(|alert| alert["acked_by"].is_string()).then_some(()))
    })?;
    console.press("q")?;
    console.press("q")?;
    ensure!(console.ended(PATIENCE)? == 0);
    console.is_restored()
}

#[test]
fn a_daemon_that_is_gone_leaves_nothing_that_looks_fresh() -> Result<()> {
    let mut scene = Scene::play(3)?;
    let console = console(&scene, SMALL, &[])?;
    let is_measured = |lines: &[String]| lines.iter().any(|line| line.contains('%'));
    console.until("values", is_measured)?;
    scene.kill(SYSTOLED)?;
    console.until_shows("RECONNECTING")?;
    console.until("old values marked", |lines| is_marked(lines) && !has(lines, "LIVE"))?;
    console.until_shows("STALE")?;
    console.until("old values marked", |lines| is_marked(lines) && !has(lines, "LIVE"))?;
    console.press("2")?;
    console.press("1")?;
    scene.start_daemon()?;
    console.until_shows("LIVE")?;
    scene.until_online(&scene.stage.agents.clone())?;
    console.until("every host once, fresh", |lines| {
        let once = |agent: &String| {
            let rows = lines.iter().filter(|line| line.contains(agent.as_str()));
            rows.filter(|line| line.contains('%')).count() == 1
        };
        scene.stage.agents.iter().all(once) && hosts(lines).iter().all(|line| !line.contains('~'))
    })?;
    Ok(())
}

/// Whether no host has a measured value that is not marked as old.
fn is_marked(lines: &[String]) -> bool {
    let mut values = hosts(lines).into_iter().flat_map(|line| line.split_whitespace());
    values.all(|word| !word.ends_with('%') || word.starts_with('~'))
}

#[test]
fn every_way_to_go_gives_the_terminal_back() -> Result<()> {
    let scene = Scene::play(1)?;
    let ways: [(&str, Way); 6] = [
        ("q twice", |console| console.press("qq")),
        ("Ctrl-c", |console| console.press("\x03")),
        (":q", |console| console.press(":q\r")),
        ("SIGTERM", |console| console.signal(Signal::TERM)),
        ("SIGINT", |console| console.signal(Signal::INT)),
        ("SIGHUP", |console| console.signal(Signal::HUP)),
    ];
    for (name, go) in ways {
        let mut console = console(&scene, SMALL, &[])?;
        ensure!(console.is_on_second_screen(), "{name}");
        go(&console)?;
        let code = console.ended(PATIENCE).with_context(|| format!("{name}: {console:?}"))?;
        ensure!(code == 0, "{name} ended with {code}");
        console.is_restored().with_context(|| name.to_owned())?;
    }
    Ok(())
}

#[test]
fn a_terminal_that_is_closed_ends_the_console() -> Result<()> {
    let scene = Scene::play(1)?;
    let mut console = console(&scene, SMALL, &[])?;
    console.close();
    ensure!(console.ended(SECOND_WHEN_BUSY)? == 0);
    Ok(())
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_returns() -> Result<()> {
    let scene = Scene::play(1)?;
    let systole = scene.programs.console(&scene.stage, &[]);
    let mut shell = Command::new("sh");
    let script =
        "set -m; \"$0\" \"$@\"; echo stopped; stty -a; read line; fg >/dev/null; echo ended $?";
    shell.args(["-c", script]).arg(systole.get_program()).args(systole.get_args());
    for (name, _) in systole.get_envs() {
        shell.env_remove(name);
    }
    shell.current_dir(&scene.stage.dir);
    let mut console = Pty::start(&shell, SMALL, &[])?;
    for round in 0..2 {
        console.until_shows("LIVE").with_context(|| format!("round {round}"))?;
        ensure!(console.is_on_second_screen());
        if round == 0 {
            console.press("\x1a")?;
            console.until_shows("stopped")?;
            let modes = console.until_shows(" icanon")?;
            ensure!(!modes.contains("-icanon") && !console.is_on_second_screen(), "{modes}");
            console.press("\r")?;
        }
    }
    console.until_shows("demo-1")?;
    console.press("\x03")?;
    console.until_shows("ended 0")?;
    console.ended(PATIENCE)?;
    console.is_restored()
}

#[test]
fn a_storm_of_sizes_ends_with_a_whole_screen() -> Result<()> {
    let scene = Scene::play(2)?;
    let mut console = console(&scene, SMALL, &[])?;
    let sizes = [(1, 1), (300, 80), (40, 10), (7, 60), (200, 3), (120, 40), (39, 9), (80, 24)];
    for (width, height) in sizes.into_iter().cycle().take(50) {
        console.resize(width, height)?;
        std::thread::sleep(RESIZE_EVERY);
    }
    console.resize(MEDIUM.0, MEDIUM.1)?;
    console.until("the whole of it", |lines| {
        has(lines, "LIVE") && has(lines, "demo-1") && has(lines, "demo-2") && has(lines, "? keys")
    })?;
    console.press("\x03")?;
    ensure!(console.ended(PATIENCE)? == 0);
    console.is_restored()
}

#[test]
fn a_huge_paste_is_no_keys_and_is_cut_in_a_line() -> Result<()> {
    let scene = Scene::play(1)?;
    let mut console = console(&scene, SMALL, &[])?;
    let text = "q\r:retire demo-1\r\r\x03aQ2".repeat(1 << 16);
    let paste = format!("\x1b[200~{text}\x1b[201~");
    console.press(&paste)?;
    // Keys after it wait their turn: when they show, it was dealt with.
    console.press("/demo")?;
    console.until("the filter", |lines| lines.last().is_some_and(|line| line.contains("demo")))?;
    console.press(&paste)?;
    console.until("the paste in the line", |lines| {
        lines.last().is_some_and(|line| line.contains("retire demo-1"))
    })?;
    console.press("\x1b")?;
    console.until_shows("bytes of the paste were left out")?;
    console.until_shows("q back")?;
    console.until("what it was", |lines| has(lines, "LIVE") && has(lines, "demo-1"))?;
    ensure!(scene.host("demo-1")?["state"] == "online");
    console.press("\x03")?;
    ensure!(console.ended(PATIENCE).with_context(|| format!("{console:?}"))? == 0);
    console.is_restored()
}

#[test]
fn a_terminal_that_reads_slowly_still_has_its_keys() -> Result<()> {
    let scene = Scene::play(3)?;
    let mut console = console(&scene, MEDIUM, &[])?;
    console.slow_down(2_000);
    let asked = Instant::now();
    console.press("?")?;
    console.until_shows("KEYS AND COMMANDS")?;
    println!("key to paint at 2 kB/s: {:.1} s", asked.elapsed().as_secs_f64());
    ensure!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    console.signal(Signal::TERM)?;
    let code = console.ended(SECOND_WHEN_BUSY)?;
    ensure!(code == 0, "it ended with {code}");
    console.slow_down(0);
    console.is_restored()
}

#[test]
fn no_colour_leaves_the_selection_visible() -> Result<()> {
    let scene = Scene::play(1)?;
    let console = console(&scene, SMALL, &[("NO_COLOR", "1")])?;
    console.press("j")?;
    until("something reversed", PATIENCE, || Ok(console.has_reversed().then_some(())))?;
    for parameters in attributes(&console.bytes()) {
        let is_colour = |code: &str| matches!(code.parse(), Ok(30..=49 | 90..=107));
        ensure!(!parameters.split(';').any(is_colour), "a colour: {parameters}");
    }
    Ok(())
}

/// The parameters of every `ESC [ ... m`.
fn attributes(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let parts = text.split("\x1b[").skip(1).filter_map(|part| {
        let end = part.find(|c: char| c.is_ascii_alphabetic())?;
        part.get(end..)?.starts_with('m').then(|| part.get(..end).unwrap_or_default().to_owned())
    });
    parts.collect()
}

#[test]
fn a_terminal_without_unicode_gets_ascii_only() -> Result<()> {
    let scene = Scene::play(1)?;
    for variables in [[("LANG", "C"), ("TERM", "xterm")], [("LANG", "C.UTF-8"), ("TERM", "linux")]]
    {
        let console = console(&scene, SMALL, &variables)?;
        console.press("\r")?;
        console.press("lllll")?;
        console.until_shows("zoom out")?;
        console.press("?")?;
        console.until_shows("KEYS AND COMMANDS")?;
        let foreign = console.bytes().iter().position(|byte| !byte.is_ascii());
        ensure!(foreign.is_none(), "{variables:?}: {foreign:?} in {console:?}");
    }
    Ok(())
}

#[test]
fn a_terminal_that_cannot_draw_is_told_what_to_use() -> Result<()> {
    let scene = Scene::set(1)?;
    let command = scene.programs.console(&scene.stage, &[]);
    let mut console = Pty::start(&command, SMALL, &[("TERM", "dumb")])?;
    console.until_shows("systole watch")?;
    ensure!(console.ended(PATIENCE)? == 64);
    console.is_restored()
}
