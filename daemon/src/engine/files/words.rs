//! The sentences that people read about files: reasons, lines of chat and trail. Pure wording.

use std::time::Duration;

use systole_common::ids::HostId;
use systole_common::model::file::FileState;
use systole_common::text::{scrub, scrub_to};
use systole_common::time::UnixMs;

use super::super::settings::FileSettings;
use super::super::state::FileRow;
use super::super::summary;
use super::book::File;

/// Who decides on files that are small enough.
pub(super) const POLICY: &str = "policy";
/// Cells of a name in a line of chat or trail; the whole name is in the file's record.
const NAME_CELLS_MAX: usize = 80;

/// `1.2 GiB`: always one decimal from KiB on.
pub fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] =
        [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
        None => format!("{bytes} B"),
    }
}

/// One line that is safe to show, of at most so many bytes.
pub(super) fn line(text: &str, bytes_max: usize) -> String {
    cut(&scrub(text), bytes_max)
}

/// The beginning of a text, of at most so many bytes.
pub(super) fn cut(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}

/// A name, short enough for a sentence.
pub(super) fn name(row: &FileRow) -> String {
    scrub_to(&row.name, NAME_CELLS_MAX).into_owned()
}

/// What a line of the trail is about.
pub(super) fn target(row: &FileRow) -> String {
    format!("file {} of {}: {} ({})", row.id, row.host, name(row), size(row.size_bytes))
}

/// The line of chat about what became of a file.
pub(super) fn chat(row: &FileRow) -> String {
    let name = name(row);
    match row.state {
        FileState::Accepted => format!("accepted {name} ({})", size(row.size_bytes)),
        FileState::Verified => match &row.placed {
            Some(placed) if *placed != row.name => {
                format!("verified {name}, saved as {}", scrub_to(placed, NAME_CELLS_MAX))
            }
            Some(_) | None => format!("verified {name}"),
        },
        state if row.reason.is_empty() => format!("{state} {name}"),
        state => format!("{state} {name}: {}", row.reason),
    }
}

/// A file is larger than any that is taken.
pub(super) fn too_large(bytes: u64, settings: &FileSettings) -> String {
    let (given, most) = (size(bytes), size(settings.size_max_bytes));
    let (given, most) = if given == most {
        (format!("{bytes} bytes"), format!("{} bytes", settings.size_max_bytes))
    } else {
        (given, most)
    };
    format!("too large: {given}, at most {most} are taken (files.max_size)")
}

/// A host has as many open offers as one may have.
pub(super) fn too_many_of_host(host: &HostId, count: usize) -> String {
    format!("too many: {host} has {count} open offers; wait for decisions, or end some of them")
}

/// All hosts together have as many open offers as may be.
pub(super) fn too_many(count: usize) -> String {
    format!("too many: this daemon has {count} open offers; try again later")
}

/// More offers of a host are refused than are written down.
pub(super) fn refusals_unwritten(host: &HostId, window: Duration) -> String {
    format!("{host}: further refused offers are not written down for {}", summary::span(window))
}

/// An offer came while nothing can be written down.
pub(super) const STORE_REFUSING: &str =
    "the daemon's disk takes no writes, so nothing can be decided; offer it again later";
/// An operator decided while nothing can be written down.
pub(super) const NOTHING_CHANGED: &str = "the daemon's disk takes no writes, so nothing was changed; \
    free space in its state folder and try again";
/// An offer is repeated that is over for so long that the book does not have it at hand.
pub(super) const OVER_LONG_AGO: &str =
    "this offer is over; `systole files` on the daemon says what became of it";
/// The host of a file was retired.
pub(super) const RETIRED: &str = "the host was retired";
/// A stream opened that takes the place of another.
pub(super) const REPLACED: &str = "a newer stream for this file took its place";
/// A sender took its offer back without a word.
pub(super) const WITHDRAWN: &str = "its sender ended it";

/// A stream was opened for a file that is not the host's to send.
pub(super) fn not_offered(id: u64) -> String {
    format!("no file of this host has the number {id}; offer it first")
}

/// Nobody decided in time.
pub(super) fn undecided(ttl: Duration) -> String {
    format!("nobody decided within {}", rounded(ttl))
}

