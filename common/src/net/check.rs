//! `check-config --connect`: dials a daemon and says which of name, UDP, certificate, clock is wrong.
//!
//! It changes nothing at the daemon: its hello offers no protocol version, so that the daemon refuses
//! it after the certificates were verified both ways, and answers with its name and clocks.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use quinn::{Connection, VarInt, WriteError};
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::{Instant, timeout};

use super::certificates::Credentials;
use super::endpoint::client_endpoint;
use super::framed::{FrameError, FrameReader, FrameWriter};
use super::handshake::Unconnected;
use super::refusal::{Failure, explain};
use super::socket::local_for;
use super::tls::ClientTls;
use crate::exit::Exit;
use crate::ids::{BootId, DaemonName, InstanceId, SpoolEpoch};
use crate::model::coded::{Coded, Growing};
use crate::text::scrub;
use crate::time::UnixMs;
use crate::wire::hello::{
    Clocks, CloseCode, Hello, HelloAnswer, Purpose, RefusalCode, StreamName, StreamOpen,
};

/// Difference of the clocks above which something is wrong.
pub const CLOCK_OFFSET_MAX: Duration = Duration::from_secs(5);
/// Time for a name look-up, a handshake and an answer, each.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);
/// Time in which a host says that nobody listens on a port.
const PORT_CLOSED_WAIT: Duration = Duration::from_millis(300);

/// What is looked at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Has the name in the address an IP address?
    Name,
    /// Do packets arrive and come back?
    Udp,
    /// Does each side accept the other's certificate?
    Certificate,
    /// Does the daemon understand us?
    Hello,
    /// Do both clocks say the same?
    Clock,
}

impl Step {
    /// Its name for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Udp => "UDP",
            Self::Certificate => "certificate",
            Self::Hello => "hello",
            Self::Clock => "clock",
        }
    }
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub step: Step,
    /// Whether it is as it should be.
    pub is_right: bool,
    /// What was found, and what to do if it is wrong.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_right { "ok" } else { "WRONG" };
        write!(f, "{:11} {verdict:5} {}", self.step.as_str(), self.text)
    }
}

/// What was found; it ends with the first step that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// How a command ends that found this.
    pub fn exit(&self) -> Exit {
        let wrong = self.0.iter().find(|finding| !finding.is_right);
        wrong.map_or(Exit::Done, |finding| match finding.step {
            Step::Name | Step::Udp => Exit::Unreachable,
            Step::Certificate => Exit::Refused,
            Step::Hello | Step::Clock => Exit::Failed,
        })
    }

    fn right(&mut self, step: Step, text: String) {
        self.0.push(Finding { step, is_right: true, text });
    }

    fn wrong(mut self, step: Step, text: String) -> Self {
        self.0.push(Finding { step, is_right: false, text });
        self
    }
}

/// Who checks whom.
#[derive(Debug, Clone, Copy)]
pub struct Check<'a> {
    /// The own certificate.
    pub credentials: &'a Credentials,
    /// The daemon's name.
    pub daemon: &'a DaemonName,
    /// `HOST:PORT`.
    pub address: &'a str,
    /// What this program's connections are for.
    pub purpose: Purpose,
    /// This program's version.
    pub software: &'a str,
}

