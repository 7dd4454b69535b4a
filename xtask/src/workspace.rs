//! Where the checkout lies and how its cargo is called.
//! It owns the hygiene of nested cargo calls; it knows nothing of the tasks that make them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The one profile that end to end tests, the demo and the suites are built in.
pub const PROFILE: &str = "checked";

/// The folder that holds the workspace's `Cargo.toml`.
///
/// Cargo says where the xtask package lies when it runs it; started by hand,
/// the folders above the working directory are searched.
pub fn root() -> Result<PathBuf> {
    let start = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => env::current_dir().context("cannot tell the working directory")?,
    };
    for folder in start.ancestors() {
        let manifest = folder.join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).unwrap_or_default();
        if text.lines().any(|line| line.trim() == "[workspace]") {
            return Ok(folder.to_path_buf());
        }
    }
    bail!("no workspace above {}; run this inside the checkout", start.display())
}

/// A cargo command in the workspace, without standard input.
///
/// The variables that `cargo run` sets for xtask itself are taken out: build
/// scripts watch some of them and would otherwise build everything anew.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let own = name.to_string_lossy();
        if OF_ONE_PACKAGE.iter().any(|prefix| own.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command.current_dir(root).stdin(Stdio::null());
    command
}

/// What cargo tells one package about itself.
const OF_ONE_PACKAGE: &[&str] =
    &["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
