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
    let mut conversation = Conversation::open(path)?;
    conversation.say(request)?;
    conversation.answer()
}

/// A connection to the running agent.
#[derive(Debug)]
pub struct Conversation {
    path: PathBuf,
    reader: BufReader<UnixStream>,
}

impl Conversation {
    /// Connects to the agent behind `path`.
    pub fn open(path: &Path) -> Result<Self, ClientError> {
        let path = path.to_owned();
        let stream = UnixStream::connect(&path).map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => ClientError::NotAllowed { path: path.clone() },
            _ => ClientError::NotRunning { path: path.clone(), source },
        })?;
        let bounded = stream
            .set_write_timeout(Some(LOCAL_ANSWER_WAIT))
            .and_then(|()| stream.set_read_timeout(Some(LOCAL_ANSWER_WAIT * 2)));
        bounded.map_err(silent(&path))?;
        Ok(Self { path, reader: BufReader::new(stream) })
    }

    /// Answers may take their time from now on.
    pub fn stay(&self) -> Result<(), ClientError> {
        self.reader.get_ref().set_read_timeout(None).map_err(silent(&self.path))
    }

    /// The same connection, for another thread that writes.
    pub fn writer(&self) -> Result<UnixStream, ClientError> {
        self.reader.get_ref().try_clone().map_err(silent(&self.path))
    }

    /// Sends a request.
    pub fn say(&mut self, request: &Request) -> Result<(), ClientError> {
        write_request(self.reader.get_ref(), request).map_err(silent(&self.path))
    }

    /// The next answer, if there is one; a refusal is an error.
    pub fn next_answer(&mut self) -> Result<Option<Answer>, ClientError> {
        let limit = u64::try_from(LOCAL_LINE_BYTES_MAX).unwrap_or(u64::MAX);
        let mut line = String::new();
        let read = (&mut self.reader).take(limit).read_line(&mut line);
        if read.map_err(silent(&self.path))? == 0 {
            return Ok(None);
        }
        match serde_json::from_str(&line) {
            Ok(Answer::Error(Fault { exit, text })) => {
                let exit = Exit::from_code(exit.into()).unwrap_or(Exit::Failed);
                Err(ClientError::Refused { exit, text })
            }
            Ok(answer) => Ok(Some(answer)),
            Err(_) => Err(self.strange()),
        }
    }

    /// The next answer, which is due.
    pub fn answer(&mut self) -> Result<Answer, ClientError> {
        let closed = || io::Error::other("it closed the connection; it may have too many clients");
        self.next_answer()?.ok_or_else(|| silent(&self.path)(closed()))
    }

    /// An answer that does not fit.
    pub fn strange(&self) -> ClientError {
        ClientError::Strange { path: self.path.clone() }
    }
}

/// Writes a request as one line.
pub fn write_request(mut stream: &UnixStream, request: &Request) -> io::Result<()> {
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes())
}

fn silent(path: &Path) -> impl Fn(io::Error) -> ClientError + use<> {
    let path = path.to_owned();
    move |source| ClientError::Silent { path: path.clone(), source }
}
