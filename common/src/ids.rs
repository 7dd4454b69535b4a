//! Names and numbers that identify things, each its own type, valid by construction.
//!
//! Identity comes from a certificate's URI SAN ([`Identity::parse_uri`]), never from a message.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest host, daemon, operator or fleet name, in bytes.
pub const NAME_BYTES_MAX: usize = 63;

/// Why a name or identity was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The name breaks the rule for names.
    #[error(
        "{what} {given:?} is not valid: use 1 to 63 of a-z, 0-9, '.', '-', not starting with '.' or '-'"
    )]
    Name {
        /// What kind of name it is.
        what: &'static str,
        /// The text as given, shortened.
        given: String,
    },
    /// The role is not one of the three.
    #[error("role {given:?} is not one of viewer, operator, admin")]
    Role {
        /// The text as given, shortened.
        given: String,
    },
    /// The URI is not of the form that Systole issues.
    #[error(
        "identity {given:?} is not of the form spiffe://FLEET/daemon/NAME, spiffe://FLEET/agent/HOST or spiffe://FLEET/operator/ROLE/NAME"
    )]
    Uri {
        /// The text as given, shortened.
        given: String,
    },
}

fn shortened(text: &str) -> String {
    text.chars().take(2 * NAME_BYTES_MAX).collect()
}

fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    !text.is_empty()
        && text.len() <= NAME_BYTES_MAX
        && text.bytes().all(allowed)
        && !text.starts_with(['.', '-'])
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_name(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError::Name { what: $what, given: shortened(text) })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name_type!(
    /// A host: the name in its agent certificate. A new name is a new host.
    HostId,
    "host name"
);
name_type!(
    /// A daemon: its TLS name and the name in its URI SAN.
    DaemonName,
    "daemon name"
);
name_type!(
    /// A person or script with an operator certificate.
    OperatorName,
    "operator name"
);
name_type!(
    /// The fleet that all certificates of one installation share.
    FleetName,
    "fleet name"
);

/// What an operator certificate allows. Each role includes the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Every query and the feed.
    Viewer,
    /// Also acknowledges, resolves, talks, silences and decides on files.
    Operator,
    /// Also retires hosts and changes settings.
    Admin,
}

impl Role {
    /// All roles, least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The role's name in certificates, JSON and commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| IdError::Role { given: shortened(text) })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who a verified certificate says its holder is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// A monitor daemon.
    Daemon(DaemonName),
    /// The agent of a host.
    Agent(HostId),
    /// An operator with a role.
    Operator(Role, OperatorName),
}

impl Identity {
    /// The URI SAN of this identity in `fleet`.
    pub fn uri(&self, fleet: &FleetName) -> String {
        match self {
            Self::Daemon(name) => format!("spiffe://{fleet}/daemon/{name}"),
            Self::Agent(host) => format!("spiffe://{fleet}/agent/{host}"),
            Self::Operator(role, name) => format!("spiffe://{fleet}/operator/{role}/{name}"),
        }
    }

    /// Reads a URI SAN. Anything but exactly one of the three forms is refused.
    pub fn parse_uri(uri: &str) -> Result<(FleetName, Self), IdError> {
        let refused = || IdError::Uri { given: shortened(uri) };
        let rest = uri.strip_prefix("spiffe://").ok_or_else(refused)?;
        let parts: Vec<&str> = rest.split('/').take(5).collect();
        let identity = match parts.as_slice() {
            [_, "daemon", name] => Self::Daemon(name.parse().map_err(|_| refused())?),
            [_, "agent", host] => Self::Agent(host.parse().map_err(|_| refused())?),
            [_, "operator", role, name] => Self::Operator(
                role.parse().map_err(|_| refused())?,
                name.parse().map_err(|_| refused())?,
            ),
            _ => return Err(refused()),
        };
        let fleet = parts.first().and_then(|fleet| fleet.parse().ok()).ok_or_else(refused)?;
        Ok((fleet, identity))
    }

    /// `daemon`, `agent` or `operator`: the folder and the issuing CA of its certificate.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Daemon(_) => "daemon",
            Self::Agent(_) => "agent",
            Self::Operator(..) => "operator",
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daemon(name) => write!(f, "daemon {name}"),
            Self::Agent(host) => write!(f, "agent {host}"),
            Self::Operator(role, name) => write!(f, "{role} {name}"),
        }
    }
}

macro_rules! number_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_type!(
    /// One start of a program: random, so that a restart and a clone are both seen.
    InstanceId
);
number_type!(
    /// One life of an agent's spool folder: random, made with the folder.
    SpoolEpoch
);
number_type!(
    /// A daemon's number for one incident, never reused.
    AlertId
);
number_type!(
    /// A daemon's number for one connection since its start; never on the wire.
    ConnectionId
);

/// One boot of a host's kernel, from `/proc/sys/kernel/random/boot_id`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct BootId(pub [u8; 16]);

impl BootId {
    /// Reads the kernel's form, 32 hexadecimal digits with dashes; all zero if it is anything else.
    pub fn parse(text: &str) -> Self {
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        if digits.len() != 32 {
            return Self::default();
        }
        Self(u128::from_str_radix(&digits, 16).unwrap_or(0).to_be_bytes())
    }

    /// The first eight bytes, which each heartbeat repeats.
    pub fn short(self) -> u64 {
        u64::try_from(u128::from_be_bytes(self.0) >> 64).unwrap_or(0)
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_follow_the_rule() {
        for good in ["a", "web-1", "web-1.example.org", "0", &"x".repeat(63)] {
            assert!(good.parse::<HostId>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "A", "a_b", "a/b", "ä", "a b", "a\n", &"x".repeat(64)] {
            assert!(bad.parse::<HostId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn identities_have_exactly_three_forms() {
        let fleet: FleetName = "systole".parse().unwrap();
        for uri in [
            "spiffe://systole/daemon/mon-1",
            "spiffe://systole/agent/web-1",
            "spiffe://systole/operator/admin/alex",
        ] {
            let (found, identity) = Identity::parse_uri(uri).unwrap();
            assert_eq!((found, identity.uri(&fleet).as_str()), (fleet.clone(), uri));
        }
        for uri in [
            "",
            "spiffe://",
            "spiffe://systole/agent",
            "spiffe://systole/agent/",
            "spiffe://systole/agent/a/b",
            "spiffe://systole/operator/alex",
            "spiffe://systole/operator/root/alex",
            "spiffe://systole/operator/admin/alex/more",
            "spiffe:///agent/a",
            "http://systole/agent/a",
            "spiffe://systole/agent/../operator/admin/x",
        ] {
            assert!(Identity::parse_uri(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn boot_ids_read_the_kernel_form_and_survive_others() {
        let id = BootId::parse("0f0e0d0c-0b0a-0908-0706-050403020100\n");
        assert_eq!(id.short(), 0x0f0e_0d0c_0b0a_0908);
        assert_eq!(BootId::parse("none"), BootId::default());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in ".{0,200}") {
            let _ = Identity::parse_uri(&text);
            let _ = BootId::parse(&text);
        }
    }
}
