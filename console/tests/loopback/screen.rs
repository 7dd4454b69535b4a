//! The console on a terminal that does not control it: what it shows, that the terminal is given back,
//! and that it ends with its terminal.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::peer::Peer;
use super::pki::Pki;
use super::{PATIENCE, fleet, systole};

/// It takes a second at most; this is for busy machines.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// The console on a terminal of 80×24.
struct Screen {
    child: Child,
    /// Our end: keys go in.
    master: File,
    /// The program's end, kept to look at its modes.
    slave: File,
    output: mpsc::Receiver<Vec<u8>>,
    seen: String,
}

impl Screen {
    fn start(pki: &Pki, peer: &Peer, variables: &[(&str, &str)]) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let path = name.to_str().unwrap();
        let slave = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).unwrap();
        let end = || Stdio::from(OwnedFd::from(slave.try_clone().unwrap()));
        let mut command = systole(pki, &peer.address.to_string(), &[]);
        command.env("TERM", "xterm").envs(variables.iter().copied());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let master = File::from(master);
        let (send, output) = mpsc::channel();
        let mut reading = master.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(count) = reading.read(&mut bytes) {
                if send.send(bytes.iter().take(count).copied().collect()).is_err() {
                    return;
                }
            }
        });
        Self { child, master, slave, output, seen: String::new() }
    }

    /// Waits until `text` was written.
    fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            let bytes = self.output.recv_timeout(PATIENCE).expect(text);
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(&self.slave).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// Waits for the end with 0 and looks at what is left of the terminal.
    fn ends_restored(mut self) {
        self.wait_for("\x1b[?1049l");
        assert!(self.seen.contains("\x1b[?25h"), "the cursor is shown again");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        assert!(!self.is_raw(), "keys are echoed again");
    }
}

#[test]
fn the_console_is_left_by_keys_with_the_terminal_restored() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, fleet());
    for keys in [&b"qq"[..], b"\x03", b"\x1b[A\x03", b":q\r"] {
        let mut screen = Screen::start(&pki, &peer, &[]);
        screen.wait_for("LIVE mon-1");
        screen.wait_for("db-1");
        assert!(screen.is_raw());
        screen.master.write_all(keys).unwrap();
        screen.ends_restored();
    }
}

#[test]
fn the_console_is_left_by_signals_with_the_terminal_restored() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, fleet());
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut screen = Screen::start(&pki, &peer, &[]);
        screen.wait_for("LIVE mon-1");
        kill_process(Pid::from_child(&screen.child), signal).unwrap();
        screen.ends_restored();
    }
}

#[test]
fn the_console_ends_when_its_terminal_is_gone() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, fleet());
    let mut screen = Screen::start(&pki, &peer, &[]);
    screen.wait_for("LIVE mon-1");
    let Screen { mut child, master, slave, output, .. } = screen;
    // No signal comes: the terminal does not control it. Our reader ends with the next that it reads.
    drop((master, slave, output));
    let closed = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(closed.elapsed() < GONE_WITHIN, "{:?}", closed.elapsed());
}

#[test]
fn a_refused_certificate_is_told_on_the_screen() {
    let (ours, theirs) = (Pki::new(), Pki::new());
    let peer = Peer::start(&theirs, fleet());
    let mut screen = Screen::start(&ours, &peer, &[]);
    screen.wait_for("REFUSED");
    screen.master.write_all(b"\x03").unwrap();
    screen.ends_restored();
}

#[test]
fn a_terminal_that_cannot_draw_is_told_so() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, fleet());
    let mut screen = Screen::start(&pki, &peer, &[("TERM", "dumb")]);
    screen.wait_for("TERM is not dumb");
    assert_eq!(screen.child.wait().unwrap().code(), Some(64));
    assert!(!screen.seen.contains("\x1b["), "{:?}", screen.seen);
}

#[test]
fn no_color_leaves_the_words() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, fleet());
    let mut screen = Screen::start(&pki, &peer, &[("NO_COLOR", "1")]);
    screen.wait_for("LIVE mon-1");
    screen.wait_for("db-1");
    screen.master.write_all(b"\x03").unwrap();
    screen.wait_for("\x1b[?1049l");
    let codes = screen.seen.split("\x1b[").filter_map(|part| part.split_once('m'));
    let attributes: Vec<&str> = codes
        .map(|(code, _)| code)
        .filter(|code| code.bytes().all(|b| b.is_ascii_digit() || b == b';'))
        .collect();
    assert!(
        attributes
            .iter()
            .all(|code| matches!(*code, "" | "0" | "1" | "2" | "4" | "7" | "22" | "24" | "27")),
        "{attributes:?}"
    );
    screen.ends_restored();
}
