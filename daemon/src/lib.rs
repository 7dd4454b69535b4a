//! systoled: judges who is alive, keeps alerts, serves operators.
//!
//! * [`engine`] decides and is pure; [`shell`] does: sockets, store, HTTP, signals.
//! * [`config`] turns `daemon.toml` into typed settings; [`cli`] is the command line.
//! * [`error`] holds every way in which the program ends, each with its exit code.

pub mod cli;
pub mod config;
pub mod engine;
pub mod error;
pub mod limits;
pub mod shell;
