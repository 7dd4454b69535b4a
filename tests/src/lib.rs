//! The language in which the tests end to end are written: real programs, driven as their users do.
//!
//! * [`scene`]: a daemon, agents and consoles in a folder of their own, which go away with it.
//! * [`ending`]: what a program that ended has said, and how it ended.
//! * [`watch`]: a running `systole watch`, read as it prints.
//! * [`journal`] and [`scrape`]: a program's log, and `/metrics`.
//! * [`rogue`]: an agent with a valid certificate that says whatever a test wants.
//! * [`fleet`]: thousands of simulated agents in one process.
//! * [`pty`]: a program on a terminal, with keys and an emulator's screen.
//! * [`relay`]: a link that cuts, delays, loses, doubles and reorders.
//! * [`ledger`]: what agents spooled and were told is safe, against what the store answers.
//! * [`kept`]: scenes whose agents keep a ledger.
//! * [`container`]: a Debian with systemd as its first process.
//! * [`disk`]: a small file system that can be full or read-only.
//! * [`failing_disk`]: one whose fsyncs fail.
//! * [`machine`]: what the kernel says of this machine and its processes.
//! * [`foreigner`]: an independent QUIC client that holds any certificate.
//!
//! Nothing here knows what is right; that stands in the tests. Limits of time guard against hanging
//! only and are far above anything that a contract promises.

pub mod container;
pub mod dialogue;
pub mod disk;
pub mod ending;
pub mod failing_disk;
pub mod fleet;
pub mod foreigner;
pub mod journal;
pub mod kept;
pub mod ledger;
pub mod machine;
pub mod pty;
pub mod relay;
pub mod rogue;
pub mod scene;
pub mod scrape;
pub mod smuggler;
pub mod watch;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Nothing that a test waits for takes longer than this, unless it is broken.
pub const PATIENCE: Duration = Duration::from_secs(40);
/// How often a test looks whether what it waits for has come.
pub const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until `look` finds something. What is not there after `limit` is missing.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look().with_context(|| format!("while waiting for {what}"))? {
            return Ok(found);
        }
        if Instant::now() >= end {
            bail!("{what}: nothing of it within {} s", limit.as_secs());
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// The folder of the built programs: that of this program or the one above it.
pub fn programs_folder() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.ancestors().skip(1).take(2).find(|folder| folder.join("xtask").exists());
    folder.map(Path::to_path_buf).with_context(|| {
        format!("no xtask near {}; `cargo build --profile checked -p xtask`", own.display())
    })
}
