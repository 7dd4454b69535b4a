//! What agents say of their hosts: labels, file systems, devices, interfaces, cores, processes, how they
//! leave; and the alerts about it with their notes.

use anyhow::{Context, Result, ensure};
use quinn::SendStream;
use systole_common::ids::AlertId;
use systole_common::model::metric::{MetricKind, Unit};
use systole_common::wire::agent::{
    Declare, Live, ProcessSample, Processes, SeriesDeclaration, SeriesValue,
};
use systole_common::wire::console::{Ack, AlertTargets, Resolve};
use systole_common::wire::hello::{CloseCode, Hello, StreamName};
use systole_common::wire::limits::{LABEL_BYTES_MAX, LABELS_MAX, PROCESS_NAME_BYTES_MAX};
use systole_tests::machine::clocks;
use systole_tests::rogue::{Contact, Rogue};
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};

use super::corpus::{Hostile, corpus, keys};
use super::eyes::{DOWN, Eyes, HALF_DOWN, PAGE_DOWN};
use super::mouths::{ask, operator, while_beating};
use super::{logs, prints};

/// Hosts, each with so many texts of the corpus that no limit of one host is met.
const HOSTS: usize = 5;
const PER_HOST: usize = 48;
/// Processes that a small screen shows at once.
const PROCESSES: usize = 16;
/// Labels that the line of completions has room for.
const COMPLETIONS: usize = 4;
/// Requests of one operator in one go.
const REQUESTS: usize = 50;
/// Bytes of a name among others.
const NAME_BYTES: usize = 60;
/// An alert at once for whatever has a value of the series `m`.
const RULE: &str = "[rule.x]\nmetric = \"m\"\nwarning = 1\nfor = \"0s\"\n";
/// Series by their names, and the letters of their texts.
const SERIES: [(&str, char); 4] = [
    ("disk_used_percent", 'd'),
    ("block_busy_percent", 'b'),
    ("network_rx_bytes_per_s", 'i'),
    ("cpu_core_percent", 'c'),
];

#[test]
fn nothing_that_a_host_says_of_itself_reaches_a_terminal() -> Result<()> {
    let corpus = corpus();
    let mut scene = Scene::set_with(HOSTS, |plan| {
        plan.daemon_extra = format!("{}\n{RULE}", plan.daemon_extra);
    })?;
    scene.start_daemon()?;
    let rogues = scene.stage.agents.iter().map(|name| Rogue::new(&scene.stage, name));
    let rogues = rogues.collect::<Result<Vec<_>>>()?;
    leave(&scene, &rogues, &corpus)?;
    let mut contacts = Vec::new();
    for (rogue, part) in rogues.iter().zip(corpus.chunks(PER_HOST)) {
        let mut contact = rogue.dial()?;
        let answer = contact.greet(&hello(rogue, part))?;
        ensure!(answer.refused.is_none(), "{:?}", answer.refused);
        contacts.push(contact);
    }
    let pairs: Vec<_> = rogues.iter().zip(&contacts).collect();
    while_beating(&pairs, || {
        let mut streams = Vec::new();
        for (contact, part) in contacts.iter().zip(corpus.chunks(PER_HOST)) {
            let mut stream = contact.stream(StreamName::Metrics)?;
            measure(contact, &mut stream, &corpus, part)?;
            streams.push(stream);
        }
        acknowledge(&scene, &corpus)?;
        let mut eyes = Eyes::open(&scene)?;
        alerts(&mut eyes, &corpus)?;
        hosts(&scene, &mut eyes, &corpus)?;
        completions(&eyes, &corpus)?;
        let (contact, stream) = contacts.first().zip(streams.first_mut()).context("no host")?;
        parts(&mut eyes, &corpus, |names| processes(contact, stream, names))?;
        eyes.close()?;
        commands(&scene, &corpus)
    })?;
    logs(&scene, &corpus.iter().map(|one| one.key_in_log('g')).collect::<Vec<_>>())
}

/// Each text is the reason of a goodbye.
fn leave(scene: &Scene, rogues: &[Rogue], corpus: &[Hostile]) -> Result<()> {
    for (rogue, part) in rogues.iter().zip(corpus.chunks(PER_HOST)) {
        for one in part {
            let contact = rogue.connect()?;
            contact.close(CloseCode::Goodbye, &one.raw('g', NAME_BYTES));
            scene.daemon_journal().until(&["disconnected", &one.key_in_log('g')])?;
        }
    }
    Ok(())
}

