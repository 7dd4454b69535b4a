//! Every limit of the agent, by name. Those of the wire and of the transport are in `common`.

use std::time::Duration;

use systole_common::model::metric::{INSTANCE_BYTES_MAX, METRIC_NAME_BYTES_MAX};
use systole_common::wire::limits::{
    HEARTBEAT_INTERVAL_MS_MAX, INTERVAL_MS_MIN, LARGE_BODY_BYTES_MAX, REASON_BYTES_MAX,
};

/// Daemons that one agent keeps a link to.
pub const DAEMONS_MAX: usize = 8;
/// Heartbeat interval until a daemon asks for another.
pub const HEARTBEAT_INTERVAL_DEFAULT: Duration = Duration::from_secs(1);
/// Interval of samples until a daemon asks for another.
pub const SAMPLE_INTERVAL_DEFAULT: Duration = Duration::from_secs(5);
/// Interval of the process list until a daemon asks for another.
pub const PROCESSES_INTERVAL_DEFAULT: Duration = Duration::from_secs(5);
/// Longest interval of samples and of the process list.
pub const SAMPLE_INTERVAL_MAX: Duration = Duration::from_mins(5);

/// Shortest silence of the daemon after which a fresh connection is raced.
pub const ECHO_PATIENCE_MIN: Duration = Duration::from_secs(3);
/// The same in heartbeat intervals; the longer one counts.
pub const ECHO_PATIENCE_INTERVALS: u32 = 3;
/// Time after which an attempt without a handshake is given up.
pub const ATTEMPT_MAX: Duration = Duration::from_secs(3);
/// Time that a daemon may hold the answer to a hello back, after the handshake.
pub const HELLO_HOLD_MAX: Duration = Duration::from_secs(1);
/// Delay after a refusal that time alone does not mend.
pub const SLOW_RETRY: Duration = Duration::from_secs(30);
/// Longest delay that a refusal may ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);
/// Different reasons of one trouble that are logged.
pub const REASONS_NOTED_MAX: usize = 8;
/// Interval of extra heartbeats on a connection whose echoes fail to come.
pub const PING_INTERVAL: Duration = Duration::from_secs(1);
/// Time that a goodbye or a lease waits for its echo.
pub const INTENT_ECHO_WAIT: Duration = Duration::from_secs(1);
/// Time that the transport gets to send its last packets.
pub const CLOSE_WAIT: Duration = Duration::from_millis(300);
/// Lateness of the heartbeat loop from which its own pause is not held against the daemon.
pub const PAUSE_MIN: Duration = Duration::from_millis(500);
/// Pause of the heartbeat loop from which the log says so.
pub const PAUSE_NOTED_MIN: Duration = Duration::from_secs(2);
/// Heartbeats whose send times are remembered for the round trip.
pub const SENT_REMEMBERED: usize = 32;
/// Silence of the connection after which the transport keeps NAT entries alive.
pub const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Series in one declare frame, so that it stays below the limit with the longest names.
pub const SERIES_PER_DECLARE_MAX: usize = 128;
/// Heartbeats that wait for the transport of one connection.
pub const HEARTBEATS_WAITING_MAX: usize = 16;
/// Events of connections that wait for the heartbeat loop.
pub const EVENTS_WAITING_MAX: usize = 256;
/// Commands of the worker that wait for the heartbeat loop.
pub const COMMANDS_WAITING_MAX: usize = 32;
/// Threads for name look-ups; one that hangs holds one of them.
pub const LOOKUP_THREADS_MAX: usize = 2;
/// Stack of those threads in bytes.
pub const LOOKUP_STACK_BYTES: usize = 512 * 1024;

