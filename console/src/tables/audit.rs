//! The audit trail as a table.

use systole_common::wire::console::AuditRecord;

use super::table::{Cell, Column, Table};

const COLUMNS: &[Column] = &[
    Column::words("TIME", 0),
    Column::words("OPERATOR", 0).cut_to(12),
    Column::words("ROLE", 2),
    Column::words("ACTION", 0),
    Column::words("TARGET", 1).cut_to(12),
    Column::words("OUTCOME", 0),
    Column::words("REASON", 3).cut_to(12),
];

/// A table of `lines` in their order.
pub fn table(lines: &[AuditRecord]) -> Table {
    let mut table = Table::new(COLUMNS);
    for line in lines {
        table.row(vec![
            Cell::plain(&line.time.local()),
            Cell::plain(&line.operator),
            Cell::plain(&line.role),
            Cell::plain(&line.action),
            Cell::plain(&line.target),
            Cell::plain(&line.outcome),
            Cell::plain(&line.reason),
        ]);
    }
    table
}
