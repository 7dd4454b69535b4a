//! The engine in virtual time: a day of a fleet in milliseconds, with every effect looked at.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod absence;
mod conflict;
mod feed;
mod feed_attached;
mod feed_columns;
mod files;
mod files_decide;
mod files_feed;
mod files_sim;
mod files_transfer;
mod files_walk;
mod hostile;
mod late;
mod liveness;
mod operators;
mod restart;
mod rules;
mod rules_alive;
mod rules_own;
mod rules_reload;
mod rules_walk;
mod said;
mod seeds;
mod sim;
mod talk;
mod talk_hosts;
mod talk_lies;
mod talk_many;
mod talk_walk;
