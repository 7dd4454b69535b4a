//! Asks the running agent, for the commands. Errors say whether it is not running or not allowed.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use systole_common::exit::Exit;

use super::{Answer, Fault, Request};
use crate::limits::{LOCAL_ANSWER_WAIT, LOCAL_LINE_BYTES_MAX};

/// Why the agent did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers on the socket.
    #[error("{}: the agent is not running ({source}); start it with `systemctl start systole-agent` or `systole-agent run`, or name its configuration with --config", path.display())]
    NotRunning {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The caller may not open the socket.
    #[error("{}: you may not use it; become a member of its group (systole), or use sudo", path.display())]
    NotAllowed {
        /// The socket.
        path: PathBuf,
    },
    /// The agent is there and does not answer.
    #[error("{}: the agent does not answer ({source}); look at its log, then restart it", path.display())]
    Silent {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The answer is none of ours.
    #[error("{}: the answer is not understood; use the systole-agent of the same version as the one that runs", path.display())]
    Strange {
        /// The socket.
        path: PathBuf,
    },
    /// The agent says no.
    #[error("{text}")]
    Refused {
        /// How the command ends.
        exit: Exit,
        /// Why, as the agent says.
        text: String,
    },
}

impl ClientError {
    /// How the command ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NotRunning { .. } => Exit::Unreachable,
            Self::NotAllowed { .. } => Exit::Refused,
            Self::Silent { .. } | Self::Strange { .. } => Exit::Failed,
            Self::Refused { exit, .. } => *exit,
        }
    }
}

/// Sends `request` to the agent behind `path` and waits for its answer, at most some seconds.
pub fn ask(path: &Path, request: &Request) -> Result<Answer, ClientError> {
    let stream = UnixStream::connect(path).map_err(|source| match source.kind() {
        io::ErrorKind::PermissionDenied => ClientError::NotAllowed { path: path.to_owned() },
        _ => ClientError::NotRunning { path: path.to_owned(), source },
    })?;
    let line = exchange(stream, request)
        .map_err(|source| ClientError::Silent { path: path.to_owned(), source })?;
    let answer: Answer =
        serde_json::from_str(&line).map_err(|_| ClientError::Strange { path: path.to_owned() })?;
    match answer {
        Answer::Error(Fault { exit, text }) => {
            let exit = Exit::from_code(exit.into()).unwrap_or(Exit::Failed);
            Err(ClientError::Refused { exit, text })
        }
        Answer::Status(_) | Answer::Absence(_) => Ok(answer),
    }
}

fn exchange(mut stream: UnixStream, request: &Request) -> io::Result<String> {
    stream.set_write_timeout(Some(LOCAL_ANSWER_WAIT))?;
    stream.set_read_timeout(Some(LOCAL_ANSWER_WAIT * 2))?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let limit = u64::try_from(LOCAL_LINE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut answer = String::new();
    BufReader::new(stream.take(limit)).read_line(&mut answer)?;
    if answer.is_empty() {
        return Err(io::Error::other("it closed the connection; it may have too many clients"));
    }
    Ok(answer)
}
