//! What is stored as JSON.

use serde::Serialize;
use systole_common::time::UnixMs;
use systole_common::wire::history::{StoragePage, StorageRecord, TierRecord};

use super::{name, time};

/// What is stored.
#[derive(Debug, Serialize)]
pub struct StorageJson {
    log_bytes: u64,
    database_bytes: u64,
    free_bytes: u64,
    hosts: Vec<StoredJson>,
}

/// What is stored of one host.
#[derive(Debug, Serialize)]
struct StoredJson {
    host: String,
    received: u64,
    missing: u64,
    dropped: u64,
    ranges: Vec<(u64, u64)>,
    tiers: Vec<TierJson>,
}

/// What one tier has of one host.
#[derive(Debug, Serialize)]
struct TierJson {
    tier: String,
    series: u64,
    records: u64,
    bytes: u64,
    oldest: Option<String>,
    newest: Option<String>,
}

/// What goes of one host.
#[derive(Debug, Serialize)]
pub struct CleanedJson {
    host: String,
    before: String,
    deleted: bool,
    tiers: Vec<TierJson>,
}

impl From<&StoragePage> for StorageJson {
    fn from(stored: &StoragePage) -> Self {
        Self {
            log_bytes: stored.log_bytes,
            database_bytes: stored.database_bytes,
            free_bytes: stored.free_bytes,
            hosts: stored.records.iter().map(StoredJson::from).collect(),
        }
    }
}

impl From<&StorageRecord> for StoredJson {
    fn from(record: &StorageRecord) -> Self {
        Self {
            host: record.host.clone(),
            received: record.received,
            missing: record.missing,
            dropped: record.dropped,
            ranges: record.ranges.clone(),
            tiers: record.tiers.iter().map(TierJson::from).collect(),
        }
    }
}

impl From<&TierRecord> for TierJson {
    fn from(record: &TierRecord) -> Self {
        Self {
            tier: name(record.tier),
            series: record.series,
            records: record.records,
            bytes: record.bytes,
            oldest: time(record.oldest),
            newest: time(record.newest),
        }
    }
}

impl CleanedJson {
    /// What a clean-up of everything before `before` deletes of a host, or did.
    pub fn new(record: &StorageRecord, before: UnixMs, deleted: bool) -> Self {
        Self {
            host: record.host.clone(),
            before: before.rfc3339(),
            deleted,
            tiers: record.tiers.iter().map(TierJson::from).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::line;
    use crate::testing::{WALL, stored};

    #[test]
    fn what_is_stored_has_every_field_of_the_contract() {
        let page = StoragePage {
            log_bytes: 1,
            database_bytes: 2,
            free_bytes: 3,
            before: None,
            records: vec![stored("web-1")],
        };
        let tiers = concat!(
            r#""tiers":[{"tier":"raw","series":2,"records":1000,"bytes":1600,"#,
            r#""oldest":"2026-11-20T04:16:07.089Z","newest":"2026-11-21T04:16:07.089Z"},"#,
            r#"{"tier":"minute","series":0,"records":0,"bytes":0,"oldest":null,"newest":null}]}"#,
        );
        let expected = format!(
            "{}{tiers}]}}",
            concat!(
                r#"{"log_bytes":1,"database_bytes":2,"free_bytes":3,"hosts":[{"host":"web-1","#,
                r#""received":997,"missing":3,"dropped":0,"ranges":[[503,1000],[1,499]],"#,
            )
        );
        assert_eq!(line(&StorageJson::from(&page)).unwrap(), expected);
        let gone = line(&CleanedJson::new(&stored("web-1"), WALL, false)).unwrap();
        let head = r#"{"host":"web-1","before":"2026-11-21T04:16:07.089Z","deleted":false,"#;
        assert_eq!(gone, format!("{head}{tiers}"));
    }
}
