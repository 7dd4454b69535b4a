//! `systole check-config [--connect]`: every setting with its source; whether each daemon answers.

use serde::Serialize;
use systole_common::config::{Settings, Value, duration_text};
use systole_common::exit::Exit;
use systole_common::net::certificates::Credentials;
use systole_common::net::check::{Check, Findings};
use systole_common::net::identity::Holder;
use systole_common::wire::hello::Purpose;

use super::config;
use crate::cli::Common;
use crate::config::{Config, DEFAULT_FILE, DaemonPlace};
use crate::error::ConsoleError;
use crate::shell::dial::SOFTWARE;
use crate::shell::{clock, output};

pub(super) async fn run(common: &Common, connect: bool, default: bool) -> Result<(), ConsoleError> {
    if default {
        return output::write(DEFAULT_FILE).map_err(ConsoleError::Output);
    }
    let config = config(common)?;
    if !common.json {
        output::write(&config.settings.render()).map_err(ConsoleError::Output)?;
    }
    let checked = if connect { Some(check(common, &config).await?) } else { None };
    if common.json {
        let report = ReportJson::new(&config.settings, checked.as_deref());
        output::json(&report).map_err(ConsoleError::Output)?;
    }
    verdict(checked.as_deref().unwrap_or_default())
}

/// Checks each daemon; for people each is printed when it is done.
async fn check(
    common: &Common,
    config: &Config,
) -> Result<Vec<(DaemonPlace, Findings)>, ConsoleError> {
    let credentials = Credentials::load(Holder::Operator, &config.tls, clock::now().wall)?;
    let mut checked = Vec::new();
    for place in &config.daemons {
        let check = Check {
            credentials: &credentials,
            daemon: &place.name,
            address: &place.address,
            purpose: Purpose::Console,
            software: SOFTWARE,
        };
        let findings = check.run(clock::clocks).await;
        if !common.json {
            let lines = findings.0.iter().map(|finding| format!("  {finding}\n"));
            let text = format!("\ndaemon {place}\n{}", lines.collect::<String>());
            output::write(&text).map_err(ConsoleError::Output)?;
        }
        checked.push((place.clone(), findings));
    }
    Ok(checked)
}

fn verdict(checked: &[(DaemonPlace, Findings)]) -> Result<(), ConsoleError> {
    let exits = || checked.iter().map(|(_, findings)| findings.exit());
    let failed = exits().filter(|exit| *exit != Exit::Done).count();
    if failed == 0 {
        return Ok(());
    }
    let exit = exits().fold(Exit::Done, Exit::worse);
    Err(ConsoleError::Check { failed, all: checked.len(), exit })
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct ReportJson {
    file: Option<String>,
    settings: Vec<SettingJson>,
    /// Null unless they were dialled.
    daemons: Option<Vec<DaemonJson>>,
}

#[derive(Debug, Serialize)]
struct SettingJson {
    key: String,
    value: serde_json::Value,
    source: String,
}

#[derive(Debug, Serialize)]
struct DaemonJson {
    name: String,
    address: String,
    findings: Vec<FindingJson>,
}

#[derive(Debug, Serialize)]
struct FindingJson {
    step: &'static str,
    ok: bool,
    detail: String,
}

impl ReportJson {
    fn new(settings: &Settings, checked: Option<&[(DaemonPlace, Findings)]>) -> Self {
        let setting = |(key, setting): (String, &systole_common::config::Setting)| SettingJson {
            key,
            value: setting.value.as_ref().map_or(serde_json::Value::Null, value),
            source: setting.source.to_string(),
        };
        Self {
            file: settings.file().map(|path| path.display().to_string()),
            settings: settings.iter().map(setting).collect(),
            daemons: checked.map(|all| all.iter().map(daemon).collect()),
        }
    }
}

fn daemon((place, findings): &(DaemonPlace, Findings)) -> DaemonJson {
    let finding = |finding: &systole_common::net::check::Finding| FindingJson {
        step: finding.step.as_str(),
        ok: finding.is_right,
        detail: finding.text.clone(),
    };
    DaemonJson {
        name: place.name.to_string(),
        address: place.address.clone(),
        findings: findings.0.iter().map(finding).collect(),
    }
}

fn value(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::Integer(value) => (*value).into(),
        Value::Number(value) => value.get().into(),
        Value::Text(value) => value.clone().into(),
        Value::Path(value) => value.display().to_string().into(),
        Value::Address(value) => value.to_string().into(),
        Value::List(values) => values.clone().into(),
        Value::Map(values) => serde_json::json!(values),
        Value::Duration(value) => duration_text(*value).into(),
        Value::Size(value) => value.to_string().into(),
    }
}
