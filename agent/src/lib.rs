//! The agent of one host: heartbeats, metrics, and what is announced about its presence.
//!
//! * [`engine`] decides: when to beat, whom to dial, what the texts of `/proc` mean. Pure.
//! * [`shell`] does: connections, collectors, the local socket, files, signals.
//! * [`cli`] and [`commands`] are the command line; [`config`] is agent.toml; [`error`] says how the
//!   program ends; every bound has its name in [`limits`].

pub mod cli;
pub mod commands;
pub mod config;
pub mod engine;
pub mod error;
pub mod limits;
pub mod shell;
