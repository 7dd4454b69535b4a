//! What the console knows: hosts, alerts, who is there, how fresh all of it is, and how it is looked at.
//!
//! Values and questions about them. It draws nothing and asks no daemon; time is an argument.
//! Everything in it that came from elsewhere is safe to show: [`entry`] scrubs once.

pub mod alert_list;
pub mod alerts;
pub mod attention;
pub mod columns;
pub mod entry;
pub mod files;
pub mod fleet;
pub mod freshness;
pub mod history;
pub mod host;
pub mod host_list;
pub mod host_view;
pub mod missing;
pub mod pace;
pub mod peek;
pub mod presence;
pub mod prompt;
pub mod range;
pub mod requests;
pub mod screen;
pub mod subject;
pub mod talk;

use systole_common::filter::Filter;
use systole_common::time::Now;
use systole_common::wire::console::AlertRecord;

use self::alert_list::AlertList;
use self::alerts::{OpenAlerts, is_alarm};
use self::attention::Attention;
use self::files::Files;
use self::fleet::Fleet;
use self::freshness::{Freshness, Trust};
use self::host_list::HostList;
use self::host_view::HostView;
use self::peek::Peek;
use self::presence::Presence;
use self::prompt::Prompt;
use self::requests::Requests;
use self::screen::{Screen, Size};
use self::talk::Talk;

/// Values that stand still because somebody reads them.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// Since when.
    pub at: Now,
    /// The hosts as they were; their states go on.
    pub fleet: Fleet,
    /// Changes of states and alerts since then.
    pub events: usize,
}

/// How the screen behaves, from the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manners {
    /// Whether a new critical alert rings the bell.
    pub bell: bool,
    /// Names of the themes that `:theme` knows.
    pub themes: Vec<&'static str>,
    /// Names of the symbols that `:symbols` knows.
    pub symbols: Vec<&'static str>,
}

/// Everything that the screen shows, and how.
#[derive(Debug, Clone)]
pub struct Model {
    /// The link to the daemon and the age of what came over it.
    pub freshness: Freshness,
    /// Hosts by name.
    pub fleet: Fleet,
    /// Open alerts by number, and those that ended just now.
    pub alerts: OpenAlerts,
    /// Who is attached.
    pub presence: Presence,
    /// What was said.
    pub talk: Talk,
    /// Offered and received files.
    pub files: Files,
    /// Views, panes, what lies over them.
    pub screen: Screen,
    /// The fleet as it is looked at.
    pub list: HostList,
    /// The alerts as they are looked at.
    pub feed: AlertList,
    /// The host that is open.
    pub host: Option<HostView>,
    /// The chart below the fleet.
    pub peek: Option<Peek>,
    /// Values that stand still.
    pub frozen: Option<Frozen>,
    /// The line in which something is typed.
    pub prompt: Option<Prompt>,
    /// Questions under way and what came of them.
    pub requests: Requests,
    /// How the screen behaves.
    pub manners: Manners,
    /// What was asked, told and rung for already.
    pub attention: Attention,
    /// Something changed that may show: the shell paints soon and sets it back.
    pub dirty: Dirty,
}

impl Model {
    /// Nothing known yet, on a screen of `size`; of the fleet the hosts of `filter` are shown.
    pub fn new(now: Now, size: Size, manners: Manners, filter: Option<(String, Filter)>) -> Self {
        Self {
            freshness: Freshness::waiting(now),
            fleet: Fleet::default(),
            alerts: OpenAlerts::default(),
            presence: Presence::default(),
            talk: Talk::default(),
            files: Files::default(),
            screen: Screen::new(size),
            list: HostList::new(now, filter),
            feed: AlertList::default(),
            host: None,
            peek: None,
            frozen: None,
            prompt: None,
            requests: Requests::default(),
            manners,
            attention: Attention::new(now.mono),
            dirty: Dirty::Now,
        }
    }

    /// The hosts that are shown: those of now, or those that stand still.
    pub fn shown_fleet(&self) -> &Fleet {
        self.frozen.as_ref().map_or(&self.fleet, |frozen| &frozen.fleet)
    }

    /// The moment that is shown, for the clock and for ages: `now`, or when it was frozen.
    pub fn shown_now(&self, now: Now) -> Now {
        self.frozen.as_ref().map_or(now, |frozen| frozen.at)
    }

    /// Whether values are of now, as far as the link is concerned.
    pub fn is_live(&self, now: Now) -> bool {
        self.freshness.trust(now.mono) == Trust::Live
    }

    /// The critical alert that began after the last word was said, if it still waits for somebody.
    pub fn alarm(&self) -> Option<&AlertRecord> {
        let alarm = self.attention.alarm.and_then(|id| self.alerts.get(id));
        alarm.filter(|alert| is_alarm(alert))
    }

    /// The newest alert that waits for somebody; one that has just begun comes first.
    pub fn newest_waiting(&self) -> Option<&AlertRecord> {
        self.alarm().or_else(|| self.alerts.newest_unacked())
    }

    /// Asks for the screen to be painted, at least `soon`.
    pub fn touch(&mut self, soon: Dirty) {
        self.dirty = self.dirty.max(soon);
    }
}

/// How soon the screen is to be painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Dirty {
    /// Nothing changed that shows.
    #[default]
    No,
    /// Measured values or ages changed: within a second.
    Data,
    /// Somebody pressed a key, or a state, an alert or the link changed: at once, ten times a second.
    Now,
}
