//! What the agent does: sockets, files, clocks, threads. What it decides is in `engine`.
//!
//! Two threads: the heartbeat's (`heart`), which drives all connections, and the worker's
//! (`worker`), which collects, serves the local socket and reads files. [`run`] starts both.

pub mod clocks;
pub mod collect;
pub mod heart;
pub mod host;
pub mod local;
pub mod notify;
pub mod run;
pub mod settings;
pub mod shared;
pub mod spool;
pub mod stop;
pub mod vitals;
pub mod worker;
