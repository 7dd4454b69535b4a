//! Every limit of the daemon's shell, by name. Those of the wire and of the transport stand in `common`.

use std::time::Duration;

use systole_common::net::limits::{HANDSHAKES_IN_FLIGHT_MAX, UNVALIDATED_MAX};

use crate::engine::limits::DELIVERIES_IN_FLIGHT_MAX;

/// Inputs that wait for the engine; peers wait in turn when it is full.
pub const INPUTS_MAX: usize = 8_192;
/// Inputs that the engine loop takes in one go before it looks at its timers again.
pub const INPUTS_AT_ONCE_MAX: usize = 256;
/// How often the engine loop wakes at least, so that it notices its own pauses.
pub const LOOP_BEAT: Duration = Duration::from_millis(100);
/// Delay of the engine loop above which it counts as a pause.
pub const OWN_PAUSE: Duration = Duration::from_millis(500);
/// Time after a pause in which a socket that was not touched counts as empty.
pub const DRAINED_AFTER: Duration = Duration::from_secs(3);
/// Requests for gauges (scrapes) that wait for the engine.
pub const GAUGES_WAITING_MAX: usize = 16;

/// Outcomes that wait for the writer of `state.db`; the engine waits when it is full.
pub const BATCHES_MAX: usize = 4_096;
/// Changes that one transaction takes.
pub const COMMIT_CHANGES_MAX: usize = 8_192;
/// Changes that are kept in memory while the disk is full before older ones are merged.
pub const BACKLOG_CHANGES_MAX: usize = 65_536;
/// Audit lines and connection log lines each that a full disk lets pile up; older ones are lost.
pub const BACKLOG_APPENDED_MAX: usize = 16_384;
/// Replies that wait for a full disk; requests time out long before.
pub const BACKLOG_REPLIES_MAX: usize = 1_024;
/// Other effects that wait for a full disk; connections that would miss one of them are ended.
pub const BACKLOG_EFFECTS_MAX: usize = 65_536;
/// How often the writer wakes when idle, and retries when the disk is full.
pub const WRITER_BEAT: Duration = Duration::from_secs(1);
/// How often the writer tries to get its reserve back.
pub const RESERVE_RETRY: Duration = Duration::from_mins(1);
/// How often old audit lines and alerts are deleted.
pub const PRUNE_EVERY: Duration = Duration::from_hours(1);
/// Rows that one pruning deletes at most.
pub const PRUNE_ROWS_MAX: u32 = 10_000;
/// Bytes of the write-ahead log of `state.db` above which it is written back.
pub const WAL_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Time that a checkpoint waits for readers.
pub const CHECKPOINT_WAIT: Duration = Duration::from_millis(100);
/// Time after which a writer that does not progress stops the watchdog.
pub const WRITER_STALL: Duration = Duration::from_secs(30);
/// Connects and disconnects that are kept of each host.
pub const CONNECTIONS_PER_HOST_MAX: u32 = 500;
/// Age above which audit lines and resolved alerts are deleted.
pub const AUDIT_AGE_MAX: Duration = Duration::from_hours(365 * 24);
/// Newest audit lines and resolved alerts that no age deletes: a wrong clock must not empty the trail.
pub const AUDIT_KEPT_MIN: u32 = 100_000;
/// Age above which messages and files that are over are deleted from the history.
pub const TALK_AGE_MAX: Duration = Duration::from_hours(90 * 24);
/// Newest messages and files that no age deletes.
pub const TALK_KEPT_MIN: u32 = 10_000;
/// Marks of messages that one pruning deletes, beside those of its last message.
pub const PRUNE_MARKS_MAX: usize = 50_000;
/// Sequences of retired hosts that are remembered.
pub const RECEIVED_STRANGERS_MAX: u32 = 10_000;
/// Resolved alerts that are loaded at start are younger than this.
pub const RESOLVED_LOADED: Duration = Duration::from_mins(10);
/// Connections that read `state.db` at the same time.
pub const READERS_MAX: usize = 4;
/// Lines of the audit trail in one reply.
pub const AUDIT_LINES_MAX: u32 = 10_000;
/// Resolved alerts in one reply.
pub const RESOLVED_ALERTS_MAX: u32 = 10_000;
/// Hosts that the marks of one reply name, beside those of its last message; older messages are asked for
/// again.
pub const MARKS_NAMED_MAX: usize = 200_000;
/// Messages that one search looks at.
pub const MESSAGES_SEARCHED_MAX: u32 = 1_000_000;
/// Smallest and largest reserve file, in bytes; between them 1 % of the file system.
pub const RESERVE_BYTES: (u64, u64) = (4 * 1024 * 1024, 64 * 1024 * 1024);

