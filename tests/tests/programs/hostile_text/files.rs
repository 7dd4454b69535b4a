//! What hosts say of the files that they offer: names, notes, types, senders; and why they are refused.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use systole_common::wire::file::{Offer, Reject, Withdraw};
use systole_tests::machine::now;
use systole_tests::rogue::{Contact, Rogue};
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};

use super::corpus::{Hostile, corpus, keys};
use super::eyes::{DOWN, Eyes, POPUP};
use super::mouths::{Mouth, ask, operator, while_beating};
use super::{logs, prints};

/// Hosts, each with so many refused names that all of them are written down.
const HOSTS: usize = 5;
const PER_HOST: usize = 48;
/// Bytes of a name among others.
const NAME_BYTES: usize = 60;
/// Files whose cards have texts, each in three fields.
const CARDS: usize = 80;
/// Files that wait, for the pane and the card that can be decided on.
const WAITING: usize = 9;
/// Offers that their senders take back, each with a reason.
const TAKEN_BACK: usize = 5;
const FAST: &str = "[talk]\nrate = 100000\nburst = 100000\n";

#[test]
fn nothing_that_is_said_of_a_file_reaches_a_terminal() -> Result<()> {
    let corpus = corpus();
    let mut scene = Scene::set_with(HOSTS, |plan| plan.daemon_extra.push_str(FAST))?;
    scene.start_daemon()?;
    let rogues = scene.stage.agents.iter().map(|name| Rogue::new(&scene.stage, name));
    let rogues = rogues.collect::<Result<Vec<_>>>()?;
    let contacts = rogues.iter().map(Rogue::connect).collect::<Result<Vec<_>>>()?;
    let pairs: Vec<_> = rogues.iter().zip(&contacts).collect();
    while_beating(&pairs, || {
        offer(&scene, &contacts, &corpus)?;
        let shown = until_known(&scene, corpus.len() + WAITING + TAKEN_BACK)?;
        let mut eyes = Eyes::open(&scene)?;
        views(&mut eyes, &corpus)?;
        let waiting = shown.iter().filter(|file| file["state"] == "offered");
        let waiting: Vec<u64> = waiting.filter_map(|file| file["id"].as_u64()).collect();
        decide(&scene, &mut eyes, &waiting, &corpus)?;
        eyes.close()?;
        commands(&scene, &corpus)
    })?;
    logs(&scene, &[])
}

fn until_known(scene: &Scene, count: usize) -> Result<Vec<Value>> {
    until("every offer", PATIENCE, || {
        let files = scene.console(&["files", "--since", "1h", "--json"])?.list()?;
        Ok((files.len() >= count).then_some(files))
    })
}

/// Every text is a bad name; the last of them come with notes, types and senders as bad. Then some that
/// wait, of a last host.
fn offer(scene: &Scene, contacts: &[Contact<'_>], corpus: &[Hostile]) -> Result<()> {
    let first = corpus.len().checked_sub(CARDS).context("too few texts")?;
    let mut at: usize = 0;
    for (contact, part) in contacts.iter().zip(corpus.chunks(PER_HOST)) {
        let mut mouth = Mouth::open(contact)?;
        for one in part {
            // A mark alone is no bad name; with a slash every one is.
            let name = format!("/{}", one.raw('f', NAME_BYTES));
            let card = at.checked_sub(first).map(|place| fields(corpus, place));
            say(&mut mouth, name, 1, card)?;
            at += 1;
        }
        // The newest are on top: those of this host come before those of the next.
        until_known(scene, at)?;
        if at == corpus.len() {
            for number in 0..WAITING {
                say(&mut mouth, format!("w{number}"), 1 << 20, Some(fields(corpus, number)))?;
            }
            for one in corpus.iter().take(TAKEN_BACK) {
                let sequence = say(&mut mouth, "back".to_owned(), 1 << 20, None)?;
                let reason = one.raw('q', NAME_BYTES);
                mouth.say(|_| Withdraw { sequence, reason, has_failed: false })?;
            }
        }
    }
    ensure!(at == corpus.len(), "only {at} of {} texts were offered", corpus.len());
    Ok(())
}

/// A note, a type and a sender: together the cards have every text in one of them.
fn fields(corpus: &[Hostile], place: usize) -> [String; 3] {
    let nth = |place: usize| corpus.get(place % corpus.len());
    let text = |place| nth(place).map(|one| one.raw('z', NAME_BYTES)).unwrap_or_default();
    [text(place), text(place + CARDS), text(place + 2 * CARDS)]
}

fn say(
    mouth: &mut Mouth<'_>,
    name: String,
    size_bytes: u64,
    card: Option<[String; 3]>,
) -> Result<u64> {
    let [content, user, note] = card.unwrap_or_default();
    let mut said = 0;
    mouth.say(|sequence| {
        said = sequence;
        Offer { sequence, name, size_bytes, blake3: [7; 32], content, note, user, time: now() }
    })?;
    Ok(said)
}

/// The list, the cards, the tab of each host, the pane beside the fleet, one in full.
fn views(eyes: &mut Eyes, corpus: &[Hostile]) -> Result<()> {
    let names = keys(corpus, 'f');
    eyes.press_for("4", "FILE")?;
    eyes.hunt("files view, names", &names, &DOWN)?;
    eyes.hunt("cards: notes, types, senders", &keys(corpus, 'z'), &[("g", "j")])?;
    for (number, part) in corpus.chunks(PER_HOST).enumerate() {
        eyes.press_for(format!(":host demo-{}\r", number + 1), "OVERVIEW")?;
        eyes.press_for("h", "FILES")?;
        eyes.hunt("files of a host, names", &keys(part, 'f'), &DOWN)?;
    }
    eyes.press_for("1", "HOST")?;
    eyes.press("\t\t\t")?;
    let waiting = keys(corpus.get(..WAITING).unwrap_or_default(), 'z');
    eyes.hunt_large("cards beside the fleet", &waiting, &[("g", "j")])?;
    eyes.press_for("4", "FILE")?;
    eyes.press_for("gv", "blake3")?;
    eyes.hunt("a file in full", &["certificate".to_owned()], &POPUP)?;
    eyes.escape_from("certificate ")
}

/// Some are refused by operators with any words, one is taken back with any words.
fn decide(scene: &Scene, eyes: &mut Eyes, waiting: &[u64], corpus: &[Hostile]) -> Result<()> {
    ensure!(waiting.len() == WAITING, "{waiting:?} wait");
    let operator = operator(scene)?;
    let contact = operator.connect()?;
    for (id, one) in waiting.iter().zip(corpus) {
        ask(&contact, &Reject { file: *id, why: one.raw('r', NAME_BYTES) })?;
    }
    eyes.press_for("4", "FILE")?;
    eyes.hunt("files view, reasons", &why(corpus), &DOWN)
}

/// What was said by who refused, and by who took back.
fn why(corpus: &[Hostile]) -> Vec<String> {
    let few = |count| corpus.get(..count).unwrap_or_default();
    [keys(few(WAITING), 'r'), keys(few(TAKEN_BACK), 'q')].concat()
}

fn commands(scene: &Scene, corpus: &[Hostile]) -> Result<()> {
    let names = |one: &Hostile| format!("/{}", one.raw('f', NAME_BYTES));
    let sent: Vec<String> = corpus.iter().map(names).collect();
    prints(scene, &["files", "--since", "1h"], &keys(corpus, 'f'), &sent)?;
    prints(scene, &["audit"], &[keys(corpus, 'f'), why(corpus)].concat(), &[])
}
