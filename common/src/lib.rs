//! What daemon, agent and console must agree on, and nothing that only one of them needs.
//!
//! * [`ids`], [`time`], [`model`]: the nouns of the domain. Pure values, parsed once.
//! * [`wire`]: the bytes between the programs: header, codec, limits and one frozen struct a kind.
//! * [`filter`]: the filter language of every command and pane.
//! * [`config`]: layered settings whose values remember where they came from.
//! * [`text`]: remote text made safe to show; [`content`]: what a file is by its first bytes.
//! * [`backoff`], [`exit`], [`role_table`]: retry delays, exit codes, who may send what.
//! * [`ranges`]: sets of sequences.
//! * `net`, `record_log`, `telemetry` (feature `net`): certificates, TLS, QUIC, logs on disk and for
//!   people; the only part that touches the world.

pub mod backoff;
pub mod config;
pub mod content;
pub mod exit;
pub mod filter;
pub mod ids;
pub mod model;
#[cfg(feature = "net")]
pub mod net;
pub mod ranges;
#[cfg(feature = "net")]
pub mod record_log;
pub mod role_table;
#[cfg(feature = "net")]
pub mod telemetry;
pub mod text;
pub mod time;
pub mod wire;