impl Check<'_> {
    /// Carries the check out. `clocks` reads this machine's clocks. Takes at most some 15 s.
    pub async fn run(&self, clocks: impl Fn() -> Clocks) -> Findings {
        let mut findings = Findings::default();
        let address = match self.look_up().await {
            Ok(address) => address,
            Err(text) => return findings.wrong(Step::Name, text),
        };
        let found = match self.address.parse::<SocketAddr>() {
            Ok(_) => format!("{address} needs no look-up"),
            Err(_) => format!("{} is {address}", self.address),
        };
        findings.right(Step::Name, found);
        let connection = match self.connect(address).await {
            Ok(connection) => connection,
            Err((step, text)) => {
                if step != Step::Udp {
                    findings.right(Step::Udp, format!("{address} answers"));
                }
                return findings.wrong(step, text);
            }
        };
        findings.right(Step::Udp, format!("{address} answers"));
        let sent = Instant::now();
        let answer = self.say_hello(&connection, clocks()).await;
        let round_trip = sent.elapsed();
        let code = VarInt::from_u32(CloseCode::Goodbye.code().into());
        connection.close(code, b"only a check");
        match answer {
            Ok(answer) => self.judge(findings, &answer, clocks().wall_ms, round_trip),
            Err((step, text)) => findings.wrong(step, text),
        }
    }

    async fn look_up(&self) -> Result<SocketAddr, String> {
        let failed = |why: &dyn fmt::Display| {
            format!(
                "the name in {} cannot be looked up ({why}); check the configuration and the name server",
                self.address
            )
        };
        match timeout(STEP_TIMEOUT, lookup_host(self.address)).await {
            Ok(Ok(mut found)) => found.next().ok_or_else(|| failed(&"it has no address")),
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(failed(&"no answer")),
        }
    }

    async fn connect(&self, address: SocketAddr) -> Result<Connection, (Step, String)> {
        let tls = ClientTls::new(self.credentials, BTreeSet::new());
        let endpoint =
            client_endpoint(local_for(address)).map_err(|error| (Step::Udp, error.to_string()))?;
        match timeout(STEP_TIMEOUT, endpoint.dial(&tls, self.daemon, address, None)).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err((failed_step(&error), error.to_string())),
            Err(_) => Err((Step::Udp, self.silent(address).await)),
        }
    }

    /// Why nothing came back: a host that is there says so when nobody listens on the port.
    async fn silent(&self, address: SocketAddr) -> String {
        let daemon = self.daemon;
        if is_port_closed(address).await.unwrap_or(false) {
            return format!(
                "nobody listens on {address}; start systoled for {daemon} there, or correct the port"
            );
        }
        format!(
            "no answer from {address}; check the address, that systoled runs there, and that every firewall between lets UDP through both ways"
        )
    }

    async fn say_hello(
        &self,
        connection: &Connection,
        clocks: Clocks,
    ) -> Result<HelloAnswer, (Step, String)> {
        let peer = format!("{} ({})", self.daemon, connection.remote_address());
        match timeout(STEP_TIMEOUT, self.exchange(connection, clocks)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(match error.connection() {
                Some(error) => (step_of(Failure::of(error), Step::Hello), explain(error, &peer)),
                None => (Step::Hello, format!("{peer}: broke the protocol ({error})")),
            }),
            Err(_) => Err((Step::Hello, format!("{peer}: does not answer the hello"))),
        }
    }

    async fn exchange(
        &self,
        connection: &Connection,
        clocks: Clocks,
    ) -> Result<HelloAnswer, FrameError> {
        let streams = connection.open_bi().await;
        let (send, receive) =
            streams.map_err(|error| FrameError::Write(WriteError::ConnectionLost(error)))?;
        let mut writer = FrameWriter::new(send, 0);
        writer.queue(&StreamOpen { stream: StreamName::Hello.into() })?;
        writer.queue(&self.hello(clocks))?;
        writer.flush().await?;
        FrameReader::new(receive, 0).expect().await
    }

    /// A hello that no daemon accepts.
    fn hello(&self, clocks: Clocks) -> Hello {
        Hello {
            version_min: 0,
            version_max: 0,
            software: self.software.to_owned(),
            purpose: self.purpose.into(),
            instance: InstanceId(0),
            boot_id: BootId::default(),
            spool_epoch: SpoolEpoch(0),
            clocks,
            os: "check-config".to_owned(),
            labels: Vec::new(),
        }
    }

    fn judge(
        &self,
        mut findings: Findings,
        answer: &HelloAnswer,
        wall_ms: i64,
        round_trip: Duration,
    ) -> Findings {
        let own = &self.credentials.leaf;
        findings.right(
            Step::Certificate,
            format!(
                "{} accepts {}, whose certificate ends on {}",
                self.daemon,
                own.identity,
                own.not_after.local()
            ),
        );
        if let Some(refusal) = &answer.refused
            && refusal.code != Growing::Known(RefusalCode::Version)
        {
            return findings.wrong(Step::Hello, scrub(&refusal.text).into_owned());
        }
        findings.right(Step::Hello, format!("{} answers", scrub(&answer.software)));
        if answer.clocks.wall_ms == 0 {
            return findings;
        }
        let (offset, is_right) = offset(answer.clocks.wall_ms, wall_ms, round_trip);
        if is_right {
            findings.right(Step::Clock, format!("both clocks agree within {offset} ms"));
            return findings;
        }
        let text = format!(
            "it is {} here and {} at {}: {offset} ms apart; correct one of the clocks (NTP)",
            UnixMs(wall_ms).local(),
            UnixMs(answer.clocks.wall_ms).local(),
            self.daemon
        );
        findings.wrong(Step::Clock, text)
    }
}

