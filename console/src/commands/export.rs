//! `systole export [FILTER]`: the history of many series, written one after the other.

use std::collections::BTreeSet;

use systole_common::filter::Filter;
use systole_common::model::metric::SeriesKey;
use systole_common::time::UnixMs;
use systole_common::wire::console::HostsQuery;
use systole_common::wire::history::{SeriesQuery, SeriesRecord, Tier};

use super::document::{self, Document, Form};
use super::{filter, talk};
use crate::cli::{Common, ExportArgs};
use crate::error::ConsoleError;
use crate::limits::HOSTS_ASKED;
use crate::model::fleet::Row;
use crate::model::history::Head;
use crate::model::missing::of_any;
use crate::model::range::{Range, Step};
use crate::model::subject::{HOST_FIELDS, RowSubject, check_names};
use crate::shell::clock;
use crate::shell::link::{Link, LinkError};

pub(super) async fn run(common: &Common, args: &ExportArgs) -> Result<(), ConsoleError> {
    let (filter, text) = filter(&args.filter)?;
    check_names(&filter, &text, "hosts", HOST_FIELDS, None)?;
    let form = Form::asked(common, &args.range)?.unwrap_or(Form::Csv);
    let now = clock::now().wall;
    let step = args.range.step.unwrap_or(Step::Raw);
    let range = args.range.range(now, &clock::zone())?.whole(step)?;
    talk(common, async |link| {
        let groups = groups(link, &filter, &text).await?;
        let wanted = &args.metrics;
        let document = Document::new(form);
        let mut export =
            Export { link, document, wanted, found: BTreeSet::new(), range, step, now };
        for hosts in &groups {
            export.write(hosts).await?;
        }
        let found = std::mem::take(&mut export.found);
        export.document.finish()?;
        if groups.is_empty() {
            return Ok(());
        }
        match wanted.iter().find(|wanted| !found.contains(*wanted)) {
            Some(unfound) => Err(explained(link, &groups, unfound).await?),
            None => Ok(()),
        }
    })
    .await
}

/// Hosts that the filter lets through, a few together; one empty group for all that are stored.
async fn groups(
    link: &Link,
    filter: &Filter,
    text: &str,
) -> Result<Vec<Vec<String>>, ConsoleError> {
    if filter.is_empty() {
        return Ok(vec![Vec::new()]);
    }
    let hosts = link.ask(&HostsQuery { hosts: Vec::new() }).await?.hosts().await?;
    let labels: BTreeSet<String> = hosts
        .iter()
        .flat_map(|host| host.record.labels.iter().map(|(key, _)| key.clone()))
        .collect();
    let is_known = !hosts.is_empty();
    check_names(filter, text, "hosts", HOST_FIELDS, is_known.then_some(&labels))?;
    let now = clock::now();
    let rows = hosts.into_iter().map(Row::of);
    let names: BTreeSet<String> = rows
        .filter(|row| filter.matches(&RowSubject { row, now }))
        .map(|row| row.summary.host)
        .collect();
    if names.is_empty() {
        eprintln!("systole: no host matches {text}; `systole hosts` lists all");
    }
    let names: Vec<String> = names.into_iter().collect();
    Ok(names.chunks(HOSTS_ASKED).map(<[String]>::to_vec).collect())
}

struct Export<'a> {
    link: &'a Link,
    document: Document,
    /// Only these; all if it is empty. One without an instance means all instances.
    wanted: &'a [SeriesKey],
    /// Those of `wanted` that are stored of any host.
    found: BTreeSet<SeriesKey>,
    range: Range,
    step: Step,
    now: UnixMs,
}

impl Export<'_> {
    /// Writes all that is wanted of `hosts`.
    async fn write(&mut self, hosts: &[String]) -> Result<(), ConsoleError> {
        let metric = match self.wanted {
            [only] => Some(only.metric.to_string()),
            _ => None,
        };
        let query = SeriesQuery { hosts: hosts.to_vec(), metric };
        for record in self.link.ask(&query).await?.series().await? {
            if self.is_wanted(&record) {
                self.series(record).await?;
            }
        }
        Ok(())
    }

    fn is_wanted(&mut self, record: &SeriesRecord) -> bool {
        let fits = |wanted: &&SeriesKey| {
            *wanted.metric == record.metric
                && (wanted.instance.is_empty() || *wanted.instance == record.instance)
        };
        let fitting: Vec<&SeriesKey> = self.wanted.iter().filter(fits).collect();
        let is_wanted = self.wanted.is_empty() || !fitting.is_empty();
        self.found.extend(fitting.into_iter().cloned());
        is_wanted
    }

    async fn series(&mut self, record: SeriesRecord) -> Result<(), ConsoleError> {
        let mut head = Head {
            host: record.host,
            key: SeriesKey::new(&record.metric, &record.instance),
            unit: record.unit,
            tier: Tier::Raw.into(),
            range: self.range,
            step: self.step,
        };
        match document::write(&mut self.document, self.link, &mut head, self.now).await {
            // Its last sample became too old since the list was made.
            Err(ConsoleError::Link(error)) if error.is_not_found() => Ok(()),
            end => end,
        }
    }
}

/// Why `unfound` is stored of none of the hosts, with the names that were probably meant.
async fn explained(
    link: &Link,
    groups: &[Vec<String>],
    unfound: &SeriesKey,
) -> Result<ConsoleError, LinkError> {
    let hosts = groups.first().cloned().unwrap_or_default();
    let query = SeriesQuery { hosts, metric: None };
    let series = link.ask(&query).await?.series().await?;
    Ok(of_any(unfound, "any of these hosts", &series).into())
}
