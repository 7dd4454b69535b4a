//! Every limit of the wire, by name. Both sides check them before they buffer and before they send.

/// Bytes of a frame header.
pub const HEADER_BYTES: usize = 8;
/// Body of a frame that carries one small thing: a heartbeat, an echo, a command.
pub const SMALL_BODY_BYTES_MAX: u32 = 1024;
/// Body of a hello, its answer, an offer: names and texts.
pub const MEDIUM_BODY_BYTES_MAX: u32 = 16 * 1024;
/// Body of a frame that carries a list: metrics, messages, pages of a reply.
pub const LARGE_BODY_BYTES_MAX: u32 = 64 * 1024;
/// Bytes of an unknown frame that are skipped before the stream is given up.
pub const SKIP_BYTES_MAX: u32 = 1024 * 1024;

/// Labels of a host.
pub const LABELS_MAX: usize = 32;
/// Bytes of a label's key or value.
pub const LABEL_BYTES_MAX: usize = 128;
/// Bytes of a version, an operating system's name, an address.
pub const FACT_BYTES_MAX: usize = 128;
/// Bytes of a reason: of a goodbye, a lease, an acknowledgement, a refusal.
pub const REASON_BYTES_MAX: usize = 512;
/// Series in one declare, live or stored frame.
pub const SERIES_PER_FRAME_MAX: usize = 1024;
/// Closed ranges in one receipt or dropped frame.
pub const RANGES_MAX: usize = 32;
/// Processes in one frame.
pub const PROCESSES_MAX: usize = 20;
/// Bytes of a process's name.
pub const PROCESS_NAME_BYTES_MAX: usize = 64;
/// Lines of evidence for a verdict.
pub const EVIDENCE_MAX: usize = 8;
/// Ids or hosts that one command names.
pub const TARGETS_MAX: usize = 64;
/// Records on one page of a reply or a feed; the byte limit may end a page earlier.
pub const PAGE_RECORDS_MAX: usize = 256;
/// Bytes of records after which a page is closed; one more record still fits below the frame limit.
pub const PAGE_BYTES_SOFT: usize = 48 * 1024;
/// Points on one page of a history; the longest still fits a frame.
pub const HISTORY_PAGE_POINTS_MAX: usize = 1024;
/// Points of one reply; a longer one is refused, for a longer step or a shorter range.
pub const HISTORY_POINTS_MAX: usize = 1_000_000;
/// Pages that a reader accepts for one reply.
pub const REPLY_FRAMES_MAX: usize = 65_536;

/// Bytes of a sender, a message's id, what a message belongs to.
pub const SENDER_BYTES_MAX: usize = 160;
/// Hosts that one message to a filter may name; all of them still fit a frame.
pub const SAY_HOSTS_MAX: usize = 900;
/// Bytes of a path or an offered name on the wire.
pub const FILE_PATH_BYTES_MAX: usize = 4096;
/// Bytes of one piece of a file that an operator fetches.
pub const PIECE_BYTES_MAX: usize = 48 * 1024;

/// Shortest interval between heartbeats or samples, in milliseconds.
pub const INTERVAL_MS_MIN: u32 = 100;
/// Longest interval between heartbeats, in milliseconds.
pub const HEARTBEAT_INTERVAL_MS_MAX: u32 = 60_000;
/// Longest lease, in milliseconds (30 days).
pub const LEASE_MS_MAX: u64 = 30 * 24 * 3_600_000;
/// Longest words about what an operator looks at, in bytes.
pub const LOOKING_AT_BYTES_MAX: usize = 128;

const _: () = assert!(SMALL_BODY_BYTES_MAX < MEDIUM_BODY_BYTES_MAX);
const _: () = assert!(MEDIUM_BODY_BYTES_MAX < LARGE_BODY_BYTES_MAX);
