//! `systole history HOST METRIC`: how one series went, for people or for programs.

use systole_common::model::metric::{SeriesKey, Unit};
use systole_common::time::UnixMs;
use systole_common::wire::console::HostsQuery;
use systole_common::wire::history::{SeriesQuery, Tier};

use super::document::{self, Document, Form};
use super::{say, talk};
use crate::cli::{Common, HistoryArgs};
use crate::error::ConsoleError;
use crate::limits::TABLE_ROWS_MAX;
use crate::model::history::{Head, Row, answered, coarser, rows};
use crate::model::missing::{Missing, of_host};
use crate::model::range::{Range, Step};
use crate::shell::link::{Link, LinkError};
use crate::shell::{clock, output};
use crate::tables::history as view;

pub(super) async fn run(common: &Common, args: &HistoryArgs) -> Result<(), ConsoleError> {
    let form = Form::asked(common, &args.range)?;
    let now = clock::now().wall;
    let asked = args.range.range(now, &clock::zone())?;
    let step = args.range.step.unwrap_or_else(|| Step::chosen(asked));
    let mut head = Head {
        host: args.host.to_string(),
        key: args.series.clone(),
        unit: Unit::None.into(),
        tier: Tier::Raw.into(),
        range: asked.whole(step)?,
        step,
    };
    talk(common, async |link| {
        if args.range.step.is_none() {
            settle(link, &mut head, asked).await?;
        }
        match form {
            Some(form) => written(link, &mut head, form, now).await,
            None => drawn(link, &mut head, now).await,
        }
    })
    .await
}

/// Takes a longer step than the chosen one if the samples are further apart.
async fn settle(link: &Link, head: &mut Head, asked: Range) -> Result<(), ConsoleError> {
    let page = match document::ask(link, head, head.range).await {
        Ok(page) => page,
        Err(error) => return Err(explained(link, head, error).await),
    };
    if let Some(step) = coarser(head.step, &page.points) {
        (head.step, head.range) = (step, asked.whole(step)?);
    } else if page.points.is_empty() {
        rolled_up(link, head, asked).await?;
    }
    Ok(())
}

/// The steps of the roll-ups, in milliseconds.
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;

/// Takes the finest roll-up that has something, where every sample is gone already.
async fn rolled_up(link: &Link, head: &mut Head, asked: Range) -> Result<(), ConsoleError> {
    for step in [MINUTE_MS, HOUR_MS].map(Step::EveryMs) {
        if step.ms() <= head.step.ms() {
            continue;
        }
        let range = asked.whole(step)?;
        let fresh = Head { range, step, ..head.clone() };
        if !document::ask(link, &fresh, range).await?.points.is_empty() {
            *head = fresh;
            return Ok(());
        }
    }
    Ok(())
}

async fn written(
    link: &Link,
    head: &mut Head,
    form: Form,
    now: UnixMs,
) -> Result<(), ConsoleError> {
    let mut document = Document::new(form);
    match document::write(&mut document, link, head, now).await {
        Ok(()) => document.finish(),
        Err(ConsoleError::Link(error)) => Err(explained(link, head, *error).await),
        Err(error) => Err(error),
    }
}

async fn drawn(link: &Link, head: &mut Head, now: UnixMs) -> Result<(), ConsoleError> {
    let mut shown: Vec<Row> = Vec::new();
    let mut has_points = false;
    for part in head.range.parts(head.step) {
        let page = match document::ask(link, head, part).await {
            Ok(page) => page,
            Err(error) => return Err(explained(link, head, error).await),
        };
        (head.unit, head.tier) = (page.unit, page.tier);
        has_points |= !page.points.is_empty();
        let (step, part) = answered(head.step, page.step_ms, part);
        shown.extend(rows(&page.points, part, step, now).take(TABLE_ROWS_MAX + 1));
        if shown.len() > TABLE_ROWS_MAX {
            return Err(ConsoleError::Usage(
                "more than 10000 rows for a table; take --csv, a longer --step or a shorter time",
            ));
        }
    }
    if has_points {
        let lines = view::view(head, &shown, output::width());
        output::lines(&lines).map_err(ConsoleError::Output)
    } else {
        say(&view::nothing(head))
    }
}

/// An error with the names that were probably meant, if the daemon does not know the series.
async fn explained(link: &Link, head: &Head, error: LinkError) -> ConsoleError {
    if !error.is_not_found() {
        return error.into();
    }
    match missing(link, &head.host, &head.key).await {
        Ok(Some(missing)) => missing.into(),
        Ok(None) => error.into(),
        Err(worse) => worse.into(),
    }
}

async fn missing(link: &Link, host: &str, key: &SeriesKey) -> Result<Option<Missing>, LinkError> {
    let query = SeriesQuery { hosts: vec![host.to_owned()], metric: None };
    let series = link.ask(&query).await?.series().await?;
    if !series.is_empty() {
        return Ok(of_host(host, key, &series, &[]));
    }
    let hosts = link.ask(&HostsQuery { hosts: Vec::new() }).await?.hosts().await?;
    let names: Vec<String> = hosts.into_iter().map(|host| host.record.host).collect();
    Ok(of_host(host, key, &series, &names))
}
