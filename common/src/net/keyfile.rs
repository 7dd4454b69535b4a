//! Reads certificate and key files, and refuses a key that anybody else could read or swap.
//!
//! The open file itself is judged, not its path, so that nothing can change in between.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::certificates::CertificateError;
use super::limits::PEM_FILE_BYTES_MAX;

/// Reads a private key. Symbolic links, loose modes and foreign owners are refused.
pub(super) fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let listed = path.symlink_metadata().map_err(|source| unopened(path, source))?;
    if listed.is_symlink() {
        return Err(CertificateError::Symlink { path: path.into() });
    }
    let (file, metadata) = open(path, OFlags::NOFOLLOW)?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(CertificateError::Loose { path: path.into(), mode });
    }
    let own = rustix::process::geteuid().as_raw();
    if metadata.uid() != 0 && metadata.uid() != own {
        return Err(CertificateError::Owner { path: path.into(), uid: metadata.uid(), own });
    }
    let pem = contents(path, file)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| CertificateError::NoKey { path: path.into() })
}

/// Reads all certificates of a file; at least one.
pub(super) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let (file, _) = open(path, OFlags::empty())?;
    let pem = contents(path, file)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) | Err(_) => Err(CertificateError::NoCertificate { path: path.into() }),
    }
}

fn open(path: &Path, extra: OFlags) -> Result<(File, Metadata), CertificateError> {
    let flags = OFlags::NONBLOCK.union(extra).bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags).unwrap_or(0))
        .open(path)
        .map_err(|source| unopened(path, source))?;
    let metadata = file.metadata().map_err(|source| unopened(path, source))?;
    if !metadata.is_file() {
        return Err(CertificateError::NotAFile { path: path.into() });
    }
    match metadata.len() {
        0 => Err(CertificateError::Empty { path: path.into() }),
        1..=PEM_FILE_BYTES_MAX => Ok((file, metadata)),
        _ => Err(CertificateError::TooLarge { path: path.into() }),
    }
}

fn contents(path: &Path, file: File) -> Result<Vec<u8>, CertificateError> {
    let mut bytes = Vec::new();
    file.take(PEM_FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|source| unopened(path, source))?;
    Ok(bytes)
}

fn unopened(path: &Path, source: io::Error) -> CertificateError {
    if source.kind() == io::ErrorKind::NotFound {
        CertificateError::Missing { path: path.into() }
    } else {
        CertificateError::Unreadable { path: path.into(), source }
    }
}
