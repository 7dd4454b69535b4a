//! The one table of commands: name, arguments, what each asks for, and the words that say so.

use systole_common::config::nearest;

use crate::action::Action;

/// A shorter word is near to everything.
const NEAR_CHARS_MIN: usize = 3;

/// What a command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// The same as a key.
    Do(Action),
    /// The fleet, with a filter if one is given.
    Fleet,
    /// The alerts, with a filter if one is given.
    Alerts,
    /// A host by its name.
    Host,
    /// Something about messages and files.
    Talk(TalkVerb),
    /// An acknowledgement.
    Ack,
    /// The end of one.
    Unack,
    /// The end of an incident.
    Resolve,
    /// The end of a host.
    Retire,
    /// A filter of the list that has the keys.
    Filter,
    /// An order of the fleet.
    Sort,
    /// A theme.
    Theme,
    /// Characters to draw with.
    Symbols,
    /// The bell.
    Bell,
    /// A new link.
    Connect,
}

/// What a command about messages and files asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TalkVerb {
    /// The chat, of a place if one is given.
    Chat,
    /// The files.
    Files,
    /// A message.
    Say,
    /// A file is taken.
    Accept,
    /// A file is refused.
    Reject,
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// Other names that people try.
    pub aliases: &'static [&'static str],
    /// Its arguments for people; in `[ ]` what can be left out.
    pub arguments: &'static str,
    /// What it asks for.
    pub verb: Verb,
    /// A line for the help.
    pub help: &'static str,
}

impl Command {
    /// `ack [ID] [NOTE]`.
    pub fn usage(&self) -> String {
        let gap = if self.arguments.is_empty() { "" } else { " " };
        format!("{}{gap}{}", self.name, self.arguments)
    }
}

const fn command(
    name: &'static str,
    aliases: &'static [&'static str],
    arguments: &'static str,
    verb: Verb,
    help: &'static str,
) -> Command {
    Command { name, aliases, arguments, verb, help }
}

/// Every command, in the order of the help.
pub static COMMANDS: &[Command] = &[
    command("fleet", &["hosts"], "[FILTER]", Verb::Fleet, "the fleet, with this filter"),
    command("alerts", &[], "[FILTER]", Verb::Alerts, "the alerts, with this filter"),
    command("host", &["open"], "NAME", Verb::Host, "open a host"),
    command(
        "chat",
        &[],
        "[PLACE]",
        Verb::Talk(TalkVerb::Chat),
        "the chat of #all, #ops, @HOST or {FILTER}",
    ),
    command("files", &[], "", Verb::Talk(TalkVerb::Files), "offered and received files"),
    command("say", &[], "PLACE TEXT", Verb::Talk(TalkVerb::Say), "write a message"),
    command("accept", &[], "ID", Verb::Talk(TalkVerb::Accept), "take an offered file"),
    command("reject", &[], "ID [WHY]", Verb::Talk(TalkVerb::Reject), "refuse an offered file"),
    command("ack", &[], "[ID] [NOTE]", Verb::Ack, "acknowledge an alert for 8 h"),
    command("unack", &[], "ID", Verb::Unack, "take an acknowledgement back"),
    command("resolve", &[], "ID [WHY]", Verb::Resolve, "end an incident"),
    command("retire", &[], "HOST", Verb::Retire, "forget a host and resolve its alerts (admin)"),
    command("filter", &[], "[EXPR]", Verb::Filter, "filter the list; alone: no filter"),
    command("sort", &[], "KEY", Verb::Sort, "order the fleet by a column"),
    command("hold", &[], "", Verb::Do(Action::Hold), "hold the order still, or let it go"),
    command("freeze", &[], "", Verb::Do(Action::Freeze), "freeze the values, or go on"),
    command("who", &[], "", Verb::Do(Action::Who), "who else is attached"),
    command("theme", &[], "NAME", Verb::Theme, "use a theme"),
    command("symbols", &[], "NAME", Verb::Symbols, "draw with braille, block or ascii"),
    command("bell", &[], "on|off", Verb::Bell, "ring for a new critical alert, or not"),
    command("connect", &["reconnect"], "", Verb::Connect, "leave the link and dial anew"),
    command("keys", &["help"], "", Verb::Do(Action::Help), "all keys and commands"),
    command("q", &["quit", "exit"], "", Verb::Do(Action::Quit), "leave the console"),
];

/// The command with that name.
pub fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name || command.aliases.contains(&name))
}

/// The name among `known` that was probably meant; a word of one or two letters is near to everything.
pub fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest(name, known).filter(|_| name.chars().count() >= NEAR_CHARS_MIN)
}

/// Every name, aliases too.
pub fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().flat_map(|one| std::iter::once(one.name).chain(one.aliases.iter().copied()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_there_once_and_is_found() {
        let mut seen = BTreeSet::new();
        for name in names() {
            assert!(seen.insert(name), "{name} is there twice");
            assert!(find(name).is_some(), "{name}");
        }
        assert_eq!(find("ack").map(Command::usage).as_deref(), Some("ack [ID] [NOTE]"));
        assert_eq!(find("q").map(Command::usage).as_deref(), Some("q"));
        let near = |name| super::near(name, names());
        assert_eq!(near("freze"), Some("freeze"));
        assert_eq!(near("reslove"), Some("resolve"));
        assert_eq!((near("xyzzy"), near("x"), near("ho")), (None, None, None));
    }
}
