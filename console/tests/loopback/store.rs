//! A metric store of a few lines: keeps samples in memory, answers as a daemon does.

use std::collections::BTreeMap;

use systole_common::model::metric::{MetricKind, SeriesKey, Unit};
use systole_common::net::framed::FrameWriter;
use systole_common::time::UnixMs;
use systole_common::wire::codec::decode;
use systole_common::wire::history::{
    HistoryPage, HistoryPoint, HistoryQuery, SeriesPage, SeriesQuery, SeriesRecord, StorageCleanUp,
    StoragePage, StorageQuery, StorageRecord, Tier, TierRecord,
};
use systole_common::wire::kind::Kind;

/// Points on a page; few, so that replies have several.
const PAGE_POINTS: usize = 50;

/// Samples of every series, and what was asked.
#[derive(Default)]
pub(crate) struct Store {
    series: BTreeMap<(String, SeriesKey), Vec<(i64, f64)>>,
    /// Each history that was asked for.
    pub(crate) asked: Vec<HistoryQuery>,
    pub(crate) cleaned: Vec<StorageCleanUp>,
}

impl Store {
    /// Puts samples of a series: times in milliseconds and values.
    pub(crate) fn put(&mut self, host: &str, key: SeriesKey, samples: Vec<(i64, f64)>) {
        self.series.insert((host.to_owned(), key), samples);
    }

    /// Answers but for the end; `Err` if it knows nothing of the kind.
    pub(crate) fn reply(
        &mut self,
        writer: &mut FrameWriter,
        kind: Kind,
        body: &[u8],
    ) -> Result<(), String> {
        match kind {
            Kind::SeriesQuery => self.list(writer, &decode(body).unwrap()),
            Kind::HistoryQuery => self.history(writer, decode(body).unwrap())?,
            Kind::StorageQuery => {
                let query: StorageQuery = decode(body).unwrap();
                self.storage(writer, query.host.as_deref(), query.before);
            }
            Kind::StorageCleanUp => {
                let order: StorageCleanUp = decode(body).unwrap();
                self.storage(writer, order.host.as_deref(), Some(order.before));
                self.cleaned.push(order);
            }
            other => panic!("unexpected {}", other.as_str()),
        }
        Ok(())
    }

    fn list(&self, writer: &mut FrameWriter, query: &SeriesQuery) {
        let is_meant = |host: &String, key: &SeriesKey| {
            (query.hosts.is_empty() || query.hosts.contains(host))
                && query.metric.as_deref().is_none_or(|metric| metric == &*key.metric)
        };
        for (host, key) in self.series.keys().filter(|(host, key)| is_meant(host, key)) {
            let record = SeriesRecord {
                host: host.clone(),
                metric: key.metric.to_string(),
                instance: key.instance.to_string(),
                unit: Unit::Percent.into(),
                kind: MetricKind::Gauge.into(),
            };
            writer.queue(&SeriesPage { records: vec![record] }).unwrap();
        }
    }

    fn history(&mut self, writer: &mut FrameWriter, query: HistoryQuery) -> Result<(), String> {
        let key = SeriesKey::new(&query.metric, &query.instance);
        let samples = self.series.get(&(query.host.clone(), key));
        let samples = samples.ok_or_else(|| format!("nothing of {} is stored", query.metric))?;
        let step_ms = query.step_ms;
        let mut steps: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for (at, value) in samples {
            if (query.from.0..query.to.0).contains(at) {
                let step = i64::try_from(step_ms.max(1)).unwrap();
                steps.entry(at / step * step).or_default().push(*value);
            }
        }
        let points: Vec<HistoryPoint> = steps.into_iter().map(point).collect();
        let page = |points| HistoryPage {
            tier: Tier::Raw.into(),
            unit: Unit::Percent.into(),
            step_ms,
            points,
        };
        let mut pages = points.chunks(PAGE_POINTS).map(<[_]>::to_vec);
        writer.queue(&page(pages.next().unwrap_or_default())).unwrap();
        for points in pages {
            writer.queue(&page(points)).unwrap();
        }
        self.asked.push(query);
        Ok(())
    }

    /// What is stored before `before`, a page for each host.
    fn storage(&self, writer: &mut FrameWriter, host: Option<&str>, before: Option<UnixMs>) {
        let page = |records| StoragePage {
            log_bytes: 1 << 20,
            database_bytes: 5 << 20,
            free_bytes: 1 << 34,
            before,
            records,
        };
        let mut hosts: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for ((name, _), samples) in &self.series {
            let old = samples.iter().map(|(at, _)| *at);
            let old = old.filter(|at| before.is_none_or(|before| *at < before.0));
            hosts.entry(name.as_str()).or_default().extend(old);
        }
        hosts.retain(|name, _| host.is_none_or(|host| host == *name));
        writer.queue(&page(Vec::new())).unwrap();
        for (name, times) in hosts {
            writer.queue(&page(vec![record(name, &times)])).unwrap();
        }
    }
}

fn point((at, values): (i64, Vec<f64>)) -> HistoryPoint {
    HistoryPoint {
        at: UnixMs(at),
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        mean: values.iter().sum::<f64>() / values.len() as f64,
        count: values.len() as u64,
    }
}

fn record(host: &str, times: &[i64]) -> StorageRecord {
    let tier = TierRecord {
        tier: Tier::Raw.into(),
        series: 1,
        records: times.len() as u64,
        bytes: 2 * times.len() as u64,
        oldest: times.iter().min().copied().map(UnixMs),
        newest: times.iter().max().copied().map(UnixMs),
    };
    StorageRecord {
        host: host.to_owned(),
        tiers: vec![tier],
        received: 40,
        missing: 2,
        dropped: 1,
        ranges: vec![(3, 42)],
    }
}
