//! How often samples are to be stored, as the daemons said last: kept over restarts.
//!
//! A small text file with a checksum, replaced as a whole and only when it changes. One that is lost
//! or damaged costs nothing but the agent's own interval, until a daemon is heard.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use systole_common::time::millis;
use systole_common::wire::limits::INTERVAL_MS_MIN;

use super::folder::write_whole;
use crate::limits::{SAMPLE_INTERVAL_DEFAULT, SAMPLE_INTERVAL_MAX, SPOOL_INTERVAL_BYTES_MAX};

/// The interval in force, and whether the file says so.
#[derive(Debug)]
pub(super) struct Remembered {
    folder: PathBuf,
    stored: Duration,
    is_changed: bool,
}

impl Remembered {
    /// Reads the file; the line says that it is damaged.
    pub(super) fn open(folder: &Path) -> (Self, Option<String>) {
        let path = path(folder);
        let (stored, loss) = match read(&path) {
            Ok(text) => match parse(&text) {
                Some(stored) => (stored, None),
                None => (SAMPLE_INTERVAL_DEFAULT, Some("is damaged".to_owned())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (SAMPLE_INTERVAL_DEFAULT, None)
            }
            Err(error) => (SAMPLE_INTERVAL_DEFAULT, Some(error.to_string())),
        };
        let loss = loss.map(|why| {
            let (path, seconds) = (path.display(), SAMPLE_INTERVAL_DEFAULT.as_secs());
            format!("{path}: {why}; a sample is stored each {seconds} s until a daemon is heard")
        });
        // What is damaged is written anew.
        let is_changed = loss.is_some();
        (Self { folder: folder.to_owned(), stored, is_changed }, loss)
    }

    /// Between stored samples.
    pub(super) fn stored(&self) -> Duration {
        self.stored
    }

    /// From now on that is between stored samples.
    pub(super) fn set_stored(&mut self, stored: Duration) {
        self.is_changed |= self.stored != stored;
        self.stored = stored;
    }

    /// Writes the file if something changed.
    pub(super) fn save(&mut self) -> io::Result<()> {
        if self.is_changed {
            let text = text(millis(self.stored));
            write_whole(&self.folder, &path(&self.folder), text.as_bytes())?;
            self.is_changed = false;
        }
        Ok(())
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("interval")
}

fn text(stored_ms: u64) -> String {
    let body = format!("stored_ms {stored_ms}\n");
    let sum = crc32fast::hash(body.as_bytes());
    format!("{body}{sum:08x}\n")
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(SPOOL_INTERVAL_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn parse(found: &str) -> Option<Duration> {
    let stored_ms: u64 = found.lines().next()?.strip_prefix("stored_ms ")?.parse().ok()?;
    let bounds = u64::from(INTERVAL_MS_MIN)..=millis(SAMPLE_INTERVAL_MAX);
    let is_good = found == text(stored_ms) && bounds.contains(&stored_ms);
    is_good.then(|| Duration::from_millis(stored_ms))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_the_daemons_said_last_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (mut fresh, loss) = Remembered::open(folder.path());
        assert_eq!((fresh.stored(), loss), (SAMPLE_INTERVAL_DEFAULT, None));
        fresh.set_stored(SAMPLE_INTERVAL_DEFAULT);
        fresh.save().unwrap();
        assert!(!path(folder.path()).exists(), "nothing changed, nothing is written");
        fresh.set_stored(SECOND);
        fresh.save().unwrap();
        let (mut again, loss) = Remembered::open(folder.path());
        assert_eq!((again.stored(), loss), (SECOND, None));
        fs::remove_file(path(folder.path())).unwrap();
        again.set_stored(SECOND);
        again.save().unwrap();
        assert!(!path(folder.path()).exists(), "written only when it changes");
    }

    #[test]
    fn a_damaged_file_gives_the_agents_own_interval_and_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let good = text(1000);
        let flipped = (0..good.len()).map(|at| {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= 1;
            String::from_utf8(bytes).unwrap()
        });
        let cut = (0..good.len()).map(|end| good[..end].to_owned());
        let absurd = [text(0), text(99), text(300_001), text(u64::MAX), good.repeat(20)];
        for found in flipped.chain(cut).chain(absurd) {
            fs::write(path(folder.path()), &found).unwrap();
            let (mut remembered, loss) = Remembered::open(folder.path());
            assert_eq!(remembered.stored(), SAMPLE_INTERVAL_DEFAULT, "{found:?}");
            assert!(loss.unwrap().contains("is damaged; a sample is stored each 5 s"));
            remembered.save().unwrap();
            assert_eq!(Remembered::open(folder.path()).1, None, "said once");
        }
    }
}
