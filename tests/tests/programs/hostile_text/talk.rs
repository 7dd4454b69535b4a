//! What hosts and operators say: in the chats, in the line that waits, beside the fleet, in full, on the
//! host, in commands; and what people paste or say of what they look at.

use anyhow::Result;
use systole_common::wire::console::{LookingAt, Subscribe};
use systole_common::wire::talk::Say;
use systole_tests::dialogue::Dialogue;
use systole_tests::rogue::Rogue;
use systole_tests::scene::Scene;

use super::clean::is_clean_text;
use super::corpus::{Hostile, TEXT_BYTES, corpus, groups, keys};
use super::eyes::{Eyes, POPUP, UP};
use super::mouths::{Mouth, ask, operator, while_beating};
use super::{logs, printed, printed_json, prints};

/// What lets a test speak as fast as it can.
const FAST: &str = "[talk]\nrate = 100000\nburst = 100000\n";
/// Cells of the line that waits behind the sender's name.
const WAITING_CELLS: usize = 48;
/// Cells of what somebody looks at.
const LOOKING_CELLS: usize = 40;
/// Operators whose words are on one screen.
const LOOKERS: usize = 12;

#[test]
fn nothing_that_is_said_reaches_a_terminal() -> Result<()> {
    let corpus = corpus();
    let mut scene = Scene::set_with(2, |plan| plan.daemon_extra.push_str(FAST))?;
    scene.start_daemon()?;
    scene.start_agent("demo-2")?;
    scene.until_online(&["demo-2".to_owned()])?;
    let rogue = Rogue::new(&scene.stage, "demo-1")?;
    let contact = rogue.connect()?;
    while_beating(&[(&rogue, &contact)], || {
        let mut mouth = Mouth::open(&contact)?;
        let listeners = Listeners::start(&scene)?;
        let mut eyes = Eyes::open(&scene)?;
        waiting(&mut mouth, &eyes, &corpus)?;
        say(&scene, &mut mouth, &corpus)?;
        chats(&mut eyes, &corpus)?;
        in_full(&mut eyes, &corpus)?;
        who(&scene, &eyes, &corpus)?;
        pastes(&eyes, &corpus)?;
        eyes.close()?;
        commands(&scene, &corpus)?;
        listeners.end(&corpus)
    })?;
    logs(&scene, &[])
}

/// The line above the hints, as each message comes; it is the same in every view.
fn waiting(mouth: &mut Mouth<'_>, eyes: &Eyes, corpus: &[Hostile]) -> Result<()> {
    for (text, keys) in groups(corpus, 'w', WAITING_CELLS) {
        mouth.speak("x", "#ops", &text)?;
        eyes.until_show(&keys)?;
    }
    println!("the line that waits: {} texts", corpus.len());
    Ok(())
}

/// Everything is said: by senders with odd names to #ops, to the host's own place, by an operator to all.
fn say(scene: &Scene, mouth: &mut Mouth<'_>, corpus: &[Hostile]) -> Result<()> {
    for one in corpus {
        mouth.speak(&one.raw('u', 100), "#ops", &one.raw('t', TEXT_BYTES))?;
    }
    let operator = operator(scene)?;
    let contact = operator.connect()?;
    for (text, _) in all_groups(corpus) {
        ask(&contact, &Say { to: "#all".to_owned(), text, hosts: Vec::new() })?;
    }
    corpus.iter().try_for_each(|one| mouth.speak("x", "@demo-1", &one.raw('n', TEXT_BYTES)))
}

/// What an operator says to all: few messages with many texts each.
fn all_groups(corpus: &[Hostile]) -> Vec<(String, Vec<String>)> {
    groups(corpus, 'a', 2_000)
}

/// The view of a place, the tab of the host, and the pane beside the fleet.
fn chats(eyes: &mut Eyes, corpus: &[Hostile]) -> Result<()> {
    let own: Vec<String> = corpus.iter().map(|one| one.key_of_lines('n')).collect();
    let mut ops: Vec<String> = corpus.iter().map(|one| one.key_of_lines('t')).collect();
    eyes.press_for(":chat @demo-1\r", "CHAT to @demo-1")?;
    eyes.hunt("chat view of @demo-1, texts", &own, &UP)?;
    eyes.press_for(":chat #ops\r", "CHAT to #ops")?;
    ops.extend(keys(corpus, 'u'));
    eyes.hunt("chat view of #ops, texts and senders", &ops, &UP)?;
    eyes.press_for(":host demo-1\r", "OVERVIEW")?;
    eyes.press_for("hh", "CHAT to @demo-1")?;
    eyes.hunt("chat of the host", &own, &UP)?;
    eyes.press_for("1", "HOST")?;
    eyes.press("\t\t")?;
    eyes.hunt_large("chat pane", &own, &[("G", "kk")])
}

/// Messages in full, over the view.
fn in_full(eyes: &mut Eyes, corpus: &[Hostile]) -> Result<()> {
    let said = all_groups(corpus);
    eyes.press_for("3", "3 CHAT")?;
    for (back, (_, keys)) in said.iter().rev().enumerate() {
        eyes.press_for(":chat #all\r", "CHAT to #all")?;
        eyes.press(format!("G{}", "k".repeat(back)))?;
        eyes.press_for("\r", "MESSAGE")?;
        eyes.hunt("message in full", keys, &POPUP)?;
        eyes.escape_from("MESSAGE")?;
    }
    Ok(())
}

