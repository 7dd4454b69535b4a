//! Two consoles on terminals of different sizes that look at the same: keys go to both, and what was
//! looked for must have been on both screens.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use systole_tests::pty::Pty;
use systole_tests::scene::Scene;
use systole_tests::{LOOK_EVERY, PATIENCE};

use super::clean::is_clean_console;

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];
/// A step that changes nothing for so long is taken again: it may be the last one.
const STEP: Duration = Duration::from_millis(500);
/// So many steps that change nothing are the end of a list.
const STEPS_AT_END: usize = 3;

pub(super) const PAGE_DOWN: &str = "\x1b[6~";
pub(super) const PAGE_UP: &str = "\x1b[5~";
/// How a list is gone through: to its top, then down by pages, by half pages, by lines.
pub(super) const DOWN: [(&str, &str); 3] = [("g", PAGE_DOWN), ("g", "\x04"), ("g", "j")];
/// How one is whose heads stay, by half pages at once.
pub(super) const HALF_DOWN: [(&str, &str); 2] = [("g", "\x04"), ("g", "j")];
/// How a chat is: from its newest message up by pages, by half pages, by messages.
pub(super) const UP: [(&str, &str); 3] = [("G", PAGE_UP), ("G", "\x15"), ("G", "kk")];
/// How what has no end key is.
pub(super) const POPUP: [(&str, &str); 1] = [("\x1b[H", PAGE_DOWN)];

/// Consoles that look at the same.
pub(super) struct Eyes(Vec<Eye>);

struct Eye {
    pty: Pty,
    size: (u16, u16),
}

impl Eyes {
    /// Consoles that show the fleet, LIVE. They never ring: a bell would be a foreign byte.
    pub(super) fn open(scene: &Scene) -> Result<Self> {
        let open = |size| {
            let command = scene.programs.console(&scene.stage, &["--set", "screen.bell=false"]);
            let pty = Pty::start(&command, size, &[])?;
            pty.until_shows("LIVE")?;
            Ok(Eye { pty, size })
        };
        SIZES.into_iter().map(open).collect::<Result<_>>().map(Self)
    }

    /// Presses keys in all of them.
    pub(super) fn press(&self, keys: impl AsRef<[u8]>) -> Result<()> {
        self.0.iter().try_for_each(|eye| eye.pty.press(keys.as_ref()))
    }

    /// Presses keys and waits until `text` is on every screen.
    pub(super) fn press_for(&self, keys: impl AsRef<[u8]>, text: &str) -> Result<()> {
        self.press(keys)?;
        self.0.iter().try_for_each(|eye| eye.pty.until_shows(text).map(drop))
    }

    /// Presses Esc and waits until `text` is gone: Esc with a key at once behind it is another key.
    pub(super) fn escape_from(&self, text: &str) -> Result<()> {
        self.press("\x1b")?;
        self.0.iter().try_for_each(|eye| eye.pty.until_gone(text))
    }

    /// Waits until all of `keys` are on every screen at once.
    pub(super) fn until_show(&self, keys: &[String]) -> Result<()> {
        let has = |lines: &[String]| {
            let screen = lines.join("\n");
            keys.iter().all(|key| screen.contains(key))
        };
        let mut eyes = self.0.iter();
        eyes.try_for_each(|eye| eye.pty.until(&keys.join(" "), has).map(drop))
    }

    /// Goes through a list until each of `keys` was on every screen.
    pub(super) fn hunt(
        &mut self,
        what: &str,
        keys: &[String],
        ways: &[(&str, &str)],
    ) -> Result<()> {
        let began = Instant::now();
        thread::scope(|scope| {
            let hunts: Vec<_> = self
                .0
                .iter_mut()
                .map(|eye| scope.spawn(move || hunt(&mut eye.pty, keys, ways)))
                .collect();
            let joined = hunts.into_iter().map(thread::ScopedJoinHandle::join);
            let over = joined.map(|over| over.map_err(|_| anyhow!("the hunt broke off"))?);
            over.collect::<Result<Vec<()>>>()
        })
        .with_context(|| what.to_owned())?;
        println!("{what}: {} texts in {:.1} s", keys.len(), began.elapsed().as_secs_f64());
        Ok(())
    }

    /// [`Self::hunt`] on the larger screen alone, for what the smaller one has no room for.
    pub(super) fn hunt_large(
        &mut self,
        what: &str,
        keys: &[String],
        ways: &[(&str, &str)],
    ) -> Result<()> {
        let began = Instant::now();
        let large = self.0.last_mut().context("no large screen")?;
        hunt(&mut large.pty, keys, ways).with_context(|| what.to_owned())?;
        println!("{what}: {} texts in {:.1} s", keys.len(), began.elapsed().as_secs_f64());
        Ok(())
    }

    /// Leaves; every byte that they ever wrote must be their own.
    pub(super) fn close(self) -> Result<()> {
        for Eye { mut pty, size } in self.0 {
            pty.press("\x03\x03")?;
            ensure!(pty.ended(PATIENCE).with_context(|| format!("{pty:?}"))? == 0);
            pty.is_restored()?;
            let bytes = pty.bytes();
            println!("{size:?}: {} bytes", bytes.len());
            is_clean_console(&bytes, size).with_context(|| format!("at {size:?}"))?;
        }
        Ok(())
    }
}

fn hunt(pty: &mut Pty, keys: &[String], ways: &[(&str, &str)]) -> Result<()> {
    let all: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
    let mut left = all.clone();
    let end = Instant::now() + PATIENCE * 2;
    let mut shown = settled(pty, &all, &Shown::default());
    // Whatever is gone through is at its beginning when it is opened.
    let mut is_there = true;
    while Instant::now() < end {
        for (start, step) in ways {
            if !std::mem::replace(&mut is_there, false) {
                pty.press(start)?;
                shown = settled(pty, &all, &shown);
            }
            let mut unchanged = 0;
            while unchanged < STEPS_AT_END {
                left.retain(|key| !shown.keys.contains(key));
                if left.is_empty() {
                    return Ok(());
                }
                pty.press(step)?;
                let now = settled(pty, &all, &shown);
                unchanged = if now == shown { unchanged + 1 } else { 0 };
                shown = now;
            }
        }
    }
    Err(anyhow!("never seen of {}: {left:?}; {pty:?}", keys.len()))
}

/// What a screen shows: which of the keys, and all else but its first line and its digits, which change
/// with time alone.
#[derive(Debug, Clone, Default, PartialEq)]
struct Shown<'a> {
    keys: BTreeSet<&'a str>,
    rest: String,
}

impl<'a> Shown<'a> {
    fn now(pty: &Pty, all: &BTreeSet<&'a str>) -> Self {
        let lines = pty.lines().split_off(1);
        let screen = lines.join("\n");
        let keys = all.iter().copied().filter(|key| screen.contains(key)).collect();
        Self { keys, rest: screen.replace(|c: char| c.is_ascii_digit() || c == ' ', "") }
    }
}

/// What is on the screen once it is something else than `before` and stands still.
fn settled<'a>(pty: &Pty, all: &BTreeSet<&'a str>, before: &Shown<'a>) -> Shown<'a> {
    let end = Instant::now() + STEP;
    let mut last = Shown::default();
    loop {
        let now = Shown::now(pty, all);
        if (now == last && now != *before) || Instant::now() >= end {
            return now;
        }
        last = now;
        thread::sleep(LOOK_EVERY);
    }
}