/// Slots under way to one daemon by backfill, at most.
pub const IN_FLIGHT_MAX: u64 = 2_048;
/// The same before the first receipt; each receipt doubles it.
pub const IN_FLIGHT_FIRST: u64 = 256;
/// The same when receipts fail to come; each time halves it.
pub const IN_FLIGHT_MIN: u64 = 16;
/// Slots that are read from the spool at a time.
pub const BATCH_SLOTS_MAX: u64 = 64;
/// Bytes of the same.
pub const BATCH_BYTES_MAX: usize = 64 * 1024;
/// Time without a receipt after which a slot is sent again; doubles while a backfill gets none.
pub const RECEIPT_WAIT_MIN: Duration = Duration::from_secs(10);
/// Longest such time.
pub const RECEIPT_WAIT_MAX: Duration = Duration::from_mins(1);
/// Time that a daemon gets to say what it has, before a backfill begins.
pub const FIRST_RECEIPT_WAIT: Duration = Duration::from_secs(2);
/// Time after which a bulk connection without work is closed.
pub const BULK_IDLE_MAX: Duration = Duration::from_secs(10);
/// Ranges of lost slots that are declared at a time.
pub const DECLARED_RANGES_MAX: usize = 1_024;
/// Stretches of stored slots that are remembered, so that a clock that is set back makes none twice.
pub const STORED_STRETCHES_MAX: usize = 8;
/// Readings that wait for the spool's disk; more are given up.
pub const READINGS_WAITING_MAX: usize = 64;
/// Receipts that wait for the spool's disk; lost ones are repaired by sending again.
pub const RECEIPTS_WAITING_MAX: usize = 256;
/// Stored slots and declarations that wait for one metrics stream.
pub const OUTLET_WAITING_MAX: usize = 64;
/// Time that the transport gets to send the close of bulk connections.
pub const BULK_CLOSE_WAIT: Duration = Duration::from_millis(100);
/// Unacknowledged bytes of a bulk connection.
pub const BULK_WINDOW_BYTES: u64 = 512 * 1024;
/// Time between two tries to open a spool whose disk failed.
pub const SPOOL_REOPEN: Duration = Duration::from_secs(30);
/// Time between two writes of the daemons' cursors.
pub const CURSORS_SAVED: Duration = Duration::from_secs(10);
/// Smallest spool, in bytes.
pub const SPOOL_BYTES_MIN: u64 = 1024 * 1024;
/// Largest spool, in bytes.
pub const SPOOL_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;
/// Shortest time that a slot is kept.
pub const SPOOL_AGE_MIN: Duration = Duration::from_mins(1);
/// Longest time that a slot is kept.
pub const SPOOL_AGE_MAX: Duration = Duration::from_hours(31 * 24);
/// Bytes of one file of the spool; they are deleted as a whole.
pub const SPOOL_SEGMENT_BYTES: u64 = 256 * 1024;
/// Slots that are kept in memory while the disk is full.
pub const SPOOL_TAIL_SLOTS_MAX: usize = 256;
/// Slots that are written to the disk at a time.
pub const SPOOL_BATCH_SLOTS_MAX: usize = 32;
/// Sequences that are reserved at a time; so many may be left out after a crash on a full disk.
pub const SPOOL_SEQUENCE_BLOCK: u64 = 4_096;
/// Sequences that are left out at most because a daemon has them already: more than any agent makes.
pub const SPOOL_SEQUENCE_SKIP_MAX: u64 = 1 << 40;
/// Daemons that are configured no more and whose cursors are kept, in case they come back.
pub const SPOOL_FORMER_DAEMONS_MAX: usize = 8;
/// Bytes of the file that says how often samples are stored.
pub const SPOOL_INTERVAL_BYTES_MAX: u64 = 256;
/// Ranges of received sequences that are told apart for one daemon.
pub const SPOOL_RANGES_MAX: usize = 1_024;
/// Sets of series that are remembered, so that they are not written again for each slot.
pub const SPOOL_SHAPES_MAX: usize = 16;
/// Bytes of the file that says what the daemons have.
pub const SPOOL_CURSORS_BYTES_MAX: u64 = 1024 * 1024;
/// Bytes of a ledger.
pub const SPOOL_LEDGER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Messages of this host that wait for daemons, at most.
pub const OUTBOX_MESSAGES_MAX: usize = 1_000;
/// Time that such a message waits.
pub const OUTBOX_AGE_MAX: Duration = Duration::from_hours(7 * 24);
/// Messages under way to one daemon without its receipt.
pub const MESSAGES_IN_FLIGHT_MAX: usize = 16;
/// Time without a receipt after which messages are sent again; doubles each time. A daemon may take
/// them slowly, so it is long.
pub const TALK_RECEIPT_WAIT_MIN: Duration = Duration::from_secs(30);
/// Longest such time.
pub const TALK_RECEIPT_WAIT_MAX: Duration = Duration::from_mins(10);
/// Talk epochs of one daemon that are told apart.
pub const INBOX_EPOCHS_MAX: usize = 4;
/// Daemons whose deliveries are remembered, the configured ones and a few of before.
pub const INBOX_DAEMONS_MAX: usize = 2 * DAEMONS_MAX;
/// Deliveries that wait for the talk's disk; more wait on the daemon's side.
pub const ARRIVALS_WAITING_MAX: usize = 16;
/// Frames that wait for one messages stream.
pub const MESSAGES_OUTLET_MAX: usize = 64;
/// Requests of local clients that wait for the talk's disk.
pub const TALK_ASKS_WAITING_MAX: usize = 64;
/// Requests and deliveries that go to the disk together.
pub const TALK_BATCH_MAX: usize = 32;
/// Time between two writes of what daemons have, and between two tries on a full disk.
pub const TALK_SAVED: Duration = Duration::from_secs(5);
/// Bytes of one file of the talk's log.
pub const TALK_SEGMENT_BYTES: u64 = 256 * 1024;
/// Bytes of messages that came and are kept to be read again; those that wait come on top.
pub const TALK_LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Messages that are kept in memory, and that a chat begins with.
pub const CHAT_SHOWN: usize = 20;
/// Messages that a slow chat may be behind before it misses some.
pub const CHAT_BEHIND_MAX: usize = 64;
/// Messages that `inbox` shows, if nobody says how many.
pub const INBOX_SHOWN: u32 = 100;
/// Messages that `inbox` shows at most: more than the talk's log holds.
pub const INBOX_SHOWN_MAX: u32 = 100_000;
/// Time that `say` waits for a daemon's receipt before it says that the message is kept.
pub const SAY_WAIT: Duration = Duration::from_secs(1);
/// Bytes of a user's name.
pub const USER_BYTES_MAX: usize = 64;
/// Bytes of standard input that `say` counts; a longer text is refused without reading on.
pub const SAY_INPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Files to send that wait for their turn.
pub const SENDS_WAITING_MAX: usize = 16;
/// Answers that wait for one client of `send`.
pub const SEND_ANSWERS_MAX: usize = 16;
/// Decisions of daemons on offers that wait for their turn.
pub const DECISIONS_WAITING_MAX: usize = 64;
/// Time after the start that the first daemon gets to be connected, before files go to another.
pub const OFFER_START_WAIT: Duration = Duration::from_secs(5);
/// Time after which a file that nobody accepted leaves a daemon that is gone for another.
pub const OFFER_MOVE_WAIT: Duration = Duration::from_secs(30);
/// Time after the start that users of offers of before get to come back.
pub const OFFER_CLAIM_WAIT: Duration = Duration::from_secs(30);
/// Time without a word after which an offer is said again.
pub const OFFER_ANSWER_WAIT: Duration = Duration::from_secs(30);
/// Time without any daemon after which a user is told so.
pub const NO_DAEMON_TOLD: Duration = Duration::from_secs(2);
/// Offers that daemons are yet to forget.
pub const WITHDRAWALS_MAX: usize = 1_000;
/// Time that a connection lives on after which what it carried has surely come.
pub const WITHDRAW_SETTLED: Duration = Duration::from_secs(10);
/// Time that a daemon gets to say where a file goes on: it reads again what it has.
pub const FILE_BEGIN_WAIT: Duration = Duration::from_mins(5);
/// Time that a daemon gets for its last word on a file: it may have much to write.
pub const FILE_END_WAIT: Duration = Duration::from_mins(5);
/// Time that one chunk may take before the transfer is begun anew.
pub const FILE_STALL_MAX: Duration = Duration::from_mins(2);
/// Time between two looks at a file that waits: one that changed is not offered any longer.
pub const FILE_LOOK_EVERY: Duration = Duration::from_secs(2);
/// Time between two words on how far a transfer is.
pub const SEND_PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// Room among the answers for a client of `send` that is kept for decisions.
pub const SEND_ANSWERS_KEPT: usize = 8;
/// Events of files that wait for their turn.
pub const FILE_EVENTS_WAITING_MAX: usize = 64;
/// Time between two tries of `send` to find the agent again.
pub const SEND_RECONNECT: Duration = Duration::from_millis(300);
/// Time that hashing may take before its progress is shown.
pub const HASHING_SHOWN: Duration = Duration::from_secs(1);