/// Connection attempts that are held, all addresses together; more are refused.
pub const INCOMING_WAITING_MAX: usize = 1_024;
/// Unproven and failed attempts of one address (IPv6: one /64) before it must prove itself or wait.
pub const ADDRESS_BURDEN_MAX: u32 = 128;
/// How fast failed attempts are forgiven: a site with many broken agents must not lock out its others.
pub const ADDRESS_FORGIVEN_EVERY: Duration = Duration::from_millis(50);
/// Addresses whose failures are remembered.
pub const ADDRESSES_MAX: usize = 4_096;
/// Time between two log lines about refused attempts of one address.
pub const REFUSAL_LOG_EVERY: Duration = Duration::from_secs(10);
/// Time between handshake and hello.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// Time that the engine has to answer a hello; it may wait 1 s for the old connection of a host.
pub const VERDICT_TIMEOUT: Duration = Duration::from_secs(4);
/// Time that a refused peer has to read why before the connection is closed.
pub const FAREWELL: Duration = Duration::from_secs(1);
/// What a peer that met a limit is told to wait, in milliseconds.
pub const OVERLOAD_RETRY_MS: u32 = 5_000;

/// Streams that an agent may open in one go; then one a second.
pub const STREAM_OPENS_BURST: f64 = 32.0;
/// Streams that an agent may open in the long run, per second.
pub const STREAM_OPENS_PER_S: f64 = 1.0;
/// Bytes of frames that an agent may send in one go on its main connection.
pub const AGENT_BYTES_BURST: f64 = 8.0 * 1024.0 * 1024.0;
/// Bytes of frames that an agent may send in the long run on its main connection, per second.
pub const AGENT_BYTES_PER_S: f64 = 1024.0 * 1024.0;
/// Stream pieces, read or skipped, that a main connection may send in one go.
pub const AGENT_PIECES_BURST: f64 = 20_000.0;
/// Stream pieces that a main connection may send in the long run, per second.
pub const AGENT_PIECES_PER_S: f64 = 2_000.0;
/// How often the pieces are looked at.
pub const AGENT_PIECES_CHECK: Duration = Duration::from_secs(5);

/// Receipts that wait for the control stream of one agent.
pub const RECEIPTS_WAITING_MAX: usize = 64;
/// Messages and decisions that wait for the messages stream of one agent; one that takes none of so many
/// loses the connection and gets them on the next.
pub const OUTGOING_WAITING_MAX: usize = 256;
/// Bytes of files that an agent may send in one go on a bulk connection.
pub const FILE_BYTES_BURST: f64 = 16.0 * 1024.0 * 1024.0;
/// Bytes of files that an agent may send in the long run on a bulk connection, per second.
pub const FILE_BYTES_PER_S: f64 = 128.0 * 1024.0 * 1024.0;
/// Slots that wait for the metric store, at most half of them late ones; live ones that find no room are
/// sent again by their agents.
pub const INTAKES_MAX: usize = 4_096;
/// How often a late slot that waits for room looks for it.
pub const BULK_LOOK_EVERY: Duration = Duration::from_millis(10);
/// How often the daemon looks at its own health.
pub const HEALTH_EVERY: Duration = Duration::from_secs(1);
/// Time without a turn of the metric store's writer after which it counts as refusing.
pub const METRICS_STALL: Duration = Duration::from_secs(10);

