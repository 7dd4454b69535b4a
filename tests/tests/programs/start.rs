//! Bad input at the start: one plain line, the exit code of the contract, nothing half-made.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use anyhow::{Result, anyhow, ensure};
use systole_tests::disk::SmallDisk;
use systole_tests::ending::Ending;
use systole_tests::scene::{Scene, append, replace};
use systole_tests::{PATIENCE, until};
use xtask::certs::Variant;
use xtask::demo::programs::{SYSTOLED, http_get};
use xtask::test::skip;

/// The programs as `run`, or the like: name, file, command.
fn programs(scene: &Scene) -> [(&'static str, std::path::PathBuf, Command); 3] {
    let stage = &scene.stage;
    [
        (SYSTOLED, stage.daemon_toml(), scene.programs.daemon(stage)),
        ("systole-agent", stage.agent_toml("demo-1"), scene.programs.agent(stage, "demo-1")),
        ("systole", stage.console_toml(), scene.programs.console(stage, &["hosts"])),
    ]
}

/// Nothing of state, spool or socket must be there.
fn nothing_was_made(scene: &Scene) -> Result<()> {
    for name in ["state", "agent-demo-1.sock"] {
        ensure!(!scene.stage.dir.join(name).exists(), "{name} was made");
    }
    Ok(())
}

#[test]
fn a_wrong_configuration_is_named_by_file_line_and_key() -> Result<()> {
    // The line of the fault within what is added, and what is said of it.
    let everywhere = [
        ("[tsl]\nca = \"certs\"", 1, &["unknown key `tsl`", "`tls`"][..]),
        ("[unclosed", 1, &["`]`"]),
    ];
    let services = [
        ("[log]\nlevle = \"info\"", 2, &["unknown key `log.levle`", "`log.level`"][..]),
        ("[log]\nlevel = 7", 2, &["`log.level` is a whole number", "expected"]),
        ("[log]\nformat = \"pretty\"", 2, &["`log.format` cannot be", "expected", "json"]),
    ];
    let counted =
        everywhere.map(|case| (case, 3)).into_iter().chain(services.map(|case| (case, 2)));
    for ((lines, fault, words), count) in counted {
        let scene = Scene::set(1)?;
        for (program, file, command) in programs(&scene).into_iter().take(count) {
            let place = format!(
                "{}:{}",
                file.display(),
                fs::read_to_string(&file)?.lines().count() + fault
            );
            append(&file, lines)?;
            Ending::of(command)?.refused(64, &[&[program, &place], words].concat())?;
        }
        nothing_was_made(&scene)?;
    }
    Ok(())
}

#[test]
fn durations_and_bounds_of_the_daemon_are_checked() -> Result<()> {
    for (line, words) in [
        ("[liveness]\ntimeout = 5", &["liveness.timeout", "whole number", "duration"][..]),
        ("[liveness]\ntimeout = \"soon\"", &["liveness.timeout", "soon"]),
        ("[heartbeat]\ninterval = \"10ms\"", &["heartbeat.interval", "10ms"]),
        ("[heartbeat]\ninterval = \"2m\"", &["heartbeat.interval", "2m"]),
        ("[hosts]\nmax = -1", &["hosts.max", "-1"]),
    ] {
        let scene = Scene::set(1)?;
        append(&scene.stage.daemon_toml(), line)?;
        let ending = Ending::of(scene.programs.daemon(&scene.stage))?;
        ending.refused(64, &[&["daemon.toml:"], words].concat())?;
        nothing_was_made(&scene)?;
    }
    let scene = Scene::set(1)?;
    replace(
        &scene.stage.daemon_toml(),
        "[http]\nlisten = \"127.0.0.1",
        "[http]\nlisten = \"0.0.0.0",
    )?;
    Ending::of(scene.programs.daemon(&scene.stage))?.refused(64, &["http.listen", "loopback"])?;
    nothing_was_made(&scene)
}

#[test]
fn a_missing_file_and_a_missing_key_are_named() -> Result<()> {
    let scene = Scene::set(1)?;
    for (_, file, command) in programs(&scene) {
        fs::remove_file(&file)?;
        Ending::of(command)?.refused(64, &[&file.display().to_string(), "--config"])?;
    }
    for program in [SYSTOLED, "systole-agent"] {
        let ending = Ending::of(beside(program, &["run", "--set", "no.such=1"])?)?;
        ensure!(ending.code == Some(64) && ending.stderr.contains("no.such"), "{ending:?}");
        let ending = Ending::of(beside(program, &["dance"])?)?;
        ensure!(ending.code == Some(64) && ending.stderr.contains("dance"), "{ending:?}");
    }
    nothing_was_made(&scene)
}

/// A program without a stage.
fn beside(program: &str, args: &[&str]) -> Result<Command> {
    let mut command = Command::new(systole_tests::programs_folder()?.join(program));
    command.args(args);
    Ok(command)
}

#[test]
fn a_key_that_others_could_use_or_that_is_none_is_refused_by_every_program() -> Result<()> {
    type Spoil = fn(&Path) -> Result<()>;
    let cases: [(Spoil, &str); 6] = [
        (|key| Ok(fs::set_permissions(key, Permissions::from_mode(0o644))?), "chmod 600"),
        (|key| Ok(fs::set_permissions(key, Permissions::from_mode(0o640))?), "chmod 600"),
        (
            |key| {
                let real = key.with_extension("real");
                fs::rename(key, &real)?;
                Ok(symlink(real, key)?)
            },
            "symbolic link",
        ),
        (
            |key| {
                fs::remove_file(key)?;
                Ok(fs::create_dir(key)?)
            },
            "not a regular file",
        ),
        (|key| Ok(fs::write(key, "")?), "is empty"),
        (|key| Ok(fs::remove_file(key)?), "no such file"),
    ];
    for (spoil, says) in cases {
        let scene = Scene::set(1)?;
        let keys = ["daemon/demo-mon", "agent/demo-1", "operator/demo"];
        for ((_, _, command), stem) in programs(&scene).into_iter().zip(keys) {
            let key = scene.stage.dir.join(format!("certs/{stem}.key"));
            spoil(&key)?;
            Ending::of(command)?.refused(64, &[&key.display().to_string(), says])?;
        }
        nothing_was_made(&scene)?;
    }
    Ok(())
}

#[test]
fn a_certificate_that_is_foreign_or_of_another_role_is_refused_by_every_program() -> Result<()> {
    let cases = [
        ("refusal/wrong-ca", "was not signed by"),
        ("refusal/ca-leaf", "CA"),
        ("refusal/two-uris", "URI"),
        ("refusal/no-uri", "URI"),
        ("refusal/wrong-purpose", "made for"),
    ];
    let scene = Scene::set_with(1, |plan| plan.refusals = Variant::ALL.to_vec())?;
    let stems = ["daemon/demo-mon", "agent/demo-1", "operator/demo"];
    for (folder, says) in cases {
        for ((_, file, command), stem) in programs(&scene).into_iter().zip(stems) {
            let whole = fs::read_to_string(&file)?;
            let text = with_certificate(&whole, stem, &format!("{folder}/{stem}"));
            fs::write(&file, text)?;
            Ending::of(command)?.refused(64, &[".crt", says])?;
            fs::write(&file, whole)?;
        }
    }
    // An agent's certificate opens no other program, and nobody else's opens an agent's.
    for ((_, file, command), (stem, other)) in programs(&scene).into_iter().zip([
        (stems[0], "agent/demo-1"),
        (stems[1], "operator/demo"),
        (stems[2], "agent/demo-1"),
    ]) {
        let whole = fs::read_to_string(&file)?;
        fs::write(&file, with_certificate(&whole, stem, other))?;
        Ending::of(command)?.refused(64, &[other, "this program needs"])?;
    }
    nothing_was_made(&scene)
}

/// The text of a configuration with another certificate; the daemon's names none otherwise.
fn with_certificate(text: &str, stem: &str, other: &str) -> String {
    if text.contains(stem) {
        return text.replace(stem, other);
    }
    format!("{text}\n[tls]\ncert = \"certs/{other}.crt\"\nkey = \"certs/{other}.key\"\n")
}

#[test]
fn an_expired_certificate_keeps_services_up_and_waiting_and_ends_commands() -> Result<()> {
    let mut scene = Scene::set_with(1, |plan| plan.refusals = vec![Variant::Expired])?;
    let certs = scene.stage.dir.join("certs");
    let stems = ["daemon/demo-mon", "agent/demo-1", "operator/demo"];
    let swap = |from: &str, to: &str| -> Result<()> {
        for stem in stems {
            for kind in ["crt", "key"] {
                let file = |folder: &str| certs.join(format!("{folder}{stem}.{kind}"));
                fs::rename(file(from), file(to))?;
            }
        }
        Ok(())
    };
    fs::create_dir_all(certs.join("good/daemon"))?;
    fs::create_dir_all(certs.join("good/agent"))?;
    fs::create_dir_all(certs.join("good/operator"))?;
    swap("", "good/")?;
    swap("refusal/expired/", "")?;
    let pid = start_unready(&mut scene)?;
    scene.start_agent("demo-1")?;
    scene.daemon_journal().only(&["demo-mon.crt", "ended on"])?;
    scene.journal("demo-1").only(&["demo-1.crt", "ended on"])?;
    scene.console(&["hosts"])?.refused(64, &["demo.crt", "ended on"])?;
    let answer = http_get(&scene.stage, "/readyz")?;
    ensure!(answer.starts_with("HTTP/1.1 503") && answer.contains("ended on"), "{answer}");
    ensure!(http_get(&scene.stage, "/healthz")?.starts_with("HTTP/1.1 200"));
    // New certificates are found without a restart.
    swap("", "refusal/expired/")?;
    swap("good/", "")?;
    until("readiness", PATIENCE, || {
        Ok(xtask::demo::programs::is_ready(&scene.stage).then_some(()))
    })?;
    scene.until_online(&["demo-1".to_owned()])?;
    ensure!(scene.pid(SYSTOLED)? == pid && scene.runs(SYSTOLED)? && scene.runs("demo-1")?);
    Ok(())
}

/// Starts a daemon that will not be ready, and waits for its HTTP.
fn start_unready(scene: &mut Scene) -> Result<u32> {
    scene.start_unready()?;
    until("/readyz", PATIENCE, || Ok(http_get(&scene.stage, "/readyz").ok().map(drop)))?;
    scene.pid(SYSTOLED)
}

#[test]
fn taken_ports_and_folders_are_named() -> Result<()> {
    let mut first = Scene::set(1)?;
    first.start_daemon()?;
    let second = Scene::set(1)?;
    let file = second.stage.daemon_toml();
    let whole = fs::read_to_string(&file)?;
    let udp = format!("127.0.0.1:{}", first.stage.port);
    let http = format!("127.0.0.1:{}", first.stage.http_port);
    let own = |port: u16| format!("127.0.0.1:{port}");
    for (from, to, says) in [
        (own(second.stage.port), udp.as_str(), "UDP"),
        (own(second.stage.http_port), http.as_str(), "http.listen"),
    ] {
        fs::write(&file, whole.replace(&from, to))?;
        let ending = Ending::of(second.programs.daemon(&second.stage))?;
        ending.refused(1, &[to, says])?;
        nothing_was_made(&second)?;
    }
    let state = first.stage.dir.join("state/daemon");
    let shared = format!("path = {:?}", state.display());
    fs::write(&file, whole.replace("path = \"state/daemon\"", &shared))?;
    let ending = Ending::of(second.programs.daemon(&second.stage))?;
    let pid = format!("process {}", first.pid(SYSTOLED)?);
    ending.refused(1, &[&state.display().to_string(), "another systoled", &pid])?;
    ensure!(first.runs(SYSTOLED)?);
    first.console(&["hosts"])?.done().map(drop)
}

#[test]
fn a_folder_that_cannot_be_written_is_named() -> Result<()> {
    let scene = Scene::set(1)?;
    // Root may write anywhere, but nobody can make a folder inside a file.
    let file = scene.stage.daemon_toml();
    replace(&file, "path = \"state/daemon\"", "path = \"certs/root.crt/state\"")?;
    Ending::of(scene.programs.daemon(&scene.stage))?
        .refused(1, &["certs/root.crt/state", "state.path"])?;
    let agent = scene.stage.agent_toml("demo-1");
    replace(&agent, "path = \"state/agent-demo-1\"", "path = \"certs/root.crt/spool\"")?;
    Ending::of(scene.programs.agent(&scene.stage, "demo-1"))?
        .refused(1, &["certs/root.crt/spool", "spool.path"])?;
    nothing_was_made(&scene)
}

#[test]
fn a_second_agent_on_the_same_socket_or_spool_is_refused() -> Result<()> {
    let mut scene = Scene::play(1)?;
    let ending = Ending::of(scene.programs.agent(&scene.stage, "demo-1"))?;
    ending.refused(1, &["agent-demo-1", "already"])?;
    scene.is_unharmed(&["demo-1"])?;
    scene.agent("demo-1", &["status"])?.done().map(drop)
}

#[test]
fn state_of_a_newer_version_is_refused_and_left_as_it_is() -> Result<()> {
    let mut scene = Scene::set(1)?;
    scene.start_daemon()?;
    scene.terminate(SYSTOLED)?;
    let path = scene.stage.dir.join("state/daemon/state.db");
    let state = rusqlite::Connection::open(&path)?;
    state.pragma_update(None, "user_version", 99)?;
    state.close().map_err(|(_, error)| error)?;
    let before = fs::read(&path)?;
    let ending = Ending::of(scene.programs.daemon(&scene.stage))?;
    ending.refused(1, &[&path.display().to_string(), "99"])?;
    ensure!(fs::read(&path)? == before, "it was touched");
    Ok(())
}

#[test]
fn a_damaged_state_is_set_aside_and_the_loss_is_said() -> Result<()> {
    let mut scene = Scene::play(1)?;
    scene.terminate(SYSTOLED)?;
    let folder = scene.stage.dir.join("state/daemon");
    fs::write(folder.join("state.db"), [0xa5; 8192])?;
    scene.start_daemon()?;
    scene.daemon_journal().only(&["ERROR", "state was damaged", "state.db"])?;
    let names = fs::read_dir(&folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>>>()?;
    let aside = names.iter().filter(|name| name.starts_with("state.db.")).count();
    ensure!(aside == 1, "it was kept: {names:?}");
    scene.until_online(&["demo-1".to_owned()])
}

#[test]
fn a_full_disk_at_the_start_is_named_and_nothing_is_left() -> Result<()> {
    let scene = Scene::set(1)?;
    let disk = scene.stage.dir.join("disk");
    let full = match SmallDisk::mount(&disk, "16k") {
        Ok(full) => full,
        Err(why) => {
            let name = "start::a_full_disk_at_the_start_is_named_and_nothing_is_left";
            return skip(name, &why).map_err(|why| anyhow!(why));
        }
    };
    let daemon = scene.stage.daemon_toml();
    replace(&daemon, "path = \"state/daemon\"", "path = \"disk/daemon\"")?;
    let ending = Ending::of(scene.programs.daemon(&scene.stage))?;
    ending.refused(1, &["disk/daemon", "full"])?;
    let left: Vec<_> = fs::read_dir(&disk)?.collect();
    ensure!(left.is_empty(), "something is left: {left:?}");
    // With no room at all, the agent says the same.
    full.fill()?;
    let agent = scene.stage.agent_toml("demo-1");
    replace(&agent, "path = \"state/agent-demo-1\"", "path = \"disk/agent\"")?;
    let ending = Ending::of(scene.programs.agent(&scene.stage, "demo-1"))?;
    ending.refused(1, &["disk/agent"])?;
    ensure!(!disk.join("agent/epoch").exists(), "half of a spool is left");
    Ok(())
}
