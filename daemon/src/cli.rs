//! The command line of systoled.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use systole_common::exit::Exit;

/// The daemon of Systole: judges who is alive, keeps alerts, serves operators.
#[derive(Debug, Parser)]
#[command(name = "systoled", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: Flags,
}

const EXAMPLES: &str = "Examples:
  systoled                                     run with /etc/systole/daemon.toml
  systoled run --config ./daemon.toml --set liveness.timeout=10s
  systoled check-config --connect              print every value and its source, try ports and folder

Signals: SIGHUP reads configuration and certificates anew, SIGTERM stops within 5 s.
Exit codes: 0 done, 1 failed (port taken, folder in use, disk full, newer state), 64 usage,
configuration or own certificate, 70 a fault of systoled.";

/// What systoled is to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Run in the foreground; the same as without a command
    Run(Flags),
    /// Print every setting with its source, and what is wrong with it
    CheckConfig {
        /// Also check certificates, clock, ports and the state folder
        #[arg(long)]
        connect: bool,
        /// Flags that beat variables and file
        #[command(flatten)]
        flags: Flags,
    },
}

/// Flags that beat variables and file.
#[derive(Debug, Clone, Default, Args)]
pub struct Flags {
    /// Configuration file; else `SYSTOLE_CONFIG`, else daemon.toml in ~/.config/systole or /etc/systole
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The UDP address for agents and operators, as 0.0.0.0:5001
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// The loopback address of /healthz, /readyz and /metrics, or "off"
    #[arg(long, value_name = "ADDRESS:PORT|off")]
    pub http: Option<String>,
    /// The folder of what survives a restart
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Any setting, as liveness.timeout=10s; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl Cli {
    /// Reads the command line. An error is how the program ends: help and version are no failure.
    pub fn read() -> Result<Self, Exit> {
        Self::try_parse().map_err(|error| {
            let _ = error.print();
            if error.use_stderr() { Exit::Usage } else { Exit::Done }
        })
    }

    /// What to do; without a command that is to run.
    pub fn command(&self) -> Command {
        self.command.clone().unwrap_or_else(|| Command::Run(self.flags.clone()))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        <Cli as CommandFactory>::command().debug_assert();
    }

    #[test]
    fn run_is_the_default() {
        for line in [&["systoled", "--state", "/s"][..], &["systoled", "run", "--state", "/s"]] {
            let cli = Cli::try_parse_from(line).unwrap();
            let Command::Run(flags) = cli.command() else { panic!("{line:?}") };
            assert_eq!(flags.state, Some(PathBuf::from("/s")));
        }
    }

    #[test]
    fn checking_takes_the_same_flags() {
        let line = ["systoled", "check-config", "--connect", "--set", "log.level=debug"];
        let cli = Cli::try_parse_from(line).unwrap();
        let Command::CheckConfig { connect, flags } = cli.command() else { panic!() };
        assert!(connect);
        assert_eq!(flags.set, ["log.level=debug"]);
        assert!(Cli::try_parse_from(["systoled", "walk"]).is_err());
    }
}
