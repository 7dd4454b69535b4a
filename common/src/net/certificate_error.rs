//! What can be wrong with a program's own certificates: one plain line each, with the file and the remedy.

use std::io;
use std::path::PathBuf;

use super::identity::{Holder, IdentityError};
use crate::ids::Identity;
use crate::time::UnixMs;

/// Why certificates could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The file is not there.
    #[error("{}: no such file; make certificates with `cargo xtask certs` and copy them there, or set tls.cert, tls.key and tls.ca", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file or folder is there and cannot be read.
    #[error("{}: cannot be read ({source}); it must belong to the user that the program runs as", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder, a device, a pipe.
    #[error("{}: is not a regular file; set tls.cert and tls.key to the files themselves", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Nothing in it.
    #[error("{}: is empty; remove it and run `cargo xtask certs` again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Far larger than any certificate.
    #[error("{}: is too large to be a certificate or key; set tls.cert and tls.key to the right files", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The key is reached through a symbolic link.
    #[error("{}: the key must not be a symbolic link; put the file itself there or set tls.key to it", path.display())]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// Others may read the key.
    #[error("{}: mode {mode:04o} lets others use the key; run `chmod 600 {}`", path.display(), path.display())]
    Loose {
        /// The key.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key belongs to another user.
    #[error("{}: the key belongs to user {uid}; run `chown {own} {}`", path.display(), path.display())]
    Owner {
        /// The key.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// The user that the program runs as.
        own: u32,
    },
    /// No key inside.
    #[error("{}: holds no private key in PEM form; make one with `cargo xtask certs`", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// No certificate inside.
    #[error("{}: holds no certificate in PEM form; make one with `cargo xtask certs`", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The folder has no leaf to default to.
    #[error("{}: holds no certificate; make one with `cargo xtask certs`, or set tls.cert and tls.key", folder.display())]
    NoLeaf {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder has several leaves.
    #[error("{}: holds {count} certificates; set tls.cert and tls.key to the one that is meant", folder.display())]
    SeveralLeaves {
        /// The folder.
        folder: PathBuf,
        /// How many there are.
        count: usize,
    },
    /// The own certificate is not one of ours.
    #[error("{}: {source}", path.display())]
    Leaf {
        /// The certificate.
        path: PathBuf,
        /// What is wrong with it.
        source: IdentityError,
    },
    /// The own certificate is another kind of holder's.
    #[error("{}: is the certificate of {found}, this program needs one of {needed}; set tls.cert to a file of the folder {needed}/", path.display())]
    WrongRole {
        /// The certificate.
        path: PathBuf,
        /// Whose it is.
        found: Identity,
        /// Whose it must be.
        needed: Holder,
    },
    /// The own certificate is for the other purpose than its holder's.
    #[error("{}: is not made for {}, as that of {needed} must be; make it anew with `cargo xtask certs`", path.display(), needed.purpose())]
    WrongPurpose {
        /// The certificate.
        path: PathBuf,
        /// Whose it is.
        needed: Holder,
    },
    /// The daemon's certificate lacks its name as DNS name.
    #[error("{}: lacks the DNS name {name}, so no agent would accept it; make it anew with `cargo xtask certs --name {name}`", path.display())]
    NoDnsName {
        /// The certificate.
        path: PathBuf,
        /// The daemon's name.
        name: String,
    },
    /// Key and certificate are not a pair.
    #[error("{}: is not the key of {}; copy both files of one pair", key.display(), cert.display())]
    KeyMismatch {
        /// The certificate.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// The own certificate does not come from the CA beside it.
    #[error("{}: was not signed by {}; use certificates of one and the same `cargo xtask certs` folder", path.display(), ca.display())]
    Foreign {
        /// The certificate.
        path: PathBuf,
        /// The CA that should have signed it.
        ca: PathBuf,
    },
    /// A CA file holds something else.
    #[error("{}: holds no CA that can be trusted; copy it anew from the folder of `cargo xtask certs`", path.display())]
    BadCa {
        /// The CA file.
        path: PathBuf,
    },
    /// The own certificate has ended.
    #[error("{}: ended on {}, and it is {} now; check this machine's clock, else renew it with `cargo xtask certs`", path.display(), not_after.local(), now.local())]
    Expired {
        /// The certificate.
        path: PathBuf,
        /// When it ended.
        not_after: UnixMs,
        /// This machine's time.
        now: UnixMs,
    },
    /// The own certificate has not begun.
    #[error("{}: is valid from {}, and it is {} now; check this machine's clock", path.display(), not_before.local(), now.local())]
    NotYetValid {
        /// The certificate.
        path: PathBuf,
        /// When it begins.
        not_before: UnixMs,
        /// This machine's time.
        now: UnixMs,
    },
}

impl CertificateError {
    /// Whether time alone can mend it: `run` then says so, stays up and tries again.
    pub fn is_about_time(&self) -> bool {
        matches!(self, Self::Expired { .. } | Self::NotYetValid { .. })
    }
}
