//! The command line of messages and files.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use systole_common::ids::HostId;

use super::{span, when};
use crate::model::range::When;

/// What `say` takes.
#[derive(Debug, Clone, Args)]
pub struct SayArgs {
    /// To whom: #all, #ops, @HOST or {FILTER}
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// What; `-` reads it from standard input
    #[arg(value_name = "TEXT", required = true)]
    pub text: Vec<String>,
    /// Wait at most so long until every host has it, and fail if one does not
    #[arg(long, value_parser = span, value_name = "TIME")]
    pub wait: Option<Duration>,
}

/// What `chat` takes.
#[derive(Debug, Clone, Default, Args)]
pub struct ChatArgs {
    /// Only what was written to #all, #ops, @HOST or {FILTER}; of a host also what reached it
    #[arg(value_name = "PLACE")]
    pub place: Option<String>,
    /// Only after this: a span such as 1h, or a time; without it the newest 100 messages
    #[arg(long, value_parser = when, value_name = "WHEN")]
    pub since: Option<When>,
    /// Only messages that hold each of these words, in any case
    #[arg(long, value_name = "WORDS")]
    pub search: Option<String>,
    /// Go on with what is said from now on, until interrupted
    #[arg(long)]
    pub follow: bool,
}

/// What `files` takes.
#[derive(Debug, Clone, Default, Args)]
pub struct FilesArgs {
    /// Only of this host
    #[arg(value_name = "HOST")]
    pub host: Option<HostId>,
    /// Only those that wait for a decision or are on their way
    #[arg(long)]
    pub open: bool,
    /// Only those offered after this: a span such as 7d, or a time; without it the newest 200
    #[arg(long, value_parser = when, value_name = "WHEN")]
    pub since: Option<When>,
}

/// What `fetch` takes.
#[derive(Debug, Clone, Args)]
pub struct FetchArgs {
    /// Number of the file, as `systole files` shows it
    #[arg(value_name = "ID", value_parser = file_id)]
    pub id: u64,
    /// Where to: a folder, or the name of a file that does not exist yet; else the current folder
    #[arg(long, value_name = "PATH")]
    pub to: Option<PathBuf>,
}

pub(super) const SAY_HELP: &str = "Quote the target: a shell takes # for a comment and { } for its own.\n  \
    systole say @web-1 'I restart postgres now'\n  \
    systole say '#all' 'network work from 22:00 to 22:10'\n  \
    systole say '{role=db and state=online}' 'please stop the import' --wait 30s\n  \
    uptime | systole say '#ops' -\n\
    It ends with 0 once the daemon has the message, with 1 if nobody ever gets it. Hosts that are away \
    get it when they are back; with --wait it ends with 1 if one of them does not have it by then, and \
    names it.";
pub(super) const CHAT_HELP: &str = "The oldest comes first. `v 2/3` behind a message: 2 of its 3 hosts have \
    it; `x 1`: one never will.\n  \
    systole chat\n  \
    systole chat @web-1 --since 24h\n  \
    systole chat --search 'postgres restart' --since 7d\n  \
    systole chat '#ops' --follow --json | jq -r .text";
pub(super) const FILES_HELP: &str = "What waits for a decision comes first.\n  \
    systole files\n  \
    systole files web-1 --since 30d\n  \
    systole files --open --json | jq '.[] | select(.state == \"offered\") | .id'";
pub(super) const ACCEPT_HELP: &str = "Room is taken first; without it the offer stays as it is.\n  \
    systole accept 12";
pub(super) const REJECT_HELP: &str = "The reason is told to the sender and kept in the audit trail.\n  \
    systole reject 12 --why 'too big, send the last hour only'";
pub(super) const FETCH_HELP: &str = "The bytes are checked against the file's BLAKE3 before it has its name. \
    What exists is never replaced, and nothing half-done stays.\n  \
    systole fetch 12\n  \
    systole fetch 12 --to /tmp/core.zst";

pub(super) fn file_id(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "use the number that `systole files` shows".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Cli, Command};
    use super::*;

    fn parse(words: &[&str]) -> Result<Command, clap::Error> {
        let words = ["systole"].iter().chain(words);
        Cli::try_parse_from(words).map(|cli| cli.command.unwrap())
    }

    #[test]
    fn a_text_is_words_or_standard_input() {
        let Command::Say(args) = parse(&["say", "@web-1", "a", "b", "--wait", "5s"]).unwrap()
        else {
            panic!("say");
        };
        assert_eq!((args.target.as_str(), args.text.join(" ").as_str()), ("@web-1", "a b"));
        assert_eq!(args.wait, Some(Duration::from_secs(5)));
        assert!(parse(&["say", "#ops", "-"]).is_ok());
        assert!(parse(&["say", "#ops", "--", "-v is verbose"]).is_ok());
        assert!(parse(&["say", "@web-1"]).is_err());
        assert!(parse(&["say"]).is_err());
    }

    #[test]
    fn files_are_named_by_their_numbers() {
        for good in [&["accept", "12"][..], &["reject", "12", "--why", "no"], &["fetch", "12"]] {
            assert!(parse(good).is_ok(), "{good:?}");
        }
        for bad in [&["accept"][..], &["accept", "x"], &["reject", "-1"], &["fetch", "1", "2"]] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
