//! `cargo xtask certs`: a root, an issuing CA for each kind of holder, and the leaves that are asked for.
//!
//! Idempotent: a CA is never overwritten, a leaf only when it no longer serves. [`issue`] is the same
//! as a function, for the demo and for tests. Nothing here is part of the shipped programs.

mod authority;
mod files;
mod leaf;
mod profiles;
mod variants;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, ensure};
use systole_common::ids::{DaemonName, FleetName, HostId, Identity, OperatorName, Role};
use systole_common::net::identity::Holder;
use systole_common::time::UnixMs;

use self::authority::Authorities;
use self::files::Folder;
pub use self::variants::Variant;
use crate::workspace;

/// Days that a leaf is valid if nothing else is said.
pub const DAYS_DEFAULT: u32 = 397;
/// Most days that a leaf may be valid: the life of its CA.
pub const DAYS_MAX: u32 = 3_650;
/// A leaf that ends within so many days is made anew.
const RENEW_DAYS: u32 = 14;

/// Makes the certificates of a fleet.
#[derive(Debug, Clone, clap::Args)]
pub struct CertsArgs {
    /// Folder for everything that is made [default: the workspace's certs/]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Name of the fleet, part of every identity [default: as in profiles.toml]
    #[arg(long)]
    fleet: Option<FleetName>,
    /// A daemon; without any name profiles.toml says who gets what
    #[arg(long = "name", value_name = "N", num_args = 1..)]
    names: Vec<DaemonName>,
    /// A host with an agent
    #[arg(long = "agent", value_name = "HOST", num_args = 1..)]
    agents: Vec<HostId>,
    /// An operator and their role: viewer, operator or admin
    #[arg(long = "operator", value_name = "NAME:ROLE", num_args = 1.., value_parser = operator)]
    operators: Vec<(OperatorName, Role)>,
    /// Days that a leaf is valid [default: as in profiles.toml]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(DAYS_MAX)))]
    days: Option<u32>,
    /// Also make leaves that have ended, in refusal/expired/
    #[arg(long)]
    expired: bool,
    /// Also make leaves that begin tomorrow, in refusal/not-yet-valid/
    #[arg(long)]
    not_yet_valid: bool,
    /// Also make leaves of a CA that nobody trusts, in refusal/wrong-ca/
    #[arg(long)]
    wrong_ca: bool,
    /// Also make leaves signed by another role's CA, in refusal/wrong-role/
    #[arg(long)]
    wrong_role: bool,
    /// Also make every kind of leaf that must be refused, in refusal/
    #[arg(long)]
    refusals: bool,
}

/// What is to exist when [`issue`] is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The folder; made if it is not there.
    pub out: PathBuf,
    /// The fleet in every identity.
    pub fleet: FleetName,
    /// Whose leaves are to exist.
    pub holders: Vec<Identity>,
    /// Days that a new leaf is valid.
    pub days: u32,
    /// Kinds of leaves that must be refused, made for every holder.
    pub refusals: BTreeSet<Variant>,
}

impl Plan {
    /// A plan without holders; add them to [`Self::holders`].
    pub fn new(out: impl Into<PathBuf>, fleet: FleetName) -> Self {
        Self {
            out: out.into(),
            fleet,
            holders: Vec::new(),
            days: DAYS_DEFAULT,
            refusals: BTreeSet::new(),
        }
    }
}

/// What happened to one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was not there.
    Made,
    /// It was there and no longer served.
    Renewed,
    /// It was there and serves.
    Kept,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Made => "made",
            Self::Renewed => "renewed",
            Self::Kept => "kept",
        })
    }
}

/// One certificate of a [`Report`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its file.
    pub path: PathBuf,
    /// What happened to it.
    pub action: Action,
    /// Last instant of its validity.
    pub not_after: UnixMs,
    /// Why it was renewed, or what is wrong with it by intent; empty otherwise.
    pub note: String,
}

