//! Dials the configured daemons in their order and says hello; the first that welcomes us is used.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use quinn::{Connection, VarInt};
use systole_common::ids::{BootId, InstanceId, SpoolEpoch};
use systole_common::model::coded::Coded;
use systole_common::net::certificates::{CertificateError, Credentials};
use systole_common::net::endpoint::client_endpoint;
use systole_common::net::framed::{FrameError, FrameReader, FrameWriter};
use systole_common::net::identity::Holder;
use systole_common::net::limits::CONSOLE_ATTEMPT_TIMEOUT_MS;
use systole_common::net::refusal::Failure;
use systole_common::net::socket::local_for;
use systole_common::net::tls::ClientTls;
use systole_common::wire::hello::{CloseCode, Hello, HelloAnswer, Purpose, StreamName, StreamOpen};
use systole_common::wire::{VERSION_MAX, VERSION_MIN};
use tokio::time::timeout;

use super::link::{Link, LinkError, Welcome};
use super::{clock, random};
use crate::config::{Config, DaemonPlace};
use crate::limits::{ADDRESSES_MAX, KEEP_ALIVE};

/// Version of this program, as it says in its hello.
pub const SOFTWARE: &str = env!("CARGO_PKG_VERSION");

/// What is needed to dial.
#[derive(Debug, Clone)]
pub struct Dialer {
    daemons: Vec<DaemonPlace>,
    tls: ClientTls,
    instance: InstanceId,
}

impl Dialer {
    /// Loads the own certificate and the CA.
    pub fn new(config: &Config) -> Result<Self, CertificateError> {
        let now = clock::now().wall;
        let credentials = Credentials::load(Holder::Operator, &config.tls, now)?;
        Ok(Self {
            daemons: config.daemons.clone(),
            tls: ClientTls::new(&credentials, std::collections::BTreeSet::new()),
            instance: InstanceId(random::number()),
        })
    }

    /// Dials each daemon once, in their order.
    pub async fn dial(&self) -> Result<Link, LinkError> {
        let mut errors = Vec::new();
        for place in &self.daemons {
            match self.dial_place(place).await {
                Ok(link) => return Ok(link),
                Err(error) => errors.push(error),
            }
        }
        Err(LinkError::all(errors))
    }

    /// Dials each address of one daemon once. Its name is looked up anew.
    async fn dial_place(&self, place: &DaemonPlace) -> Result<Link, LinkError> {
        let unresolved = |source| LinkError::Resolve { place: place.clone(), source };
        let wait = Duration::from_millis(CONSOLE_ATTEMPT_TIMEOUT_MS);
        let found = timeout(wait, tokio::net::lookup_host(&place.address)).await;
        let found =
            found.map_err(|_| unresolved(io::ErrorKind::TimedOut.into()))?.map_err(unresolved)?;
        let mut last = unresolved(io::ErrorKind::NotFound.into());
        for address in found.take(ADDRESSES_MAX) {
            let attempt = self.dial_address(place, address);
            last = match timeout(wait, attempt).await {
                Ok(Ok(link)) => return Ok(link),
                Ok(Err(error)) => error,
                Err(_) => LinkError::Silent { place: place.clone(), address, waited: wait },
            };
        }
        Err(last)
    }

    async fn dial_address(
        &self,
        place: &DaemonPlace,
        address: SocketAddr,
    ) -> Result<Link, LinkError> {
        let endpoint = client_endpoint(local_for(address))
            .map_err(|error| LinkError::Endpoint(error.into()))?;
        let dialled = endpoint.dial(&self.tls, &place.name, address, Some(KEEP_ALIVE)).await;
        let connection = dialled.map_err(|error| LinkError::Unconnected(error.into()))?;
        match self.greet(&connection).await {
            Ok(answer) => welcomed(connection, place, address, answer),
            Err(error) => Err(LinkError::lost(place, address, error)),
        }
    }

    async fn greet(&self, connection: &Connection) -> Result<HelloAnswer, FrameError> {
        let (send, receive) = connection.open_bi().await.map_err(quinn::WriteError::from)?;
        let (mut writer, mut reader) = (FrameWriter::new(send, 0), FrameReader::new(receive, 0));
        writer.queue(&StreamOpen { stream: StreamName::Hello.into() })?;
        writer.queue(&self.hello())?;
        writer.flush().await?;
        reader.expect().await
    }

    fn hello(&self) -> Hello {
        Hello {
            version_min: VERSION_MIN,
            version_max: VERSION_MAX,
            software: SOFTWARE.to_owned(),
            purpose: Purpose::Console.into(),
            instance: self.instance,
            boot_id: boot_id(),
            spool_epoch: SpoolEpoch(0),
            clocks: clock::clocks(),
            os: std::env::consts::OS.to_owned(),
            labels: Vec::new(),
        }
    }
}

fn welcomed(
    connection: Connection,
    place: &DaemonPlace,
    address: SocketAddr,
    answer: HelloAnswer,
) -> Result<Link, LinkError> {
    if let Some(refusal) = answer.refused {
        connection.close(close_code(CloseCode::Refused), b"");
        return Err(LinkError::Refused { place: place.clone(), refusal });
    }
    if !(VERSION_MIN..=VERSION_MAX).contains(&answer.version) {
        connection.close(close_code(CloseCode::Protocol), b"unknown version");
        return Err(LinkError::Version { place: place.clone(), version: answer.version });
    }
    let welcome = Welcome {
        daemon: place.name.to_string(),
        address: address.to_string(),
        role: answer.role.to_string(),
        software: answer.software,
        version: answer.version,
    };
    Ok(Link::new(connection, place.clone(), welcome))
}

/// A close code as quinn takes it.
pub fn close_code(code: CloseCode) -> VarInt {
    VarInt::from(code.code())
}

fn boot_id() -> BootId {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    BootId::parse(&text)
}

/// What kind of failure an attempt is, for the exit code.
pub(super) fn is_certificate(failure: Failure) -> bool {
    match failure {
        Failure::Certificate => true,
        Failure::Unreachable | Failure::Closed | Failure::Protocol => false,
    }
}
