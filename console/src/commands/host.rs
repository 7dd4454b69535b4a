//! `systole host NAME`: one host with its log of connects and disconnects.

use systole_common::ids::HostId;
use systole_common::wire::console::{ConnectionsQuery, HostsQuery};

use super::talk;
use crate::cli::Common;
use crate::error::ConsoleError;
use crate::json::{HostJson, HostWithLog};
use crate::limits::CONNECTIONS_SHOWN_MAX;
use crate::shell::link::Link;
use crate::shell::{clock, output};
use crate::tables::host::view;

pub(super) async fn run(common: &Common, name: &HostId) -> Result<(), ConsoleError> {
    let ask = async |link: &Link| {
        let hosts = link.ask(&HostsQuery { hosts: vec![name.to_string()] }).await?.hosts().await?;
        let asked = hosts.into_iter().find(|host| host.record.host == name.as_str());
        let host = asked.ok_or_else(|| ConsoleError::NoHost { host: name.to_string() })?;
        let query = ConnectionsQuery { host: name.to_string(), count_max: CONNECTIONS_SHOWN_MAX };
        Ok((host, link.ask(&query).await?.connections().await?))
    };
    let (host, log) = talk(common, ask).await?;
    let now = clock::now();
    let printed = if common.json {
        output::json(&HostWithLog::new(HostJson::new(&host, now.mono), &log))
    } else {
        output::lines(&view(&host, &log, now, output::width()))
    };
    printed.map_err(ConsoleError::Output)
}
