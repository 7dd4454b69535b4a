//! The shell: sockets, files, signals, tasks. It does what the engine decides and decides nothing of hosts.
//!
//! | file | what it does |
//! |---|---|
//! | `start`, `stop` | from a command line to a running daemon, and in order back again |
//! | `engine_loop`, `perform` | the one task that owns the engine; does what it asks for |
//! | `listener`, `addresses`, `handshake` | lets connections in |
//! | `agent_link`, `agent_streams` | one agent's connection |
//! | `console_link`, `requests`, `replies`, `feed_queue` | one operator's connection |
//! | `messages` | what is said between a host and the operators |
//! | `files` | where received files go, and their bytes |
//! | `samples` | what the ids and values of a metrics stream mean |
//! | `store` | `state.db` and its writer thread |
//! | `metrics`, `receipts` | the metric store: log, `metrics.db`, history; who is told what is safe |
//! | `metric_queue` | the way to its writer: live slots first |
//! | `folder`, `keys`, `credentials`, `settings_source` | what a start needs from the disk |
//! | `reload`, `signals`, `watchdog` | SIGHUP, SIGTERM, systemd |
//! | `http`, `exposition`, `counters`, `lag`, `health_report` | what is shown of the daemon itself |

mod addresses;
mod agent_link;
mod agent_streams;
mod breach;
mod bucket;
mod check;
mod clock;
mod console_link;
mod context;
mod counters;
mod credentials;
mod engine_loop;
mod exposition;
mod feed_queue;
mod files;
mod folder;
mod handshake;
mod health_report;
mod http;
mod keys;
mod lag;
mod listener;
mod messages;
mod metric_queue;
pub mod metrics;
mod peers;
mod perform;
mod receipts;
mod reload;
mod replies;
mod requests;
mod samples;
mod settings_source;
mod signals;
mod start;
mod stop;
pub mod store;
mod watchdog;

#[cfg(test)]
mod tests;

use rustix::fs::Mode;
use systole_common::telemetry::{self, Format};

use crate::cli::{Cli, Command};
use crate::error::DaemonError;

/// Does what the command line asks for, until it is done.
pub fn main(cli: &Cli) -> Result<(), DaemonError> {
    // Whatever is made from here on is nobody else's to read.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    match cli.command() {
        Command::CheckConfig { connect, flags } => check::run(&flags, connect),
        Command::Run(flags) => {
            let loaded = settings_source::read(&flags)?;
            let format = Format::from_name(&loaded.config.log_format).unwrap_or_default();
            let telemetry = telemetry::start("systoled", format, &loaded.config.log_level)?;
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .map_err(|source| DaemonError::Thread { what: "the runtime", source })?;
            let result = runtime.block_on(start::run(flags, loaded, Some(telemetry)));
            // Nothing that is still running may hold up the end.
            runtime.shutdown_background();
            result
        }
    }
}
