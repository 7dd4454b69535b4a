//! The operator's commands: what they change, who may use them, how they end.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;
use systole_tests::ending::Ending;
use systole_tests::machine::now;
use systole_tests::scene::{Scene, replace};
use systole_tests::watch::{is_alert, time};
use systole_tests::{PATIENCE, until};

/// Two hosts that are down and one that is not.
fn two_down() -> Result<(Scene, Vec<String>)> {
    let mut scene = Scene::play(3)?;
    scene.kill("demo-2")?;
    scene.kill("demo-3")?;
    let ids = until("two alerts", PATIENCE, || {
        let alerts = scene.console(&["alerts", "--json"])?.list()?;
        let ids: Vec<String> = alerts.iter().map(|alert| alert["id"].to_string()).collect();
        Ok((ids.len() == 2).then_some(ids))
    })?;
    Ok((scene, ids))
}

#[test]
fn alerts_are_acknowledged_given_back_and_resolved() -> Result<()> {
    let (scene, ids) = two_down()?;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let args = ["ack", ids[0], ids[1], "--note", "on my way", "--for", "2h", "--json"];
    let acked = scene.console(&args)?.list()?;
    ensure!(acked.len() == 2, "{acked:?}");
    for alert in &acked {
        ensure!(alert["overlays"] == serde_json::json!(["acked"]), "{alert}");
        ensure!(alert["acked_by"] == "demo" && alert["acked_note"] == "on my way", "{alert}");
        let left = time(alert, "acked_until")?.since(now()).as_secs();
        ensure!((7_100..=7_200).contains(&left), "{left} s are left of two hours");
        ensure!(alert["state"] == "firing", "an acknowledgement ends nothing: {alert}");
    }
    let args = ["unack", "--host", "demo-2", "--json"];
    let given_back = scene.console(&args)?.list()?;
    ensure!(given_back.len() == 1 && given_back[0]["acked_by"].is_null(), "{given_back:?}");
    let resolved =
        scene.console(&["resolve", "--host", "demo-3", "--note", "x", "--json"])?.list()?;
    ensure!(resolved.len() == 1 && resolved[0]["state"] == "resolved", "{resolved:?}");
    let open = scene.console(&["alerts", "--json"])?.list()?;
    ensure!(open.len() == 1 && open[0]["host"] == "demo-2", "{open:?}");
    ensure!(scene.host("demo-3")?["state"] == "down", "resolved is not alive");
    let by = |args: &[&str]| -> Result<usize> {
        Ok(scene.console(&[&["alerts", "--json"], args].concat())?.list()?.len())
    };
    ensure!(by(&["--state", "resolved"])? == 1 && by(&["--state", "all"])? == 2);
    ensure!(by(&["--severity", "warning"])? == 0 && by(&["--severity", "critical"])? == 1);
    ensure!(by(&["--host", "demo-3", "--since", "1h"])? == 1);
    ensure!(by(&["host=demo-2 severity=critical"])? == 1 && by(&["host=demo-1"])? == 0);
    let audit = scene.console(&["audit", "--since", "1h", "--json"])?.list()?;
    let actions: Vec<&str> = audit
        .iter()
        .filter(|line| line["operator"] == "demo" && line["outcome"] == "done")
        .filter_map(|line| line["action"].as_str())
        .collect();
    ensure!(actions == ["resolve", "unack", "ack"], "newest first: {audit:?}");
    Ok(())
}

#[test]
fn a_viewer_may_look_and_change_nothing() -> Result<()> {
    let (scene, ids) = two_down()?;
    for args in [&["hosts"][..], &["host", "demo-1"], &["alerts"], &["audit"]] {
        scene.viewer(args)?.done()?;
    }
    for args in [
        &["ack", &ids[0]][..],
        &["unack", &ids[0]],
        &["resolve", "--host", "demo-2"],
        &["retire", "demo-2"],
    ] {
        let needed = if args[0] == "retire" { "admin" } else { "operator" };
        scene.viewer(args)?.refused(77, &["demo-mon", needed, "viewer"])?;
    }
    let open = scene.console(&["alerts", "--json"])?.list()?;
    ensure!(open.len() == 2 && open.iter().all(|alert| alert["acked_by"].is_null()), "{open:?}");
    let audit = scene.console(&["audit", "--json"])?.list()?;
    let refused = audit.iter().filter(|line| line["operator"] == "viewer");
    let refused: Vec<_> = refused.filter(|line| line["outcome"] == "refused").collect();
    ensure!(refused.len() == 4, "every attempt is written down: {audit:?}");
    Ok(())
}

