//! Offered files: the states that an offer goes through, and which names may be saved.

use crate::coded_enum;
use crate::text::is_hidden;

/// Longest name of a file, in bytes: what Linux file systems take.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// Bytes of a chunk of a file on the wire; the last one may be shorter.
pub const CHUNK_BYTES: u32 = 1024 * 1024;
/// Bytes of a BLAKE3 hash.
pub const HASH_BYTES: usize = 32;

coded_enum!(
    /// Where an offer is in its life.
    FileState {
        /// It waits for a decision.
        Offered = 1, "offered";
        /// Wanted; no byte has come yet.
        Accepted = 2, "accepted";
        /// Not wanted; no byte comes.
        Rejected = 3, "rejected";
        /// Bytes come.
        Receiving = 4, "receiving";
        /// Whole, its hash is right, and it has its name.
        Verified = 5, "verified";
        /// It could not be transferred.
        Failed = 6, "failed";
        /// Nobody decided in time.
        Expired = 7, "expired";
        /// Its sender took it back.
        Withdrawn = 8, "withdrawn";
    }
);

impl FileState {
    /// Whether something can still happen to it.
    pub fn is_open(self) -> bool {
        match self {
            Self::Offered | Self::Accepted | Self::Receiving => true,
            Self::Rejected | Self::Verified | Self::Failed | Self::Expired | Self::Withdrawn => {
                false
            }
        }
    }
}

/// Why a name may not be saved under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// There is none.
    #[error("bad name: it is empty")]
    Empty,
    /// Too long for a file system.
    #[error("bad name: it has more than {FILE_NAME_BYTES_MAX} bytes")]
    TooLong,
    /// It names a folder, not a file in it.
    #[error("bad name: it is not a single name but a path or a folder")]
    Path,
    /// Something in it cannot be seen.
    #[error("bad name: it has characters that cannot be seen")]
    Hidden,
    /// Programs take it for something else.
    #[error("bad name: programs may take it for an option, a device or another name")]
    Mistakable,
}

/// Names that some systems take for devices, in any case and with any extension.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// Whether a file may be saved as `name`: one plain component of a path, the same to every program.
pub fn check_name(name: &str) -> Result<(), BadName> {
    if name.is_empty() {
        return Err(BadName::Empty);
    }
    if name.len() > FILE_NAME_BYTES_MAX {
        return Err(BadName::TooLong);
    }
    if name.contains(['/', '\\']) || name == "." || name == ".." {
        return Err(BadName::Path);
    }
    if name.chars().any(is_hidden) {
        return Err(BadName::Hidden);
    }
    let stem = name.split('.').next().unwrap_or_default().to_lowercase();
    let is_odd = name.starts_with(['-', '~', ' ']) || name.ends_with(['.', ' ']);
    if is_odd || name.trim() != name || DEVICES.contains(&stem.as_str()) {
        return Err(BadName::Mistakable);
    }
    Ok(())
}

/// A hash as people read it, 64 digits.
pub fn hash_text(hash: &[u8; HASH_BYTES]) -> String {
    use std::fmt::Write as _;
    hash.iter().fold(String::with_capacity(2 * HASH_BYTES), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_single_plain_names_are_taken() {
        let long = "x".repeat(255);
        for good in ["core.dump.zst", "a", ".bashrc", "résumé 2.pdf", "a-b~c", "日本.txt", &long]
        {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let longer = "x".repeat(256);
        for (bad, why) in [
            ("", BadName::Empty),
            (longer.as_str(), BadName::TooLong),
            (".", BadName::Path),
            ("..", BadName::Path),
            ("../x", BadName::Path),
            ("/etc/x", BadName::Path),
            ("a/../../x", BadName::Path),
            ("..\\x", BadName::Path),
            (".ssh/authorized_keys", BadName::Path),
            ("a\0", BadName::Hidden),
            ("a\nb", BadName::Hidden),
            ("a\u{1b}[2J", BadName::Hidden),
            ("a\u{202e}gpj", BadName::Hidden),
            ("a\u{200b}b", BadName::Hidden),
            ("-rf", BadName::Mistakable),
            ("a.", BadName::Mistakable),
            ("a ", BadName::Mistakable),
            (" a", BadName::Mistakable),
            ("CON", BadName::Mistakable),
            ("nul.txt", BadName::Mistakable),
        ] {
            assert_eq!(check_name(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn hashes_are_shown_as_digits() {
        assert_eq!(hash_text(&[0xa5; 32]), "a5".repeat(32));
    }
}
