//! Offered and received files as a table.

use std::time::Duration;

use systole_common::model::coded::Growing;
use systole_common::model::file::FileState;
use systole_common::text::{CUT, cells, scrub, scrub_to};
use systole_common::time::UnixMs;
use systole_common::wire::file::FileRecord;

use super::phrase;
use super::table::{Cell, Column, Table};
use crate::tone::Tone;

/// Cells of a name, at least and at most; and its share of the line where that is between them.
const NAME_CELLS: (usize, usize) = (16, 60);
const NAME_SHARE: usize = 4;
/// A longer ending is no extension.
const EXTENSION_CELLS_MAX: usize = 12;

const COLUMNS: &[Column] = &[
    Column::numbers("ID", 0),
    Column::words("STATE", 0),
    Column::words("HOST", 3).cut_to(12),
    Column::words("NAME", 0),
    Column::numbers("SIZE", 0),
    Column::numbers("PROGRESS", 4),
    Column::words("BY", 5).cut_to(10),
    Column::numbers("AGE", 2),
    Column::words("REASON", 1).cut_to(12),
];

/// A table of `files` in their order, for lines of at most `cells_max` cells.
pub fn table(files: &[FileRecord], now: UnixMs, cells_max: Option<usize>) -> Table {
    let (least, most) = NAME_CELLS;
    let name_cells = cells_max.map_or(most, |cells| (cells / NAME_SHARE).clamp(least, most));
    let mut table = Table::new(COLUMNS);
    for file in files {
        table.row(vec![
            Cell::plain(&file.id.to_string()),
            Cell::new(&file.state.to_string(), tone(file)),
            Cell::plain(&file.host),
            Cell::plain(&short_name(&file.name, name_cells)),
            Cell::plain(&phrase::bytes(file.size_bytes as f64)),
            Cell::plain(&progress(file)),
            Cell::known(file.decided_by.as_deref()),
            Cell::plain(&phrase::span(now.since(file.offered_at))),
            Cell::plain(&reason(file, now)),
        ]);
    }
    table
}

/// A name that is safe to show and takes at most `cells_max` cells. What is cut is before its extension:
/// a file never looks like one of another kind.
pub fn short_name(name: &str, cells_max: usize) -> String {
    let name = scrub(name);
    if cells(&name) <= cells_max {
        return name.into_owned();
    }
    let end = name.rfind('.').and_then(|at| name.get(at..)).unwrap_or_default();
    let end_cells = cells(end);
    if end_cells == 0 || end_cells > EXTENSION_CELLS_MAX || end_cells + 2 > cells_max {
        return scrub_to(&name, cells_max).into_owned();
    }
    let head = name.strip_suffix(end).unwrap_or_default();
    let mut head = scrub_to(head, cells_max - end_cells).into_owned();
    if !head.ends_with(CUT) {
        head.push(CUT);
    }
    head + end
}

/// `core.dump.zst (1.2 GiB) of web-1`.
pub fn sentence(file: &FileRecord) -> String {
    let size = phrase::bytes(file.size_bytes as f64);
    format!("{} ({size}) of {}", short_name(&file.name, NAME_CELLS.1), scrub(&file.host))
}

/// The share of its bytes that came, once any can.
fn progress(file: &FileRecord) -> String {
    match file.state {
        Growing::Known(FileState::Verified) => "100%".to_owned(),
        Growing::Known(FileState::Accepted | FileState::Receiving | FileState::Failed) => {
            let size = file.size_bytes.max(1);
            // Cut, not rounded: 100% is whole.
            format!("{}%", u128::from(file.received_bytes.min(size)) * 100 / u128::from(size))
        }
        Growing::Known(
            FileState::Offered | FileState::Rejected | FileState::Expired | FileState::Withdrawn,
        )
        | Growing::Unknown(_) => "-".to_owned(),
    }
}

/// Why it is as it is; of an offer how long it waits yet.
fn reason(file: &FileRecord, now: UnixMs) -> String {
    let is_offered = file.state == FileState::Offered.into();
    if !is_offered || !file.reason.is_empty() {
        return file.reason.clone();
    }
    let left = file.expires_at.since(now);
    if left > Duration::ZERO {
        format!("expires in {}", phrase::span(left))
    } else {
        "expires now".to_owned()
    }
}

fn tone(file: &FileRecord) -> Tone {
    match file.state {
        Growing::Known(FileState::Offered) => Tone::Warning,
        Growing::Known(FileState::Verified) => Tone::Good,
        Growing::Known(FileState::Failed) => Tone::Bad,
        Growing::Known(FileState::Rejected | FileState::Expired | FileState::Withdrawn) => {
            Tone::Quiet
        }
        Growing::Known(FileState::Accepted | FileState::Receiving) | Growing::Unknown(_) => {
            Tone::Plain
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Line;
    use super::*;
    use crate::testing::{WALL, file};

    fn lines(files: &[FileRecord], cells_max: Option<usize>) -> Vec<String> {
        table(files, WALL, cells_max).lines(cells_max).iter().map(Line::plain).collect()
    }

    #[test]
    fn every_state_has_its_word_and_its_progress() {
        let mut coming = file(13, FileState::Receiving);
        coming.received_bytes = coming.size_bytes - 1;
        let mut failed = file(11, FileState::Failed);
        failed.reason = "the file changed while it was sent".to_owned();
        let files = [file(12, FileState::Offered), coming, failed, file(10, FileState::Verified)];
        let expected = [
            " ID  STATE      HOST   NAME              SIZE  PROGRESS  BY    AGE  REASON",
            " 12  offered    web-1  core.dump.zst  1.2 GiB         -  -   7.0 s  expires in 59 min",
            " 13  receiving  web-1  core.dump.zst  1.2 GiB       99%  bo  7.0 s",
            " 11  failed     web-1  core.dump.zst  1.2 GiB        0%  bo  7.0 s  \
             the file changed while it was sent",
            " 10  verified   web-1  core.dump.zst  1.2 GiB      100%  bo  7.0 s",
        ];
        assert_eq!(lines(&files, None), expected);
    }

    #[test]
    fn a_name_keeps_its_extension_and_shows_what_hides_in_it() {
        assert_eq!(short_name("core.dump.zst", 20), "core.dump.zst");
        assert_eq!(
            short_name("a-quite-long-report-of-november.pdf.exe", 20),
            "a-quite-long-re….exe"
        );
        assert_eq!(short_name("x\u{202e}fdp.exe", 40), "x\\u{202e}fdp.exe");
        assert_eq!(
            short_name(&format!("{}.exe", "\u{202e}".repeat(30)), 16).chars().last(),
            Some('e')
        );
        let long = format!("a.{}", "b".repeat(80));
        assert_eq!(cells(&short_name(&long, 20)), 20);
        for width in 0..40 {
            assert!(cells(&short_name("数据库数据库数据库数据库数据库.tar", width)) <= width);
        }
    }

    #[test]
    fn a_narrow_terminal_keeps_number_state_name_and_size() {
        let mut one = file(12, FileState::Offered);
        one.name = "a-quite-long-report-of-november.pdf.exe".to_owned();
        let lines = lines(&[one], Some(50));
        assert!(lines.iter().all(|line| cells(line) <= 50), "{lines:?}");
        assert!(
            lines[1].contains("12  offered") && lines[1].contains("….exe  1.2 GiB"),
            "{lines:?}"
        );
    }
}