/// Requests of one console at the same time.
pub const REQUESTS_MAX: usize = 16;
/// Time between a request's stream and its frame, and again for the daemon's reply.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests that a console may make in one go.
pub const REQUESTS_BURST: f64 = 64.0;
/// Requests that a console may make in the long run, per second.
pub const REQUESTS_PER_S: f64 = 20.0;
/// Events that wait for one console, in frames, beside the picture itself.
pub const FEED_FRAMES_MAX: usize = 4_096;
/// Events that wait for one console, in bytes, beside the picture itself.
pub const FEED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Time after which a console that takes nothing is cut.
pub const FEED_STUCK: Duration = Duration::from_mins(1);

/// How often a console is looked at; a live one sends something each second.
pub const CONSOLE_CHECK: Duration = Duration::from_secs(5);
/// Looks in a row at which nothing had come, after which a console is taken for dead. Counted in looks,
/// not in time, so that a pause of the daemon itself is not held against it.
pub const CONSOLE_SILENT_CHECKS: u32 = 4;

/// Connections to the HTTP port at the same time.
pub const HTTP_CONNECTIONS_MAX: usize = 32;
/// Life of one HTTP connection.
pub const HTTP_CONNECTION_LIFE: Duration = Duration::from_secs(30);
/// Time that the engine has to give its gauges to a scrape.
pub const GAUGES_TIMEOUT: Duration = Duration::from_secs(2);

/// Time that an orderly stop may take.
pub const DRAIN: Duration = Duration::from_secs(5);
/// How often a start with an expired certificate is tried again.
pub const CERTIFICATE_RETRY: Duration = Duration::from_secs(3);

// Metric store.
/// How often what came is written to the metric log and receipted.
pub const METRICS_COMMIT_EVERY: Duration = Duration::from_secs(1);
/// Slots that one turn of the metric writer takes.
pub const SLOTS_PER_TURN_MAX: usize = 4_096;
/// Bytes of one segment of the metric log.
pub const LOG_SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of the metric log above which windows close early so that it can be cut.
pub const LOG_SOFT_BYTES: u64 = 128 * 1024 * 1024;
/// Bytes of the metric log above which no slot is taken.
pub const LOG_BYTES_MAX: u64 = 200 * 1000 * 1000;
/// Slots after which a window is full.
pub const WINDOW_SLOTS: usize = 360;
/// Full windows of one host that wait for a database that takes nothing; then its slots are refused.
pub const WINDOWS_WAITING_MAX: usize = 4;
/// Days of which one host has an open window on one way.
pub const OPEN_DAYS_MAX: usize = 3;
/// Time after the last slot after which a window of a day that is over closes.
pub const WINDOW_IDLE: Duration = Duration::from_mins(10);
/// Series that one host may have.
pub const SERIES_PER_HOST_MAX: usize = 8_192;
/// Ranges of received sequences of one life of a spool.
pub const RANGES_PER_EPOCH_MAX: usize = 1_024;
/// Lives of a spool that are remembered of each host.
pub const EPOCHS_PER_HOST_MAX: usize = 8;
/// Values that are committed to the database in one transaction; the last window may exceed it.
pub const COMMIT_SAMPLES_MAX: usize = 400_000;
/// Values that one turn brings into the database, beside twice those that it took.
pub const STORE_SAMPLES_PER_TURN: usize = 1_600_000;
/// Hours of which the slot times in the database are kept at hand for each host.
pub const HOURS_AT_HAND_MAX: usize = 48;
/// How often the database's own log is written back, beside when the metric log needs it.
pub const METRICS_CHECKPOINT_EVERY: Duration = Duration::from_mins(1);
/// Time that one turn gives to merging, roll-ups and retention.
pub const MAINTAIN_BUDGET: Duration = Duration::from_millis(50);
/// How often it does so.
pub const MAINTAIN_EVERY: Duration = Duration::from_secs(1);
/// Time with holes in its sequences after which a host counts as behind.
pub const BEHIND_AFTER: Duration = Duration::from_mins(5);
/// Time that an orderly stop gives to bringing samples into the database; the log has the rest.
pub const METRICS_CLOSE_BUDGET: Duration = Duration::from_secs(2);
/// How far an agent's clock may be ahead.
pub const SLOT_AHEAD: Duration = Duration::from_mins(5);
/// Days without a sample after which as many days with some must follow before their times are believed.
pub const BELIEVED_DAYS: i64 = 7;
/// Hosts that are named as behind.
pub const BEHIND_MAX: usize = 64;

