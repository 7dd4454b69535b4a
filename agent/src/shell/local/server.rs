//! Answers the clients of the local socket. Each gets a task; a slow or silent one is cut.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use systole_common::exit::Exit;
use systole_common::text::to_json_line;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedReadHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::{Absence, Answer, Facts, Fault, Request, lease, status};
use crate::limits::{
    LOCAL_ANSWER_WAIT, LOCAL_CLIENTS_MAX, LOCAL_LINE_BYTES_MAX, LOCAL_REQUEST_WAIT,
};
use crate::shell::shared::{Command, Shared, Told};

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
}

impl Desk {
    /// Changes who this agent is.
    pub fn update(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn facts(&self) -> Facts {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Accepts clients for ever.
pub async fn serve(listener: UnixListener, desk: Arc<Desk>) {
    let places = Arc::new(Semaphore::new(LOCAL_CLIENTS_MAX));
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
        let desk = desk.clone();
        tokio::spawn(async move {
            if let Err(error) = client(stream, &desk).await {
                debug!(%error, "a client of the local socket went away");
            }
            drop(place);
        });
    }
}

async fn client(stream: UnixStream, desk: &Desk) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let (read, mut write) = stream.into_split();
    let mut reader = BufReader::new(read);
    while let Some(line) = next_line(&mut reader).await? {
        let answer = match line {
            Line::Whole(line) => respond(&line, uid, desk).await,
            Line::TooLong => Answer::Error(Fault::new(
                Exit::Usage,
                format!("a request has at most {LOCAL_LINE_BYTES_MAX} bytes"),
            )),
        };
        let ends = matches!(&answer, Answer::Error(fault) if fault.exit == Exit::Usage.code());
        let mut text = to_json_line(&answer).map_err(io::Error::other)?;
        text.push('\n');
        timeout(LOCAL_REQUEST_WAIT, write.write_all(text.as_bytes())).await??;
        if ends {
            break;
        }
    }
    Ok(())
}

enum Line {
    Whole(String),
    TooLong,
}

async fn next_line(reader: &mut BufReader<OwnedReadHalf>) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(LOCAL_LINE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bounded = reader.take(limit);
    let read = timeout(LOCAL_REQUEST_WAIT, bounded.read_until(b'\n', &mut bytes)).await??;
    if read == 0 {
        return Ok(None);
    }
    if bytes.pop_if(|last| *last == b'\n').is_none() && read > LOCAL_LINE_BYTES_MAX {
        return Ok(Some(Line::TooLong));
    }
    Ok(Some(Line::Whole(String::from_utf8_lossy(&bytes).into_owned())))
}

async fn respond(line: &str, uid: u32, desk: &Desk) -> Answer {
    let request: Request = match serde_json::from_str(line) {
        Ok(request) => request,
        Err(error) => {
            let text = format!(
                "this agent does not understand the request ({error}); use the systole-agent of the same version"
            );
            return Answer::Error(Fault::new(Exit::Usage, text));
        }
    };
    match request {
        Request::Status {} => {
            let report = desk.shared.report();
            let given_up = desk.shared.counters.unspooled.load(Ordering::Relaxed);
            Answer::Status(status(&desk.facts(), &report, &desk.shared.delivery(), given_up))
        }
        Request::Leave { for_ms, why } => {
            let lease = Duration::from_millis(for_ms);
            announce(desk, uid, |reply| Command::Leave { lease, why, reply }).await
        }
        Request::Return {} => announce(desk, uid, |reply| Command::Return { reply }).await,
    }
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
        (Desk { shared, commands, facts }, asked)
    }

    fn own() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[tokio::test]
    async fn only_root_and_the_agents_user_announce_an_absence() {
        let (desk, mut asked) = desk();
        for line in [r#"{"command":"leave","for_ms":60000,"why":""}"#, r#"{"command":"return"}"#] {
            let answer = respond(line, own() + 4711, &desk).await;
            let Answer::Error(fault) = answer else { panic!("{answer:?}") };
            assert_eq!(fault.exit, Exit::Refused.code());
        }
        assert!(asked.try_recv().is_err());
        let status = respond(r#"{"command":"status"}"#, own() + 4711, &desk).await;
        assert!(matches!(status, Answer::Status(_)));
        let granted = respond(r#"{"command":"leave","for_ms":60000,"why":"x"}"#, own(), &desk);
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
        let answer = respond(r#"{"command":"return"}"#, own(), &desk).await;
        let Answer::Error(fault) = answer else { panic!("{answer:?}") };
        assert_eq!(fault.exit, Exit::Failed.code());
    }
}
