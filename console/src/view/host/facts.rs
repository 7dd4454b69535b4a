//! What a host is: address, agent, system, clock, certificate, labels. None of it is measured each second.

use systole_common::text::cells;
use systole_common::time::UnixMs;

use super::Shown;
use super::overview::{named, room};
use super::strip::Strip;
use crate::model::fleet::Worth;
use crate::tables::host::{certificate_words, clock_words};
use crate::tone::Tone;

/// A line for each fact, in exactly `width` cells.
pub(super) fn strips(shown: &Shown<'_>, width: usize) -> Vec<Strip> {
    let record = shown.row.detail.as_ref().map(|host| &host.record);
    let facts = shown.row.facts.as_ref();
    let text = |own: Option<&String>, other: Option<&String>| own.or(other).cloned();
    let mut all = vec![
        (
            "address",
            text(
                record.and_then(|one| one.address.as_ref()),
                facts.and_then(|one| one.address.as_ref()),
            ),
        ),
        (
            "agent",
            text(
                record.and_then(|one| one.agent_version.as_ref()),
                facts.and_then(|one| one.agent_version.as_ref()),
            ),
        ),
        (
            "system",
            text(record.and_then(|one| one.os.as_ref()), facts.and_then(|one| one.os.as_ref())),
        ),
    ];
    if let Some(record) = record {
        let expires = record.certificate_expires;
        all.extend([
            ("clock", record.clock_offset_ms.map(|offset_ms| clock(shown, offset_ms))),
            ("certificate", expires.map(|end| certificate_words(end, shown.now.wall))),
            ("away until", record.lease_until.map(UnixMs::local)),
            ("agent start", record.instance.map(|instance| instance.to_string())),
            ("boot", record.boot_id.map(|boot| boot.to_string())),
        ]);
    }
    let known = all.into_iter().filter_map(|(name, text)| Some((name, text?)));
    let mut strips: Vec<Strip> =
        known.map(|(name, text)| named(name, &text, width, Tone::Plain)).collect();
    strips.extend(labels(shown, width));
    if record.is_none() {
        let words = if shown.is_live { "more is asked for ..." } else { "no more is known" };
        strips.push(named("", words, width, Tone::Quiet));
    }
    strips
}

/// `3 ms behind the daemon's`, marked like every measured value.
fn clock(shown: &Shown<'_>, offset_ms: i64) -> String {
    match shown.worth {
        Worth::Fresh => clock_words(offset_ms),
        Worth::Old => format!("~{}", clock_words(offset_ms)),
        Worth::Withdrawn => "-".to_owned(),
    }
}

/// `role=db rack=7`, in as many lines as they need.
fn labels(shown: &Shown<'_>, width: usize) -> Vec<Strip> {
    let record = shown.row.detail.as_ref().map(|host| &host.record.labels);
    let facts = shown.row.facts.as_ref().map(|facts| &facts.labels);
    let labels = record.or(facts).map(Vec::as_slice).unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    for (key, value) in labels {
        let label = format!("{key}={value}");
        match lines.last_mut() {
            Some(line) if cells(line) + 2 + cells(&label) <= room(width) => {
                line.push_str("  ");
                line.push_str(&label);
            }
            _ => lines.push(label),
        }
    }
    let names = std::iter::once("labels").chain(std::iter::repeat(""));
    let lines = lines.iter().zip(names);
    lines.map(|(line, name)| named(name, line, width, Tone::Plain)).collect()
}
