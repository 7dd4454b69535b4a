//! Text over several lines: broken between words where that is possible, never wider than asked for.

use super::text::cells;
use super::theme::Symbols;

/// `text` in lines of at most `width` cells; its own line ends stay. At least one line.
pub(super) fn wrap(text: &str, width: usize, symbols: Symbols) -> Vec<String> {
    let width = width.max(1);
    text.split('\n').flat_map(|line| wrapped(line, width, symbols)).collect()
}

fn wrapped(line: &str, width: usize, symbols: Symbols) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    let mut used = 0;
    // Where the last word of the line begins, and what came before it took.
    let mut word: Option<usize> = None;
    for c in line.chars() {
        let cell = cells(c.encode_utf8(&mut [0; 4]), symbols);
        if used + cell > width && !current.is_empty() {
            if c == ' ' {
                lines.push(std::mem::take(&mut current));
                (used, word) = (0, None);
                continue;
            }
            let rest = word.map(|at| current.split_off(at)).unwrap_or_default();
            lines.push(current.trim_end().to_owned());
            used = cells(&rest, symbols);
            (current, word) = (rest, None);
        }
        current.push(c);
        used += cell;
        if c == ' ' {
            word = Some(current.len());
        }
    }
    lines.push(current);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, width: usize) -> Vec<String> {
        wrap(text, width, Symbols::Block)
    }

    #[test]
    fn lines_break_between_words_and_long_words_anywhere() {
        assert_eq!(lines("the fan is loud", 8), ["the fan", "is loud"]);
        assert_eq!(lines("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(lines("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(lines("数据库", 4), ["数据", "库"]);
        assert_eq!(lines("", 4), [""]);
        assert_eq!(lines("数", 1), ["数"]);
    }

    #[test]
    fn nothing_is_lost_and_nothing_is_too_wide() {
        let text = "a bb ccc dddd eeeee 数据库 fffffff gggggggggggggggggggg h";
        for width in 2..30 {
            let lines = lines(text, width);
            assert!(lines.iter().all(|line| cells(line, Symbols::Block) <= width), "{lines:?}");
            let bare = |text: &str| text.replace(' ', "");
            assert_eq!(bare(&lines.concat()), bare(text), "{width}");
        }
    }
}