/// Each text is the value of a label, and a part of what the host's system is called.
fn hello(rogue: &Rogue, part: &[Hostile]) -> Hello {
    let (keyed, valued) = part.split_at(part.len().saturating_sub(LABELS_MAX).min(part.len() / 2));
    let pairs = valued.iter().enumerate().map(|(at, value)| {
        let key =
            keyed.get(at).map_or_else(|| format!("k{at}"), |key| key.raw('l', LABEL_BYTES_MAX));
        (key, value.raw('l', LABEL_BYTES_MAX))
    });
    let os = part.iter().map(|one| one.raw('o', 10)).collect::<String>();
    let os = os.get(..os.floor_char_boundary(LABEL_BYTES_MAX)).unwrap_or_default().to_owned();
    Hello { labels: pairs.collect(), software: os.clone(), os, ..rogue.hello() }
}

/// Every text names a series of each kind, and those of `part` are alerts as well.
fn measure(
    contact: &Contact<'_>,
    stream: &mut SendStream,
    corpus: &[Hostile],
    part: &[Hostile],
) -> Result<()> {
    let named = |(metric, field): (&'static str, char), texts: &[Hostile]| {
        let names = texts.iter().map(|one| (metric, one.raw(field, NAME_BYTES)));
        names.collect::<Vec<_>>()
    };
    let all = SERIES.into_iter().flat_map(|kind| named(kind, corpus));
    let all = all.chain(named(("m", 's'), part)).zip(0_u32..);
    let series: Vec<SeriesDeclaration> = all
        .map(|((metric, instance), id)| SeriesDeclaration {
            id,
            metric: metric.to_owned(),
            instance,
            unit: Unit::Percent.into(),
            kind: MetricKind::Gauge.into(),
        })
        .collect();
    let values = series.iter().map(|one| SeriesValue { id: one.id, value: 50.0 }).collect();
    for some in series.chunks(64) {
        contact.say(stream, &Declare { series: some.to_vec() })?;
    }
    contact.say(stream, &Live { at: clocks(), interval_ms: 1_000, values })
}

fn processes(contact: &Contact<'_>, stream: &mut SendStream, names: &[Hostile]) -> Result<()> {
    let sample = |(one, pid): (&Hostile, u32)| ProcessSample {
        pid,
        name: one.raw('p', PROCESS_NAME_BYTES_MAX),
        cpu_percent: 1.0,
        memory_bytes: 1,
    };
    let processes = names.iter().zip(1..).map(sample).collect();
    contact.say(stream, &Processes { processes })
}

/// Each alert has a note, each text is one.
fn acknowledge(scene: &Scene, corpus: &[Hostile]) -> Result<()> {
    let ids: Vec<u64> = until("every alert", PATIENCE, || {
        let alerts = scene.alerts()?;
        let ours = alerts.iter().filter(|alert| alert["rule"] == "x");
        let ids: Vec<u64> = ours.filter_map(|alert| alert["id"].as_u64()).collect();
        Ok((ids.len() == corpus.len()).then_some(ids))
    })?;
    let operator = operator(scene)?;
    let noted: Vec<_> = ids.into_iter().zip(corpus).collect();
    for some in noted.chunks(REQUESTS) {
        let contact = operator.connect()?;
        for (id, one) in some {
            let targets = AlertTargets { ids: vec![AlertId(*id)], host: None };
            let note = one.raw('n', NAME_BYTES);
            ask(&contact, &Ack { targets, note, for_ms: 3_600_000 })?;
        }
    }
    Ok(())
}

/// The view of the alerts, and the feed below or beside the fleet.
fn alerts(eyes: &mut Eyes, corpus: &[Hostile]) -> Result<()> {
    let both = [keys(corpus, 's'), keys(corpus, 'n')].concat();
    eyes.press_for("2", "WHAT")?;
    eyes.hunt("alerts, subjects and notes", &both, &DOWN)?;
    eyes.press_for("1", "HOST")?;
    eyes.press("\t")?;
    eyes.hunt("feed beside the fleet, notes", &keys(corpus, 'n'), &DOWN)?;
    eyes.press("\x1b[Z")
}

