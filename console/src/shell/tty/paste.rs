//! A paste as a terminal brackets it: its text up to a limit, and how much was beyond.

use super::Input;
use crate::limits::PASTE_BYTES_MAX;

/// What ends a paste.
const END: &[u8] = b"\x1b[201~";

/// A paste that is coming in.
#[derive(Debug, Default)]
pub(super) struct Paste {
    text: Vec<u8>,
    cut_bytes: usize,
    /// Bytes of [`END`] that were seen.
    matched: usize,
}

impl Paste {
    /// Takes a byte; `true`: it was the last of what ends a paste.
    pub(super) fn is_ended_by(&mut self, byte: u8) -> bool {
        if END.get(self.matched) == Some(&byte) {
            self.matched += 1;
            return self.matched == END.len();
        }
        // It was not the end: what looked like it belongs to the text. Only its first byte can begin it anew.
        self.keep_matched();
        if END.first() == Some(&byte) {
            self.matched = 1;
        } else {
            self.keep(byte);
        }
        false
    }

    /// All that came; the next paste begins empty.
    pub(super) fn end(&mut self) -> Input {
        if self.matched < END.len() {
            self.keep_matched();
        }
        let mut whole = std::mem::take(self);
        if let Err(error) = std::str::from_utf8(&whole.text) {
            let is_cut_within = whole.cut_bytes > 0 && error.error_len().is_none();
            if is_cut_within {
                whole.cut_bytes += whole.text.len() - error.valid_up_to();
                whole.text.truncate(error.valid_up_to());
            }
        }
        let text = String::from_utf8_lossy(&whole.text).into_owned();
        Input::Paste { text, cut_bytes: whole.cut_bytes }
    }

    fn keep_matched(&mut self) {
        for byte in END.iter().take(std::mem::take(&mut self.matched)) {
            self.keep(*byte);
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.text.len() < PASTE_BYTES_MAX {
            self.text.push(byte);
        } else {
            self.cut_bytes = self.cut_bytes.saturating_add(1);
        }
    }
}
