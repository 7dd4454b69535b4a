//! Debian packages that tests need: what is missing is installed, or said aloud.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::tally::Tally;

/// Package and what does not run without it.
const PACKAGES: &[(&str, &str)] = &[
    ("python3-venv", "refusals of an independent QUIC client"),
    ("systemd", "checks of the systemd units"),
    ("iproute2", "links that lose or delay packets"),
    ("strace", "disks whose fsync fails"),
];

/// Installs what is missing; with `required`, what stays missing is a failure.
pub(super) fn install(required: bool) -> Result<Tally> {
    if !is_debian() {
        return Ok(say_missing("this is no Debian", PACKAGES, required));
    }
    let missing = missing()?;
    if missing.is_empty() {
        println!("nothing to install");
        return Ok(Tally::PASSED);
    }
    if !rustix::process::geteuid().is_root() {
        return Ok(say_missing("only root may install", &missing, required));
    }
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    println!("installing {}", names.join(" "));
    let installed = apt(&["update"])? && apt(&install_arguments(&names))?;
    if installed {
        return Ok(Tally::PASSED);
    }
    Ok(say_missing("apt-get failed", &missing, required))
}

fn install_arguments<'a>(names: &[&'a str]) -> Vec<&'a str> {
    [&["install", "--yes", "--no-install-recommends"], names].concat()
}

fn say_missing(why: &str, missing: &[(&str, &str)], required: bool) -> Tally {
    for (name, what) in missing {
        println!("not installed: {name} ({why}); without it these do not run: {what}");
    }
    if required { Tally::FAILED } else { Tally::SKIPPED }
}

fn is_debian() -> bool {
    Path::new("/usr/bin/apt-get").exists() && Path::new("/usr/bin/dpkg-query").exists()
}

fn missing() -> Result<Vec<(&'static str, &'static str)>> {
    let mut missing = Vec::new();
    for (name, what) in PACKAGES {
        let answer = Command::new("dpkg-query")
            .args(["-W", "-f", "${db:Status-Status}", name])
            .stdin(Stdio::null())
            .output()
            .context("cannot run dpkg-query")?;
        if answer.stdout != b"installed" {
            missing.push((*name, *what));
        }
    }
    Ok(missing)
}

fn apt(arguments: &[&str]) -> Result<bool> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .context("cannot run apt-get")?;
    Ok(status.success())
}
