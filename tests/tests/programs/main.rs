//! The shipped programs together, driven as their users drive them. One module a subject.
//!
//! Tests here share nothing: each has a scene of its own, with its own ports, folder and identities.

mod absence;
mod commands;
mod conflict;
mod console_talk;
mod console_terminal;
mod crowd;
mod damaged;
mod disk;
mod failing_disk;
mod feed;
mod files;
mod files_refused;
mod foreign;
mod full_disk;
mod hostile;
mod hostile_text;
mod http;
mod json;
mod killed;
mod link_cut;
mod liveness;
mod lossy;
mod notify;
mod offers;
mod reload;
mod restart;
mod revoked;
mod roles;
mod rules;
mod smuggled;
mod start;
mod status;
mod strange;
mod talk;
mod talk_flood;
mod truncated;
mod units;
mod warnings;
