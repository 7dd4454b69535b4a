//! `systole-agent send`: offers a file, waits for the word of the daemon, follows the transfer.
//!
//! The file is opened by whoever calls it, and its descriptor goes to the agent. For as long as this
//! program lives it comes back to an agent that restarts; however it ends, the agent takes the offer
//! back.

mod screen;
mod source;

use std::io::{self, IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use systole_common::exit::Exit;
use systole_common::wire::limits::REASON_BYTES_MAX;

use crate::error::AgentError;
use crate::limits::SEND_RECONNECT;
use crate::shell::local::client::{ClientError, Conversation};
use crate::shell::local::{Answer, Offered, Request, SendRequest};
use crate::shell::settings::Loader;
use screen::Screen;
pub use source::SendError;
use source::Source;

/// `send FILE`: prints `READY` or `REJECT` with the reason, progress, and where it is saved.
pub fn send(loader: &Loader, path: &Path, note: &str) -> Result<Exit, AgentError> {
    let (_, config) = loader.load()?;
    let bytes = note.len();
    if bytes > REASON_BYTES_MAX {
        return Err(SendError::Note { bytes }.into());
    }
    let mut screen = Screen::new();
    let source = match Source::open(path, |read, size| screen.hashing(read, size)) {
        Err(error @ (SendError::Name | SendError::BadName(_))) => {
            screen.line(&format!("REJECT {error}"))?;
            return Ok(Exit::Failed);
        }
        source => source?,
    };
    screen.hashed();
    let mut sending = Sending { socket: &config.socket, source: &source, note, offered: None };
    let mut conversation = sending.begin()?;
    loop {
        if let Some(exit) = sending.follow(&mut conversation, &mut screen)? {
            return Ok(exit);
        }
        screen.waits("the agent is away; the file goes on as soon as it is back");
        conversation = sending.come_back()?;
    }
}

struct Sending<'a> {
    socket: &'a Path,
    source: &'a Source,
    note: &'a str,
    /// Under which number the agent offers it.
    offered: Option<Offered>,
}

impl Sending<'_> {
    /// Hands the file to the agent.
    fn begin(&self) -> Result<Conversation, ClientError> {
        let conversation = Conversation::open(self.socket)?;
        let request = Request::Send(SendRequest {
            name: self.source.name.clone(),
            size_bytes: self.source.size_bytes,
            modified_ns: self.source.modified_ns,
            blake3: self.source.blake3.clone(),
            content: self.source.content.to_owned(),
            note: self.note.to_owned(),
            offer: self.offered,
        });
        let handed = hand_over(&conversation.writer()?, &request, &self.source.file);
        if let Err(source) = handed
            && !is_closed(&source)
        {
            return Err(ClientError::Silent { path: self.socket.to_owned(), source });
        }
        // What the agent says before it closes the connection is read all the same.
        conversation.stay()?;
        Ok(conversation)
    }

    /// The same after the agent went away, as often as it takes.
    fn come_back(&self) -> Result<Conversation, ClientError> {
        loop {
            thread::sleep(SEND_RECONNECT);
            match self.begin() {
                Err(
                    ClientError::NotRunning { .. }
                    | ClientError::Silent { .. }
                    | ClientError::NotAllowed { .. },
                ) => {}
                begun => return begun,
            }
        }
    }

    /// Shows what the agent says; how it ends, or `None` if the agent went away.
    fn follow(
        &mut self,
        conversation: &mut Conversation,
        screen: &mut Screen,
    ) -> Result<Option<Exit>, AgentError> {
        loop {
            let answer = match conversation.next_answer() {
                Ok(Some(answer)) => answer,
                Ok(None) | Err(ClientError::Silent { .. }) if self.offered.is_some() => {
                    return Ok(None);
                }
                Ok(None) => return Err(self.closed().into()),
                Err(ClientError::Silent { source, .. }) if is_closed(&source) => {
                    return Err(self.closed().into());
                }
                Err(error) => {
                    screen.hashed();
                    return Err(error.into());
                }
            };
            match answer {
                Answer::Offered(offered) => self.offered = Some(offered),
                Answer::Progress(progress) => screen.progress(&progress),
                Answer::Decision(decision) => {
                    if let Some(exit) = screen.decided(&decision)? {
                        return Ok(Some(exit));
                    }
                }
                Answer::Status(_)
                | Answer::Absence(_)
                | Answer::Said(_)
                | Answer::Message(_)
                | Answer::End(_)
                | Answer::Chat(_)
                | Answer::Link(_)
                | Answer::Missed(_)
                | Answer::Error(_) => return Err(conversation.strange().into()),
            }
        }
    }

    fn closed(&self) -> ClientError {
        let source = io::Error::other("it closed the connection; it may have too many clients");
        ClientError::Silent { path: self.socket.to_owned(), source }
    }
}

/// Sends a request with the file's descriptor on its first byte.
fn hand_over(mut stream: &UnixStream, request: &Request, file: &impl AsFd) -> io::Result<()> {
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    let descriptors = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("no room for a descriptor"));
    }
    let bytes = [IoSlice::new(line.as_bytes())];
    let sent = sendmsg(stream, &bytes, &mut control, SendFlags::NOSIGNAL)?;
    stream.write_all(line.as_bytes().get(sent..).unwrap_or_default())
}

/// Whether the agent closed the connection before all was said.
fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
