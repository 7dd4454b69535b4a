//! systoled, the program: reads its command line, runs, says in one line what went wrong, ends with its code.

use systole_common::exit::Exit;
use systole_daemon::cli::Cli;

fn main() -> Exit {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    match systole_daemon::shell::main(&cli) {
        Ok(()) => Exit::Done,
        Err(error) => {
            for line in error.to_string().lines() {
                eprintln!("systoled: {line}");
            }
            error.exit()
        }
    }
}
