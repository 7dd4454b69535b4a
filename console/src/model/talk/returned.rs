//! Lines that came back: they stand in a draft, or in the open line, in the order in which they were
//! typed, each set apart; one that was sent after all is taken out again. Text in, text out.

use crate::model::requests::RequestId;

/// A line that was sent, of which no answer says that it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The question that it was: later ones were typed later.
    pub request: RequestId,
    /// Where to.
    pub to: String,
    /// What.
    pub text: String,
    /// It may have been sent: then as a message with a higher number. `None`: it was refused.
    pub sent_after: Option<u64>,
}

/// `text` with `line` in it: behind those of `earlier` that are there, before all that was typed since.
/// With the byte where it was put in, and how many bytes are more.
pub fn woven(text: &str, earlier: &[&str], line: &str) -> (String, usize, usize) {
    let mut at = 0;
    for block in earlier {
        let rest = text.get(at..).unwrap_or_default();
        if let Some(found) = place_of(rest, block) {
            at += found + block.len();
            at += usize::from(text.get(at..).is_some_and(|rest| rest.starts_with('\n')));
        }
    }
    let (head, tail) = text.split_at_checked(at).unwrap_or((text, ""));
    let gap = if head.is_empty() || head.ends_with('\n') { "" } else { "\n" };
    let added = gap.len() + line.len() + 1;
    (format!("{head}{gap}{line}\n{tail}"), at, added)
}

/// `text` without `line`; `None` if it is not there as it was.
pub fn without(text: &str, line: &str) -> Option<(String, usize)> {
    let at = place_of(text, line)?;
    let head = text.get(..at)?;
    let tail = text.get(at + line.len()..)?;
    Some((format!("{head}{}", tail.strip_prefix('\n').unwrap_or(tail)), at))
}

/// Whether `line` is there as it was.
pub fn has(text: &str, line: &str) -> bool {
    place_of(text, line).is_some()
}

/// Where `line` stands as lines of their own.
fn place_of(text: &str, line: &str) -> Option<usize> {
    text.match_indices(line).map(|(at, _)| at).find(|at| {
        let is_begin = text.get(..*at).is_some_and(|head| head.is_empty() || head.ends_with('\n'));
        let end = at + line.len();
        is_begin && text.get(end..).is_some_and(|tail| tail.is_empty() || tail.starts_with('\n'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_in_the_order_in_which_they_were_typed() {
        let mut text = String::new();
        for (earlier, line) in
            [(&["AAA", "BBB"][..], "CCC"), (&[][..], "AAA"), (&["AAA"][..], "BBB")]
        {
            text = woven(&text, earlier, line).0;
        }
        assert_eq!(text, "AAA\nBBB\nCCC\n");
        assert_eq!(woven("typed since", &[], "AAA").0, "AAA\ntyped since");
        assert_eq!(woven("AAA", &["AAA"], "BBB").0, "AAA\nBBB\n", "each set apart");
        assert_eq!(woven("AAA and more", &["AAA"], "BBB").0, "BBB\nAAA and more");
    }

    #[test]
    fn a_line_is_taken_out_where_it_stands_as_it_was() {
        assert_eq!(without("AAA\nBBB\nCCC", "BBB"), Some(("AAA\nCCC".to_owned(), 4)));
        assert_eq!(without("AAA", "AAA"), Some((String::new(), 0)));
        assert_eq!(without("AAA BBB", "AAA"), None);
        assert_eq!(without("xAAA", "AAA"), None);
        assert!(has("one\ntwo\nthree", "two\nthree") && !has("one\ntwo more", "two"));
    }
}
