//! The JSON contract: every field of it is there, `null` when unknown, and of its type.

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;
use systole_tests::machine::memory_total_bytes;
use systole_tests::scene::Scene;
use systole_tests::watch::time;
use systole_tests::{PATIENCE, until};

const HOST: &[&str] = &[
    "host",
    "state",
    "cause",
    "certainty",
    "evidence",
    "since",
    "heartbeat_age_ms",
    "heartbeat_interval_ms",
    "rtt_ms",
    "clock_offset_ms",
    "certificate_expires",
    "agent_version",
    "os",
    "address",
    "labels",
    "metrics",
    "metrics_age_ms",
    "services",
    "alerts",
];
const METRICS: &[&str] = &[
    "cpu_percent",
    "cpu_per_core_percent",
    "iowait_percent",
    "steal_percent",
    "memory_used_bytes",
    "memory_total_bytes",
    "swap_used_bytes",
    "swap_total_bytes",
    "load1",
    "load5",
    "load15",
    "cores",
    "uptime_s",
    "disks",
    "block",
    "network",
    "processes",
];
const DISK: &[&str] =
    &["mount", "used_bytes", "total_bytes", "used_percent", "inodes_used", "inodes_total"];
const BLOCK: &[&str] = &["name", "read_bytes_per_s", "write_bytes_per_s", "busy_percent"];
const NETWORK: &[&str] = &["name", "rx_bytes_per_s", "tx_bytes_per_s"];
const PROCESS: &[&str] = &["pid", "name", "cpu_percent", "memory_bytes"];
const ALERT: &[&str] = &[
    "id",
    "key",
    "host",
    "rule",
    "subject",
    "severity",
    "state",
    "overlays",
    "since",
    "fired_at",
    "resolved_at",
    "value",
    "threshold",
    "summary",
    "acked_by",
    "acked_note",
    "acked_until",
];
const OPERATOR: &[&str] = &["session", "operator", "role", "since", "looking_at", "attached"];
const AUDIT: &[&str] = &["id", "time", "operator", "role", "action", "target", "outcome", "reason"];

/// Every name of `fields` must be in `value`.
fn has(value: &Value, fields: &[&str]) -> Result<()> {
    for field in fields {
        ensure!(value.get(field).is_some(), "{field} is missing in {value}");
    }
    Ok(())
}

/// `value[list]` has at least one entry, and each has all of `fields`.
fn each_has(value: &Value, list: &str, fields: &[&str]) -> Result<()> {
    let entries = value[list].as_array().with_context(|| format!("{list} is no list: {value}"))?;
    ensure!(!entries.is_empty(), "{list} is empty");
    entries.iter().try_for_each(|entry| has(entry, fields))
}

#[test]
fn a_host_has_every_field_of_the_contract() -> Result<()> {
    let scene = Scene::play(1)?;
    let host = until("processes", PATIENCE, || {
        let host = scene.host("demo-1")?;
        let count = host["metrics"]["processes"].as_array().map_or(0, Vec::len);
        Ok((count > 0 && !host["metrics"]["cpu_percent"].is_null()).then_some(host))
    })?;
    has(&host, HOST)?;
    has(&host["alerts"], &["critical", "warning"])?;
    let metrics = &host["metrics"];
    has(metrics, METRICS)?;
    each_has(metrics, "disks", DISK)?;
    // A machine may have neither, but then the lists are there and empty.
    for (list, fields) in [("block", BLOCK), ("network", NETWORK)] {
        let entries = metrics[list].as_array().with_context(|| format!("{list}: {metrics}"))?;
        entries.iter().try_for_each(|entry| has(entry, fields))?;
    }
    each_has(metrics, "processes", PROCESS)?;
    ensure!(metrics["memory_total_bytes"] == memory_total_bytes()?, "{metrics}");
    let cores = metrics["cores"].as_u64().context("no cores")?;
    let per_core = metrics["cpu_per_core_percent"].as_array().map_or(0, Vec::len);
    ensure!(cores == u64::try_from(per_core)?, "{cores} cores: {metrics}");
    ensure!(host["cause"].is_null() && host["certainty"].is_null(), "nothing is wrong: {host}");
    ensure!(host["services"] == Value::Array(Vec::new()), "{host}");
    ensure!(host["labels"]["role"] == "demo", "{host}");
    for field in ["since", "certificate_expires"] {
        time(&host, field)?;
        let text = host[field].as_str().unwrap_or_default();
        ensure!(text.len() == 24 && text.ends_with('Z'), "{field} has milliseconds: {text}");
    }
    let one = scene.console(&["host", "demo-1", "--json"])?.json()?;
    has(&one, HOST)
}

