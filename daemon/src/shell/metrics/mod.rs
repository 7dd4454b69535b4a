//! The metric store: a write-ahead log for what is fresh, pco chunks in `metrics.db` for the rest.
//!
//! Owns what agents measured, from the frame to the answer of a query. Refuses to know verdicts and
//! alerts. One thread writes ([`writer`]), readers have connections of their own ([`reader`]).
//!
//! | file | what it does |
//! |---|---|
//! | `slot` | a sample of all series of a host, and the rules by which one is taken |
//! | `log` | the write-ahead log: segments, replay, what becomes of damage |
//! | `window` | samples that are not in a chunk yet |
//! | `received` | which sequences are safe |
//! | `writer` | the thread: group commit, receipts, closing windows |
//! | `codec` | samples to bytes and back |
//! | `database` | `metrics.db`: tables, commits, damage |
//! | `merge`, `rollup`, `retention` | what is done in the background |
//! | `reader`, `points` | answers to queries |

pub mod codec;
pub mod database;
pub mod health;
mod log;
mod merge;
mod points;
pub mod reader;
pub mod received;
mod retention;
mod rollup;
pub mod slot;
pub mod window;
pub mod writer;

/// The file of chunks in the state folder.
pub const METRICS_FILE: &str = "metrics.db";
/// The folder of the write-ahead log in the state folder.
pub const LOG_FOLDER: &str = "log";
