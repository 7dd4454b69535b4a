//! The engine's limits and fixed spans, by name.

use std::time::Duration;

/// Raced connections of one agent that are kept beside the newest.
pub const OLDER_CONNECTIONS_MAX: usize = 3;
/// How long a newcomer waits for a sign of life of the incumbent.
pub const TAKEOVER_WAIT: Duration = Duration::from_secs(1);
/// How long a refused newcomer is told to wait.
pub const CONFLICT_RETRY: Duration = Duration::from_secs(30);
/// How long after the last refused newcomer a conflict ends.
pub const CONFLICT_END: Duration = Duration::from_secs(90);
/// Silence over twice the promised interval, or over the interval and this, is late.
pub const LATE_SLACK: Duration = Duration::from_millis(500);
/// After an own pause each host is given one interval and this before it is judged.
pub const AFTER_PAUSE_SLACK: Duration = Duration::from_secs(1);
/// After an own pause a socket that nobody had to read for so long was empty.
pub const BLIND_MAX: Duration = Duration::from_secs(2);
/// Heartbeats until a new or recovering host is online.
pub const STEADY_BEATS: u32 = 3;
/// Starts within [`RESTARTS_WINDOW`] that are a warning.
pub const RESTARTS_WARNING: usize = 3;
/// The span in which starts are counted.
pub const RESTARTS_WINDOW: Duration = Duration::from_mins(10);
/// How long after its last occurrence an event alert resolves.
pub const EVENT_ALERT_QUIET: Duration = Duration::from_mins(10);
/// A relapse within this reopens the incident.
pub const REOPEN_WITHIN: Duration = Duration::from_secs(30);
/// Wall clocks further apart than this are a warning, in milliseconds.
pub const CLOCK_OFFSET_WARNING_MS: i64 = 5_000;
/// Wall clocks nearer than this clear it, in milliseconds.
pub const CLOCK_OFFSET_CLEAR_MS: i64 = 4_000;
/// Heartbeats over which the clock offset is taken; delay can only lower a reading.
pub const CLOCK_OFFSET_BEATS: usize = 8;
/// Heartbeats after which the offset is believed.
pub const CLOCK_OFFSET_BEATS_MIN: usize = 3;
/// Echoes whose times are kept to measure round trips.
pub const ECHOES_KEPT: usize = 8;
/// Certificates that end within this are a warning.
pub const CERTIFICATE_WARNING: Duration = Duration::from_hours(14 * 24);
/// How often certificates are looked at.
pub const CERTIFICATE_CHECK: Duration = Duration::from_hours(1);
/// How often the times at which hosts were last heard are written down.
pub const HEARD_CHECKPOINT: Duration = Duration::from_mins(1);
/// How often feeds are brought up to date.
pub const FEED_SECOND: Duration = Duration::from_secs(1);
/// A heartbeat sequence that jumps by more than this is counted as a jump, not as missed heartbeats.
pub const SEQUENCE_JUMP_MAX: u64 = 1_000;
/// Longest acknowledgement.
pub const ACK_MAX: Duration = Duration::from_hours(30 * 24);
/// Samples that may fail to come before a host's values are not known.
pub const SAMPLES_MISSED: u32 = 3;
/// Live values that are older than [`SAMPLES_MISSED`] intervals are late, but never younger ones than this.
pub const LIVE_LATE_MIN: Duration = Duration::from_secs(3);
/// How long a series may be missing while its host sends others before its alerts are over.
pub const SERIES_GONE: Duration = Duration::from_mins(5);
/// Open alerts about a host's values; further ones are counted and not shown.
pub const METRIC_ALERTS_PER_HOST_MAX: usize = 64;
/// A commit that takes longer is a warning.
pub const COMMIT_SLOW: Duration = Duration::from_secs(1);
/// A delay of the daemon's own loop above this is a warning.
pub const LOOP_GAP: Duration = Duration::from_millis(500);
/// How long the daemon's own trouble must be over before its alert is.
pub const OWN_HOLD: Duration = Duration::from_secs(30);
/// An own event that is repeated within this is not written down again.
pub const OWN_EVENT_REPEAT: Duration = Duration::from_secs(30);
/// Rows of the connection log that one request may ask for.
pub const CONNECTIONS_ASKED_MAX: u32 = 500;
/// Rows of the audit trail that one request may ask for.
pub const AUDIT_ASKED_MAX: u32 = 10_000;
/// Messages that a fresh picture shows.
pub const MESSAGES_SHOWN: usize = 256;
/// Messages that one request may ask for.
pub const MESSAGES_ASKED_MAX: u32 = 10_000;
/// Messages under way to one host without its receipt.
pub const DELIVERIES_IN_FLIGHT_MAX: usize = 16;
/// Bytes of texts that wait for hosts, all of them together; a text counts once, whoever waits for it.
pub const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Marks of a message for at most so many hosts are told at once, of others each second.
pub const MARKS_AT_ONCE_HOSTS_MAX: usize = 16;
/// Marks that are told at once in one second; further ones are merged to one a second for each message.
pub const MARKS_AT_ONCE_MAX: usize = 64;
/// Ranges of a host's messages or offers that are told apart; more are taken for one.
pub const RECEIVED_RANGES_MAX: usize = 64;
/// Lives of a host's spool whose sequences are remembered.
pub const RECEIVED_EPOCHS_MAX: usize = 4;
/// What a waiting message takes beside its text, as [`WAITING_BYTES_MAX`] counts it.
pub const WAITING_MESSAGE_BYTES: usize = 512;
/// Hosts that the marks of a fresh picture name, all messages together, the newest first; of the others it
/// has the counts.
pub const PICTURE_MARKS_MAX: usize = 32 * 1024;
/// How far a host may know more numbers of messages than `state.db`, which then is an older copy.
pub const NUMBERS_AHEAD_MAX: u64 = 1 << 32;
/// Bytes of hosts' messages that are taken while nothing can be written.
pub const HELD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How much older than its arrival a host's message may be; the time of an older one is not believed.
pub const SPOKEN_AGE_MAX: Duration = Duration::from_hours(8 * 24);
/// How far a host's clock may be ahead until its messages have the time of their arrival.
pub const SPOKEN_AHEAD_MAX: Duration = Duration::from_mins(5);
/// Operators whose rate of messages is remembered.
pub const SPEAKERS_MAX: usize = 1_024;
/// Files that are over and that a fresh picture shows.
pub const FILES_SHOWN: usize = 64;
/// Files that one request may ask for.
pub const FILES_ASKED_MAX: u32 = 10_000;
/// Open offers of one host; a further one is refused.
pub const OFFERS_PER_HOST_MAX: usize = 16;
/// Open offers of all hosts; a further one is refused.
pub const OFFERS_MAX: usize = 4_096;
/// Files that are over and that the engine has at hand, for offers that are repeated.
pub const FILES_OVER_KEPT_MAX: usize = 1_024;
/// Refused offers of one host that are written down within [`REFUSALS_WINDOW`]; further ones are only
/// answered.
pub const REFUSALS_WRITTEN_MAX: u32 = 64;
/// The span in which refused offers are counted.
pub const REFUSALS_WINDOW: Duration = Duration::from_mins(1);
/// The number of the stream that stands for the look at a file that was about to get its name at the last
/// stop; streams begin above it.
pub const TRANSFER_AT_START: u64 = 0;
