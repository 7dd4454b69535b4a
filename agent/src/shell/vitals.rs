//! Reads the kernel's running totals of stall and stolen time, each from a file that stays open.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::engine::vitals::{Totals, Vitals, parse_pressure, parse_steal};

/// Bytes read of each file; what matters is in its first lines.
const HEAD_BYTES: usize = 512;
/// Unit of `/proc/stat`: the kernel shows its users 100 ticks a second, whatever it uses inside.
const TICKS_PER_SECOND: u64 = 100;

/// The open files and what they said last.
#[derive(Debug)]
pub struct VitalSigns {
    cpu: Option<File>,
    memory: Option<File>,
    io: Option<File>,
    stat: Option<File>,
    before: Totals,
}

impl VitalSigns {
    /// Opens what this kernel has.
    pub fn open() -> Self {
        let open = |path: &str| File::open(path).ok();
        let mut signs = Self {
            cpu: open("/proc/pressure/cpu"),
            memory: open("/proc/pressure/memory"),
            io: open("/proc/pressure/io"),
            stat: open("/proc/stat"),
            before: Totals::default(),
        };
        signs.before = signs.totals();
        signs
    }

    /// What grew since the last call.
    pub fn read(&mut self) -> Vitals {
        let totals = self.totals();
        let vitals = totals.since(&self.before);
        self.before = totals;
        vitals
    }

    fn totals(&self) -> Totals {
        let pressure =
            |file: &Option<File>| head(file.as_ref(), parse_pressure).unwrap_or_default();
        let steal = |text: &str| parse_steal(text, TICKS_PER_SECOND);
        Totals {
            cpu_us: pressure(&self.cpu),
            memory_us: pressure(&self.memory),
            io_us: pressure(&self.io),
            steal_us: head(self.stat.as_ref(), steal).flatten(),
        }
    }
}

fn head<T>(file: Option<&File>, parse: impl Fn(&str) -> T) -> Option<T> {
    let mut bytes = [0; HEAD_BYTES];
    let read = file?.read_at(&mut bytes, 0).ok()?;
    let text = std::str::from_utf8(bytes.get(..read)?).ok()?;
    Some(parse(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_is_read() {
        let mut signs = VitalSigns::open();
        let totals = signs.totals();
        assert!(totals.steal_us.is_some());
        let has_pressure = std::fs::read_to_string("/proc/pressure/cpu").is_ok();
        assert_eq!(totals.cpu_us.iter().any(Option::is_some), has_pressure);
        let _ = signs.read();
        assert!(signs.before.steal_us >= totals.steal_us);
    }
}
