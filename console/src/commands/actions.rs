//! What changes something: `ack`, `unack`, `resolve`, `retire`. Each prints what it changed.

use std::time::Duration;

use systole_common::ids::HostId;
use systole_common::time::millis;
use systole_common::wire::codec::Body;
use systole_common::wire::console::{Ack, AlertRecord, AlertTargets, Resolve, Retire, Unack};
use systole_common::wire::limits::REASON_BYTES_MAX;

use super::{say, talk};
use crate::cli::{Common, Targets};
use crate::error::ConsoleError;
use crate::json::{AlertJson, HostJson};
use crate::shell::{clock, output};
use crate::tables::alerts::table;
use crate::tables::phrase;

pub(super) async fn ack(
    common: &Common,
    targets: Targets,
    note: String,
    span: Duration,
) -> Result<(), ConsoleError> {
    let note = checked(note)?;
    let request = Ack { targets: wire(targets), note, for_ms: millis(span) };
    act(common, &request, "acknowledged").await
}

pub(super) async fn unack(common: &Common, targets: Targets) -> Result<(), ConsoleError> {
    act(common, &Unack { targets: wire(targets) }, "no longer acknowledged").await
}

pub(super) async fn resolve(
    common: &Common,
    targets: Targets,
    note: String,
) -> Result<(), ConsoleError> {
    let note = checked(note)?;
    act(common, &Resolve { targets: wire(targets), note }, "resolved").await
}

pub(super) async fn retire(common: &Common, host: &HostId) -> Result<(), ConsoleError> {
    let request = Retire { host: host.to_string() };
    let hosts = talk(common, async |link| Ok(link.ask(&request).await?.hosts().await?)).await?;
    if common.json {
        let now = clock::now().mono;
        let hosts: Vec<HostJson> = hosts.iter().map(|host| HostJson::new(host, now)).collect();
        return output::json(&hosts).map_err(ConsoleError::Output);
    }
    say(&format!("{host} is retired and its alerts are resolved; if it beats again it is new"))
}

async fn act<B: Body>(common: &Common, request: &B, done: &str) -> Result<(), ConsoleError> {
    let changed = talk(common, async |link| Ok(link.ask(request).await?.alerts().await?)).await?;
    print(common, &changed, done)
}

fn print(common: &Common, changed: &[AlertRecord], done: &str) -> Result<(), ConsoleError> {
    if common.json {
        let alerts: Vec<AlertJson> = changed.iter().map(AlertJson::from).collect();
        return output::json(&alerts).map_err(ConsoleError::Output);
    }
    if changed.is_empty() {
        return say("nothing changed; `systole alerts` lists what is open");
    }
    say(&format!("{} {done}", phrase::count(changed.len(), "alert")))?;
    let shown: Vec<&AlertRecord> = changed.iter().collect();
    let lines = table(&shown, clock::now().wall).lines(output::width());
    output::lines(&lines).map_err(ConsoleError::Output)
}

fn wire(targets: Targets) -> AlertTargets {
    AlertTargets { ids: targets.ids, host: targets.host.map(|host| host.to_string()) }
}

fn checked(note: String) -> Result<String, ConsoleError> {
    if note.len() > REASON_BYTES_MAX {
        return Err(ConsoleError::Usage("the note is longer than 512 bytes; shorten it"));
    }
    Ok(note)
}