/// What other operators say that they look at.
fn who(scene: &Scene, eyes: &Eyes, corpus: &[Hostile]) -> Result<()> {
    let rogues: Vec<Rogue> = (0..LOOKERS).map(|_| operator(scene)).collect::<Result<_>>()?;
    let contacts = rogues.iter().map(Rogue::connect).collect::<Result<Vec<_>>>()?;
    for contact in &contacts {
        ask(contact, &Subscribe { all: false, hosts: Vec::new() })?;
    }
    eyes.press_for("w", "WHO IS HERE")?;
    for round in groups(corpus, 'h', LOOKING_CELLS).chunks(LOOKERS) {
        for (contact, (what, _)) in contacts.iter().zip(round) {
            ask(contact, &LookingAt { what: what.clone() })?;
        }
        let keys: Vec<String> = round.iter().flat_map(|(_, keys)| keys.clone()).collect();
        eyes.until_show(&keys)?;
    }
    println!("who: {} texts", corpus.len());
    eyes.escape_from("WHO IS HERE")
}

/// Whatever is pasted into a line that is typed.
fn pastes(eyes: &Eyes, corpus: &[Hostile]) -> Result<()> {
    eyes.press_for("3", "CHAT to")?;
    for (line, open) in [(":", ":"), ("talk to", "@"), ("search >", "/"), ("> ", "i")] {
        for (number, (text, _)) in groups(corpus, 'p', 1_500).iter().enumerate() {
            let end = format!("PASTED-{number}");
            eyes.press_for(open, line)?;
            eyes.press_for(format!("\x1b[200~{text} {end}\x1b[201~"), &end)?;
            eyes.press("\x15\x0b\x03")?;
            eyes.press_for("J", "CHAT to")?;
        }
    }
    println!("prompts: {} texts pasted", corpus.len());
    Ok(())
}

fn commands(scene: &Scene, corpus: &[Hostile]) -> Result<()> {
    let lines = |field| corpus.iter().map(move |one| one.key_of_lines(field));
    let raws = |field| corpus.iter().map(move |one| one.raw(field, TEXT_BYTES));
    let hour = ["--since", "1h"];
    let own: Vec<String> = raws('n').collect();
    prints(scene, &["chat", "@demo-1", "--since", "1h"], &lines('n').collect::<Vec<_>>(), &own)?;
    let ops: Vec<String> = lines('t').chain(keys(corpus, 'u')).collect();
    let sent: Vec<String> = raws('t').collect();
    prints(scene, &["chat", "#ops", "--since", "1h"], &ops, &sent)?;
    let all: Vec<String> = lines('a').collect();
    let (texts, _): (Vec<String>, Vec<_>) = all_groups(corpus).into_iter().unzip();
    prints(scene, &["chat", "#all", "--since", "1h"], &all, &texts)?;
    let inbox = scene.agent("demo-2", &[&["inbox"], &hour[..]].concat())?.done()?;
    printed(&inbox.stdout, &all)?;
    let inbox = scene.agent("demo-2", &[&["inbox", "--json"], &hour[..]].concat())?.done()?;
    printed_json(&inbox.stdout, &texts)
}

/// Programs that print what is said as it comes.
struct Listeners {
    watch: Dialogue,
    follow: Dialogue,
    chat: Dialogue,
}

impl Listeners {
    fn start(scene: &Scene) -> Result<Self> {
        let console = |args: &[&str]| Dialogue::start(scene.programs.console(&scene.stage, args));
        let mut watch = console(&["watch"])?;
        watch.until_says("hello")?;
        let follow = console(&["chat", "--follow"])?;
        let chat = scene.programs.agent_command(&scene.stage, "demo-2", &["chat"]);
        watch.close_input();
        Ok(Self { watch, follow, chat: Dialogue::start(chat)? })
    }

    /// They have printed everything, and nothing of it as it is.
    fn end(self, corpus: &[Hostile]) -> Result<()> {
        let last = corpus.last().map(|one| one.key('n')).unwrap_or_default();
        self.watch.until_says(&last)?;
        self.follow.until_says(&last)?;
        let last = corpus.last().map(|one| one.key('a')).unwrap_or_default();
        self.chat.until_says(&last)?;
        let own = |field| corpus.iter().map(move |one| one.key_of_lines(field));
        let raws = |field| corpus.iter().map(move |one| one.raw(field, TEXT_BYTES));
        let said = |listener: &Dialogue| listener.said().join("\n");
        printed_json(&said(&self.watch), &raws('n').chain(raws('t')).collect::<Vec<_>>())?;
        printed(&said(&self.follow), &own('n').chain(own('t')).collect::<Vec<_>>())?;
        printed(&said(&self.chat), &own('a').collect::<Vec<_>>())?;
        for listener in [&self.watch, &self.follow, &self.chat] {
            is_clean_text(&listener.told().join("\n"))?;
        }
        println!("watch, chat --follow, the agent's chat: {} texts", corpus.len());
        Ok(())
    }
}
