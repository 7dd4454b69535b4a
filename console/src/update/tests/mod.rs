//! What the feed, the link and time make of the model.

mod alerts;
mod frozen;
mod interest;
mod link;
mod order;
mod peek;
