//! The engine in virtual time, by what a daemon and a user would see.

mod anything;
mod beats;
mod coming_back;
mod presence;
mod race;
mod refusals;
mod rig;