#[test]
fn a_retired_host_is_gone_until_it_beats_again() -> Result<()> {
    let (mut scene, _) = two_down()?;
    let mut watch = scene.watch()?;
    let retired = scene.console(&["retire", "demo-2", "--json"])?.list()?;
    ensure!(retired.len() == 1 && retired[0]["host"] == "demo-2", "{retired:?}");
    watch.until("demo-2 is retired", |line| {
        line["kind"] == "host" && line["host"] == "demo-2" && line["retired"] == true
    })?;
    let names = scene.hosts()?;
    ensure!(names.iter().all(|host| host["host"] != "demo-2"), "{names:?}");
    let alerts = scene.alerts()?;
    let theirs = alerts.iter().find(|alert| alert["host"] == "demo-2").context("its alert")?;
    ensure!(theirs["state"] == "resolved", "{theirs}");
    scene.console(&["retire", "demo-2"])?.refused(1, &["demo-2"])?;
    scene.start_agent("demo-2")?;
    watch.until_host("demo-2", "new")?;
    watch.until_host("demo-2", "online")?;
    let audit = scene.console(&["audit", "--json"])?.list()?;
    let about = |action: &str| {
        audit.iter().filter(|line| line["action"] == action && line["target"] == "demo-2").count()
    };
    ensure!(about("retire") >= 1 && about("new-host") == 2, "{audit:?}");
    Ok(())
}

#[test]
fn hosts_are_filtered_and_mistakes_are_explained() -> Result<()> {
    let (scene, ids) = two_down()?;
    for (filter, count) in [
        ("", 3),
        ("demo", 3),
        ("state=down", 2),
        ("state=online and role=demo", 1),
        ("!state=down", 1),
        ("(demo-1 or demo-2) age<1h", 2),
        ("cpu>=0 state=online", 1),
        ("label.role=none", 0),
    ] {
        let hosts = scene.console(&["hosts", filter, "--json"])?.list()?;
        ensure!(hosts.len() == count, "{filter}: {} hosts", hosts.len());
    }
    // A mistake is shown below the filter that was given.
    for (filter, says) in
        [("nosuch=1 and (", "column 15"), ("cpu>much", "much"), ("cpu>>1", "column")]
    {
        let ending = scene.console(&["hosts", filter])?;
        let told = ending.stderr.as_str();
        ensure!(ending.code == Some(64) && ending.stdout.is_empty(), "{ending:?}");
        ensure!(told.contains(says) && told.contains(filter) && told.contains('^'), "{told}");
    }
    scene.console(&["host", "nobody"])?.refused(1, &["nobody"])?;
    scene.console(&["ack", "4711"])?.refused(1, &["4711"])?;
    let mixed = scene.console(&["ack", &ids[0], "4711"])?;
    mixed.refused(1, &["4711", "nothing was changed"])?;
    ensure!(scene.alerts()?.iter().all(|alert| alert["acked_by"].is_null()), "all or nothing");
    for args in [&["ack"][..], &["ack", "x"], &["hosts", "--no-such"], &["dance"], &[]] {
        let ending = scene.console(args)?;
        ensure!(ending.code == Some(64) && !ending.stderr.is_empty(), "{ending:?}");
    }
    Ok(())
}

#[test]
fn tables_are_for_people() -> Result<()> {
    let (scene, _) = two_down()?;
    let hosts = scene.console(&["hosts"])?.done()?.stdout;
    for word in ["demo-1", "online", "demo-2", "down"] {
        ensure!(hosts.contains(word), "{hosts}");
    }
    ensure!(!hosts.contains('\u{1b}'), "no colours in a pipe: {hosts:?}");
    ensure!(scene.console(&["alerts"])?.done()?.stdout.contains("demo-2 is down"));
    ensure!(scene.console(&["host", "demo-1"])?.done()?.stdout.contains("connect"));
    ensure!(scene.console(&["audit"])?.done()?.stdout.contains("new-host"));
    Ok(())
}

