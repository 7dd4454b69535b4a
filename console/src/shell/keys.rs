//! Keys from a raw terminal. Only those that mean something come out; the sequences of others are
//! swallowed whole, so that no part of one is taken for a key.

use std::io::{self, Read};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::mpsc;

use crate::limits::ESCAPE_WAIT;
use crate::msg::Key;

/// Keys that wait to be dealt with.
const KEYS_WAITING_MAX: usize = 16;
const ESCAPE: u8 = 0x1b;

/// Starts to read keys. The channel closes when the terminal is gone.
pub fn listen() -> mpsc::Receiver<Key> {
    let (keys, receiver) = mpsc::channel(KEYS_WAITING_MAX);
    // Ends with the program: a read of the terminal cannot be called off.
    std::thread::spawn(move || {
        let mut parser = Parser::default();
        while let Ok(found) = next(&mut parser) {
            if found.into_iter().any(|key| keys.blocking_send(key).is_err()) {
                return;
            }
        }
    });
    receiver
}

/// The keys of the next bytes. An error or the end of input is the end of keys.
fn next(parser: &mut Parser) -> io::Result<Vec<Key>> {
    let mut stdin = io::stdin().lock();
    if parser.is_within_escape() && !is_readable(&stdin)? {
        return Ok(parser.pause().into_iter().collect());
    }
    let mut bytes = [0; 64];
    let count = stdin.read(&mut bytes)?;
    if count == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes.iter().take(count).filter_map(|byte| parser.take(*byte)).collect())
}

fn is_readable(stdin: &impl AsFd) -> io::Result<bool> {
    let wait = Timespec::try_from(ESCAPE_WAIT).map_err(io::Error::other)?;
    let ready = poll(&mut [PollFd::new(stdin, PollFlags::IN)], Some(&wait))?;
    Ok(ready > 0)
}

/// Bytes to keys.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Parser {
    /// Between keys.
    #[default]
    Ground,
    /// After an escape byte.
    Escape,
    /// In a sequence that ends with a letter or `~`.
    Sequence,
    /// One more byte belongs to the key.
    Last,
}

impl Parser {
    fn is_within_escape(self) -> bool {
        self == Self::Escape
    }

    /// No byte followed the escape byte: it was the Esc key.
    fn pause(&mut self) -> Option<Key> {
        let was_escape = *self == Self::Escape;
        *self = Self::Ground;
        was_escape.then_some(Key::Leave)
    }

    fn take(&mut self, byte: u8) -> Option<Key> {
        match (*self, byte) {
            (Self::Ground, b'q' | b'Q' | 0x03) => return Some(Key::Leave),
            (Self::Ground, 0x0c) => return Some(Key::Redraw),
            (Self::Ground | Self::Escape, ESCAPE) => *self = Self::Escape,
            (Self::Escape, b'[') => *self = Self::Sequence,
            (Self::Escape, b'O') => *self = Self::Last,
            (Self::Sequence, 0x20..=0x3f) | (Self::Ground, _) => {}
            (Self::Escape | Self::Sequence | Self::Last, _) => *self = Self::Ground,
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut parser = Parser::default();
        let mut found: Vec<Key> = bytes.iter().filter_map(|byte| parser.take(*byte)).collect();
        found.extend(parser.pause());
        found
    }

    #[test]
    fn q_escape_and_control_c_leave() {
        for bytes in [&b"q"[..], b"Q", b"\x1b", b"\x03", b"xxq", b"\x1b[Aq"] {
            assert_eq!(keys(bytes), [Key::Leave], "{bytes:?}");
        }
        assert_eq!(keys(b"\x0c"), [Key::Redraw]);
    }

    #[test]
    fn sequences_are_swallowed_whole() {
        let others = [
            &b"\x1b[A"[..],
            b"\x1bOP",
            b"\x1bOq",
            b"\x1b[1;5q",
            b"\x1b[15~",
            b"\x1bq",
            b"\x1b[<0;1;1M",
            b"abc\r\n\t",
            "ä".as_bytes(),
        ];
        for bytes in others {
            assert_eq!(keys(bytes), [], "{bytes:?}");
        }
    }
}
