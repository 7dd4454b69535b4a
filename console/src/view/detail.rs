//! One message or one file in full, over the view: everything that is known, in lines that fit.

use systole_common::model::coded::Growing;
use systole_common::model::file::{FileState, hash_text};
use systole_common::time::Now;

use super::theme::Symbols;
use super::wrap::wrap;
use crate::limits::HOSTS_NAMED_MAX;
use crate::model::Model;
use crate::model::files::Known;
use crate::model::fleet::Fleet;
use crate::model::screen::Popup;
use crate::model::talk::{OPS, Said};
use crate::tables::phrase;
use crate::tone::Tone;
use crate::update::file_words::decided_words;

/// The title and the lines of `popup`, at most `width` cells each.
pub fn lines(
    model: &Model,
    now: Now,
    popup: &Popup,
    width: usize,
    symbols: Symbols,
) -> (String, Vec<(String, Tone)>) {
    let (title, facts) = match popup {
        Popup::Message { number, .. } => {
            let facts = model.talk.get(*number).map(|said| message(said, &model.fleet));
            (format!(" MESSAGE {number} "), facts.unwrap_or_else(gone))
        }
        Popup::File { id, .. } => {
            let facts = model.files.get(*id).map(|known| file(known, now));
            (format!(" FILE {id} "), facts.unwrap_or_else(gone))
        }
        Popup::Help { .. } | Popup::Who => (String::new(), Vec::new()),
    };
    let room = width.saturating_sub(2);
    let wrapped = |(text, tone): (String, Tone)| {
        wrap(&text, room, symbols).into_iter().map(move |line| (format!(" {line}"), tone))
    };
    (title, facts.into_iter().flat_map(wrapped).collect())
}

fn gone() -> Vec<(String, Tone)> {
    vec![("it is no longer here".to_owned(), Tone::Quiet)]
}

/// Who has it comes before the text, which may be long.
fn message(said: &Said, fleet: &Fleet) -> Vec<(String, Tone)> {
    let record = &said.record;
    let mut lines = vec![
        (format!("{} to {}", record.from, record.to), Tone::Strong),
        (format!("{}  ({})", record.time.local(), record.time.rfc3339()), Tone::Quiet),
    ];
    if record.targets == 0 {
        lines.push((for_nobody(said).to_owned(), Tone::Plain));
    } else {
        lines.extend(delivery(said, fleet));
    }
    lines.push((String::new(), Tone::Plain));
    lines.push((record.text.clone(), Tone::Plain));
    if let Some(thread) = &record.thread {
        lines.push((format!("about {thread}"), Tone::Quiet));
    }
    lines.push((format!("id {}", record.id), Tone::Quiet));
    lines
}

/// Who reads what goes to no host.
fn for_nobody(said: &Said) -> &'static str {
    match said.record.to.as_str() {
        _ if said.is_of_host() => "the daemon has it, all operators can read it",
        OPS => "the daemon has it, for all operators; it goes to no host",
        _ => "the daemon has it; no host was known when it was written",
    }
}

/// Which hosts have it, which never will and why, which it waits for.
fn delivery(said: &Said, fleet: &Fleet) -> Vec<(String, Tone)> {
    let record = &said.record;
    let waiting = said.waiting();
    let counts = format!(
        "of {}: {} delivered, {} failed, {waiting} waiting",
        phrase::count(usize::try_from(record.targets).unwrap_or(usize::MAX), "host"),
        record.delivered,
        record.failed
    );
    let mut lines = vec![(counts, Tone::Plain)];
    let is_known = |host: &&str| fleet.contains(host);
    let failed = said.failed_to.iter().map(String::as_str);
    let (known, retired): (Vec<&str>, Vec<&str>) = failed.partition(is_known);
    let why = "too much waited for it already, or it did not come for it in time";
    lines.extend(named(&format!("failed, {why}"), &known, Tone::Bad));
    lines.extend(named("failed, retired", &retired, Tone::Bad));
    if waiting > 0 {
        let all = fleet.rows().map(|row| row.summary.host.as_str());
        match said.waits_for(all) {
            Some(hosts) => lines.extend(named("waiting", &hosts, Tone::Warning)),
            None => lines.push(("which ones wait was not told".to_owned(), Tone::Quiet)),
        }
    }
    let delivered: Vec<&str> = said.delivered_to.iter().map(String::as_str).collect();
    lines.extend(named("delivered", &delivered, Tone::Plain));
    let count = said.delivered_to.len() + said.failed_to.len();
    if count == 0 && record.delivered + record.failed > 0 {
        lines.push(("which ones have it or failed was not told".to_owned(), Tone::Quiet));
    }
    lines
}

/// `waiting: db-1, web-2 and 3 more`.
fn named(words: &str, hosts: &[&str], tone: Tone) -> Option<(String, Tone)> {
    let shown = hosts.get(..HOSTS_NAMED_MAX).unwrap_or(hosts);
    let more = hosts.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!hosts.is_empty()).then(|| (format!("{words}: {}{more}", shown.join(", ")), tone))
}

fn file(known: &Known, now: Now) -> Vec<(String, Tone)> {
    let record = &known.record;
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let place = match record.state {
        Growing::Known(FileState::Verified) => ("saved as", or_dash(&record.path)),
        Growing::Known(FileState::Offered | FileState::Accepted | FileState::Receiving)
        | Growing::Unknown(_) => ("goes to", or_dash(&record.path)),
        Growing::Known(
            FileState::Rejected | FileState::Failed | FileState::Expired | FileState::Withdrawn,
        ) => ("saved as", "nothing of it is saved".to_owned()),
    };
    let end = match record.finished_at {
        Some(at) => ("finished", at.local()),
        None if known.is_waiting() => ("expires", record.expires_at.local()),
        None => ("expires", format!("{} unless bytes come", record.expires_at.local())),
    };
    let facts = [
        (
            "size",
            format!("{} bytes, {}", record.size_bytes, phrase::bytes(record.size_bytes as f64)),
        ),
        ("state", decided_words(known, now)),
        ("decided by", or_dash(record.decided_by.as_deref().unwrap_or_default())),
        ("why", or_dash(&record.reason)),
        ("note", or_dash(&record.note)),
        ("from", record.sender.clone()),
        ("certificate", or_dash(&record.certificate)),
        ("type", or_dash(&record.content)),
        ("blake3", hash_text(&record.blake3)),
        place,
        ("free", phrase::bytes(record.free_bytes as f64)),
        ("received", format!("{} bytes", record.received_bytes)),
        ("offered", format!("{}  ({})", record.offered_at.local(), record.offered_at.rfc3339())),
        end,
    ];
    let facts = facts.into_iter().map(|(name, text)| (format!("{name:<12}{text}"), Tone::Plain));
    std::iter::once((record.name.clone(), Tone::Strong)).chain(facts).collect()
}
