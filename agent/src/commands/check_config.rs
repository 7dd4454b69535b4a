//! `systole-agent check-config`: every setting with its source, the certificate, and the daemons.

use systole_common::exit::Exit;
use systole_common::ids::DaemonName;
use systole_common::net::certificates::Credentials;
use systole_common::net::check::Check;
use systole_common::wire::hello::Purpose;

use super::print;
use crate::config::Config;
use crate::error::AgentError;
use crate::shell::clocks::clocks;
use crate::shell::settings::{Loader, credentials};

/// `check-config`: every setting, what is in force where nobody set one, the certificate.
pub fn check_config(loader: &Loader, connect: bool) -> Result<Exit, AgentError> {
    let (settings, config) = loader.load()?;
    print(settings.render().trim_end())?;
    for (name, path) in [("spool.path", &config.spool), ("socket", &config.socket)] {
        if settings.setting(name).is_none_or(|setting| setting.value.is_none()) {
            print(&format!("# {name} is then {}", path.display()))?;
        }
    }
    let credentials = credentials(&config)?;
    print(&format!(
        "# certificate {}: {} of fleet {}, until {}",
        credentials.cert.display(),
        credentials.leaf.identity,
        credentials.leaf.fleet,
        credentials.leaf.not_after.local()
    ))?;
    if connect { check_daemons(&config, &credentials) } else { Ok(Exit::Done) }
}

fn check_daemons(config: &Config, credentials: &Credentials) -> Result<Exit, AgentError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(AgentError::system("event loop"))?;
    let mut exit = Exit::Done;
    for daemon in &config.daemons {
        let check = Check {
            credentials,
            daemon: &daemon.name,
            address: &daemon.address,
            purpose: Purpose::Main,
            software: env!("CARGO_PKG_VERSION"),
        };
        let findings = runtime.block_on(check.run(clocks));
        print(&heading(&daemon.name, &daemon.address))?;
        for finding in &findings.0 {
            print(&format!("  {finding}"))?;
        }
        exit = exit.worse(findings.exit());
    }
    Ok(exit)
}

fn heading(name: &DaemonName, address: &str) -> String {
    format!("daemon {name} at {address}")
}
