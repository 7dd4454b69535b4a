//! Makes the socket file: mode 0660, the group `systole` if there is one, never a running agent's.
//!
//! It is made under another name and renamed, so that it is never there with the wrong rights. What
//! a dead agent left is replaced.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process;

use systole_common::exit::Exit;
use tracing::debug;

use crate::shell::host::text_of;

/// The group whose members may use the socket.
const GROUP: &str = "systole";
/// Owner and group may use it.
const MODE: u32 = 0o660;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// An agent answers on it.
    #[error("{}: an agent is already running here; stop it, or set socket to another path", path.display())]
    AlreadyRunning {
        /// The socket.
        path: PathBuf,
    },
    /// Something else is in its place.
    #[error("{}: is not a socket and is left alone; remove it, or set socket to another path", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// It cannot be made.
    #[error("{}: cannot be made ({source}); its folder must belong to the agent's user, or set socket to another path", path.display())]
    Unusable {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl SocketError {
    /// How the program ends.
    pub fn exit(&self) -> Exit {
        Exit::Failed
    }
}

/// The socket, which goes away with this value.
#[derive(Debug)]
pub struct LocalSocket {
    path: PathBuf,
    listener: UnixListener,
}

impl LocalSocket {
    /// Makes the socket at `path`, and the folder that it is in.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let unusable = |source| SocketError::Unusable { path: path.to_owned(), source };
        refuse_living(path)?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(unusable)?;
        let fresh = folder.join(format!(".{}", process::id()));
        let listener = place(&fresh, path).map_err(|source| {
            let _ = fs::remove_file(&fresh);
            unusable(source)
        })?;
        Ok(Self { path: path.to_owned(), listener })
    }

    /// The listener, for the runtime that accepts on it.
    pub fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            debug!(path = %self.path.display(), %error, "the socket cannot be removed");
        }
    }
}

fn refuse_living(path: &Path) -> Result<(), SocketError> {
    match path.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(found) if !found.file_type().is_socket() => {
            Err(SocketError::NotASocket { path: path.to_owned() })
        }
        Ok(_) => match UnixStream::connect(path) {
            Ok(_) => Err(SocketError::AlreadyRunning { path: path.to_owned() }),
            Err(_) => Ok(()),
        },
    }
}

fn place(fresh: &Path, path: &Path) -> io::Result<UnixListener> {
    let _ = fs::remove_file(fresh);
    let listener = UnixListener::bind(fresh)?;
    fs::set_permissions(fresh, Permissions::from_mode(MODE))?;
    let group = text_of(Path::new("/etc/group")).ok().and_then(|text| group_id(&text, GROUP));
    if let Some(group) = group
        && let Err(error) = chown(fresh, None, Some(group))
    {
        debug!(%error, group = GROUP, "the socket keeps the agent's own group");
    }
    listener.set_nonblocking(true)?;
    fs::rename(fresh, path)?;
    Ok(listener)
}

fn group_id(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_and_group_may_use_it_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("systole/agent.sock");
        let socket = LocalSocket::bind(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn a_running_agent_is_left_alone_and_a_dead_ones_socket_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        let socket = LocalSocket::bind(&path).unwrap();
        let error = LocalSocket::bind(&path).unwrap_err();
        assert!(error.to_string().contains("already running"), "{error}");
        std::mem::forget(socket.listener.try_clone());
        drop(socket);
        let dead = UnixListener::bind(&path).unwrap();
        drop(dead);
        assert!(path.exists());
        assert!(LocalSocket::bind(&path).is_ok());
    }

    #[test]
    fn what_is_no_socket_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(LocalSocket::bind(&path), Err(SocketError::NotASocket { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn groups_are_found_by_their_whole_name() {
        let text = "root:x:0:\nsystole-x:x:7:\nsystole:x:123:alex\n";
        assert_eq!(group_id(text, "systole"), Some(123));
        assert_eq!(group_id(text, "nobody"), None);
        assert_eq!(group_id("systole\nsystole:x:abc:\n", "systole"), None);
    }
}
