//! `systole`: the operator's program. The console on a terminal, commands, JSON.
//!
//! * [`model`], [`update`], [`view`], [`msg`], [`cmd`], [`action`], [`keys`]: what is known, what an
//!   event makes of it, what it looks like, what keys mean. Pure.
//! * [`tables`], [`json`], [`csv`], [`watch`]: what commands print for people and programs. Pure.
//! * [`commands`]: one file a command. [`cli`], [`config`], [`error`]: how it is called, set up, ended.
//! * [`shell`]: link, terminal, output, signals.

pub mod action;
pub mod cli;
pub mod cmd;
pub mod commands;
pub mod config;
pub mod csv;
pub mod error;
pub mod json;
pub mod keys;
pub mod limits;
pub mod model;
pub mod msg;
pub mod shell;
pub mod tables;
pub mod tone;
pub mod update;
pub mod view;
pub mod watch;

#[cfg(test)]
mod testing;
