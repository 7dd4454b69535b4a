//! One message or one file in full, over the view: everything that is known, in lines that fit.

use systole_common::model::file::hash_text;
use systole_common::time::Now;

use super::theme::Symbols;
use super::wrap::wrap;
use crate::limits::HOSTS_NAMED_MAX;
use crate::model::Model;
use crate::model::files::Known;
use crate::model::screen::Popup;
use crate::model::talk::Said;
use crate::tables::phrase;
use crate::tone::Tone;
use crate::update::files::decided_words;

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
            let facts = model.talk.get(*number).map(message);
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

fn message(said: &Said) -> Vec<(String, Tone)> {
    let record = &said.record;
    let named = said.delivered_to.len() + said.failed_to.len();
    let waiting = record.targets.saturating_sub(record.delivered + record.failed);
    let mut lines = vec![
        (format!("{} to {}", record.from, record.to), Tone::Strong),
        (format!("{}  ({})", record.time.local(), record.time.rfc3339()), Tone::Quiet),
        (record.text.clone(), Tone::Plain),
        (String::new(), Tone::Plain),
    ];
    if record.targets == 0 {
        lines.push(("it is for no host; the daemon has it".to_owned(), Tone::Plain));
    } else {
        let counts = format!(
            "of {}: {} delivered, {} failed, {waiting} waiting",
            phrase::count(usize::try_from(record.targets).unwrap_or(usize::MAX), "host"),
            record.delivered,
            record.failed
        );
        lines.push((counts, Tone::Plain));
    }
    for (words, hosts, tone) in
        [("failed", &said.failed_to, Tone::Bad), ("delivered", &said.delivered_to, Tone::Plain)]
    {
        let more = hosts.len().saturating_sub(HOSTS_NAMED_MAX);
        let names: Vec<&str> = hosts.iter().take(HOSTS_NAMED_MAX).map(String::as_str).collect();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        if !hosts.is_empty() {
            lines.push((format!("{words}: {}{more}", names.join(", ")), tone));
        }
    }
    if named == 0 && record.delivered + record.failed > 0 {
        lines.push(("which ones was not told".to_owned(), Tone::Quiet));
    }
    lines.push((format!("id {}", record.id), Tone::Quiet));
    lines
}

fn file(known: &Known, now: Now) -> Vec<(String, Tone)> {
    let record = &known.record;
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let facts = [
        (
            "size",
            format!("{} bytes, {}", record.size_bytes, phrase::bytes(record.size_bytes as f64)),
        ),
        ("state", decided_words(known, now)),
        ("why", or_dash(&record.reason)),
        ("note", or_dash(&record.note)),
        ("from", record.sender.clone()),
        ("certificate", or_dash(&record.certificate)),
        ("type", or_dash(&record.content)),
        ("blake3", hash_text(&record.blake3)),
        ("saved as", or_dash(&record.path)),
        ("free", phrase::bytes(record.free_bytes as f64)),
        ("received", format!("{} bytes", record.received_bytes)),
        ("offered", format!("{}  ({})", record.offered_at.local(), record.offered_at.rfc3339())),
        ("expires", record.expires_at.local()),
    ];
    let facts = facts.into_iter().map(|(name, text)| (format!("{name:<12}{text}"), Tone::Plain));
    std::iter::once((record.name.clone(), Tone::Strong)).chain(facts).collect()
}
