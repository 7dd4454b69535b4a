//! Messages as lines: when, who, to whom, what, and how far it has come.

use systole_common::text::{Lines, scrub, scrub_lines};
use systole_common::time::UnixMs;
use systole_common::wire::talk::MessageRecord;

use super::line::Line;
use crate::tone::Tone;

/// Cells before the further lines of a text.
const INDENT: &str = "         ";

/// The lines of a message, read at `now`: the date is there where it is not today's. No line is cut.
pub fn lines(record: &MessageRecord, now: UnixMs) -> Vec<Line> {
    let text = scrub_lines(&record.text, Lines::Many);
    let mut parts = text.split('\n');
    let mut line = Line::default();
    line.push(when(record.time, now), Tone::Quiet);
    line.push(" ", Tone::Plain);
    line.push(scrub(&record.from).into_owned(), Tone::Strong);
    line.push(format!(" > {}  ", scrub(&record.to)), Tone::Quiet);
    line.push(parts.next().unwrap_or_default(), Tone::Plain);
    let mut lines = vec![line];
    lines.extend(parts.map(|part| Line::of(format!("{INDENT}{part}"), Tone::Plain)));
    if let Some(last) = lines.last_mut() {
        if let Some(thread) = &record.thread {
            last.push(format!("  [{}]", scrub(thread)), Tone::Quiet);
        }
        for (mark, tone) in marks(record) {
            last.push("  ", Tone::Plain);
            last.push(mark, tone);
        }
    }
    lines
}

/// `v 2/3`: so many of its hosts have it; `x 1`: so many never will. Nothing of one for nobody's host.
fn marks(record: &MessageRecord) -> Vec<(String, Tone)> {
    let MessageRecord { targets, delivered, failed, .. } = *record;
    let mut marks = Vec::new();
    if targets > 0 {
        let tone = if delivered >= targets { Tone::Good } else { Tone::Warning };
        marks.push((format!("v {delivered}/{targets}"), tone));
    }
    if failed > 0 {
        marks.push((format!("x {failed}"), Tone::Bad));
    }
    marks
}

/// `14:02:03`, or with its date before it.
fn when(time: UnixMs, now: UnixMs) -> String {
    let (time, now) = (time.local(), now.local());
    match (time.split_once(' '), now.split_once(' ')) {
        (Some((date, clock)), Some((today, _))) if date == today => clock.to_owned(),
        _ => time,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{WALL, message};

    fn plain(record: &MessageRecord) -> Vec<String> {
        lines(record, WALL).iter().map(Line::plain).collect()
    }

    fn clock() -> String {
        WALL.local().split_off("2026-11-21 ".len())
    }

    #[test]
    fn a_message_says_when_who_whom_what_and_how_far() {
        let mut said = message(7, "#all", "kernel update at 22:00");
        (said.targets, said.delivered) = (3, 2);
        let at = clock();
        assert_eq!(plain(&said), [format!("{at} bo > #all  kernel update at 22:00  v 2/3")]);
        (said.delivered, said.failed) = (2, 1);
        assert!(plain(&said)[0].ends_with("v 2/3  x 1"));
        let heard = message(8, "#ops", "done");
        assert_eq!(plain(&heard), [format!("{at} bo > #ops  done")], "nobody's host has it");
        let mut trail = message(9, "@web-1", "accepted core.zst (1.2 GiB)");
        trail.thread = Some("file 12".to_owned());
        assert!(plain(&trail)[0].ends_with("accepted core.zst (1.2 GiB)  [file 12]"));
    }

    #[test]
    fn another_day_is_said_and_further_lines_stand_below() {
        let mut said = message(7, "#ops", "one\ntwo\r\nthree");
        said.time = WALL.minus(Duration::from_hours(48));
        let lines = plain(&said);
        assert!(lines[0].starts_with("2026-11-19 "), "{lines:?}");
        assert_eq!(lines[1..], ["         two", "         three"]);
    }

    #[test]
    fn nothing_that_is_sent_steers_the_terminal() {
        let mut said = message(7, "#ops", "a\u{1b}[2J\u{202e}b\rc");
        said.from = "web-1/ro\u{200b}ot".to_owned();
        let lines = plain(&said);
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].contains("web-1/ro\\u{200b}ot > #ops  a\\x1b[2J\\u{202e}b\\rc"),
            "{lines:?}"
        );
    }
}
