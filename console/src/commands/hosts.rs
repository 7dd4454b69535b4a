//! `systole hosts [FILTER] [--live]`: all hosts, the worst first.

use std::collections::BTreeSet;

use systole_common::wire::console::HostsQuery;

use super::{dialer, filter, say, talk};
use crate::cli::{Common, HostsArgs};
use crate::error::ConsoleError;
use crate::json::HostJson;
use crate::model::fleet::Row;
use crate::model::subject::{HOST_FIELDS, RowSubject, check_names};
use crate::shell::{clock, live, output};
use crate::view::{fleet, phrase};

pub(super) async fn run(common: &Common, args: &HostsArgs) -> Result<(), ConsoleError> {
    let (filter, text) = filter(&args.filter)?;
    check_names(&filter, &text, "hosts", HOST_FIELDS, None)?;
    if args.live {
        if common.json {
            return Err(ConsoleError::Usage("--live draws a table; use `systole watch` for JSON"));
        }
        if !output::is_screen() {
            return Err(ConsoleError::Usage(
                "--live needs a terminal; use `systole hosts` or `systole watch`",
            ));
        }
        return live::run(dialer(common)?, (!filter.is_empty()).then_some(filter)).await;
    }
    let query = HostsQuery { hosts: Vec::new() };
    let hosts = talk(common, async |link| Ok(link.ask(&query).await?.hosts().await?)).await?;
    let labels: BTreeSet<String> = hosts
        .iter()
        .flat_map(|host| host.record.labels.iter().map(|(key, _)| key.clone()))
        .collect();
    let known = hosts.len();
    check_names(&filter, &text, "hosts", HOST_FIELDS, (known > 0).then_some(&labels))?;
    let now = clock::now();
    let mut rows: Vec<Row> = hosts.into_iter().map(Row::of).collect();
    rows.retain(|row| filter.matches(&RowSubject { row, now }));
    print(common, rows, known, &text)
}

fn print(
    common: &Common,
    mut rows: Vec<Row>,
    known: usize,
    text: &str,
) -> Result<(), ConsoleError> {
    let now = clock::now();
    if common.json {
        rows.sort_by(|a, b| a.summary.host.cmp(&b.summary.host));
        let whole = rows.iter().filter_map(|row| row.detail.as_ref());
        let hosts: Vec<HostJson> = whole.map(|host| HostJson::new(host, now.mono)).collect();
        return output::json(&hosts).map_err(ConsoleError::Output);
    }
    if known == 0 {
        return say(fleet::NO_HOSTS);
    }
    if rows.is_empty() {
        let known = phrase::count(known, "host");
        return say(&format!("no host matches {text} ({known} known); `systole hosts` lists all"));
    }
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by_key(|row| row.urgency());
    let lines = fleet::table(&rows, now, true).lines(output::width());
    output::lines(&lines).map_err(ConsoleError::Output)
}