// Metric store: chunks and queries.
/// Slots up to which short windows are merged into one.
pub const MERGED_SLOTS_MAX: usize = 1_440;
/// Windows that one merge takes.
pub const MERGE_SPANS_MAX: usize = 64;
/// Slots of a chunk and points of a roll-up's day that are believed when they are read.
pub const CHUNK_SLOTS_MAX: usize = 4_096;
/// Ranges of one epoch that are believed when they are read.
pub const RECEIVED_RANGES_READ_MAX: usize = 2 * RANGES_PER_EPOCH_MAX;
/// Series of one host that the database has numbers for.
pub const SERIES_NUMBERS_MAX: i64 = 16_000;
/// Windows or roll-ups that are deleted in one step.
pub const DELETE_SPANS_MAX: i64 = 64;
/// Pages that are given back to the file system in one step, and free ones that are kept at least.
pub const VACUUM_PAGES: i64 = 256;
/// One free page of so many is kept when there is nothing else to do, and while there is.
pub const VACUUM_SHARES: (i64, i64) = (64, 8);
/// Lines about losses that wait to be taken.
pub const LOSSES_MAX: usize = 64;
/// Connections that read `metrics.db` at the same time.
pub const METRICS_READERS_MAX: usize = 4;

const _: () = assert!(WINDOW_SLOTS <= MERGED_SLOTS_MAX && MERGED_SLOTS_MAX <= CHUNK_SLOTS_MAX);
const _: () = assert!(HANDSHAKES_IN_FLIGHT_MAX < UNVALIDATED_MAX);
const _: () = assert!(UNVALIDATED_MAX < INCOMING_WAITING_MAX);
const _: () = assert!(LOOP_BEAT.as_millis() * 2 < OWN_PAUSE.as_millis());
const _: () = assert!(DELIVERIES_IN_FLIGHT_MAX * 2 < OUTGOING_WAITING_MAX);
const _: () = assert!(BACKLOG_APPENDED_MAX * 2 < BACKLOG_CHANGES_MAX);

/// Files in one folder of received files; beyond that nothing more is taken for its host.
pub const FOLDER_ENTRIES_MAX: usize = 100_000;
/// Numbers that are tried for a name that is taken.
pub const NAME_TRIES_MAX: usize = 999;
/// Bytes of a file between two syncs to the disk.
pub const FILE_SYNC_BYTES: u64 = 8 * 1024 * 1024;
/// Time between two words about how far a transfer is.
pub const FILE_PROGRESS_EVERY: Duration = Duration::from_millis(500);
/// Time without a byte after which a file stream is given up; the agent opens another one.
pub const FILE_IDLE_MAX: Duration = Duration::from_mins(1);
/// Time that a file stream waits for the engine's word.
pub const FILE_ORDER_WAIT: Duration = Duration::from_secs(30);
/// Orders of the engine that wait for one file stream.
pub const FILE_ORDERS_MAX: usize = 4;
/// File streams of all agents at the same time.
pub const FILE_STREAMS_MAX: usize = 256;
/// Bytes of a partial or received file that are read at a time.
pub const FILE_READ_BYTES: usize = 1024 * 1024;
