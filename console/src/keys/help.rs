//! The list of the help: every key and every command, narrowed by what was typed.

use super::commands::{COMMANDS, Command};
use super::table::{Binding, Scope, TABLE};

/// What a line of the help runs.
#[derive(Debug, Clone, Copy)]
pub enum Runs {
    /// What its key asks for.
    Key(&'static Binding),
    /// A command; one with arguments is put into the command line.
    Command(&'static Command),
}

/// One line of the help.
#[derive(Debug, Clone)]
pub struct HelpLine {
    /// How it is asked for: `Enter o`, `:ack [ID] [NOTE]`.
    pub keys: String,
    /// Where it holds.
    pub place: &'static str,
    /// What it does.
    pub help: &'static str,
    /// Whether it can be run here.
    pub holds: bool,
    /// What Enter on this line runs.
    pub runs: Runs,
}

/// Where commands hold.
const COMMANDS_TITLE: &str = "command line";

/// The lines that `typed` leaves, in the order of the tables, those that hold in `scopes`
/// before others; what is `typed` itself is first.
pub fn lines(typed: &str, scopes: &[Scope]) -> Vec<HelpLine> {
    let typed = typed.trim();
    let mut lines: Vec<HelpLine> = all(scopes).filter(|line| line.matches(typed)).collect();
    lines.sort_by_key(|line| (!line.is_exactly(typed), !line.holds));
    lines
}

fn all(scopes: &[Scope]) -> impl Iterator<Item = HelpLine> {
    let keys = TABLE.iter().map(|binding| HelpLine {
        keys: key_names(binding).collect::<Vec<_>>().join(" "),
        place: binding.scope.title(),
        help: binding.help,
        holds: scopes.contains(&binding.scope),
        runs: Runs::Key(binding),
    });
    let commands = COMMANDS.iter().map(|command| HelpLine {
        keys: format!(":{}", command.usage()),
        place: COMMANDS_TITLE,
        help: command.help,
        holds: true,
        runs: Runs::Command(command),
    });
    keys.chain(commands)
}

fn key_names(binding: &Binding) -> impl Iterator<Item = String> {
    binding.keys.iter().map(ToString::to_string)
}

impl HelpLine {
    fn matches(&self, typed: &str) -> bool {
        let hint = match self.runs {
            Runs::Key(binding) => binding.hint,
            Runs::Command(_) => "",
        };
        let text = format!("{} {hint} {} {}", self.keys, self.place, self.help).to_lowercase();
        // One character is meant as a key; as a part of words it would be nearly everywhere.
        let is_key = typed.chars().count() == 1;
        if is_key {
            self.is_exactly(typed) || self.keys.contains(typed)
        } else {
            typed.split_whitespace().all(|word| text.contains(&word.to_lowercase()))
        }
    }

    fn is_exactly(&self, typed: &str) -> bool {
        match self.runs {
            Runs::Key(binding) => key_names(binding).any(|name| name == typed),
            Runs::Command(command) => command.name == typed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(typed: &str) -> Vec<String> {
        let here = [Scope::Fleet, Scope::List, Scope::Panes, Scope::Everywhere];
        lines(typed, &here).into_iter().map(|line| line.keys).collect()
    }

    #[test]
    fn the_help_lists_every_key_and_every_command() {
        assert_eq!(lines("", &[]).len(), TABLE.len() + COMMANDS.len());
        for command in COMMANDS {
            assert!(keys("").contains(&format!(":{}", command.usage())), "{}", command.name);
        }
    }

    #[test]
    fn it_is_searched_by_key_and_by_words() {
        assert_eq!(keys("S")[0], "S");
        assert_eq!(keys("Ctrl-z"), ["Ctrl-z"]);
        assert_eq!(keys("order hold"), ["f", ":hold"]);
        assert!(keys("RESOLVE").contains(&"r".to_owned()));
        assert_eq!(keys("q")[0], "q");
        assert_eq!(keys("no such thing"), Vec::<String>::new());
        assert_eq!(keys("   ").len(), lines("", &[]).len());
    }

    #[test]
    fn what_holds_here_comes_first() {
        let lines = lines("", &[Scope::Alerts, Scope::Everywhere]);
        let held = lines.iter().take_while(|line| line.holds).count();
        assert_eq!(lines.iter().filter(|line| line.holds).count(), held);
        assert_eq!((lines[0].keys.as_str(), held < lines.len()), ("a", true));
    }
}
