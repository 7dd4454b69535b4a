//! One host: what is stored of it, what is known of it now, and how its state changes.
//!
//! Its lasting state is in `row`; `late` and `conflict` lie over it and are never stored.

use std::collections::VecDeque;

use systole_common::ids::{ConnectionId, HostId, InstanceId};
use systole_common::model::host::{Cause, Certainty, HostState};
use systole_common::model::message::TEXT_BYTES_MAX;
use systole_common::model::metric::MetricSet;
use systole_common::time::{Mono, UnixMs};
use systole_common::wire::agent::ProcessSample;
use systole_common::wire::control::{Intervals, Policy};
use systole_common::wire::feed::HostBefore;

use super::columns::Columns;
use super::desk::Desk;
use super::effect::{FeedFrame, Level};
use super::freshness::Way;
use super::input::AgentHello;
use super::liveness::Watch;
use super::records;
use super::rules::{self, Watched};
use super::settings::Settings;
use super::state::{Change, HostRow};
use systole_common::time::millis;

/// See the module's words.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) row: HostRow,
    pub(super) watch: Watch,
    pub(super) link: Option<Link>,
    /// Raced connections of the same instance, oldest first.
    pub(super) older: Vec<ConnectionId>,
    pub(super) newcomer: Option<Newcomer>,
    /// What lies over the stored state.
    pub(super) over: Option<Over>,
    /// Beats since it was new or recovering.
    pub(super) steady_beats: u32,
    /// Not heard since the daemon started.
    pub(super) unheard: bool,
    pub(super) beat_at: Option<Mono>,
    pub(super) rtt_us: Option<u64>,
    pub(super) offsets_ms: VecDeque<i64>,
    pub(super) way: Way,
    pub(super) lease_until: Option<Mono>,
    pub(super) metrics: MetricSet,
    /// Taken from `metrics` when they came.
    pub(super) columns: Columns,
    pub(super) metrics_at: Option<Mono>,
    pub(super) rules: Watched,
    pub(super) processes: Vec<ProcessSample>,
    pub(super) last_disconnect: Option<String>,
}

/// The newest main connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: ConnectionId,
    pub(super) instance: InstanceId,
    pub(super) address: String,
    /// Newest heartbeat sequence seen.
    pub(super) sequence: u64,
    pub(super) echo_sequence: u64,
    /// When the latest echoes were sent.
    pub(super) echoes: VecDeque<(u64, Mono)>,
}

/// A second agent with the same identity that waits for a decision.
#[derive(Debug)]
pub(super) struct Newcomer {
    pub(super) hello: AgentHello,
    pub(super) nonce: u64,
}

/// A state that lies over the stored one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) state: HostState,
    pub(super) cause: Cause,
    pub(super) certainty: Certainty,
    pub(super) evidence: Vec<String>,
    pub(super) since: UnixMs,
}

/// A state with all that explains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) state: HostState,
    pub(super) cause: Option<Cause>,
    pub(super) certainty: Option<Certainty>,
    pub(super) evidence: Vec<String>,
}

impl Standing {
    /// A state that needs no explanation.
    pub(super) fn plain(state: HostState) -> Self {
        Self { state, cause: None, certainty: None, evidence: Vec::new() }
    }
}

impl Host {
    /// A host from its row; it has not been heard yet.
    pub(super) fn from_row(row: HostRow, watch: Watch) -> Self {
        Self {
            row,
            watch,
            link: None,
            older: Vec::new(),
            newcomer: None,
            over: None,
            steady_beats: 0,
            unheard: true,
            beat_at: None,
            rtt_us: None,
            offsets_ms: VecDeque::new(),
            way: Way::default(),
            lease_until: None,
            metrics: MetricSet::default(),
            columns: Columns::default(),
            metrics_at: None,
            rules: Watched::default(),
            processes: Vec::new(),
            last_disconnect: None,
        }
    }

    /// The row of a host that nobody knew.
    pub(super) fn new_row(host: &HostId, now: UnixMs) -> HostRow {
        HostRow {
            host: host.clone(),
            state: HostState::New,
            cause: None,
            certainty: None,
            evidence: Vec::new(),
            since: now,
            heard_at: None,
            heartbeat_interval_ms: None,
            instance: None,
            boot_id: None,
            agent_version: None,
            os: None,
            address: None,
            certificate_expires: None,
            labels: Vec::new(),
            lease: None,
            goodbye: None,
            starts: Vec::new(),
        }
    }

    pub(super) fn id(&self) -> &HostId {
        &self.row.host
    }

