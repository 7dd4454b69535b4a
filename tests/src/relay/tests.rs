//! Real datagrams through the relay.

use super::*;

const WAIT: Duration = Duration::from_secs(10);

/// A server, a relay to it and a client that sends to the relay.
fn road() -> Result<(UdpSocket, Relay, UdpSocket)> {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    server.set_read_timeout(Some(WAIT))?;
    let relay = Relay::start(server.local_addr()?, 1)?;
    let client = client_of(&relay)?;
    Ok((server, relay, client))
}

fn client_of(relay: &Relay) -> Result<UdpSocket> {
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    client.set_read_timeout(Some(WAIT))?;
    client.connect(relay.address())?;
    Ok(client)
}

fn receive(socket: &UdpSocket) -> Result<(Vec<u8>, SocketAddr)> {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    let (length, from) = socket.recv_from(&mut buffer)?;
    buffer.truncate(length);
    Ok((buffer, from))
}

/// Sends until `wanted` datagrams were lost or forwarded, as the relay counts them.
fn until_counted(relay: &Relay, wanted: u64) -> Result<Counts> {
    crate::until("the relay counts them", WAIT, || {
        let counts = relay.counts();
        Ok((counts.forwarded + counts.lost >= wanted).then_some(counts))
    })
}

#[test]
fn clients_are_told_apart_and_answers_find_them() -> Result<()> {
    let (server, relay, one) = road()?;
    let other = client_of(&relay)?;
    one.send(b"one")?;
    let (bytes, from_one) = receive(&server)?;
    assert_eq!(bytes, b"one");
    other.send(b"other")?;
    let (bytes, from_other) = receive(&server)?;
    assert_eq!(bytes, b"other");
    assert_ne!(from_one, from_other);
    server.send_to(b"for one", from_one)?;
    server.send_to(&vec![7; 60_000], from_other)?;
    assert_eq!(receive(&one)?.0, b"for one");
    assert_eq!(receive(&other)?.0, vec![7; 60_000]);
    Ok(())
}

#[test]
fn a_cut_of_one_way_lets_the_other_pass_and_healing_lets_both() -> Result<()> {
    let (server, relay, client) = road()?;
    client.send(b"hello")?;
    let (_, from) = receive(&server)?;
    relay.cut(Cut::ToServer);
    client.send(b"lost")?;
    assert_eq!(until_counted(&relay, 2)?.lost, 1);
    server.send_to(b"heard", from)?;
    assert_eq!(receive(&client)?.0, b"heard");
    relay.cut(Cut::Both);
    server.send_to(b"lost", from)?;
    assert_eq!(until_counted(&relay, 4)?.lost, 2);
    relay.heal();
    client.send(b"again")?;
    assert_eq!(receive(&server)?.0, b"again");
    Ok(())
}

#[test]
fn a_delay_is_kept_and_what_is_too_long_is_lost() -> Result<()> {
    let (server, relay, client) = road()?;
    let delay = Duration::from_millis(80);
    relay.set(Weather { delay, bytes_max: 100, ..Weather::default() });
    let sent = Instant::now();
    client.send(&[1; 101])?;
    client.send(&[2; 100])?;
    assert_eq!(receive(&server)?.0, [2; 100]);
    assert!(sent.elapsed() >= delay, "{:?}", sent.elapsed());
    assert_eq!(
        until_counted(&relay, 2)?,
        Counts { taken: 2, forwarded: 1, lost: 1, overflowed: 0 }
    );
    Ok(())
}

#[test]
fn duplicates_come_twice_and_held_datagrams_are_overtaken() -> Result<()> {
    let (server, relay, client) = road()?;
    relay.set(Weather { duplicate_percent: 100.0, ..Weather::default() });
    client.send(b"twin")?;
    assert_eq!((receive(&server)?.0, receive(&server)?.0), (b"twin".to_vec(), b"twin".to_vec()));
    relay.set(Weather { delay: Duration::from_millis(200), ..Weather::default() });
    client.send(b"slow")?;
    crate::until("the relay has it", WAIT, || Ok((relay.counts().taken == 2).then_some(())))?;
    relay.heal();
    client.send(b"fast")?;
    assert_eq!(receive(&server)?.0, b"fast");
    assert_eq!(receive(&server)?.0, b"slow");
    Ok(())
}

#[test]
fn a_dropped_relay_is_gone_at_once() -> Result<()> {
    let (_server, relay, _client) = road()?;
    let address = relay.address();
    drop(relay);
    UdpSocket::bind(address)?;
    Ok(())
}
