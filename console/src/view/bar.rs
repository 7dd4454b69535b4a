//! A measured share as a bar of cells. Quantised: a change that cannot be seen costs no bytes.

use super::text::Pen;
use crate::tone::Tone;

/// Cells of a bar in a table.
pub const BAR_CELLS: usize = 8;

/// Cells of `width` that `percent` fills; what is not a number fills none.
pub fn filled(percent: f64, width: usize) -> usize {
    let share = (percent / 100.0).clamp(0.0, 1.0);
    (0..width).filter(|cell| share * width as f64 >= *cell as f64 + 0.5).count()
}

/// Draws `percent` over `width` cells.
pub fn draw(pen: &mut Pen<'_>, percent: f64, width: usize, tone: Tone) {
    let (full, empty) = pen.theme().symbols.bar();
    let filled = filled(percent, width);
    pen.fill(full, filled, tone);
    pen.fill(empty, width - filled, Tone::Quiet);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_round_to_cells() {
        let cells = [0.0, 6.0, 6.3, 50.0, 93.7, 93.8, 100.0, 250.0, -1.0, f64::NAN];
        let filled = cells.map(|percent| filled(percent, BAR_CELLS));
        assert_eq!(filled, [0, 0, 1, 4, 7, 8, 8, 8, 0, 0]);
    }
}
