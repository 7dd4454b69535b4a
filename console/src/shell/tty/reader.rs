//! The thread that reads the terminal. It sleeps until there is something; when the terminal is gone it
//! ends, and with it the channel.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::parser::Parser;
use super::{Input, Tty};
use crate::limits::{INPUTS_WAITING_MAX, READ_BYTES};

/// Starts to read. The channel ends when the terminal hung up, has no more to give or cannot be read.
pub fn listen(tty: Arc<Tty>) -> mpsc::Receiver<Input> {
    let (inputs, receiver) = mpsc::channel(INPUTS_WAITING_MAX);
    // Ends with the program: a read of the terminal cannot be called off.
    std::thread::spawn(move || {
        let mut parser = Parser::default();
        while let Ok(found) = next(&tty, &mut parser) {
            if found.into_iter().any(|input| inputs.blocking_send(input).is_err()) {
                return;
            }
        }
    });
    receiver
}

/// What the next bytes mean, or their absence. An error or the end of input is the end.
fn next(tty: &Tty, parser: &mut Parser) -> io::Result<Vec<Input>> {
    let mut found = Vec::new();
    if !tty.wait_readable(parser.wait())? {
        parser.pause(&mut found);
        return Ok(found);
    }
    let mut bytes = [0; READ_BYTES];
    match tty.read(&mut bytes) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => {
            parser.take(bytes.get(..count).unwrap_or_default(), &mut found);
            Ok(found)
        }
        Err(error) => match error.kind() {
            // Somebody else read it first.
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(found),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::io::Write;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

    use super::*;
    use crate::keys::{KeyCode, KeyPress};

    fn pty() -> (File, File) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let mut modes = tcgetattr(&slave).unwrap();
        modes.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &modes).unwrap();
        (File::from(master), slave)
    }

    fn key(code: KeyCode) -> Input {
        Input::Key(KeyPress::plain(code))
    }

    #[test]
    fn a_lone_escape_is_a_key_after_a_moment_and_a_hang_up_is_the_end() {
        let (mut master, slave) = pty();
        let mut inputs = listen(Arc::new(Tty::of(&slave).unwrap()));
        drop(slave);
        master.write_all(b"\x1b").unwrap();
        assert_eq!(inputs.blocking_recv(), Some(key(KeyCode::Esc)));
        master.write_all(b"\x1b[Aj").unwrap();
        assert_eq!(inputs.blocking_recv(), Some(key(KeyCode::Up)));
        assert_eq!(inputs.blocking_recv(), Some(key(KeyCode::Char('j'))));
        drop(master);
        assert_eq!(inputs.blocking_recv(), None);
    }

    #[test]
    fn a_terminal_that_takes_nothing_more_does_not_hold_a_writer_for_ever() {
        let (_master, slave) = pty();
        let tty = Tty::of(&slave).unwrap();
        let much = vec![b'x'; 1 << 20];
        let limit = Some(std::time::Duration::from_millis(1));
        assert_eq!(tty.write(&much, limit).unwrap_err().kind(), io::ErrorKind::TimedOut);
        tty.abandon(true);
        assert_eq!(tty.write(&much, None).unwrap_err().kind(), io::ErrorKind::Interrupted);
    }
}
