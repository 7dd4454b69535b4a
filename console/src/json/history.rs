//! A history as JSON, in pieces: what comes before its points, each point, what comes after.

use serde::Serialize;
use systole_common::time::UnixMs;

use super::{line, name, said};
use crate::model::history::{Head, Row};

/// What all points of a series have.
#[derive(Debug, Serialize)]
struct HeadJson<'a> {
    host: &'a str,
    metric: &'a str,
    instance: Option<String>,
    unit: String,
    tier: String,
    step_ms: u64,
    from: String,
    to: String,
    points: [(); 0],
}

/// What a series did in one step.
#[derive(Debug, Serialize)]
struct PointJson {
    time: String,
    min: Option<f64>,
    max: Option<f64>,
    mean: Option<f64>,
    count: u64,
}

/// What stands behind the points of a series.
pub const HISTORY_END: &str = "]}";

/// What stands before the points of a series; commas go between them, [`HISTORY_END`] behind.
pub fn history_begin(head: &Head) -> serde_json::Result<String> {
    let whole = line(&HeadJson {
        host: &head.host,
        metric: &head.key.metric,
        instance: said(&head.key.instance),
        unit: name(head.unit),
        tier: name(head.tier),
        step_ms: head.step.ms(),
        from: head.range.from.rfc3339(),
        to: head.range.to.rfc3339(),
        points: [],
    })?;
    Ok(whole.strip_suffix(HISTORY_END).unwrap_or(&whole).to_owned())
}

/// A point of a series.
pub fn history_point(row: Row) -> serde_json::Result<String> {
    let point = match row {
        Row::Point(point) => PointJson {
            time: point.at.rfc3339(),
            min: Some(point.min),
            max: Some(point.max),
            mean: Some(point.mean),
            count: point.count,
        },
        Row::Gap(at) => gap(at),
    };
    line(&point)
}

fn gap(at: UnixMs) -> PointJson {
    PointJson { time: at.rfc3339(), min: None, max: None, mean: None, count: 0 }
}

#[cfg(test)]
mod tests {
    use systole_common::model::metric::{SeriesKey, Unit};
    use systole_common::wire::history::{HistoryPoint, Tier};

    use super::*;
    use crate::model::range::{Range, Step};
    use crate::testing::WALL;

    #[test]
    fn a_history_in_pieces_is_one_object_of_the_contract() {
        let head = Head {
            host: "web-1".to_owned(),
            key: SeriesKey::new("disk_used_percent", "/v\u{1b}]}"),
            unit: Unit::Percent.into(),
            tier: Tier::Minute.into(),
            range: Range { from: WALL, to: WALL },
            step: Step::EveryMs(60_000),
        };
        let point = HistoryPoint { at: WALL, min: 1.0, max: f64::INFINITY, mean: 41.25, count: 12 };
        let text = format!(
            "{}{},{}{HISTORY_END}",
            history_begin(&head).unwrap(),
            history_point(Row::Point(point)).unwrap(),
            history_point(Row::Gap(WALL)).unwrap(),
        );
        let expected = concat!(
            r#"{"host":"web-1","metric":"disk_used_percent","instance":"/v\u001b]}","#,
            r#""unit":"percent","tier":"minute","step_ms":60000,"from":"2026-11-21T04:16:07.089Z","#,
            r#""to":"2026-11-21T04:16:07.089Z","points":[{"time":"2026-11-21T04:16:07.089Z","#,
            r#""min":1.0,"max":null,"mean":41.25,"count":12},"#,
            r#"{"time":"2026-11-21T04:16:07.089Z","min":null,"max":null,"mean":null,"count":0}]}"#,
        );
        assert_eq!(text, expected);
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }
}
