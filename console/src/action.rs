//! Everything that a person can ask of the console, by key or by command: one closed enum.

/// Something that somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// The fleet view.
    OpenFleet,
    /// The alerts view.
    OpenAlerts,
    /// The chat view.
    OpenChat,
    /// The files view.
    OpenFiles,
    /// What the cursor is on: a host, or the host of an alert.
    Open,
    /// One step back; leaves the console only from the top, after a second time.
    Back,
    /// Esc: cancels what is innermost, never leaves.
    Cancel,
    /// Ctrl-c: cancels first, leaves when there is nothing to cancel.
    Interrupt,
    /// Leaves at once.
    Quit,
    /// The next pane of the view.
    NextPane,
    /// The pane before.
    PreviousPane,
    /// One line down.
    Down,
    /// One line up.
    Up,
    /// A screenful down.
    PageDown,
    /// A screenful up.
    PageUp,
    /// Half a screenful down.
    HalfDown,
    /// Half a screenful up.
    HalfUp,
    /// To the first line.
    First,
    /// To the last line.
    Last,
    /// The next order of the fleet.
    Sort,
    /// Turns the order around.
    Reverse,
    /// Opens the filter line.
    Filter,
    /// Opens the command line.
    Command,
    /// Lists every key and command, and runs the chosen one.
    Help,
    /// Who else is attached.
    Who,
    /// To the newest alert that nobody has.
    NewestUnacked,
    /// Holds the order of the fleet, or lets it go.
    Hold,
    /// Freezes the values, or goes on.
    Freeze,
    /// Says that the alert under the cursor is one's own.
    Ack,
    /// The same with a note.
    AckWithNote,
    /// Takes the last acknowledgement back, within its time.
    Undo,
    /// Ends the incident under the cursor.
    Resolve,
    /// Something in a chat.
    Talk(TalkAction),
    /// Something about a file.
    File(FileAction),
    /// The next tab of a host.
    NextTab,
    /// The tab before.
    PreviousTab,
    /// A longer range of the charts.
    ZoomOut,
    /// A shorter range of the charts.
    ZoomIn,
    /// The chart's cursor one column back.
    Earlier,
    /// The chart's cursor one column on.
    Later,
    /// The chart's cursor to now.
    ChartNow,
    /// The chart's scale: its own, or 0 to 100.
    Scale,
    /// Paints the whole screen anew.
    Redraw,
    /// Ctrl-z: gives the terminal back for a while.
    Suspend,
}

/// Something in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TalkAction {
    /// Opens the line in which a message is typed.
    Write,
    /// Asks where to talk to.
    Target,
    /// The place whose chat is shown next.
    NextPlace,
    /// The place before.
    PreviousPlace,
    /// The message before; from the first one on older ones are asked for.
    Older,
    /// The message after.
    Newer,
    /// Sets everything from the message under the cursor on unread.
    SetUnread,
    /// To the newest message that nobody read.
    NewestUnread,
    /// Who has the message under the cursor.
    Message,
}

/// Something about the file under the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileAction {
    /// Arms its acceptance.
    Accept,
    /// Asks for the reason for which it is refused.
    Reject,
    /// Accepts it if it is armed; else its details.
    Confirm,
    /// All that is known of it.
    Details,
    /// Talks to its host.
    AskSender,
}
