//! `systole hosts [FILTER] [--live]`: all hosts, the worst first.

use std::collections::BTreeSet;

use systole_common::filter::Filter;
use systole_common::wire::console::HostsQuery;

use super::{config, filter, say, talk};
use crate::cli::{Common, HostsArgs};
use crate::error::ConsoleError;
use crate::json::HostJson;
use crate::model::Manners;
use crate::model::fleet::Row;
use crate::model::subject::{HOST_FIELDS, RowSubject, check_names};
use crate::shell::dial::Dialer;
use crate::shell::live::{self, Opening};
use crate::shell::{clock, output};
use crate::tables::{fleet, phrase};
use crate::view::symbols::{SYMBOL_NAMES, Symbols};
use crate::view::theme::{THEME_NAMES, Theme};

pub(super) async fn run(common: &Common, args: &HostsArgs) -> Result<(), ConsoleError> {
    let (filter, text) = filter(&args.filter)?;
    check_names(&filter, &text, "hosts", HOST_FIELDS, None)?;
    if args.live {
        if common.json {
            return Err(ConsoleError::Usage(
                "--live opens the console; use `systole watch` for JSON",
            ));
        }
        return open(common, (!filter.is_empty()).then_some((text, filter))).await;
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

/// Opens the console on the hosts of `filter`.
async fn open(common: &Common, filter: Option<(String, Filter)>) -> Result<(), ConsoleError> {
    if !output::is_screen() {
        return Err(ConsoleError::Usage(
            "the console needs a terminal, and one that can move its cursor (TERM is not dumb); \
             use `systole hosts` or `systole watch` here",
        ));
    }
    let config = config(common)?;
    let screen = &config.screen;
    let abilities = output::abilities();
    let symbols = Symbols::named(&screen.symbols, abilities.unicode);
    let opening = Opening {
        abilities,
        theme: Theme::named(
            if abilities.colours { &screen.theme } else { "mono" },
            symbols,
            &screen.looks,
        ),
        looks: screen.looks,
        manners: Manners {
            bell: screen.bell,
            themes: THEME_NAMES.to_vec(),
            symbols: SYMBOL_NAMES.to_vec(),
        },
        filter,
    };
    live::run(Dialer::new(&config)?, opening).await
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