    /// Whether `connection` is one of the agent that is the host now.
    pub(super) fn is_mine(&self, connection: ConnectionId) -> bool {
        let is_newest = self.link.as_ref().is_some_and(|link| link.connection == connection);
        is_newest || self.older.contains(&connection)
    }

    /// The state that people see.
    pub(super) fn shown_state(&self) -> HostState {
        self.over.as_ref().map_or(self.row.state, |over| over.state)
    }

    /// Whether silence would be a surprise.
    pub(super) fn is_expected(&self) -> bool {
        match self.row.state {
            HostState::New | HostState::Online | HostState::Recovering => true,
            HostState::Late
            | HostState::Stalled
            | HostState::Unreachable
            | HostState::Down
            | HostState::Left
            | HostState::Conflict => false,
        }
    }

    /// Moves to another lasting state: written down, logged, told to the feeds.
    pub(super) fn settle(&mut self, desk: &mut Desk, standing: Standing) {
        let before = self.before();
        let expected =
            matches!(standing.state, HostState::New | HostState::Online | HostState::Recovering);
        if !expected {
            self.over = None;
        }
        if self.row.state != standing.state {
            self.row.since = desk.now.wall;
        }
        self.row.state = standing.state;
        self.row.cause = standing.cause;
        self.row.certainty = standing.certainty;
        self.row.evidence = standing.evidence;
        self.steady_beats = 0;
        self.save(desk);
        self.tell(desk, &before);
        rules::look(self, desk);
    }

    /// Lays a state over the lasting one, or takes it away. Not written down.
    pub(super) fn lay_over(&mut self, desk: &mut Desk, over: Option<Over>) {
        let same = |a: &Over, b: &Over| a.state == b.state && a.evidence == b.evidence;
        let unchanged = match (&self.over, &over) {
            (None, None) => true,
            (Some(a), Some(b)) => same(a, b),
            (None, Some(_)) | (Some(_), None) => false,
        };
        if unchanged {
            return;
        }
        let before = self.before();
        self.over = over;
        self.tell(desk, &before);
        rules::look(self, desk);
    }

    /// Writes the row down.
    pub(super) fn save(&self, desk: &mut Desk) {
        desk.change(Change::Host(Box::new(self.row.clone())));
    }

    fn before(&self) -> (Standing, UnixMs) {
        (records::standing(self), records::since(self))
    }

    fn tell(&self, desk: &mut Desk, (before, since): &(Standing, UnixMs)) {
        let after = records::standing(self);
        desk.sessions.touch(self.id());
        if after == *before {
            return;
        }
        if after.state != before.state {
            let why = after.evidence.first().map(|line| format!(": {line}")).unwrap_or_default();
            let text = format!("{} to {}{why}", before.state, after.state);
            desk.log(Level::Info, "host changed state", Some(self.id()), None, text);
        }
        let previous = self.changed(before, *since, &after);
        let (at, book) = (desk.now, &desk.book);
        let record = records::host(self, book, &desk.settings, at);
        desk.event(|| FeedFrame::Host(Box::new(records::host_event(at.wall, previous, record))));
    }

    fn changed(&self, before: &Standing, since: UnixMs, after: &Standing) -> HostBefore {
        HostBefore {
            state: (before.state != after.state).then(|| before.state.into()),
            cause: (before.cause != after.cause).then(|| before.cause.map(Into::into)),
            certainty: (before.certainty != after.certainty)
                .then(|| before.certainty.map(Into::into)),
            since: (since != records::since(self)).then_some(since),
        }
    }
}

/// What an agent is to do while `watched` by somebody or not.
pub(super) fn intervals(settings: &Settings, watched: bool) -> Intervals {
    let live = if watched { settings.live_interval } else { settings.stored_interval };
    let ms = |span| u32::try_from(millis(span)).unwrap_or(u32::MAX);
    Intervals {
        heartbeat_ms: ms(settings.heartbeat_interval),
        live_ms: ms(live),
        stored_ms: ms(settings.stored_interval),
    }
}

/// The whole policy of an agent.
pub(super) fn policy(settings: &Settings, watched: bool) -> Policy {
    Policy {
        intervals: intervals(settings, watched),
        processes_interval_ms: u32::try_from(millis(settings.processes_interval))
            .unwrap_or(u32::MAX),
        series_max: u32::try_from(systole_common::model::metric::SERIES_PER_AGENT_MAX)
            .unwrap_or(u32::MAX),
        text_bytes_max: u32::try_from(TEXT_BYTES_MAX).unwrap_or(u32::MAX),
        file_bytes_max: settings.files.size_max_bytes,
    }
}
