//! How every program ends: the exit codes of the contract, each with its meaning.
//!
//! Owns the numbers; refuses to know which error leads to which of them, which is the matter of each `main`.

use std::process::{ExitCode, Termination};

/// The end of a program, for scripts and unit files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for is done.
    Done = 0,
    /// Refused or failed: port taken, lock held, disk full, newer store, unknown id.
    Failed = 1,
    /// Command line, configuration, or the own certificate is missing, loose or of the wrong role.
    Usage = 64,
    /// The peer cannot be reached.
    Unreachable = 69,
    /// A fault of this program.
    Bug = 70,
    /// The peer refuses this role or certificate.
    Refused = 77,
}

impl Exit {
    /// Every code, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Done, Self::Failed, Self::Usage, Self::Unreachable, Self::Bug, Self::Refused];

    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The end with this number, if it is one of ours; for programs that start others.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| i32::from(exit.code()) == code)
    }

    /// The worse of two ends, for a command that acts on several objects: our bug before a refusal
    /// before anything else that failed.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        if self.weight() >= other.weight() { self } else { other }
    }

    fn weight(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Refused => 4,
            Self::Bug => 5,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_contract() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 64, 69, 70, 77]);
        for exit in Exit::ALL {
            assert_eq!(Exit::from_code(i32::from(exit.code())), Some(exit));
        }
        for foreign in [-1, 2, 101, 137, 320] {
            assert_eq!(Exit::from_code(foreign), None);
        }
    }

    #[test]
    fn the_worse_end_of_several_wins() {
        assert_eq!(Exit::Done.worse(Exit::Failed), Exit::Failed);
        assert_eq!(Exit::Refused.worse(Exit::Failed), Exit::Refused);
        assert_eq!(Exit::Refused.worse(Exit::Bug), Exit::Bug);
        assert_eq!(Exit::Done.worse(Exit::Done), Exit::Done);
    }
}
