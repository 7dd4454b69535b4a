//! File systems with their inodes, and block devices.

use systole_common::model::metric::MetricSet;

use super::strip::{Column, Columns, Strip};
use super::{Part, Shown};
use crate::model::columns::inodes;
use crate::model::host::instances;
use crate::tables::phrase;
use crate::tone::Tone;

const SYSTEMS: [Column; 6] = [
    Column::words("MOUNT", 12, 0).wide(),
    Column::words("", 10, 3),
    Column::numbers("FULL", 5, 0),
    Column::numbers("USED", 10, 2),
    Column::numbers("OF", 9, 4),
    Column::numbers("INODES", 6, 1),
];
/// Which of [`SYSTEMS`] is the bar.
const BAR: usize = 1;
const DEVICES: [Column; 5] = [
    Column::words("DEVICE", 12, 0).wide(),
    Column::words("", 10, 3),
    Column::numbers("BUSY", 5, 1),
    Column::numbers("READ", 11, 0),
    Column::numbers("WRITTEN", 11, 0),
];

/// Both tables.
pub(super) fn part(shown: &Shown<'_>) -> Part {
    let Some(metrics) = shown.row.detail.as_ref().map(|host| &host.metrics) else {
        return shown.missing("disks");
    };
    let systems = instances(metrics, &["disk_used_bytes", "disk_used_percent", "disk_total_bytes"]);
    let devices = instances(
        metrics,
        &["block_read_bytes_per_s", "block_write_bytes_per_s", "block_busy_percent"],
    );
    if systems.is_empty() && devices.is_empty() {
        return shown.missing("disks");
    }
    let mut strips = Vec::new();
    if !systems.is_empty() {
        strips.push(shown.title(format!(" FILE SYSTEMS {}", systems.len())));
        strips.extend(file_systems(shown, metrics, &systems));
    }
    if !devices.is_empty() {
        strips.extend((!strips.is_empty()).then(Strip::default));
        strips.push(shown.title(format!(" DEVICES {}", devices.len())));
        strips.extend(block_devices(shown, &devices));
    }
    Part::of(strips)
}

fn file_systems(shown: &Shown<'_>, metrics: &MetricSet, mounts: &[&str]) -> Vec<Strip> {
    let columns = Columns::of(&SYSTEMS, shown.width);
    let row = |mount: &&str| {
        let full = shown.value("disk_used_percent", mount);
        let texts = [
            ((*mount).to_owned(), Tone::Plain),
            Default::default(),
            shown.share(full),
            shown.say(shown.value("disk_used_bytes", mount), phrase::bytes),
            shown.say(shown.value("disk_total_bytes", mount), phrase::bytes),
            shown.share(inodes(metrics, Some(mount))),
        ];
        with_bar(shown, &columns, &texts, full)
    };
    std::iter::once(columns.heads()).chain(mounts.iter().map(row)).collect()
}

fn block_devices(shown: &Shown<'_>, names: &[&str]) -> Vec<Strip> {
    let columns = Columns::of(&DEVICES, shown.width);
    let row = |name: &&str| {
        let busy = shown.value("block_busy_percent", name);
        let texts = [
            ((*name).to_owned(), Tone::Plain),
            Default::default(),
            shown.share(busy),
            shown.say(shown.value("block_read_bytes_per_s", name), phrase::rate),
            shown.say(shown.value("block_write_bytes_per_s", name), phrase::rate),
        ];
        with_bar(shown, &columns, &texts, busy)
    };
    std::iter::once(columns.heads()).chain(names.iter().map(row)).collect()
}

/// A row of `texts` with a bar of `percent` in its place.
fn with_bar(
    shown: &Shown<'_>,
    columns: &Columns,
    texts: &[(String, Tone)],
    percent: Option<f64>,
) -> Strip {
    columns.row(|place, column, strip| {
        let (text, tone) = texts.get(place).cloned().unwrap_or_default();
        if place == BAR {
            strip.bar(shown.bar(percent), column.cells, shown.share(percent).1)
        } else {
            strip.field(text, column.cells, column.side, tone)
        }
    })
}
