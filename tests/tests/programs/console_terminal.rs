//! The console on a terminal, as an operator sees it: what it shows, what its keys do, and what it leaves
//! behind on each way to go.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use quinn::SendStream;
use rustix::process::Signal;
use systole_common::model::metric::{MetricKind, Unit};
use systole_common::text::is_hidden;
use systole_common::wire::agent::{
    Declare, Live, ProcessSample, Processes, SeriesDeclaration, SeriesValue,
};
use systole_common::wire::hello::StreamName;
use systole_common::wire::limits::{LABEL_BYTES_MAX, PROCESS_NAME_BYTES_MAX, PROCESSES_MAX};
use systole_tests::machine::clocks;
use systole_tests::pty::Pty;
use systole_tests::rogue::{Contact, Rogue};
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};
use xtask::demo::programs::SYSTOLED;

/// The sizes that the console is laid out for.
const SMALL: (u16, u16) = (80, 24);
const MEDIUM: (u16, u16) = (120, 40);
/// 50 of them in a second.
const RESIZE_EVERY: Duration = Duration::from_millis(20);
/// Somebody presses keys and looks at what comes.
const KEY_EVERY: Duration = Duration::from_millis(150);
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

/// Parts of texts that would do something to a terminal, or deceive who reads it.
const HOSTILE: [&str; 12] = [
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x1b]52;c;cm0gLXJmIC8=\x1b\\",
    "\u{9b}31m",
    "\u{202e}evil\u{202c}",
    "\u{2066}x\u{2069}",
    "a\u{200b}b\u{200d}c",
    "\u{feff}\u{2028}",
    "漢字漢字",
    "🏳️‍🌈👩‍👩‍👧",
    "\r\nLIVE mon-9",
    "\x00\x08\x7f\x0e",
];

#[test]
fn hostile_names_reach_no_terminal() -> Result<()> {
    let mut scene = Scene::set(1)?;
    scene.start_daemon()?;
    let rogue = Rogue::new(&scene.stage, "demo-1")?;
    let mut hello = rogue.hello();
    let mut hostile = HOSTILE.concat();
    hostile.truncate(hostile.floor_char_boundary(LABEL_BYTES_MAX));
    hello.os.clone_from(&hostile);
    hello.labels = vec![("role".to_owned(), hostile)];
    let mut contact = rogue.dial()?;
    contact.greet(&hello)?;
    let samples = HOSTILE.iter().cycle().take(PROCESSES_MAX).enumerate().map(|(pid, name)| {
        let mut name = name.repeat(4);
        name.truncate(name.floor_char_boundary(PROCESS_NAME_BYTES_MAX));
        ProcessSample {
            pid: u32::try_from(pid).unwrap_or(0),
            name,
            cpu_percent: 1.0,
            memory_bytes: 1,
        }
    });
    let mut metrics = contact.stream(StreamName::Metrics)?;
    contact.say(&mut metrics, &Processes { processes: samples.collect() })?;
    say_hostile_series(&contact, &mut metrics)?;
    // It never beats again: there is an alert, with a note of somebody else.
    let console = console(&scene, MEDIUM, &[])?;
    let alert = until("an alert", PATIENCE, || {
        let alerts = scene.alerts()?;
        Ok(alerts.first().and_then(|alert| alert["id"].as_u64()))
    })?;
    let note = format!("ours {}", HOSTILE.concat().replace('\0', ""));
    scene.console(&["ack", &alert.to_string(), "--note", &note])?.done()?;
    let pages = ["\x1b[6~"; 12];
    let views = ["2", "j", "1", "\r", "l", "l"].into_iter().chain(pages);
    let views = views.chain(["l"]).chain(pages).chain(["l", "l", "l", "l", "?", "\x1b", "w"]);
    for keys in views {
        console.press(keys)?;
        std::thread::sleep(KEY_EVERY);
    }
    let bytes = console.bytes();
    let text = String::from_utf8(bytes).context("the console writes UTF-8")?;
    for part in text.split('\x1b').skip(1) {
        ensure!(part.starts_with('['), "a sequence that is none of ours: {:?}", part.get(..20));
    }
    let hidden = text.chars().find(|c| is_hidden(*c) && !matches!(c, '\x1b' | '\x07'));
    ensure!(hidden.is_none(), "{hidden:?} reached the terminal");
    console.until_shows("LIVE").map(drop)
}

/// A mount point and an interface for each hidden character that there is: controls, bidi, zero width,
/// tags, and what begins a terminal's sequences.
fn say_hostile_series(contact: &Contact<'_>, metrics: &mut SendStream) -> Result<()> {
    let codes = (0x01..0x20).chain(0x7f..0xa0).chain([0xad, 0x34f, 0x61c, 0x180e, 0x3164, 0xfeff]);
    let codes = codes.chain(0x200b..0x2010).chain(0x202a..0x202f).chain(0x2060..0x2070);
    let hidden: Vec<char> = codes.chain(0xe0020..0xe0080).filter_map(char::from_u32).collect();
    ensure!(hidden.len() >= 190, "only {} hidden characters", hidden.len());
    let sequences = HOSTILE.iter().map(|part| (*part).to_owned());
    let names = hidden.iter().map(|c| format!("/{c}[31m{c}x")).chain(sequences);
    let families = ["disk_used_percent", "network_rx_bytes_per_s"];
    let series: Vec<SeriesDeclaration> = names
        .flat_map(|name| families.map(|metric| (metric, name.clone())))
        .zip(0_u32..)
        .map(|((metric, instance), id)| SeriesDeclaration {
            id,
            metric: metric.to_owned(),
            instance,
            unit: Unit::Percent.into(),
            kind: MetricKind::Gauge.into(),
        })
        .collect();
    ensure!(series.len() >= 400, "two hundred names, each in two views");
    let values = series.iter().map(|one| SeriesValue { id: one.id, value: 50.0 }).collect();
    for part in series.chunks(64) {
        contact.say(metrics, &Declare { series: part.to_vec() })?;
    }
    contact.say(metrics, &Live { at: clocks(), interval_ms: 1_000, values })
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
