//! One bar for each processor core, in as many columns as there is room for.

use super::strip::Strip;
use super::{Part, Shown};
use crate::tone::Tone;
use crate::view::text::{Side, cells};
use crate::view::theme::Symbols;

/// Cells of a share.
const SHARE_CELLS: usize = 5;
/// Between two cores.
const GAP: usize = 2;
/// Cells of a bar, at least and at most.
const BAR_CELLS: (usize, usize) = (8, 40);
/// The most cells of a core's name.
const NAME_CELLS_MAX: usize = 12;

/// All cores.
pub(super) fn part(shown: &Shown<'_>) -> Part {
    let metrics = shown.row.detail.as_ref().map(|host| &host.metrics);
    let all = metrics.into_iter().flat_map(|metrics| metrics.instances("cpu_core_percent"));
    let mut cores: Vec<(&str, f64)> = all.collect();
    if cores.is_empty() {
        return shown.missing("cores");
    }
    // By number, so that 10 comes behind 9.
    cores.sort_by_key(|(name, _)| (name.parse::<u32>().unwrap_or(u32::MAX), *name));
    let longest = cores.iter().map(|(name, _)| cells(name, Symbols::Braille)).max().unwrap_or(0);
    let name_cells = longest.min(NAME_CELLS_MAX);
    let fixed = name_cells + 1 + SHARE_CELLS + GAP;
    let room = shown.width.saturating_sub(1);
    let columns = (room / (fixed + BAR_CELLS.0)).clamp(1, cores.len());
    // Columns that no row would fill are given to the bars.
    let rows = cores.len().div_ceil(columns);
    let columns = cores.len().div_ceil(rows);
    let bar = (room / columns).saturating_sub(fixed).clamp(1, BAR_CELLS.1);
    let strips = (0..rows).map(|row| {
        let mut strip = Strip::default().blank(1);
        for (name, percent) in cores.iter().skip(row).step_by(rows) {
            let (text, tone) = shown.share(Some(*percent));
            strip = strip
                .field(*name, name_cells, Side::Right, Tone::Quiet)
                .blank(1)
                .bar(shown.bar(Some(*percent)), bar, tone)
                .field(text, SHARE_CELLS, Side::Right, tone)
                .blank(GAP);
        }
        strip
    });
    Part::below(vec![head(shown, cores.len())], strips.collect())
}

/// `CORES 3, 41% busy, 1% waiting for disks, 0% stolen`.
fn head(shown: &Shown<'_>, count: usize) -> Strip {
    let parts =
        [("cpu_percent", "busy"), ("iowait_percent", "waiting"), ("steal_percent", "stolen")];
    let parts = parts.into_iter().filter_map(|(metric, word)| {
        let value = shown.value(metric, "");
        value.map(|_| format!(", {} {word}", shown.share(value).0))
    });
    shown.title(format!(" CORES {count}{}", parts.collect::<String>()))
}
