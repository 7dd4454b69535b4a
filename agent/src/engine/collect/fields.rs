//! Lines, words and numbers of `/proc`, whatever bytes they really are. Knows no file's meaning.

/// The lines of `text` without their ends.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
}

/// The words of `line`, which white space parts.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// A count; `None` if `word` is anything else or too large.
pub(super) fn number(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// A number with decimals, as Rust reads it: `nan` and `inf` too, which no sample keeps.
pub(super) fn decimal(word: &[u8]) -> Option<f64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The next word of `words` as a count.
pub(super) fn next_number<'a>(words: &mut impl Iterator<Item = &'a [u8]>) -> Option<u64> {
    words.next().and_then(number)
}