#[test]
fn a_daemon_that_cannot_be_reached_is_69_and_watch_only_at_first() -> Result<()> {
    let mut scene = Scene::set(1)?;
    let address = format!("127.0.0.1:{}", scene.stage.port);
    for args in [&["hosts"][..], &["alerts", "--json"], &["ack", "1"], &["watch"]] {
        scene.console(args)?.refused(69, &["demo-mon", &address])?;
    }
    scene.start_daemon()?;
    let mut watch = scene.watch()?;
    scene.kill(xtask::demo::programs::SYSTOLED)?;
    watch
        .until("the daemon is gone", |line| line["kind"] == "daemon" && line["state"] == "gone")?;
    scene.start_daemon()?;
    watch
        .until("the daemon is back", |line| line["kind"] == "daemon" && line["state"] == "back")?;
    scene.start_agent("demo-1")?;
    watch.until_host("demo-1", "online")?;
    let ended = watch.stop(Signal::INT)?;
    ensure!(ended.code() == Some(0), "{ended}");
    Ok(())
}

#[test]
fn watch_ends_quietly_when_nobody_reads_any_more() -> Result<()> {
    let scene = Scene::play(1)?;
    let mut child = scene
        .programs
        .console(&scene.stage, &["watch", "--metrics"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    drop(child.stdout.take());
    let status = until("its end", PATIENCE, || Ok(child.try_wait()?))?;
    let output = child.wait_with_output()?;
    ensure!(status.code() == Some(0) && output.stderr.is_empty(), "{status}: {output:?}");
    Ok(())
}

#[test]
fn consoles_say_goodbye_however_they_end() -> Result<()> {
    let scene = Scene::play(1)?;
    let mut watches = [scene.watch()?, scene.watch()?];
    for (watch, signal) in watches.iter_mut().zip([Signal::INT, Signal::TERM]) {
        let status = watch.stop(signal)?;
        ensure!(status.code() == Some(0), "{status}");
    }
    scene.console(&["ack", "4711"])?.refused(1, &["4711"])?;
    scene.viewer(&["retire", "demo-1"])?.refused(77, &["admin"])?;
    let journal = scene.daemon_journal();
    let came = journal.with(&["console connected"])?.len();
    // None of them keeps its place until it is found to be dead.
    until("every console left", PATIENCE, || {
        let left = journal.with(&["console disconnected"])?;
        let strays = left.iter().find(|line| !line.contains("it left"));
        ensure!(strays.is_none(), "{strays:?}");
        Ok((left.len() == came).then_some(()))
    })
}

#[test]
fn check_config_prints_sources_and_connects() -> Result<()> {
    let scene = Scene::play(1)?;
    let daemon = |args: &[&str]| -> Result<Ending> {
        let program = systole_tests::programs_folder()?.join("systoled");
        let mut command = Command::new(program);
        command.args(args).arg("--config").arg(scene.stage.daemon_toml());
        Ending::of(command)
    };
    let told = daemon(&["check-config"])?.done()?.stdout;
    for word in ["liveness.timeout", "daemon.toml:", "default"] {
        ensure!(told.contains(word), "{word}: {told}");
    }
    // Its ports and its folder are taken, by the one that runs: it sees that this is no fault.
    let told = daemon(&["check-config", "--connect"])?.done()?.stdout;
    ensure!(told.contains(&format!("process {}", scene.pid("systoled")?)), "{told}");
    for ending in [
        scene.console(&["check-config", "--connect"])?,
        scene.agent("demo-1", &["check-config", "--connect"])?,
    ] {
        let told = ending.done()?.stdout;
        for word in ["name", "UDP", "certificate", "clock", ".toml:"] {
            ensure!(told.contains(word), "{word}: {told}");
        }
    }
    let agent = scene.stage.agent_toml("demo-1");
    replace(&agent, "demo-mon=127.0.0.1", "another=127.0.0.1")?;
    let wrong = scene.agent("demo-1", &["check-config", "--connect"])?;
    ensure!(wrong.code == Some(77) && wrong.stdout.contains("another"), "{wrong:?}");
    Ok(())
}

#[test]
fn an_alert_that_was_resolved_by_hand_does_not_come_back_by_itself() -> Result<()> {
    let (mut scene, ids) = two_down()?;
    let mut watch = scene.watch()?;
    scene.console(&["resolve", &ids[0], &ids[1]])?.done()?;
    watch.listen(std::time::Duration::from_secs(7))?;
    let firing =
        |line: &&Value| is_alert(line) && line["state"] == "firing" && !line["previous"].is_null();
    let again: Vec<_> = watch.seen().iter().filter(firing).collect();
    ensure!(again.is_empty(), "the condition was not clear once: {again:?}");
    scene.start_agent("demo-2")?;
    watch.until_host("demo-2", "online")?;
    scene.kill("demo-2")?;
    watch.until_alert("demo-2", "host_down", "firing")?;
    Ok(())
}
