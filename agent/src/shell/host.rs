//! Facts about this host and this start: boot id, system name, random numbers, the user's folders.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};
use systole_common::config::Settings;
use systole_common::ids::BootId;
use systole_common::text::scrub_to;
use systole_common::wire::limits::FACT_BYTES_MAX;

use crate::config::Place;
use crate::limits::SYSTEM_FILE_BYTES_MAX;

/// The system gives no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers; check /dev/urandom")]
pub struct NoRandom;

/// A random number, for instances, epochs and the engine's seed. Never 0.
pub fn random() -> Result<u64, NoRandom> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(u64::from_le_bytes(bytes).max(1))
}

/// The kernel's id of this boot; all zero where there is none.
pub fn boot_id() -> BootId {
    text_of(Path::new("/proc/sys/kernel/random/boot_id"))
        .map(|text| BootId::parse(&text))
        .unwrap_or_default()
}

/// The system's name for people, from os-release.
pub fn os_name() -> String {
    let files = ["/etc/os-release", "/usr/lib/os-release"];
    let text = files.iter().find_map(|path| text_of(Path::new(path)).ok());
    let name = text.as_deref().and_then(pretty_name).unwrap_or_else(|| "Linux".to_owned());
    fact(&name)
}

/// Who runs the program and where that user's folders are.
pub fn place(settings: Option<&Settings>) -> Place {
    let folder =
        |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let file = settings.and_then(Settings::file);
    let is_system = rustix::process::geteuid().is_root()
        || file.is_some_and(|file| file.starts_with("/etc/systole"));
    let state = || folder("HOME").map(|home| home.join(".local/state"));
    Place {
        is_system,
        runtime_folder: folder("XDG_RUNTIME_DIR"),
        state_folder: folder("XDG_STATE_HOME").or_else(state),
    }
}

/// The contents of a small file, bounded.
pub fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(SYSTEM_FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// A text that fits into a hello: safe, and cut at the end of a character.
fn fact(text: &str) -> String {
    let safe = scrub_to(text, FACT_BYTES_MAX).into_owned();
    let end = (0..=FACT_BYTES_MAX.min(safe.len())).rev().find(|at| safe.is_char_boundary(*at));
    safe.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}

fn pretty_name(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    let name = line.trim().trim_matches(['"', '\'']);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_name_is_the_pretty_one() {
        let text = "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
        assert_eq!(pretty_name(text).as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
        assert_eq!(pretty_name("PRETTY_NAME=Alpine\n").as_deref(), Some("Alpine"));
        assert_eq!(pretty_name("NAME=x\n"), None);
        assert!(fact(&"ä".repeat(500)).len() <= FACT_BYTES_MAX);
    }

    #[test]
    fn every_start_has_numbers_of_its_own() {
        assert_ne!(random().unwrap(), random().unwrap());
        assert_ne!(boot_id(), BootId::default());
    }
}
