//! `cargo xtask screens`: the README's pictures, drawn from the stored pictures of the console's tests.
//!
//! A picture in the README is therefore what a test holds the console to. [`snapshot`] reads text and
//! styles, [`svg`] draws them.

mod snapshot;
mod svg;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use self::snapshot::Snapshot;
use crate::workspace;

/// Where the console's tests keep their pictures, and where ours go.
const PLACES: [&str; 2] = ["console/src/view", "assets/screens"];
/// Name of the picture, the snapshot that it is drawn from, and the folder below the view's tests.
const PICTURES: &[(&str, &str)] = &[
    ("fleet-80x24", "tests/snapshots/live_80x24.snap"),
    ("fleet-120x40", "tests/snapshots/live_120x40.snap"),
    ("stale-80x24", "tests/snapshots/stale_80x24.snap"),
    ("alerts-120x40", "tests/snapshots/alerts_120x40.snap"),
    ("charts-120x40", "host/snapshots/tab_charts_120x40.snap"),
];

/// Draws the README's pictures from the console's tests
#[derive(Debug, Clone, clap::Args)]
pub struct ScreensArgs {
    /// Change nothing; fail if a picture is not what the tests have
    #[arg(long)]
    check: bool,
}

/// Draws all pictures.
pub fn run(args: &ScreensArgs) -> Result<ExitCode> {
    draw_all(&workspace::root()?, args.check).map(|()| ExitCode::SUCCESS)
}

/// Draws all pictures of the checkout at `root`, or only compares them.
pub fn draw_all(root: &Path, is_check: bool) -> Result<()> {
    let [from, to] = PLACES.map(|place| root.join(place));
    fs::create_dir_all(&to)?;
    for (name, source) in PICTURES {
        let (source, target) = (from.join(source), to.join(format!("{name}.svg")));
        let drawn = draw(&source)?;
        if is_check {
            let kept = fs::read_to_string(&target).unwrap_or_default();
            ensure!(
                kept == drawn,
                "{} is not what the tests have; `cargo xtask screens` draws it anew",
                target.display()
            );
        } else {
            fs::write(&target, drawn)
                .with_context(|| format!("cannot write {}", target.display()))?;
            println!("{}", target.strip_prefix(root)?.display());
        }
    }
    Ok(())
}

fn draw(source: &Path) -> Result<String> {
    let text = fs::read_to_string(source)
        .with_context(|| format!("no picture in {}; run the console's tests", source.display()))?;
    let snapshot = Snapshot::parse(&text)
        .with_context(|| format!("{} is not a picture of the screen", source.display()))?;
    Ok(svg::draw(&snapshot))
}
