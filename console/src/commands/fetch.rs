//! `systole fetch ID [--to PATH]`: a received file comes here, whole and checked, or not at all.

use std::io::{self, IsTerminal, Write};

use systole_common::model::file::FileState;
use systole_common::time::Mono;
use systole_common::wire::file::{Fetch, FileRecord, FilesQuery};

use super::{say, talk};
use crate::cli::{Common, FetchArgs};
use crate::error::ConsoleError;
use crate::json::FetchedJson;
use crate::limits::{PROGRESS_AFTER, PROGRESS_EVERY};
use crate::shell::link::Link;
use crate::shell::saving::{Partial, SaveError, target};
use crate::shell::signals::Ending;
use crate::shell::{clock, output};
use crate::tables::{files, phrase};

pub(super) async fn run(common: &Common, args: &FetchArgs) -> Result<(), ConsoleError> {
    let mut ending = Ending::listen().map_err(ConsoleError::Output)?;
    let (record, path) = tokio::select! {
        fetched = talk(common, async |link| fetch(link, args).await) => fetched?,
        // What was begun is dropped here, and with it its temporary file.
        () = ending.wait() => return Err(SaveError::Interrupted.into()),
    };
    let path = path.display().to_string();
    if common.json {
        return output::json(&[FetchedJson::new(&record, path)]).map_err(ConsoleError::Output);
    }
    let what = files::sentence(&record);
    say(&format!("fetched {what}, its BLAKE3 is right: {}", systole_common::text::scrub(&path)))
}

async fn fetch(
    link: &Link,
    args: &FetchArgs,
) -> Result<(FileRecord, std::path::PathBuf), ConsoleError> {
    // Asked for first: a fetch is written in the trail, and one that cannot be saved is none.
    let query = FilesQuery { file: Some(args.id), count_max: 1, ..FilesQuery::default() };
    let known = link.ask(&query).await?.files().await?.pop();
    if let Some(known) = known.filter(|known| known.state == FileState::Verified.into()) {
        drop(Partial::begin(target(args.to.as_deref(), &known)?, &known)?);
    }
    let mut reply = link.ask(&Fetch { file: args.id }).await?;
    let record = reply.file().await?;
    let mut partial = Partial::begin(target(args.to.as_deref(), &record)?, &record)?;
    let mut progress = Progress::begin(record.size_bytes);
    while let Some(piece) = reply.file_piece().await? {
        partial.append(&piece)?;
        progress.tell(partial.written_bytes(), clock::now().mono);
    }
    drop(progress);
    Ok((record, partial.finish()?))
}

/// Says on standard error how far a fetch is, once it takes a while: on a terminal in one line that
/// changes, else in a line each tenth.
struct Progress {
    size_bytes: u64,
    begun: Mono,
    told: Mono,
    tenths: u64,
    is_terminal: bool,
    /// Whether a line on the terminal has no end yet.
    is_open: bool,
}

impl Progress {
    fn begin(size_bytes: u64) -> Self {
        let begun = clock::now().mono;
        let is_terminal = io::stderr().is_terminal();
        Self { size_bytes, begun, told: begun, tenths: 0, is_terminal, is_open: false }
    }

    fn tell(&mut self, here_bytes: u64, now: Mono) {
        if now.since(self.begun) < PROGRESS_AFTER {
            return;
        }
        let tenths = here_bytes.saturating_mul(10) / self.size_bytes.max(1);
        let is_due = if self.is_terminal {
            now.since(self.told) >= PROGRESS_EVERY
        } else {
            tenths > self.tenths
        };
        if !is_due {
            return;
        }
        (self.told, self.tenths) = (now, tenths);
        let line = line(here_bytes, self.size_bytes, now.since(self.begun));
        // Nobody to tell is no reason to stop.
        let _ = if self.is_terminal {
            self.is_open = true;
            write!(io::stderr(), "\r{line}\x1b[K")
        } else {
            writeln!(io::stderr(), "{line}")
        };
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_open {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// ` 41%  512 MiB of 1.2 GiB  82 MiB/s  9.1 s left`.
fn line(here_bytes: u64, size_bytes: u64, span: std::time::Duration) -> String {
    let percent = here_bytes.saturating_mul(100) / size_bytes.max(1);
    let (here, size) = (here_bytes as f64, size_bytes as f64);
    let speed = here / span.as_secs_f64().max(f64::MIN_POSITIVE);
    let left = std::time::Duration::try_from_secs_f64((size - here).max(0.0) / speed.max(1.0));
    let left = left.map(|left| format!("  {} left", phrase::span(left))).unwrap_or_default();
    let (here, size, speed) = (phrase::bytes(here), phrase::bytes(size), phrase::rate(speed));
    format!("{percent:3}%  {here} of {size}  {speed}{left}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn progress_says_how_far_how_fast_and_how_long() {
        let mib = 1024 * 1024;
        assert_eq!(
            line(40 * mib, 100 * mib, Duration::from_secs(4)),
            " 40%  40 MiB of 100 MiB  10 MiB/s  6.0 s left"
        );
        assert_eq!(line(0, 0, Duration::from_secs(1)), "  0%  0 B of 0 B  0 B/s  0.0 s left");
    }
}
