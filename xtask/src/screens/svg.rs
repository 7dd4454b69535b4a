//! A picture as SVG: one text element a stretch, one rectangle where the background differs.

use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

use super::snapshot::Snapshot;

/// Size of a cell in pixels.
const CELL: (usize, usize) = (8, 17);
/// Space around the screen in pixels.
const MARGIN: usize = 10;
/// Height of the letters above the lower edge of their cell.
const BASELINE: usize = 4;
const BACKGROUND: &str = "#16181d";
const FOREGROUND: &str = "#d3d7cf";

/// How a stretch looks.
struct Look {
    front: &'static str,
    back: Option<&'static str>,
    is_bold: bool,
    is_dim: bool,
    is_underlined: bool,
}

/// The whole picture.
pub(super) fn draw(snapshot: &Snapshot) -> String {
    let columns = snapshot.rows.iter().map(|row| cells(row)).max().unwrap_or(0);
    let styled = snapshot.styles.values().flatten().map(|(_, to, _)| to + 1).max().unwrap_or(0);
    let width = columns.max(styled) * CELL.0 + 2 * MARGIN;
    let height = snapshot.rows.len() * CELL.1 + 2 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{BACKGROUND}\"/>\n"
    );
    for (number, row) in snapshot.rows.iter().enumerate() {
        let styles = snapshot.styles.get(&number).map(Vec::as_slice).unwrap_or_default();
        draw_row(&mut out, number, row, styles);
    }
    out.push_str("</svg>\n");
    out
}

fn draw_row(out: &mut String, number: usize, row: &str, styles: &[(usize, usize, String)]) {
    let letters = placed(row);
    let mut next = 0;
    let end = styles.iter().map(|(_, to, _)| to + 1).max().unwrap_or(0).max(cells(row));
    for (from, to, words) in styles {
        stretch(out, number, &letters, (next, *from), &look(""));
        stretch(out, number, &letters, (*from, to + 1), &look(words));
        next = to + 1;
    }
    stretch(out, number, &letters, (next, end), &look(""));
}

/// One stretch of a row: cells `from` up to `end`.
fn stretch(
    out: &mut String,
    row: usize,
    letters: &[(usize, char)],
    (from, end): (usize, usize),
    look: &Look,
) {
    if from >= end {
        return;
    }
    let (x, y) = (MARGIN + from * CELL.0, MARGIN + row * CELL.1);
    if let Some(back) = look.back {
        let (width, height) = ((end - from) * CELL.0, CELL.1);
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{back}\"/>"
        );
    }
    // Each run of letters between blanks is placed by itself: no font shifts what follows it.
    let mut run = String::new();
    let mut begin = from;
    for (cell, letter) in letters.iter().filter(|(cell, _)| (from..end).contains(cell)) {
        if *letter == ' ' {
            text(out, (begin, row), &run, look);
            run.clear();
            continue;
        }
        if run.is_empty() {
            begin = *cell;
        }
        run.push(*letter);
    }
    text(out, (begin, row), &run, look);
}

fn text(out: &mut String, (cell, row): (usize, usize), run: &str, look: &Look) {
    if run.is_empty() {
        return;
    }
    let (x, y) = (MARGIN + cell * CELL.0, MARGIN + (row + 1) * CELL.1 - BASELINE);
    let length = cells(run) * CELL.0;
    let mut marks = String::new();
    for (is_set, mark) in [
        (look.is_bold, " font-weight=\"bold\""),
        (look.is_dim, " opacity=\"0.6\""),
        (look.is_underlined, " text-decoration=\"underline\""),
    ] {
        if is_set {
            marks.push_str(mark);
        }
    }
    let escaped = run.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" textLength=\"{length}\" fill=\"{}\"{marks}>{escaped}</text>",
        look.front
    );
}

/// The look of a style's words.
fn look(words: &str) -> Look {
    let mut look =
        Look { front: FOREGROUND, back: None, is_bold: false, is_dim: false, is_underlined: false };
    let mut is_back = false;
    for word in words.split(' ') {
        match word {
            "bold" => look.is_bold = true,
            "dim" => look.is_dim = true,
            "underlined" => look.is_underlined = true,
            "reversed" => {
                let front = look.front;
                look.front = look.back.unwrap_or(BACKGROUND);
                look.back = Some(front);
            }
            "on" => {
                is_back = true;
                continue;
            }
            colour if is_back => look.back = colour_of(colour),
            colour => look.front = colour_of(colour).unwrap_or(look.front),
        }
        is_back = false;
    }
    look
}

/// The usual colour of a terminal's name for it.
fn colour_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "black" => "#2e3436",
        "red" | "lightred" => "#ef5350",
        "green" | "lightgreen" => "#8ae234",
        "yellow" | "lightyellow" => "#fce94f",
        "blue" | "lightblue" => "#729fcf",
        "magenta" | "lightmagenta" => "#ad7fa8",
        "cyan" | "lightcyan" => "#34e2e2",
        "gray" | "white" => FOREGROUND,
        "darkgray" => "#888a85",
        _ => return None,
    })
}

/// Each letter with its cell.
fn placed(row: &str) -> Vec<(usize, char)> {
    let mut cell = 0;
    let place = |letter: char| {
        let at = cell;
        cell += letter.width().unwrap_or(0);
        (at, letter)
    };
    row.chars().map(place).collect()
}

fn cells(row: &str) -> usize {
    row.chars().map(|letter| letter.width().unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn styles_and_special_letters_are_drawn() {
        let styles = BTreeMap::from([(0, vec![(1, 3, "red bold reversed".to_owned())])]);
        let svg = draw(&Snapshot { rows: vec![" X<Y ok".to_owned()], styles });
        assert!(svg.contains("fill=\"#ef5350\"/>"), "the background of what is reversed: {svg}");
        assert!(svg.contains("font-weight=\"bold\">X&lt;Y</text>"), "{svg}");
        assert!(svg.contains(">ok</text>"), "{svg}");
    }
}
