//! `systole accept ID` and `systole reject ID [--why]`: a decision on an offered file.

use systole_common::model::coded::Growing;
use systole_common::model::file::FileState;
use systole_common::text::scrub;
use systole_common::wire::codec::Body;
use systole_common::wire::file::{Accept, FileRecord, Reject};
use systole_common::wire::limits::REASON_BYTES_MAX;

use super::{say, talk};
use crate::cli::Common;
use crate::error::ConsoleError;
use crate::json::FileJson;
use crate::shell::output;
use crate::tables::files::sentence;

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
    let changed = talk(common, async |link| Ok(link.ask(request).await?.files().await?)).await?;
    if common.json {
        let files: Vec<FileJson> = changed.iter().map(FileJson::from).collect();
        return output::json(&files).map_err(ConsoleError::Output);
    }
    changed.iter().try_for_each(|file| say(&told(file)))
}

/// What became of a file.
fn told(file: &FileRecord) -> String {
    let (what, id) = (sentence(file), file.id);
    match file.state {
        Growing::Known(FileState::Accepted | FileState::Receiving) => {
            format!("accepted {what}; its bytes come now, `systole files` says how far they are")
        }
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
    use super::*;
    use crate::testing::file;

    #[test]
    fn a_decision_is_told_in_one_sentence() {
        let accepted = told(&file(12, FileState::Accepted));
        assert!(accepted.starts_with("accepted core.dump.zst (1.2 GiB) of web-1; "), "{accepted}");
        let mut rejected = file(12, FileState::Rejected);
        assert_eq!(told(&rejected), "rejected core.dump.zst (1.2 GiB) of web-1");
        rejected.reason = "too\u{1b}big".to_owned();
        assert_eq!(told(&rejected), "rejected core.dump.zst (1.2 GiB) of web-1: too\\x1bbig");
    }
}
