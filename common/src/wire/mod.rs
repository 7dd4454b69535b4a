//! The bytes between the programs. Frozen: structs never change, lists only grow at their end.
//!
//! A frame is an 8-byte [`header`] and a body that only [`codec`] reads and writes. Each message has
//! its own [`kind::Kind`]; there is no message enum. Every limit stands in [`limits`].
//! [`hello`] never changes at all: it carries the version range from which both sides choose.
//! A need that a struct does not meet becomes a new kind, sent only when the negotiated version knows it.

pub mod agent;
pub mod codec;
pub mod console;
pub mod control;
pub mod every;
pub mod feed;
pub mod file;
pub mod header;
pub mod hello;
pub mod history;
pub mod kind;
pub mod limits;
pub mod pages;
pub mod talk;

/// Lowest protocol version that this build speaks.
pub const VERSION_MIN: u8 = 1;
/// Highest protocol version that this build speaks.
pub const VERSION_MAX: u8 = 1;
/// The TLS application protocol. It names framing and hello only and never changes.
pub const ALPN: &[u8] = b"systole/1";

/// Chooses the highest version that both ranges hold.
pub fn negotiate(theirs_min: u8, theirs_max: u8) -> Option<u8> {
    let chosen = theirs_max.min(VERSION_MAX);
    (chosen >= theirs_min.max(VERSION_MIN)).then_some(chosen)
}

#[cfg(test)]
mod tests {
    use super::negotiate;

    #[test]
    fn negotiation_takes_the_highest_common_version() {
        assert_eq!(negotiate(1, 1), Some(1));
        assert_eq!(negotiate(1, 9), Some(1));
        assert_eq!(negotiate(0, 1), Some(1));
        assert_eq!(negotiate(2, 9), None);
        assert_eq!(negotiate(9, 1), None);
    }
}
