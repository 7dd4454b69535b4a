//! What systemd is told: ready, alive, reloading, stopping.

use std::os::unix::net::UnixDatagram;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use systole_tests::PATIENCE;
use systole_tests::scene::Scene;
use xtask::demo::programs::{SYSTOLED, is_ready};

/// The unit's end of the notify socket.
struct Unit(UnixDatagram);

impl Unit {
    /// Starts `name` as a unit with a watchdog of two seconds would.
    fn start(scene: &mut Scene, name: &str) -> Result<Self> {
        let path = scene.stage.dir.join(format!("notify-{name}"));
        let socket = UnixDatagram::bind(&path)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut command = if name == SYSTOLED {
            scene.programs.daemon(&scene.stage)
        } else {
            scene.programs.agent(&scene.stage, name)
        };
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "2000000");
        scene.start(name, command)?;
        Ok(Self(socket))
    }

    /// Waits for a message that says `word`, and returns it whole.
    fn until(&self, word: &str) -> Result<String> {
        let mut buffer = [0; 4096];
        loop {
            let length = self.0.recv(&mut buffer).with_context(|| format!("no {word}"))?;
            let told = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
            if told.lines().any(|line| line == word) {
                return Ok(told.into_owned());
            }
        }
    }
}

fn is_told(scene: &mut Scene, name: &str) -> Result<()> {
    let unit = Unit::start(scene, name)?;
    unit.until("READY=1")?;
    if name == SYSTOLED {
        ensure!(is_ready(&scene.stage), "READY before /readyz");
    }
    for _ in 0..3 {
        unit.until("WATCHDOG=1")?;
    }
    scene.signal(name, Signal::HUP)?;
    let reloading = unit.until("RELOADING=1")?;
    ensure!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    unit.until("READY=1")?;
    scene.signal(name, Signal::TERM)?;
    unit.until("STOPPING=1")?;
    ensure!(scene.ended(name)?.code() == Some(0));
    Ok(())
}

#[test]
fn systemd_is_told_how_the_daemon_is() -> Result<()> {
    is_told(&mut Scene::set(1)?, SYSTOLED)
}

#[test]
fn systemd_is_told_how_an_agent_is_even_without_a_daemon() -> Result<()> {
    is_told(&mut Scene::set(1)?, "demo-1")
}
