//! What commands print for people, as lines of marked text. Pure: a function of its arguments.

pub mod alerts;
pub mod audit;
pub mod files;
pub mod fleet;
pub mod history;
pub mod host;
pub mod line;
pub mod messages;
pub mod phrase;
pub mod storage;
pub mod table;

#[cfg(test)]
mod tests;
