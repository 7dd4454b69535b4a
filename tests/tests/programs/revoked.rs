//! A revoked certificate: its live connection is cut, and it never gets in again.

use std::time::Duration;

use anyhow::{Result, ensure};
use systole_common::wire::hello::CloseCode;
use systole_tests::machine::now;
use systole_tests::rogue::Rogue;
use systole_tests::scene::Scene;
use systole_tests::watch::time;
use systole_tests::{PATIENCE, until};

/// Within which a live connection is to be cut.
const CUT_WITHIN: Duration = Duration::from_secs(2);
/// Attempts of a revoked agent.
const ATTEMPTS: usize = 20;

#[test]
fn a_revoked_agent_is_cut_and_never_returns() -> Result<()> {
    let mut scene = Scene::play(2)?;
    let rogue = Rogue::new(&scene.stage, "demo-1")?;
    let asked = now();
    scene.reload_with(&format!("[tls]\nrevoked = [\"{}\"]", rogue.fingerprint))?;
    let cut = until("the disconnect", PATIENCE, || {
        let host = scene.console(&["host", "demo-1", "--json"])?.json()?;
        let newest = host["connections"][0].clone();
        Ok((newest["event"] == "disconnect").then_some(newest))
    })?;
    let took = time(&cut, "time")?.since(asked);
    println!("revoked: cut {:.2} s after SIGHUP", took.as_secs_f64());
    ensure!(took <= CUT_WITHIN, "it was cut only after {took:?}");
    ensure!(cut["reason"].as_str().unwrap_or("").contains("revoked"), "{cut}");
    scene.daemon_journal().only(&["WARN", "revoked certificate is cut", "demo-1"])?;
    scene.journal("demo-1").until(&["WARN", "revoked"])?;

    for _ in 0..ATTEMPTS {
        let error = rogue.dial()?.refused()?.to_string();
        ensure!(error.contains("Revoked"), "not refused by TLS: {error}");
    }
    for _ in 0..3 {
        scene.kill("demo-1")?;
        let asked = scene.journal("demo-1").with(&["refuses this agent"])?.len();
        scene.start_agent("demo-1")?;
        until("a refused start", PATIENCE, || {
            let refusals = scene.journal("demo-1").with(&["refuses this agent"])?.len();
            Ok((refusals > asked).then_some(()))
        })?;
    }
    let status = scene.agent("demo-1", &["status", "--json"])?.json()?;
    ensure!(status["daemons"][0]["state"] == "refused", "{status}");
    let host = scene.console(&["host", "demo-1", "--json"])?.json()?;
    ensure!(host["connections"][0] == cut, "it never came back: {host}");
    let counted =
        scene.scrape()?.count("systole_handshakes_refused_total", &[("reason", "certificate")]);
    ensure!(counted >= u64::try_from(ATTEMPTS)?, "{counted} refusals were counted");
    scene.is_unharmed(&["demo-2"])
}

#[test]
fn a_revoked_operator_is_cut_too() -> Result<()> {
    let mut scene = Scene::play(1)?;
    let viewer = scene.stage.dir.join("certs/operator/viewer.crt");
    let fingerprint = {
        use systole_common::net::certificates::{Credentials, TlsPaths};
        use systole_common::net::identity::Holder;
        let ca = scene.stage.dir.join("certs");
        let paths = TlsPaths { cert: Some(viewer), key: None, ca };
        Credentials::load(Holder::Operator, &paths, now())?.leaf.fingerprint
    };
    scene.viewer(&["hosts"])?.done()?;
    let watch = scene.programs.viewer(&scene.stage, &["watch"]);
    let mut watch = systole_tests::watch::Watch::start(watch)?;
    watch.until_host("demo-1", "online")?;
    scene.reload_with(&format!("[tls]\nrevoked = [\"{fingerprint}\"]"))?;
    watch.until("its end", |line| line["kind"] == "daemon" && line["state"] == "gone")?;
    scene.viewer(&["hosts"])?.refused(77, &["revoked"])?;
    scene.console(&["hosts"])?.done().map(drop)
}

#[test]
fn a_connection_that_was_accepted_is_closed_with_its_own_code() -> Result<()> {
    let mut scene = Scene::set(2)?;
    scene.start_daemon()?;
    let rogue = Rogue::new(&scene.stage, "demo-2")?;
    let contact = rogue.connect()?;
    scene.reload_with(&format!("[tls]\nrevoked = [\"{}\"]", rogue.fingerprint))?;
    let (code, why) = contact.closed()?;
    ensure!(code == CloseCode::Revoked && why.contains("revoked"), "{code}: {why}");
    Ok(())
}
