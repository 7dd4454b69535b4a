//! The part of the console that touches the world: link, terminal, output, signals, clock.
//!
//! It places what `model`, `update`, `view`, `json` and `watch` decide; it decides nothing that
//! could be tested without it.

mod asker;
pub mod backend;
pub mod clock;
pub mod dial;
pub mod feed;
pub mod link;
pub mod live;
pub mod output;
pub mod paint;
pub mod random;
pub mod reply;
pub mod saving;
pub mod screen;
pub mod session;
pub mod signals;
pub mod terminal;
pub mod tty;
pub mod wishes;
pub mod writer;
