//! The real agent program: against a minimal daemon on loopback, and without any.

#[cfg(test)]
mod certificates;
#[cfg(test)]
mod clerk;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod home;
#[cfg(test)]
mod loopback;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod starting;
#[cfg(test)]
mod talk;
