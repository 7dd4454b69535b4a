//! The shell over real connections on loopback, with a whole daemon in this process.

mod agents;
mod consoles;
mod harness;
mod pki;
mod roles;
mod running;
mod stored;
mod talk;
