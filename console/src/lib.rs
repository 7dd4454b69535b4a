//! `systole`: the operator's program. Commands, JSON, and a live table of all hosts.
//!
//! * [`model`], [`update`], [`view`], [`msg`], [`cmd`]: what is known, what an event makes of it,
//!   what it looks like. Pure.
//! * [`json`], [`csv`], [`watch`]: what programs read. Pure.
//! * [`commands`]: one file a command. [`cli`], [`config`], [`error`]: how it is called, set up, ended.
//! * [`shell`]: link, terminal, output, signals.

pub mod cli;
pub mod cmd;
pub mod commands;
pub mod config;
pub mod csv;
pub mod error;
pub mod json;
pub mod limits;
pub mod model;
pub mod msg;
pub mod shell;
pub mod update;
pub mod view;
pub mod watch;

#[cfg(test)]
mod testing;
