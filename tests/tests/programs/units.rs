//! The shipped systemd units: sound, as closed as promised, and, where a container can be had,
//! started for real.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};
use systole_common::ids::{Identity, OperatorName, Role};
use systole_tests::container::{Container, lacks, make_image};
use systole_tests::ending::Ending;
use systole_tests::{PATIENCE, programs_folder, until};
use tempfile::TempDir;
use xtask::certs::{self, Plan};
use xtask::test::{REQUIRE_VARIABLE, skip};

const DAEMON_UNIT: &str = include_str!("../../../assets/systemd/systoled.service");
const AGENT_UNIT: &str = include_str!("../../../assets/systemd/systole-agent.service");
const USERS: &str = include_str!("../../../assets/systemd/systole.sysusers.conf");

/// Names the image that the units are started in; it is made there if there is none.
const IMAGE_VARIABLE: &str = "SYSTOLE_TEST_NSPAWN";

/// Unit, its text, and how exposed it may be at most, in tenths as `systemd-analyze` counts.
const UNITS: [(&str, &str, u32); 2] =
    [("systoled.service", DAEMON_UNIT, 13), ("systole-agent.service", AGENT_UNIT, 15)];

/// A host's files, with the units, the programs and what units are checked against.
fn host() -> Result<TempDir> {
    let root = tempfile::tempdir()?;
    for folder in
        ["usr/lib/systemd", "usr/local/bin", "etc/systemd/system", "etc/sysusers.d", "bin"]
    {
        fs::create_dir_all(root.path().join(folder))?;
    }
    let mut copy = Command::new("cp");
    copy.args(["-a", "/usr/lib/systemd/system"]).arg(root.path().join("usr/lib/systemd"));
    Ending::of(copy)?.done()?;
    fs::copy("/bin/sh", root.path().join("bin/sh"))?;
    for program in ["systoled", "systole-agent"] {
        let to = root.path().join("usr/local/bin").join(program);
        fs::copy(programs_folder()?.join(program), to)?;
    }
    for (name, text, _) in UNITS {
        fs::write(unit(root.path(), name), text)?;
    }
    fs::write(root.path().join("etc/sysusers.d/systole.conf"), USERS)?;
    Ok(root)
}

fn unit(root: &Path, name: &str) -> PathBuf {
    root.join("etc/systemd/system").join(name)
}

/// What `systemd-analyze verify` has against a unit; nothing if it is sound.
fn objections(root: &Path, name: &str) -> Result<String> {
    let mut command = Command::new("systemd-analyze");
    command.arg("--man=no").arg(format!("--root={}", root.display())).args(["verify", name]);
    let ending = Ending::of(command)?;
    let said = [ending.stdout.as_str(), ending.stderr.as_str()].concat();
    let own: Vec<&str> = said.lines().filter(|line| line.contains(name)).collect();
    ensure!(ending.code == Some(0) || !own.is_empty(), "{said}");
    Ok(own.join("\n"))
}

/// Whether systemd's tools are there; without them the test says so.
fn has_systemd(test: &str) -> Result<bool> {
    let has = Path::new("/usr/bin/systemd-analyze").exists();
    if !has {
        skip(test, "apt-get install systemd").map_err(|why| anyhow!(why))?;
    }
    Ok(has)
}

#[test]
fn the_units_are_sound_and_a_mistake_would_be_found() -> Result<()> {
    if !has_systemd("units::the_units_are_sound_and_a_mistake_would_be_found")? {
        return Ok(());
    }
    let root = host()?;
    for (name, text, _) in UNITS {
        let objections = objections(root.path(), name)?;
        ensure!(objections.is_empty(), "{objections}");
        fs::write(unit(root.path(), name), text.replace("PrivateMounts", "PrivateMount"))?;
    }
    for (name, _, _) in UNITS {
        ensure!(objections(root.path(), name)?.contains("PrivateMount"), "{name}");
    }
    let program = root.path().join("usr/local/bin/systoled");
    fs::remove_file(program)?;
    ensure!(objections(root.path(), "systoled.service")?.contains("/usr/local/bin/systoled"));
    Ok(())
}

