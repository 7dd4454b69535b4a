//! Daemon and agent are killed again and again at whatever moment: what was acknowledged is there, once.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use systole_tests::PATIENCE;
use systole_tests::kept::{as_long_as, stage, storage, until_complete, until_spooled};
use systole_tests::machine::now;
use systole_tests::scene::Scene;
use xtask::demo::programs::SYSTOLED;

/// The shortest and the longest life of a program that is killed, in milliseconds.
const LIFE_MS: (u64, u64) = (40, 2_600);

#[test]
fn a_daemon_killed_again_and_again_keeps_what_it_acknowledged() -> Result<()> {
    let rounds = as_long_as(20, 100);
    let mut scene = stage(3)?;
    scene.start_all()?;
    let mut lives = Lives::from_clock();
    for _ in 0..rounds {
        thread::sleep(lives.next());
        scene.kill(SYSTOLED)?;
        // Not waited for: some are killed while they read the log.
        scene.start_unready()?;
    }
    scene.kill(SYSTOLED)?;
    scene.start_daemon()?;
    scene.until_online(&scene.stage.agents.clone())?;
    println!("{rounds} kills of the daemon, seed {}", lives.seed);
    all_complete(&scene, &["demo-1", "demo-2", "demo-3"])
}

#[test]
fn an_agent_killed_again_and_again_loses_nothing_that_it_spooled() -> Result<()> {
    let rounds = as_long_as(20, 100);
    let mut scene = stage(1)?;
    scene.start_all()?;
    let mut lives = Lives::from_clock();
    for _ in 0..rounds {
        thread::sleep(lives.next());
        scene.kill("demo-1")?;
        scene.start_agent("demo-1")?;
    }
    scene.until_online(&["demo-1".to_owned()])?;
    until_spooled(&scene, "demo-1", 3, PATIENCE)?;
    println!("{rounds} kills of an agent, seed {}", lives.seed);
    all_complete(&scene, &["demo-1"])
}

#[test]
fn both_killed_at_once_lose_nothing() -> Result<()> {
    let rounds = as_long_as(8, 40);
    let mut scene = stage(1)?;
    scene.start_all()?;
    let mut lives = Lives::from_clock();
    for round in 0..rounds {
        thread::sleep(lives.next());
        scene.kill("demo-1")?;
        scene.kill(SYSTOLED)?;
        if round % 2 == 0 {
            scene.start_unready()?;
            scene.start_agent("demo-1")?;
        } else {
            scene.start_agent("demo-1")?;
            thread::sleep(lives.next());
            scene.start_unready()?;
        }
    }
    scene.until_online(&["demo-1".to_owned()])?;
    println!("{rounds} kills of both, seed {}", lives.seed);
    all_complete(&scene, &["demo-1"])
}

fn all_complete(scene: &Scene, agents: &[&str]) -> Result<()> {
    for agent in agents {
        let (verdict, took) = until_complete(scene, agent)?;
        println!("{agent}, {:.1} s later: {verdict}", took.as_secs_f64());
        ensure!(verdict.is_complete(), "{agent}: {verdict:?}");
        ensure!(verdict.acknowledged > 0, "{agent}: nobody acknowledged anything: {verdict}");
        let stored = storage(scene, agent)?;
        ensure!(
            stored.get("dropped").is_some_and(|it| it == 0),
            "{agent} had to drop something: {stored}"
        );
    }
    Ok(())
}

/// How long programs live; the seed is printed, the moments are nobody's choice anyway.
struct Lives {
    seed: u64,
    state: u64,
}

impl Lives {
    fn from_clock() -> Self {
        let seed = u64::try_from(now().0).unwrap_or(1);
        Self { seed, state: seed | 1 }
    }

    fn next(&mut self) -> Duration {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let (shortest, longest) = LIFE_MS;
        Duration::from_millis(shortest + self.state % (longest - shortest))
    }
}
