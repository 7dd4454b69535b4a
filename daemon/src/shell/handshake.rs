//! From a finished TLS handshake to a served peer: certificate, hello, version, role, and its answer.

use std::net::SocketAddr;
use std::sync::Arc;

use quinn::Connection;
use systole_common::ids::Identity;
use systole_common::model::coded::{Coded, Growing};
use systole_common::net::framed::{FrameError, FrameReader, FrameWriter};
use systole_common::net::identity::Leaf;
use systole_common::text::scrub_to;
use systole_common::wire::control::Policy;
use systole_common::wire::hello::{
    CloseCode, Hello, HelloAnswer, PeerRole, Purpose, Refusal, RefusalCode, StreamName, StreamOpen,
};
use systole_common::wire::limits::FACT_BYTES_MAX;
use systole_common::wire::{VERSION_MAX, VERSION_MIN, negotiate};

use super::context::{Context, SOFTWARE};
use super::{agent_link, clock, console_link, peers};
use crate::limits::{FAREWELL, HELLO_TIMEOUT, OVERLOAD_RETRY_MS};

/// Why a connection was not served, for the listener's log.
#[derive(Debug)]
pub(super) struct NotServed {
    /// Whose it was.
    pub(super) address: SocketAddr,
    /// The kind of reason, for counting.
    pub(super) label: &'static str,
    /// The reason, for people.
    pub(super) text: String,
}

/// A connection that has said an acceptable hello and waits for its answer.
#[derive(Debug)]
pub(super) struct Greeted {
    /// The connection.
    pub(super) connection: Connection,
    /// Whose certificate it showed.
    pub(super) leaf: Leaf,
    /// What it said, its texts scrubbed.
    pub(super) hello: Hello,
    /// The version of all further frames.
    pub(super) version: u8,
    writer: FrameWriter,
}

/// Serves a connection until its end. An error is a connection that was refused.
pub(super) async fn serve(
    context: &Arc<Context>,
    connection: Connection,
    leaf: Leaf,
) -> Result<(), NotServed> {
    let address = connection.remote_address();
    let not_served = |label, text: String| NotServed { address, label, text };
    // The verifier has looked already, but the list may have been replaced since.
    if context.revoked.load().contains(&leaf.fingerprint) {
        peers::close(&connection, CloseCode::Revoked, "the certificate was revoked");
        let text = format!("the certificate of {} is revoked", leaf.identity);
        return Err(not_served("revoked", text));
    }
    let who = leaf.identity.to_string();
    let greeted = match greet(context, &connection, leaf).await {
        Ok(greeted) => greeted,
        Err(Ungreeted::Refused(label, text)) => {
            return Err(not_served(label, format!("{who}: {text}")));
        }
        Err(Ungreeted::Broken(text)) => {
            peers::close(&connection, CloseCode::Protocol, &text);
            return Err(not_served("hello", format!("{who}: {text}")));
        }
    };
    let (identity, purpose) = (greeted.leaf.identity.clone(), greeted.hello.purpose);
    match (identity, purpose) {
        (Identity::Agent(host), Growing::Known(purpose @ (Purpose::Main | Purpose::Bulk))) => {
            agent_link::run(context, greeted, host, purpose).await;
        }
        (Identity::Operator(role, name), Growing::Known(Purpose::Console)) => {
            console_link::run(context, greeted, role, name).await;
        }
        (identity, purpose) => {
            let text = wrong_purpose(&identity, purpose);
            let refusal = refusal(RefusalCode::Role, &text, 0);
            greeted.refuse(context, refusal, CloseCode::Refused).await;
            return Err(not_served("role", text));
        }
    }
    Ok(())
}

