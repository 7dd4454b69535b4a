//! People and hosts talk: each message arrives, in order, once, and every mark is true, whoever dies.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use systole_tests::dialogue::Dialogue;
use systole_tests::ending::Ending;
use systole_tests::kept::as_long_as;
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};
use xtask::demo::programs::SYSTOLED;

/// What lets a test speak as fast as it can.
const FAST: &str = "[talk]\nrate = 100000\nburst = 100000\nwaiting_max = 100000\n";

fn fast(agents: usize) -> Result<Scene> {
    Scene::set_with(agents, |plan| plan.daemon_extra.push_str(FAST))
}

fn names(value: &Value) -> BTreeSet<String> {
    let names = value.as_array().into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn texts(messages: &[Value]) -> Vec<String> {
    messages.iter().filter_map(|message| message["text"].as_str()).map(str::to_owned).collect()
}

fn inbox(scene: &Scene, agent: &str) -> Result<Vec<Value>> {
    scene.agent(agent, &["inbox", "--json"])?.list()
}

#[test]
fn what_an_operator_says_is_read_on_the_host_and_answered() -> Result<()> {
    let scene = Scene::play(2)?;
    let chat = scene.programs.agent_command(&scene.stage, "demo-1", &["chat"]);
    let mut chat = Dialogue::start(chat)?;
    scene.console(&["say", "@demo-1", "is", "eth1", "up?"])?.done()?;
    chat.until_says("is eth1 up?")?;
    chat.type_line("no link on eth1")?;
    let answer = until("the answer", PATIENCE, || {
        let messages = scene.console(&["chat", "@demo-1", "--json"])?.list()?;
        Ok(messages.into_iter().find(|message| message["text"] == "no link on eth1"))
    })?;
    let from = answer["from"].as_str().context("nobody said it")?;
    ensure!(from.starts_with("demo-1/") && from.len() > 7, "{answer}");
    ensure!(answer["to"] == "@demo-1", "{answer}");
    chat.type_line("bye")?;
    ensure!(chat.ended()? == Some(0));
    // Nobody else's business.
    ensure!(inbox(&scene, "demo-2")?.is_empty());
    let mut chat =
        Dialogue::start(scene.programs.agent_command(&scene.stage, "demo-2", &["chat"]))?;
    chat.type_line("END")?;
    ensure!(chat.ended()? == Some(0));
    Ok(())
}

#[test]
fn a_host_that_is_away_gets_everything_on_its_return_in_order_once() -> Result<()> {
    let mut scene = fast(2)?;
    scene.start_all()?;
    scene.kill("demo-1")?;
    for number in 0..40 {
        scene.console(&["say", "#all", &format!("number {number}")])?.done()?;
    }
    let with_marks = |scene: &Scene| scene.console(&["chat", "#all", "--json"])?.list();
    until("the marks of demo-2", PATIENCE, || {
        let all = with_marks(&scene)?;
        let only = BTreeSet::from(["demo-2".to_owned()]);
        Ok(all.iter().all(|message| names(&message["delivered_to"]) == only).then_some(()))
    })?;
    // The daemon forgets nothing either.
    scene.kill(SYSTOLED)?;
    scene.start_daemon()?;
    scene.start_agent("demo-1")?;
    until("the marks of both", PATIENCE, || {
        let all = with_marks(&scene)?;
        let is_whole = |message: &Value| names(&message["delivered_to"]).len() == 2;
        Ok((all.len() == 40 && all.iter().all(is_whole)).then_some(()))
    })?;
    let expected: Vec<String> = (0..40).map(|number| format!("number {number}")).collect();
    for agent in ["demo-1", "demo-2"] {
        ensure!(texts(&inbox(&scene, agent)?) == expected, "{agent}");
    }
    Ok(())
}

#[test]
fn what_a_host_says_while_the_daemon_is_gone_is_kept_and_arrives_once() -> Result<()> {
    let mut scene = fast(1)?;
    scene.start_all()?;
    scene.kill(SYSTOLED)?;
    for number in 0..20 {
        scene.agent("demo-1", &["say", &format!("number {number}")])?.done()?;
    }
    scene.kill("demo-1")?;
    scene.start_agent("demo-1")?;
    scene.start_daemon()?;
    let expected: Vec<String> = (0..20).map(|number| format!("number {number}")).collect();
    until("all of it", PATIENCE, || {
        let messages = scene.console(&["chat", "@demo-1", "--json"])?.list()?;
        Ok((texts(&messages) == expected).then_some(()))
    })
}

#[test]
fn a_word_that_cannot_be_said_is_refused_with_the_reason() -> Result<()> {
    let scene = Scene::play(1)?;
    let long = "x".repeat(4 * 1024 + 1);
    scene.console(&["say", "@demo-1", &long])?.refused(64, &["4097 bytes", "4096"])?;
    scene.console(&["say", "@demo-1", "  "])?.refused(64, &["empty"])?;
    scene.console(&["say", "@nobody", "x"])?.refused(1, &["nobody", "systole hosts"])?;
    scene.console(&["say", "nobody", "x"])?.refused(64, &["@HOST"])?;
    scene.viewer(&["say", "#ops", "x"])?.refused(77, &["operator", "viewer"])?;
    scene.agent("demo-1", &["say", &long])?.refused(64, &["4097 bytes"])?;
    // Texts that are odd and not wrong are taken as they are.
    let marks = "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}".repeat(100);
    for odd in [marks.as_str(), "\u{1b}[2J\u{202e}\u{200b}", "\u{301}"] {
        scene.agent("demo-1", &["say", odd])?.done()?;
    }
    let shown = scene.console(&["chat", "@demo-1"])?.done()?.stdout;
    ensure!(!shown.contains(['\u{1b}', '\u{202e}', '\u{200b}']), "{shown:?}");
    ensure!(shown.contains("\\x1b[2J"), "{shown:?}");
    let messages = scene.console(&["chat", "@demo-1", "--json"])?.list()?;
    ensure!(texts(&messages).contains(&"\u{1b}[2J\u{202e}\u{200b}".to_owned()));
    Ok(())
}

#[test]
fn who_says_too_much_is_told_and_a_megabyte_is_refused() -> Result<()> {
    let scene = Scene::play(1)?;
    let mut refused = 0;
    for number in 0..40 {
        let ending = scene.console(&["say", "#ops", &format!("number {number}")])?;
        if ending.code != Some(0) {
            ending.refused(1, &["talk.rate"])?;
            refused += 1;
        }
    }
    ensure!(refused > 0, "40 messages in one go were all taken");
    for program in [
        scene.programs.console(&scene.stage, &["say", "#ops", "-"]),
        scene.programs.agent_command(&scene.stage, "demo-1", &["say", "-"]),
    ] {
        let ending = with_input(program, &vec![b'x'; 1 << 20])?;
        ensure!(ending.code == Some(64), "{ending:?}");
        ensure!(ending.stderr.contains("4096"), "{ending:?}");
    }
    Ok(())
}

fn with_input(mut command: Command, input: &[u8]) -> Result<Ending> {
    use std::io::Write;
    let line = format!("{command:?}");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().context("no input")?;
    // A program that has seen enough closes it.
    let _closed = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    Ok(Ending { command: line, code: output.status.code(), stdout, stderr })
}

#[test]
fn messages_to_hosts_that_are_killed_at_random_are_delivered_once_and_every_mark_is_true()
-> Result<()> {
    let count: usize = as_long_as(600, 10_000);
    let mut scene = fast(3)?;
    scene.start_all()?;
    let agents = scene.stage.agents.clone();
    let mut speaker = Dialogue::start(speaker(&scene, count))?;
    let mut turn = 0;
    // However fast it speaks, each host dies a few times meanwhile.
    loop {
        let victim = agents.get(turn % agents.len()).context("no agents")?;
        thread::sleep(Duration::from_millis(150 + 70 * u64::try_from(turn % 5)?));
        scene.kill(victim)?;
        scene.start_agent(victim)?;
        turn += 1;
        let is_over = speaker.said().iter().any(|line| line.contains("all said"));
        if is_over && turn >= 9 {
            break;
        }
    }
    ensure!(speaker.ended()? == Some(0), "{:?}", speaker.told());
    println!("{count} messages, {turn} kills of agents");
    let messages = until("every mark", PATIENCE * 4, || {
        let messages = scene.console(&["chat", "#all", "--since", "1h", "--json"])?.list()?;
        let is_whole = |message: &Value| names(&message["delivered_to"]).len() == 3;
        Ok((messages.len() == count && messages.iter().all(is_whole)).then_some(messages))
    })?;
    let expected = texts(&messages);
    for agent in &agents {
        let known = scene.agent(agent, &["inbox", "--json", "--since", "1h"])?.list()?;
        let ids: BTreeMap<&str, usize> = known.iter().fold(BTreeMap::new(), |mut ids, message| {
            *ids.entry(message["id"].as_str().unwrap_or_default()).or_default() += 1;
            ids
        });
        ensure!(ids.values().all(|times| *times == 1), "{agent} has a message twice");
        ensure!(texts(&known) == expected, "{agent} lacks something or has it out of order");
    }
    Ok(())
}

/// A shell that says `count` messages, some at a time so that it does not take for ever.
fn speaker(scene: &Scene, count: usize) -> Command {
    let console = scene.programs.console(&scene.stage, &["say", "#all"]);
    let program = console.get_program().to_string_lossy().into_owned();
    let config = scene.stage.console_toml().display().to_string();
    let script = format!(
        "i=0; while [ $i -lt {count} ]; do {program} say '#all' \"number $i\" --config {config} \
         >/dev/null || exit 1; i=$((i+1)); done; echo all said"
    );
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).current_dir(&scene.stage.dir);
    command
}
