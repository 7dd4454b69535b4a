//! What `/metrics` shows, in the `OpenMetrics` text format. Names are a contract: add, never rename.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use systole_common::model::coded::Coded;
use systole_common::time::Mono;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::clock;
use super::context::Context;
use super::metrics::health::MetricsNews;
use super::store::WriterNews;
use crate::engine::gauges::Gauges;
use crate::limits::{BATCHES_MAX, GAUGES_TIMEOUT, INPUTS_MAX};

/// From where the numbers come.
#[derive(Debug)]
pub(super) struct Source {
    /// Counters, peers, queues.
    pub(super) context: Arc<Context>,
    /// The writer of `state.db`.
    pub(super) writer: Arc<WriterNews>,
    /// The writer of the metric store.
    pub(super) metrics: Arc<MetricsNews>,
    /// Whether the disk is full.
    pub(super) refusing: watch::Receiver<bool>,
    /// The engine is asked for its gauges here.
    pub(super) gauges: mpsc::Sender<oneshot::Sender<Gauges>>,
    /// When the daemon started.
    pub(super) started: Mono,
}

impl Source {
    /// The whole text; `None` if the engine does not answer in time.
    pub(super) async fn text(&self) -> Option<String> {
        let (asked, answer) = oneshot::channel();
        let gauges = async {
            self.gauges.send(asked).await.ok()?;
            answer.await.ok()
        };
        let gauges = timeout(GAUGES_TIMEOUT, gauges).await.ok()??;
        let mut registry = Registry::with_prefix("systole");
        registry.register_collector(Box::new(Picture { own: self.own(), gauges }));
        let mut text = String::new();
        encode(&mut text, &registry).ok()?;
        Some(text)
    }

    /// Why the daemon does not do all of its work, if so.
    pub(super) fn why_not_ready(&self) -> Option<String> {
        let refusing = *self.refusing.borrow();
        refusing.then(|| "the disk is full: state is kept in memory until there is room".to_owned())
    }

    fn own(&self) -> Own {
        let context = &self.context;
        let (agents, consoles) = context.peers.counts();
        Own {
            gauges: [self.loop_gauges(), self.disk_gauges()].concat(),
            metrics: metrics(&self.metrics),
            connections: vec![("agent", agents), ("console", consoles)],
            commits: self.writer.commits.load(Ordering::Relaxed),
            commit_seconds: seconds(self.writer.commit_us.load(Ordering::Relaxed)),
            refusals: self.writer.refusals.load(Ordering::Relaxed),
            frames: context.counters.frames(),
            rare: context.counters.rare(),
        }
    }

    /// The engine's loop and what waits for it.
    fn loop_gauges(&self) -> Vec<Gauge> {
        let context = &self.context;
        let free = context.inputs.capacity();
        vec![
            ("uptime_seconds", "Since the start", clock::mono().since(self.started).as_secs_f64()),
            (
                "loop_lag_seconds",
                "Longest delay of the engine's loop of late",
                seconds(context.lag.longest_us().into()),
            ),
            ("queue_inputs", "What waits for the engine", INPUTS_MAX.saturating_sub(free) as f64),
            ("queue_inputs_max", "What may wait for the engine", INPUTS_MAX as f64),
            (
                "queue_batches",
                "What waits for a commit",
                self.writer.in_flight.load(Ordering::Relaxed) as f64,
            ),
            ("queue_batches_max", "What may wait for a commit", BATCHES_MAX as f64),
        ]
    }

    /// The disk and what is on it.
    fn disk_gauges(&self) -> Vec<Gauge> {
        vec![
            (
                "store_refusing",
                "1 while the disk is full",
                f64::from(u8::from(*self.refusing.borrow())),
            ),
            (
                "metrics_refusing",
                "1 while stored samples are not taken, for want of room on the disk",
                f64::from(u8::from(self.metrics.refusing.load(Ordering::Relaxed))),
            ),
            (
                "metrics_log_bytes",
                "Bytes of the metric store's log",
                self.metrics.log_bytes.load(Ordering::Relaxed) as f64,
            ),
            (
                "metrics_database_bytes",
                "Bytes of metrics.db",
                self.metrics.database_bytes.load(Ordering::Relaxed) as f64,
            ),
            (
                "free_bytes",
                "Bytes that the file system has for the daemon",
                self.metrics.free_bytes.load(Ordering::Relaxed) as f64,
            ),
            (
                "commit_seconds_max",
                "Longest transaction since the start",
                seconds(self.writer.commit_us_max.load(Ordering::Relaxed)),
            ),
        ]
    }
}

/// Name, what it means, value.
type Gauge = (&'static str, &'static str, f64);

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

