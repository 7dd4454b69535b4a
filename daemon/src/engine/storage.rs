//! Stored samples as the engine sees them: receipts for agents, and what operators ask or delete.
//! Knows no sample: they go from the streams to the metric store without passing here.

use systole_common::ids::{ConnectionId, HostId, SpoolEpoch};
use systole_common::model::metric::{SeriesKey, is_metric_name};
use systole_common::wire::control::{Ranges, Receipt, SequenceKind};
use systole_common::wire::hello::RefusalCode;
use systole_common::wire::history::{HistoryQuery, SeriesQuery, StorageCleanUp, StorageQuery};
use systole_common::wire::limits::RANGES_MAX;

use super::Fleet;
use super::actions::audited;
use super::desk::Desk;
use super::effect::{Effect, MetricsQuery};
use super::operators::{No, no_such_host};

/// Sequences of a host are safe: its agent is told on its newest main connection.
pub(super) fn received(
    fleet: &Fleet,
    desk: &mut Desk,
    host: &HostId,
    epoch: SpoolEpoch,
    ranges: &[(u64, u64)],
) {
    // An agent that is away meanwhile is told when it greets again.
    let Some(link) = fleet.get(host).and_then(|host| host.link.as_ref()) else { return };
    let connection = link.connection;
    for ranges in ranges.chunks(RANGES_MAX) {
        let kind = SequenceKind::Samples.into();
        let receipt = Receipt { kind, epoch, ranges: Ranges(ranges.to_vec()) };
        desk.at_once(Effect::Receipt { connection, receipt });
    }
}

/// Which series are stored.
pub(super) fn series(body: SeriesQuery) -> Result<MetricsQuery, No> {
    let hosts: Result<Vec<HostId>, No> = body.hosts.iter().map(|name| named(name)).collect();
    Ok(MetricsQuery::Series { hosts: hosts?, metric: body.metric })
}

/// The history of a series.
pub(super) fn history(body: &HistoryQuery) -> Result<MetricsQuery, No> {
    let host = named(&body.host)?;
    if !is_metric_name(&body.metric) {
        let text = "a metric's name has only a-z, 0-9 and _; `systole export --help` tells more";
        return Err((RefusalCode::Invalid, text.to_owned()));
    }
    if body.from >= body.to {
        let text = "the range ends before it begins; give --from before --to";
        return Err((RefusalCode::Invalid, text.to_owned()));
    }
    let key = SeriesKey::new(&body.metric, &body.instance);
    Ok(MetricsQuery::History { host, key, from: body.from, to: body.to, step_ms: body.step_ms })
}

/// How much is stored.
pub(super) fn storage(body: &StorageQuery) -> Result<MetricsQuery, No> {
    let host = body.host.as_deref().map(named).transpose()?;
    Ok(MetricsQuery::Storage { host, before: body.before })
}

/// Deletes what is old; the trail says so before it happens.
pub(super) fn clean_up(
    desk: &mut Desk,
    session: ConnectionId,
    request: u64,
    body: &StorageCleanUp,
) -> Result<(), No> {
    let before = body.before;
    let whose = match &body.host {
        Some(name) => format!("host {}", shown(name)),
        None => "all hosts".to_owned(),
    };
    let target = format!("{whose}, before {}", before.rfc3339());
    audited(desk, session, "storage-clean-up", &target, "", |desk, _| {
        let host = body.host.as_deref().map(named).transpose()?;
        if before > desk.now.wall {
            let text = "what is deleted must lie in the past; give an earlier date";
            return Err((RefusalCode::Invalid, text.to_owned()));
        }
        desk.after_commit(Effect::CleanUp { session, request, host, before });
        Ok(())
    })
}

fn named(name: &str) -> Result<HostId, No> {
    name.parse().map_err(|_| no_such_host(name))
}

fn shown(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(64).collect()
}