/// Labels, alerts and connects of each host.
fn hosts(scene: &Scene, eyes: &mut Eyes, corpus: &[Hostile]) -> Result<()> {
    for (name, part) in scene.stage.agents.iter().zip(corpus.chunks(PER_HOST)) {
        eyes.press_for(format!(":host {name}\r"), "OVERVIEW")?;
        eyes.hunt("overview, labels", &keys(part, 'l'), &DOWN)?;
        eyes.press_for("llllll", "LASTED")?;
        eyes.hunt("alerts of the host, subjects", &keys(part, 's'), &DOWN)?;
        eyes.press_for("l", "goodbye: g")?;
        eyes.hunt("connections, reasons", &keys(part, 'g'), &HALF_DOWN)?;
    }
    Ok(())
}

/// What the line of a filter offers: names of labels, as many as it has room for.
fn completions(eyes: &Eyes, corpus: &[Hostile]) -> Result<()> {
    eyes.press_for("1", "HOST")?;
    for first in [0, 100] {
        let offered = corpus.get(first..first + COMPLETIONS).context("too few texts")?;
        eyes.press_for("/", "Tab completes")?;
        eyes.press(format!("l{:02}\t", first / 10))?;
        eyes.until_show(&keys(offered, 'l'))?;
        eyes.escape_from("Tab completes")?;
    }
    println!("completions: {} texts", 2 * COMPLETIONS);
    Ok(())
}

/// Each part of the open host that shows what an agent named.
fn parts(
    eyes: &mut Eyes,
    corpus: &[Hostile],
    mut say: impl FnMut(&[Hostile]) -> Result<()>,
) -> Result<()> {
    eyes.press_for(":host demo-1\r", "OVERVIEW")?;
    eyes.press_for("l", "CORES")?;
    eyes.hunt("cores", &keys(corpus, 'c'), &HALF_DOWN)?;
    eyes.press_for("l", "FILE SYSTEMS")?;
    let disks = [keys(corpus, 'd'), keys(corpus, 'b')].concat();
    eyes.hunt("file systems and devices", &disks, &DOWN)?;
    eyes.press_for("l", "INTERFACES")?;
    eyes.hunt("interfaces", &keys(corpus, 'i'), &HALF_DOWN)?;
    eyes.press("l")?;
    for some in corpus.chunks(PROCESSES) {
        say(some)?;
        eyes.until_show(&keys(some, 'p'))?;
    }
    println!("processes: {} texts", corpus.len());
    eyes.press_for("l", "zoom out")?;
    eyes.press_for("?", "KEYS AND COMMANDS")?;
    eyes.hunt("help, over them", &["leave the console".to_owned()], &[("\x1b[H", PAGE_DOWN)])?;
    eyes.escape_from("KEYS AND COMMANDS")
}

fn commands(scene: &Scene, corpus: &[Hostile]) -> Result<()> {
    let noted = [keys(corpus, 's'), keys(corpus, 'n')].concat();
    prints(scene, &["alerts"], &keys(corpus, 's'), &noted)?;
    let operator = operator(scene)?;
    let ids: Vec<u64> = scene.alerts()?.iter().filter_map(|alert| alert["id"].as_u64()).collect();
    let noted: Vec<_> = ids.into_iter().zip(corpus).collect();
    for some in noted.chunks(REQUESTS) {
        let contact = operator.connect()?;
        for (id, one) in some {
            let targets = AlertTargets { ids: vec![AlertId(*id)], host: None };
            ask(&contact, &Resolve { targets, note: one.raw('r', NAME_BYTES) })?;
        }
    }
    let reasons = [keys(corpus, 'n'), keys(corpus, 'r')].concat();
    prints(scene, &["audit"], &reasons, &reasons)?;
    prints(scene, &["hosts"], &[], &[])?;
    for (name, part) in scene.stage.agents.iter().zip(corpus.chunks(PER_HOST)) {
        let series = [keys(corpus, 'd'), keys(corpus, 'i')].concat();
        let series = if name == "demo-1" { series } else { Vec::new() };
        let shown = [keys(part, 'l'), series].concat();
        // Of the connects only the last few are printed.
        let last = keys(part.get(part.len() - 3..).unwrap_or_default(), 'g');
        prints(scene, &["host", name], &[shown.clone(), last].concat(), &shown)?;
    }
    Ok(())
}
