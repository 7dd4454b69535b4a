//! The real program in a folder of its own, which goes away with it.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::certificates::Certificates;

/// The host of the tests.
pub(crate) const HOST: &str = "spiffe://systole/agent/web-1";

/// A folder with configuration and certificates.
pub(crate) struct Home {
    folder: TempDir,
    pub(crate) certificates: Certificates,
}

impl Home {
    /// With a good certificate of web-1.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::new(&folder.path().join("certs"));
        certificates.issue(HOST, (-1, 30));
        Self { folder, certificates }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes agent.toml for a daemon at `address`, with more lines.
    pub(crate) fn configure(&self, address: SocketAddr, more: &str) {
        let text = format!(
            "daemons = [\"mon-1={address}\"]\nsocket = \"agent.sock\"\nspool.path = \"spool\"\n{more}"
        );
        fs::write(self.path().join("agent.toml"), text).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_systole-agent"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.path().join("agent.toml"))
            .env_remove("SYSTOLE_LOG")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn call(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Begins a command whose output is read later.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The same with something on its standard input.
    pub(crate) fn call_with(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self.spawn(arguments);
        // A program that does not want all of it closes it.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    /// Starts a command with its standard streams as pipes.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Starts `run`; its log goes to the file `log`.
    pub(crate) fn start(&self) -> Agent<'_> {
        self.start_with(&[])
    }

    /// The same, with variables of systemd.
    pub(crate) fn start_with(&self, variables: &[(&str, &str)]) -> Agent<'_> {
        let log = File::create(self.path().join("log")).unwrap();
        let mut command = self.command(&["run"]);
        let child = command.envs(variables.iter().copied()).stderr(log).spawn().unwrap();
        Agent { home: self, child }
    }

    /// What the agent logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap()
    }

    /// `status --json`, again until `wanted` holds.
    pub(crate) fn status(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait("status", || {
            let output = self.call(&["status", "--json"]);
            let status: Value = serde_json::from_slice(&output.stdout).ok()?;
            wanted(&status).then_some(status)
        })
    }

    /// Waits for a line of the log.
    pub(crate) fn logged(&self, part: &str) {
        self.wait(part, || self.log().contains(part).then_some(()));
    }

    pub(crate) fn wait<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end {
            if let Some(found) = look() {
                return found;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{what} did not come; the log is\n{}", self.log());
    }
}

/// A running agent; killed when the test ends.
pub(crate) struct Agent<'a> {
    home: &'a Home,
    child: Child,
}

impl Agent<'_> {
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for the end; exit code, and how long it took.
    pub(crate) fn ended(&mut self) -> (i32, Duration) {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code().unwrap_or(-1), begun.elapsed());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the agent does not end; the log is\n{}", self.home.log());
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
