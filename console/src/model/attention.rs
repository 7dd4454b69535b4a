//! What was asked, told and rung for already, so that nothing is said twice or too often.

use std::collections::BTreeSet;

use systole_common::ids::AlertId;
use systole_common::time::Mono;

use super::freshness::Trust;

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// The trust that the screen was last told of.
    pub trust: Trust,
    /// When ages were last counted on.
    pub counted_at: Mono,
    /// A picture came whole since the console began, or since it went to another daemon.
    pub has_picture: bool,
    /// Hosts whose details were last asked for.
    pub hosts: BTreeSet<String>,
    /// When they were.
    pub asked_at: Option<Mono>,
    /// What the daemon was last told that this console looks at.
    pub looking_at: String,
    /// When it was.
    pub told_at: Option<Mono>,
    /// A link stands, as far as is known.
    pub is_linked: bool,
    /// When the bell last rang.
    pub rung_at: Option<Mono>,
    /// A critical alert that began after the last word was said: it takes its place.
    pub alarm: Option<AlertId>,
}

impl Attention {
    /// Nothing was said yet.
    pub fn new(now: Mono) -> Self {
        Self {
            trust: Trust::Connecting,
            counted_at: now,
            has_picture: false,
            hosts: BTreeSet::new(),
            asked_at: None,
            looking_at: String::new(),
            told_at: None,
            is_linked: false,
            rung_at: None,
            alarm: None,
        }
    }
}
