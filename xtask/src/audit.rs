//! `cargo xtask audit`: Cargo.lock against the `RustSec` advisory database.
//! It owns the list of accepted advisories; it never fetches a database, it is given one.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use rustsec::database::Query;
use rustsec::{Database, Lockfile, Vulnerability};
use tempfile::TempDir;

/// Names the database: a folder, or a `.tar.gz` of one.
pub const DATABASE_VARIABLE: &str = "SYSTOLE_ADVISORY_DB";

/// How an audit ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No advisory applies that is not accepted; the number of advisories compared.
    Clean(usize),
    /// Each line is one finding.
    Findings(Vec<String>),
    /// No database was named.
    Skipped(String),
}

/// Runs the task and prints what it found.
pub fn run(root: &Path) -> Result<ExitCode> {
    match audit(root)? {
        Outcome::Clean(advisories) => {
            println!("audit: clean against {advisories} advisories");
            Ok(ExitCode::SUCCESS)
        }
        Outcome::Findings(findings) => {
            for finding in &findings {
                println!("{finding}");
            }
            println!("audit: {} to mend", findings.len());
            Ok(ExitCode::FAILURE)
        }
        Outcome::Skipped(reason) => bail!("{reason}"),
    }
}

/// Audits the lock file of the checkout at `root` against the database in the environment.
pub fn audit(root: &Path) -> Result<Outcome> {
    let Some(place) = env::var_os(DATABASE_VARIABLE) else {
        let reason = format!(
            "{DATABASE_VARIABLE} is not set: name a checkout of the RustSec advisory database or a .tar.gz of one"
        );
        return Ok(Outcome::Skipped(reason));
    };
    let advisories = Advisories::open(Path::new(&place))?;
    let path = root.join("Cargo.lock");
    let lock =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let hits = advisories.hits(&lock)?;
    let mut findings = judge(&hits);
    findings.extend(needless(&hits));
    if findings.is_empty() {
        return Ok(Outcome::Clean(advisories.count()));
    }
    Ok(Outcome::Findings(findings))
}

/// An opened advisory database.
#[derive(Debug)]
pub struct Advisories {
    database: Database,
}

impl Advisories {
    /// Opens a folder, or unpacks an archive and opens what was in it.
    pub fn open(place: &Path) -> Result<Self> {
        if place.is_dir() {
            return Self::load(place);
        }
        let unpacked = unpack(place)?;
        Self::load(unpacked.path())
    }

    /// Number of advisories in it.
    pub fn count(&self) -> usize {
        self.database.iter().count()
    }

    /// What a lock file's text is guilty of, accepted advisories aside; one line each.
    pub fn findings(&self, lock: &str) -> Result<Vec<String>> {
        Ok(judge(&self.hits(lock)?))
    }

    fn load(folder: &Path) -> Result<Self> {
        let root = database_root(folder)?;
        let database = Database::open(&root)
            .with_context(|| format!("cannot read the advisories in {}", root.display()))?;
        Ok(Self { database })
    }

    /// Vulnerabilities and warnings: nothing that the database says of a crate is passed over.
    fn hits(&self, lock: &str) -> Result<Vec<Vulnerability>> {
        let lockfile: Lockfile = lock.parse().context("cannot read the lock file")?;
        let mut hits = self.database.vulnerabilities(&lockfile);
        let informational = Query::crate_scope().informational(true);
        hits.extend(self.database.query_vulnerabilities(&lockfile, &informational));
        Ok(hits)
    }
}

fn judge(hits: &[Vulnerability]) -> Vec<String> {
    let accepted = |hit: &&Vulnerability| is_accepted(hit.advisory.id.as_str());
    hits.iter().filter(|hit| !accepted(hit)).map(describe).collect()
}

/// Accepted advisories that no crate in the tree needs any more.
fn needless(hits: &[Vulnerability]) -> Vec<String> {
    let is_hit = |id: &str| hits.iter().any(|hit| hit.advisory.id.as_str() == id);
    ACCEPTED
        .iter()
        .filter(|(id, _)| !is_hit(id))
        .map(|(id, _)| {
            format!(
                "{id} applies to nothing: take it out of the accepted list in xtask/src/audit.rs"
            )
        })
        .collect()
}

fn describe(hit: &Vulnerability) -> String {
    let kind = match &hit.advisory.informational {
        Some(kind) => kind.as_str().to_owned(),
        None => "vulnerability".to_owned(),
    };
    let patched: Vec<String> = hit.versions.patched().iter().map(ToString::to_string).collect();
    let way_out = match patched.as_slice() {
        [] => "no patched version: replace the crate".to_owned(),
        versions => format!("update to {}", versions.join(" or ")),
    };
    let (id, package) = (&hit.advisory.id, &hit.package);
    format!("{id}: {kind}: {} {}: {}; {way_out}", package.name, package.version, hit.advisory.title)
}

fn is_accepted(id: &str) -> bool {
    ACCEPTED.iter().any(|(accepted, _)| *accepted == id)
}

/// The folder that holds `crates/`: the one given, or the only one within it.
fn database_root(folder: &Path) -> Result<PathBuf> {
    if folder.join("crates").is_dir() {
        return Ok(folder.to_path_buf());
    }
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let inside = entry?.path();
        if inside.join("crates").is_dir() {
            return Ok(inside);
        }
    }
    bail!("{} has no folder crates/: it is no advisory database", folder.display())
}

fn unpack(archive: &Path) -> Result<TempDir> {
    if !archive.is_file() {
        bail!("{DATABASE_VARIABLE} names {}, which is not there", archive.display());
    }
    let folder = TempDir::new().context("cannot make a temporary folder")?;
    let status = Command::new("tar")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(folder.path())
        .stdin(Stdio::null())
        .status()
        .context("cannot run tar")?;
    if !status.success() {
        bail!("tar cannot unpack {}: {status}", archive.display());
    }
    Ok(folder)
}

/// Advisories that we live with, and where the reason is written; the list may only shrink.
const ACCEPTED: &[(&str, &str)] =
    &[("RUSTSEC-2025-0141", "bincode is unmaintained: docs/adr/0001")];
