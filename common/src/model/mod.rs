//! The nouns that all programs share: host states, alerts, metrics. Values only; nothing here decides.
//!
//! Every closed list is a [`coded`] enum: one table of name and code, used by wire, JSON and screens alike.

pub mod alert;
pub mod coded;
pub mod file;
pub mod host;
pub mod interface;
pub mod message;
pub mod metric;
