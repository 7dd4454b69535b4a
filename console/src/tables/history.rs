//! A history as a table: what it is of, a row for each step, where it comes from.

use systole_common::model::coded::Growing;
use systole_common::model::metric::Unit;
use systole_common::time::UnixMs;
use systole_common::wire::history::{HistoryPoint, Tier};

use super::line::Line;
use super::phrase;
use super::table::{Cell, Column, Table};
use crate::model::history::{Head, Row};
use crate::model::range::Step;
use crate::tone::Tone;

const COLUMNS: &[Column] = &[
    Column::words("TIME", 0),
    Column::numbers("MIN", 1),
    Column::numbers("MEAN", 0),
    Column::numbers("MAX", 1),
    Column::numbers("COUNT", 2),
    Column::words("", 0),
];
const RAW_COLUMNS: &[Column] = &[Column::words("TIME", 0), Column::numbers("VALUE", 0)];
/// What marks a row without samples.
const GAP: &str = "gap";

/// The table of `rows`, each line at most `width` cells.
pub fn view(head: &Head, rows: &[Row], width: Option<usize>) -> Vec<Line> {
    let title = format!(" {} {}, {}", head.host, head.series(), title(head));
    let mut lines = vec![Line::of(title, Tone::Strong), Line::default()];
    let table = match head.step {
        Step::Raw => raw(head, rows),
        Step::EveryMs(_) => stepped(head, rows),
    };
    lines.extend(table.lines(width));
    lines.push(Line::default());
    lines.push(Line::of(source(head, rows), Tone::Quiet));
    match width {
        Some(width) => lines.into_iter().map(|line| line.cut(width)).collect(),
        None => lines,
    }
}

/// What is said in place of a table in which nothing would stand.
pub fn nothing(head: &Head) -> String {
    format!(
        "nothing is stored of {} {} from {} to {}; `systole storage --host {}` shows from when on",
        head.host,
        head.series(),
        head.range.from.local(),
        head.range.to.local(),
        head.host
    )
}

fn title(head: &Head) -> String {
    let unit = unit(head.unit);
    match head.step {
        Step::Raw => format!("{unit}, every sample"),
        Step::EveryMs(_) => format!("{unit}, in steps of {}", head.step.text()),
    }
}

fn raw(head: &Head, rows: &[Row]) -> Table {
    let mut table = Table::new(RAW_COLUMNS);
    for row in rows {
        let (at, text) = match row {
            Row::Point(point) => (point.at, value(point.mean, head.unit)),
            Row::Gap(at) => (*at, String::new()),
        };
        table.row(vec![Cell::plain(&at.local()), Cell::plain(&text)]);
    }
    table
}

fn stepped(head: &Head, rows: &[Row]) -> Table {
    let mut table = Table::new(COLUMNS);
    for row in rows {
        table.row(match row {
            Row::Point(point) => point_cells(point, head.unit),
            Row::Gap(at) => gap_cells(*at),
        });
    }
    table
}

fn point_cells(point: &HistoryPoint, unit: Growing<Unit>) -> Vec<Cell> {
    let cell = |number| Cell::plain(&value(number, unit));
    vec![
        Cell::plain(&point.at.local()),
        cell(point.min),
        cell(point.mean),
        cell(point.max),
        Cell::plain(&point.count.to_string()),
        Cell::plain(""),
    ]
}

fn gap_cells(at: UnixMs) -> Vec<Cell> {
    let quiet = |text| Cell::new(text, Tone::Quiet);
    vec![
        quiet(&at.local()),
        quiet("-"),
        quiet("-"),
        quiet("-"),
        quiet("0"),
        Cell::new(GAP, Tone::Warning),
    ]
}

/// `120 steps, 3 without samples; from raw samples`.
fn source(head: &Head, rows: &[Row]) -> String {
    let is_gap = |row: &&Row| match row {
        Row::Gap(_) => true,
        Row::Point(_) => false,
    };
    let gaps = rows.iter().filter(is_gap).count();
    let tier = match head.tier {
        Growing::Known(Tier::Raw) => "raw samples".to_owned(),
        Growing::Known(Tier::Minute) => "the roll-up to one minute".to_owned(),
        Growing::Known(Tier::Hour) => "the roll-up to one hour".to_owned(),
        Growing::Unknown(_) => head.tier.to_string(),
    };
    let count = match (head.step, gaps) {
        (Step::Raw, _) => phrase::count(rows.len(), "sample"),
        (Step::EveryMs(_), 0) => phrase::count(rows.len(), "step"),
        (Step::EveryMs(_), _) => {
            format!("{}, {gaps} without samples", phrase::count(rows.len(), "step"))
        }
    };
    format!(" {count}; from {tier}; times are local")
}

fn value(number: f64, unit: Growing<Unit>) -> String {
    match unit {
        Growing::Known(Unit::Bytes) => phrase::bytes(number),
        Growing::Known(Unit::BytesPerSecond) => phrase::rate(number),
        Growing::Known(Unit::None | Unit::Percent | Unit::Seconds | Unit::Celsius)
        | Growing::Unknown(_) => format!("{number:.2}"),
    }
}

fn unit(unit: Growing<Unit>) -> String {
    match unit {
        Growing::Known(Unit::None) => "a plain number".to_owned(),
        Growing::Known(Unit::Percent) => "in percent".to_owned(),
        Growing::Known(Unit::Bytes) => "in bytes".to_owned(),
        Growing::Known(Unit::BytesPerSecond) => "in bytes per second".to_owned(),
        Growing::Known(Unit::Seconds) => "in seconds".to_owned(),
        Growing::Known(Unit::Celsius) => "in °C".to_owned(),
        Growing::Unknown(_) => format!("in {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use systole_common::model::metric::SeriesKey;

    use super::*;
    use crate::model::range::Range;
    use crate::testing::WALL;

    fn drawn(step: Step, unit: Unit, rows: &[Row]) -> Vec<String> {
        let head = Head {
            host: "web-1".to_owned(),
            key: SeriesKey::new("disk_used_bytes", "/v\u{1b}ar"),
            unit: unit.into(),
            tier: Tier::Minute.into(),
            range: Range { from: WALL, to: WALL },
            step,
        };
        let lines = view(&head, rows, Some(80));
        lines.iter().map(|line| line.plain().replace(&WALL.local(), "NOW")).collect()
    }

    fn point(value: f64) -> HistoryPoint {
        HistoryPoint { at: WALL, min: value / 2.0, max: value * 2.0, mean: value, count: 12 }
    }

    #[test]
    fn steps_are_rows_and_gaps_are_marked() {
        let rows = [Row::Point(point(1_048_576.0)), Row::Gap(WALL)];
        let lines = drawn(Step::EveryMs(300_000), Unit::Bytes, &rows);
        assert_eq!(
            lines,
            [
                " web-1 disk_used_bytes[/v\\x1bar], in bytes, in steps of 5m",
                "",
                " TIME                     MIN     MEAN      MAX  COUNT",
                " NOW  512 KiB  1.0 MiB  2.0 MiB     12",
                " NOW        -        -        -      0  gap",
                "",
                " 2 steps, 1 without samples; from the roll-up to one minute; times are local",
            ]
        );
    }

    #[test]
    fn samples_are_shown_one_by_one() {
        let lines = drawn(Step::Raw, Unit::Percent, &[Row::Point(point(41.256))]);
        assert_eq!(lines[0], " web-1 disk_used_bytes[/v\\x1bar], in percent, every sample");
        assert_eq!(lines[3], " NOW  41.26");
        assert!(lines[5].starts_with(" 1 sample; from "), "{}", lines[5]);
    }
}
