//! The line in which something is typed: a filter, a command, a note, a message.

use systole_common::ids::AlertId;

use crate::limits::LINES_RECALLED_MAX;

/// What the line is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromptKind {
    /// A filter of the list that has the keys; it holds while it is typed, as far as it is valid.
    Filter {
        /// The filter that was on before, to go back to.
        before: Option<String>,
    },
    /// A command.
    Command,
    /// The note of an acknowledgement.
    AckNote(AlertId),
    /// The reason for which an incident ends.
    ResolveNote(AlertId),
    /// A message to this place.
    Say(String),
    /// Where to talk to.
    Target,
    /// Words that are looked for in a chat; they hold while they are typed.
    Search {
        /// Those that were looked for before, to go back to.
        before: Option<String>,
    },
    /// The reason for which a file is refused; Enter refuses it.
    RejectWhy(u64),
}

/// What is wrong with what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptError {
    /// The sentence.
    pub text: String,
    /// Which characters, from and to.
    pub from: usize,
    /// One behind the last.
    pub to: usize,
}

/// The line.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// What it is for.
    pub kind: PromptKind,
    /// What was typed, and where the cursor is. Hidden characters are shown as `\x1b`.
    pub input: tui_input::Input,
    /// What is wrong with it.
    pub error: Option<PromptError>,
    /// Place in the lines typed before, counted from the newest; `None`: in none of them.
    pub recalled: Option<usize>,
    /// How words can go on, for Tab, and how many more ways there are.
    pub completions: Vec<String>,
    /// A filter that leaves nothing while its last word is typed; the one before is on.
    pub is_waiting: bool,
}

impl Prompt {
    /// A line for `kind` that begins with `text`.
    pub fn new(kind: PromptKind, text: &str) -> Self {
        let input = tui_input::Input::new(text.to_owned());
        Self {
            kind,
            input,
            error: None,
            recalled: None,
            completions: Vec::new(),
            is_waiting: false,
        }
    }
}

/// Lines that were typed before, and what is half done in the one that is open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    filters: Vec<String>,
    commands: Vec<String>,
    notes: Vec<String>,
    said: Vec<String>,
    targets: Vec<String>,
    searches: Vec<String>,
    /// What was typed before an older line was looked at.
    pub draft: String,
    /// A command that asked whether it is meant; Enter once more does it.
    pub armed: Option<String>,
}

impl Typed {
    /// Lines of this kind, the newest last.
    pub fn lines(&self, kind: &PromptKind) -> &[String] {
        match kind {
            PromptKind::Filter { .. } => &self.filters,
            PromptKind::Command => &self.commands,
            PromptKind::AckNote(_) | PromptKind::ResolveNote(_) | PromptKind::RejectWhy(_) => {
                &self.notes
            }
            PromptKind::Say(_) => &self.said,
            PromptKind::Target => &self.targets,
            PromptKind::Search { .. } => &self.searches,
        }
    }

    /// Keeps a line as the newest of its kind; the oldest gives way.
    pub fn remember(&mut self, kind: &PromptKind, line: &str) {
        let lines = match kind {
            PromptKind::Filter { .. } => &mut self.filters,
            PromptKind::Command => &mut self.commands,
            PromptKind::AckNote(_) | PromptKind::ResolveNote(_) | PromptKind::RejectWhy(_) => {
                &mut self.notes
            }
            PromptKind::Say(_) => &mut self.said,
            PromptKind::Target => &mut self.targets,
            PromptKind::Search { .. } => &mut self.searches,
        };
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        lines.retain(|known| known != line);
        lines.push(line.to_owned());
        let surplus = lines.len().saturating_sub(LINES_RECALLED_MAX);
        lines.drain(..surplus);
    }
}
