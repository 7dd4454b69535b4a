//! Facts about this host and this start: boot id, system name, random numbers, the user's folders.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};
use sysinfo::System;
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

/// The system's name and kernel for people, as in "Debian GNU/Linux 12, kernel 6.1.0".
pub fn os_name() -> String {
    let name = System::name().unwrap_or_else(|_| "Linux".to_owned());
    let with = |before: &str, part: Result<String, _>| {
        part.map_or_else(|_: sysinfo::Error| String::new(), |part| format!("{before}{part}"))
    };
    let version = with(" ", System::os_version());
    let kernel = with(", kernel ", System::kernel_version());
    fact(&format!("{name}{version}{kernel}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_has_a_name_that_fits_a_hello() {
        assert!(os_name().contains("kernel"), "{}", os_name());
        assert!(fact(&"ä".repeat(500)).len() <= FACT_BYTES_MAX);
    }

    #[test]
    fn every_start_has_numbers_of_its_own() {
        assert_ne!(random().unwrap(), random().unwrap());
        assert_ne!(boot_id(), BootId::default());
    }
}
