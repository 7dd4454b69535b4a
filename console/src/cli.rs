//! The command line: what can be asked, and the help for it.

mod history;
mod talk;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use systole_common::config::{Override, parse_duration};
use systole_common::filter::fields;
use systole_common::ids::{AlertId, HostId};
use systole_common::model::alert::{AlertState, Severity};
use systole_common::model::coded::Coded;

use crate::limits::IDS_MAX;
use crate::model::range::When;
use crate::model::subject::{ALERT_FIELDS, HOST_FIELDS};

pub use history::{ExportArgs, HistoryArgs, RangeArgs, StorageAction, StorageArgs};
pub use talk::{ChatArgs, FetchArgs, FilesArgs, SayArgs};

/// Watches hosts by their heartbeat: the operator's console and commands.
#[derive(Debug, Parser)]
#[command(
    name = "systole",
    version,
    about = "Watches hosts by their heartbeat: the operator's console and commands",
    after_help = "Without a command, on a terminal: the console; `?` there lists its keys.\n\n\
        Examples:\n  \
        systole hosts 'state!=online or cpu>80'\n  \
        systole alerts --severity critical\n  \
        systole ack 17 18 --note 'on my way' --for 2h\n  \
        systole say @web-1 'I restart postgres now'\n  \
        systole watch | jq -c 'select(.kind == \"alert\")'\n  \
        systole history web-1 cpu_percent --since 24h\n\n\
        Exit codes: 0 done; 1 refused or failed; 64 usage, configuration or own certificate; \
        69 no daemon reached; 70 our bug; 77 refused by role or certificate."
)]
pub struct Cli {
    /// What is valid for every command.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What is valid for every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Common {
    /// Print JSON, one value on one line
    #[arg(long, global = true)]
    pub json: bool,
    /// Configuration file; else `SYSTOLE_CONFIG`, else console.toml in ~/.config/systole or /etc/systole
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Daemon to talk to, in place of `daemons`; may be given several times
    #[arg(long = "daemon", global = true, value_name = "NAME=ADDRESS:PORT")]
    pub daemons: Vec<String>,
    /// Any other setting, such as tls.cert=FILE; may be given several times
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = assignment)]
    pub settings: Vec<(String, String)>,
}

