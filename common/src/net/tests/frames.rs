//! Frames over a real connection: whole, in pieces, unknown, too long, cut short.

use quinn::{Connection, SendStream};

use super::handshakes::{client, daemon};
use super::pki::Pki;
use crate::ids::InstanceId;
use crate::net::endpoint::{ClientEndpoint, ServerEndpoint};
use crate::net::framed::{FrameError, FrameReader, FrameWriter};
use crate::net::limits::WRITER_BYTES_MAX;
use crate::net::tls::ClientTls;
use crate::wire::codec::{WireError, decode, encode_frame};
use crate::wire::control::Echo;
use crate::wire::header::Header;
use crate::wire::kind::Kind;
use crate::wire::limits::{SKIP_BYTES_MAX, SMALL_BODY_BYTES_MAX};

const ECHO: Echo = Echo {
    epoch: InstanceId(1),
    sequence: 2,
    heartbeat_sequence: 300,
    hold_us: 70_000,
    loop_lag_us: 5,
    wanted_interval_ms: 1_000,
};

/// A connection, both ends of one stream on it, and what keeps them alive.
struct Line {
    send: SendStream,
    reader: FrameReader,
    ends: (ServerEndpoint, ClientEndpoint, Connection, Connection),
}

async fn line(version: u8) -> Line {
    let pki = Pki::new();
    let server = daemon(&pki.credentials("spiffe://systole/daemon/mon-1"));
    let agent = pki.credentials("spiffe://systole/agent/web-1");
    let tls = ClientTls::new(&agent, std::collections::BTreeSet::new());
    let (client, address) = client(&server);
    let connecting = client.dial(&tls, &"mon-1".parse().unwrap(), address, None);
    let accepted = async {
        let incoming = server.endpoint().accept().await.unwrap();
        server.admit(incoming).await.unwrap().0
    };
    let (dialled, accepted) = tokio::join!(connecting, accepted);
    let dialled = dialled.unwrap();
    let mut send = dialled.open_uni().await.unwrap();
    send.write_all(&[0]).await.unwrap();
    let mut receive = accepted.accept_uni().await.unwrap();
    receive.read_exact(&mut [0]).await.unwrap();
    let reader = FrameReader::new(receive, version);
    Line { send, reader, ends: (server, client, dialled, accepted) }
}

fn header(kind: u8, version: u8, length: u32) -> [u8; 8] {
    Header { kind, version, flags: 0, length }.to_bytes()
}

#[tokio::test]
async fn frames_arrive_whole_and_in_order() {
    let Line { send, mut reader, ends: _ends } = line(0).await;
    let mut writer = FrameWriter::new(send, 0);
    writer.write(&ECHO).await.unwrap();
    writer.set_version(1);
    writer.queue(&ECHO).unwrap();
    writer.queue_encoded(&encode_frame(1, &Echo { sequence: 3, ..ECHO }).unwrap()).unwrap();
    writer.flush().await.unwrap();
    writer.stream().finish().unwrap();

    assert_eq!(reader.expect::<Echo>().await.unwrap(), ECHO);
    reader.set_version(1);
    assert_eq!(reader.expect::<Echo>().await.unwrap(), ECHO);
    let (kind, body) = reader.read().await.unwrap().unwrap();
    assert_eq!((kind, decode::<Echo>(&body).unwrap().sequence), (Kind::Echo, 3));
    assert_eq!(reader.read().await.unwrap(), None);
    assert_eq!(reader.expect::<Echo>().await, Err(FrameError::Ended { expected: "echo" }));
}

#[tokio::test]
async fn a_read_that_is_cancelled_at_each_byte_loses_nothing() {
    let Line { mut send, mut reader, ends: _ends } = line(1).await;
    let mut bytes = [header(255, 1, 3).as_slice(), b"xyz"].concat();
    bytes.extend(encode_frame(1, &ECHO).unwrap());
    let mut left = bytes.iter();
    let frame = loop {
        let next_byte = async {
            match left.next() {
                Some(byte) => send.write_all(&[*byte]).await.unwrap(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            frame = reader.expect::<Echo>() => break frame,
            () = next_byte => {}
        }
    };
    assert_eq!(frame.unwrap(), ECHO);
    assert_eq!(reader.skipped(), 1);
}

#[tokio::test]
async fn unknown_kinds_are_skipped_and_counted_up_to_a_bound() {
    let Line { mut send, mut reader, ends: _ends } = line(1).await;
    for length in [0, 70_000] {
        send.write_all(&header(254, 1, length)).await.unwrap();
        send.write_all(&vec![0; length as usize]).await.unwrap();
    }
    send.write_all(&encode_frame(1, &ECHO).unwrap()).await.unwrap();
    send.write_all(&header(254, 1, SKIP_BYTES_MAX + 1)).await.unwrap();
    assert_eq!(reader.expect::<Echo>().await.unwrap(), ECHO);
    assert_eq!(reader.skipped(), 2);
    let error = reader.read().await.unwrap_err();
    assert!(matches!(error, FrameError::Wire(WireError::TooLong { kind: "unknown", .. })));
}

#[tokio::test]
async fn what_breaks_the_protocol_is_an_error_before_the_body_comes() {
    let cases: [(&[u8], &str); 5] = [
        (&header(50, 1, SMALL_BODY_BYTES_MAX + 1), "echo frame claims 1025 bytes"),
        (&header(50, 1, u32::MAX), "echo frame claims 4294967295 bytes"),
        (&header(50, 2, 10), "version 2"),
        (&header(1, 1, 8), "the stream ended inside a frame"),
        (&[50, 1, 0], "the stream ended inside a frame"),
    ];
    for (bytes, told) in cases {
        let Line { mut send, mut reader, ends: _ends } = line(1).await;
        send.write_all(bytes).await.unwrap();
        send.finish().unwrap();
        let error = reader.read().await.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[tokio::test]
async fn another_kind_than_expected_is_named() {
    let Line { mut send, mut reader, ends: _ends } = line(1).await;
    send.write_all(&header(16, 1, 0)).await.unwrap();
    let error = reader.expect::<Echo>().await.unwrap_err();
    let named = WireError::Kind { expected: "echo", found: "heartbeat" };
    assert_eq!(error, FrameError::Wire(named));
}

#[tokio::test]
async fn a_writer_holds_only_so_much() {
    let Line { send, ends: _ends, .. } = line(1).await;
    let mut writer = FrameWriter::new(send, 1);
    writer.queue_encoded(&vec![0; WRITER_BYTES_MAX]).unwrap();
    assert_eq!(writer.queue(&ECHO), Err(FrameError::Full));
    assert_eq!(writer.queue_encoded(&[0]), Err(FrameError::Full));
    assert_eq!(writer.waiting_bytes(), WRITER_BYTES_MAX);
}

#[tokio::test]
async fn a_lost_connection_is_recognised() {
    let Line { mut reader, ends, .. } = line(1).await;
    ends.2.close(0_u32.into(), b"bye");
    let error = reader.read().await.unwrap_err();
    assert!(matches!(error.connection(), Some(quinn::ConnectionError::ApplicationClosed(_))));
}