/// How far the clocks are apart in milliseconds, and whether that is bearable. The answer was made
/// somewhere within the round trip.
fn offset(theirs_ms: i64, ours_ms: i64, round_trip: Duration) -> (u64, bool) {
    let apart = Duration::from_millis(theirs_ms.abs_diff(ours_ms)).saturating_sub(round_trip);
    let apart_ms = u64::try_from(apart.as_millis()).unwrap_or(u64::MAX);
    (apart_ms, apart <= CLOCK_OFFSET_MAX)
}

fn failed_step(error: &Unconnected) -> Step {
    step_of(error.failure(), Step::Certificate)
}

fn step_of(failure: Failure, otherwise: Step) -> Step {
    match failure {
        Failure::Unreachable => Step::Udp,
        Failure::Certificate => Step::Certificate,
        Failure::Closed | Failure::Protocol => otherwise,
    }
}

/// Whether the host answers that nobody has the port. One byte is sent, which no daemon answers.
async fn is_port_closed(address: SocketAddr) -> io::Result<bool> {
    let socket = UdpSocket::bind(local_for(address)).await?;
    socket.connect(address).await?;
    socket.send(&[0]).await?;
    let answer = timeout(PORT_CLOSED_WAIT, socket.recv(&mut [0; 1])).await;
    Ok(matches!(answer, Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(step: Step, is_right: bool) -> Finding {
        Finding { step, is_right, text: "x".to_owned() }
    }

    #[test]
    fn what_is_wrong_decides_the_exit() {
        let exit = |step| Findings(vec![finding(Step::Name, true), finding(step, false)]).exit();
        assert_eq!(exit(Step::Name), Exit::Unreachable);
        assert_eq!(exit(Step::Udp), Exit::Unreachable);
        assert_eq!(exit(Step::Certificate), Exit::Refused);
        assert_eq!(exit(Step::Clock), Exit::Failed);
        assert_eq!(Findings(vec![finding(Step::Clock, true)]).exit(), Exit::Done);
        assert_eq!(finding(Step::Udp, false).to_string(), "UDP         WRONG x");
    }

    #[test]
    fn clocks_may_differ_by_five_seconds_and_the_way() {
        let trip = Duration::from_millis(100);
        assert_eq!(offset(1_000_000, 1_000_050, trip), (0, true));
        assert_eq!(offset(1_000_000, 1_005_100, trip), (5_000, true));
        assert_eq!(offset(1_000_000, 1_005_101, trip), (5_001, false));
        assert!(!offset(i64::MIN, i64::MAX, trip).1);
    }

    #[tokio::test]
    async fn a_closed_port_is_told_from_silence() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        assert!(!is_port_closed(address).await.unwrap());
        drop(socket);
        assert!(is_port_closed(address).await.unwrap());
    }
}