#[test]
fn the_units_are_as_closed_as_promised() -> Result<()> {
    if !has_systemd("units::the_units_are_as_closed_as_promised")? {
        return Ok(());
    }
    let root = host()?;
    for (name, _, threshold) in UNITS {
        let mut command = Command::new("systemd-analyze");
        command.args(["security", "--offline=true", "--no-pager"]);
        command.arg(format!("--threshold={threshold}")).arg(unit(root.path(), name));
        let ending = Ending::of(command)?;
        let exposure = ending.stdout.lines().find(|line| line.contains("exposure")).map(str::trim);
        println!("{}", exposure.context("no exposure")?);
        ensure!(ending.code == Some(0), "above {threshold} tenths: {}", ending.stdout);
    }
    Ok(())
}

#[test]
fn the_users_are_made_and_only_the_agent_is_in_the_group() -> Result<()> {
    if !has_systemd("units::the_users_are_made_and_only_the_agent_is_in_the_group")? {
        return Ok(());
    }
    let root = host()?;
    let mut command = Command::new("systemd-sysusers");
    command.arg(format!("--root={}", root.path().display()));
    Ending::of(command)?.done()?;
    let read = |name: &str| fs::read_to_string(root.path().join("etc").join(name));
    let (passwd, group) = (read("passwd")?, read("group")?);
    for user in ["systoled:", "systole-agent:"] {
        let line = passwd.lines().find(|line| line.starts_with(user)).context(passwd.clone())?;
        ensure!(line.ends_with("/usr/sbin/nologin"), "{line}");
    }
    let members = group.lines().find_map(|line| line.strip_prefix("systole:"));
    let members = members.and_then(|rest| rest.rsplit(':').next());
    ensure!(members == Some("systole-agent"), "{group}");
    Ok(())
}

#[test]
fn the_units_start_again_and_leave_the_agent_what_it_measures() {
    for (name, text, _) in UNITS {
        for line in [
            "Type=notify",
            "Restart=always",
            "RestartSec=1s",
            "RestartPreventExitStatus=64",
            "StartLimitIntervalSec=0",
            "NoNewPrivileges=yes",
            "CapabilityBoundingSet=",
            "WantedBy=multi-user.target",
        ] {
            assert!(text.lines().any(|other| other == line), "{name}: {line}");
        }
        assert!(text.lines().any(|line| line.starts_with("WatchdogSec=")), "{name}");
        // Only root may be without a user, and neither is root.
        assert!(text.lines().any(|line| line.starts_with("User=systole")), "{name}");
    }
    for line in [
        "ProtectHome=read-only",
        "PrivateMounts=yes",
        "ProcSubset=all",
        "RuntimeDirectory=systole",
        "Group=systole",
    ] {
        assert!(AGENT_UNIT.lines().any(|other| other == line), "{line}");
    }
    assert!(AGENT_UNIT.lines().any(|line| line.starts_with("Nice=-")));
    let closed = |line: &str| line.starts_with("PrivateUsers=") || line.starts_with("DynamicUser=");
    assert!(!AGENT_UNIT.lines().any(closed), "peers on the socket could not be told apart");
    assert!(!DAEMON_UNIT.lines().any(|line| line.starts_with("RuntimeDirectory")));
}

