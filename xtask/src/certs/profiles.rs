//! `profiles.toml`: who gets which certificate when no name is given on the command line.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use systole_common::ids::{FleetName, Identity};

use super::operator;

/// The file as it ships, used where a folder has none of its own.
const SHIPPED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../certs/profiles.toml"));

/// Who gets what.
#[derive(Debug)]
pub(super) struct Profiles {
    pub(super) fleet: FleetName,
    pub(super) days: u32,
    pub(super) holders: Vec<Identity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    fleet: String,
    days: u32,
    #[serde(default)]
    daemons: Vec<String>,
    #[serde(default)]
    agents: Vec<String>,
    #[serde(default)]
    operators: Vec<String>,
}

/// Reads `path`, or the shipped profiles if there is no such file.
pub(super) fn load(path: &Path) -> Result<Profiles> {
    match fs::read_to_string(path) {
        Ok(text) => parse(&text).with_context(|| path.display().to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => parse(SHIPPED),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

fn parse(text: &str) -> Result<Profiles> {
    let file: File = toml::from_str(text)?;
    let mut holders = Vec::new();
    for name in &file.daemons {
        holders.push(Identity::Daemon(name.parse()?));
    }
    for host in &file.agents {
        holders.push(Identity::Agent(host.parse()?));
    }
    for text in &file.operators {
        let (name, role) = operator(text)?;
        holders.push(Identity::Operator(role, name));
    }
    Ok(Profiles { fleet: file.fleet.parse()?, days: file.days, holders })
}

#[cfg(test)]
mod tests {
    use super::{SHIPPED, parse};

    #[test]
    fn the_shipped_profiles_give_each_kind_of_holder_a_certificate() {
        let profiles = parse(SHIPPED).unwrap();
        for kind in ["daemon", "agent", "operator"] {
            assert!(profiles.holders.iter().any(|holder| holder.kind() == kind), "{kind}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, named) in [
            ("fleet = 'f'\ndays = 1\nagent = ['a']", "agent"),
            ("fleet = 'f'\ndays = 1\nagents = ['A']", "\"A\""),
            ("fleet = 'f'\ndays = 1\noperators = ['a:root']", "root"),
            ("days = 1", "fleet"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(named), "{error}");
        }
    }
}
