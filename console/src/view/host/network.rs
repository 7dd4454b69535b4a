//! What each interface received and sent.

use super::strip::{Column, Columns};
use super::{Part, Shown};
use crate::model::host::instances;
use crate::tables::phrase;
use crate::tone::Tone;

const COLUMNS: [Column; 3] = [
    Column::words("INTERFACE", 10, 0).wide(),
    Column::numbers("RECEIVED", 12, 0),
    Column::numbers("SENT", 12, 0),
];
/// What the line of the sums is called: what came in through the host's own ports, each byte once.
const ALL: &str = "(all ports)";

/// All interfaces.
pub(super) fn part(shown: &Shown<'_>) -> Part {
    let metrics = shown.row.detail.as_ref().map(|host| &host.metrics);
    let families = ["network_rx_bytes_per_s", "network_tx_bytes_per_s"];
    let names = metrics.map(|metrics| instances(metrics, &families)).unwrap_or_default();
    if names.is_empty() {
        return shown.missing("interfaces");
    }
    let columns = Columns::of(&COLUMNS, shown.width);
    let line = |name: &str, received, sent| {
        let name = (name.to_owned(), Tone::Plain);
        columns.texts(&[name, shown.say(received, phrase::rate), shown.say(sent, phrase::rate)])
    };
    let values = shown.row.values.as_ref();
    let received = values.and_then(|values| values.rx_bytes_per_s).map(f64::from);
    let sent = values.and_then(|values| values.tx_bytes_per_s).map(f64::from);
    let title = shown.title(format!(" INTERFACES {}", names.len()));
    let heads = vec![title, columns.heads(), line(ALL, received, sent)];
    let [rx, tx] = families;
    let each = names.iter().map(|name| line(name, shown.value(rx, name), shown.value(tx, name)));
    let strips = each.collect();
    Part::below(heads, strips)
}
