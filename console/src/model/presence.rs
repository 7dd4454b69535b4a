//! Who else is attached to the daemon, and what they look at.

use systole_common::wire::feed::OperatorPresence;

/// Everybody, in the order in which they came. Their words are safe to show.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Presence {
    /// All of them, this console included.
    pub operators: Vec<OperatorPresence>,
    /// This console's own number.
    pub own: u64,
}

impl Presence {
    /// The others.
    pub fn others(&self) -> impl Iterator<Item = &OperatorPresence> {
        self.operators.iter().filter(|one| one.session != self.own)
    }
}