/// What [`issue`] made and kept, in the order of the files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Every certificate of the plan.
    pub entries: Vec<Entry>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width =
            self.entries.iter().map(|entry| entry.path.as_os_str().len()).max().unwrap_or(0);
        for entry in &self.entries {
            let until = entry.not_after.local();
            write!(f, "{:<8} {:<width$}  until {until}", entry.action, entry.path.display())?;
            match entry.note.as_str() {
                "" => writeln!(f)?,
                note => writeln!(f, "  ({note})")?,
            }
        }
        Ok(())
    }
}

/// Runs `cargo xtask certs` and prints what it made and kept.
pub fn run(args: &CertsArgs) -> Result<()> {
    print!("{}", issue(&plan(args)?)?);
    Ok(())
}

/// Makes what `plan` asks for and is not there or no longer serves.
pub fn issue(plan: &Plan) -> Result<Report> {
    let elapsed =
        SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    issue_at(plan, UnixMs(i64::try_from(elapsed.as_millis())?))
}

/// [`issue`] at a given time.
fn issue_at(plan: &Plan, now: UnixMs) -> Result<Report> {
    ensure!((1..=DAYS_MAX).contains(&plan.days), "days must be 1 to {DAYS_MAX}");
    let folder = Folder::open(&plan.out)?;
    let mut report = Report::default();
    let authorities = Authorities::ensure(&folder, &plan.fleet, now, &mut report)?;
    for identity in &plan.holders {
        report.entries.push(leaf::ensure(&folder, &authorities, identity, plan.days, now)?);
    }
    for variant in &plan.refusals {
        variants::make(*variant, &folder, &authorities, plan, now, &mut report)?;
    }
    Ok(report)
}

/// The files of `identity`'s leaf below `out`: certificate and key.
pub fn leaf_files(out: &Path, identity: &Identity) -> (PathBuf, PathBuf) {
    let name = match identity {
        Identity::Daemon(name) => name.as_str(),
        Identity::Agent(host) => host.as_str(),
        Identity::Operator(_, name) => name.as_str(),
    };
    let folder = out.join(Holder::of(identity).as_str());
    (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")))
}

fn plan(args: &CertsArgs) -> Result<Plan> {
    let out = match &args.out {
        Some(out) => out.clone(),
        None => workspace::root()?.join("certs"),
    };
    let profiles = profiles::load(&out.join("profiles.toml"))?;
    let mut holders: Vec<Identity> = args.names.iter().cloned().map(Identity::Daemon).collect();
    holders.extend(args.agents.iter().cloned().map(Identity::Agent));
    holders
        .extend(args.operators.iter().map(|(name, role)| Identity::Operator(*role, name.clone())));
    if holders.is_empty() {
        holders = profiles.holders;
    }
    Ok(Plan {
        out,
        fleet: args.fleet.clone().unwrap_or(profiles.fleet),
        holders,
        days: args.days.unwrap_or(profiles.days),
        refusals: refusals(args),
    })
}

fn refusals(args: &CertsArgs) -> BTreeSet<Variant> {
    let asked = |variant: &Variant| match variant {
        Variant::Expired => args.expired,
        Variant::NotYetValid => args.not_yet_valid,
        Variant::WrongCa => args.wrong_ca,
        Variant::WrongRole => args.wrong_role,
        Variant::CaLeaf
        | Variant::TwoUris
        | Variant::NoUri
        | Variant::NoPurpose
        | Variant::WrongPurpose
        | Variant::OtherFleet => false,
    };
    Variant::ALL.into_iter().filter(|variant| args.refusals || asked(variant)).collect()
}

fn operator(text: &str) -> Result<(OperatorName, Role)> {
    let (name, role) = text
        .split_once(':')
        .ok_or_else(|| anyhow!("{text:?} is not NAME:ROLE, as in oncall:operator"))?;
    Ok((name.parse()?, role.parse()?))
}
