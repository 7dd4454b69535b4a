//! The wire, byte for byte: golden frames, their hostile twins and round trips.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod golden;
mod hostile;
mod roles;
mod round_trip;
mod samples;
mod talk_samples;
