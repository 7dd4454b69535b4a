//! The program `systole`: reads the command line, runs the command, ends with the contract's code.

use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::Parser;
use systole_common::exit::Exit;
use systole_console::cli::Cli;
use systole_console::commands;

fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            let exit = if usage.use_stderr() { Exit::Usage } else { Exit::Done };
            // A closed output has nobody to tell.
            let _ = usage.print();
            return exit;
        }
    };
    catch_unwind(AssertUnwindSafe(|| run(cli))).unwrap_or(Exit::Bug)
}

fn run(cli: Cli) -> Exit {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("systole: cannot start: {error}");
            return Exit::Failed;
        }
    };
    let end = runtime.block_on(commands::run(cli));
    runtime.shutdown_background();
    end
}
