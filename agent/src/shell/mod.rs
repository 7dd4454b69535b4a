//! What the agent does: sockets, files, clocks, threads. What it decides is in `engine`.
//!
//! Threads: the heartbeat's (`heart`), which drives all main connections, the worker's (`worker`),
//! which collects, serves the local socket and reads files, the spool's (`delivery`), which writes
//! samples to disk and drives the bulk connections, and the talk's (`talk`), which keeps messages.
//! [`run`] starts all of them.

pub mod clocks;
pub mod collect;
pub mod delivery;
pub mod heart;
pub mod host;
pub mod local;
pub mod notify;
pub mod run;
pub mod send;
pub mod settings;
pub mod shared;
pub mod spool;
pub mod stop;
pub mod talk;
pub mod vitals;
pub mod worker;
