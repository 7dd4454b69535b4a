//! `systole accept ID` and `systole reject ID [--why]`: a decision on an offered file.

use systole_common::model::coded::Growing;
use systole_common::model::file::FileState;
use systole_common::model::host::HostState;
use systole_common::text::scrub;
use systole_common::time::UnixMs;
use systole_common::wire::codec::Body;
use systole_common::wire::console::HostsQuery;
use systole_common::wire::file::{Accept, FileRecord, Reject};
use systole_common::wire::limits::REASON_BYTES_MAX;

use super::{say, talk};
use crate::cli::Common;
use crate::error::ConsoleError;
use crate::json::FileJson;
use crate::model::files::is_away;
use crate::shell::link::Link;
use crate::shell::{clock, output};
use crate::tables::files::sentence;
use crate::view::figures::when;

pub(super) async fn accept(common: &Common, file: u64) -> Result<(), ConsoleError> {
    decide(common, &Accept { file }).await
}

pub(super) async fn reject(common: &Common, file: u64, why: String) -> Result<(), ConsoleError> {
    if why.len() > REASON_BYTES_MAX {
        return Err(ConsoleError::Usage("the reason is longer than 512 bytes; shorten it"));
    }
    decide(common, &Reject { file, why }).await
}

async fn decide<B: Body>(common: &Common, request: &B) -> Result<(), ConsoleError> {
    let ask = async |link: &Link| {
        let changed = link.ask(request).await?.files().await?;
        let mut states = Vec::new();
        for file in changed.iter().filter(|_| !common.json) {
            states.push(state(link, file).await);
        }
        Ok((changed, states))
    };
    let (changed, states) = talk(common, ask).await?;
    if common.json {
        let files: Vec<FileJson> = changed.iter().map(FileJson::from).collect();
        return output::json(&files).map_err(ConsoleError::Output);
    }
    let now = clock::now().wall;
    changed.iter().zip(states).try_for_each(|(file, state)| say(&told(file, state, now)))
}

/// The state of the host of a file that is to come; `None` where it does not matter or is not known.
async fn state(link: &Link, file: &FileRecord) -> Option<Growing<HostState>> {
    let is_to_come = |state: FileState| state.is_open() && state != FileState::Offered;
    file.state.known().filter(|state| is_to_come(*state))?;
    let query = HostsQuery { hosts: vec![file.host.clone()] };
    let hosts = link.ask(&query).await.ok()?.hosts().await.ok()?;
    hosts.first().map(|host| host.record.state)
}

/// What became of a file whose host is in this state.
fn told(file: &FileRecord, host: Option<Growing<HostState>>, now: UnixMs) -> String {
    let (what, id) = (sentence(file), file.id);
    match file.state {
        Growing::Known(FileState::Accepted | FileState::Receiving) => match host {
            Some(state) if is_away(state) => {
                let (host, until) = (scrub(&file.host), when(file.expires_at, now));
                format!(
                    "accepted {what}; {host} is {state}: it comes when it is back, until {until}"
                )
            }
            Some(_) | None => {
                format!(
                    "accepted {what}; its bytes come now, `systole files` says how far they are"
                )
            }
        },
        Growing::Known(FileState::Verified) => {
            format!("accepted {what}; all of it is here: systole fetch {id}")
        }
        Growing::Known(FileState::Rejected) if file.reason.is_empty() => format!("rejected {what}"),
        Growing::Known(
            FileState::Rejected
            | FileState::Offered
            | FileState::Failed
            | FileState::Expired
            | FileState::Withdrawn,
        )
        | Growing::Unknown(_) => match file.reason.as_str() {
            "" => format!("{} {what}", file.state),
            reason => format!("{} {what}: {}", file.state, scrub(reason)),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{WALL, file};

    #[test]
    fn a_decision_is_told_in_one_sentence() {
        let said = |file: &FileRecord, state: HostState| told(file, Some(state.into()), WALL);
        let accepted = file(12, FileState::Accepted);
        let now = said(&accepted, HostState::Online);
        assert!(
            now.starts_with("accepted core.dump.zst (1.2 GiB) of web-1; its bytes come"),
            "{now}"
        );
        let mut rejected = file(12, FileState::Rejected);
        assert_eq!(told(&rejected, None, WALL), "rejected core.dump.zst (1.2 GiB) of web-1");
        rejected.reason = "too\u{1b}big".to_owned();
        assert_eq!(
            told(&rejected, None, WALL),
            "rejected core.dump.zst (1.2 GiB) of web-1: too\\x1bbig"
        );
    }

    #[test]
    fn bytes_of_a_host_that_is_down_do_not_come_now() {
        let mut accepted = file(12, FileState::Accepted);
        accepted.expires_at = WALL.plus(Duration::from_hours(24));
        assert_eq!(
            told(&accepted, Some(HostState::Down.into()), WALL),
            "accepted core.dump.zst (1.2 GiB) of web-1; web-1 is down: it comes when it is back, \
             until tomorrow 04:16"
        );
    }
}