enum Ungreeted {
    /// It was told why and the connection is closed.
    Refused(&'static str, String),
    /// There was nobody to answer.
    Broken(String),
}

/// Reads the hello and settles the version.
async fn greet(
    context: &Context,
    connection: &Connection,
    leaf: Leaf,
) -> Result<Greeted, Ungreeted> {
    let read = async {
        let (send, receive) = connection.accept_bi().await.map_err(|error| error.to_string())?;
        let mut reader = FrameReader::new(receive, 0);
        let hello = read_hello(&mut reader).await.map_err(|error| error.to_string())?;
        Ok((FrameWriter::new(send, 0), hello))
    };
    let outcome: Result<_, String> = tokio::time::timeout(HELLO_TIMEOUT, read)
        .await
        .unwrap_or_else(|_| Err("no hello came in time".to_owned()));
    let (writer, hello) =
        outcome.map_err(|text| Ungreeted::Broken(scrub_to(&text, FACT_BYTES_MAX).into_owned()))?;
    let hello = scrubbed(hello);
    let version = negotiate(hello.version_min, hello.version_max);
    let chosen = version.unwrap_or(0);
    let greeted = Greeted { connection: connection.clone(), leaf, hello, version: chosen, writer };
    if version.is_some() {
        return Ok(greeted);
    }
    let text = no_common_version(&greeted.hello);
    let refusal = refusal(RefusalCode::Version, &text, OVERLOAD_RETRY_MS);
    greeted.refuse(context, refusal, CloseCode::Refused).await;
    Err(Ungreeted::Refused("version", text))
}

async fn read_hello(reader: &mut FrameReader) -> Result<Hello, FrameError> {
    let open: StreamOpen = reader.expect().await?;
    if open.stream != Growing::Known(StreamName::Hello) {
        return Err(FrameError::Ended { expected: StreamName::Hello.as_str() });
    }
    reader.expect().await
}

fn scrubbed(mut hello: Hello) -> Hello {
    let clean = |text: &mut String| *text = scrub_to(text, FACT_BYTES_MAX).into_owned();
    clean(&mut hello.software);
    clean(&mut hello.os);
    for (key, value) in &mut hello.labels {
        clean(key);
        clean(value);
    }
    hello
}

fn no_common_version(hello: &Hello) -> String {
    let (least, most) = (hello.version_min, hello.version_max);
    let ours = format!("this daemon speaks protocol versions {VERSION_MIN} to {VERSION_MAX}");
    if least > most {
        format!("{ours}, the peer's range {least} to {most} is empty: correct the peer")
    } else if least > VERSION_MAX {
        format!("{ours}, the peer {least} to {most}: upgrade the daemon")
    } else {
        format!("{ours}, the peer {least} to {most}: upgrade the peer")
    }
}

fn wrong_purpose(identity: &Identity, purpose: Growing<Purpose>) -> String {
    match purpose {
        Growing::Known(purpose) => {
            format!("the certificate of {identity} does not allow a {purpose} connection")
        }
        Growing::Unknown(code) => {
            format!("connection purpose {code} of {identity} is not known here: upgrade the daemon")
        }
    }
}

/// A refusal of ours.
pub(super) fn refusal(code: RefusalCode, text: &str, retry_after_ms: u32) -> Refusal {
    Refusal { code: code.into(), text: text.to_owned(), retry_after_ms }
}

impl Greeted {
    /// Tells the peer that it is welcome.
    pub(super) async fn welcome(
        mut self,
        context: &Context,
        policy: Policy,
    ) -> Result<(), FrameError> {
        let answer = HelloAnswer { policy, ..self.answer(context, None) };
        self.writer.write(&answer).await?;
        let _ = self.writer.stream().finish();
        Ok(())
    }

    /// Tells the peer why not, gives it time to read that, and closes the connection.
    pub(super) async fn refuse(mut self, context: &Context, refusal: Refusal, code: CloseCode) {
        let text = refusal.text.clone();
        let answer = HelloAnswer { version: 0, ..self.answer(context, Some(refusal)) };
        let told = async {
            self.writer.write(&answer).await?;
            let _ = self.writer.stream().finish();
            // A close would throw away what is not yet sent.
            let _ = self.writer.stream().stopped().await;
            Ok::<(), FrameError>(())
        };
        let _ = tokio::time::timeout(FAREWELL, told).await;
        peers::close(&self.connection, code, &text);
    }

    fn answer(&self, context: &Context, refused: Option<Refusal>) -> HelloAnswer {
        let role: PeerRole = match &self.leaf.identity {
            Identity::Operator(role, _) => (*role).into(),
            Identity::Agent(_) | Identity::Daemon(_) => PeerRole::Agent,
        };
        HelloAnswer {
            refused,
            version: self.version,
            daemon: context.name.to_string(),
            software: SOFTWARE.to_owned(),
            instance: context.instance,
            clocks: clock::clocks(),
            role: role.into(),
            policy: Policy::default(),
        }
    }
}
