//! Answers the clients of the local socket. Each gets a task; a slow or silent one is cut.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use systole_common::exit::Exit;
use systole_common::text::to_json_line;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::chat;
use super::reader::{Line, LineReader};
use super::user::user_name;
use super::{Absence, Answer, Facts, Fault, Request, lease, status};
use crate::limits::{
    LOCAL_ANSWER_WAIT, LOCAL_CLIENTS_MAX, LOCAL_LINE_BYTES_MAX, LOCAL_REQUEST_WAIT,
    LOCAL_STAYING_MAX,
};
use crate::shell::send::Asked;
use crate::shell::shared::{Command, Shared, Told};
use crate::shell::talk::ask::Door;

/// Pause after a failed accept, for instance because no descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the socket's answers are made of.
#[derive(Debug)]
pub struct Desk {
    /// Links and counters.
    pub shared: Arc<Shared>,
    /// To the heartbeat loop.
    pub commands: mpsc::Sender<Command>,
    /// Who this agent is.
    pub facts: Mutex<Facts>,
    /// To the talk's thread.
    pub talk: Door,
    /// To whoever sends files.
    pub sends: mpsc::Sender<Asked>,
}

impl Desk {
    /// Changes who this agent is.
    pub fn update(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// This host's name, while there is a usable certificate.
    pub(super) fn host(&self) -> Option<String> {
        self.facts().host
    }

    fn status(&self) -> Answer {
        let given_up = self.shared.counters.unspooled.load(Ordering::Relaxed);
        let (report, delivery) = (self.shared.report(), self.shared.delivery());
        Answer::Status(status(&self.facts(), &report, &delivery, given_up))
    }

    fn facts(&self) -> Facts {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Accepts clients for ever.
pub async fn serve(listener: UnixListener, desk: Arc<Desk>) {
    let places = Arc::new(Semaphore::new(LOCAL_CLIENTS_MAX));
    let staying = Arc::new(Semaphore::new(LOCAL_STAYING_MAX));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "a client of the local socket cannot be let in");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Too many clients: this one finds the connection closed and says so.
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let (desk, staying) = (desk.clone(), staying.clone());
        tokio::spawn(async move {
            if let Err(error) = client(stream, &desk, &staying).await {
                debug!(%error, "a client of the local socket went away");
            }
            drop(place);
        });
    }
}

async fn client(stream: UnixStream, desk: &Desk, staying: &Semaphore) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let (read, write) = stream.into_split();
    let (mut reader, mut lines) = (LineReader::new(read), Lines { write });
    while let Some(line) = reader.next_within(LOCAL_REQUEST_WAIT).await? {
        let (request, descriptor) = match parsed(line) {
            Ok(parsed) => parsed,
            Err(fault) => return lines.write(&Answer::Error(fault)).await,
        };
        match request {
            Request::Status {} => lines.write(&desk.status()).await?,
            Request::Leave { for_ms, why } => {
                lines.write(&leave(desk, uid, for_ms, why).await).await?;
            }
            Request::Return {} => lines.write(&come_back(desk, uid).await).await?,
            Request::Say { to, text } => {
                let said = chat::say(desk, &user_name(uid), to.as_deref(), &text).await;
                lines.write(&said).await?;
            }
            Request::Inbox { since_ms, count } => {
                chat::inbox(desk, &mut lines, since_ms, count).await?;
            }
            Request::Chat {} => {
                let Ok(_place) = staying.try_acquire() else { return crowded(&mut lines).await };
                return chat::chat(desk, &user_name(uid), &mut reader, &mut lines).await;
            }
            Request::Send(request) => {
                let Ok(_place) = staying.try_acquire() else { return crowded(&mut lines).await };
                let asked = (request, descriptor);
                return chat::send(desk, &user_name(uid), asked, &mut reader, &mut lines).await;
            }
        }
    }
    Ok(())
}

async fn crowded(lines: &mut Lines) -> io::Result<()> {
    let text = format!(
        "{LOCAL_STAYING_MAX} chats and files are open on this host already; end some and try again"
    );
    lines.write(&Answer::Error(Fault::new(Exit::Failed, text))).await
}

/// The writing half of a client's connection.
pub(super) struct Lines {
    write: OwnedWriteHalf,
}

impl Lines {
    /// Writes an answer; a client that does not read is cut.
    pub(super) async fn write(&mut self, answer: &Answer) -> io::Result<()> {
        let mut text = to_json_line(answer).map_err(io::Error::other)?;
        text.push('\n');
        timeout(LOCAL_REQUEST_WAIT, self.write.write_all(text.as_bytes())).await?
    }
}