fn metrics(news: &MetricsNews) -> Vec<Gauge> {
    let one =
        |name, help, counter: &AtomicU64| (name, help, counter.load(Ordering::Relaxed) as f64);
    let commit_seconds = news.commit_us.load(Ordering::Relaxed) as f64 / 1e6;
    vec![
        one("metrics_commits", "Group commits of the metric store's log", &news.commits),
        ("metrics_commit_seconds", "Time in them", commit_seconds),
        one("metrics_samples", "Samples that were stored", &news.samples),
        one("metrics_slots", "Slots that were stored", &news.slots),
        one("metrics_slots_duplicate", "Slots that had been received before", &news.duplicates),
        one(
            "metrics_slots_out_of_time",
            "Slots older than the retention or in the future",
            &news.slots_out_of_time,
        ),
        one("metrics_slots_second", "Second samples in one slot", &news.slots_taken),
        one("metrics_slots_refused", "Slots not taken for want of room", &news.slots_refused),
        one(
            "metrics_sequences_refused",
            "Slots that would open too many ranges or epochs",
            &news.sequences_refused,
        ),
        one("metrics_series_refused", "Values of too many series", &news.series_refused),
        one("metrics_dropped", "Slots that agents had to drop", &news.dropped),
        one("metrics_damaged", "Chunks and records found damaged", &news.damaged),
    ]
}

/// The shell's numbers at one moment.
#[derive(Debug)]
struct Own {
    gauges: Vec<Gauge>,
    /// Counters of the metric store.
    metrics: Vec<Gauge>,
    connections: Vec<(&'static str, usize)>,
    commits: u64,
    commit_seconds: f64,
    refusals: u64,
    frames: Vec<(&'static str, u64)>,
    rare: Vec<(&'static str, String, u64)>,
}

/// All numbers at one moment.
#[derive(Debug)]
struct Picture {
    own: Own,
    gauges: Gauges,
}

impl Collector for Picture {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        self.own.encode(&mut encoder)?;
        let hosts = self.gauges.hosts.iter().map(|(host, state)| {
            (vec![("host", host.to_string()), ("state", state.as_str().to_owned())], 1.0)
        });
        gauges(&mut encoder, "host_state", "The state of a host: 1 for the one it is in", hosts)?;
        let alerts = self.gauges.alerts.iter().map(|((severity, acked), count)| {
            let labels =
                vec![("severity", severity.as_str().to_owned()), ("acked", acked.to_string())];
            (labels, *count as f64)
        });
        gauges(&mut encoder, "alerts", "Open alerts", alerts)?;
        let sessions = self.gauges.sessions as f64;
        gauges(&mut encoder, "sessions", "Operators attached", [(Vec::new(), sessions)])?;
        let waiting = self.gauges.messages_waiting as f64;
        let help = "Messages that some host is yet to get";
        gauges(&mut encoder, "messages_waiting", help, [(Vec::new(), waiting)])?;
        for (name, count) in self.gauges.counters.iter() {
            let help = "Counted by the engine since the start";
            counters(&mut encoder, name, help, [(Vec::new(), count as f64)])?;
        }
        Ok(())
    }
}

impl Own {
    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, value) in &self.gauges {
            gauges(encoder, name, help, [(Vec::new(), *value)])?;
        }
        for (name, help, value) in &self.metrics {
            counters(encoder, name, help, [(Vec::new(), *value)])?;
        }
        let by = |label: &'static str| {
            move |(name, count): &(&'static str, u64)| {
                (vec![(label, (*name).to_owned())], *count as f64)
            }
        };
        let connections = self
            .connections
            .iter()
            .map(|(role, count)| (vec![("role", (*role).to_owned())], *count as f64));
        gauges(encoder, "connections", "Connections whose hello was said", connections)?;
        let one = |value: f64| [(Vec::new(), value)];
        counters(encoder, "commits", "Transactions of state.db", one(self.commits as f64))?;
        counters(encoder, "commit_seconds", "Time in them", one(self.commit_seconds))?;
        counters(
            encoder,
            "store_refusals",
            "Times that the disk was full",
            one(self.refusals as f64),
        )?;
        let frames = self.frames.iter().map(by("kind"));
        counters(encoder, "frames", "Frames that came, by kind", frames)?;
        let mut rest = self.rare.as_slice();
        while let Some((name, _, _)) = rest.first() {
            let count = rest.iter().take_while(|(other, _, _)| other == name).count();
            let (same, others) = rest.split_at(count);
            let values = same.iter().map(|(_, label, count)| {
                let labels = match label.as_str() {
                    "" => Vec::new(),
                    label => vec![("reason", label.to_owned())],
                };
                (labels, *count as f64)
            });
            counters(encoder, name, "Rare events since the start, by reason or kind", values)?;
            rest = others;
        }
        Ok(())
    }
}

type Labels = Vec<(&'static str, String)>;

fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels, f64)>,
) -> fmt::Result {
    let kind = ConstGauge::new(0.0).metric_type();
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for (labels, value) in values {
        let gauge = ConstGauge::new(value);
        if labels.is_empty() {
            family.encode_gauge(&value)?;
        } else {
            gauge.encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels, f64)>,
) -> fmt::Result {
    let kind = ConstCounter::new(0.0).metric_type();
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for (labels, value) in values {
        let counter = ConstCounter::new(value);
        if labels.is_empty() {
            let none: Option<&prometheus_client::metrics::exemplar::Exemplar<Labels, f64>> = None;
            family.encode_counter(&value, none)?;
        } else {
            counter.encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}
