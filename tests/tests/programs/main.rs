//! The shipped programs together, driven as their users drive them. One module a subject.
//!
//! Tests here share nothing: each has a scene of its own, with its own ports, folder and identities.

mod absence;
mod commands;
mod conflict;
mod disk;
mod feed;
mod foreign;
mod hostile;
mod http;
mod json;
mod liveness;
mod notify;
mod reload;
mod restart;
mod revoked;
mod roles;
mod start;
mod status;
mod strange;
mod truncated;
mod warnings;