/// Time between two tries to load a certificate that is expired or not yet valid.
pub const CERTIFICATE_RETRY: Duration = Duration::from_secs(10);
/// Longest wait of the worker for its next round.
pub const WORKER_ROUND_MAX: Duration = Duration::from_secs(5);
/// Time between two looks at the host, if the plan changes: many of the kernel's ticks of 10 ms.
pub const LOOKS_APART_MIN: Duration = Duration::from_millis(250);
/// Time that the threads beside the heartbeat's get to end.
pub const THREADS_END_WAIT: Duration = Duration::from_millis(500);

/// Clients of the local socket at the same time.
pub const LOCAL_CLIENTS_MAX: usize = 64;
/// Those of them that may stay: chats and files that are sent. The others are for short questions.
pub const LOCAL_STAYING_MAX: usize = 48;
/// Descriptors that may come with a line; all but one are closed.
pub const LOCAL_DESCRIPTORS_MAX: usize = 4;
/// Bytes of one line on the local socket.
pub const LOCAL_LINE_BYTES_MAX: usize = 64 * 1024;
/// Time that a client of the local socket gets for its request.
pub const LOCAL_REQUEST_WAIT: Duration = Duration::from_secs(10);
/// Time that a command waits for the running agent.
pub const LOCAL_ANSWER_WAIT: Duration = Duration::from_secs(5);
/// Longest path of a Unix socket, in bytes.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;
/// Bytes read of a small system file: the boot id, the name of the system, the groups.
pub const SYSTEM_FILE_BYTES_MAX: u64 = 256 * 1024;

/// Lease of `leave` without `--for`.
pub const LEASE_DEFAULT: Duration = Duration::from_mins(20);
/// Shortest lease.
pub const LEASE_MIN: Duration = Duration::from_secs(1);

const _: () = assert!(HEARTBEAT_INTERVAL_DEFAULT.as_millis() >= INTERVAL_MS_MIN as u128);
const _: () = assert!(HEARTBEAT_INTERVAL_DEFAULT.as_millis() <= HEARTBEAT_INTERVAL_MS_MAX as u128);
const _: () = assert!(SAMPLE_INTERVAL_DEFAULT.as_millis() <= SAMPLE_INTERVAL_MAX.as_millis());
const _: () = assert!(
    SERIES_PER_DECLARE_MAX * (METRIC_NAME_BYTES_MAX + INSTANCE_BYTES_MAX + 32)
        <= LARGE_BODY_BYTES_MAX as usize
);
const _: () = assert!(REASON_BYTES_MAX < LOCAL_LINE_BYTES_MAX);
const _: () = assert!(LOCAL_LINE_BYTES_MAX <= LARGE_BODY_BYTES_MAX as usize);