/// What an operator does by hand, as the README has it; one machine is monitor and host.
const INSTALL: &str = "
cd /stage
install -m 755 /stage/bin/systoled /stage/bin/systole-agent /stage/bin/systole /usr/local/bin/
install -D -m 644 systole.sysusers.conf /etc/sysusers.d/systole.conf
systemd-sysusers
mkdir -p /etc/systole
cp -r certs /etc/systole/certs
rm /etc/systole/certs/*.key
chown -R systoled: /etc/systole/certs/daemon
chown -R systole-agent: /etc/systole/certs/agent
touch /etc/systole/daemon.toml
echo '127.0.0.1 mon-1.example' >>/etc/hosts
echo 'daemons = [\"mon-1=mon-1.example:5001\"]' >/etc/systole/agent.toml
echo 'daemons = [\"mon-1=127.0.0.1:5001\"]' >/etc/systole/console.toml
install -m 644 systoled.service systole-agent.service /etc/systemd/system/
systemctl daemon-reload
systemctl enable --now systoled systole-agent
";

/// What is installed from: programs, units, certificates.
fn stage(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join("bin"))?;
    for program in ["systoled", "systole-agent", "systole"] {
        fs::copy(programs_folder()?.join(program), folder.join("bin").join(program))?;
    }
    for (name, text, _) in UNITS {
        fs::write(folder.join(name), text)?;
    }
    fs::write(folder.join("systole.sysusers.conf"), USERS)?;
    let mut plan = Plan::new(folder.join("certs"), "demo".parse()?);
    plan.holders.push(Identity::Daemon("mon-1".parse()?));
    plan.holders.push(Identity::Agent("web-1".parse()?));
    plan.holders.push(Identity::Operator(Role::Admin, "alex".parse::<OperatorName>()?));
    certs::issue(&plan).map(drop)
}

/// The image, if this run is asked to use one and can.
fn image(test: &str) -> Result<Option<PathBuf>> {
    let Some(image) = std::env::var_os(IMAGE_VARIABLE) else {
        let reason = format!("takes minutes; {IMAGE_VARIABLE}=FOLDER starts the units for real");
        if std::env::var_os(REQUIRE_VARIABLE).is_some() {
            eprintln!("NOT RUN: {test}: {reason}");
        } else {
            skip(test, &reason).map_err(|why| anyhow!(why))?;
        }
        return Ok(None);
    };
    if let Some(why) = lacks() {
        skip(test, &why).map_err(|why| anyhow!(why))?;
        return Ok(None);
    }
    let image = PathBuf::from(image);
    make_image(&image)?;
    Ok(Some(image))
}

#[test]
fn under_a_real_systemd_they_run_come_back_and_stay_out_of_the_rest() -> Result<()> {
    let test = "units::under_a_real_systemd_they_run_come_back_and_stay_out_of_the_rest";
    let Some(image) = image(test)? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let files = folder.path().join("stage");
    stage(&files)?;
    let mut host = Container::boot(&image, &files)?;
    host.shell(INSTALL)?;
    is_online(&host)?;
    has_its_places(&host)?;
    reloads(&host)?;
    comes_back(&host)?;
    a_frozen_one_is_started_anew(&host)?;
    a_wrong_configuration_is_not_tried_for_ever(&host)?;
    host.power_off()
}

fn is_online(host: &Container) -> Result<()> {
    until("web-1 is online", PATIENCE, || {
        let ending = host.run(&["/usr/local/bin/systole", "host", "web-1", "--json"])?;
        let is_online = ending.stdout.contains("\"state\":\"online\"");
        let has_root = ending.stdout.contains("\"mount\":\"/\"");
        Ok((is_online && has_root).then_some(()))
    })
    .with_context(|| host.shell("journalctl --no-pager -n 40").unwrap_or_default())
}

fn has_its_places(host: &Container) -> Result<()> {
    let owner = |path: &str| host.shell(&format!("stat -c '%U %G %a' {path}"));
    for (path, expected) in [
        ("/run/systole", "systole-agent systole 755"),
        ("/run/systole/agent.sock", "systole-agent systole 660"),
        ("/var/lib/systole/agent", "systole-agent systole 700"),
        ("/var/lib/systole/daemon", "systoled systoled 700"),
    ] {
        let found = owner(path)?;
        ensure!(found == expected, "{path}: {found}");
    }
    let status = |group: &str| {
        let line = format!("--reuid=nobody --regid={group} --clear-groups");
        let words: Vec<&str> = line.split(' ').collect();
        host.run(
            &[
                ["/usr/bin/setpriv"].as_slice(),
                words.as_slice(),
                ["/usr/local/bin/systole-agent", "status"].as_slice(),
            ]
            .concat(),
        )
    };
    ensure!(status("systole")?.code == Some(0), "the group may use the socket");
    ensure!(status("nogroup")?.code != Some(0), "others may not");
    for unit in ["systoled", "systole-agent"] {
        let pid = host.shell(&format!("systemctl show -P MainPID {unit}"))?;
        let status = host.shell(&format!("cat /proc/{pid}/status"))?;
        ensure!(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"), "{status}");
        ensure!(status.contains("CapBnd:\t0000000000000000"), "{status}");
        for path in ["/usr/x", "/etc/systole/x", "/home/x"] {
            let touch = ["/usr/bin/nsenter", "-m", "-t", &pid, "/usr/bin/touch", path];
            ensure!(host.run(&touch)?.stderr.contains("Read-only"), "{unit} may write {path}");
        }
    }
    let nice =
        host.shell("cut -d' ' -f19 /proc/$(systemctl show -P MainPID systole-agent)/stat")?;
    ensure!(nice == "-5", "nice {nice}");
    Ok(())
}

fn reloads(host: &Container) -> Result<()> {
    for unit in ["systoled", "systole-agent"] {
        let pid = host.shell(&format!("systemctl show -P MainPID {unit}"))?;
        host.shell(&format!("systemctl reload {unit}"))?;
        until("the unit is active", PATIENCE, || {
            Ok(host
                .run(&["/bin/systemctl", "is-active", unit])?
                .stdout
                .contains("active")
                .then_some(()))
        })?;
        until("the reload is logged", PATIENCE, || {
            let log = host.shell(&format!("journalctl --no-pager -u {unit}"))?;
            Ok(log.contains("read anew").then_some(()))
        })?;
        ensure!(host.shell(&format!("systemctl show -P MainPID {unit}"))? == pid, "{unit}");
    }
    Ok(())
}

fn restarts(host: &Container, unit: &str) -> Result<u32> {
    Ok(host.shell(&format!("systemctl show -P NRestarts {unit}"))?.parse()?)
}

fn until_restarted(host: &Container, unit: &str) -> Result<()> {
    until("the unit is started anew", PATIENCE, || {
        let is_active = host.shell(&format!("systemctl show -P ActiveState {unit}"))? == "active";
        Ok((is_active && restarts(host, unit)? > 0).then_some(()))
    })
    .with_context(|| host.shell(&format!("systemctl status {unit}")).unwrap_or_default())
}

fn comes_back(host: &Container) -> Result<()> {
    for unit in ["systoled", "systole-agent"] {
        host.shell(&format!("systemctl kill --kill-who=main --signal=KILL {unit}"))?;
        until_restarted(host, unit)?;
    }
    is_online(host)
}

fn a_frozen_one_is_started_anew(host: &Container) -> Result<()> {
    for unit in ["systoled", "systole-agent"] {
        host.shell(&format!(
            "mkdir -p /run/systemd/system/{unit}.service.d
             printf '[Service]\\nWatchdogSec=4s\\n' >/run/systemd/system/{unit}.service.d/short.conf
             systemctl daemon-reload
             systemctl restart {unit}
             systemctl kill --kill-who=main --signal=STOP {unit}"
        ))?;
        until_restarted(host, unit)?;
        let log = host.shell(&format!("journalctl --no-pager -u {unit}"))?;
        ensure!(log.contains("Watchdog timeout"), "{log}");
    }
    is_online(host)
}

fn a_wrong_configuration_is_not_tried_for_ever(host: &Container) -> Result<()> {
    host.shell("echo nonsense >>/etc/systole/agent.toml")?;
    ensure!(host.run(&["/bin/systemctl", "restart", "systole-agent"])?.code != Some(0));
    let state = host.shell("systemctl show -P ActiveState -P ExecMainStatus systole-agent")?;
    let lines: Vec<&str> = state.lines().collect();
    ensure!(lines.contains(&"failed") && lines.contains(&"64"), "{state}");
    let log = host.shell("journalctl --no-pager -u systole-agent -n 5")?;
    ensure!(log.contains("/etc/systole/agent.toml:2"), "{log}");
    Ok(())
}
