//! Bytes of a terminal to keys and pastes. Sequences may be split anywhere; what is no key is swallowed
//! whole, so that no part of it is taken for one. It knows no clock: whoever reads tells of pauses.

use std::time::Duration;

use super::Input;
use super::paste::Paste;
use super::sequence::{control, csi, linux, ss3};
use crate::keys::{KeyCode, KeyPress};
use crate::limits::{ESCAPE_WAIT, PARAMETER_BYTES_MAX, PASTE_WAIT, SEQUENCE_WAIT};

const ESCAPE: u8 = 0x1b;
/// Ends the sequence that it stands in.
const CANCEL: u8 = 0x18;
/// The same.
const SUBSTITUTE: u8 = 0x1a;
const BELL: u8 = 0x07;
/// Bytes that follow `ESC [ M`: where a mouse was.
const MOUSE_BYTES: u8 = 3;

/// Bytes to keys and pastes.
#[derive(Debug, Default)]
pub struct Parser {
    state: State,
    /// Parameters of a sequence, or the beginning of a character.
    held: Vec<u8>,
    /// The sequence has more parameters than any key.
    is_overlong: bool,
    paste: Paste,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between keys.
    #[default]
    Ground,
    /// In a character of several bytes.
    Character {
        /// How many it has.
        length: usize,
        /// Alt was held.
        alt: bool,
    },
    /// After an escape byte.
    Escape,
    /// In a sequence that began with `ESC [`.
    Csi,
    /// In one that began with `ESC O`.
    Ss3,
    /// After `ESC [ [`.
    Linux,
    /// In an answer that began with this byte after ESC, and ends with `ESC \`.
    Words {
        /// The byte.
        first: u8,
        /// Nothing followed it yet.
        is_empty: bool,
    },
    /// In such an answer, after an escape byte.
    WordsEnd,
    /// So many bytes are still part of a sequence that ended with a letter.
    Skip(u8),
    /// In a paste.
    Paste,
}

impl Parser {
    /// Takes what was read, and adds what it means.
    pub fn take(&mut self, bytes: &[u8], found: &mut Vec<Input>) {
        for byte in bytes {
            self.byte(*byte, found);
        }
    }

    /// How long to wait for the rest of what has begun; `None`: nothing has.
    pub fn wait(&self) -> Option<Duration> {
        match self.state {
            State::Ground => None,
            State::Escape | State::Words { is_empty: true, .. } => Some(ESCAPE_WAIT),
            State::Csi | State::Ss3 if self.held.is_empty() => Some(ESCAPE_WAIT),
            State::Character { .. }
            | State::Csi
            | State::Ss3
            | State::Linux
            | State::Words { is_empty: false, .. }
            | State::WordsEnd
            | State::Skip(_) => Some(SEQUENCE_WAIT),
            State::Paste => Some(PASTE_WAIT),
        }
    }

    /// Nothing came for [`Self::wait`]: what has begun was all.
    pub fn pause(&mut self, found: &mut Vec<Input>) {
        let alone = match self.state {
            State::Escape | State::WordsEnd => Some(KeyPress::plain(KeyCode::Esc)),
            State::Csi if self.held.is_empty() && !self.is_overlong => Some(alt('[')),
            State::Ss3 if self.held.is_empty() && !self.is_overlong => Some(alt('O')),
            State::Words { first, is_empty: true } => Some(alt(char::from(first))),
            State::Paste => {
                found.push(self.paste.end());
                None
            }
            State::Ground
            | State::Character { .. }
            | State::Csi
            | State::Ss3
            | State::Linux
            | State::Words { is_empty: false, .. }
            | State::Skip(_) => None,
        };
        found.extend(alone.map(Input::Key));
        self.enter(State::Ground);
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.held.clear();
        self.is_overlong = false;
    }

    fn byte(&mut self, byte: u8, found: &mut Vec<Input>) {
        match self.state {
            State::Ground => self.ground(byte, false, found),
            State::WordsEnd if byte == b'\\' => self.enter(State::Ground),
            State::Escape | State::WordsEnd => self.escape(byte, found),
            State::Character { length, alt } => self.character(byte, length, alt, found),
            State::Csi | State::Ss3 => self.sequence(byte, found),
            State::Linux => {
                self.enter(State::Ground);
                found.extend(linux(byte).map(Input::Key));
            }
            State::Words { first, .. } => self.words(byte, first, found),
            State::Skip(left) => {
                self.state = if left > 1 { State::Skip(left - 1) } else { State::Ground };
            }
            State::Paste => {
                if self.paste.is_ended_by(byte) {
                    found.push(self.paste.end());
                    self.enter(State::Ground);
                }
            }
        }
    }

