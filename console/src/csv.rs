//! CSV for spreadsheets and programs: RFC 4180 with LF, columns that stay, no cell that runs.
//!
//! Columns are a contract: new ones come at the end, none is renamed.

use std::fmt::Write;

use systole_common::text::scrub;

use crate::model::history::{Head, Row};

/// The first line.
pub const HEADS: &str = "time,host,metric,instance,unit,min,max,mean,count\n";

/// What all lines of one series have: `,host,metric,instance,unit,`.
pub fn series(head: &Head) -> String {
    let cells = [&head.host, &*head.key.metric, &*head.key.instance].map(text);
    format!(",{},{},", cells.join(","), text(&head.unit.to_string()))
}

/// Appends the line of `row`, with what [`series`] made in its middle.
pub fn line(out: &mut String, series: &str, row: Row) {
    let (at, values, count) = match row {
        Row::Point(point) => {
            let values = [point.min, point.max, point.mean].map(number);
            (point.at, values.join(","), point.count)
        }
        Row::Gap(at) => (at, ",,".to_owned(), 0),
    };
    // Writing into a string does not fail.
    let _ = writeln!(out, "{}{series}{values},{count}", at.rfc3339());
}

/// A text as a cell. What is hidden in it becomes visible, and what a spreadsheet would take for a
/// formula gets an apostrophe in front, also behind a semicolon, at which some split.
pub fn text(text: &str) -> String {
    let parts: Vec<String> = text.split(';').map(marked).collect();
    let shown = parts.join(";");
    if shown.contains([',', ';', '"', '\n', '\r']) {
        format!("\"{}\"", shown.replace('"', "\"\""))
    } else {
        shown
    }
}

fn marked(text: &str) -> String {
    let runs =
        text.starts_with(['\t', '\r']) || text.trim_start().starts_with(['=', '+', '-', '@']);
    format!("{}{}", if runs { "'" } else { "" }, scrub(text))
}

/// The shortest decimal that reads back the same, without an exponent; empty if it is none.
fn number(value: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else if value.is_finite() {
        value.to_string()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use systole_common::model::metric::{SeriesKey, Unit};
    use systole_common::time::UnixMs;
    use systole_common::wire::history::{HistoryPoint, Tier};

    use super::*;
    use crate::model::range::{Range, Step};
    use crate::testing::WALL;

    fn head(metric: &str, instance: &str) -> Head {
        Head {
            host: "web-1".to_owned(),
            key: SeriesKey::new(metric, instance),
            unit: Unit::Percent.into(),
            tier: Tier::Raw.into(),
            range: Range { from: UnixMs(0), to: WALL },
            step: Step::Raw,
        }
    }

    fn lines(head: &Head, rows: &[Row]) -> String {
        let (mut out, series) = (String::new(), series(head));
        for row in rows {
            line(&mut out, &series, *row);
        }
        out
    }

    #[test]
    fn lines_have_the_columns_of_the_contract() {
        let point = HistoryPoint { at: WALL, min: -0.0, max: 41.25, mean: -5e-7, count: 12 };
        let rows = [Row::Point(point), Row::Gap(WALL)];
        let expected = "2026-11-21T04:16:07.089Z,web-1,cpu_percent,,percent,0,41.25,-0.0000005,12\n\
                        2026-11-21T04:16:07.089Z,web-1,cpu_percent,,percent,,,,0\n";
        assert_eq!(lines(&head("cpu_percent", ""), &rows), expected);
        let columns = HEADS.trim_end().split(',').count();
        assert!(expected.lines().all(|line| line.split(',').count() == columns));
        assert_eq!(number(f64::NAN), "");
        assert_eq!(number(1e21), "1000000000000000000000");
    }

    #[test]
    fn no_text_runs_as_a_formula_or_leaves_its_cell() {
        let cases = [
            ("/var", "/var"),
            ("", ""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\\tx"),
            ("\r=x", "'\\r=x"),
            ("  =x", "'  =x"),
            ("\u{a0}=x", "'\u{a0}=x"),
            ("a=b", "a=b"),
            ("/mnt/a;=1+1", "\"/mnt/a;'=1+1\""),
            ("a; @x;b", "\"a;' @x;b\""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=HYPERLINK(\"a\",\"b\")", "\"'=HYPERLINK(\"\"a\"\",\"\"b\"\")\""),
            ("two\nlines", "two\\nlines"),
            ("\u{1b}[2J", "\\x1b[2J"),
            ("\u{202e}=x", "\\u{202e}=x"),
        ];
        for (given, expected) in cases {
            assert_eq!(text(given), expected, "{given:?}");
        }
        let line = lines(&head("disk_used_percent", "=cmd|' /C calc'!A0"), &[Row::Gap(WALL)]);
        assert!(line.contains(",'=cmd|' /C calc'!A0,percent,"), "{line}");
    }
}
