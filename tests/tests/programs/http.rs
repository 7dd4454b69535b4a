//! `/healthz`, `/readyz`, `/metrics`: for probes and for a Prometheus that exists already.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Result, ensure};
use systole_tests::scene::Scene;
use systole_tests::{PATIENCE, until};
use xtask::demo::programs::{SYSTOLED, http_get};

#[test]
fn health_readiness_and_metrics_are_served() -> Result<()> {
    let mut scene = Scene::play(2)?;
    for path in ["/healthz", "/readyz"] {
        let answer = http_get(&scene.stage, path)?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    let state = |scene: &Scene, host: &str, state: &str| -> Result<u64> {
        Ok(scene.scrape()?.count("systole_host_state", &[("host", host), ("state", state)]))
    };
    ensure!(state(&scene, "demo-1", "online")? == 1);
    ensure!(state(&scene, "demo-1", "down")? == 0);
    ensure!(scene.scrape()?.count("systole_connections", &[("role", "agent")]) == 2);
    ensure!(scene.scrape()?.count("systole_alerts", &[]) == 0);
    for name in ["systole_frames_total", "systole_commits_total"] {
        ensure!(scene.scrape()?.count(name, &[]) > 0, "{name}");
    }
    ensure!(scene.scrape()?.text().contains("\nsystole_uptime_seconds "), "no uptime");
    scene.kill("demo-1")?;
    until("demo-1 down in /metrics", PATIENCE, || {
        Ok((state(&scene, "demo-1", "down")? == 1).then_some(()))
    })?;
    ensure!(state(&scene, "demo-1", "online")? == 0, "one state at a time");
    let critical = [("severity", "critical"), ("acked", "false")];
    ensure!(scene.scrape()?.count("systole_alerts", &critical) == 1);
    scene.console(&["ack", "--host", "demo-1"])?.done()?;
    ensure!(scene.scrape()?.count("systole_alerts", &critical) == 0);
    let acked = [("severity", "critical"), ("acked", "true")];
    ensure!(scene.scrape()?.count("systole_alerts", &acked) == 1);
    let text = scene.scrape()?.text().to_owned();
    ensure!(text.trim_end().ends_with("# EOF"), "the text is whole");
    Ok(())
}

#[test]
fn strange_requests_are_answered_or_closed_and_nothing_else_is_there() -> Result<()> {
    let mut scene = Scene::play(1)?;
    for (request, code) in [
        ("GET /hosts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404"),
        ("GET /../state/daemon/keys HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404"),
        (
            "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            "405",
        ),
        ("\u{0}\u{1}\u{2}\r\n\r\n", "400"),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", scene.stage.http_port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        // A close without an answer is an answer too.
        let _closed = stream.read_to_string(&mut answer);
        let is_fine =
            answer.is_empty() && code == "400" || answer.starts_with(&format!("HTTP/1.1 {code}"));
        ensure!(is_fine, "{request:?}: {answer}");
    }
    ensure!(scene.runs(SYSTOLED)?);
    scene.is_unharmed(&["demo-1"])
}
