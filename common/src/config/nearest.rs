//! The known name that somebody probably meant.
//!
//! Pure; knows nothing of what the names stand for. Serves configuration, filters and commands alike.

/// Longest name that is compared, in characters; a longer one has no near name.
const NAME_CHARS_MAX: usize = 128;

/// The name among `known` that is nearest to `given`, if it is near enough to be a slip: at most
/// one wrong, missing, extra or swapped character in three.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = given.chars().count();
    nearest_if(given, known, |name, edits| edits <= length.max(name.chars().count()).div_ceil(3))
}

/// The name among `known` that is one slip away from `given`.
pub fn nearest_by_one<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    nearest_if(given, known, |_, edits| edits == 1)
}

fn nearest_if<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
    is_near: impl Fn(&str, usize) -> bool,
) -> Option<&'a str> {
    let given: Vec<char> = given.chars().take(NAME_CHARS_MAX + 1).collect();
    if given.is_empty() || given.len() > NAME_CHARS_MAX {
        return None;
    }
    let given: Vec<char> = given.into_iter().flat_map(char::to_lowercase).collect();
    known
        .into_iter()
        .map(|name| (distance(&given, name), name))
        .filter(|(edits, name)| is_near(name, *edits))
        .min()
        .map(|(_, name)| name)
}

/// Edits from `given` to `name`; two neighbours swapped are one edit.
fn distance(given: &[char], name: &str) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=given.len()).collect();
    let mut previous = None;
    for (row, wanted) in name.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, have) in given.iter().enumerate() {
            let cell = |line: &[usize], at: usize| line.get(at).copied().unwrap_or(usize::MAX / 2);
            let left = cell(&current, column) + 1;
            let above = cell(&last, column + 1) + 1;
            let corner = cell(&last, column) + usize::from(*have != wanted);
            let mut best = left.min(above).min(corner);
            if let Some(one_back) = column.checked_sub(1)
                && given.get(one_back) == Some(&wanted)
                && previous == Some(*have)
            {
                best = best.min(cell(&before_last, one_back) + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
        previous = Some(wanted);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let known = ["listen", "liveness.timeout", "liveness.start_grace", "tls.cert", "tls.ca"];
        let near = |given| nearest(given, known);
        assert_eq!(near("liveness.timout"), Some("liveness.timeout"));
        assert_eq!(near("livenes.timeout"), Some("liveness.timeout"));
        assert_eq!(near("lisetn"), Some("listen"));
        assert_eq!(near("Listen"), Some("listen"));
        assert_eq!(near("tls.crt"), Some("tls.cert"));
        assert_eq!(near("banana"), None);
        assert_eq!(near(""), None);
        assert_eq!(near(&"x".repeat(10_000)), None);
        assert_eq!(nearest_by_one("lsten", known), Some("listen"));
        assert_eq!(nearest_by_one("lstn", known), None);
    }

    #[test]
    fn edits_are_counted() {
        let count = |a: &str, b: &str| distance(&a.chars().collect::<Vec<_>>(), b);
        assert_eq!(count("", ""), 0);
        assert_eq!(count("", "abc"), 3);
        assert_eq!(count("abc", ""), 3);
        assert_eq!(count("kitten", "sitting"), 3);
        assert_eq!(count("sate", "state"), 1);
        assert_eq!(count("sttae", "state"), 1);
    }
}
