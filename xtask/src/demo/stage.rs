//! A stage for real programs: one folder with certificates, configurations, state and logs.
//!
//! Owns the layout of that folder and the ports in it; starts nothing. The demo and the end to end tests
//! stand on it.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use systole_common::ids::{DaemonName, HostId, Identity, OperatorName, Role};

use crate::certs::{self, Plan, Variant, leaf_files};

/// Name of the daemon on every stage.
pub const DAEMON: &str = "demo-mon";
/// Longest path of a Unix socket that Linux takes, in bytes.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// What a stage is to have.
#[derive(Debug, Clone)]
pub struct StagePlan {
    /// Its folder; made if it is not there.
    pub dir: PathBuf,
    /// Names of the hosts that get an agent.
    pub agents: Vec<String>,
    /// UDP port of the daemon; a free one if not given.
    pub port: Option<u16>,
    /// Lines added to `daemon.toml`.
    pub daemon_extra: String,
    /// Kinds of certificates that must be refused, made too.
    pub refusals: Vec<Variant>,
}

impl StagePlan {
    /// A stage with agents `demo-1` to `demo-COUNT`.
    pub fn demo(dir: impl Into<PathBuf>, count: usize) -> Self {
        Self {
            dir: dir.into(),
            agents: (1..=count).map(|number| format!("demo-{number}")).collect(),
            port: None,
            daemon_extra: String::new(),
            refusals: Vec::new(),
        }
    }
}

/// A stage that is set.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its folder, absolute.
    pub dir: PathBuf,
    /// UDP port of the daemon on 127.0.0.1.
    pub port: u16,
    /// TCP port of the daemon's HTTP on 127.0.0.1.
    pub http_port: u16,
    /// Names of the hosts that have an agent.
    pub agents: Vec<String>,
}

impl Stage {
    /// Makes folder, certificates and configurations. What is there already is kept: certificates,
    /// state, and a `daemon.toml` with its ports.
    pub fn set(plan: &StagePlan) -> Result<Self> {
        fs::create_dir_all(&plan.dir)
            .with_context(|| format!("cannot make {}", plan.dir.display()))?;
        let dir = fs::canonicalize(&plan.dir)?;
        let (port, http_port) = match kept_ports(&dir.join("daemon.toml"))? {
            Some((port, _)) if plan.port.is_some_and(|asked| asked != port) => {
                bail!("{} has port {port}; leave --port out, or use another --dir", dir.display())
            }
            Some(ports) => ports,
            None => (plan.port.map_or_else(free_udp_port, Ok)?, free_tcp_port()?),
        };
        let stage = Self { dir, port, http_port, agents: plan.agents.clone() };
        stage.make_certificates(&plan.refusals)?;
        stage.write_configurations(&plan.daemon_extra)?;
        Ok(stage)
    }

    /// The configuration of the daemon.
    pub fn daemon_toml(&self) -> PathBuf {
        self.dir.join("daemon.toml")
    }

    /// The configuration of an agent.
    pub fn agent_toml(&self, name: &str) -> PathBuf {
        self.dir.join(format!("agent-{name}.toml"))
    }

    /// The configuration of the console, an admin's.
    pub fn console_toml(&self) -> PathBuf {
        self.dir.join("console.toml")
    }

    /// The configuration of a console whose operator may only look.
    pub fn viewer_toml(&self) -> PathBuf {
        self.dir.join("viewer.toml")
    }

