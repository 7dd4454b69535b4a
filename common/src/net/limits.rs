//! Every limit of certificates and transport, by name. Those of frames are in `wire::limits`.

/// Largest certificate that is read as a leaf, in bytes of DER.
pub const LEAF_BYTES_MAX: usize = 16 * 1024;
/// Largest certificate, chain or key file, in bytes.
pub const PEM_FILE_BYTES_MAX: u64 = 256 * 1024;
/// Leaves that are looked at to find the only one of a folder.
pub const LEAVES_LISTED_MAX: usize = 4_096;
/// Anchors in one CA file: the CA in force and those before and after it.
pub const ANCHORS_PER_CA_MAX: usize = 8;

/// Silence after which quinn gives a connection up, in milliseconds. The detector judges long before.
pub const IDLE_TIMEOUT_MS: u32 = 90_000;
/// Time that the daemon gives a handshake, in milliseconds; quinn has no time-out of its own.
pub const HANDSHAKE_TIMEOUT_MS: u64 = 5_000;
/// Time after which an agent gives an attempt up, in milliseconds.
pub const AGENT_ATTEMPT_TIMEOUT_MS: u64 = 3_000;
/// Time after which a console gives an attempt up, in milliseconds.
pub const CONSOLE_ATTEMPT_TIMEOUT_MS: u64 = 1_500;

/// Connection attempts that wait to be looked at; more are refused at once.
pub const INCOMING_MAX: usize = 1_024;
/// Bytes kept for one attempt that waits.
pub const INCOMING_BUFFER_BYTES: u64 = 16 * 1024;
/// Bytes kept for all attempts that wait.
pub const INCOMING_BUFFERS_BYTES: u64 = 8 * 1024 * 1024;
/// Handshakes that the daemon carries out at the same time.
pub const HANDSHAKES_IN_FLIGHT_MAX: usize = 64;
/// Attempts from unproven addresses above which they must prove themselves first (Retry).
pub const UNVALIDATED_MAX: usize = 512;

/// Streams in one direction that an agent may open; five are used.
pub const AGENT_UNI_STREAMS_MAX: u32 = 16;
/// Streams in both directions that an agent may open: hello, messages, files.
pub const AGENT_BIDI_STREAMS_MAX: u32 = 4;
/// Streams in both directions that a console may open: its hello and 16 requests.
pub const CONSOLE_BIDI_STREAMS_MAX: u32 = 17;
/// Streams in one direction that a daemon may open on a connection: control or feed.
pub const DAEMON_UNI_STREAMS_MAX: u32 = 8;
/// Streams in both directions that a daemon may open on a connection; it opens none.
pub const DAEMON_BIDI_STREAMS_MAX: u32 = 4;
/// Unread bytes of one stream.
pub const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// Unread bytes of one connection.
pub const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// Unacknowledged bytes of one connection.
pub const SEND_WINDOW_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of datagrams kept in each direction: two probes.
pub const DATAGRAM_BUFFER_BYTES: usize = 2 * 1_200;
/// Bytes of frames that wait in a writer for the peer to take them.
pub const WRITER_BYTES_MAX: usize = 256 * 1024;
/// Shortest time between two stateless resets, in milliseconds.
pub const RESET_INTERVAL_MS_MIN: u64 = 1;

/// Socket buffers that a daemon asks for, in bytes, each direction.
pub const DAEMON_SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// Socket buffers that an agent or console asks for, in bytes, each direction.
pub const CLIENT_SOCKET_BUFFER_BYTES: usize = 1024 * 1024;

const _: () = assert!(INCOMING_BUFFER_BYTES < INCOMING_BUFFERS_BYTES);
const _: () = assert!(HANDSHAKES_IN_FLIGHT_MAX < UNVALIDATED_MAX);
const _: () = assert!(UNVALIDATED_MAX < INCOMING_MAX);
const _: () = assert!(STREAM_WINDOW_BYTES <= CONNECTION_WINDOW_BYTES);