/// The request in a line, and the descriptor that came with it.
pub(super) fn parsed(line: Line) -> Result<(Request, Option<OwnedFd>), Fault> {
    match line {
        Line::Whole(line, descriptor) => match serde_json::from_str(&line) {
            Ok(request) => Ok((request, descriptor)),
            Err(error) => {
                let text = format!(
                    "this agent does not understand the request ({error}); use the systole-agent of the same version"
                );
                Err(Fault::new(Exit::Usage, text))
            }
        },
        Line::TooLong => {
            let text = format!("a request has at most {LOCAL_LINE_BYTES_MAX} bytes");
            Err(Fault::new(Exit::Usage, text))
        }
    }
}

async fn leave(desk: &Desk, uid: u32, for_ms: u64, why: String) -> Answer {
    let lease = Duration::from_millis(for_ms);
    announce(desk, uid, |reply| Command::Leave { lease, why, reply }).await
}

async fn come_back(desk: &Desk, uid: u32) -> Answer {
    announce(desk, uid, |reply| Command::Return { reply }).await
}

async fn announce(
    desk: &Desk,
    uid: u32,
    command: impl FnOnce(oneshot::Sender<Told>) -> Command,
) -> Answer {
    let own = rustix::process::geteuid().as_raw();
    if uid != 0 && uid != own {
        let text = "only root and the agent's own user may announce an absence; use sudo";
        return Answer::Error(Fault::new(Exit::Refused, text));
    }
    let (reply, told) = oneshot::channel();
    let busy = || {
        let text = "the agent's heartbeat loop does not answer; try again, then restart the agent";
        Answer::Error(Fault::new(Exit::Failed, text))
    };
    if desk.commands.try_send(command(reply)).is_err() {
        return busy();
    }
    let Ok(Ok(told)) = timeout(LOCAL_ANSWER_WAIT, told).await else { return busy() };
    Answer::Absence(Absence {
        lease: desk.shared.report().lease.as_ref().map(lease),
        told: told.told.iter().map(ToString::to_string).collect(),
        untold: told.untold.iter().map(ToString::to_string).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::shell::clocks::clocks;
    use systole_common::time::UnixMs;

    /// A desk, and what it asks of the heartbeat loop.
    fn desk() -> (Desk, mpsc::Receiver<Command>) {
        let engine = Engine::new(clocks(), 1, Duration::from_secs(5));
        let (commands, asked) = mpsc::channel(1);
        let shared = Arc::new(Shared::new(engine.report(clocks()), engine.sampling(), Vec::new()));
        let (host, instance) = (Some("web-1".to_owned()), "1".to_owned());
        let started = UnixMs(0);
        let facts = Mutex::new(Facts { host, certificate_expires: None, instance, started });
        let ((talk, _), (sends, _)) = (Door::new(), mpsc::channel(1));
        (Desk { shared, commands, facts, talk, sends }, asked)
    }

    fn own() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[tokio::test]
    async fn only_root_and_the_agents_user_announce_an_absence() {
        let (desk, mut asked) = desk();
        for answer in [
            leave(&desk, own() + 4711, 60_000, String::new()).await,
            come_back(&desk, own() + 4711).await,
        ] {
            let Answer::Error(fault) = answer else { panic!("{answer:?}") };
            assert_eq!(fault.exit, Exit::Refused.code());
        }
        assert!(asked.try_recv().is_err());
        assert!(matches!(desk.status(), Answer::Status(_)));
        let granted = leave(&desk, own(), 60_000, "x".to_owned());
        let heart = async {
            let Some(Command::Leave { lease, why, reply }) = asked.recv().await else {
                panic!("no leave")
            };
            assert_eq!((lease, why.as_str()), (Duration::from_mins(1), "x"));
            reply.send(Told { told: vec!["mon-1".parse().unwrap()], untold: vec![] }).unwrap();
        };
        let (answer, ()) = tokio::join!(granted, heart);
        let Answer::Absence(absence) = answer else { panic!("{answer:?}") };
        assert_eq!(absence.told, ["mon-1"]);
    }

    #[tokio::test]
    async fn a_heartbeat_loop_that_is_gone_is_said() {
        let (desk, asked) = desk();
        drop(asked);
        let answer = come_back(&desk, own()).await;
        let Answer::Error(fault) = answer else { panic!("{answer:?}") };
        assert_eq!(fault.exit, Exit::Failed.code());
    }
}
