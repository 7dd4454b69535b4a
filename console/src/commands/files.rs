//! `systole files [HOST] [--open] [--since]`: in the order of the console, what waits longest first.

use systole_common::ids::HostId;
use systole_common::wire::console::HostsQuery;
use systole_common::wire::file::FilesQuery;

use super::{say, talk};
use crate::cli::{Common, FilesArgs};
use crate::error::ConsoleError;
use crate::json::FileJson;
use crate::limits::{FILES_LISTED, FILES_LISTED_MAX};
use crate::model::files::order;
use crate::shell::link::Link;
use crate::shell::{clock, output};
use crate::tables::files::table;

pub(super) async fn run(common: &Common, args: &FilesArgs) -> Result<(), ConsoleError> {
    let since = args.since.map(|since| since.at(clock::now().wall, &clock::zone()));
    let is_all = since.is_some() || args.open;
    let query = FilesQuery {
        host: args.host.as_ref().map(HostId::to_string),
        open_only: args.open,
        since,
        file: None,
        count_max: if is_all { FILES_LISTED_MAX } else { FILES_LISTED },
    };
    let ask = async |link: &Link| {
        let files = link.ask(&query).await?.files().await?;
        if let (true, Some(host)) = (files.is_empty(), &query.host) {
            // An unknown name is a mistake, not an empty list.
            link.ask(&HostsQuery { hosts: vec![host.clone()] }).await?.hosts().await?;
        }
        Ok(files)
    };
    let mut files = talk(common, ask).await?;
    files.sort_by_key(order);
    if common.json {
        let files: Vec<FileJson> = files.iter().map(FileJson::from).collect();
        return output::json(&files).map_err(ConsoleError::Output);
    }
    if files.is_empty() {
        return say(&nothing(args));
    }
    let width = output::width();
    let lines = table(&files, clock::now().wall, width).lines(width);
    output::lines(&lines).map_err(ConsoleError::Output)
}

fn nothing(args: &FilesArgs) -> String {
    let whose = args.host.as_ref().map(|host| format!(" of {host}")).unwrap_or_default();
    if args.open {
        format!(
            "no file{whose} waits or is on its way; `systole files` also lists those that are over"
        )
    } else if args.since.is_some() {
        format!("no file{whose} was offered since then")
    } else {
        format!("no file{whose} was offered yet; on a host: systole-agent send FILE")
    }
}
