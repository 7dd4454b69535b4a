//! `systole storage`: how much is stored; `systole storage clean`: what is old goes.

use systole_common::ids::HostId;
use systole_common::time::UnixMs;
use systole_common::wire::history::{StorageCleanUp, StoragePage, StorageQuery, StorageRecord};

use super::{say, talk};
use crate::cli::{Common, StorageAction, StorageArgs};
use crate::error::ConsoleError;
use crate::json::{CleanedJson, StorageJson};
use crate::model::range::{RangeError, utc_midnight};
use crate::shell::link::Link;
use crate::shell::{clock, output};
use crate::tables::line::Line;
use crate::tables::storage::{holds_anything, midnight, sum, tiers, view};
use crate::tone::Tone;

pub(super) async fn run(common: &Common, args: &StorageArgs) -> Result<(), ConsoleError> {
    let host = args.host.as_ref();
    match &args.action {
        None => show(common, host).await,
        Some(StorageAction::Clean { age, yes }) => {
            let now = clock::now().wall;
            let end = age.end(now);
            if end > now {
                return Err(RangeError::Future { at: end }.into());
            }
            let before = utc_midnight(end);
            if *yes {
                clean(common, host, before).await
            } else {
                preview(common, host, before).await
            }
        }
    }
}

async fn show(common: &Common, host: Option<&HostId>) -> Result<(), ConsoleError> {
    let stored = ask(common, host, None).await?;
    match host {
        Some(host) if stored.records.is_empty() => {
            Err(ConsoleError::NothingStored { host: host.to_string() })
        }
        Some(_) | None if common.json => {
            output::json(&StorageJson::from(&stored)).map_err(ConsoleError::Output)
        }
        Some(_) | None => {
            output::lines(&view(&stored, output::width())).map_err(ConsoleError::Output)
        }
    }
}

/// Says what a clean-up would delete, and how to do it.
async fn preview(
    common: &Common,
    host: Option<&HostId>,
    before: UnixMs,
) -> Result<(), ConsoleError> {
    let stored = ask(common, host, Some(before)).await?;
    let before = stored.before.unwrap_or(before);
    if common.json {
        return cleaned(&stored.records, before, false);
    }
    let sum = sum(&stored.records);
    if !stored.records.iter().any(holds_anything) {
        return say(&format!("nothing is stored from before {}", midnight(before)));
    }
    let title = format!(" would be deleted: what is from before {}", midnight(before));
    let mut lines = vec![Line::of(title, Tone::Strong), Line::default()];
    lines.extend(tiers(&stored.records).lines(output::width()));
    output::lines(&lines).map_err(ConsoleError::Output)?;
    say(&format!(
        "\n {sum}; nothing is deleted yet. To delete it:\n {}",
        again(common, host, before)
    ))
}

async fn clean(common: &Common, host: Option<&HostId>, before: UnixMs) -> Result<(), ConsoleError> {
    let request = StorageCleanUp { host: host.map(HostId::to_string), before };
    let ask = async |link: &Link| Ok(link.ask(&request).await?.storage().await?);
    let deleted = talk(common, ask).await?;
    let before = deleted.before.unwrap_or(before);
    if common.json {
        return cleaned(&deleted.records, before, true);
    }
    let sum = sum(&deleted.records);
    if !deleted.records.iter().any(holds_anything) {
        return say(&format!("nothing was stored from before {}", midnight(before)));
    }
    output::lines(&tiers(&deleted.records).lines(output::width())).map_err(ConsoleError::Output)?;
    say(&format!("\n deleted {sum}: what was from before {}", midnight(before)))
}

async fn ask(
    common: &Common,
    host: Option<&HostId>,
    before: Option<UnixMs>,
) -> Result<StoragePage, ConsoleError> {
    let query = StorageQuery { host: host.map(HostId::to_string), before };
    talk(common, async |link| Ok(link.ask(&query).await?.storage().await?)).await
}

fn cleaned(records: &[StorageRecord], before: UnixMs, deleted: bool) -> Result<(), ConsoleError> {
    let hosts = records.iter().filter(|record| holds_anything(record));
    let hosts: Vec<CleanedJson> =
        hosts.map(|record| CleanedJson::new(record, before, deleted)).collect();
    output::json(&hosts).map_err(ConsoleError::Output)
}

/// The command that deletes what the preview showed, whenever it is given.
fn again(common: &Common, host: Option<&HostId>, before: UnixMs) -> String {
    let mut words = vec!["systole storage clean --before".to_owned(), before.rfc3339()];
    let mut flag = |name: &str, value: &str| words.extend([name.to_owned(), quoted(value)]);
    if let Some(host) = host {
        flag("--host", host.as_str());
    }
    if let Some(file) = &common.config {
        flag("--config", &file.display().to_string());
    }
    for daemon in &common.daemons {
        flag("--daemon", daemon);
    }
    for (key, value) in &common.settings {
        flag("--set", &format!("{key}={value}"));
    }
    words.push("--yes".to_owned());
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_means_the_same_daemon_and_days() {
        let common = Common {
            json: false,
            config: Some("/etc/my systole/it's.toml".into()),
            daemons: vec!["mon-1=10.0.0.5:5001".to_owned()],
            settings: vec![("tls.ca".to_owned(), "certs".to_owned())],
        };
        let host: HostId = "web-1".parse().unwrap();
        assert_eq!(
            again(&common, Some(&host), UnixMs(86_400_000)),
            "systole storage clean --before 1970-01-02T00:00:00.000Z --host web-1 \
             --config '/etc/my systole/it'\\''s.toml' --daemon mon-1=10.0.0.5:5001 \
             --set tls.ca=certs --yes"
        );
    }
}
