//! The commands: one file for each. Here is what they share: settings, link, filter, the end.

mod actions;
mod alerts;
mod audit;
mod chat;
mod check_config;
mod decide;
mod document;
mod export;
mod fetch;
mod files;
mod history;
mod host;
mod hosts;
mod say;
mod storage;
mod watch;

use std::io::{IsTerminal, Write};

use clap::CommandFactory;
use systole_common::exit::Exit;
use systole_common::filter::Filter;

use crate::cli::{Cli, Command, Common, HostsArgs};
use crate::config::{Config, load_config};
use crate::error::ConsoleError;
use crate::shell::dial::Dialer;
use crate::shell::link::Link;
use crate::shell::output;

/// Runs a command and says on standard error why it ended otherwise than done.
pub async fn run(cli: Cli) -> Exit {
    match dispatch(cli).await {
        Ok(()) => Exit::Done,
        Err(error) => {
            for line in error.lines() {
                // A closed terminal has nobody to tell.
                let _ = writeln!(std::io::stderr(), "systole: {line}");
            }
            error.exit()
        }
    }
}

async fn dispatch(cli: Cli) -> Result<(), ConsoleError> {
    let common = cli.common;
    let Some(command) = cli.command else {
        return without_command(&common).await;
    };
    match command {
        Command::Hosts(args) => hosts::run(&common, &args).await,
        Command::Host { name } => host::run(&common, &name).await,
        Command::Retire { host } => actions::retire(&common, &host).await,
        Command::Alerts(args) => alerts::run(&common, &args).await,
        Command::Ack { targets, note, span } => actions::ack(&common, targets, note, span).await,
        Command::Unack { targets } => actions::unack(&common, targets).await,
        Command::Resolve { targets, note } => actions::resolve(&common, targets, note).await,
        Command::Say(args) => say::run(&common, &args).await,
        Command::Chat(args) => chat::run(&common, &args).await,
        Command::Files(args) => files::run(&common, &args).await,
        Command::Accept { id } => decide::accept(&common, id).await,
        Command::Reject { id, why } => decide::reject(&common, id, why).await,
        Command::Fetch(args) => fetch::run(&common, &args).await,
        Command::Watch { metrics } => watch::run(&common, metrics).await,
        Command::Audit { since } => audit::run(&common, since).await,
        Command::History(args) => history::run(&common, &args).await,
        Command::Export(args) => export::run(&common, &args).await,
        Command::Storage(args) => storage::run(&common, &args).await,
        Command::CheckConfig { connect, default } => {
            check_config::run(&common, connect, default).await
        }
    }
}

/// The live table on a terminal, else the usage.
async fn without_command(common: &Common) -> Result<(), ConsoleError> {
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if is_terminal && !common.json {
        let args = HostsArgs { live: true, ..HostsArgs::default() };
        return hosts::run(common, &args).await;
    }
    eprintln!("{}", Cli::command().render_usage());
    Err(ConsoleError::Usage("give a command, such as `hosts`; `systole --help` lists all"))
}

/// The settings of this process.
fn config(common: &Common) -> Result<Config, ConsoleError> {
    Ok(load_config(common.config.as_deref(), &common.overrides())?)
}

/// What is needed to dial.
fn dialer(common: &Common) -> Result<Dialer, ConsoleError> {
    Ok(Dialer::new(&config(common)?)?)
}

/// Talks to the first daemon that answers, and says goodbye whatever came of it: a daemon that is
/// left without one takes the console for alive for a while.
async fn talk<T>(
    common: &Common,
    ask: impl AsyncFnOnce(&Link) -> Result<T, ConsoleError>,
) -> Result<T, ConsoleError> {
    let link = dialer(common)?.dial().await?;
    let answer = ask(&link).await;
    link.farewell().await;
    answer
}

/// The filter of a command line, with its text.
fn filter(words: &[String]) -> Result<(Filter, String), ConsoleError> {
    let text = words.join(" ");
    Ok((text.parse()?, text))
}

/// Prints a sentence for people.
fn say(sentence: &str) -> Result<(), ConsoleError> {
    output::write(&format!("{sentence}\n")).map_err(ConsoleError::Output)
}