impl Common {
    /// The settings that flags override.
    pub fn overrides(&self) -> Vec<Override> {
        let daemons = (!self.daemons.is_empty()).then(|| self.daemons.join(","));
        let daemons = daemons.map(|text| Override::new("--daemon", "daemons", text));
        let others = self.settings.iter().map(|(key, text)| Override::new("--set", key, text));
        daemons.into_iter().chain(others).collect()
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List hosts, the worst first
    #[command(after_help = filter_help(HOST_FIELDS, FILTER_HELP))]
    Hosts(HostsArgs),
    /// Show one host with its log of connects and disconnects
    Host {
        /// Name of the host
        name: HostId,
    },
    /// Forget a host and resolve its alerts (admin)
    Retire {
        /// Name of the host
        host: HostId,
    },
    /// List alerts: the open ones, or those that --state or --since ask for
    #[command(after_help = filter_help(ALERT_FIELDS, ALERT_FILTER_HELP))]
    Alerts(AlertsArgs),
    /// Say "I have these alerts" (operator)
    Ack {
        /// Which alerts
        #[command(flatten)]
        targets: Targets,
        /// What others should know
        #[arg(long, default_value = "", value_name = "TEXT")]
        note: String,
        /// For how long
        #[arg(long = "for", default_value = "8h", value_parser = span, value_name = "TIME")]
        span: Duration,
    },
    /// Take an acknowledgement back (operator)
    Unack {
        /// Which alerts
        #[command(flatten)]
        targets: Targets,
    },
    /// Close incidents; a rule fires again only after its condition was clear once (operator)
    Resolve {
        /// Which alerts
        #[command(flatten)]
        targets: Targets,
        /// Why, for the audit trail
        #[arg(long, default_value = "", value_name = "TEXT")]
        note: String,
    },
    /// Write a message to hosts and operators (operator)
    #[command(after_help = talk::SAY_HELP)]
    Say(SayArgs),
    /// Show what was said
    #[command(after_help = talk::CHAT_HELP)]
    Chat(ChatArgs),
    /// List files that hosts offer, and those that came
    #[command(after_help = talk::FILES_HELP)]
    Files(FilesArgs),
    /// Take an offered file (operator)
    #[command(after_help = talk::ACCEPT_HELP)]
    Accept {
        /// Number of the file, as `systole files` shows it
        #[arg(value_name = "ID", value_parser = talk::file_id)]
        id: u64,
    },
    /// Refuse an offered file (operator)
    #[command(after_help = talk::REJECT_HELP)]
    Reject {
        /// Number of the file, as `systole files` shows it
        #[arg(value_name = "ID", value_parser = talk::file_id)]
        id: u64,
        /// Why, for its sender and the audit trail
        #[arg(long, default_value = "", value_name = "TEXT")]
        why: String,
    },
    /// Bring a received file here (operator)
    #[command(after_help = talk::FETCH_HELP)]
    Fetch(FetchArgs),
    /// Print the present state and every change as JSON, one object a line, until interrupted
    Watch {
        /// Also a line each second for a host or a transfer of which only measured values changed
        #[arg(long)]
        metrics: bool,
    },
    /// List what operators did
    Audit {
        /// Only after this: a span such as 1h, or a time such as 2026-11-21T04:05:06Z
        #[arg(long, value_parser = when, value_name = "WHEN")]
        since: Option<When>,
    },
    /// Show how a metric of a host went
    #[command(after_help = history::HISTORY_HELP)]
    History(HistoryArgs),
    /// Write the history of many series, as CSV unless --json is given
    #[command(after_help = filter_help(HOST_FIELDS, history::EXPORT_HELP))]
    Export(ExportArgs),
    /// Show how much is stored of each host, or delete what is old
    #[command(after_help = history::STORAGE_HELP)]
    Storage(StorageArgs),
    /// Print every setting with its source
    CheckConfig {
        /// Also dial each daemon and say which of name, UDP, certificate, clock is wrong
        #[arg(long)]
        connect: bool,
        /// Print the commented default configuration file instead
        #[arg(long, conflicts_with = "connect")]
        default: bool,
    },
}

/// What `hosts` takes.
#[derive(Debug, Clone, Default, Args)]
pub struct HostsArgs {
    /// Which hosts; all without it
    #[arg(value_name = "FILTER")]
    pub filter: Vec<String>,
    /// Open the console, with this filter
    #[arg(long)]
    pub live: bool,
}

/// What `alerts` takes.
#[derive(Debug, Clone, Default, Args)]
pub struct AlertsArgs {
    /// Which alerts; all open ones without it
    #[arg(value_name = "FILTER")]
    pub filter: Vec<String>,
    /// Only in this state: pending, firing, settling, resolved, open (the first three) or all
    #[arg(long, value_parser = states, value_name = "STATE")]
    pub state: Option<States>,
    /// Only of this severity: warning or critical
    #[arg(long, value_parser = severity, value_name = "SEVERITY")]
    pub severity: Option<Severity>,
    /// Only of this host
    #[arg(long, value_name = "HOST")]
    pub host: Option<HostId>,
    /// Also resolved ones, that began or ended after this: a span such as 1h, or a time
    #[arg(long, value_parser = when, value_name = "WHEN")]
    pub since: Option<When>,
}

/// Which alerts an action means.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Targets {
    /// Numbers of alerts, as `systole alerts` shows them
    #[arg(value_name = "ID", value_parser = alert_id, num_args = 1..=IDS_MAX)]
    pub ids: Vec<AlertId>,
    /// All open alerts of this host
    #[arg(long, value_name = "HOST")]
    pub host: Option<HostId>,
}

/// States that `alerts` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum States {
    /// Every state.
    All,
    /// Every state but resolved.
    Open,
    /// This one.
    One(AlertState),
}

