//! Every limit of the console, by name. Those of frames and transport are in `common`.

use std::time::Duration;

/// Daemons that one configuration names.
pub const DAEMONS_MAX: usize = 16;
/// Addresses of one daemon that are tried, if its name has several.
pub const ADDRESSES_MAX: usize = 4;
/// Longest wait for the next frame of a reply.
pub const REPLY_SILENCE_MAX: Duration = Duration::from_secs(10);
/// Records in one reply; a longer one is cut off with an error.
pub const REPLY_RECORDS_MAX: usize = 200_000;
/// Hosts that a feed may tell of; further ones are not shown.
pub const HOSTS_MAX: usize = 100_000;
/// Open alerts that a feed may tell of; further ones are not shown.
pub const ALERTS_MAX: usize = 100_000;
/// Frame pages of one host: its series fit into a few.
pub const HOST_PAGES_MAX: usize = 64;
/// Alert ids on one command line.
pub const IDS_MAX: usize = systole_common::wire::limits::TARGETS_MAX;
/// Connects and disconnects that `host` asks for.
pub const CONNECTIONS_SHOWN_MAX: u32 = 100;
/// Connects and disconnects that `host` shows to people.
pub const CONNECTIONS_LISTED: usize = 10;
/// Lines of the audit trail that `audit` asks for.
pub const AUDIT_SHOWN_MAX: u32 = 10_000;
/// Rows of a history whose step nobody asked for.
pub const ROWS_CHOSEN_MAX: u64 = 300;
/// Rows of a history whose step was asked for; as many points as one reply may have.
pub const STEPS_MAX: u64 = systole_common::wire::limits::HISTORY_POINTS_MAX as u64;
/// Rows of a table of history; programs may have more.
pub const TABLE_ROWS_MAX: usize = 10_000;
/// How much raw history is asked for at once: at a sample a second it is less than a reply may have.
pub const RAW_CHUNK: Duration = Duration::from_hours(7 * 24);
/// How far a host's clock may be ahead for its samples to be stored.
pub const CLOCK_AHEAD_MAX: Duration = Duration::from_mins(5);
/// Names that an error lists.
pub const NAMES_LISTED: usize = 12;
/// Hosts whose series are asked for at once.
pub const HOSTS_ASKED: usize = 16;
/// Bytes of output that are gathered before they are written.
pub const OUTPUT_BYTES: usize = 64 * 1024;

/// Events of a feed that wait to be dealt with; then the stream waits.
pub const EVENTS_WAITING_MAX: usize = 1_024;
/// Without a frame for so long, a feed is dialled anew beside the old one; ticks come each second.
pub const FEED_SILENCE_MAX: Duration = Duration::from_secs(3);
/// Between packets that ask a silent daemon for a sign of life: one that restarted answers at once.
pub const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// Longest wait for a farewell to leave the socket.
pub const FAREWELL_MAX: Duration = Duration::from_millis(250);
/// How often it is looked whether it has left.
pub const FAREWELL_LOOK: Duration = Duration::from_millis(2);
/// Alerts that ended, kept so that none is printed twice.
pub const ENDED_ALERTS_REMEMBERED: usize = 4_096;

/// Shortest time between two paintings of the live table.
pub const PAINT_INTERVAL_MIN: Duration = Duration::from_millis(100);
/// Longest time between two: ages count on.
pub const PAINT_INTERVAL_MAX: Duration = Duration::from_secs(1);
/// After an Esc byte the rest of a key's sequence comes within this; else it was the Esc key.
pub const ESCAPE_WAIT: Duration = Duration::from_millis(40);

const _: () = assert!(PAINT_INTERVAL_MIN.as_millis() < PAINT_INTERVAL_MAX.as_millis());
const _: () = assert!(HOSTS_ASKED <= systole_common::wire::limits::PAGE_RECORDS_MAX);