    /// Where a program's output goes.
    pub fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{name}.log"))
    }

    fn make_certificates(&self, refusals: &[Variant]) -> Result<()> {
        let mut plan = Plan::new(self.dir.join("certs"), "demo".parse()?);
        plan.holders.push(Identity::Daemon(DAEMON.parse::<DaemonName>()?));
        for agent in &self.agents {
            plan.holders.push(Identity::Agent(agent.parse::<HostId>()?));
        }
        plan.holders.push(operator("demo", Role::Admin)?);
        plan.holders.push(operator("viewer", Role::Viewer)?);
        plan.refusals.extend(refusals.iter().copied());
        certs::issue(&plan).map(drop)
    }

    fn write_configurations(&self, daemon_extra: &str) -> Result<()> {
        fs::create_dir_all(self.dir.join("logs"))?;
        let (port, http) = (self.port, self.http_port);
        let daemon = format!(
            "listen = \"127.0.0.1:{port}\"\n\n[http]\nlisten = \"127.0.0.1:{http}\"\n\n\
             [state]\npath = \"state/daemon\"\n\n{daemon_extra}"
        );
        write_once(&self.daemon_toml(), &daemon)?;
        for agent in &self.agents {
            self.write_agent(agent)?;
        }
        for (file, name) in [(self.console_toml(), "demo"), (self.viewer_toml(), "viewer")] {
            let tls = tls(&Identity::Operator(Role::Admin, name.parse()?));
            write_once(&file, &format!("{}\n{tls}", self.daemons()))?;
        }
        Ok(())
    }

    fn write_agent(&self, agent: &str) -> Result<()> {
        let socket = format!("agent-{agent}.sock");
        let bytes = self.dir.join(&socket).as_os_str().len();
        ensure!(
            bytes <= SOCKET_PATH_BYTES_MAX,
            "{} is too deep for Unix sockets; use --dir with a shorter path",
            self.dir.display()
        );
        let tls = tls(&Identity::Agent(agent.parse()?));
        let mut text = self.daemons();
        writeln!(text, "socket = \"{socket}\"\n\n{tls}")?;
        writeln!(text, "[spool]\npath = \"state/agent-{agent}\"\n")?;
        writeln!(text, "[labels]\nrole = \"demo\"")?;
        write_once(&self.agent_toml(agent), &text)
    }

    fn daemons(&self) -> String {
        format!("daemons = [\"{DAEMON}=127.0.0.1:{}\"]\n", self.port)
    }
}

fn tls(identity: &Identity) -> String {
    let (cert, key) = leaf_files(Path::new("certs"), identity);
    format!("[tls]\ncert = {:?}\nkey = {:?}\n", cert.display(), key.display())
}

fn write_once(file: &Path, text: &str) -> Result<()> {
    if file.exists() {
        return Ok(());
    }
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn operator(name: &str, role: Role) -> Result<Identity> {
    Ok(Identity::Operator(role, name.parse::<OperatorName>()?))
}

/// The ports of a stage that was kept.
fn kept_ports(daemon_toml: &Path) -> Result<Option<(u16, u16)>> {
    let Ok(text) = fs::read_to_string(daemon_toml) else { return Ok(None) };
    let table: toml::Table =
        text.parse().with_context(|| format!("cannot read {}", daemon_toml.display()))?;
    let port = |value: Option<&toml::Value>| {
        let address = value.and_then(toml::Value::as_str)?;
        address.rsplit_once(':')?.1.parse().ok()
    };
    let udp = port(table.get("listen"));
    let http = port(table.get("http").and_then(|http| http.get("listen")));
    match (udp, http) {
        (Some(udp), Some(http)) => Ok(Some((udp, http))),
        _ => bail!("{} has no `listen` or `http.listen`; remove it", daemon_toml.display()),
    }
}

fn free_udp_port() -> Result<u16> {
    Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn free_tcp_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_set_twice_keeps_ports_and_certificates() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let plan = StagePlan::demo(folder.path().join("stage"), 2);
        let first = Stage::set(&plan)?;
        let certificate = fs::read(first.dir.join("certs/agent/demo-2.crt"))?;
        let second = Stage::set(&plan)?;
        assert_eq!((first.port, first.http_port), (second.port, second.http_port));
        assert_eq!(certificate, fs::read(second.dir.join("certs/agent/demo-2.crt"))?);
        let other = StagePlan { port: Some(first.port ^ 1), ..plan };
        let refused = Stage::set(&other).map(drop).map_err(|error| error.to_string());
        assert!(refused.is_err_and(|text| text.contains("--dir")));
        Ok(())
    }
}