const FILTER_HELP: &str = "A filter is made of words (part of a name, a label or a state), comparisons with \
    = != > >= < <=, `and` or a space, `or`, `!` and ( ). Quote it for the shell:\n  \
    systole hosts 'web-* state=late'\n  systole hosts 'cpu>80 and (role=db or !state=online)'\n  \
    systole hosts 'disk[/var]>=90% age>5s'\n\
    A name that is no field is a label; label.NAME always is. Fields:";

const ALERT_FILTER_HELP: &str = "A filter works as in `systole hosts --help`; its words are also \
    looked for in the summary:\n  \
    systole alerts 'severity=critical host=web-*'\n  systole alerts --state resolved --since 24h\n\
    Fields:";

/// `head` and the fields of the filter language that are meant here.
fn filter_help(names: &[&str], head: &str) -> String {
    let meant = fields().iter().filter(|field| names.contains(&field.name));
    let lines: Vec<String> =
        meant.map(|field| format!("  {:10} {}", field.name, field.doc)).collect();
    format!("{head}\n{}", lines.join("\n"))
}

fn span(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "use a time such as 30m, 8h or 1h30m".to_owned())
}

fn when(text: &str) -> Result<When, String> {
    When::parse(text).ok_or_else(|| {
        "use a span such as 30m, 24h or 1y, or a time such as 2026-11-21, '2026-11-21 14:00' \
         or 2026-11-21T04:05:06Z"
            .to_owned()
    })
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(key, _)| !key.is_empty());
    let (key, value) = parts.ok_or_else(|| "use KEY=VALUE such as tls.ca=certs".to_owned())?;
    Ok((key.to_owned(), value.to_owned()))
}

fn alert_id(text: &str) -> Result<AlertId, String> {
    text.parse().map(AlertId).map_err(|_| "use the number that `systole alerts` shows".to_owned())
}

fn severity(text: &str) -> Result<Severity, String> {
    Severity::from_name(text).ok_or_else(|| one_of::<Severity>(""))
}

fn states(text: &str) -> Result<States, String> {
    match text {
        "all" => Ok(States::All),
        "open" => Ok(States::Open),
        _ => AlertState::from_name(text)
            .map(States::One)
            .ok_or_else(|| one_of::<AlertState>(", open, all")),
    }
}

fn one_of<T: Coded>(more: &str) -> String {
    let names: Vec<&str> = T::ALL.iter().map(|member| member.as_str()).collect();
    format!("use one of {}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use systole_common::time::UnixMs;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn actions_need_ids_or_a_host_and_not_both() {
        for good in ["systole ack 1 2 3", "systole ack --host web-1 --for 2h", "systole unack 7"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "systole ack",
            "systole resolve",
            "systole ack 1 --host web-1",
            "systole ack x",
            "systole ack 1 --for 2",
            "systole unack -1",
            "systole ack --host WEB_1",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let many: Vec<String> = (0..=IDS_MAX).map(|id| id.to_string()).collect();
        assert!(parse(&format!("systole ack {}", many.join(" "))).is_err());
    }

    #[test]
    fn times_and_states_are_read_as_people_write_them() {
        assert_eq!(when("1h"), Ok(When::Ago(Duration::from_hours(1))));
        assert_eq!(when("1970-01-01T00:00:01Z"), Ok(When::At(UnixMs(1_000))));
        assert!(when("yesterday").is_err());
        assert_eq!(states("open"), Ok(States::Open));
        assert_eq!(states("firing"), Ok(States::One(AlertState::Firing)));
        assert!(states("burning").unwrap_err().contains("pending"));
        assert!(severity("bad").unwrap_err().contains("critical"));
    }

    #[test]
    fn flags_override_settings_wherever_they_stand() {
        let cli = parse("systole hosts --daemon a=1.2.3.4:5 --json --daemon b=h:6 --set tls.ca=c")
            .unwrap();
        assert!(cli.common.json);
        let overrides = cli.common.overrides();
        let expected = [
            Override::new("--daemon", "daemons", "a=1.2.3.4:5,b=h:6"),
            Override::new("--set", "tls.ca", "c"),
        ];
        assert_eq!(overrides, expected);
    }
}
