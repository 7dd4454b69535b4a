//! `systoled check-config`: every setting with its source, and on demand whether a start would succeed.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use systole_common::exit::Exit;

use super::credentials;
use super::folder::StateFolder;
use super::settings_source;
use super::store;
use crate::cli::Flags;
use crate::config::Config;
use crate::error::DaemonError;

/// Prints all settings; with `connect` also tries certificates, clock, ports and folder.
pub(super) fn run(flags: &Flags, connect: bool) -> Result<(), DaemonError> {
    let loaded = settings_source::read(flags)?;
    let mut report = Report { text: loaded.settings.render(), exit: Exit::Done };
    if connect {
        report.check(&loaded.config);
    }
    // Whoever closed the output does not want to read more.
    let _ = std::io::stdout().lock().write_all(report.text.as_bytes());
    if report.exit == Exit::Done { Ok(()) } else { Err(DaemonError::Checked(report.exit)) }
}

struct Report {
    text: String,
    exit: Exit,
}

impl Report {
    fn check(&mut self, config: &Config) {
        self.line("");
        self.certificates(config);
        let in_use = self.folder(config);
        self.port("UDP", config.listen, in_use, |address| UdpSocket::bind(address).map(drop));
        match config.http {
            Some(address) => {
                self.port("HTTP", address, in_use, |address| TcpListener::bind(address).map(drop));
            }
            None => self.good("HTTP", "is off"),
        }
    }

    fn certificates(&mut self, config: &Config) {
        match credentials::load(&config.tls) {
            Ok(credentials) => {
                self.good(
                    "name",
                    &format!("{} of fleet {}", credentials.leaf.identity, credentials.leaf.fleet),
                );
                for ending in credentials.endings() {
                    let until = ending.not_after.local();
                    self.good(
                        "certificate",
                        &format!("{} is good until {until}", ending.path.display()),
                    );
                }
                self.good("clock", "within the certificate's time");
            }
            Err(error) => {
                let what = if error.is_about_time() { "clock" } else { "certificate" };
                self.bad(what, &error.to_string());
                self.exit = self.exit.worse(Exit::Usage);
            }
        }
    }

    /// Whether a running daemon has the folder.
    fn folder(&mut self, config: &Config) -> bool {
        let path = config.state.display();
        if let Err(error) = store::refuse_newer(&config.state) {
            self.bad("state", &error.to_string());
        }
        match StateFolder::reopen(&config.state) {
            Ok(Some(_)) => self.good("state", &format!("{path} can be used")),
            Ok(None) => self.good("state", &format!("{path} is made at the first start")),
            Err(DaemonError::Locked { pid, .. }) => {
                self.good("state", &format!("{path} is in use by a running systoled{pid}"));
                return true;
            }
            Err(error) => self.bad("state", &error.to_string()),
        }
        false
    }

    fn port(
        &mut self,
        what: &str,
        address: SocketAddr,
        in_use: bool,
        bind: impl Fn(SocketAddr) -> std::io::Result<()>,
    ) {
        match bind(address) {
            Ok(()) if in_use => {
                self.bad(what, &format!("{address} is free although systoled runs: it uses other settings"));
            }
            Ok(()) => self.good(what, &format!("{address} is free")),
            Err(error) if in_use && error.kind() == std::io::ErrorKind::AddrInUse => {
                self.good(what, &format!("{address} is in use, by the running systoled as it seems"));
            }
            Err(error) => self.bad(what, &format!("{address} cannot be used ({error}); stop the program that has it or configure another")),
        }
    }

    fn good(&mut self, what: &str, text: &str) {
        self.line(&format!("ok     {what}: {text}"));
    }

    fn bad(&mut self, what: &str, text: &str) {
        self.exit = self.exit.worse(Exit::Failed);
        self.line(&format!("WRONG  {what}: {text}"));
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}
