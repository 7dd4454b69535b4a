//! A stored picture of the screen: its lines, and below them the styles of each row.
//!
//! ```text
//! ---
//! source: ...
//! ---
//!  LIVE mon-1
//! -- styles --
//! 0: 0-4 green, 6-10 red bold
//! ```

use std::collections::BTreeMap;

use anyhow::{Context, Result};

/// Where the styles begin.
const STYLES: &str = "-- styles --";

/// A picture.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// Text of each row.
    pub(super) rows: Vec<String>,
    /// Styled stretches of each row: first and last cell, and words such as `red bold`.
    pub(super) styles: BTreeMap<usize, Vec<(usize, usize, String)>>,
}

impl Snapshot {
    /// Reads a stored picture.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let body = text.splitn(3, "---\n").nth(2).context("no header")?;
        let (rows, styles) = body.split_once(STYLES).context("no styles")?;
        let rows = rows.lines().map(str::to_owned).collect();
        let mut picture = Self { rows, styles: BTreeMap::new() };
        for line in styles.lines().filter(|line| !line.is_empty()) {
            let (row, stretches) = line.split_once(": ").context("a style without a row")?;
            let stretches = stretches.split(", ").map(stretch).collect::<Result<_>>()?;
            picture.styles.insert(row.parse()?, stretches);
        }
        Ok(picture)
    }
}

/// `0-4 red bold`.
fn stretch(text: &str) -> Result<(usize, usize, String)> {
    let (cells, words) = text.split_once(' ').context("a stretch without a style")?;
    let (from, to) = cells.split_once('-').context("a stretch without an end")?;
    Ok((from.parse()?, to.parse()?, words.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_styles_are_read() {
        let text = "---\nsource: x\n---\n ab\n\nc\n-- styles --\n0: 0-1 red bold, 2-2 dim\n2: 0-0 reversed\n";
        let picture = Snapshot::parse(text).unwrap();
        assert_eq!(picture.rows, [" ab", "", "c"]);
        let first = vec![(0, 1, "red bold".to_owned()), (2, 2, "dim".to_owned())];
        assert_eq!(picture.styles[&0], first);
        assert_eq!(picture.styles[&2], [(0, 0, "reversed".to_owned())]);
        assert!(Snapshot::parse("no picture").is_err());
    }
}
