//! Reads lines from a client of the local socket, and the descriptor that may come with one.
//!
//! Lines and descriptors are bounded. Descriptors are closed on exec, surplus ones at once. Reading
//! may be cancelled at any await and goes on where it stopped.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tokio::io::Interest;
use tokio::net::unix::OwnedReadHalf;
use tokio::time::timeout;

use crate::limits::{LOCAL_DESCRIPTORS_MAX, LOCAL_LINE_BYTES_MAX};

/// Bytes that are read in one go.
const PIECE_BYTES: usize = 4 * 1024;

/// The reading half of a client's connection.
#[derive(Debug)]
pub(super) struct LineReader {
    stream: OwnedReadHalf,
    bytes: Vec<u8>,
    descriptor: Option<OwnedFd>,
    is_ended: bool,
}

/// What a client sent.
#[derive(Debug)]
pub(super) enum Line {
    /// A line, and the descriptor that came with it.
    Whole(String, Option<OwnedFd>),
    /// More than a line may have.
    TooLong,
}

impl LineReader {
    pub(super) fn new(stream: OwnedReadHalf) -> Self {
        Self { stream, bytes: Vec::new(), descriptor: None, is_ended: false }
    }

    /// The next line within so much time; `None` at the end.
    pub(super) async fn next_within(&mut self, wait: Duration) -> io::Result<Option<Line>> {
        timeout(wait, self.next()).await?
    }

    /// The next line; `None` at the end. What comes after a line that is too long is not read.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        let mut seen = 0;
        loop {
            let end = self.bytes.iter().skip(seen).position(|byte| *byte == b'\n');
            if let Some(end) = end.map(|at| at + seen) {
                let mut rest = self.bytes.split_off(end);
                rest.remove(0);
                let line = std::mem::replace(&mut self.bytes, rest);
                return Ok(Some(self.whole(&line)));
            }
            if self.bytes.len() > LOCAL_LINE_BYTES_MAX {
                return Ok(Some(Line::TooLong));
            }
            if self.is_ended {
                let line = std::mem::take(&mut self.bytes);
                return Ok((!line.is_empty()).then(|| self.whole(&line)));
            }
            seen = self.bytes.len();
            self.receive().await?;
        }
    }

    fn whole(&mut self, line: &[u8]) -> Line {
        Line::Whole(String::from_utf8_lossy(line).into_owned(), self.descriptor.take())
    }

    async fn receive(&mut self) -> io::Result<()> {
        let stream: &tokio::net::UnixStream = self.stream.as_ref();
        let mut piece = [0; PIECE_BYTES];
        let (read, descriptor) =
            stream.async_io(Interest::READABLE, || receive_piece(stream, &mut piece)).await?;
        self.is_ended = read == 0;
        self.bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
        if descriptor.is_some() {
            self.descriptor = descriptor;
        }
        Ok(())
    }
}

/// Reads what is there, and the first of the descriptors that come with it; drops the others.
fn receive_piece(stream: impl AsFd, piece: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(LOCAL_DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let received = recvmsg(stream, &mut [IoSliceMut::new(piece)], &mut control, flags)?;
    let mut descriptors = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect::<Vec<OwnedFd>>(),
        _ => Vec::new(),
    });
    let first = descriptors.next();
    descriptors.for_each(drop);
    Ok((received.bytes, first))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{IoSlice, Write};
    use std::os::fd::BorrowedFd;
    use std::os::unix::net::UnixStream as Client;

    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use tokio::net::UnixStream;
    use tokio::net::unix::OwnedWriteHalf;

    use super::*;

    fn pair() -> (Client, LineReader, OwnedWriteHalf) {
        let (client, server) = Client::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        let (read, write) = UnixStream::from_std(server).unwrap().into_split();
        (client, LineReader::new(read), write)
    }

    fn pass(client: &Client, line: &str, descriptors: &[BorrowedFd<'_>]) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(descriptors)));
        let bytes = [IoSlice::new(line.as_bytes())];
        sendmsg(client, &bytes, &mut control, SendFlags::empty()).unwrap();
    }

    async fn line(reader: &mut LineReader) -> (String, Option<OwnedFd>) {
        match reader.next().await.unwrap() {
            Some(Line::Whole(line, descriptor)) => (line, descriptor),
            other => panic!("{other:?}"),
        }
    }

    fn open_descriptors() -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }

    #[tokio::test]
    async fn lines_come_whole_however_they_were_sent() {
        let (mut client, mut reader, _write) = pair();
        client.write_all(b"one\ntwo\nth").unwrap();
        assert_eq!(line(&mut reader).await.0, "one");
        assert_eq!(line(&mut reader).await.0, "two");
        let cancelled = timeout(Duration::from_millis(1), reader.next()).await;
        assert!(cancelled.is_err());
        client.write_all(b"ree\nlast").unwrap();
        drop(client);
        assert_eq!(line(&mut reader).await.0, "three");
        assert_eq!(line(&mut reader).await.0, "last");
        assert!(reader.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_line_of_a_megabyte_is_not_taken() {
        let (mut client, mut reader, write) = pair();
        client.set_nonblocking(true).unwrap();
        let sent = client.write(&vec![b'x'; 1 << 20]).unwrap();
        assert!(sent > LOCAL_LINE_BYTES_MAX);
        assert!(matches!(reader.next().await.unwrap(), Some(Line::TooLong)));
        drop((reader, write));
    }

    #[tokio::test]
    async fn one_descriptor_comes_with_its_line_and_the_others_are_closed() {
        let (mut client, mut reader, _write) = pair();
        let file = tempfile::tempfile().unwrap();
        (&file).write_all(b"content").unwrap();
        client.write_all(b"plain\n").unwrap();
        assert!(line(&mut reader).await.1.is_none());
        let before = open_descriptors();
        pass(&client, "with three\nplain\n", &[file.as_fd(), file.as_fd(), file.as_fd()]);
        let (text, descriptor) = line(&mut reader).await;
        assert_eq!(text, "with three");
        let descriptor = descriptor.unwrap();
        assert!(
            rustix::io::fcntl_getfd(&descriptor).unwrap().contains(rustix::io::FdFlags::CLOEXEC)
        );
        let found = File::from(descriptor);
        assert_eq!(found.metadata().unwrap().len(), 7);
        assert!(line(&mut reader).await.1.is_none(), "it came with the line before");
        drop(found);
        pass(&client, "many\n", &[file.as_fd(); 12]);
        drop(line(&mut reader).await);
        assert!(open_descriptors() <= before + 1, "nothing stays open");
    }
}
