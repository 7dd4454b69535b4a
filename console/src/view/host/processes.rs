//! The processes with the highest processor and memory use, as of now: their past is not kept.

use systole_common::wire::agent::ProcessSample;

use super::strip::{Column, Columns, Strip};
use super::{Part, Shown};
use crate::tables::phrase;
use crate::tone::Tone;
use crate::view::text::Side;

/// From this width on both orders stand side by side.
const BESIDE_WIDTH_MIN: usize = 76;

const COLUMNS: [Column; 4] = [
    Column::numbers("PID", 7, 1),
    Column::words("NAME", 8, 0).wide(),
    Column::numbers("CPU", 6, 0),
    Column::numbers("MEMORY", 8, 0),
];

/// Both orders.
pub(super) fn part(shown: &Shown<'_>) -> Part {
    let record = shown.row.detail.as_ref().map(|host| &host.record);
    let processes = record.map(|record| record.processes.as_slice()).unwrap_or_default();
    if processes.is_empty() {
        return shown.missing("processes");
    }
    let mut by_cpu: Vec<&ProcessSample> = processes.iter().collect();
    by_cpu.sort_by(|one, other| other.cpu_percent.total_cmp(&one.cpu_percent));
    let mut by_memory: Vec<&ProcessSample> = processes.iter().collect();
    by_memory.sort_by_key(|one| std::cmp::Reverse(one.memory_bytes));
    let (cpu_head, memory_head) = (" BY PROCESSOR", " BY MEMORY");
    let title = shown.title(format!(" PROCESSES {}, the busiest", processes.len()));
    if shown.width >= BESIDE_WIDTH_MIN {
        let half = shown.width / 2;
        let columns = Columns::of(&COLUMNS, half);
        let pair = |one: Strip, other: Strip| one.blank(shown.width - 2 * half).then(other);
        let orders = pair(order_head(cpu_head, half), order_head(memory_head, half));
        let heads = vec![title, orders, pair(columns.heads(), columns.heads())];
        let rows = by_cpu.iter().zip(&by_memory);
        let rows = rows.map(|(one, other)| {
            pair(process(shown, &columns, one), process(shown, &columns, other))
        });
        return Part::below(heads, rows.collect());
    }
    let columns = Columns::of(&COLUMNS, shown.width);
    let mut strips = vec![title];
    for (head, order) in [(cpu_head, by_cpu), (memory_head, by_memory)] {
        strips.push(order_head(head, shown.width));
        strips.push(columns.heads());
        strips.extend(order.iter().map(|one| process(shown, &columns, one)));
    }
    Part::of(strips)
}

fn order_head(text: &str, width: usize) -> Strip {
    Strip::default().field(text, width, Side::Left, Tone::Quiet)
}

fn process(shown: &Shown<'_>, columns: &Columns, process: &ProcessSample) -> Strip {
    let cpu = Some(f64::from(process.cpu_percent));
    columns.texts(&[
        (process.pid.to_string(), Tone::Quiet),
        (process.name.clone(), Tone::Plain),
        shown.say(cpu, |percent| format!("{percent:.1}%")),
        shown.say(Some(process.memory_bytes as f64), phrase::bytes),
    ])
}
