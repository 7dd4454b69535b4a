//! Who says more than is taken is told so, line by line; what was taken arrives, in order, once; others
//! notice nothing.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use systole_tests::dialogue::Dialogue;
use systole_tests::scene::{Scene, replace};
use systole_tests::{PATIENCE, until};
use xtask::demo::programs::SYSTOLED;

/// Messages of a host that wait for daemons, at most; of `systole_agent::limits`.
const OUTBOX_MESSAGES_MAX: usize = 1_000;
const WAITING: &str = "messages wait already";

fn chat(scene: &Scene) -> Result<Dialogue> {
    Dialogue::start(scene.programs.agent_command(&scene.stage, "demo-1", &["chat"]))
}

/// What arrived of the host's messages that are numbers, in the order of their arrival.
fn numbers(scene: &Scene) -> Result<Vec<usize>> {
    let all = ["chat", "@demo-1", "--since", "1h", "--json"];
    let messages = scene.console(&all)?.list()?;
    let number = |message: &Value| message["text"].as_str()?.strip_prefix("number ")?.parse().ok();
    messages.iter().map(|message| number(message).context("another message")).collect()
}

/// Types so many numbered lines as fast as they are read; how many of them are refused.
fn flood(scene: &Scene, count: usize) -> Result<usize> {
    let mut chat = chat(scene)?;
    for number in 0..count {
        chat.type_line(&format!("number {number}"))?;
    }
    chat.type_line("bye")?;
    ensure!(chat.ended()? == Some(0), "{:?}", chat.told());
    let told = chat.told();
    ensure!(told.iter().all(|line| line.contains(WAITING)), "{told:?}");
    Ok(told.len())
}

#[test]
fn a_host_that_says_too_much_while_no_daemon_is_there_is_told_line_by_line() -> Result<()> {
    let fast = "[talk]\nrate = 100000\nburst = 100000\n";
    let mut scene = Scene::set_with(1, |plan| plan.daemon_extra.push_str(fast))?;
    scene.start_all()?;
    scene.kill(SYSTOLED)?;
    let refused = flood(&scene, OUTBOX_MESSAGES_MAX + 200)?;
    ensure!(refused == 200, "{refused} were refused");
    scene.agent("demo-1", &["say", "one more"])?.refused(1, &[WAITING, "nothing was sent"])?;
    // It is still there, with what it took.
    scene.kill("demo-1")?;
    scene.start_agent("demo-1")?;
    scene.start_daemon()?;
    let expected: Vec<usize> = (0..OUTBOX_MESSAGES_MAX).collect();
    until("all that was taken", PATIENCE, || Ok((numbers(&scene)? == expected).then_some(())))?;
    scene.agent("demo-1", &["say", "number 1000"])?.done().map(drop)
}

#[test]
fn a_host_that_says_too_much_is_read_slowly_and_harms_nobody() -> Result<()> {
    let mut scene = Scene::set_with(2, |plan| plan.daemon_extra.push_str("[talk]\nrate = 5\n"))?;
    scene.start_all()?;
    let mut watch = scene.watch()?;
    let refused = flood(&scene, 3 * OUTBOX_MESSAGES_MAX)?;
    ensure!(refused > OUTBOX_MESSAGES_MAX, "only {refused} of 3000 were refused");
    let arrived = numbers(&scene)?.len();
    ensure!(arrived < OUTBOX_MESSAGES_MAX, "{arrived} arrived at once");
    // The other one is heard meanwhile, and so is what is not talk.
    scene.agent("demo-2", &["say", "#ops", "can you read me?"])?.done()?;
    watch.until("the other one", |line| line["text"] == "can you read me?")?;
    scene.is_unharmed(&["demo-1", "demo-2"])?;
    let is_late = |line: &&Value| line["kind"] == "host" && line["state"] != "online";
    let late: Vec<&Value> = watch.seen().iter().filter(is_late).collect();
    ensure!(late.is_empty(), "{late:?}");
    replace(&scene.stage.daemon_toml(), "rate = 5\n", "rate = 100000\nburst = 100000\n")?;
    scene.signal(SYSTOLED, rustix::process::Signal::HUP)?;
    let taken = 3 * OUTBOX_MESSAGES_MAX - refused;
    let numbers = until("all that was taken", PATIENCE, || {
        let numbers = numbers(&scene)?;
        Ok((numbers.len() >= taken).then_some(numbers))
    })?;
    ensure!(numbers.len() == taken, "{} arrived, {taken} were taken", numbers.len());
    ensure!(numbers.is_sorted_by(|one, next| one < next), "out of order or twice: {numbers:?}");
    Ok(())
}

#[test]
fn an_operator_who_says_too_much_is_told_when_to_try_again() -> Result<()> {
    let scene = Scene::set_with(1, |plan| {
        plan.daemon_extra.push_str("[talk]\nrate = 1\nburst = 2\n");
    });
    let mut scene = scene?;
    scene.start_all()?;
    let refused = until("a refusal", PATIENCE, || {
        let ending = scene.console(&["say", "@demo-1", "again"])?;
        Ok((ending.code != Some(0)).then_some(ending))
    })?;
    refused.refused(1, &["talk.rate", "at most 1 a second", "nothing was sent", "try again in"])
}

#[test]
fn a_line_of_a_megabyte_is_refused_and_the_next_one_is_said() -> Result<()> {
    let scene = Scene::play(1)?;
    let mut chat = chat(&scene)?;
    chat.type_line(&"x".repeat(1 << 20))?;
    chat.until_tells("1048576 bytes, at most 4096")?;
    // Nothing but combining marks, as many as a message holds, is odd and not wrong.
    let marks = "\u{301}".repeat(2_048);
    chat.type_line(&marks)?;
    chat.type_line("the end")?;
    let messages = until("the end", PATIENCE, || {
        let messages = scene.console(&["chat", "@demo-1", "--json"])?.list()?;
        Ok(messages.iter().any(|message| message["text"] == "the end").then_some(messages))
    })?;
    ensure!(messages.len() == 2, "{} messages", messages.len());
    ensure!(messages.first().is_some_and(|message| message["text"] == marks.as_str()));
    let shown = scene.console(&["chat", "@demo-1"])?.done()?.stdout;
    let longest = shown.split(|sign| sign != '\u{301}').map(|run| run.chars().count()).max();
    ensure!(longest < Some(100), "{longest:?} marks in a row reach the terminal");
    scene.agent("demo-1", &["say", &"\u{301}".repeat(2_049)])?.refused(64, &["4098 bytes"])?;
    scene.console(&["say", "@demo-9", "x"])?.refused(1, &["demo-9", "nothing was sent"])?;
    chat.type_line("bye")?;
    ensure!(chat.ended()? == Some(0));
    Ok(())
}