    fn ground(&mut self, byte: u8, alt: bool, found: &mut Vec<Input>) {
        self.enter(State::Ground);
        let length = match byte {
            ESCAPE => return self.enter(State::Escape),
            0x20..=0x7e => return found.push(pressed(char::from(byte), alt)),
            0x00..=0x1f | 0x7f => {
                let key = control(byte).map(|key| KeyPress { alt, ..key });
                return found.extend(key.map(Input::Key));
            }
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            // The middle of a character whose beginning nobody saw.
            0x80..=0xc1 | 0xf5..=0xff => return,
        };
        self.state = State::Character { length, alt };
        self.held.push(byte);
    }

    fn character(&mut self, byte: u8, length: usize, alt: bool, found: &mut Vec<Input>) {
        if !(0x80..=0xbf).contains(&byte) {
            // It was none; this byte begins something else.
            return self.ground(byte, false, found);
        }
        self.held.push(byte);
        if self.held.len() == length {
            let c = std::str::from_utf8(&self.held).ok().and_then(|text| text.chars().next());
            found.extend(c.filter(|c| !c.is_control()).map(|c| pressed(c, alt)));
            self.enter(State::Ground);
        }
    }

    fn escape(&mut self, byte: u8, found: &mut Vec<Input>) {
        match byte {
            b'[' => self.enter(State::Csi),
            b'O' => self.enter(State::Ss3),
            b']' | b'P' | b'X' | b'^' | b'_' => {
                self.enter(State::Words { first: byte, is_empty: true });
            }
            ESCAPE => {
                found.push(Input::Key(KeyPress::plain(KeyCode::Esc)));
                self.enter(State::Escape);
            }
            _ => self.ground(byte, true, found),
        }
    }

    fn sequence(&mut self, byte: u8, found: &mut Vec<Input>) {
        let is_first = self.held.is_empty() && !self.is_overlong;
        match (self.state, byte) {
            (State::Csi, b'[') if is_first => self.enter(State::Linux),
            (_, 0x20..=0x3f) if self.held.len() < PARAMETER_BYTES_MAX => self.held.push(byte),
            (_, 0x20..=0x3f) => self.is_overlong = true,
            (state, 0x40..=0x7e) => self.ended(state, byte, found),
            // It was broken off; this byte begins something else.
            (_, CANCEL | SUBSTITUTE) => self.enter(State::Ground),
            _ => self.ground(byte, false, found),
        }
    }

    fn ended(&mut self, state: State, end: u8, found: &mut Vec<Input>) {
        let parameters = std::mem::take(&mut self.held);
        let is_overlong = self.is_overlong;
        self.enter(State::Ground);
        match (state, parameters.as_slice(), end) {
            _ if is_overlong => {}
            (State::Csi, b"200", b'~') => self.state = State::Paste,
            (State::Csi, b"", b'M') => self.state = State::Skip(MOUSE_BYTES),
            (State::Csi, parameters, _) => found.extend(csi(parameters, end).map(Input::Key)),
            (_, parameters, _) => found.extend(ss3(parameters, end).map(Input::Key)),
        }
    }

    fn words(&mut self, byte: u8, first: u8, found: &mut Vec<Input>) {
        match byte {
            BELL | CANCEL | SUBSTITUTE => self.enter(State::Ground),
            // `ESC \` ends it, and any other sequence begins after it.
            ESCAPE => self.enter(State::WordsEnd),
            // No answer has control characters: somebody wants to be heard.
            0x00..=0x1f | 0x7f => self.ground(byte, false, found),
            _ => self.state = State::Words { first, is_empty: false },
        }
    }
}

fn pressed(c: char, alt: bool) -> Input {
    Input::Key(KeyPress { code: KeyCode::Char(c), ctrl: false, alt })
}

fn alt(c: char) -> KeyPress {
    KeyPress { code: KeyCode::Char(c), ctrl: false, alt: true }
}

#[cfg(test)]
mod tests;
