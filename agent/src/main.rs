//! systole-agent: heartbeats and metrics of one host. All of it is in the library.

use systole_common::exit::Exit;

fn main() -> Exit {
    systole_agent::cli::main()
}
