//! Everything that the console's model asks of the shell around it: one closed enum.

/// Something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cmd {
    /// Paint the screen soon; several become one.
    Paint,
    /// Clear the screen and paint all of it.
    Repaint,
    /// Restore the terminal and end with 0.
    Leave,
}
