//! Cuts long lists into pages below the frame limit, and joins the series of a host again.

use serde::Serialize;

use super::codec::encoded_bytes;
use super::console::{HostRecord, HostSeries, NamedValue};
use super::limits::{PAGE_BYTES_SOFT, PAGE_RECORDS_MAX};

/// Cuts `records` into pages of at most 256 records and about 48 KiB.
pub fn pages<T: Serialize>(records: Vec<T>) -> Vec<Vec<T>> {
    cut(records, PAGE_RECORDS_MAX, 0)
}

/// Splits a host whose series do not fit one frame: the record, then its further pages.
pub fn split_host(mut record: HostRecord) -> (HostRecord, Vec<HostSeries>) {
    let all = std::mem::take(&mut record.series);
    let head_bytes = encoded_bytes(&record);
    let mut pages = cut(all, usize::MAX, head_bytes).into_iter();
    record.series = pages.next().unwrap_or_default();
    let rest: Vec<Vec<NamedValue>> = pages.collect();
    record.more = !rest.is_empty();
    let count = rest.len();
    let follow =
        |(index, series)| HostSeries { host: record.host.clone(), series, more: index + 1 < count };
    let rest = rest.into_iter().enumerate().map(follow).collect();
    (record, rest)
}

fn cut<T: Serialize>(records: Vec<T>, count_max: usize, head_bytes: usize) -> Vec<Vec<T>> {
    let mut pages = Vec::new();
    let mut page = Vec::new();
    let mut bytes = head_bytes;
    for record in records {
        let size = encoded_bytes(&record);
        let full = bytes.saturating_add(size) > PAGE_BYTES_SOFT || page.len() >= count_max;
        if full && !page.is_empty() {
            pages.push(std::mem::take(&mut page));
            bytes = 0;
        }
        bytes = bytes.saturating_add(size);
        page.push(record);
    }
    if !page.is_empty() {
        pages.push(page);
    }
    pages
}
