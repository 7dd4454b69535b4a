//! An independent QUIC client, aioquic, in a virtual environment of Python; `hostile/` has its script.
//!
//! The environment is made once beside the built programs and used again.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use xtask::demo::stage::{DAEMON, Stage};

use crate::programs_folder;

/// The version that the script was written for.
const AIOQUIC: &str = "aioquic==1.7.2";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/hostile/foreign_client.py");

/// One knock at the daemon's door.
#[derive(Debug, Clone)]
pub struct Knock {
    /// What the test calls it.
    pub name: String,
    /// The loopback address that it comes from.
    pub local: String,
    /// Certificate and key; `None` for none.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// `main` or `console`.
    pub purpose: &'static str,
}

/// The client, ready to run.
#[derive(Debug)]
pub struct Foreigner {
    python: PathBuf,
}

impl Foreigner {
    /// Finds or makes the environment. The inner error is why it cannot be had here.
    pub fn get() -> Result<Result<Self, String>> {
        let folder = programs_folder()?.join("e2e-python");
        let python = folder.join("bin").join("python");
        let foreigner = Self { python };
        if foreigner.has_aioquic() {
            return Ok(Ok(foreigner));
        }
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "--clear"]).arg(&folder);
        let mut pip = Command::new(&foreigner.python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", AIOQUIC]);
        for command in [venv, pip] {
            if let Err(why) = run(command) {
                return Ok(Err(why));
            }
        }
        ensure!(foreigner.has_aioquic(), "{AIOQUIC} was installed and cannot be imported");
        Ok(Ok(foreigner))
    }

    /// Knocks at the daemon of `stage`, one knock after the other; what came of each.
    pub fn knock(&self, stage: &Stage, knocks: &[Knock]) -> Result<Vec<Value>> {
        let case = |knock: &Knock| {
            let file = |path: &Path| path.display().to_string();
            let files = knock.certificate.as_ref();
            json!({
                "name": knock.name,
                "local": knock.local,
                "cert": files.map(|(cert, _)| file(cert)),
                "key": files.map(|(_, key)| file(key)),
                "purpose": knock.purpose,
            })
        };
        let cases: Vec<Value> = knocks.iter().map(case).collect();
        let setting = json!({ "port": stage.port, "server_name": DAEMON, "cases": cases });
        let mut child = Command::new(&self.python)
            .arg(SCRIPT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("no input")?.write_all(setting.to_string().as_bytes())?;
        let output = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the foreign client failed: {said}");
        let lines = String::from_utf8(output.stdout)?;
        lines.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    fn has_aioquic(&self) -> bool {
        let mut command = Command::new(&self.python);
        run_quietly(command.args(["-c", "import aioquic"]))
    }
}

fn run_quietly(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

/// Runs a command; the error is one line that says why it failed.
fn run(mut command: Command) -> Result<(), String> {
    let line = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{line}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    Err(format!("{line}: {}", said.lines().last().unwrap_or("it failed and said nothing")))
}
