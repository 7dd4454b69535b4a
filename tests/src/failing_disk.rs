//! A disk whose fsyncs fail: strace answers them with EIO instead of the kernel.
//!
//! Needs strace and the right to trace other processes. Knows files, not what is in them.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

/// A program that is started on such a disk and does not end is ended after this many seconds.
const ENDS_WITHIN_S: &str = "20";

/// Why no fsync can be made to fail here; `None` if it can.
pub fn lacks() -> Option<String> {
    let mut child = match Command::new("sleep").arg("60").stdin(Stdio::null()).spawn() {
        Ok(child) => child,
        Err(error) => return Some(format!("sleep: {error}")),
    };
    let lacks = FailingDisk::under(child.id(), Path::new("/"), 1).err();
    let _gone = child.kill();
    let _status = child.wait();
    lacks
}

/// As long as it is there, fsyncs of one file by one program fail.
#[derive(Debug)]
pub struct FailingDisk {
    strace: Child,
    /// Open, for strace says more: each new thread is a line.
    _said: BufReader<ChildStderr>,
}

impl FailingDisk {
    /// From now on the `nth` fsync of `file` fails in each thread of `pid`, 1 being the next. The error
    /// is why that cannot be done here.
    pub fn under(pid: u32, file: &Path, nth: u32) -> Result<Self, String> {
        let mut command = Command::new("strace");
        command.args(faults(file, nth)).arg(format!("--attach={pid}"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut strace = command.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => "strace is missing; apt-get install strace".to_owned(),
            _ => format!("strace: {error}"),
        })?;
        let mut said = BufReader::new(strace.stderr.take().ok_or("strace has no stderr")?);
        let mut line = String::new();
        // It says so once it has all threads.
        let _bytes = said.read_line(&mut line).map_err(|error| error.to_string())?;
        if line.contains(" attached") {
            return Ok(Self { strace, _said: said });
        }
        let _gone = strace.kill();
        let _more = said.read_to_string(&mut line);
        let _status = strace.wait();
        Err(line.trim().replace('\n', "; "))
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        // The program goes on without it.
        let _gone = self.strace.kill();
        let _status = self.strace.wait();
    }
}

/// `program`, started where the `nth` fsync of `file` fails in each of its threads. It ends as `program`
/// does.
pub fn on_failing_disk(program: &Command, file: &Path, nth: u32) -> Command {
    let mut command = Command::new("timeout");
    command.args([ENDS_WITHIN_S, "strace"]).args(faults(file, nth));
    command.arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(folder) = program.get_current_dir() {
        command.current_dir(folder);
    }
    command
}

fn faults(file: &Path, nth: u32) -> Vec<String> {
    let file = format!("--trace-path={}", file.display());
    let inject = format!("--inject=fsync,fdatasync:error=EIO:when={nth}");
    let words = ["--follow-forks", "--output=/dev/null", "--trace=fsync,fdatasync", &file, &inject];
    words.map(str::to_owned).to_vec()
}