/// No byte came for long.
pub(super) fn stalled(ttl: Duration) -> String {
    format!("the transfer did not go on for {}", rounded(ttl))
}

/// Why policy takes a file.
pub(super) fn by_policy(settings: &FileSettings) -> String {
    let most = size(settings.auto_accept_max_bytes);
    format!("by policy: up to {most} needs no operator (files.auto_accept_max)")
}

/// Nobody knows such a file.
pub(super) fn no_such_file(id: u64) -> String {
    format!("no file has the number {id}; `systole files` lists them")
}

/// A file is over for so long that the book does not have it at hand.
pub(super) fn over_already(id: u64) -> String {
    format!("file {id} is over already; `systole files` says what became of it")
}

/// Somebody decides on it at this moment.
pub(super) fn being_accepted(id: u64, by: &str) -> String {
    format!("file {id} is being accepted by {by} at this moment")
}

/// Why a file can no longer be decided on.
pub(super) fn decided(file: &File, now: UnixMs) -> String {
    let FileRow { id, reason, .. } = &file.row;
    let by = file.row.decided_by.as_deref().unwrap_or("somebody");
    let ago = |at: Option<UnixMs>| at.map(|at| ago(now.since(at))).unwrap_or_default();
    let accepted = ago(file.accepted_at);
    let finished = ago(file.row.finished_at);
    match file.row.state {
        FileState::Offered => format!("file {id} waits for a decision"),
        FileState::Accepted | FileState::Receiving => {
            format!("file {id} was accepted by {by}{accepted}")
        }
        FileState::Verified => format!("file {id} was accepted by {by} and saved{finished}"),
        FileState::Rejected => format!("file {id} was rejected by {by}{finished}"),
        FileState::Failed => format!("file {id} failed{finished}: {reason}"),
        FileState::Expired => format!("file {id} expired{finished}: {reason}"),
        FileState::Withdrawn => format!("file {id} was withdrawn{finished}: {reason}"),
    }
}

/// A file cannot be fetched where it is now.
pub(super) fn not_fetched(row: &FileRow) -> String {
    let FileRow { id, state, .. } = row;
    if state.is_open() {
        return format!("file {id} is {state}; it can be fetched once it is verified");
    }
    format!("file {id} is {state}; there is nothing to fetch")
}

/// ` 3 s ago`.
fn ago(span: Duration) -> String {
    format!(" {} ago", rounded(span))
}

/// Like [`summary::span`], without a fraction of seconds, and hours up to two days.
fn rounded(span: Duration) -> String {
    if span.as_secs() < 120 {
        return format!("{} s", span.as_secs());
    }
    let minutes = span.as_secs() / 60;
    if minutes >= 60 && minutes.is_multiple_of(60) && minutes <= 48 * 60 {
        return format!("{} h", minutes / 60);
    }
    summary::span(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_decimal() {
        let cases = [
            (0, "0 B"),
            (1_023, "1023 B"),
            (40 << 10, "40.0 KiB"),
            (41 << 10, "41.0 KiB"),
            (1_288_490_189, "1.2 GiB"),
            (u64::MAX, "16777216.0 TiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn a_byte_too_many_can_be_told() {
        let settings = FileSettings::default();
        let text = "too large: 1073741825 bytes, at most 1073741824 bytes are taken \
                    (files.max_size)";
        assert_eq!(too_large((1 << 30) + 1, &settings), text);
        let small = FileSettings { size_max_bytes: 40 << 10, ..settings };
        let text = "too large: 41.0 KiB, at most 40.0 KiB are taken (files.max_size)";
        assert_eq!(too_large(41 << 10, &small), text);
    }

    #[test]
    fn spans_are_whole() {
        let cases = [(0, "0 s"), (3, "3 s"), (180, "3 min"), (3_600, "1 h"), (86_400, "24 h")];
        for (seconds, text) in cases {
            assert_eq!(rounded(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn lines_are_cut_between_characters() {
        assert_eq!(line("a\u{1b}b", 99), "a\\x1bb");
        assert_eq!(line("éé", 3), "é");
    }
}
