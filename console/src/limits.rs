//! Every limit of the console, by name. Those of frames and transport are in `common`.

use std::time::Duration;

use crate::model::screen::Size;

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

/// Most views one above the other.
pub const VIEWS_UNDER_MAX: usize = 8;
/// Questions of the console that may be under way at once; as many as the wire allows.
pub const REQUESTS_MAX: usize = 16;
/// Longest text that is pasted into a line, in bytes; the rest is left out and counted.
pub const PASTE_BYTES_MAX: usize = 4 * 1024;
/// After the beginning of a sequence or of a character the rest comes within this; else it is dropped.
pub const SEQUENCE_WAIT: Duration = Duration::from_millis(500);
/// The rest of a paste comes within this; else what came was all of it.
pub const PASTE_WAIT: Duration = Duration::from_secs(10);
/// Parameters of an escape sequence, in bytes; a longer one means nothing.
pub const PARAMETER_BYTES_MAX: usize = 32;
/// Bytes that are read from the terminal at once.
pub const READ_BYTES: usize = 4 * 1024;
/// Keys and pastes that wait to be dealt with; then the terminal waits.
pub const INPUTS_WAITING_MAX: usize = 64;
/// Largest screen that is drawn; of a larger one a part stays empty.
pub const SCREEN_MAX: Size = Size { width: 1_000, height: 500 };
/// What is drawn for when the terminal does not tell its size.
pub const SCREEN_UNKNOWN: Size = Size { width: 80, height: 24 };
/// How often a writer that waits for a slow terminal looks whether it is still wanted.
pub const WRITE_LOOK: Duration = Duration::from_millis(50);
/// Longest wait for a frame under way before the terminal is given back without it.
pub const FRAME_END_MAX: Duration = Duration::from_millis(150);
/// Longest wait for the terminal to take what enters or leaves the screen.
pub const MODES_WRITE_MAX: Duration = Duration::from_millis(400);
/// Shortest time between two deadlines that the model is told of.
pub const DEADLINE_STEP_MIN: Duration = Duration::from_millis(20);
/// Alerts that ended and are still shown.
pub const ENDED_ALERTS_SHOWN: usize = 256;
/// For how long the last word about what somebody did is shown.
pub const NOTICE_SHOWN: Duration = Duration::from_secs(10);
/// Within this an acknowledgement can be taken back by one key.
pub const UNDO_WITHIN: Duration = Duration::from_secs(10);
/// Longest line that can be typed, in bytes.
pub const LINE_BYTES_MAX: usize = PASTE_BYTES_MAX;
/// Lines of each kind that can be recalled.
pub const LINES_RECALLED_MAX: usize = 50;
/// Ways in which a word can go on that are listed; of more it is said how many.
pub const COMPLETIONS_MAX: usize = 8;
/// Longest text that narrows the help, in characters.
pub const HELP_TYPED_MAX: usize = 32;
/// How often what is shown of an open host is asked for again.
pub const HOST_ASKED_AGAIN: Duration = Duration::from_secs(10);
/// Charts of the open host.
pub const CHARTS_MAX: usize = 4;
/// Messages that are kept; of more the oldest leave.
pub const MESSAGES_MAX: usize = 8_192;
/// Messages of one place that are kept, so that a place with many leaves room for others.
pub const MESSAGES_OF_PLACE_MAX: usize = 1_024;
/// Messages that are asked for at once.
pub const MESSAGES_ASKED_MAX: u32 = 100;
/// With more marks than this a page of messages may have ended early because of them.
pub const MARKS_OF_SHORT_PAGE_MAX: u64 = 100_000;
/// Places that are known by a draft or an unread message of theirs.
pub const PLACES_MAX: usize = 1_024;
/// Lines that were sent and are not confirmed yet.
pub const LINES_UNCONFIRMED_MAX: usize = REQUESTS_MAX;
/// Cells of a place in a sentence; of a longer one the middle is left out.
pub const PLACE_CELLS_MAX: usize = 30;
/// Above so many hosts a message needs Enter twice.
pub const HOSTS_UNASKED_MAX: usize = 5;
/// Files that are kept; of more those that are over leave, the oldest first.
pub const FILES_MAX: usize = 2_048;
/// Files that are asked for at once.
pub const FILES_ASKED_MAX: u32 = 256;
/// Points from which the speed of a transfer is told, at most.
pub const PACE_POINTS_MAX: usize = 32;
/// How long the time is from which the speed of a transfer is told, where enough came in it.
pub const PACE_SPAN: Duration = Duration::from_secs(5);
/// From a shorter time no speed is told.
pub const PACE_SPAN_MIN: Duration = Duration::from_millis(250);
/// For so long after it came onto the screen a card takes no key, and one that is armed no Enter.
pub const CARD_DEAF: Duration = Duration::from_millis(350);
/// For how long a decision on a file, or that it goes on, is still told beside it.
pub const NEWS_SHOWN: Duration = Duration::from_mins(1);
/// Hosts that the list of who has a message names, of each kind.
pub const HOSTS_NAMED_MAX: usize = 64;
/// Hosts whose details are asked for at once.
pub const INTEREST_HOSTS_MAX: usize = 200;

/// Messages that `chat` shows when nothing is asked for.
pub const CHAT_SHOWN: u32 = 100;
/// Messages that `chat` shows when a time or words are asked for.
pub const CHAT_SHOWN_MAX: u32 = 10_000;
/// Messages that `chat --follow` asks for at once when something was said.
pub const CHAT_ASKED: u32 = 64;
/// Files that `files` lists when no time is asked for.
pub const FILES_LISTED: u32 = 200;
/// Files that `files` lists when a time is asked for, and that `watch` asks for.
pub const FILES_LISTED_MAX: u32 = 10_000;
/// Bytes that `say` reads of its standard input to tell how much too long a text is.
pub const TEXT_READ_MAX: u64 = 1024 * 1024;
/// Messages and files that `watch` and `chat --follow` remember, so that none is printed twice.
pub const TALK_REMEMBERED_MAX: usize = 4_096;
/// A fetch that takes longer says how far it is.
pub const PROGRESS_AFTER: Duration = Duration::from_secs(1);
/// How often a terminal is told how far a fetch is.
pub const PROGRESS_EVERY: Duration = Duration::from_millis(500);

const _: () = assert!(INTEREST_HOSTS_MAX <= systole_common::wire::limits::PAGE_RECORDS_MAX);
