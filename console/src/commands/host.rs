//! `systole host NAME`: one host with its log of connects and disconnects.

use systole_common::ids::HostId;
use systole_common::wire::console::{ConnectionsQuery, HostsQuery};

use super::link;
use crate::cli::Common;
use crate::error::ConsoleError;
use crate::json::{HostJson, HostWithLog};
use crate::limits::CONNECTIONS_SHOWN_MAX;
use crate::shell::{clock, output};
use crate::view::host::view;

pub(super) async fn run(common: &Common, name: &HostId) -> Result<(), ConsoleError> {
    let link = link(common).await?;
    let hosts = link.ask(&HostsQuery { hosts: vec![name.to_string()] }).await?.hosts().await?;
    let asked = hosts.into_iter().find(|host| host.record.host == name.as_str());
    let host = asked.ok_or_else(|| ConsoleError::NoHost { host: name.to_string() })?;
    let query = ConnectionsQuery { host: name.to_string(), count_max: CONNECTIONS_SHOWN_MAX };
    let log = link.ask(&query).await?.connections().await?;
    let now = clock::now();
    let printed = if common.json {
        output::json(&HostWithLog::new(HostJson::new(&host, now.mono), &log))
    } else {
        output::lines(&view(&host, &log, now, output::width()))
    };
    printed.map_err(ConsoleError::Output)?;
    link.farewell().await;
    Ok(())
}
