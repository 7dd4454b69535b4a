//! The host that is open: its tab, its charts, its connects and alerts, as far as they were answered.

use std::time::Duration;

use systole_common::ids::AlertId;
use systole_common::model::metric::SeriesKey;
use systole_common::time::{Mono, UnixMs};
use systole_common::wire::console::{AlertRecord, ConnectionRecord};
use systole_common::wire::history::HistoryPage;

use crate::model::range::{Range, Step};
use crate::model::requests::RequestId;

/// A part of a host's detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tab {
    /// What it is and how it is.
    Overview,
    /// Each processor core.
    Cores,
    /// File systems and block devices.
    Disks,
    /// Interfaces.
    Network,
    /// Top processes.
    Processes,
    /// Its history.
    Charts,
    /// Its alerts, open and ended.
    Alerts,
    /// Its connects and disconnects.
    Connections,
    /// What was said with it.
    Chat,
    /// Its files.
    Files,
}

impl Tab {
    /// All, in their order.
    pub const ALL: [Self; 10] = [
        Self::Overview,
        Self::Cores,
        Self::Disks,
        Self::Network,
        Self::Processes,
        Self::Charts,
        Self::Alerts,
        Self::Connections,
        Self::Chat,
        Self::Files,
    ];

    /// Its name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Cores => "cores",
            Self::Disks => "disks",
            Self::Network => "network",
            Self::Processes => "processes",
            Self::Charts => "charts",
            Self::Alerts => "alerts",
            Self::Connections => "connections",
            Self::Chat => "chat",
            Self::Files => "files",
        }
    }
}

/// The time that charts cover, up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChartSpan {
    /// 1 h.
    Hour,
    /// 6 h.
    SixHours,
    /// 24 h.
    Day,
    /// 7 d.
    Week,
    /// 30 d.
    Month,
}

impl ChartSpan {
    /// All, the shortest first.
    pub const ALL: [Self; 5] = [Self::Hour, Self::SixHours, Self::Day, Self::Week, Self::Month];

    /// How long it is.
    pub const fn span(self) -> Duration {
        match self {
            Self::Hour => Duration::from_hours(1),
            Self::SixHours => Duration::from_hours(6),
            Self::Day => Duration::from_hours(24),
            Self::Week => Duration::from_hours(7 * 24),
            Self::Month => Duration::from_hours(30 * 24),
        }
    }

    /// Its name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Hour => "1 h",
            Self::SixHours => "6 h",
            Self::Day => "24 h",
            Self::Week => "7 d",
            Self::Month => "30 d",
        }
    }
}

/// Something that is asked of the daemon and shown when it comes.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Loaded<T> {
    /// Nobody asked yet.
    #[default]
    Unasked,
    /// Asked; what was there before, and as of when, is shown meanwhile.
    Asked(RequestId, Option<(T, UnixMs)>),
    /// Here, as of then.
    Here(T, UnixMs),
    /// It did not come, and why.
    Failed(String),
}

impl<T> Loaded<T> {
    /// What there is to show.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Unasked | Self::Failed(_) => None,
            Self::Asked(_, before) => before.as_ref().map(|(value, _)| value),
            Self::Here(value, _) => Some(value),
        }
    }

    /// It was asked for.
    pub fn ask(&mut self, request: RequestId) {
        let before = match std::mem::take(self) {
            Self::Unasked | Self::Failed(_) => None,
            Self::Asked(_, before) => before,
            Self::Here(value, at) => Some((value, at)),
        };
        *self = Self::Asked(request, before);
    }

    /// The answer that is on its way is not waited for any more.
    pub fn forget_question(&mut self) {
        if let Self::Asked(_, before) = self {
            *self = match before.take() {
                Some((value, at)) => Self::Here(value, at),
                None => Self::Unasked,
            };
        }
    }

    /// Whether this is the question that it waits for.
    pub fn waits_for(&self, request: RequestId) -> bool {
        matches!(self, Self::Asked(asked, _) if *asked == request)
    }

    /// The answer came at `at`. A failure leaves what was there before, and is told if that is nothing.
    pub fn answer(&mut self, answer: Result<T, String>, at: UnixMs) {
        let before = match std::mem::take(self) {
            Self::Asked(_, before) => before,
            Self::Here(value, at) => Some((value, at)),
            Self::Unasked | Self::Failed(_) => None,
        };
        *self = match (answer, before) {
            (Ok(value), _) => Self::Here(value, at),
            (Err(_), Some((value, at))) => Self::Here(value, at),
            (Err(why), None) => Self::Failed(why),
        };
    }
}

/// One chart: a series over the chosen time.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Which series.
    pub key: SeriesKey,
    /// The time that was asked for, and its step.
    pub asked: Option<(Range, Step)>,
    /// Its points.
    pub points: Loaded<HistoryPage>,
}

/// The open host.
#[derive(Debug, Clone, PartialEq)]
pub struct HostView {
    /// Its name.
    pub host: String,
    /// The part that is shown.
    pub tab: Tab,
    /// First line of the part, where it is longer than the screen.
    pub offset: usize,
    /// How much time the charts cover.
    pub span: ChartSpan,
    /// Whether percentages are scaled from 0 to 100, or each chart by its own values.
    pub is_full_scale: bool,
    /// The charts' cursor, in columns before the newest one; `None`: no cursor.
    pub chart_cursor: Option<u16>,
    /// The charts, one below the other.
    pub charts: Vec<Chart>,
    /// Connects and disconnects, newest first.
    pub connections: Loaded<Vec<ConnectionRecord>>,
    /// Open and ended alerts, newest first.
    pub past_alerts: Loaded<Vec<AlertRecord>>,
    /// The alert that the cursor is on; `None`: the first one.
    pub alert: Option<AlertId>,
    /// When what the shown part needs was last asked for.
    pub asked_at: Option<Mono>,
}

impl HostView {
    /// The overview of `host`, with nothing asked yet.
    pub fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            tab: Tab::Overview,
            offset: 0,
            span: ChartSpan::Hour,
            is_full_scale: true,
            chart_cursor: None,
            charts: Vec::new(),
            connections: Loaded::Unasked,
            past_alerts: Loaded::Unasked,
            alert: None,
            asked_at: None,
        }
    }
}
