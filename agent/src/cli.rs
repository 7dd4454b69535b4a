//! The command line: what can be asked, its help, and how each command ends.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use systole_common::config::{duration_text, parse_duration};
use systole_common::exit::Exit;

use crate::commands;
use crate::config::overrides;
use crate::error::AgentError;
use crate::limits::LEASE_DEFAULT;
use crate::shell::run::run;
use crate::shell::settings::Loader;

/// systole-agent: heartbeats and metrics of this host
#[derive(Debug, Parser)]
#[command(
    name = "systole-agent",
    version,
    after_help = "Example:\n  systole-agent run --config /etc/systole/agent.toml\n\nExit: 0 done, 1 refused or failed, 64 usage, configuration or certificate, 69 not reached,\n70 a fault of this program, 77 not allowed."
)]
struct Cli {
    #[command(flatten)]
    shared: SharedArgs,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
struct SharedArgs {
    /// Configuration file; else `SYSTOLE_CONFIG`, else agent.toml in ~/.config/systole or /etc/systole
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A daemon to report to instead of the configured ones; may be given several times
    #[arg(long = "daemon", global = true, value_name = "NAME=HOST:PORT")]
    daemons: Vec<String>,
    /// The Unix socket of the running agent
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Any other setting, as log.level=debug; may be given several times
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent until it is stopped
    #[command(
        after_help = "Example:\n  systole-agent run --daemon mon-1=10.0.0.5:5001\n\nSIGHUP reads configuration and certificates anew; SIGTERM says goodbye to every daemon and ends\nwithin 2 s."
    )]
    Run,
    /// Show how things stand with the daemons, also when they are gone
    #[command(after_help = "Example:\n  systole-agent status --json")]
    Status {
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Announce that this host will be away for a while, so that nobody is paged
    #[command(
        after_help = "Examples:\n  systole-agent leave --for 20m --why 'kernel update'\n  systole-agent leave --cancel\n\nOnly root and the agent's own user may do this. Past the time an alert is raised."
    )]
    Leave {
        /// How long, as 20m or 1h30m
        #[arg(long = "for", value_name = "DURATION", value_parser = span, default_value = LeaseDefault::text())]
        lease: Duration,
        /// Why, for the operators
        #[arg(long, value_name = "TEXT", default_value = "")]
        why: String,
        /// Take the announcement back
        #[arg(long, conflicts_with_all = ["lease", "why"])]
        cancel: bool,
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Write to the operators who watch this host; `-` reads the text from standard input
    #[command(
        after_help = "Examples:\n  systole-agent say 'the disk is being replaced'\n  systole-agent say '#ops who is on call?'\n  dmesg | tail -3 | systole-agent say -\n\nThe message goes to the chat of this host; one that begins with `#ops ` goes to all operators. It is\nkept and sent once a daemon is heard. At most 4 KiB. A host writes nowhere else: what begins with\n#all, @HOST or {FILTER} is refused. Put a blank before a text that must begin so."
    )]
    Say {
        /// The text
        #[arg(required = true, value_name = "TEXT")]
        text: Vec<String>,
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what was written to this host, newest last
    #[command(after_help = "Example:\n  systole-agent inbox --since 1h")]
    Inbox {
        /// Only what came within this time, as 1h or 30m
        #[arg(long, value_name = "DURATION", value_parser = span)]
        since: Option<Duration>,
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Talk with the operators, line by line; `bye`, `END` or the end of the input leaves
    #[command(
        after_help = "Example:\n  systole-agent chat\n\nLines go to the chat of this host; one that begins with `#ops ` goes to all operators. A host writes\nnowhere else: what begins with #all, @HOST or {FILTER} is refused. Put a blank before a text that\nmust begin so. While no daemon is connected, lines are kept, and the chat says so."
    )]
    Chat,
    /// Offer a file to the operators, and send it once it is accepted
    #[command(
        after_help = "Examples:\n  systole-agent send core.dump.zst --note 'of the crash at 14:02'\n  systole-agent send report.txt && echo arrived\n\nSmall files are taken by the daemon's policy, others wait for an operator. Prints READY, or REJECT and\nthe reason; then VERIFIED and where it is saved, or FAILED, EXPIRED, WITHDRAWN and the reason. Progress\ngoes to standard error. Ended early, by Ctrl-C for instance, the offer is withdrawn. A file that changes\nwhile it waits or is sent fails. An offer that waits says its number, for `systole accept NUMBER`.\n\nExit: 0 saved and verified, 1 not taken or failed, 69 the agent is not running."
    )]
    Send {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// What it is or why it is sent, for the operators; at most 512 bytes
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
    },
    /// Print every setting with its source, and check the certificate
    #[command(after_help = "Example:\n  systole-agent check-config --connect")]
    CheckConfig {
        /// Also dial each daemon, and say which of name, UDP, certificate, clock is wrong
        #[arg(long)]
        connect: bool,
    },
}

/// Parses the command line of this process, carries it out, and says how it ends.
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not mistakes. A closed output is nobody's loss.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
                _ => Exit::Usage,
            };
        }
    };
    match carry_out(cli) {
        Ok(exit) => exit,
        Err(error) => {
            let exit = error.exit();
            for line in error.to_string().lines() {
                // Without stderr there is only the exit code left to tell.
                let _ = writeln!(io::stderr(), "systole-agent: {line}");
            }
            exit
        }
    }
}

fn carry_out(cli: Cli) -> Result<Exit, AgentError> {
    let SharedArgs { config, daemons, socket, set } = cli.shared;
    let loader = Loader { file: config, overrides: overrides(&daemons, socket.as_deref(), &set)? };
    match cli.command {
        Command::Run => run(loader).map(|()| Exit::Done),
        Command::Status { json } => commands::status(&loader, json),
        Command::Leave { lease, why, cancel, json } => {
            let lease = (!cancel).then_some(lease);
            commands::leave(&loader, lease, &why, json)
        }
        Command::Say { text, json } => commands::say(&loader, &text, json),
        Command::Inbox { since, json } => commands::inbox(&loader, since, json),
        Command::Chat => commands::chat(&loader),
        Command::Send { file, note } => commands::send(&loader, &file, &note),
        Command::CheckConfig { connect } => commands::check_config(&loader, connect),
    }
}

fn span(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|span| !span.is_zero())
        .ok_or_else(|| "a duration such as 20m or 1h30m is expected".to_owned())
}

/// The default of `--for` as text.
struct LeaseDefault;

impl LeaseDefault {
    fn text() -> &'static str {
        static TEXT: std::sync::LazyLock<String> =
            std::sync::LazyLock::new(|| duration_text(LEASE_DEFAULT));
        &TEXT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_declared_soundly() {
        Cli::command().debug_assert();
    }

    #[test]
    fn leave_takes_a_duration_or_takes_it_back() {
        let parsed = |args: &[&str]| Cli::try_parse_from([&["systole-agent"], args].concat());
        let Command::Leave { lease, cancel, .. } = parsed(&["leave"]).unwrap().command else {
            panic!("not leave");
        };
        assert_eq!((lease, cancel), (LEASE_DEFAULT, false));
        assert!(parsed(&["leave", "--for", "1h30m", "--why", "x"]).is_ok());
        assert!(parsed(&["leave", "--cancel"]).is_ok());
        for bad in [
            &["leave", "--cancel", "--for", "5m"][..],
            &["leave", "--for", "0s"],
            &["leave", "--for", "soon"],
            &["dance"],
            &["say"],
            &["inbox", "--since", "0s"],
            &["chat", "x"],
            &[],
        ] {
            assert!(parsed(bad).is_err(), "{bad:?}");
        }
    }
}
