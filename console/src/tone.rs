//! What a piece of text means to the one who looks. Not its colour: themes and attributes choose that,
//! and the words must say it too.

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// Look at it today.
    Warning,
    /// Look at it now.
    Bad,
    /// Of less interest.
    Quiet,
    /// A heading.
    Strong,
    /// Cannot be overlooked, in any colours.
    Reversed,
}
