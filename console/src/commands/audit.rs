//! `systole audit [--since]`: what operators did, the newest first.

use systole_common::wire::console::AuditQuery;

use super::{say, talk};
use crate::cli::Common;
use crate::error::ConsoleError;
use crate::json::AuditJson;
use crate::limits::AUDIT_SHOWN_MAX;
use crate::model::range::When;
use crate::shell::link::Link;
use crate::shell::{clock, output};
use crate::tables::audit::table;

pub(super) async fn run(common: &Common, since: Option<When>) -> Result<(), ConsoleError> {
    let since = since.map(|since| since.at(clock::now().wall, &clock::zone()));
    let query = AuditQuery { since, count_max: AUDIT_SHOWN_MAX };
    let ask = async |link: &Link| Ok(link.ask(&query).await?.audit().await?);
    let lines = talk(common, ask).await?;
    if common.json {
        let lines: Vec<AuditJson> = lines.iter().map(AuditJson::from).collect();
        output::json(&lines).map_err(ConsoleError::Output)
    } else if lines.is_empty() {
        say(
            "nobody has done anything yet in that time; `ack`, `resolve` and `retire` leave a line here",
        )
    } else {
        output::lines(&table(&lines).lines(output::width())).map_err(ConsoleError::Output)
    }
}