#[test]
fn what_is_unknown_is_null_and_not_absent() -> Result<()> {
    let mut scene = Scene::set(1)?;
    scene.start_daemon()?;
    ensure!(scene.hosts()?.is_empty(), "nobody is known yet");
    ensure!(scene.console(&["alerts", "--json"])?.json()? == Value::Array(Vec::new()));
    let rogue = systole_tests::rogue::Rogue::new(&scene.stage, "demo-1")?;
    let contact = rogue.connect()?;
    let host = scene.host("demo-1")?;
    has(&host, HOST)?;
    has(&host["metrics"], METRICS)?;
    ensure!(host["state"] == "new", "{host}");
    for field in ["rtt_ms", "clock_offset_ms", "metrics_age_ms", "cause"] {
        ensure!(host[field].is_null(), "{field} is not known yet: {host}");
    }
    for field in ["cpu_percent", "load1", "memory_total_bytes"] {
        ensure!(host["metrics"][field].is_null(), "{field} is not known yet: {host}");
    }
    ensure!(!contact.is_closed());
    Ok(())
}

#[test]
fn alerts_audit_and_watch_have_every_field_of_the_contract() -> Result<()> {
    let mut scene = Scene::play(1)?;
    let mut watch = scene.watch()?;
    scene.kill("demo-1")?;
    let line = watch.until_alert("demo-1", "host_down", "firing")?;
    let alerts = scene.alerts()?;
    let alert = alerts.first().context("no alert")?;
    has(alert, ALERT)?;
    ensure!(alert["key"] == "host_down/demo-1/heartbeat", "rule/host/subject: {alert}");
    ensure!(alert["id"].is_u64() && alert["overlays"] == Value::Array(Vec::new()), "{alert}");
    let seconds = alert["value"].as_f64().context("no value")?;
    ensure!(alert["threshold"] == 5.0 && seconds >= 5.0, "{alert}");
    for field in ["resolved_at", "acked_by", "acked_note", "acked_until"] {
        ensure!(alert[field].is_null(), "{field}: {alert}");
    }
    has(&line, ALERT)?;
    has(&line, &["at", "kind", "previous"])?;
    let seen = watch.seen();
    let hello = seen.first().context("no line")?;
    ensure!(hello["kind"] == "hello", "{hello}");
    for host in seen.iter().filter(|line| line["kind"] == "host") {
        has(host, HOST)?;
        has(host, &["at", "previous"])?;
    }
    let hosts: Vec<_> = seen.iter().filter(|line| line["kind"] == "host").collect();
    let (first, later) = hosts.split_first().context("no host")?;
    ensure!(first["previous"].is_null(), "the present state first: {first}");
    ensure!(later.iter().all(|line| line["previous"].is_object()), "then changes: {later:?}");
    let ack = scene.console(&["ack", &alert["id"].to_string(), "--json"])?.list()?;
    has(ack.first().context("nothing was changed")?, ALERT)?;
    let audit = scene.console(&["audit", "--json"])?.list()?;
    audit.iter().try_for_each(|line| has(line, AUDIT))?;
    ensure!(audit.first().is_some_and(|line| line["action"] == "ack"), "{audit:?}");
    Ok(())
}

#[test]
fn watch_tells_who_else_is_attached() -> Result<()> {
    let mut scene = Scene::set(1)?;
    scene.start_daemon()?;
    let mut first = scene.watch()?;
    let mut second = scene.watch()?;
    let is_here = |attached: bool| {
        move |line: &Value| line["kind"] == "operator" && line["attached"] == attached
    };
    let came = first.until("somebody came", is_here(true))?;
    has(&came, OPERATOR)?;
    has(&came, &["at", "previous"])?;
    time(&came, "since")?;
    ensure!(came["previous"].is_null() && came["looking_at"].is_null(), "{came}");
    ensure!(came["session"].is_u64() && came["operator"].is_string(), "{came}");
    let present = second.until("the first one is there", is_here(true))?;
    ensure!(present["session"] != came["session"], "not of itself: {present}");
    second.stop(Signal::TERM)?;
    let went = first.until("they went", is_here(false))?;
    ensure!(went["session"] == came["session"], "{went}");
    ensure!(went["previous"] == serde_json::json!({"attached": true}), "{went}");
    Ok(())
}
