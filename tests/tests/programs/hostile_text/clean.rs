//! What may be among the bytes that a terminal is given, and nothing else: the console's own few
//! sequences, letter by letter, and signs that can be seen.

use anyhow::{Context, Result, bail, ensure};

use super::corpus::is_foreign;

/// How the console takes a terminal.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h\x1b[0m\x1b[2J";
/// How it gives it back.
const LEAVE: &str = "\x18\x1b[0m\x1b[?2004l\x1b[2J\x1b[H\x1b[?7h\x1b[?25h\x1b[?1049l";
/// The cursor of a line that is typed.
const CURSOR: [&str; 2] = ["?25h", "?25l"];
/// Attributes beside colours that the console has: neither blinking nor concealed nor overlined.
const ATTRIBUTES: [u16; 11] = [0, 1, 2, 4, 7, 22, 24, 27, 39, 49, 59];
/// A sign keeps so many combining marks.
const MARKS_MAX: usize = 4;

/// All that a console wrote from its start to its end must be its own.
pub(super) fn is_clean_console(bytes: &[u8], size: (u16, u16)) -> Result<()> {
    let text = std::str::from_utf8(bytes).context("it is not UTF-8")?;
    let text = text.strip_prefix(ENTER).context("it begins with something else")?;
    let text = text.strip_suffix(LEAVE).context("it ends with something else")?;
    is_clean_frames(text, size)
}

/// Frames: places, attributes, the cursor, and what can be seen.
pub(super) fn is_clean_frames(text: &str, size: (u16, u16)) -> Result<()> {
    let mut parts = text.split('\x1b');
    is_visible(parts.next().unwrap_or_default())?;
    for part in parts {
        let near = || format!("ESC {:?}", part.chars().take(60).collect::<String>());
        let order = part.strip_prefix('[').with_context(near)?;
        let end = order.find(|c: char| c.is_ascii_alphabetic()).with_context(near)?;
        let (order, shown) = order.split_at(end + 1);
        ensure!(is_own(order, size), "{} is no order of the console", near());
        is_visible(shown).with_context(near)?;
    }
    Ok(())
}

/// Lines for a pipe, a file or a log.
pub(super) fn is_clean_text(text: &str) -> Result<()> {
    text.split('\n').try_for_each(is_visible)
}

/// JSON, in which marks may stand as they were sent.
pub(super) fn is_clean_json(text: &str) -> Result<()> {
    let is_mark = |c: char| matches!(c, '\u{300}'..='\u{36f}');
    is_clean_text(&text.replace(is_mark, ""))
}

fn is_visible(text: &str) -> Result<()> {
    let mut marks = 0;
    for (at, c) in text.char_indices() {
        marks = if matches!(c, '\u{300}'..='\u{36f}') { marks + 1 } else { 0 };
        if is_foreign(c) || marks > MARKS_MAX {
            let from = text.floor_char_boundary(at.saturating_sub(60));
            let near: String = text.get(from..).unwrap_or_default().chars().take(80).collect();
            bail!("{c:?} in {near:?}");
        }
    }
    Ok(())
}

fn is_own(order: &str, (width, height): (u16, u16)) -> bool {
    if CURSOR.contains(&order) {
        return true;
    }
    let numbers = |text: &str| -> Option<Vec<u16>> {
        text.split(';').map(|number| number.parse().ok()).collect()
    };
    if let Some(place) = order.strip_suffix('H').and_then(numbers) {
        let is_inside = |(at, most): (&u16, u16)| (1..=most).contains(at);
        return place.len() == 2 && place.iter().zip([height, width]).all(is_inside);
    }
    order.strip_suffix('m').and_then(numbers).is_some_and(|numbers| are_attributes(&numbers))
}

fn are_attributes(numbers: &[u16]) -> bool {
    match numbers {
        [] => true,
        [38 | 48 | 58, 5, colour, rest @ ..] => *colour < 256 && are_attributes(rest),
        [30..=37 | 40..=47 | 90..=97 | 100..=107, rest @ ..] => are_attributes(rest),
        [one, rest @ ..] => ATTRIBUTES.contains(one) && are_attributes(rest),
    }
}
