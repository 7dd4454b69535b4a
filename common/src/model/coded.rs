//! Closed lists with a stable code for the wire and a stable name for people and JSON.
//!
//! Codes and names are a contract: append, never renumber, never rename.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A closed list whose members have a code and a name.
pub trait Coded: Copy + Eq + Sized + 'static {
    /// Every member, in the order of their codes.
    const ALL: &'static [Self];

    /// The code on the wire and in `state.db`.
    fn code(self) -> u16;

    /// The name in JSON, in commands and on screens.
    fn as_str(self) -> &'static str;

    /// The member with `code`, if this program knows it.
    fn from_code(code: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|member| member.code() == code)
    }

    /// The member with `name`.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|member| member.as_str() == name)
    }
}

/// Declares a [`Coded`] enum: `Variant = code, "name"` with a doc comment each.
#[macro_export]
macro_rules! coded_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $crate::model::coded::Coded for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn code(self) -> u16 {
                match self { $(Self::$variant => $code,)+ }
            }

            fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad($crate::model::coded::Coded::as_str(*self))
            }
        }
    };
}

/// A member of a list that may have grown since this program was built. Travels as a `u16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Growing<T> {
    /// A member that this program knows.
    Known(T),
    /// The code of a member that a newer program sent.
    Unknown(u16),
}

impl<T: Coded> Growing<T> {
    /// The member, if this program knows it.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(member) => Some(member),
            Self::Unknown(_) => None,
        }
    }

    /// The code, known or not.
    pub fn code(self) -> u16 {
        match self {
            Self::Known(member) => member.code(),
            Self::Unknown(code) => code,
        }
    }

    /// The member with `code`, or the code itself.
    pub fn from_code(code: u16) -> Self {
        T::from_code(code).map_or(Self::Unknown(code), Self::Known)
    }
}

impl<T> From<T> for Growing<T> {
    fn from(member: T) -> Self {
        Self::Known(member)
    }
}

impl<T: Coded> fmt::Display for Growing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(member) => f.pad(member.as_str()),
            Self::Unknown(code) => f.pad(&format!("unknown-{code}")),
        }
    }
}

impl<T: Coded> Serialize for Growing<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.code())
    }
}

impl<'de, T: Coded> Deserialize<'de> for Growing<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u16::deserialize(deserializer).map(Self::from_code)
    }
}
