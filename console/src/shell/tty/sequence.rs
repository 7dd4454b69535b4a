//! What a whole escape sequence means. Those that are no keys mean nothing: a terminal's answers above all.

use crate::keys::{KeyCode, KeyPress};

/// The key of `ESC [ parameters end`, if it is one.
pub(super) fn csi(parameters: &[u8], end: u8) -> Option<KeyPress> {
    let (first, held) = numbers(parameters)?;
    let code = match end {
        b'~' => tilde(first)?,
        b'Z' => KeyCode::BackTab,
        // `R` is also how a terminal tells where its cursor is.
        b'R' => return None,
        other => letter(other)?,
    };
    Some(with(code, held))
}

/// The key of `ESC O parameters end`, if it is one.
pub(super) fn ss3(parameters: &[u8], end: u8) -> Option<KeyPress> {
    let (first, second) = numbers(parameters)?;
    // Some terminals put what was held first and alone.
    let held = if second == 0 { first } else { second };
    let code = if end == b'M' { KeyCode::Enter } else { letter(end)? };
    Some(with(code, held))
}

/// The key of `ESC [ [ end`: the function keys of the Linux console.
pub(super) fn linux(end: u8) -> Option<KeyPress> {
    let number = end.checked_sub(b'A').filter(|number| *number < 5)?;
    Some(KeyPress::plain(KeyCode::F(number + 1)))
}

/// The key of a single byte below a space, or of the one that is no space any more.
pub(super) fn control(byte: u8) -> Option<KeyPress> {
    Some(match byte {
        b'\t' => KeyPress::plain(KeyCode::Tab),
        b'\r' | b'\n' => KeyPress::plain(KeyCode::Enter),
        0x08 | 0x7f => KeyPress::plain(KeyCode::Backspace),
        0x00 => KeyPress::ctrl(' '),
        0x01..=0x1a => KeyPress::ctrl(char::from(byte - 1 + b'a')),
        0x1c..=0x1f => KeyPress::ctrl(char::from(byte - 0x1c + b'4')),
        _ => return None,
    })
}

/// Two numbers, absent ones 0; `None` if the parameters are not those of a key.
fn numbers(parameters: &[u8]) -> Option<(u16, u16)> {
    let text = std::str::from_utf8(parameters).ok()?;
    let mut parts = text.split(';').map(|part| {
        // After a colon comes whether it was pressed or released.
        let number = part.split(':').next().unwrap_or_default();
        if number.is_empty() { Some(0) } else { number.parse().ok() }
    });
    let first = parts.next().flatten()?;
    let second = parts.next().unwrap_or(Some(0))?;
    parts.next().is_none().then_some((first, second))
}

fn letter(end: u8) -> Option<KeyCode> {
    Some(match end {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'P'..=b'S' => KeyCode::F(end - b'P' + 1),
        _ => return None,
    })
}

fn tilde(number: u16) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11 => KeyCode::F(1),
        12 => KeyCode::F(2),
        13 => KeyCode::F(3),
        14 => KeyCode::F(4),
        15 => KeyCode::F(5),
        17 => KeyCode::F(6),
        18 => KeyCode::F(7),
        19 => KeyCode::F(8),
        20 => KeyCode::F(9),
        21 => KeyCode::F(10),
        23 => KeyCode::F(11),
        24 => KeyCode::F(12),
        _ => return None,
    })
}

/// `held` is 1 more than the sum of Shift 1, Alt 2, Ctrl 4, Meta 8; 0 if it was not said.
fn with(code: KeyCode, held: u16) -> KeyPress {
    let held = held.saturating_sub(1);
    KeyPress { code, alt: held & 0b1010 != 0, ctrl: held & 0b100 != 0 }
}
