//! Leaves that every program must refuse, one kind of fault each, for the refusal tests.
//!
//! They lie in `refusal/VARIANT/HOLDER/NAME.{crt,key}` and are made anew on each run.

use std::fmt;
use std::path::Path;

use anyhow::Result;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType};
use systole_common::ids::Identity;
use systole_common::net::identity::{Holder, Purpose};
use systole_common::time::UnixMs;

use super::authority::{Authorities, DAY, EARLY};
use super::files::Folder;
use super::{Action, Entry, Plan, Report, leaf, leaf_files};

/// What is wrong with a leaf, by intent. Everything else about it is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// It ended yesterday.
    Expired,
    /// It begins tomorrow.
    NotYetValid,
    /// A CA with the right name and another key signed it.
    WrongCa,
    /// Another role's CA signed it: operators' an agent, agents' an operator or daemon.
    WrongRole,
    /// It is a CA itself.
    CaLeaf,
    /// It has two URI names.
    TwoUris,
    /// It has no URI name.
    NoUri,
    /// It has no extended key usage.
    NoPurpose,
    /// It is for servers where it must be for clients, and the reverse.
    WrongPurpose,
    /// Its URI names another fleet.
    OtherFleet,
}

impl Variant {
    /// All variants.
    pub const ALL: [Self; 10] = [
        Self::Expired,
        Self::NotYetValid,
        Self::WrongCa,
        Self::WrongRole,
        Self::CaLeaf,
        Self::TwoUris,
        Self::NoUri,
        Self::NoPurpose,
        Self::WrongPurpose,
        Self::OtherFleet,
    ];

    /// Its folder inside `refusal/`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::WrongCa => "wrong-ca",
            Self::WrongRole => "wrong-role",
            Self::CaLeaf => "ca-leaf",
            Self::TwoUris => "two-uris",
            Self::NoUri => "no-uri",
            Self::NoPurpose => "no-purpose",
            Self::WrongPurpose => "wrong-purpose",
            Self::OtherFleet => "other-fleet",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Makes the faulty leaf of every holder in `plan`.
pub(super) fn make(
    variant: Variant,
    folder: &Folder,
    authorities: &Authorities,
    plan: &Plan,
    now: UnixMs,
    report: &mut Report,
) -> Result<()> {
    let folder = folder.inside(&Path::new("refusal").join(variant.as_str()))?;
    let foreign = match variant {
        Variant::WrongCa => Some(Authorities::ensure(&folder, &plan.fleet, now, report)?),
        _ => None,
    };
    let authorities = foreign.as_ref().unwrap_or(authorities);
    for identity in &plan.holders {
        let (from, until) = validity(variant, plan.days, now);
        let mut params = leaf::params(&plan.fleet, identity, from, until)?;
        spoil(variant, &mut params, identity)?;
        let signer = authorities.of(signer(variant, Holder::of(identity)));
        let (path, key_path) = leaf_files(folder.path(), identity);
        leaf::write(&params, signer.issuer(now)?, signer, (&path, &key_path))?;
        let note = format!("to be refused: {variant}");
        report.entries.push(Entry { path, action: Action::Made, not_after: until, note });
    }
    Ok(())
}

fn validity(variant: Variant, days: u32, now: UnixMs) -> (UnixMs, UnixMs) {
    match variant {
        Variant::Expired => (now.minus(DAY * 30), now.minus(DAY)),
        Variant::NotYetValid => (now.plus(DAY), now.plus(DAY * 30)),
        _ => (now.minus(EARLY), now.plus(DAY * days)),
    }
}

fn signer(variant: Variant, holder: Holder) -> Holder {
    match (variant, holder) {
        (Variant::WrongRole, Holder::Agent) => Holder::Operator,
        (Variant::WrongRole, Holder::Daemon | Holder::Operator) => Holder::Agent,
        (_, holder) => holder,
    }
}

fn spoil(variant: Variant, params: &mut CertificateParams, identity: &Identity) -> Result<()> {
    let is_uri = |name: &SanType| matches!(name, SanType::URI(_));
    match variant {
        Variant::Expired | Variant::NotYetValid | Variant::WrongCa | Variant::WrongRole => {}
        Variant::CaLeaf => {
            params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        }
        Variant::TwoUris => {
            let second = "spiffe://systole/operator/admin/second".try_into()?;
            params.subject_alt_names.push(SanType::URI(second));
        }
        Variant::NoUri => params.subject_alt_names.retain(|name| !is_uri(name)),
        Variant::NoPurpose => params.extended_key_usages.clear(),
        Variant::WrongPurpose => {
            params.extended_key_usages = vec![match Holder::of(identity).purpose() {
                Purpose::Client => ExtendedKeyUsagePurpose::ServerAuth,
                Purpose::Server => ExtendedKeyUsagePurpose::ClientAuth,
            }];
        }
        Variant::OtherFleet => {
            params.subject_alt_names.retain(|name| !is_uri(name));
            let uri = identity.uri(&"another-fleet".parse()?);
            params.subject_alt_names.push(SanType::URI(uri.try_into()?));
        }
    }
    Ok(())
}
