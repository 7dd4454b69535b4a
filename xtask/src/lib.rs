//! The developer's tasks, one module each; `main.rs` only chooses between them.

pub mod audit;
pub mod bench;
pub mod certs;
pub mod demo;
pub mod screens;
pub mod test;
pub mod tidy;
pub mod workspace;
